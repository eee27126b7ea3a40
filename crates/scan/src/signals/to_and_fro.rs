//! # What it watches
//! The same amount of the same token sent to and fro between two contracts, many times in one transaction.
//! # Why it matters
//! Nobody pays for moving a sum a dozen times and having it where it was, unless each pass leaves something behind: a
//! reward, a reset clock, a rounded share. It says so of any caller, also of one behind a proxy.
//! # What it misses
//! Amounts that change on the way (fees, interest); errors that pay at once.
//! # False alarms
//! Load tests. Trades and loans do not give back the same amount.
//! # References
//! `TrustPad` (2023-11-06), where each pass pushed a lock further into the past.

use std::collections::BTreeMap;

use alloy_primitives::{Address, U256};
use portcullis_types::money::Asset;

use super::{RARE, Sighting, UNHEARD};
use crate::{picture::Picture, suspicion::AttackClass};

/// Passes, either way, that are no coincidence.
const PASSES_MIN: u32 = 12;
/// Passes that are a loop.
const PASSES_LOOP: u32 = 24;

pub(super) fn look(picture: &Picture<'_>) -> Option<Sighting> {
    let transfers = &picture.evidence.transfers;
    if transfers.len() < PASSES_MIN as usize {
        return None;
    }
    // The way of the last pass, and how many passes there were.
    let mut lines: BTreeMap<(Address, Address, Asset, U256), (bool, u32)> = BTreeMap::new();
    for transfer in transfers.iter().filter(|t| t.token_id.is_none() && !t.amount.is_zero()) {
        let (low, high) = (transfer.from.min(transfer.to), transfer.from.max(transfer.to));
        if low.is_zero() || low == high {
            continue;
        }
        let way = transfer.from == low;
        let line = lines.entry((low, high, transfer.asset, transfer.amount)).or_insert((!way, 0));
        if line.0 != way {
            *line = (way, line.1 + 1);
        }
    }
    let ((low, high, _, _), (_, passes)) =
        lines.into_iter().max_by_key(|(line, (_, passes))| (*passes, *line))?;
    if passes < PASSES_MIN {
        return None;
    }
    let own = |address: &Address| picture.is_own(address);
    let victims = [low, high].into_iter().filter(|a| !own(a) && Some(*a) != picture.evidence.to);
    Some(Sighting {
        e_value: if passes >= PASSES_LOOP { UNHEARD } else { RARE },
        class: AttackClass::Accounting,
        sentence: format!("sent the same sum {passes} times to and fro between {low} and {high}"),
        frames: vec![0],
        victims: victims.collect(),
    })
}
