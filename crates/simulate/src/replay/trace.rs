//! Transactions as a node would tell of them: what its tracers answer, and receipts. For recordings; Evidence has a
//! quicker way of its own.

use alloy_primitives::{Address, U64, U256};
use alloy_rpc_types_trace::geth::{CallConfig, CallFrame, DiffMode, PreStateConfig, PreStateFrame};
use portcullis_types::{
    ids::ChainId,
    wire::{StateDiff, TraceFrame, WireAccount, WireBlock, WireLog, WireReceipt, WireTransaction},
};
use revm::{
    Context, DatabaseCommit, InspectEvm, MainBuilder, MainContext, MainnetEvm,
    handler::MainnetContext,
};
use revm_inspectors::tracing::{TracingInspector, TracingInspectorConfig, types::CallTraceNode};

use super::{
    State,
    check::Ending,
    execute::{absent, refused},
};
use crate::{
    error::SimulateError,
    rules::{self, Hardfork},
};

/// What a node would say of one transaction.
pub(crate) struct Traced {
    pub(crate) ending: Ending,
    pub(crate) trace: TraceFrame,
    pub(crate) diff: StateDiff,
}

impl Traced {
    /// The receipt that a node would give.
    pub(crate) fn receipt(&self) -> WireReceipt {
        let logs = self.ending.logs.iter().map(|log| WireLog {
            address: log.address,
            topics: log.topics().to_vec(),
            data: log.data.data.clone(),
            position: None,
        });
        WireReceipt {
            transaction_hash: self.ending.hash,
            status: Some(U64::from(u64::from(self.ending.success))),
            gas_used: U64::from(self.ending.gas_used),
            logs: logs.collect(),
        }
    }
}

/// An EVM in one block, with a node's tracer.
pub(crate) struct Tracer<'a> {
    evm: MainnetEvm<MainnetContext<&'a mut State>, TracingInspector>,
    chain: ChainId,
}

impl<'a> Tracer<'a> {
    pub(crate) fn new(
        state: &'a mut State,
        chain: ChainId,
        hardfork: Hardfork,
        block: &WireBlock,
    ) -> Result<Self, SimulateError> {
        let context = Context::mainnet()
            .with_db(state)
            .with_cfg(rules::configuration(chain, hardfork))
            .with_block(rules::block_environment(chain, hardfork, block)?);
        Ok(Self { evm: context.build_mainnet_with_inspector(tracer()), chain })
    }

    /// Executes one transaction and keeps what it changed.
    pub(crate) fn run(&mut self, transaction: &WireTransaction) -> Result<Traced, SimulateError> {
        let hash = transaction.hash;
        let environment = rules::transaction_environment(self.chain, transaction)?;
        let outcome = self.evm.inspect_tx(environment);
        let outcome = outcome.map_err(|error| refused(&error, &format!("transaction {hash}")))?;
        let (success, gas_used) = (outcome.result.is_success(), outcome.result.tx_gas_used());
        let tracing = std::mem::replace(&mut self.evm.inspector, tracer());
        let trace = call_tree(tracing.traces().nodes(), gas_used);
        let trace = trace.ok_or_else(|| {
            SimulateError::inconsistent(format!("transaction {hash} ran without a frame"))
        })?;
        let before: &State = self.evm.ctx.journaled_state.database;
        let differences = PreStateConfig { diff_mode: Some(true), ..PreStateConfig::default() };
        let frame = tracing.geth_builder().geth_prestate_traces(&outcome, &differences, before);
        let diff = match frame.map_err(|missing| absent(missing, &format!("transaction {hash}")))? {
            PreStateFrame::Diff(diff) => wire_diff(diff),
            PreStateFrame::Default(_) => StateDiff::default(),
        };
        self.evm.ctx.journaled_state.database.commit(outcome.state);
        let logs = if success { outcome.result.into_logs() } else { Vec::new() };
        Ok(Traced { ending: Ending { hash, success, gas_used, logs }, trace, diff })
    }
}

fn tracer() -> TracingInspector {
    let with_logs = CallConfig { with_log: Some(true), ..CallConfig::default() };
    TracingInspector::new(TracingInspectorConfig::from_geth_call_config(&with_logs))
}

/// The call tree as `callTracer` with logs would answer it. Children stand behind their parents in `nodes`, so that
/// putting the tree together from the back needs no recursion.
fn call_tree(nodes: &[CallTraceNode], gas_used: u64) -> Option<TraceFrame> {
    let mut children: Vec<Vec<TraceFrame>> = Vec::new();
    children.resize_with(nodes.len(), Vec::new);
    let mut numbered: Vec<(usize, &CallTraceNode)> = nodes.iter().enumerate().collect();
    while let Some((index, node)) = numbered.pop() {
        let mut frame = wire_frame(node.geth_empty_call_frame(true));
        let mut calls = children.pop().unwrap_or_default();
        calls.reverse();
        // A frame that destroys its contract does nothing else afterwards.
        calls.extend(node.geth_selfdestruct_call_trace().map(wire_frame));
        frame.calls = calls;
        let parent = node.parent.filter(|parent| *parent < index);
        if let Some(siblings) = parent.and_then(|parent| children.get_mut(parent)) {
            siblings.push(frame);
        } else {
            frame.gas_used = Some(U256::from(gas_used));
            return Some(frame);
        }
    }
    None
}

fn wire_frame(frame: CallFrame) -> TraceFrame {
    let logs = frame.logs.into_iter().map(|log| WireLog {
        address: log.address.unwrap_or(frame.to.unwrap_or(Address::ZERO)),
        topics: log.topics.unwrap_or_default(),
        data: log.data.unwrap_or_default(),
        position: log.position.map(U64::from),
    });
    TraceFrame {
        kind: frame.typ,
        from: frame.from,
        to: frame.to,
        value: frame.value,
        gas: Some(frame.gas),
        gas_used: Some(frame.gas_used),
        input: frame.input,
        output: frame.output,
        error: frame.error,
        revert_reason: frame.revert_reason,
        calls: Vec::new(),
        logs: Some(logs.collect()),
    }
}

/// The diff as a node would answer it.
fn wire_diff(diff: DiffMode) -> StateDiff {
    let account = |(address, state): (Address, alloy_rpc_types_trace::geth::AccountState)| {
        let account = WireAccount {
            balance: state.balance,
            nonce: state.nonce,
            code: state.code,
            code_hash: None,
            storage: state.storage,
        };
        (address, account)
    };
    StateDiff {
        pre: diff.pre.into_iter().map(account).collect(),
        post: diff.post.into_iter().map(account).collect(),
    }
}
