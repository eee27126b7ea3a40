//! A call tree, flattened. It walks with a stack of its own: a hostile tree must not overflow the thread's.

use alloy_primitives::{Address, Bytes, U256};
use portcullis_types::{
    evidence::{CallKind, Frame, INPUT_BYTES_MAX},
    text::printable,
    wire::{TraceFrame, WireLog},
};

use crate::error::SimulateError;

/// Most frames of one transaction. A call costs at least 100 gas and what puts it on the stack: the 16.8 million gas that
/// a transaction may use since Osaka (EIP-7825) buy less than 150,000. Real transactions stay below 20,000.
pub const FRAMES_MAX: usize = 200_000;

/// Most logs of one transaction; a log costs at least 375 gas.
pub const LOGS_MAX: usize = 200_000;

/// Deepest call tree. The EVM allows 1,024 calls below the first, and tracers add a frame for SELFDESTRUCT.
pub const DEPTH_MAX: usize = 1_026;

/// A flattened call tree.
#[derive(Debug)]
pub(crate) struct Flat<'a> {
    /// In entry order.
    pub(crate) frames: Vec<Frame>,
    /// Of each frame: index of the first frame entered after it had ended.
    pub(crate) ends: Vec<u32>,
    /// Of each frame: how many frames are around it.
    pub(crate) depths: Vec<u16>,
    /// Of each frame: its return data, where known.
    pub(crate) outputs: Vec<Option<&'a Bytes>>,
    /// What took effect, in order.
    pub(crate) steps: Vec<Step<'a>>,
}

/// Something that took effect.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step<'a> {
    /// This frame was entered.
    Enter(u32),
    /// This was logged.
    Log(&'a WireLog),
}

impl<'a> Flat<'a> {
    /// Effective logs in emission order.
    pub(crate) fn logs(&self) -> impl Iterator<Item = &'a WireLog> {
        self.steps.iter().filter_map(|step| match step {
            Step::Log(log) => Some(*log),
            Step::Enter(_) => None,
        })
    }

    /// Effective frames in entry order, with their indexes.
    pub(crate) fn effective(&self) -> impl Iterator<Item = (u32, &Frame)> {
        (0u32..).zip(&self.frames).filter(|(_, frame)| frame.effective)
    }
}

/// What a tree says about logs.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LogFields {
    /// Some frame has a list of logs.
    pub(crate) any: bool,
    /// Some log does not say where it stands among the sub-calls of its frame.
    pub(crate) unplaced: bool,
}

impl LogFields {
    pub(crate) fn scan(trace: &TraceFrame) -> Self {
        let mut found = Self::default();
        let mut open = vec![trace];
        while let Some(frame) = open.pop() {
            if let Some(logs) = &frame.logs {
                found.any = true;
                let placed =
                    frame.calls.is_empty() || logs.iter().all(|log| log.position.is_some());
                found.unplaced |= !placed;
            }
            open.extend(&frame.calls);
        }
        found
    }
}

/// A frame that has not ended.
struct Open<'a> {
    wire: &'a TraceFrame,
    index: u32,
    calls_entered: usize,
    logs_emitted: usize,
}

/// Flattens `trace`; `success` says whether the transaction as a whole took effect.
pub(crate) fn flatten(trace: &TraceFrame, success: bool) -> Result<Flat<'_>, SimulateError> {
    let mut flat = Flat {
        frames: Vec::new(),
        ends: Vec::new(),
        depths: Vec::new(),
        outputs: Vec::new(),
        steps: Vec::new(),
    };
    let mut open = vec![flat.enter(trace, None, success, 0)?];
    while let Some(top) = open.last_mut() {
        flat.emit_logs(top);
        if let Some(call) = top.wire.calls.get(top.calls_entered) {
            top.calls_entered += 1;
            let parent = top.index;
            let depth = open.len();
            if depth >= DEPTH_MAX {
                let what = "depth of a call tree".to_owned();
                return Err(SimulateError::TooLarge { what, limit: DEPTH_MAX });
            }
            open.push(flat.enter(call, Some(parent), success, depth)?);
            continue;
        }
        let end = flat.frames.len() as u32;
        if let Some(slot) = flat.ends.get_mut(top.index as usize) {
            *slot = end;
        }
        open.pop();
    }
    Ok(flat)
}

