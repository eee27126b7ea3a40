//! # What it watches
//! Functions that take out a contract's money in need (`emergencyWithdraw(address)`, `rescueTokens`, `sweep` …), called by
//! the sender's own contract, which is then paid.
//! # Why it matters
//! They are for the owner, who is an account or a well known wallet. A stranger's contract that may call them has made
//! itself the owner, or was let in by mistake.
//! # What it misses
//! Such functions by any other name; thieves who call them directly, as owners do.
//! # False alarms
//! Owners that are contracts of their own making: not paid more than the windfall of a bot, they raise no alarm by this
//! alone.
//! # References
//! DAO Maker (2021-09-03): set up again by a stranger, then emptied by `emergencyExit`.

use super::{FRAMES_MAX, RARE, Sighting, UNCOMMON, UNHEARD};
use crate::{
    picture::{Act, Picture},
    suspicion::AttackClass,
    vocabulary::Meaning,
};

pub(super) fn look(picture: &Picture<'_>) -> Option<Sighting> {
    if !picture.private() || !picture.profit.gained {
        return None;
    }
    let paid = |act: &&Act| {
        act.meaning == Some(Meaning::Rescue) && picture.contract_was_paid_by(&act.callee)
    };
    let acts: Vec<&Act> = picture.acts.iter().filter(paid).collect();
    let first = acts.first()?;
    // What was done to it before, other than paying it.
    let prepared = picture.acts.iter().any(|act| {
        act.callee == first.callee
            && act.frame < first.frame
            && act.selector.is_some()
            && matches!(act.meaning, None | Some(Meaning::Initialize | Meaning::Ownership))
    });
    let e_value = match (prepared, picture.profit.gave) {
        (_, true) => UNCOMMON,
        (true, false) => UNHEARD,
        (false, false) => RARE,
    };
    Some(Sighting {
        e_value,
        class: AttackClass::AccessControl,
        sentence: format!("took the money of {} out as only its owner may", first.callee),
        frames: acts.iter().take(FRAMES_MAX).map(|act| act.frame).collect(),
        victims: vec![first.callee],
    })
}
