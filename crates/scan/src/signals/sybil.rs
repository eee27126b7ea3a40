//! # What it watches
//! Many contracts created in one transaction that all call the same function of somebody else.
//! # Why it matters
//! What is granted once a head is taken many times.
//! # What it misses
//! Heads created in other transactions.
//! # False alarms
//! Farming of free mints and airdrops, which is not theft but not meant either.
//! # References
//! Douceur, "The Sybil Attack", IPTPS 2002.

use std::collections::BTreeMap;

use alloy_primitives::Address;

use super::{FRAMES_MAX, RARE, Sighting, UNHEARD};
use crate::{picture::Picture, suspicion::AttackClass, vocabulary::Meaning};

/// Hands that do the same.
const HANDS_MIN: usize = 4;

/// Who did it, and in which frame.
type Hands = Vec<(Address, u32)>;

pub(super) fn look(picture: &Picture<'_>) -> Option<Sighting> {
    if picture.created.len() < HANDS_MIN {
        return None;
    }
    let mut hands: BTreeMap<(Address, [u8; 4]), Hands> = BTreeMap::new();
    for act in picture.acts.iter().filter(|act| picture.created.contains(&act.actor)) {
        let Some(selector) = act.selector else { continue };
        if matches!(act.meaning, Some(Meaning::Token | Meaning::View | Meaning::Wrap)) {
            continue;
        }
        let doing = hands.entry((act.callee, selector)).or_default();
        if !doing.iter().any(|(actor, _)| *actor == act.actor) {
            doing.push((act.actor, act.frame));
        }
    }
    let ((callee, _), doing) = hands.into_iter().max_by_key(|(_, doing)| doing.len())?;
    if doing.len() < HANDS_MIN {
        return None;
    }
    Some(Sighting {
        e_value: if picture.may_have_gained() { UNHEARD } else { RARE },
        class: AttackClass::Accounting,
        sentence: format!("{} contracts created just now did the same to {callee}", doing.len()),
        frames: doing.iter().take(FRAMES_MAX).map(|(_, frame)| *frame).collect(),
        victims: vec![callee],
    })
}
