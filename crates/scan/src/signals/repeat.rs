//! # What it watches
//! One function of one contract, called many times over by the sender's own contract: deposits, claims, trades.
//! # Why it matters
//! Errors of rounding, of bookkeeping and of a price that moves too far are small each time and worth it by the dozen.
//! # What it misses
//! Errors that pay at once.
//! # False alarms
//! Payments and claims in bulk for many customers (they gain nothing themselves).
//! # References
//! Balancer/STA (2020-06-29); Spartan (2021-05-02).

use alloy_primitives::{Address, map::HashMap};

use super::{FRAMES_MAX, RARE, Sighting, UNCOMMON, UNHEARD};
use crate::{picture::Picture, suspicion::AttackClass, vocabulary::Meaning};

/// Repetitions that are too many to be a path through pools.
const TIMES_MIN: usize = 6;
/// Repetitions that are a loop.
const TIMES_LOOP: usize = 20;

pub(super) fn look(picture: &Picture<'_>) -> Option<Sighting> {
    if !picture.private() || picture.acts.len() < TIMES_MIN {
        return None;
    }
    let mut counts: HashMap<(Address, [u8; 4]), (usize, Option<Meaning>)> = HashMap::default();
    for act in &picture.acts {
        let Some(selector) = act.selector else { continue };
        if !matches!(act.meaning, Some(Meaning::Token | Meaning::View | Meaning::Wrap)) {
            counts.entry((act.callee, selector)).or_insert((0, act.meaning)).0 += 1;
        }
    }
    let most = counts
        .into_iter()
        .max_by_key(|((callee, selector), (times, _))| (*times, *callee, *selector));
    let ((callee, selector), (times, meaning)) =
        most.filter(|(_, (times, _))| *times >= TIMES_MIN)?;
    let trades = matches!(meaning, Some(Meaning::Swap | Meaning::Route));
    let e_value = match (picture.may_have_gained(), times >= TIMES_LOOP) {
        (true, true) => UNHEARD,
        (true, false) => RARE,
        (false, _) => UNCOMMON,
    };
    let class = if trades { AttackClass::PriceManipulation } else { AttackClass::Accounting };
    let same = picture.acts.iter().filter(|a| a.callee == callee && a.selector == Some(selector));
    Some(Sighting {
        e_value,
        class,
        sentence: format!("did the same to {callee} {times} times"),
        frames: same.take(FRAMES_MAX).map(|act| act.frame).collect(),
        victims: vec![callee],
    })
}
