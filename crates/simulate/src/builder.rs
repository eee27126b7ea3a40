//! The one builder of Evidence, shared by both roads.
//!
//! **Frames** are flattened in entry order. A frame takes effect if neither it nor a frame around it failed; logs,
//! transfers and creations are taken from such frames only.
//!
//! **Logs** stand in emission order: `callTracer` says of each log how many sub-calls of its frame came before it. A log
//! without that position is taken to follow all sub-calls of its frame.
//!
//! **Transfers** are, in order: native value moved by CALL, CREATE, CREATE2 and SELFDESTRUCT; ERC-20 and ERC-721
//! `Transfer` logs; and WETH9 `Deposit` and `Withdrawal` logs (see [`transfers`]). ERC-1155 is left out, as is
//! everything that moves a balance without a log (rebasing, fees taken silently). Where logs are unknown, token
//! movements are inferred from the calls that ask for them, and `known.logs` is `false`.
//!
//! **Storage** changes are net: a slot written and restored is not among them, nor are the slots of a destroyed account.
//! A contract that is both created and destroyed shows in `created` only. Code changes are kept for failed transactions
//! too, because an EIP-7702 delegation outlives the failure of its transaction. That a delegation was *removed* cannot
//! be seen in a diff, which leaves empty code out.

pub mod access;
mod call_tree;
mod frames;
mod reentry;
pub(crate) mod state;
pub mod transfers;

use std::collections::BTreeMap;

use portcullis_types::{
    chain::BlockId,
    evidence::{CallKind, CodeFeatures, Created, Evidence, Frame, Known, Log, Transfer},
    ids::ChainId,
    wire::{StateDiff, TraceFrame, WireLog, WireTransaction},
};

use crate::error::SimulateError;

use state::Changes;

pub use frames::{DEPTH_MAX, FRAMES_MAX, LOGS_MAX};
pub(crate) use frames::{Entry, Flat, LogFields, Step, cut};
pub use reentry::{REENTRIES_MAX, Write};
pub(crate) use transfers::may_tell_of_a_transfer;

/// Everything that is known of one transaction.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// Chain.
    pub chain: ChainId,
    /// Block.
    pub block: BlockId,
    /// Seconds since the epoch, as the block says.
    pub timestamp: u64,
    /// Place in the block, from 0.
    pub index: u32,
    /// The transaction.
    pub transaction: &'a WireTransaction,
    /// Its call tree.
    pub trace: &'a TraceFrame,
    /// Where its logs are.
    pub logs: LogSource<'a>,
    /// What it changed; none if unknown.
    pub state_diff: Option<&'a StateDiff>,
    /// Whether it took effect; none to judge by the first frame.
    pub success: Option<bool>,
    /// Gas used; none to take that of the first frame, if it says.
    pub gas_used: Option<u64>,
    /// Writes to storage in order; none if the order could not be seen.
    pub writes: Option<&'a [Write]>,
}

/// Where the logs of a transaction are.
#[derive(Debug, Clone, Copy)]
pub enum LogSource<'a> {
    /// In the frames. A frame without the field emitted none, because nodes leave an empty list out.
    Frames,
    /// In the receipt, because the trace has none or does not place them. Native transfers then come first.
    Receipt(&'a [WireLog]),
    /// Nobody said.
    Unknown,
}

impl LogSource<'_> {
    /// The source for a call tree of which nothing else is known: its frames, if any of them has the field.
    pub fn of_trace(trace: &TraceFrame) -> Self {
        if LogFields::scan(trace).any { Self::Frames } else { Self::Unknown }
    }
}

/// Makes Evidence of one transaction.
///
/// # Errors
/// [`SimulateError::Inconsistent`] if the tree contradicts itself or `success`, [`SimulateError::TooLarge`] if it exceeds
/// [`FRAMES_MAX`], [`LOGS_MAX`] or [`DEPTH_MAX`].
pub fn build(input: &Input<'_>) -> Result<Evidence, SimulateError> {
    let success = judge_success(input)?;
    let mut flat = frames::flatten(input.trace, success)?;
    let transfers = match input.logs {
        LogSource::Frames => transfers::in_order(&flat),
        LogSource::Receipt(logs) => {
            flat.logs = if success { logs.iter().map(plain_log).collect() } else { Vec::new() };
            transfers::native_then_logs(&flat)
        }
        LogSource::Unknown => {
            flat.logs = Vec::new();
            transfers::inferred(&flat)
        }
    };
    let about = About {
        chain: input.chain,
        block: input.block,
        timestamp: input.timestamp,
        index: input.index,
        transaction: input.transaction,
        success,
        gas_used: input.gas_used.or_else(|| frame_gas(input.trace)),
        logs_known: !matches!(input.logs, LogSource::Unknown),
    };
    let changes = input.state_diff.map(|diff| Changes::of_diff(diff, success));
    assemble(&about, &mut flat, transfers, changes, input.writes)
}

