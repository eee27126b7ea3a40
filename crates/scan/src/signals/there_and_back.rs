//! # What it watches
//! One pool that the sender's own contract trades with in both directions, with a gain.
//! # Why it matters
//! A price that is moved and moved back was moved for what happens in between. Arbitrage passes a pool once.
//! # What it misses
//! Prices moved in one pool and back in another, or by other means than trades.
//! # False alarms
//! Bots that trade and unwind within one transaction, wash trading (mostly without a gain).
//! # References
//! `DeFiRanger` (arXiv 2104.15068).

use std::collections::BTreeMap;

use alloy_primitives::Address;
use portcullis_types::money::Asset;

use super::{RARE, Sighting, UNHEARD};
use crate::{picture::Picture, suspicion::AttackClass, vocabulary::Meaning};

pub(super) fn look(picture: &Picture<'_>) -> Option<Sighting> {
    if !picture.private() || !picture.may_have_gained() || picture.evidence.transfers.len() < 4 {
        return None;
    }
    let trades =
        |act: &crate::picture::Act| matches!(act.meaning, Some(Meaning::Swap | Meaning::Route));
    if picture.acts.iter().filter(|act| trades(act)).count() < 2 {
        return None;
    }
    let pool = pools(picture)?;
    let beyond = picture.acts_beyond_trade().next().is_some();
    let lent = super::flash::lender(picture).is_some_and(|lender| lender != pool);
    let frames =
        picture.acts.iter().filter(|act| trades(act)).take(4).map(|act| act.frame).collect();
    Some(Sighting {
        e_value: if (beyond || lent) && !picture.profit.gave { UNHEARD } else { RARE },
        class: AttackClass::PriceManipulation,
        sentence: format!("traded with {pool} there and back"),
        frames,
        victims: vec![pool],
    })
}

/// A pool that the sender paid, and was paid by, in each of two assets. Wrapped and bare coins count as one.
fn pools(picture: &Picture<'_>) -> Option<Address> {
    let mut ways: BTreeMap<(Address, Asset), (bool, bool)> = BTreeMap::new();
    for transfer in &picture.evidence.transfers {
        let asset = picture.prices.plain(picture.evidence.chain, transfer.asset);
        let side = |address| picture.is_own(address);
        if side(&transfer.from) && !side(&transfer.to) {
            ways.entry((transfer.to, asset)).or_default().0 = true;
        } else if side(&transfer.to) && !side(&transfer.from) {
            ways.entry((transfer.from, asset)).or_default().1 = true;
        }
    }
    let both: Vec<Address> = ways
        .into_iter()
        .filter(|((pool, asset), (paid, was_paid))| {
            *paid && *was_paid && !pool.is_zero() && Asset::Token(*pool) != *asset
        })
        .map(|((pool, _), _)| pool)
        .collect();
    both.windows(2).find_map(|pair| match pair {
        [a, b] if a == b => Some(*a),
        _ => None,
    })
}
