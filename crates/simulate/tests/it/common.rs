//! Short ways of writing call trees.

use alloy_primitives::{Address, B256, Bytes, U64, U256, hex};
use portcullis_simulate::{
    builder::{self, Input, LogSource},
    error::SimulateError,
};
use portcullis_types::{
    chain::BlockId,
    evidence::Evidence,
    wire::{TraceFrame, WireLog, WireTransaction},
};

pub(crate) fn who(byte: u8) -> Address {
    Address::with_last_byte(byte)
}

/// A frame of `kind` to `to`; `from` is left to the builder.
pub(crate) fn frame(kind: &str, to: u8, calls: Vec<TraceFrame>) -> TraceFrame {
    TraceFrame { kind: kind.to_owned(), to: Some(who(to)), calls, ..TraceFrame::default() }
}

pub(crate) fn call(to: u8, calls: Vec<TraceFrame>) -> TraceFrame {
    frame("CALL", to, calls)
}

pub(crate) trait With: Sized {
    fn from(self, from: u8) -> Self;
    fn value(self, value: u64) -> Self;
    fn input(self, hex: &str) -> Self;
    fn failed(self) -> Self;
    fn logs(self, logs: Vec<WireLog>) -> Self;
}

impl With for TraceFrame {
    fn from(self, from: u8) -> Self {
        Self { from: who(from), ..self }
    }
    fn value(self, value: u64) -> Self {
        Self { value: Some(U256::from(value)), ..self }
    }
    fn input(self, hex: &str) -> Self {
        Self { input: hex::decode(hex).unwrap().into(), ..self }
    }
    fn failed(self) -> Self {
        Self { error: Some("execution reverted".to_owned()), ..self }
    }
    fn logs(self, logs: Vec<WireLog>) -> Self {
        Self { logs: Some(logs), ..self }
    }
}

pub(crate) fn log(token: u8, position: u64, topics: Vec<B256>, data: Bytes) -> WireLog {
    WireLog { address: who(token), topics, data, position: Some(U64::from(position)) }
}

pub(crate) fn word(amount: u64) -> Bytes {
    B256::from(U256::from(amount)).into()
}

/// An ERC-20 `Transfer`.
pub(crate) fn sent(token: u8, position: u64, from: u8, to: u8, amount: u64) -> WireLog {
    let topics = vec![topic("Transfer(address,address,uint256)"), person(from), person(to)];
    log(token, position, topics, word(amount))
}

pub(crate) fn topic(signature: &str) -> B256 {
    alloy_primitives::keccak256(signature)
}

pub(crate) fn person(byte: u8) -> B256 {
    who(byte).into_word()
}

pub(crate) fn input<'a>(transaction: &'a WireTransaction, trace: &'a TraceFrame) -> Input<'a> {
    Input {
        chain: 1,
        block: BlockId { number: 1, hash: B256::ZERO },
        timestamp: 1,
        index: 0,
        transaction,
        trace,
        logs: LogSource::Frames,
        state_diff: None,
        success: None,
        gas_used: None,
        writes: None,
    }
}

/// Evidence of a tree sent by account 1.
pub(crate) fn build(trace: &TraceFrame) -> Result<Evidence, SimulateError> {
    let transaction = WireTransaction { from: who(1), to: trace.to, ..WireTransaction::default() };
    builder::build(&input(&transaction, &With::from(trace.clone(), 1)))
}
