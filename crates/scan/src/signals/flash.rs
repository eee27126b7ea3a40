//! # What it watches
//! Money borrowed for the length of a call by the sender's own contract, and used for more than trades: supplied,
//! borrowed against, deposited, voted with. The loan is known by its function or callback, by a pool paying before it is
//! paid, or by its shape: a contract pays, calls back, and is paid at least as much.
//! # Why it matters
//! A stranger's capital is what makes most price and accounting errors worth exploiting.
//! # What it misses
//! Attackers with money of their own.
//! # False alarms
//! Leverage, debt refinancing and liquidations through a contract that hardly anybody else uses.
//! # References
//! ERC-3156; Qin et al., "Attacking the DeFi Ecosystem with Flash Loans", FC 2021.

use std::collections::BTreeSet;

use alloy_primitives::Address;
use portcullis_types::money::Asset;

use super::{FRAMES_MAX, RARE, Sighting, UNCOMMON, UNHEARD};
use crate::{
    picture::{Act, Picture},
    suspicion::AttackClass,
    vocabulary::Meaning,
};

/// Call data of a pair's `swap` without data for a callback: selector, three words, offset, length.
const SWAP_WITHOUT_DATA: u32 = 4 + 5 * 32;

pub(super) fn look(picture: &Picture<'_>) -> Option<Sighting> {
    if !picture.private() || picture.posed.is_empty() {
        return None;
    }
    let lender = lender(picture)?;
    let acts: Vec<&Act> = picture
        .acts_beyond_trade()
        .filter(|act| {
            act.callee != lender && (act.meaning.is_some() || !trades(picture, &act.callee))
        })
        .collect();
    if acts.is_empty() {
        return None;
    }
    let liquidates = picture.did(Meaning::Liquidate) && picture.evidence.created.is_empty();
    let e_value = if liquidates || !picture.may_have_gained() {
        UNCOMMON
    } else if picture.profit.gave && picture.evidence.known.logs {
        RARE
    } else {
        UNHEARD
    };
    Some(Sighting {
        e_value,
        class: AttackClass::PriceManipulation,
        sentence: format!("borrowed from {lender} for the length of a call to do more than trade"),
        frames: acts.iter().take(FRAMES_MAX).map(|act| act.frame).collect(),
        victims: Vec::new(),
    })
}

/// Whether a contract gave one thing and got another: a place of trade, by whatever name.
fn trades(picture: &Picture<'_>, contract: &Address) -> bool {
    let flows = &picture.evidence.flows;
    let start = flows.partition_point(|flow| flow.holder < *contract);
    let mine = flows.iter().skip(start).take_while(|flow| flow.holder == *contract);
    let (mut gave, mut got) = (false, false);
    for flow in mine {
        gave |= flow.delta.is_negative();
        got |= flow.delta.is_positive();
    }
    gave && got
}

/// Who lent for the length of a call.
pub(super) fn lender(picture: &Picture<'_>) -> Option<Address> {
    let called = picture.posed.iter().find(|p| p.meaning == Some(Meaning::FlashCallback));
    let asked = || picture.acts.iter().find(|act| act.meaning == Some(Meaning::Flash));
    called.map(|p| p.caller).or_else(|| asked().map(|act| act.callee)).or_else(|| by_shape(picture))
}

/// A pool that pays before it is paid, or any contract that pays, calls back and is paid back.
fn by_shape(picture: &Picture<'_>) -> Option<Address> {
    let calls_back: BTreeSet<Address> = picture
        .posed
        .iter()
        .filter(|p| !p.reads && p.selector.is_some())
        .map(|p| p.caller)
        .collect();
    for act in picture.acts.iter().filter(|act| calls_back.contains(&act.callee)) {
        let frame = picture.frame(act.frame)?;
        if act.meaning == Some(Meaning::Swap) {
            if frame.input_length > SWAP_WITHOUT_DATA && frame.input_length < 4 + 6 * 32 {
                return Some(act.callee);
            }
            continue;
        }
        if paid_back(picture, act.callee) {
            return Some(act.callee);
        }
    }
    None
}

fn paid_back(picture: &Picture<'_>, lender: Address) -> bool {
    let mut lent: Vec<(Asset, _)> = Vec::new();
    for transfer in &picture.evidence.transfers {
        if transfer.from == lender && picture.is_own(&transfer.to) {
            lent.push((transfer.asset, transfer.amount));
        } else if transfer.to == lender
            && picture.is_own(&transfer.from)
            && lent
                .iter()
                .any(|(asset, amount)| *asset == transfer.asset && transfer.amount >= *amount)
        {
            return true;
        }
    }
    false
}
