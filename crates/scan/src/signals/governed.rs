//! # What it watches
//! A decision executed, or voted on, by the sender's own contract in the same transaction that gains from it.
//! # Why it matters
//! Votes that are borrowed or bought for the length of a transaction rule over other people's money.
//! # What it misses
//! Decisions executed in a transaction of their own; functions of no standard.
//! # False alarms
//! Keepers that execute what has been decided and are paid for it.
//! # References
//! Beanstalk (2022-04-17), Fortress (2022-05-09).

use super::{FRAMES_MAX, RARE, Sighting, UNCOMMON, UNHEARD};
use crate::{picture::Picture, suspicion::AttackClass, vocabulary::Meaning};

pub(super) fn look(picture: &Picture<'_>) -> Option<Sighting> {
    if !picture.private() || !picture.may_have_gained() {
        return None;
    }
    let acts: Vec<_> =
        picture.acts.iter().filter(|act| act.meaning == Some(Meaning::Govern)).collect();
    let first = acts.first()?;
    let lent = super::flash::lender(picture).is_some();
    let used = picture.did(Meaning::Borrow) || picture.did(Meaning::TakeOut);
    let e_value = match (lent, used) {
        (true, _) => UNHEARD,
        (false, true) => RARE,
        (false, false) => UNCOMMON,
    };
    Some(Sighting {
        e_value,
        class: AttackClass::Governance,
        sentence: format!("ruled over {} and gained from it", first.callee),
        frames: acts.iter().take(FRAMES_MAX).map(|act| act.frame).collect(),
        victims: vec![first.callee],
    })
}
