//! # What it watches
//! A contract created by the sender whose code shows five things at once: it borrows for the length of a call (asks for
//! a flash loan or answers a lender), uses doors of two kinds into or out of pools, vaults and markets, trades, holds many
//! addresses as constants, and offers the public nothing: it is neither token nor vault, and closes nobody's debt.
//! # Why it matters
//! That is a plan written down for one occasion. Half of all attacks come within 135 seconds of their contract's creation:
//! what is seen now can be answered before.
//! # What it misses
//! Code that gets its addresses by a call, that is loaded by a delegate call, or that needs no loan.
//! # False alarms
//! Contracts of farmers and searchers for their own use, which look just the same. `LookAhead` reports false alarms on
//! 0.16 % of all creations by 41 features, and about one transaction in 200 creates a contract: hence the e-value. The 26
//! creations in the ordinary blocks known here cannot tell.
//! # References
//! `LookAhead` (arXiv 2401.07261): features of attackers' contracts; 9.63 addresses on average in 117 of them.

use portcullis_types::evidence::CodeFeatures;

use super::{Sighting, UNHEARD};
use crate::{
    picture::{Entry, Picture},
    suspicion::AttackClass,
    vocabulary::Meaning,
};

/// Addresses in the code. A router, a token and its pair make three; attackers' contracts hold nearly ten.
const EMBEDDED_MIN: usize = 8;

/// Ways into and out of pools, vaults and markets.
const DOORS: [Meaning; 9] = [
    Meaning::Supply,
    Meaning::PayIn,
    Meaning::AddLiquidity,
    Meaning::Collateral,
    Meaning::Borrow,
    Meaning::TakeOut,
    Meaning::RemoveLiquidity,
    Meaning::Claim,
    Meaning::Issue,
];
/// Kinds of doors that the code uses: one is a bot's.
const DOORS_MIN: usize = 2;

pub(super) fn look(picture: &Picture<'_>) -> Option<Sighting> {
    if picture.entry != Entry::Creation {
        return None;
    }
    let created = picture.evidence.created.first()?;
    let features = created.features.as_deref()?;
    is_plan(picture, features).then(|| Sighting {
        e_value: UNHEARD,
        class: AttackClass::Other,
        sentence: format!(
            "created {}, which borrows, pays in, takes out and trades at {} places for nobody else",
            created.address,
            features.embedded.len()
        ),
        frames: vec![0],
        victims: Vec::new(),
    })
}

fn is_plan(picture: &Picture<'_>, features: &CodeFeatures) -> bool {
    let meanings = |selectors: &[alloy_primitives::Selector]| -> Vec<Meaning> {
        selectors.iter().filter_map(|selector| picture.vocabulary.meaning(selector.0)).collect()
    };
    let (offers, calls) = (meanings(&features.functions), meanings(&features.calls));
    let any = |all: &[Meaning], wanted: &[Meaning]| all.iter().any(|one| wanted.contains(one));
    let borrows = any(&calls, &[Meaning::Flash]) || any(&offers, &[Meaning::FlashCallback]);
    let mut doors: Vec<Meaning> = calls.iter().copied().filter(|one| DOORS.contains(one)).collect();
    doors.sort_unstable();
    doors.dedup();
    let is_public = any(&offers, &[Meaning::PayIn, Meaning::Supply, Meaning::Swap, Meaning::Route]);
    let is_token = offers.iter().filter(|one| **one == Meaning::Token).count() > 2;
    features.embedded.len() >= EMBEDDED_MIN
        && borrows
        && doors.len() >= DOORS_MIN
        && any(&calls, &[Meaning::Swap, Meaning::Route])
        && !any(&calls, &[Meaning::Liquidate])
        && !is_public
        && !is_token
}
