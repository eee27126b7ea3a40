//! # What it watches
//! Somebody else's contract approves a contract of the sender to spend its tokens, in the sender's transaction.
//! # Why it matters
//! An approval is as good as the money, and no contract gives one to a stranger's code unless it was tricked.
//! # What it misses
//! Approvals of accounts, and tricks in an earlier transaction.
//! # False alarms
//! Systems whose parts approve each other, driven through a contract that few call.
//! # References
//! DEPUSDT and LEVUSDC (2023-06-15).

use std::collections::BTreeSet;

use alloy_primitives::{Address, U256};
use portcullis_types::evidence::CallKind;

use super::{FRAMES_MAX, RARE, Sighting, UNCOMMON, UNHEARD};
use crate::{picture::Picture, suspicion::AttackClass};

const APPROVE: [u8; 4] = [0x09, 0x5e, 0xa7, 0xb3];
/// Victims that are no coincidence.
const MANY: usize = 3;

pub(super) fn look(picture: &Picture<'_>) -> Option<Sighting> {
    if !picture.private() {
        return None;
    }
    let (mut frames, mut owners) = (Vec::new(), BTreeSet::new());
    for (index, frame) in picture.evidence.frames.iter().enumerate() {
        if frame.kind != CallKind::Call || !frame.effective || frame.selector() != Some(APPROVE) {
            continue;
        }
        let Some(spender) = frame.input.get(16..36).map(Address::from_slice) else { continue };
        let nothing = frame.input.get(36..68).is_none_or(|w| U256::from_be_slice(w).is_zero());
        if nothing || picture.is_own(&frame.from) || !picture.is_own(&spender) {
            continue;
        }
        owners.insert(frame.from);
        frames.push(index as u32);
    }
    let first = *owners.first()?;
    let taken = picture
        .evidence
        .transfers
        .iter()
        .any(|t| owners.contains(&t.from) && !picture.is_own(&t.from) && picture.profit.gained);
    frames.truncate(FRAMES_MAX);
    let e_value = match (owners.len() >= MANY, taken) {
        (true, _) => UNHEARD,
        (false, true) => RARE,
        (false, false) => UNCOMMON,
    };
    Some(Sighting {
        e_value,
        class: AttackClass::ApprovalAbuse,
        sentence: format!(
            "{first} and {} others let the sender's contract spend their tokens",
            owners.len() - 1
        ),
        frames,
        victims: owners.into_iter().collect(),
    })
}
