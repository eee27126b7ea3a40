//! # What it watches
//! Tokens minted to the sender's own contract while it gave nothing: many single tokens, or shares of a contract that had
//! asked the sender's contract about it.
//! # Why it matters
//! Whoever mints for nothing owns a part of everybody's.
//! # What it misses
//! Mints that are paid for, with too little.
//! # False alarms
//! Free mints taken in bulk.
//! # References
//! Visor Finance (2021-12-21); Bad Guys by RPF (2022-09).

use alloy_primitives::{Address, map::HashMap};
use portcullis_types::{evidence::CallKind, money::Asset};

use super::{RARE, Sighting, UNCOMMON, UNHEARD};
use crate::{picture::Picture, suspicion::AttackClass};

/// `mint(address,uint256)`.
const MINT: [u8; 4] = [0x40, 0xc1, 0x0f, 0x19];
/// Single tokens that nobody is meant to get at once.
const TOKENS_MANY: usize = 100;

pub(super) fn look(picture: &Picture<'_>) -> Option<Sighting> {
    if !picture.private() || picture.profit.gave {
        return None;
    }
    single_tokens(picture).or_else(|| shares(picture))
}

fn single_tokens(picture: &Picture<'_>) -> Option<Sighting> {
    let mut counts: HashMap<Asset, usize> = HashMap::default();
    for transfer in &picture.evidence.transfers {
        let issued = matches!(transfer.asset, Asset::Token(token) if picture.is_own(&token));
        if !issued
            && transfer.from.is_zero()
            && transfer.token_id.is_some()
            && picture.is_own(&transfer.to)
        {
            *counts.entry(transfer.asset).or_default() += 1;
        }
    }
    let (asset, count) = counts.into_iter().max_by_key(|(asset, count)| (*count, *asset))?;
    let Asset::Token(token) = asset else { return None };
    (count >= TOKENS_MANY)
        .then(|| sighting(UNHEARD, token, format!("was minted {count} tokens for nothing"), 0))
}

/// Without logs, a mint is known by its call.
fn shares(picture: &Picture<'_>) -> Option<Sighting> {
    for (index, frame) in picture.evidence.frames.iter().enumerate().skip(1) {
        if frame.kind != CallKind::Call || !frame.effective || frame.selector() != Some(MINT) {
            continue;
        }
        let to = frame.input.get(16..36).map(Address::from_slice);
        if picture.is_own(&frame.from)
            || !to.is_some_and(|to| picture.is_own(&to))
            || picture.is_own(&frame.to)
        {
            continue;
        }
        let asked = picture.posed.iter().any(|p| p.caller == frame.from && p.selector.is_some());
        let e_value = if asked { RARE } else { UNCOMMON };
        return Some(sighting(
            e_value,
            frame.from,
            "was minted shares for nothing".to_owned(),
            index as u32,
        ));
    }
    None
}

fn sighting(e_value: f64, victim: Address, sentence: String, frame: u32) -> Sighting {
    let class = AttackClass::Accounting;
    Sighting { e_value, class, sentence, frames: vec![frame], victims: vec![victim] }
}
