//! # What it watches
//! Somebody else's contract entered again while it runs, through a contract of the sender.
//! # Why it matters
//! Whoever is entered before the books are written pays twice.
//! # What it misses
//! Re-entry into a sister contract, or one that only reads (seen here only where the reader is entered again as well).
//! # False alarms
//! Pools and vaults made to be entered again: flash loans, swaps within a vault's lock, tokens that sell for themselves.
//! # References
//! Rodler et al., "Sereum", NDSS 2019; EIP-777 hooks.

use std::collections::BTreeSet;

use portcullis_types::evidence::{Frame, Reentry, WriteAfter};

use super::{FRAMES_MAX, RARE, Sighting, UNCOMMON, UNHEARD};
use crate::{picture::Picture, suspicion::AttackClass, vocabulary::Meaning};

pub(super) fn look(picture: &Picture<'_>) -> Option<Sighting> {
    if !picture.private() {
        return None;
    }
    let again: Vec<&Reentry> =
        picture.evidence.reentries.iter().filter(|r| dangerous(picture, r)).collect();
    let first = again.first()?;
    let written =
        again.iter().any(|r| matches!(&r.write_after, WriteAfter::Slots(s) if !s.is_empty()));
    let contracts: BTreeSet<_> = again.iter().map(|r| r.contract).collect();
    let e_value = match (picture.may_have_gained(), written) {
        (true, true) => UNHEARD,
        (true, false) => RARE,
        (false, _) => UNCOMMON,
    };
    Some(Sighting {
        e_value,
        class: AttackClass::Reentrancy,
        sentence: format!(
            "{} was entered again {} times while it ran",
            first.contract,
            again.len()
        ),
        frames: again.iter().take(FRAMES_MAX).map(|r| r.inner).collect(),
        victims: contracts.into_iter().collect(),
    })
}

fn dangerous(picture: &Picture<'_>, reentry: &Reentry) -> bool {
    let through_own = reentry.through.iter().any(|contract| picture.is_own(contract));
    if picture.is_own(&reentry.contract) || !through_own {
        return false;
    }
    let (Some(outer), Some(inner)) = (picture.frame(reentry.outer), picture.frame(reentry.inner))
    else {
        return false;
    };
    if inner.selector().is_none() {
        return false;
    }
    let (outer, inner) = (kind(picture, outer), kind(picture, inner));
    !matches!(
        (outer, inner),
        (_, Some(Meaning::View | Meaning::Callback | Meaning::FlashCallback))
            | (Some(Meaning::Token | Meaning::Wrap), Some(Meaning::Token | Meaning::Wrap))
            | (
                Some(Meaning::Flash | Meaning::Swap | Meaning::Route),
                Some(
                    Meaning::Token
                        | Meaning::Wrap
                        | Meaning::Swap
                        | Meaning::Flash
                        | Meaning::Route
                        | Meaning::Upkeep
                )
            )
    )
}

fn kind(picture: &Picture<'_>, frame: &Frame) -> Option<Meaning> {
    picture.meaning(frame)
}
