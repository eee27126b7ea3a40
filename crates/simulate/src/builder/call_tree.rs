//! The hash of the normalised call tree: equal for two transactions that take the same way through the same contracts.
//!
//! It is keccak-256 over, for every frame in entry order (failed ones included): its depth (2 bytes, big-endian), its
//! kind (1 byte: 0 CALL, 1 STATICCALL, 2 DELEGATECALL, 3 CALLCODE, 4 CREATE, 5 CREATE2, 6 SELFDESTRUCT; plus 128 if
//! the frame failed), its callee, and its selector (1 byte 1 and the 4 bytes of it, or 1 byte 0 if there is none). The
//! callee is 1 byte and what names it: 0 and the 20 bytes of the address, 1 and the ordinal (4 bytes, big-endian) of a
//! contract that this transaction created, 2 for its sender, 3 for a creation that failed. So neither who sends nor
//! where a new contract comes to stand makes a difference, and amounts and other arguments do not either.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Keccak256};
use portcullis_types::evidence::{CallKind, Created, Frame};

use super::{frames::Flat, is_creation};

const FAILED: u8 = 128;

/// Hashes the tree of a transaction of `sender` that created `created`.
pub(crate) fn hash(flat: &Flat<'_>, sender: Address, created: &[Created]) -> B256 {
    let mut ordinals: BTreeMap<Address, u32> = BTreeMap::new();
    for (ordinal, creation) in (0u32..).zip(created) {
        ordinals.entry(creation.address).or_insert(ordinal);
    }
    let mut hasher = Keccak256::new();
    for (frame, depth) in flat.frames.iter().zip(&flat.depths) {
        hasher.update(depth.to_be_bytes());
        hasher.update([kind_byte(frame.kind) | if frame.failed { FAILED } else { 0 }]);
        callee(&mut hasher, frame, sender, &ordinals);
        match frame.selector() {
            Some(selector) => {
                hasher.update([1]);
                hasher.update(selector);
            }
            None => hasher.update([0]),
        }
    }
    hasher.finalize()
}

fn callee(
    hasher: &mut Keccak256,
    frame: &Frame,
    sender: Address,
    ordinals: &BTreeMap<Address, u32>,
) {
    if let Some(ordinal) = ordinals.get(&frame.to) {
        hasher.update([1]);
        hasher.update(ordinal.to_be_bytes());
    } else if is_creation(frame.kind) {
        hasher.update([3]);
    } else if frame.to == sender {
        hasher.update([2]);
    } else {
        hasher.update([0]);
        hasher.update(frame.to);
    }
}

fn kind_byte(kind: CallKind) -> u8 {
    match kind {
        CallKind::Call => 0,
        CallKind::StaticCall => 1,
        CallKind::DelegateCall => 2,
        CallKind::CallCode => 3,
        CallKind::Create => 4,
        CallKind::Create2 => 5,
        CallKind::SelfDestruct => 6,
    }
}
