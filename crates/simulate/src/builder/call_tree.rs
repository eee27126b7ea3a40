//! The hash of the normalised call tree: equal for two transactions that take the same way through the same contracts.
//!
//! It is keccak-256 over, for every frame in entry order (failed ones included): its depth (2 bytes, big-endian), its
//! kind (1 byte: 0 CALL, 1 STATICCALL, 2 DELEGATECALL, 3 CALLCODE, 4 CREATE, 5 CREATE2, 6 SELFDESTRUCT; plus 128 if
//! the frame failed), its callee, and its selector (1 byte 1 and the 4 bytes of it, or 1 byte 0 if there is none). The
//! callee is 1 byte and what names it: 0 and the 20 bytes of the address, 1 and the ordinal (4 bytes, big-endian) of a
//! contract that this transaction created, 2 for its sender, 3 for a creation that failed. So neither who sends nor
//! where a new contract comes to stand makes a difference, and amounts and other arguments do not either.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, keccak256};
use portcullis_types::evidence::{CallKind, Created, Frame};

use super::{frames::Flat, is_creation};

const FAILED: u8 = 128;

/// Most bytes that a frame is written as.
const FRAME_BYTES_MAX: usize = 2 + 1 + 21 + 5;

/// Hashes the tree of a transaction of `sender` that created `created`.
pub(crate) fn hash(flat: &Flat, sender: Address, created: &[Created]) -> B256 {
    let mut ordinals: BTreeMap<Address, u32> = BTreeMap::new();
    for (ordinal, creation) in (0u32..).zip(created) {
        ordinals.entry(creation.address).or_insert(ordinal);
    }
    let mut written = Vec::with_capacity(flat.frames.len() * FRAME_BYTES_MAX);
    for (frame, depth) in flat.frames.iter().zip(&flat.depths) {
        written.extend_from_slice(&depth.to_be_bytes());
        written.push(kind_byte(frame.kind) | if frame.failed { FAILED } else { 0 });
        callee(&mut written, frame, sender, &ordinals);
        match frame.selector() {
            Some(selector) => {
                written.push(1);
                written.extend_from_slice(&selector);
            }
            None => written.push(0),
        }
    }
    keccak256(written)
}

fn callee(
    written: &mut Vec<u8>,
    frame: &Frame,
    sender: Address,
    ordinals: &BTreeMap<Address, u32>,
) {
    if let Some(ordinal) = ordinals.get(&frame.to) {
        written.push(1);
        written.extend_from_slice(&ordinal.to_be_bytes());
    } else if is_creation(frame.kind) {
        written.push(3);
    } else if frame.to == sender {
        written.push(2);
    } else {
        written.push(0);
        written.extend_from_slice(frame.to.as_slice());
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
