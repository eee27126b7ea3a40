//! # What it watches
//! Tokens taken by `transferFrom` from holders who take no part in the transaction and get nothing for it, for the sender's
//! contract or smart wallet, at once or through somebody who passes them on.
//! # Why it matters
//! An approval given to a careless contract is everybody's.
//! # What it misses
//! Holders who get something worthless in return.
//! # False alarms
//! Collections by payment processors and exchanges through a contract of their own; bridges' relayers.
//! # References
//! Dexible (2023-02-17), `SushiSwap` `RouteProcessor2` (2023-04-09), Rubic (2022-12-25).

use std::collections::BTreeSet;

use alloy_primitives::{Address, U256};
use portcullis_types::evidence::{CallKind, Frame};
use portcullis_types::money::Asset;

use super::{FRAMES_MAX, RARE, Sighting, UNCOMMON, UNHEARD};
use crate::{
    picture::{Entry, Picture},
    suspicion::AttackClass,
};

const TRANSFER_FROM: [u8; 4] = [0x23, 0xb8, 0x72, 0xdd];

pub(super) fn look(picture: &Picture<'_>) -> Option<Sighting> {
    let mut frames = Vec::new();
    let mut holders: BTreeSet<Address> = BTreeSet::new();
    let mut by_stranger = false;
    for (index, frame) in picture.evidence.frames.iter().enumerate().skip(1) {
        if frame.kind != CallKind::Call
            || !frame.effective
            || frame.selector() != Some(TRANSFER_FROM)
        {
            continue;
        }
        let Some((holder, to)) = parties(frame) else { continue };
        if holder == frame.from || holder == to || !unrewarded(picture, &holder) {
            continue;
        }
        let ours = picture.is_own(&to)
            || picture.receivers.contains(&to)
            || passed_on(picture, frame, &to);
        if ours && !picture.is_own(&frame.to) {
            by_stranger |= !picture.is_own(&frame.from);
            holders.insert(holder);
            frames.push(index as u32);
        }
    }
    let first = *holders.first()?;
    let e_value = match (picture.private(), by_stranger) {
        (true, true) => UNHEARD,
        // Otherwise the sender's own contract was approved (a collection, or a trick that is over), or a public one took
        // once what it may take.
        (false, _) if holders.len() > 1 => RARE,
        (false, true) if picture.entry == Entry::Wallet => RARE,
        _ => UNCOMMON,
    };
    frames.truncate(FRAMES_MAX);
    Some(Sighting {
        e_value,
        class: AttackClass::ApprovalAbuse,
        sentence: format!(
            "took tokens of {} and {} others who had no part in it",
            first,
            holders.len() - 1
        ),
        frames,
        victims: holders.into_iter().collect(),
    })
}

fn parties(frame: &Frame) -> Option<(Address, Address)> {
    let word = |at: usize| frame.input.get(at..at + 32).map(U256::from_be_slice);
    let address = |at: usize| word(at).map(|w| Address::from_word(w.into()));
    word(68).filter(|amount| !amount.is_zero())?;
    Some((address(4)?, address(36)?))
}

/// Whether the receiver kept nothing of it, and the sender's side got as much.
fn passed_on(picture: &Picture<'_>, frame: &Frame, to: &Address) -> bool {
    let token = Asset::Token(frame.to);
    let kept = picture.evidence.flows.iter().any(|f| f.holder == *to && f.asset == token);
    let amount = frame.input.get(68..100).map(U256::from_be_slice).unwrap_or_default();
    !kept && picture.gain_of(token) >= amount
}

/// A stranger without a part in the transaction who is poorer afterwards.
fn unrewarded(picture: &Picture<'_>, holder: &Address) -> bool {
    if picture.is_own(holder) || !picture.silent(holder) || holder.is_zero() {
        return false;
    }
    let flows = &picture.evidence.flows;
    let start = flows.partition_point(|flow| flow.holder < *holder);
    let mut mine = flows.iter().skip(start).take_while(|flow| flow.holder == *holder).peekable();
    mine.peek().is_some() && mine.all(|flow| flow.delta.is_negative())
}
