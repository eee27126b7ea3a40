//! A call tree, flattened. It walks with a stack of its own: a hostile tree must not overflow the thread's.

use alloy_primitives::{Address, Bytes, U256};
use portcullis_types::{
    evidence::{CallKind, CodeFeatures, Frame, INPUT_BYTES_MAX, Log},
    text::printable,
    wire::TraceFrame,
};

use super::{is_creation, plain_log};
use crate::{code, error::SimulateError};

/// Most frames of one transaction. A call costs at least 100 gas and what puts it on the stack: the 16.8 million gas that
/// a transaction may use since Osaka (EIP-7825) buy less than 150,000. Real transactions stay below 20,000.
pub const FRAMES_MAX: usize = 200_000;

/// Most logs of one transaction; a log costs at least 375 gas.
pub const LOGS_MAX: usize = 200_000;

/// Deepest call tree. The EVM allows 1,024 calls below the first, and tracers add a frame for SELFDESTRUCT.
pub const DEPTH_MAX: usize = 1_026;

/// A flattened call tree: the form in which both roads hand over what they saw.
#[derive(Debug, Default)]
pub(crate) struct Flat {
    /// In entry order.
    pub(crate) frames: Vec<Frame>,
    /// Of each frame: index of the first frame entered after it had ended.
    pub(crate) ends: Vec<u32>,
    /// Of each frame: how many frames are around it.
    pub(crate) depths: Vec<u16>,
    /// Of each frame: whether it answered with a word that is zero. Read where logs are unknown; execution, which knows
    /// them, leaves it empty.
    pub(crate) refused: Vec<bool>,
    /// What took effect, in order.
    pub(crate) steps: Vec<Step>,
    /// Effective logs in emission order.
    pub(crate) logs: Vec<Log>,
    /// Of creations that did not fail themselves: their frame and what their code looks like, in any order.
    pub(crate) codes: Vec<(u32, CodeFeatures)>,
}

/// Something that took effect.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    /// This frame was entered.
    Enter(u32),
    /// This was logged.
    Log(u32),
}

impl Flat {
    /// Effective frames in entry order, with their indexes.
    pub(crate) fn effective(&self) -> impl Iterator<Item = (u32, &Frame)> {
        (0u32..).zip(&self.frames).filter(|(_, frame)| frame.effective)
    }

    /// The error of a tree with more frames than can be looked at.
    pub(crate) fn too_many_frames() -> SimulateError {
        let what = "number of frames of a transaction".to_owned();
        SimulateError::TooLarge { what, limit: FRAMES_MAX }
    }
}

/// How a frame is entered, before it is known how it ends.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) kind: CallKind,
    /// Who calls; looked at for the first frame only.
    pub(crate) sender: Address,
    pub(crate) to: Address,
    pub(crate) value: U256,
    pub(crate) input: Bytes,
    pub(crate) input_length: u32,
}

impl Entry {
    /// Of a SELFDESTRUCT that moves `value` to `to`.
    pub(crate) fn destruction(to: Address, value: U256) -> Self {
        let (kind, input) = (CallKind::SelfDestruct, Bytes::new());
        Self { kind, sender: Address::ZERO, to, value, input, input_length: 0 }
    }

    /// The frame, below the frame `around`, as if it took effect.
    pub(crate) fn frame(self, around: Option<(u32, &Frame)>) -> Frame {
        let Self { kind, sender, to, value, input, input_length } = self;
        let parent = around.map(|(index, _)| index);
        // The tree itself says who calls: nodes of some makes name the code instead of the storage for delegate calls.
        let from = around.map_or(sender, |(_, frame)| frame.context);
        let context = match kind {
            CallKind::DelegateCall | CallKind::CallCode | CallKind::SelfDestruct => from,
            _ => to,
        };
        let value = match kind {
            CallKind::StaticCall => U256::ZERO,
            // Nothing moves, but the code sees the value of the frame around it.
            CallKind::DelegateCall => around.map_or(U256::ZERO, |(_, frame)| frame.value),
            _ => value,
        };
        let (effective, failed) = (true, false);
        Frame { parent, kind, from, to, context, value, input, input_length, effective, failed }
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
pub(crate) fn flatten(trace: &TraceFrame, success: bool) -> Result<Flat, SimulateError> {
    let mut flat = Flat::default();
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

impl Flat {
    fn enter<'a>(
        &mut self,
        wire: &'a TraceFrame,
        parent: Option<u32>,
        success: bool,
        depth: usize,
    ) -> Result<Open<'a>, SimulateError> {
        let index = self.frames.len();
        if index >= FRAMES_MAX {
            return Err(Self::too_many_frames());
        }
        let index = index as u32;
        let around = parent.and_then(|at| Some((at, self.frames.get(at as usize)?)));
        let frame = frame_of(wire, around, success)?;
        if frame.effective {
            self.steps.push(Step::Enter(index));
            if is_creation(frame.kind) {
                let deployed = wire.output.as_ref().map_or(&[][..], |output| output);
                self.codes.push((index, code::features(&wire.input, deployed)));
            }
        }
        self.frames.push(frame);
        self.ends.push(index.saturating_add(1));
        self.depths.push(u16::try_from(depth).unwrap_or(u16::MAX));
        self.refused.push(wire.output.as_ref().is_some_and(is_zero_word));
        Ok(Open { wire, index, calls_entered: 0, logs_emitted: 0 })
    }

    /// Emits the logs of `top` that come before its next sub-call.
    fn emit_logs(&mut self, top: &mut Open<'_>) {
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
                self.steps.push(Step::Log(self.logs.len() as u32));
                self.logs.push(plain_log(log));
            }
        }
    }
}

fn is_zero_word(output: &Bytes) -> bool {
    output.len() == 32 && output.iter().all(|byte| *byte == 0)
}

fn frame_of(
    wire: &TraceFrame,
    around: Option<(u32, &Frame)>,
    success: bool,
) -> Result<Frame, SimulateError> {
    let kind = kind_of(&wire.kind)?;
    let from = around.map_or(wire.from, |(_, parent)| parent.context);
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
    let (input, input_length) = cut(&wire.input);
    let value = wire.value.unwrap_or(U256::ZERO);
    let entry = Entry { kind, sender: wire.from, to, value, input, input_length };
    let effective = success && !failed && around.is_none_or(|(_, parent)| parent.effective);
    Ok(Frame { effective, failed, ..entry.frame(around) })
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
pub(crate) fn cut(input: &Bytes) -> (Bytes, u32) {
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
