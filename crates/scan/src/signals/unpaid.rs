//! # What it watches
//! A contract that pays the sender's own contract and gets nothing at all, from anybody.
//! # Why it matters
//! A pool gets something for what it gives; who gives for nothing was robbed, or owed it.
//! # What it misses
//! Victims that get something worthless.
//! # False alarms
//! Claims and withdrawals through a contract of one's own, where the receipt handed in is in nobody's books.
//! # References
//! `TempleDAO` (2022-10-11), `OlympusDAO` (2022-10-21).

use portcullis_types::money::Asset;

use super::{OFTEN, RARE, Sighting, UNCOMMON};
use crate::{
    picture::{Entry, Picture},
    suspicion::AttackClass,
    vocabulary::Meaning,
};

pub(super) fn look(picture: &Picture<'_>) -> Option<Sighting> {
    if !picture.private() || !picture.profit.gained || picture.profit.gave {
        return None;
    }
    let mut losers = Vec::new();
    for (holder, flows) in picture.others() {
        let coin =
            picture.prices.plain(picture.evidence.chain, Asset::Token(holder)) == Asset::Native;
        if coin || picture.silent(&holder) || flows.iter().any(|flow| !flow.delta.is_negative()) {
            continue;
        }
        if flows.iter().any(|flow| !picture.gain_of(flow.asset).is_zero()) {
            losers.push(holder);
        }
    }
    let first = *losers.first()?;
    let acts: Vec<u32> = picture.acts_beyond_trade().map(|act| act.frame).take(4).collect();
    if acts.is_empty() {
        return None;
    }
    let asked = picture.acts.iter().any(|act| {
        matches!(
            act.meaning,
            Some(Meaning::Claim | Meaning::TakeOut | Meaning::RemoveLiquidity | Meaning::Borrow)
        )
    });
    let by_contract = losers.iter().any(|loser| picture.contract_was_paid_by(loser))
        || picture.entry == Entry::Creation;
    // A pool that traded and was paid nothing by anybody has been lied to.
    let traded = picture
        .acts
        .iter()
        .any(|act| act.meaning == Some(Meaning::Swap) && losers.contains(&act.callee));
    let lent = super::flash::lender(picture).is_some();
    let e_value = match (traded && !lent && !asked, asked || !by_contract) {
        (true, _) => RARE,
        (false, true) => OFTEN,
        (false, false) => UNCOMMON,
    };
    Some(Sighting {
        e_value,
        class: AttackClass::AccessControl,
        sentence: format!("{first} paid and got nothing"),
        frames: acts,
        victims: losers,
    })
}
