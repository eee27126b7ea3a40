//! Executing transactions one after the other, observed.

use alloy_primitives::U64;
use alloy_rpc_types_trace::geth::{PreStateConfig, PreStateFrame};
use portcullis_types::{
    evidence::Evidence,
    ids::ChainId,
    text::printable,
    wire::{StateDiff, TraceFrame, WireBlock, WireLog, WireReceipt, WireTransaction},
};
use revm::{
    Context, DatabaseCommit, InspectEvm, MainBuilder, MainContext, MainnetEvm,
    context::result::EVMError, handler::MainnetContext,
};

use super::{
    Missing, State,
    inspect::{self, Observer},
};
use crate::{
    builder::{self, Input, LogSource},
    error::SimulateError,
    rules::{self, Hardfork},
};

/// One executed transaction.
pub(crate) struct Executed {
    pub(crate) evidence: Evidence,
    pub(crate) trace: TraceFrame,
    pub(crate) diff: StateDiff,
}

impl Executed {
    /// The receipt that a node would give.
    pub(crate) fn receipt(&self) -> WireReceipt {
        let logs = self.evidence.logs.iter().map(|log| WireLog {
            address: log.address,
            topics: log.topics.clone(),
            data: log.data.clone(),
            position: None,
        });
        WireReceipt {
            transaction_hash: self.evidence.hash,
            status: Some(U64::from(u64::from(self.evidence.success))),
            gas_used: U64::from(self.evidence.gas_used.unwrap_or(0)),
            logs: logs.collect(),
        }
    }
}

/// An EVM in one block.
pub(crate) struct Executor<'a> {
    evm: MainnetEvm<MainnetContext<&'a mut State>, Observer>,
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
        let context = Context::mainnet()
            .with_db(state)
            .with_cfg(rules::configuration(chain, hardfork))
            .with_block(rules::block_environment(chain, hardfork, block)?);
        let evm = context.build_mainnet_with_inspector(inspect::observer());
        Ok(Self { evm, chain, block })
    }

    /// Executes one transaction and keeps what it changed.
    pub(crate) fn execute(
        &mut self,
        index: u32,
        transaction: &WireTransaction,
    ) -> Result<Executed, SimulateError> {
        let hash = transaction.hash;
        self.evm.inspector = inspect::observer();
        let environment = rules::transaction_environment(self.chain, transaction)?;
        let outcome = self.evm.inspect_tx(environment);
        let outcome = outcome.map_err(|error| refused(&error, &format!("transaction {hash}")))?;
        let gas_used = outcome.result.tx_gas_used();
        let success = outcome.result.is_success();
        let (tracing, order) = std::mem::replace(&mut self.evm.inspector, inspect::observer());
        let trace = inspect::call_tree(tracing.traces().nodes(), gas_used);
        let trace = trace.ok_or_else(|| {
            SimulateError::inconsistent(format!("transaction {hash} ran without a frame"))
        })?;
        let before: &State = self.evm.ctx.journaled_state.database;
        let differences = PreStateConfig { diff_mode: Some(true), ..PreStateConfig::default() };
        let frame = tracing.geth_builder().geth_prestate_traces(&outcome, &differences, before);
        let diff = match frame.map_err(|missing| absent(missing, &format!("transaction {hash}")))? {
            PreStateFrame::Diff(diff) => inspect::wire_diff(diff),
            PreStateFrame::Default(_) => StateDiff::default(),
        };
        let evidence = builder::build(&Input {
            chain: self.chain,
            block: self.block.id(),
            timestamp: self.block.timestamp.to(),
            index,
            transaction,
            trace: &trace,
            logs: LogSource::Frames,
            state_diff: Some(&diff),
            success: Some(success),
            gas_used: Some(gas_used),
            writes: Some(&order.writes),
        })?;
        self.evm.ctx.journaled_state.database.commit(outcome.state);
        Ok(Executed { evidence, trace, diff })
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

fn absent(missing: Missing, what: &str) -> SimulateError {
    SimulateError::incomplete(format!("{what} reads beyond what was given: {missing}"))
}
