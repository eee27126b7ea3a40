//! # What it watches
//! A contract that is handed an address by the sender's own contract, tells that address an amount, and then pays the
//! sender's contract exactly this amount without having been paid anything by anybody.
//! # Why it matters
//! Who lets the caller name the contract that vouches for a payment (an old stake to migrate, a proof to check, a vault
//! to redeem from) pays whatever the caller says.
//! # What it misses
//! Vouching by the sender's own contract, which `posed-contract` sees, and by what an address answers to a question.
//! # False alarms
//! Rewards kept in the books of one contract and paid by another, where the caller names the books. Vouching for a
//! payment with the payment's own token or with something that moves does not count.
//! # References
//! `TempleDAO` (2022-10-11): `migrateStake` asked an old stake that the caller named.

use alloy_primitives::{Address, U256};
use portcullis_types::{
    evidence::{CallKind, Frame, Transfer},
    money::Asset,
};

use super::{Sighting, UNHEARD};
use crate::{
    picture::{Act, Picture},
    suspicion::AttackClass,
};

pub(super) fn look(picture: &Picture<'_>) -> Option<Sighting> {
    if !picture.private() || picture.profit.gave || picture.evidence.transfers.is_empty() {
        return None;
    }
    picture.acts.iter().find_map(|act| {
        let witness = picture.acts_beyond_trade().any(|one| one.frame == act.frame);
        if !witness || !pays_for_nothing(picture, &act.callee) {
            return None;
        }
        let (vouching, frame) = told(picture, act)?;
        Some(Sighting {
            e_value: UNHEARD,
            class: AttackClass::AccessControl,
            sentence: format!(
                "was paid by {} what {vouching}, whom the sender had named, was told",
                act.callee
            ),
            frames: vec![act.frame, frame],
            victims: vec![act.callee],
        })
    })
}

/// Whom the callee told an amount that it then paid, and in which frame.
fn told(picture: &Picture<'_>, act: &Act) -> Option<(Address, u32)> {
    let named: Vec<Address> = words(picture.frame(act.frame)?).map(address).collect();
    let frames = picture.evidence.frames.iter().enumerate().skip(act.frame as usize + 1);
    let mut asked = frames.take_while(|(_, frame)| frame.parent >= Some(act.frame));
    asked.find_map(|(index, frame)| {
        let is_told = frame.kind == CallKind::Call
            && frame.effective
            && frame.context == frame.to
            && frame.from == act.callee
            && frame.selector().is_some()
            && named.contains(&frame.to)
            && !picture.is_own(&frame.to)
            && !moves(picture, &frame.to)
            && words(frame).any(|word| is_paid(picture, &act.callee, word));
        is_told.then_some((frame.to, index as u32))
    })
}

/// Whether an address has anything to do with what was moved.
fn moves(picture: &Picture<'_>, address: &Address) -> bool {
    picture.evidence.transfers.iter().any(|transfer| {
        transfer.asset == Asset::Token(*address)
            || transfer.from == *address
            || transfer.to == *address
    })
}

fn is_paid(picture: &Picture<'_>, payer: &Address, amount: U256) -> bool {
    let is = |t: &Transfer| t.from == *payer && t.amount == amount && picture.is_own(&t.to);
    amount > U256::from(1) && picture.evidence.transfers.iter().any(is)
}

fn pays_for_nothing(picture: &Picture<'_>, contract: &Address) -> bool {
    let mut paid = picture.evidence.transfers.iter().filter(|t| t.to == *contract);
    paid.next().is_none() && picture.contract_was_paid_by(contract)
}

fn words(frame: &Frame) -> impl Iterator<Item = U256> {
    frame.input.get(4..).unwrap_or_default().chunks_exact(32).take(8).map(U256::from_be_slice)
}

fn address(word: U256) -> Address {
    Address::from_word(word.into())
}
