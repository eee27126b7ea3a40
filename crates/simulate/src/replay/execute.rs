//! Executing transactions one after the other, and Evidence of them.

use alloy_primitives::Address;
use portcullis_types::{
    evidence::Evidence,
    ids::ChainId,
    text::printable,
    wire::{WireBlock, WireTransaction},
};
use revm::{context::result::EVMError, state::EvmState};

use super::{Missing, State, changes::changes, check::Ending, evm::RecordingEvm};
use crate::{
    builder::{self, About},
    error::SimulateError,
    rules::{self, Hardfork},
};

/// A transaction that ran, before what it changed is kept.
pub(crate) struct Ran {
    pub(crate) ending: Ending,
    state: EvmState,
}

/// An EVM in one block.
pub(crate) struct Executor<'a> {
    evm: RecordingEvm<'a>,
    chain: ChainId,
    block: &'a WireBlock,
}

impl<'a> Executor<'a> {
    pub(crate) fn new(
        state: &'a mut State,
        chain: ChainId,
        hardfork: Hardfork,
        block: &'a WireBlock,
    ) -> Result<Self, SimulateError> {
        let configuration = rules::configuration(chain, hardfork);
        let environment = rules::block_environment(chain, hardfork, block)?;
        let evm = RecordingEvm::new(state, configuration, environment);
        Ok(Self { evm, chain, block })
    }

    /// Executes one transaction.
    pub(crate) fn run(&mut self, transaction: &WireTransaction) -> Result<Ran, SimulateError> {
        let hash = transaction.hash;
        let environment = rules::transaction_environment(self.chain, transaction)?;
        let ran = self.evm.run(environment);
        let (result, state) =
            ran.map_err(|error| refused(&error, &format!("transaction {hash}")))?;
        let (success, gas_used) = (result.is_success(), result.tx_gas_used());
        let logs = if success { result.into_logs() } else { Vec::new() };
        if self.evm.recorder().is_broken(success, logs.len()) {
            return Err(SimulateError::inconsistent(format!(
                "transaction {hash} ran without a frame, or its frames do not fit its end"
            )));
        }
        Ok(Ran { ending: Ending { hash, success, gas_used, logs }, state })
    }

    /// Whether one that `watched` names may have taken part in the transaction that ran last. It may say yes of a
    /// transaction in which nobody did.
    pub(crate) fn may_touch(&mut self, ran: &Ran, watched: &dyn Fn(&Address) -> bool) -> bool {
        self.evm.recorder().may_touch(&ran.ending.logs, watched) || ran.state.keys().any(watched)
    }

    /// Evidence of the transaction that ran last.
    pub(crate) fn evidence(
        &mut self,
        index: u32,
        transaction: &WireTransaction,
        ran: &mut Ran,
    ) -> Result<Evidence, SimulateError> {
        let Ending { success, gas_used, logs, .. } = &mut ran.ending;
        let changes = changes(&ran.state, self.evm.state(), *success);
        let (flat, writes) = self.evm.recorder().finish(std::mem::take(logs));
        let about = About {
            chain: self.chain,
            block: self.block.id(),
            timestamp: self.block.timestamp.to(),
            index,
            transaction,
            success: *success,
            gas_used: Some(*gas_used),
            logs_known: true,
        };
        builder::build_executed(&about, flat, changes, writes)
    }

    /// Keeps what a transaction changed.
    pub(crate) fn keep(&mut self, ran: Ran) {
        self.evm.commit(ran.state);
    }
}

/// Why the EVM would not execute `what`.
pub(crate) fn refused(error: &EVMError<Missing>, what: &str) -> SimulateError {
    match error {
        EVMError::Database(missing) => absent(*missing, what),
        other => {
            let why = printable(&other.to_string());
            SimulateError::inconsistent(format!("{what} cannot be executed on this state: {why}"))
        }
    }
}

pub(crate) fn absent(missing: Missing, what: &str) -> SimulateError {
    SimulateError::incomplete(format!("{what} reads beyond what was given: {missing}"))
}
