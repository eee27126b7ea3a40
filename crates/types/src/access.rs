//! Function entries with the slots that they used: what a recording holds of a transaction whose call tree nobody kept
//! (`docs/recording.md`, lines of type `access`).

use alloy_primitives::{Address, B256, FixedBytes, U64, U256};
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::{ids::ChainId, money::Asset};

/// The function entries of one transaction into a protocol, in order.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessEntry {
    /// Chain.
    #[serde(deserialize_with = "quantity")]
    pub chain_id: ChainId,
    /// Transaction.
    pub hash: B256,
    /// Height of its block.
    #[serde(deserialize_with = "quantity")]
    pub block_number: u64,
    /// Entries.
    pub calls: Vec<AccessCall>,
    /// Money into or out of the protocol; none means unknown.
    #[serde(default)]
    pub transfers: Option<Vec<AccessTransfer>>,
}

/// One function entry.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AccessCall {
    /// Contract whose code ran.
    pub to: Address,
    /// Function; none for a constructor or fallback.
    #[serde(default)]
    pub selector: Option<FixedBytes<4>>,
    /// How it was entered.
    pub kind: AccessKind,
    /// Whether it completed.
    pub ok: bool,
    /// Slots in the order in which they were used.
    pub slots: Vec<SlotAccess>,
}

/// How a function was entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessKind {
    /// By the transaction itself.
    FirstCall,
    /// By a call.
    Call,
    /// By a static call.
    StaticCall,
    /// By a delegate call.
    DelegateCall,
    /// By a creation.
    Create,
    /// By a creation with a salt.
    Create2,
}

/// One use of a storage slot.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SlotAccess {
    /// Read or written.
    pub op: AccessOp,
    /// Contract whose storage it is.
    pub contract: Address,
    /// Slot.
    pub slot: B256,
    /// What was read or written.
    pub value: B256,
}

/// Read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessOp {
    /// Read.
    Sload,
    /// Written.
    Sstore,
}

/// Money that moved into or out of a protocol.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AccessTransfer {
    /// What.
    #[serde(rename = "token", deserialize_with = "asset")]
    pub asset: Asset,
    /// Whence.
    pub from: Address,
    /// Whither.
    pub to: Address,
    /// How much, in the smallest unit.
    pub amount: U256,
}

fn quantity<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    U64::deserialize(from).map(|number| number.to())
}

fn asset<'de, D: Deserializer<'de>>(from: D) -> Result<Asset, D::Error> {
    let text = String::deserialize(from)?;
    if text == "ether" {
        return Ok(Asset::Native);
    }
    text.parse().map(Asset::Token).map_err(D::Error::custom)
}