impl<'a> Flat<'a> {
    fn enter(
        &mut self,
        wire: &'a TraceFrame,
        parent: Option<u32>,
        success: bool,
        depth: usize,
    ) -> Result<Open<'a>, SimulateError> {
        let index = self.frames.len();
        if index >= FRAMES_MAX {
            let what = "number of frames of a transaction".to_owned();
            return Err(SimulateError::TooLarge { what, limit: FRAMES_MAX });
        }
        let index = index as u32;
        let around = parent.and_then(|parent| self.frames.get(parent as usize));
        let frame = frame_of(wire, parent, around, success)?;
        if frame.effective {
            self.steps.push(Step::Enter(index));
        }
        self.frames.push(frame);
        self.ends.push(index.saturating_add(1));
        self.depths.push(u16::try_from(depth).unwrap_or(u16::MAX));
        self.outputs.push(wire.output.as_ref());
        Ok(Open { wire, index, calls_entered: 0, logs_emitted: 0 })
    }

    /// Emits the logs of `top` that come before its next sub-call.
    fn emit_logs(&mut self, top: &mut Open<'a>) {
        let Some(logs) = &top.wire.logs else { return };
        let effective = self.frames.get(top.index as usize).is_some_and(|frame| frame.effective);
        let calls_left = top.calls_entered < top.wire.calls.len();
        while let Some(log) = logs.get(top.logs_emitted) {
            let position = log.position.map_or(usize::MAX, |at| at.saturating_to::<usize>());
            if calls_left && position > top.calls_entered {
                return;
            }
            top.logs_emitted += 1;
            if effective {
                self.steps.push(Step::Log(log));
            }
        }
    }
}

fn frame_of(
    wire: &TraceFrame,
    parent: Option<u32>,
    around: Option<&Frame>,
    success: bool,
) -> Result<Frame, SimulateError> {
    let kind = kind_of(&wire.kind)?;
    // The tree itself says who calls: nodes of some makes name the code instead of the storage for delegate calls.
    let from = around.map_or(wire.from, |parent| parent.context);
    let failed = wire.error.is_some() || (around.is_none() && !success);
    let to = match (kind, wire.to) {
        (_, Some(to)) => to,
        // Tracers leave out where a failed creation would have been; whoever it called was called by it.
        (CallKind::Create | CallKind::Create2, None) if failed || !success => {
            wire.calls.first().map_or(Address::ZERO, |call| call.from)
        }
        // Without a transfer there is nobody who received it.
        (CallKind::SelfDestruct, None) => from,
        (_, None) => {
            let kind = printable(&wire.kind);
            return Err(SimulateError::inconsistent(format!(
                "a {kind} frame called by {from} does not say whom it called"
            )));
        }
    };
    let context = match kind {
        CallKind::DelegateCall | CallKind::CallCode | CallKind::SelfDestruct => from,
        _ => to,
    };
    let value = match kind {
        CallKind::StaticCall => U256::ZERO,
        // Nothing moves, but the code sees the value of the frame around it.
        CallKind::DelegateCall => around.map_or(U256::ZERO, |parent| parent.value),
        _ => wire.value.unwrap_or(U256::ZERO),
    };
    let effective = success && !failed && around.is_none_or(|parent| parent.effective);
    let (input, input_length) = cut(&wire.input);
    Ok(Frame { parent, kind, from, to, context, value, input, input_length, effective, failed })
}

fn kind_of(name: &str) -> Result<CallKind, SimulateError> {
    let kinds = [
        ("CALL", CallKind::Call),
        ("STATICCALL", CallKind::StaticCall),
        ("DELEGATECALL", CallKind::DelegateCall),
        ("CALLCODE", CallKind::CallCode),
        ("CREATE", CallKind::Create),
        ("CREATE2", CallKind::Create2),
        ("SELFDESTRUCT", CallKind::SelfDestruct),
        ("SUICIDE", CallKind::SelfDestruct),
    ];
    let found = kinds.iter().find(|(known, _)| name.eq_ignore_ascii_case(known));
    found.map(|(_, kind)| *kind).ok_or_else(|| {
        SimulateError::inconsistent(format!("`{}` is not a kind of frame", printable(name)))
    })
}

/// Call data cut to its limit. The cut is copied, so that a megabyte of creation code is not kept for its first bytes.
fn cut(input: &Bytes) -> (Bytes, u32) {
    let length = u32::try_from(input.len()).unwrap_or(u32::MAX);
    match input.get(..INPUT_BYTES_MAX) {
        Some(kept) if input.len() > INPUT_BYTES_MAX => (Bytes::copy_from_slice(kept), length),
        _ => (input.clone(), length),
    }
}

/// Index among the calls alone, as an inspector counts them: frames for SELFDESTRUCT are added by tracers.
pub(crate) fn call_numbers(frames: &[Frame]) -> Vec<u32> {
    let mut numbers = Vec::with_capacity(frames.len() + 1);
    let mut calls = 0u32;
    for frame in frames {
        numbers.push(calls);
        calls = calls.saturating_add(u32::from(frame.kind != CallKind::SelfDestruct));
    }
    numbers.push(calls);
    numbers
}
