//! What is recorded while a transaction runs: its frames, logs and writes, in the builder's flat form.

use alloy_primitives::{Address, Bytes, Log as EmittedLog, U256};
use portcullis_types::evidence::{CodeFeatures, Log};

use crate::{
    builder::{Entry, Flat, Step, Write, may_tell_of_a_transfer},
    code,
};

/// The record of one transaction.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    flat: Flat,
    writes: Vec<Write>,
    open: Vec<Open>,
    /// How many frames were entered, SELFDESTRUCT not counted.
    entered: u32,
    /// How many of the logs that stand in the journal have their place among the steps.
    logs_placed: usize,
    any_failed: bool,
}

/// A frame that has not ended.
#[derive(Debug)]
struct Open {
    index: u32,
    number: u32,
    steps_before: usize,
    logs_before: usize,
    /// Of a creation.
    creation_code: Option<Bytes>,
}

impl Recorder {
    /// A frame is entered, when there are `logs` in the journal.
    pub(crate) fn enter(&mut self, entry: Entry, creation_code: Option<Bytes>, logs: usize) {
        self.place_logs(logs);
        let (steps_before, logs_before) = (self.flat.steps.len(), logs);
        let index = self.push(entry);
        let number = self.entered;
        self.open.push(Open { index, number, steps_before, logs_before, creation_code });
        self.entered = self.entered.saturating_add(1);
    }

    fn push(&mut self, entry: Entry) -> u32 {
        let index = self.flat.frames.len() as u32;
        let around = self.open.last().map(|open| open.index);
        let around = around.and_then(|at| Some((at, self.flat.frames.get(at as usize)?)));
        let frame = entry.frame(around);
        self.flat.frames.push(frame);
        self.flat.ends.push(index.saturating_add(1));
        self.flat.depths.push(u16::try_from(self.open.len()).unwrap_or(u16::MAX));
        self.flat.steps.push(Step::Enter(index));
        index
    }

    /// The frame just entered creates a contract at `address`.
    pub(crate) fn creates(&mut self, address: Address) {
        let open = self.open.last().map(|open| open.index);
        let frame = open.and_then(|index| self.flat.frames.get_mut(index as usize));
        if let Some(frame) = frame {
            (frame.to, frame.context) = (address, address);
        }
    }

    /// The frame entered last of those that have not ended ends with `output`, when there are `logs` in the journal.
    pub(crate) fn leave(&mut self, failed: bool, output: &[u8], logs: usize) {
        let Some(open) = self.open.pop() else { return };
        let index = open.index as usize;
        if let Some(end) = self.flat.ends.get_mut(index) {
            *end = self.flat.frames.len() as u32;
        }
        if !failed {
            self.place_logs(logs);
            if let Some(creation_code) = &open.creation_code {
                self.flat.codes.push((open.index, code::features(creation_code, output)));
            }
            return;
        }
        // The journal forgets what the frame and those below it logged.
        self.flat.steps.truncate(open.steps_before);
        self.logs_placed = open.logs_before;
        self.any_failed = true;
        let has_no_calls = self.flat.frames.len() == index + 1;
        if let Some(frame) = self.flat.frames.get_mut(index) {
            frame.failed = true;
            // As a call tree says it: where a failed creation would have been is known from whom it called.
            if has_no_calls && crate::builder::is_creation(frame.kind) {
                (frame.to, frame.context) = (Address::ZERO, Address::ZERO);
            }
        }
    }

    /// The running frame destroys its contract; `moved` says to whom its balance goes, if anything moves.
    pub(crate) fn destroy(&mut self, moved: Option<(Address, U256)>, logs: usize) {
        self.place_logs(logs);
        let running = self.open.last().and_then(|open| self.flat.frames.get(open.index as usize));
        let itself = running.map_or(Address::ZERO, |frame| frame.context);
        let (to, value) = moved.unwrap_or((itself, U256::ZERO));
        self.push(Entry::destruction(to, value));
    }

    /// The running frame writes to `slot`. Writes that fail for lack of gas are recorded too: their frame fails.
    pub(crate) fn write(&mut self, slot: U256) {
        if let Some(open) = self.open.last() {
            let (frame, entered, slot) = (open.number, self.entered, slot.into());
            self.writes.push(Write { frame, entered, slot });
        }
    }

    /// Logs that the journal holds and that have no place yet were emitted by the frame that is running.
    fn place_logs(&mut self, logs: usize) {
        let unplaced = self.logs_placed as u32..logs as u32;
        self.flat.steps.extend(unplaced.map(Step::Log));
        self.logs_placed = logs;
    }

    /// Whether anything happened that should not have: no frame, a frame without an end, a log without a place or a
    /// place without a log.
    pub(crate) fn is_broken(&self, success: bool, logs: usize) -> bool {
        let placed = self.flat.steps.iter().filter(|step| matches!(step, Step::Log(_)));
        self.flat.frames.first().is_none_or(|first| first.failed == success)
            || !self.open.is_empty()
            || placed.count() != logs
    }

    /// Whether one that `watched` names may have taken part in the calls or the `logs`. Says yes too often, never too
    /// seldom: failed frames and events that move nothing are not told apart.
    pub(crate) fn may_touch(
        &self,
        logs: &[EmittedLog],
        watched: &dyn Fn(&Address) -> bool,
    ) -> bool {
        let in_frames = self
            .flat
            .frames
            .iter()
            .any(|frame| watched(&frame.from) || watched(&frame.to) || watched(&frame.context));
        let embedded = |(_, code): &(u32, CodeFeatures)| code.embedded.iter().any(watched);
        in_frames
            || self.flat.codes.iter().any(embedded)
            || logs.iter().any(|log| {
                let mut holders = log.topics().iter().skip(1).map(|word| Address::from_word(*word));
                watched(&log.address)
                    || (may_tell_of_a_transfer(log.topics())
                        // What is minted or burnt goes by the zero address, which need not be named.
                        && (watched(&Address::ZERO) || holders.any(|holder| watched(&holder))))
            })
    }

    /// The finished record, with the `logs` that took effect.
    pub(crate) fn finish(&mut self, logs: Vec<EmittedLog>) -> (&mut Flat, &[Write]) {
        if self.any_failed {
            mark_ineffective(&mut self.flat);
        }
        let logs = logs.into_iter().map(|log| {
            let (topics, data) = log.data.split();
            Log { address: log.address, topics, data }
        });
        self.flat.logs = logs.collect();
        (&mut self.flat, &self.writes)
    }

    /// Forgets the transaction and keeps the room that it took.
    pub(crate) fn clear(&mut self) {
        let Self { flat, writes, open, .. } = self;
        let Flat { frames, ends, depths, refused, steps, logs, codes } = flat;
        frames.clear();
        ends.clear();
        depths.clear();
        refused.clear();
        steps.clear();
        logs.clear();
        codes.clear();
        writes.clear();
        open.clear();
        (self.entered, self.logs_placed, self.any_failed) = (0, 0, false);
    }
}

/// A frame takes effect if neither it nor a frame around it failed.
fn mark_ineffective(flat: &mut Flat) {
    // Where the outermost failed frame ends.
    let mut failed_until = 0;
    for ((index, frame), end) in (0u32..).zip(&mut flat.frames).zip(&flat.ends) {
        if frame.failed && index >= failed_until {
            failed_until = *end;
        }
        frame.effective = index >= failed_until;
    }
}
