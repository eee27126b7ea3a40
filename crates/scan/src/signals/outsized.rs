//! # What it watches
//! A sender who calls a contract directly and is paid a fortune for nothing, or whose own contract keeps one.
//! # Why it matters
//! Where neither shape nor function says anything, size does: who is paid millions for call data alone should be looked
//! at, be it a bridge's release or a treasury's payment.
//! # What it misses
//! Fortunes in coins without a reference price.
//! # False alarms
//! Withdrawals of large holders where the receipt handed in is in nobody's books; payments of treasuries.
//! # References
//! Uranium (2021-04-28), Nomad (2022-08-01): contracts that paid millions for call data alone.

use portcullis_types::{evidence::Transfer, money::Usd};

use super::{OFTEN, RARE, Sighting, UNCOMMON, UNHEARD};
use crate::{
    picture::{Entry, Picture},
    suspicion::AttackClass,
    vocabulary::Meaning,
};

/// What is small change to nobody.
const FORTUNE: Usd = Usd::dollars(1_000_000);
/// What bots hardly ever earn in one transaction.
const WINDFALL: Usd = Usd::dollars(100_000);

pub(super) fn look(picture: &Picture<'_>) -> Option<Sighting> {
    let profit = picture.profit;
    // What a smart wallet is paid, its owner is mostly owed; and where nobody knows who called, nobody knows who gained.
    if picture.entry == Entry::Wallet || !picture.evidence.known.callers {
        return None;
    }
    if !profit.gave && profit.usd >= WINDFALL {
        let e_value = match (paid_to_contract(picture), profit.usd >= FORTUNE) {
            (_, true) if own_money(picture) => UNCOMMON,
            (_, false) if own_money(picture) => OFTEN,
            (true, true) => UNHEARD,
            (true, false) | (false, true) => RARE,
            (false, false) => UNCOMMON,
        };
        return Some(sighting(
            e_value,
            format!("gained {} US dollars and gave nothing", profit.usd),
        ));
    }
    let paid_out = paid_out(picture)?;
    let sentence = format!("had {paid_out} US dollars paid to somebody who took no part");
    (paid_out >= FORTUNE).then(|| sighting(UNHEARD, sentence))
}

/// Whether a function was asked that gives back what one has: out of a pool or vault, or a loan against what was
/// supplied another day.
fn own_money(picture: &Picture<'_>) -> bool {
    let root = picture.frame(0).and_then(|root| picture.meaning(root));
    let supplied = picture.did(Meaning::Supply) || picture.did(Meaning::Collateral);
    let given_back = |meaning| match meaning {
        Some(Meaning::RemoveLiquidity | Meaning::TakeOut) => true,
        Some(Meaning::Borrow) => !supplied,
        _ => false,
    };
    let asked = given_back(root) || picture.acts.iter().any(|act| given_back(act.meaning));
    asked && super::flash::lender(picture).is_none()
}

fn sighting(e_value: f64, sentence: String) -> Sighting {
    Sighting { e_value, class: AttackClass::Other, sentence, frames: vec![0], victims: Vec::new() }
}

/// Whether code of the sender was paid, by whomever. Many contracts that look private are somebody's front door; what
/// goes through them to the sender alone is a withdrawal.
fn paid_to_contract(picture: &Picture<'_>) -> bool {
    picture.private()
        && picture.evidence.transfers.iter().any(|transfer| {
            transfer.to != picture.evidence.from
                && picture.is_own(&transfer.to)
                && !picture.is_own(&transfer.from)
                && !transfer.from.is_zero()
        })
}

/// What somebody else's contract paid, for nothing, to an account that took no part.
fn paid_out(picture: &Picture<'_>) -> Option<Usd> {
    let Picture { evidence, prices, .. } = picture;
    if !picture.private() || picture.profit.gained || picture.profit.gave {
        return None;
    }
    let mut most = None;
    for (holder, flows) in picture.others().filter(|(holder, _)| picture.silent(holder)) {
        let from_own = |t: &&Transfer| t.to == holder && picture.is_own(&t.from);
        if flows.iter().any(|flow| flow.delta.is_negative())
            || evidence.transfers.iter().any(|t| from_own(&t))
        {
            continue;
        }
        let values = flows
            .iter()
            .filter_map(|f| prices.value(evidence.chain, f.asset, f.delta.unsigned_abs()));
        most = most.max(Some(values.sum::<Usd>()));
    }
    most
}
