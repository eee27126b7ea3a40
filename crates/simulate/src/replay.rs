//! Road (b): executing a block again over the state before it.
//!
//! What is not applied: block rewards, uncle rewards and withdrawals (no transaction of the block can see the ones that
//! come at its end) and the DAO fork's transfer at block 1,920,000. Of the system calls that precede a block, the one
//! of EIP-2935 (hash of the parent) is applied from Prague on where the state holds its contract. That of EIP-4788
//! (beacon root) is not, because the wire form of a block does not hold the root: a transaction that asks for the root
//! of its own block's time sees the state before. Gas and logs are checked against the receipts and the header, so that
//! such a difference is an error and not wrong Evidence.

mod base;
mod complete;
mod execute;
mod inspect;

use std::{collections::BTreeMap, sync::Arc};

use alloy_primitives::{B256, U256};
use portcullis_types::{
    evidence::{Evidence, Log},
    ids::ChainId,
    wire::{BlockMaterial, Prestate, TracedTransaction, WireBlock, WireReceipt},
};
use revm::{DatabaseRef, database::CacheDB};

use crate::{
    error::SimulateError,
    logs,
    rules::{self, Hardfork},
};
use base::Base;
use execute::{Executed, Executor};

pub use base::MissingState;
pub use complete::complete_reentries;

pub(crate) use base::Missing;

/// The state that a replayer stands on: what was given, and what execution made of it.
pub(crate) type State = CacheDB<Arc<Base>>;

/// Executes blocks of one chain, one after the other.
#[derive(Debug)]
pub struct Replayer {
    chain_id: ChainId,
    hardfork: Option<Hardfork>,
    missing: MissingState,
    state: Option<State>,
}

impl Replayer {
    /// A replayer without state, with the rules of `chain_id`.
    pub fn new(chain_id: ChainId) -> Self {
        Self { chain_id, hardfork: None, missing: MissingState::default(), state: None }
    }

    /// The same with these rules for every block.
    #[must_use]
    pub fn with_hardfork(self, hardfork: Hardfork) -> Self {
        Self { hardfork: Some(hardfork), ..self }
    }

    /// The same with another meaning of state that was not given. It holds for state loaded afterwards.
    #[must_use]
    pub fn with_missing(self, missing: MissingState) -> Self {
        Self { missing, ..self }
    }

    /// What state that was not given means.
    pub fn missing(&self) -> MissingState {
        self.missing
    }

    /// Replaces the state.
    ///
    /// # Errors
    /// [`SimulateError::Incomplete`] if an account names code that is not there; the state before is kept.
    pub fn load(
        &mut self,
        prestate: &Prestate,
        block_hashes: &BTreeMap<u64, B256>,
    ) -> Result<(), SimulateError> {
        let base = Base::new(prestate, block_hashes, self.missing)?;
        self.state = Some(CacheDB::new(Arc::new(base)));
        Ok(())
    }

    /// Executes a block over the state, or over that of `material` if it holds one, and keeps what it changed.
    ///
    /// # Errors
    /// [`SimulateError::Incomplete`] if state is missing, [`SimulateError::Inconsistent`] if a transaction cannot be
    /// executed or if gas, success or logs differ from what receipts and header say. After an error the state is gone:
    /// it must be loaded again, because it stands in the middle of a block.
    pub fn execute_block(
        &mut self,
        material: &BlockMaterial,
    ) -> Result<Vec<Evidence>, SimulateError> {
        let executed = self.run(material)?;
        Ok(executed.into_iter().map(|transaction| transaction.evidence).collect())
    }

    /// Executes a block and returns `material` with the receipts, traces and diffs that a node would have given.
    ///
    /// # Errors
    /// Those of [`Replayer::execute_block`].
    pub fn record_block(
        &mut self,
        material: &BlockMaterial,
    ) -> Result<BlockMaterial, SimulateError> {
        let mut recorded = material.clone();
        let (mut receipts, mut traces, mut diffs) = (Vec::new(), Vec::new(), Vec::new());
        for transaction in self.run(material)? {
            let hash = Some(transaction.evidence.hash);
            receipts.push(transaction.receipt());
            traces.push(traced(hash, transaction.trace));
            diffs.push(traced(hash, transaction.diff));
        }
        recorded.receipts = Some(receipts);
        recorded.traces = Some(traces);
        recorded.state_diffs = Some(diffs);
        Ok(recorded)
    }

