//! Probes: questions about state that detectors want answered, and the answers.

use alloy_primitives::{Address, B256, Bytes, U256};
use serde::{Deserialize, Serialize};

use crate::money::Asset;

/// What to read. Its serialised form is its identity: equal questions are asked once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Probe {
    /// A view call; the answer is the 32-byte word at `word` of the return data.
    Call {
        /// Contract.
        to: Address,
        /// Call data.
        data: Bytes,
        /// Which word of the return data, from 0.
        word: u32,
    },
    /// A storage slot.
    Storage {
        /// Contract.
        address: Address,
        /// Slot.
        slot: B256,
    },
    /// What `holder` owns of `asset`.
    Balance {
        /// Asset.
        asset: Asset,
        /// Holder.
        holder: Address,
    },
}

/// The answer to a probe at a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reading {
    /// The question.
    pub probe: Probe,
    /// The answer, or why there is none. A failed read is not a zero.
    pub value: Result<U256, String>,
    /// Slots the answer depends on: it stands until one of them changes. Empty if unknown, which means that it must be
    /// asked again after every relevant block.
    pub depends_on: Vec<(Address, B256)>,
}
