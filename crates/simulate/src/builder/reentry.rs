//! Contracts entered again while they were running.
//!
//! An *activation* is the frame by which a contract was entered together with the delegate calls and calls to itself
//! that follow on the same storage. A contract is entered again when, during one of its activations, another contract
//! calls it, with a call that may write (not below a STATICCALL) and that took effect. `outer` is the entering frame of
//! the innermost activation that was running, `inner` that of the new one.

use alloy_primitives::{Address, B256};
use portcullis_types::evidence::{CallKind, Frame, Reentry, WriteAfter};

use super::frames::{Flat, call_numbers};

/// Most re-entries kept of a transaction, in order: one that holds more is no less remarkable for it.
pub const REENTRIES_MAX: usize = 64;

/// One write to storage, in the order of execution. Frames are counted as an inspector sees them: from 0, in entry
/// order, calls and creations alike, SELFDESTRUCT not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Write {
    /// The frame that wrote.
    pub frame: u32,
    /// How many frames had been entered by then.
    pub entered: u32,
    /// Where it wrote, in the storage of its context.
    pub slot: B256,
}

/// Finds the re-entries of a tree.
pub(crate) fn find(flat: &Flat, writes: Option<&[Write]>) -> Vec<Reentry> {
    // A contract, whom it calls, and the call back.
    const FRAMES_MIN: usize = 3;
    if flat.frames.len() < FRAMES_MIN {
        return Vec::new();
    }
    let activations = activations(&flat.frames);
    let mut found = Vec::new();
    for (outer, inner) in nested_activations(flat, &activations) {
        let Some(frame) = flat.frames.get(inner as usize) else { continue };
        found.push(Reentry {
            contract: frame.context,
            outer,
            inner,
            through: contexts_between(&flat.frames, outer, inner),
            write_after: WriteAfter::Unknown,
        });
    }
    if let Some(writes) = writes.filter(|_| !found.is_empty()) {
        let order = Order::new(flat, writes, &activations);
        for reentry in &mut found {
            reentry.write_after = order.after(reentry.outer, reentry.inner);
        }
    }
    found
}

/// For each frame, the frame that entered the activation it belongs to.
fn activations(frames: &[Frame]) -> Vec<u32> {
    let mut activations: Vec<u32> = Vec::with_capacity(frames.len());
    for (index, frame) in (0u32..).zip(frames) {
        let parent = frame.parent.map(|parent| parent as usize);
        let around = parent.and_then(|parent| frames.get(parent).zip(activations.get(parent)));
        let own = match around {
            Some((parent, activation)) if parent.context == frame.context => *activation,
            _ => index,
        };
        activations.push(own);
    }
    activations
}

/// An activation that has not ended.
struct Running {
    activation: u32,
    context: Address,
    end: u32,
}

/// Pairs of activations of one contract of which the second was entered, by a call that may write, during the first.
fn nested_activations(flat: &Flat, activations: &[u32]) -> Vec<(u32, u32)> {
    let mut pairs = Vec::new();
    // Seldom more than a handful, so that looking through them is the fastest way.
    let mut running: Vec<Running> = Vec::new();
    // Where the outermost STATICCALL ends: until then nothing may be written.
    let mut static_until = 0u32;
    for ((index, frame), activation) in (0u32..).zip(&flat.frames).zip(activations) {
        while running.pop_if(|last| index >= last.end).is_some() {}
        let end = flat.ends.get(index as usize).copied().unwrap_or(index);
        if frame.kind == CallKind::StaticCall && index >= static_until {
            static_until = end;
        }
        if *activation != index {
            continue;
        }
        let may_write = frame.kind == CallKind::Call && index >= static_until && frame.effective;
        if may_write
            && let Some(outer) = running.iter().rev().find(|one| one.context == frame.context)
        {
            pairs.push((outer.activation, index));
            if pairs.len() == REENTRIES_MAX {
                return pairs;
            }
        }
        running.push(Running { activation: index, context: frame.context, end });
    }
    pairs
}

/// The contexts of the frames around `inner` up to that of `outer`, outermost first, each run of one context once.
fn contexts_between(frames: &[Frame], outer: u32, inner: u32) -> Vec<Address> {
    let contract = frames.get(inner as usize).map(|frame| frame.context);
    let mut through = Vec::new();
    let mut at = frames.get(inner as usize).and_then(|frame| frame.parent);
    while let Some(index) = at {
        let Some(frame) = frames.get(index as usize) else { break };
        if index <= outer || Some(frame.context) == contract {
            break;
        }
        if through.last() != Some(&frame.context) {
            through.push(frame.context);
        }
        at = frame.parent;
    }
    through.reverse();
    through
}

/// The order of writes, in terms of frames.
struct Order<'a> {
    flat: &'a Flat,
    activations: &'a [u32],
    writes: &'a [Write],
    /// Number of each frame as an inspector counts, and the frame of each such number.
    numbers: Vec<u32>,
    frames: Vec<u32>,
}

impl<'a> Order<'a> {
    fn new(flat: &'a Flat, writes: &'a [Write], activations: &'a [u32]) -> Self {
        let calls = (0u32..).zip(&flat.frames);
        let calls = calls.filter(|(_, frame)| frame.kind != CallKind::SelfDestruct);
        let frames = calls.map(|(index, _)| index).collect();
        Self { flat, activations, writes, numbers: call_numbers(&flat.frames), frames }
    }

    /// What the activation `outer` wrote after the activation `inner` had ended.
    fn after(&self, outer: u32, inner: u32) -> WriteAfter {
        let end = self.flat.ends.get(inner as usize).copied().unwrap_or(u32::MAX);
        let Some(entered_by_then) = self.numbers.get(end as usize) else {
            return WriteAfter::Unknown;
        };
        let mut slots = Vec::new();
        for write in self.writes {
            let Some(frame) = self.frames.get(write.frame as usize) else {
                return WriteAfter::Unknown;
            };
            let by_outer = self.activations.get(*frame as usize) == Some(&outer);
            let effective =
                self.flat.frames.get(*frame as usize).is_some_and(|frame| frame.effective);
            if by_outer && effective && write.entered >= *entered_by_then {
                slots.push(write.slot);
            }
        }
        slots.sort_unstable();
        slots.dedup();
        if slots.is_empty() { WriteAfter::Nothing } else { WriteAfter::Slots(slots) }
    }
}