    fn run(&mut self, material: &BlockMaterial) -> Result<Vec<Executed>, SimulateError> {
        if material.chain_id != self.chain_id {
            let (this, that) = (self.chain_id, material.chain_id);
            return Err(SimulateError::inconsistent(format!(
                "a block of chain {that} was given to the replayer of chain {this}"
            )));
        }
        if let Some(prestate) = &material.prestate {
            self.load(prestate, &material.block_hashes)?;
        }
        // Taken out, and put back only if all went well.
        let mut state = self.state.take().ok_or_else(no_state)?;
        let block = &material.block;
        for (number, hash) in &material.block_hashes {
            state.cache.block_hashes.insert(U256::from(*number), *hash);
        }
        let hardfork = self.hardfork_of(block);
        apply_parent_hash(&mut state, hardfork, block);
        let mut executor = Executor::new(&mut state, self.chain_id, hardfork, block)?;
        let mut executed = Vec::with_capacity(block.transactions.len());
        for (index, transaction) in (0u32..).zip(&block.transactions) {
            executed.push(executor.execute(index, transaction)?);
        }
        check_receipts(material, &executed)?;
        check_header(block, &executed)?;
        self.state = Some(state);
        Ok(executed)
    }

    pub(crate) fn hardfork_of(&self, block: &WireBlock) -> Hardfork {
        let (number, timestamp) = (block.number.to(), block.timestamp.to());
        self.hardfork.unwrap_or_else(|| Hardfork::of_block(self.chain_id, number, timestamp))
    }

    pub(crate) fn chain_id(&self) -> ChainId {
        self.chain_id
    }

    pub(crate) fn state(&self) -> Result<&State, SimulateError> {
        self.state.as_ref().ok_or_else(no_state)
    }
}

fn no_state() -> SimulateError {
    SimulateError::incomplete("no state is loaded")
}

fn traced<T>(tx_hash: Option<B256>, result: T) -> TracedTransaction<T> {
    TracedTransaction { tx_hash, result: Some(result), error: None }
}

/// The hash of the parent, for the opcode and, from Prague on, for the contract of EIP-2935.
fn apply_parent_hash(state: &mut State, hardfork: Hardfork, block: &WireBlock) {
    let number = block.number.to::<u64>();
    let Some(parent) = number.checked_sub(1) else { return };
    let parent = U256::from(parent);
    state.cache.block_hashes.insert(parent, block.parent_hash);
    let has_contract = matches!(state.basic_ref(rules::HISTORY), Ok(Some(account)) if !account.is_empty_code_hash());
    if hardfork >= Hardfork::Prague && has_contract {
        let slot = rules::parent_hash_slot(number);
        let stored =
            state.insert_account_storage(rules::HISTORY, slot, rules::word(block.parent_hash));
        debug_assert!(stored.is_ok(), "the account was found just now");
    }
}

fn check_receipts(material: &BlockMaterial, executed: &[Executed]) -> Result<(), SimulateError> {
    let Some(receipts) = &material.receipts else { return Ok(()) };
    if receipts.len() != executed.len() {
        return Err(SimulateError::inconsistent(format!(
            "block {} has {} transactions and {} receipts",
            material.block.number,
            executed.len(),
            receipts.len()
        )));
    }
    for (transaction, receipt) in executed.iter().zip(receipts) {
        check_receipt(&transaction.evidence, receipt)?;
    }
    Ok(())
}

fn check_receipt(evidence: &Evidence, receipt: &WireReceipt) -> Result<(), SimulateError> {
    let hash = evidence.hash;
    let differs = |what: &str, ours: String, theirs: String| {
        Err(SimulateError::inconsistent(format!(
            "{what} of transaction {hash} is {ours} by execution and {theirs} by its receipt"
        )))
    };
    if receipt.transaction_hash != hash {
        return differs("the hash", hash.to_string(), receipt.transaction_hash.to_string());
    }
    let gas = receipt.gas_used.to::<u64>();
    if evidence.gas_used != Some(gas) {
        return differs("gas", format!("{:?}", evidence.gas_used), gas.to_string());
    }
    let status = receipt.status.map(|status| !status.is_zero());
    if let Some(success) = status.filter(|success| *success != evidence.success) {
        return differs("success", evidence.success.to_string(), success.to_string());
    }
    let theirs: Vec<Log> = receipt.logs.iter().map(crate::builder::plain_log).collect();
    if theirs != evidence.logs {
        let (ours, theirs) = (evidence.logs.len(), theirs.len());
        return differs("the list of logs", format!("{ours} long"), format!("{theirs} long"));
    }
    Ok(())
}

fn check_header(block: &WireBlock, executed: &[Executed]) -> Result<(), SimulateError> {
    let number = block.number;
    let used = executed.iter().filter_map(|transaction| transaction.evidence.gas_used);
    let used = used.fold(0u64, u64::saturating_add);
    let said = block.gas_used.to::<u64>();
    // Zero is what a header that does not say reads as.
    if said != 0 && used != said {
        return Err(SimulateError::inconsistent(format!(
            "block {number} used {used} gas by execution and {said} by its header"
        )));
    }
    let ours = logs::of_evidence(executed.iter().map(|transaction| &transaction.evidence));
    if logs::of_header(block).is_some_and(|said| *said != ours) {
        return Err(SimulateError::inconsistent(format!(
            "the logs of block {number} by execution do not match the bloom filter of its header"
        )));
    }
    Ok(())
}