/// What is known of a transaction besides what it did.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About<'a> {
    pub(crate) chain: ChainId,
    pub(crate) block: BlockId,
    pub(crate) timestamp: u64,
    pub(crate) index: u32,
    pub(crate) transaction: &'a WireTransaction,
    pub(crate) success: bool,
    pub(crate) gas_used: Option<u64>,
    pub(crate) logs_known: bool,
}

/// Makes Evidence of a transaction that was executed. Takes frames and logs out of `flat` and leaves its room.
///
/// # Errors
/// [`SimulateError::TooLarge`] if it exceeds [`FRAMES_MAX`] or [`LOGS_MAX`].
pub(crate) fn build_executed(
    about: &About<'_>,
    flat: &mut Flat,
    changes: Changes,
    writes: &[Write],
) -> Result<Evidence, SimulateError> {
    if flat.frames.len() > FRAMES_MAX {
        return Err(Flat::too_many_frames());
    }
    let transfers = transfers::in_order(flat);
    assemble(about, flat, transfers, Some(changes), Some(writes))
}

/// Where both roads meet.
fn assemble(
    about: &About<'_>,
    flat: &mut Flat,
    transfers: Vec<Transfer>,
    changes: Option<Changes>,
    writes: Option<&[Write]>,
) -> Result<Evidence, SimulateError> {
    let transaction = about.transaction;
    if flat.logs.len() > LOGS_MAX {
        let what = format!("number of logs of transaction {}", transaction.hash);
        return Err(SimulateError::TooLarge { what, limit: LOGS_MAX });
    }
    let flows = transfers::net(&transfers);
    let created = creations(flat);
    let call_tree_hash = call_tree::hash(flat, transaction.from, &created);
    let reentries = reentry::find(flat, writes);
    let known = Known { logs: about.logs_known, state: changes.is_some(), callers: true };
    let Changes { storage, code } = changes.unwrap_or_default();
    let to = transaction.to.or_else(|| created_by_transaction(&flat.frames));
    Ok(Evidence {
        chain: about.chain,
        block: about.block,
        timestamp: about.timestamp,
        index: about.index,
        hash: transaction.hash,
        from: transaction.from,
        to,
        value: transaction.value,
        gas_used: about.gas_used,
        success: about.success,
        known,
        // Into as much room as they need, and no more: most transactions have one frame.
        frames: flat.frames.drain(..).collect(),
        logs: std::mem::take(&mut flat.logs),
        transfers,
        flows,
        storage,
        code,
        created,
        reentries,
        call_tree_hash,
    })
}

fn judge_success(input: &Input<'_>) -> Result<bool, SimulateError> {
    let failed = input.trace.error.is_some();
    match input.success {
        Some(true) if failed => Err(SimulateError::inconsistent(format!(
            "transaction {} succeeded by its receipt and failed by its trace",
            input.transaction.hash
        ))),
        Some(success) => Ok(success),
        None => Ok(!failed),
    }
}

pub(crate) fn plain_log(log: &WireLog) -> Log {
    Log { address: log.address, topics: log.topics.clone(), data: log.data.clone() }
}

fn creations(flat: &mut Flat) -> Vec<Created> {
    let mut codes: BTreeMap<u32, CodeFeatures> = flat.codes.drain(..).collect();
    let mut created = Vec::new();
    for (index, frame) in flat.effective().filter(|(_, frame)| is_creation(frame.kind)) {
        let features = codes.remove(&index).map(Box::new);
        created.push(Created { address: frame.to, creator: frame.from, features });
    }
    created
}

fn created_by_transaction(frames: &[Frame]) -> Option<alloy_primitives::Address> {
    let first = frames.first()?;
    (first.effective && is_creation(first.kind)).then_some(first.to)
}

pub(crate) fn is_creation(kind: CallKind) -> bool {
    matches!(kind, CallKind::Create | CallKind::Create2)
}

fn frame_gas(trace: &TraceFrame) -> Option<u64> {
    trace.gas_used.and_then(|gas| u64::try_from(gas).ok())
}
