//! The reference of the detector `novelty`, with what it would have said of its own past.

use portcullis_detect::novelty::{FalseAlarms, Learned};

use crate::{Observation, folds};

/// A function entered more than this many times as often as ever before is new. Two leaves room for the next larger
/// batch; attacks that repeat a function do so tens of times.
pub const REPEAT_FACTOR: u32 = 2;

/// Learns the ways that all observations took.
pub fn learn(past: &[Observation], repeat_factor: u32) -> Learned {
    let mut learned = Learned::empty(repeat_factor);
    let mut false_alarms = FalseAlarms::default();
    for (fold, range) in folds(past.len()).enumerate() {
        let observed = past.get(range).unwrap_or_default();
        if fold > 0 {
            let alarms =
                observed.iter().filter(|observation| is_alarm(&learned, observation)).count();
            false_alarms.alarms += alarms as u64;
            false_alarms.of += observed.len() as u64;
        }
        for observation in observed {
            learned.add(observation.block, &observation.form);
        }
    }
    learned.false_alarms = false_alarms;
    learned
}

/// Whether `novelty` would raise a finding: composed by others, new, and somebody gained.
pub fn is_alarm(learned: &Learned, observation: &Observation) -> bool {
    observation.form.composed && observation.has_gain && !learned.news(&observation.form).is_empty()
}
