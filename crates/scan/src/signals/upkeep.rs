//! # What it watches
//! `sync`, `skim` and `gulp` of a pool, called by the sender's own contract.
//! # Why it matters
//! Whoever has changed a pool's balance behind its back (burnt its tokens, sent it some, let it be taxed) must make the
//! pool believe the new balance before the moved price can be used.
//! # What it misses
//! Pools without such functions; tokens that call `sync` themselves.
//! # False alarms
//! Bots that collect what others sent to pools by mistake; tokens' own keepers.
//! # References
//! Uniswap V2 whitepaper §3.3 (`sync` and `skim`).

use super::{FRAMES_MAX, RARE, Sighting, UNHEARD};
use crate::{picture::Picture, suspicion::AttackClass, vocabulary::Meaning};

pub(super) fn look(picture: &Picture<'_>) -> Option<Sighting> {
    if !picture.private() {
        return None;
    }
    let acts: Vec<_> =
        picture.acts.iter().filter(|act| act.meaning == Some(Meaning::Upkeep)).collect();
    let first = acts.first()?;
    let traded = picture.did(Meaning::Swap) || picture.did(Meaning::Route);
    Some(Sighting {
        e_value: if traded { UNHEARD } else { RARE },
        class: AttackClass::PriceManipulation,
        sentence: format!(
            "made pool {} believe changed balances {} times",
            first.callee,
            acts.len()
        ),
        frames: acts.iter().take(FRAMES_MAX).map(|act| act.frame).collect(),
        victims: vec![first.callee],
    })
}
