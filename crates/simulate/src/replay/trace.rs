//! What is observed while a transaction runs, and its translation to the shapes of a node.

use alloy_primitives::{Address, U256};
use alloy_rpc_types_trace::geth::{CallConfig, CallFrame, DiffMode};
use portcullis_types::wire::{StateDiff, TraceFrame, WireAccount, WireLog};
use revm::{
    Inspector,
    bytecode::opcode,
    interpreter::{
        CallInputs, CallOutcome, CreateInputs, CreateOutcome, Interpreter, interpreter_types::Jumps,
    },
};
use revm_inspectors::tracing::{TracingInspector, TracingInspectorConfig, types::CallTraceNode};

use crate::builder::Write;

/// Both observers, as one inspector.
pub(crate) type Observer = (TracingInspector, WriteOrder);

pub(crate) fn observer() -> Observer {
    let with_logs = CallConfig { with_log: Some(true), ..CallConfig::default() };
    let tracing = TracingInspector::new(TracingInspectorConfig::from_geth_call_config(&with_logs));
    (tracing, WriteOrder::default())
}

/// Records the writes to storage in order. Writes that fail for lack of gas are recorded too: their frame fails.
#[derive(Debug, Default)]
pub(crate) struct WriteOrder {
    pub(crate) writes: Vec<Write>,
    entered: u32,
    running: Vec<u32>,
}

impl WriteOrder {
    fn enter(&mut self) {
        self.running.push(self.entered);
        self.entered = self.entered.saturating_add(1);
    }
}

impl<CTX> Inspector<CTX> for WriteOrder {
    fn step(&mut self, interpreter: &mut Interpreter, _: &mut CTX) {
        if interpreter.bytecode.opcode() != opcode::SSTORE {
            return;
        }
        if let (Some(frame), Ok(slot)) = (self.running.last(), interpreter.stack.peek(0)) {
            self.writes.push(Write { frame: *frame, entered: self.entered, slot: slot.into() });
        }
    }

    fn call(&mut self, _: &mut CTX, _: &mut CallInputs) -> Option<CallOutcome> {
        self.enter();
        None
    }

    fn call_end(&mut self, _: &mut CTX, _: &CallInputs, _: &mut CallOutcome) {
        self.running.pop();
    }

    fn create(&mut self, _: &mut CTX, _: &mut CreateInputs) -> Option<CreateOutcome> {
        self.enter();
        None
    }

    fn create_end(&mut self, _: &mut CTX, _: &CreateInputs, _: &mut CreateOutcome) {
        self.running.pop();
    }
}

/// The call tree as `callTracer` with logs would answer it. Children stand behind their parents in `nodes`, so that
/// putting the tree together from the back needs no recursion.
pub(crate) fn call_tree(nodes: &[CallTraceNode], gas_used: u64) -> Option<TraceFrame> {
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
        position: log.position.map(alloy_primitives::U64::from),
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
pub(crate) fn wire_diff(diff: DiffMode) -> StateDiff {
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
