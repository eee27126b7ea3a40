//! Road (b): executing a block again over the state before it.
//!
//! What is not applied: block rewards, uncle rewards and withdrawals (no transaction of the block can see the ones that
//! come at its end) and the DAO fork's transfer at block 1,920,000. Of the system calls that precede a block, the one
//! of EIP-2935 (hash of the parent) is applied from Prague on where the state holds its contract. That of EIP-4788
//! (beacon root) is not, because the wire form of a block does not hold the root: a transaction that asks for the root
//! of its own block's time sees the state before. Gas and logs are checked against the receipts and the header, so that
//! such a difference is an error and not wrong Evidence.

mod base;
mod changes;
mod check;
mod complete;
mod evm;
mod execute;
mod record;
mod trace;

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U256};
use portcullis_types::{
    evidence::Evidence,
    ids::ChainId,
    wire::{BlockMaterial, Prestate, TracedTransaction, WireBlock},
};
use revm::DatabaseRef;

use crate::{
    error::SimulateError,
    rules::{self, Hardfork},
};
use check::Checks;
use execute::Executor;
use trace::Tracer;

pub use base::MissingState;
pub use complete::complete_reentries;

pub(crate) use base::{Missing, State};

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
        self.state = Some(base::load(prestate, block_hashes, self.missing)?);
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
        self.execute_block_for(material, &|_| true)
    }

    /// The same, with Evidence only of transactions that touch something that `watched` names, in the sense of
    /// [`Evidence::touches`]. All are executed and checked.
    ///
    /// # Errors
    /// Those of [`Replayer::execute_block`].
    pub fn execute_block_for(
        &mut self,
        material: &BlockMaterial,
        watched: &dyn Fn(&Address) -> bool,
    ) -> Result<Vec<Evidence>, SimulateError> {
        let (chain, block) = (self.chain_id, &material.block);
        self.over_state(material, |state, hardfork| {
            let mut executor = Executor::new(state, chain, hardfork, block)?;
            let mut checks = Checks::new(material)?;
            let mut all = Vec::with_capacity(block.transactions.len());
            for (index, transaction) in (0u32..).zip(&block.transactions) {
                let mut ran = executor.run(transaction)?;
                checks.transaction(&ran.ending)?;
                if executor.may_touch(&ran, watched) {
                    let evidence = executor.evidence(index, transaction, &mut ran)?;
                    all.extend(evidence.touches(watched).then_some(evidence));
                }
                executor.keep(ran);
            }
            checks.finish()?;
            Ok(all)
        })
    }

    /// Executes a block and returns `material` with the receipts, traces and diffs that a node would have given.
    ///
    /// # Errors
    /// Those of [`Replayer::execute_block`].
    pub fn record_block(
        &mut self,
        material: &BlockMaterial,
    ) -> Result<BlockMaterial, SimulateError> {
        let (chain, block) = (self.chain_id, &material.block);
        let mut recorded = material.clone();
        let (mut receipts, mut traces, mut diffs) = (Vec::new(), Vec::new(), Vec::new());
        self.over_state(material, |state, hardfork| {
            let mut node = Tracer::new(state, chain, hardfork, block)?;
            let mut checks = Checks::new(material)?;
            for transaction in &block.transactions {
                let told = node.run(transaction)?;
                checks.transaction(&told.ending)?;
                let hash = Some(told.ending.hash);
                receipts.push(told.receipt());
                traces.push(traced(hash, told.trace));
                diffs.push(traced(hash, told.diff));
            }
            checks.finish()
        })?;
        recorded.receipts = Some(receipts);
        recorded.traces = Some(traces);
        recorded.state_diffs = Some(diffs);
        Ok(recorded)
    }

    /// Plays a block of `material` over the state, which is kept only if all went well.
    fn over_state<T>(
        &mut self,
        material: &BlockMaterial,
        play: impl FnOnce(&mut State, Hardfork) -> Result<T, SimulateError>,
    ) -> Result<T, SimulateError> {
        if material.chain_id != self.chain_id {
            let (this, that) = (self.chain_id, material.chain_id);
            return Err(SimulateError::inconsistent(format!(
                "a block of chain {that} was given to the replayer of chain {this}"
            )));
        }
        if let Some(prestate) = &material.prestate {
            self.load(prestate, &material.block_hashes)?;
        }
        let mut state = self.state.take().ok_or_else(no_state)?;
        let block = &material.block;
        for (number, hash) in &material.block_hashes {
            state.cache.block_hashes.insert(U256::from(*number), *hash);
        }
        let hardfork = self.hardfork_of(block);
        apply_parent_hash(&mut state, hardfork, block);
        let played = play(&mut state, hardfork)?;
        self.state = Some(state);
        Ok(played)
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
