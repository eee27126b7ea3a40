//! Filling in what a call tree alone cannot say.

use std::collections::BTreeMap;

use portcullis_types::{
    evidence::{Evidence, WriteAfter},
    ids::ChainId,
    wire::{Prestate, WireBlock, WireTransaction},
};

use super::{Replayer, apply_parent_hash, execute::Executor};
use crate::error::SimulateError;

/// Executes one transaction again over the answer of `prestateTracer` (without `diffMode`), to say of each re-entry in
/// `evidence` what was written after it. Does nothing if nothing is unknown.
///
/// # Errors
/// [`SimulateError::Incomplete`] if the state lacks something, [`SimulateError::Inconsistent`] if the execution takes
/// another way than `evidence` says. In both cases `evidence` is as it was.
pub fn complete_reentries(
    evidence: &mut Evidence,
    transaction: &WireTransaction,
    block: &WireBlock,
    chain_id: ChainId,
    prestate: &Prestate,
) -> Result<(), SimulateError> {
    if !evidence.reentries.iter().any(|reentry| reentry.write_after == WriteAfter::Unknown) {
        return Ok(());
    }
    let mut replayer = Replayer::new(chain_id);
    replayer.load(prestate, &BTreeMap::new())?;
    let hardfork = replayer.hardfork_of(block);
    let mut state = replayer.state.take().ok_or_else(super::no_state)?;
    apply_parent_hash(&mut state, hardfork, block);
    let mut executor = Executor::new(&mut state, chain_id, hardfork, block)?;
    let mut ran = executor.run(transaction)?;
    let again = executor.evidence(evidence.index, transaction, &mut ran)?;
    let same_way = again.hash == evidence.hash
        && again.call_tree_hash == evidence.call_tree_hash
        && again.reentries.len() == evidence.reentries.len();
    if !same_way {
        return Err(SimulateError::inconsistent(format!(
            "transaction {} takes another way on the given state than its trace says",
            evidence.hash
        )));
    }
    for (reentry, seen) in evidence.reentries.iter_mut().zip(again.reentries) {
        reentry.write_after = seen.write_after;
    }
    Ok(())
}
