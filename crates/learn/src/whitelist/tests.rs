use proptest::prelude::*;

use super::*;
use crate::testing::observation;

#[test]
fn what_is_new_raises_one_alarm_and_what_nobody_gains_by_raises_none() {
    let mut past: Vec<Observation> = (0..10).map(|block| observation(block, &[1])).collect();
    past.extend((10..20).map(|block| observation(block, &[1, 2])));
    let mut quiet = observation(20, &[3]);
    quiet.has_gain = false;
    let mut own = observation(21, &[4]);
    own.form.composed = false;
    past.extend([quiet, own]);
    let learned = learn(&past, REPEAT_FACTOR);
    assert_eq!(learned.false_alarms, FalseAlarms { alarms: 1, of: 18 });
    assert_eq!((learned.transactions, learned.from_block, learned.to_block), (22, 0, 21));
    assert_eq!((learned.functions.len(), learned.forms.len()), (4, 4));
}

#[test]
fn repeating_beyond_the_factor_is_an_alarm() {
    let past: Vec<Observation> = (0..10).map(|block| observation(block, &[1, 1, 1])).collect();
    let learned = learn(&past, REPEAT_FACTOR);
    assert!(!is_alarm(&learned, &observation(11, &[1; 6])));
    assert!(is_alarm(&learned, &observation(11, &[1; 7])));
}

proptest! {
    /// What was learned from is never news, whatever it was, and learning more makes nothing new.
    #[test]
    fn the_past_is_known(past in prop::collection::vec(prop::collection::vec(0u8..6, 1..8), 1..30),
                         more in prop::collection::vec(prop::collection::vec(0u8..6, 1..8), 0..10)) {
        let blocks = |all: &[Vec<u8>]| -> Vec<Observation> {
            (0..).zip(all).map(|(block, selectors)| observation(block, selectors)).collect()
        };
        let (past, more) = (blocks(&past), blocks(&more));
        let learned = learn(&past, 1);
        for known in &past {
            prop_assert!(!is_alarm(&learned, known));
        }
        let all: Vec<Observation> = past.iter().chain(&more).cloned().collect();
        let learned_more = learn(&all, 1);
        for one in &all {
            prop_assert!(is_alarm(&learned, one) || !is_alarm(&learned_more, one));
        }
    }
}
