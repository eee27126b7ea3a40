//! The reference of the detector `novelty`, with what it would have said of its own past.
//!
//! Each observation is judged by a reference of all that came before it, and then learned (prequential; Dawid, JRSS A 147,
//! 1984). So what is new raises one alarm and not one for each time it is used again: that is the burden on people who
//! add what they looked at to the reference. The first of [`FOLDS`](crate::FOLDS) parts is learned without being judged.

use portcullis_detect::novelty::{FalseAlarms, Learned};

use crate::{FOLDS, Observation};

/// A function entered more than this many times as often as ever before is new. Two leaves room for the next larger
/// batch; attacks that repeat a function do so tens of times.
pub const REPEAT_FACTOR: u32 = 2;

/// Learns the ways that all observations took.
pub fn learn(past: &[Observation], repeat_factor: u32) -> Learned {
    let mut learned = Learned::empty(repeat_factor);
    let mut false_alarms = FalseAlarms::default();
    for (index, observation) in past.iter().enumerate() {
        if index >= past.len() / FOLDS {
            false_alarms.alarms += u64::from(is_alarm(&learned, observation));
            false_alarms.of += 1;
        }
        learned.add(observation.block, &observation.form);
    }
    learned.false_alarms = false_alarms;
    learned
}

/// Whether `novelty` would raise a finding: composed by others, new, and somebody gained.
pub fn is_alarm(learned: &Learned, observation: &Observation) -> bool {
    observation.form.composed && observation.has_gain && !learned.news(&observation.form).is_empty()
}

#[cfg(test)]
mod tests;
