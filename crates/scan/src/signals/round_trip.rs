//! # What it watches
//! Paid in and taken out of the same contract in one transaction, with a gain: deposit and withdraw, mint and redeem,
//! liquidity added and removed, supplied and borrowed.
//! # Why it matters
//! Honest bookkeeping gives back at most what was paid a moment ago.
//! # What it misses
//! Doors in and out at different contracts; functions of no standard.
//! # False alarms
//! Liquidity provided for one trade; vault arbitrage across two prices.
//! # References
//! LeiShen's and DeFiRanger's patterns (arXiv 2104.15068).

use std::collections::BTreeMap;

use alloy_primitives::Address;

use super::{RARE, Sighting, UNCOMMON, UNHEARD};
use crate::{
    picture::{Act, Picture},
    suspicion::AttackClass,
    vocabulary::Meaning,
};

pub(super) fn look(picture: &Picture<'_>) -> Option<Sighting> {
    if !picture.private() || !picture.may_have_gained() {
        return None;
    }
    let mut doors: BTreeMap<Address, (Option<&Act>, Option<&Act>)> = BTreeMap::new();
    for act in &picture.acts {
        let door = doors.entry(act.callee).or_default();
        match act.meaning {
            Some(
                Meaning::AddLiquidity | Meaning::Supply | Meaning::PayIn | Meaning::Collateral,
            ) => {
                door.0.get_or_insert(act);
            }
            Some(Meaning::RemoveLiquidity | Meaning::Borrow | Meaning::TakeOut) => door.1 = Some(act),
            // On a contract that is not a wrapped coin, these are a vault's.
            Some(Meaning::Wrap) if !wrapped(picture, act) => match picture.frame(act.frame) {
                Some(frame) if frame.input.len() == 4 => {
                    door.0.get_or_insert(act);
                }
                _ => door.1 = Some(act),
            },
            _ => {}
        }
    }
    let in_and_out = |act: &(Option<&Act>, Option<&Act>)| match act {
        (Some(paid), Some(taken)) if paid.frame < taken.frame => Some((paid.frame, taken.frame)),
        _ => None,
    };
    let trips: Vec<(Address, (u32, u32))> =
        doors.iter().filter_map(|(callee, door)| in_and_out(door).map(|f| (*callee, f))).collect();
    let (e_value, contract, frames) = match trips.first() {
        Some((callee, (paid, taken))) => {
            let lent = super::flash::lender(picture).is_some();
            let e_value = if lent && !picture.profit.gave { UNHEARD } else { RARE };
            (e_value, *callee, vec![*paid, *taken])
        }
        // In at one contract of a market and out at another: a loan against what was just supplied.
        None => {
            let paid = doors.iter().find_map(|(_, door)| door.0)?;
            let taken = doors.iter().find_map(|(_, door)| door.1)?;
            (UNCOMMON, taken.callee, vec![paid.frame, taken.frame])
        }
    };
    Some(Sighting {
        e_value,
        class: AttackClass::Accounting,
        sentence: format!("paid into {contract} and took out more"),
        frames,
        victims: trips.iter().map(|(callee, _)| *callee).collect(),
    })
}

/// Whether an act is on the wrapped native coin: what it moves is then in the books as a mint or burn.
fn wrapped(picture: &Picture<'_>, act: &Act) -> bool {
    use portcullis_types::money::Asset;
    let asset = Asset::Token(act.callee);
    picture.prices.plain(picture.evidence.chain, asset) == Asset::Native
        || picture.evidence.transfers.iter().any(|transfer| {
            transfer.asset == asset && (transfer.from.is_zero() || transfer.to.is_zero())
        })
}
