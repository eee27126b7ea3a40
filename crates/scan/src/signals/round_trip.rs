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
//! `DeFiRanger` (arXiv 2104.15068).

use std::collections::BTreeMap;

use alloy_primitives::{Address, U256};
use portcullis_types::money::Asset;

use super::{RARE, Sighting, UNCOMMON, UNHEARD};
use crate::{
    picture::{Act, Picture},
    suspicion::AttackClass,
    vocabulary::Meaning,
};

/// Frames in which a contract was first paid into and last taken out of.
#[derive(Default)]
struct Door {
    paid: Option<u32>,
    taken: Option<u32>,
}

pub(super) fn look(picture: &Picture<'_>) -> Option<Sighting> {
    if !picture.private() || !picture.may_have_gained() {
        return None;
    }
    if let Some(contract) = more_back(picture) {
        let e_value = if picture.profit.gained && !picture.profit.gave { UNHEARD } else { RARE };
        let frames = picture.acts.iter().filter(|a| a.callee == contract).take(4).map(|a| a.frame);
        return Some(sighting(e_value, contract, frames.collect()));
    }
    let doors = doors(picture);
    let trip = doors.iter().find_map(|(contract, door)| {
        let (paid, taken) = (door.paid?, door.taken?);
        (paid < taken).then_some((*contract, vec![paid, taken]))
    });
    if let Some((contract, frames)) = trip {
        let lent = super::flash::lender(picture).is_some();
        let e_value = if lent && !picture.profit.gave { UNHEARD } else { RARE };
        return Some(sighting(e_value, contract, frames));
    }
    // In at one contract of a market and out at another: a loan against what was just supplied.
    let paid = doors.values().find_map(|door| door.paid)?;
    let (contract, taken) = doors.iter().find_map(|(c, door)| Some((*c, door.taken?)))?;
    Some(sighting(UNCOMMON, contract, vec![paid, taken]))
}

fn sighting(e_value: f64, contract: Address, frames: Vec<u32>) -> Sighting {
    Sighting {
        e_value,
        class: AttackClass::Accounting,
        sentence: format!("paid into {contract} and took out, with a gain"),
        frames,
        victims: vec![contract],
    }
}

fn doors(picture: &Picture<'_>) -> BTreeMap<Address, Door> {
    let mut doors: BTreeMap<Address, Door> = BTreeMap::new();
    for act in &picture.acts {
        let pays_in = match act.meaning {
            Some(
                Meaning::AddLiquidity | Meaning::Supply | Meaning::PayIn | Meaning::Collateral,
            ) => true,
            Some(Meaning::RemoveLiquidity | Meaning::Borrow | Meaning::TakeOut) => false,
            // On a contract that is not a wrapped coin, these are a vault's: `deposit()` has no argument.
            Some(Meaning::Wrap) if !wrapped(picture, act) => {
                picture.frame(act.frame).is_some_and(|frame| frame.input.len() == 4)
            }
            _ => continue,
        };
        let door = doors.entry(act.callee).or_default();
        if pays_in {
            door.paid.get_or_insert(act.frame);
        } else {
            door.taken = Some(act.frame);
        }
    }
    doors
}

/// A contract that was paid by the sender's side and then paid it more of the same, and got nothing else for it.
fn more_back(picture: &Picture<'_>) -> Option<Address> {
    let chain = picture.evidence.chain;
    let mut books: BTreeMap<(Address, Asset), (U256, U256)> = BTreeMap::new();
    for transfer in &picture.evidence.transfers {
        let asset = picture.prices.plain(chain, transfer.asset);
        let (from_own, to_own) = (picture.is_own(&transfer.from), picture.is_own(&transfer.to));
        if transfer.token_id.is_some() {
            continue;
        }
        if from_own && !to_own {
            let given = &mut books.entry((transfer.to, asset)).or_default().0;
            *given = given.saturating_add(transfer.amount);
        } else if to_own && !from_own {
            // What came before anything was given is no answer to it.
            if let Some(book) = books.get_mut(&(transfer.from, asset)) {
                book.1 = book.1.saturating_add(transfer.amount);
            }
        }
    }
    let coin = |contract| picture.prices.plain(chain, Asset::Token(contract)) == Asset::Native;
    let lost = |contract: &Address| {
        picture.others().any(|(holder, flows)| {
            holder == *contract && flows.iter().all(|flow| flow.delta.is_negative())
        })
    };
    let mut more = books.into_iter().filter(|((contract, asset), (given, back))| {
        let token = Asset::Token(*contract) == *asset;
        back > given
            && !token
            && !contract.is_zero()
            && !coin(*contract)
            && !picture.silent(contract)
    });
    more.find(|((contract, _), _)| lost(contract)).map(|((contract, _), _)| contract)
}

/// Whether an act is on the wrapped native coin: what it moves is then in the books as a mint or burn.
fn wrapped(picture: &Picture<'_>, act: &Act) -> bool {
    let asset = Asset::Token(act.callee);
    picture.prices.plain(picture.evidence.chain, asset) == Asset::Native
        || picture.evidence.transfers.iter().any(|transfer| {
            transfer.asset == asset && (transfer.from.is_zero() || transfer.to.is_zero())
        })
}
