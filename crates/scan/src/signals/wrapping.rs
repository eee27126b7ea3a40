//! # What it watches
//! Amounts in call data that are near 2^256 only so that their sum, or their product with the number of receivers, comes
//! out small: the sum check of the callee wraps around.
//! # Why it matters
//! Contracts compiled before checked arithmetic believe the wrapped sum.
//! # What it misses
//! Amounts that wrap in ways that the call data does not show.
//! # False alarms
//! None known: neither hashes nor negative numbers add up to a round number by chance.
//! # References
//! CVE-2018-10299 (batchOverflow), CVE-2018-10376 (proxyOverflow).

use alloy_primitives::U256;
use portcullis_types::evidence::Frame;

use super::{Sighting, UNHEARD};
use crate::{picture::Picture, suspicion::AttackClass};

/// Receivers that one call may name, for the product.
const RECEIVERS_MAX: u64 = 4_096;
/// Words in which arguments of fixed size stand.
const HEAD_WORDS: usize = 8;
/// An amount made to wrap is a plain number; hashes, and text read at the wrong place, have bytes of all kinds.
const DISTINCT_BYTES_MAX: usize = 3;

pub(super) fn look(picture: &Picture<'_>) -> Option<Sighting> {
    let frame = picture.evidence.frames.first()?;
    wraps(frame).then(|| Sighting {
        e_value: UNHEARD,
        class: AttackClass::Accounting,
        sentence: "amounts in the call data wrap around 2^256".to_owned(),
        frames: vec![0],
        victims: vec![frame.to],
    })
}

fn wraps(frame: &Frame) -> bool {
    let Some(arguments) = frame.input.get(4..).filter(|_| frame.selector().is_some()) else {
        return false;
    };
    let words: Vec<U256> = arguments.chunks_exact(32).map(U256::from_be_slice).collect();
    let large: Vec<U256> =
        words.iter().copied().take(HEAD_WORDS).filter(|w| is_large(*w)).collect();
    if large.is_empty() {
        return false;
    }
    let round = |value: U256| value.bit_len() <= 96;
    let sum = large
        .iter()
        .enumerate()
        .any(|(i, a)| large.iter().skip(i + 1).any(|b| a != b && round(a.wrapping_add(*b))));
    let product = |n: &U256| large.iter().any(|amount| round(amount.wrapping_mul(*n)));
    sum || receivers(&words).iter().any(product)
}

/// Lengths of the arrays of addresses that the head of the arguments points to.
fn receivers(words: &[U256]) -> Vec<U256> {
    let mut lengths = Vec::new();
    for offset in words.iter().take(HEAD_WORDS).filter(|word| **word % U256::from(32) == U256::ZERO)
    {
        let at = (*offset / U256::from(32)).saturating_to::<usize>();
        let Some(length) =
            words.get(at).filter(|n| (2..=RECEIVERS_MAX).contains(&n.saturating_to::<u64>()))
        else {
            continue;
        };
        let mut items = words.iter().skip(at + 1).take(length.saturating_to::<usize>());
        if items.clone().count() > 1 && items.all(|item| (80..=160).contains(&item.bit_len())) {
            lengths.push(*length);
        }
    }
    lengths
}

/// An amount no token has, which is no negative number either.
fn is_large(word: U256) -> bool {
    let bytes: [u8; 32] = word.to_be_bytes();
    let mut distinct = [false; 256];
    for byte in bytes {
        if let Some(seen) = distinct.get_mut(usize::from(byte)) {
            *seen = true;
        }
    }
    let simple = distinct.iter().filter(|seen| **seen).count() <= DISTINCT_BYTES_MAX;
    simple && word.bit_len() > 250 && (U256::MAX - word).bit_len() > 192
}
