//! Chain data in the shapes of the standard JSON-RPC methods, as a node or a recording gives it.
//!
//! The types are tolerant on purpose: unknown fields are ignored and what a line lacks is `None`, which means *unknown*
//! and never "empty" (recording format, `docs/recording.md`).

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, U64, U256, keccak256};
use serde::{Deserialize, Serialize};

use crate::{
    chain::{BlockHead, BlockId},
    ids::ChainId,
};

/// Everything known of one block: what Evidence is made from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BlockMaterial {
    /// Chain.
    pub chain_id: ChainId,
    /// `eth_getBlockByNumber(n, true)`.
    pub block: WireBlock,
    /// `eth_getBlockReceipts`.
    #[serde(default)]
    pub receipts: Option<Vec<WireReceipt>>,
    /// `debug_traceBlockByNumber` with `callTracer {withLog: true}`, in the order of the transactions.
    #[serde(default)]
    pub traces: Option<Vec<TracedTransaction<TraceFrame>>>,
    /// The same with `prestateTracer {diffMode: true}`.
    #[serde(default)]
    pub state_diffs: Option<Vec<TracedTransaction<StateDiff>>>,
    /// State before the block, complete for executing it again.
    #[serde(default)]
    pub prestate: Option<Prestate>,
    /// Number → hash, for the BLOCKHASH opcode.
    #[serde(default)]
    pub block_hashes: BTreeMap<u64, B256>,
}

impl BlockMaterial {
    /// A block that holds one traced transaction and nothing else: what a recording says of a transaction without its
    /// block. Without a time it is that of blocks every 12 s from 0 on.
    pub fn alone(
        chain_id: ChainId,
        number: u64,
        timestamp: Option<u64>,
        hash: B256,
        trace: TraceFrame,
    ) -> Self {
        let transaction = WireTransaction {
            hash,
            from: trace.from,
            to: trace.to,
            value: trace.value.unwrap_or_default(),
            input: trace.input.clone(),
            ..WireTransaction::default()
        };
        let name = |number: u64| keccak256(number.to_be_bytes());
        let timestamp = timestamp.unwrap_or_else(|| number.saturating_mul(12));
        Self {
            chain_id,
            block: WireBlock {
                number: U64::from(number),
                hash: name(number),
                parent_hash: name(number.saturating_sub(1)),
                timestamp: U64::from(timestamp),
                transactions: vec![transaction],
                ..WireBlock::default()
            },
            traces: Some(vec![TracedTransaction {
                tx_hash: Some(hash),
                result: Some(trace),
                error: None,
            }]),
            ..Self::default()
        }
    }
}

/// A block with full transactions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WireBlock {
    /// Height.
    pub number: U64,
    /// Header hash.
    pub hash: B256,
    /// Parent's hash.
    pub parent_hash: B256,
    /// Seconds since the epoch.
    pub timestamp: U64,
    /// Fee recipient (`miner` on the wire).
    #[serde(default, rename = "miner")]
    pub beneficiary: Address,
    /// Gas limit.
    #[serde(default)]
    pub gas_limit: U64,
    /// Gas used by all transactions.
    #[serde(default)]
    pub gas_used: U64,
    /// EIP-1559 base fee, wei; none before London.
    #[serde(default)]
    pub base_fee_per_gas: Option<U256>,
    /// Proof-of-work difficulty, 0 after the merge.
    #[serde(default)]
    pub difficulty: U256,
    /// PREVRANDAO after the merge.
    #[serde(default)]
    pub mix_hash: Option<B256>,
    /// EIP-4844 excess blob gas.
    #[serde(default)]
    pub excess_blob_gas: Option<U64>,
    /// Bloom filter over the logs; the zero filter proves that there are none.
    #[serde(default)]
    pub logs_bloom: Option<Bytes>,
    /// Transactions in order.
    #[serde(default)]
    pub transactions: Vec<WireTransaction>,
}

impl WireBlock {
    /// Number and hash.
    pub fn id(&self) -> BlockId {
        BlockId { number: self.number.to(), hash: self.hash }
    }

    /// The head of this block.
    pub fn head(&self) -> BlockHead {
        BlockHead {
            id: self.id(),
            parent: self.parent_hash,
            timestamp: self.timestamp.to(),
            transactions: u32::try_from(self.transactions.len()).unwrap_or(u32::MAX),
        }
    }
}

/// A transaction inside a block (or waiting for one).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WireTransaction {
    /// Hash.
    pub hash: B256,
    /// Sender.
    pub from: Address,
    /// Callee; none for a creation.
    #[serde(default)]
    pub to: Option<Address>,
    /// Wei sent along.
    #[serde(default)]
    pub value: U256,
    /// Call data (`data` is read too).
    #[serde(default, alias = "data")]
    pub input: Bytes,
    /// Sender's nonce.
    #[serde(default)]
    pub nonce: U64,
    /// Gas limit.
    #[serde(default)]
    pub gas: U64,
    /// Price of a legacy transaction; the effective price of others on most nodes.
    #[serde(default)]
    pub gas_price: Option<U256>,
    /// EIP-1559 fee cap.
    #[serde(default)]
    pub max_fee_per_gas: Option<U256>,
    /// EIP-1559 tip cap.
    #[serde(default)]
    pub max_priority_fee_per_gas: Option<U256>,
    /// EIP-4844 blob fee cap.
    #[serde(default)]
    pub max_fee_per_blob_gas: Option<U256>,
    /// EIP-4844 blob hashes.
    #[serde(default)]
    pub blob_versioned_hashes: Option<Vec<B256>>,
    /// EIP-2930 access list.
    #[serde(default)]
    pub access_list: Option<Vec<WireAccess>>,
    /// EIP-7702 authorisations.
    #[serde(default)]
    pub authorization_list: Option<Vec<WireAuthorization>>,
    /// EIP-2718 type.
    #[serde(default, rename = "type")]
    pub transaction_type: Option<U64>,
}

/// One entry of an EIP-2930 access list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WireAccess {
    /// Account.
    pub address: Address,
    /// Slots.
    #[serde(default)]
    pub storage_keys: Vec<B256>,
}

/// One EIP-7702 authorisation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WireAuthorization {
    /// Chain for which it is valid; 0 for every chain.
    pub chain_id: U256,
    /// Code to delegate to.
    pub address: Address,
    /// Nonce of the signer.
    pub nonce: U64,
    /// Parity of the signature.
    pub y_parity: U64,
    /// Signature.
    pub r: U256,
    /// Signature.
    pub s: U256,
}

/// A receipt; only what Portcullis reads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WireReceipt {
    /// Of which transaction.
    pub transaction_hash: B256,
    /// 1 for success; none before Byzantium.
    #[serde(default)]
    pub status: Option<U64>,
    /// Gas used.
    #[serde(default)]
    pub gas_used: U64,
    /// Logs in order.
    #[serde(default)]
    pub logs: Vec<WireLog>,
}

/// A log entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireLog {
    /// Who emitted it.
    pub address: Address,
    /// Topics, four at most.
    pub topics: Vec<B256>,
    /// Data.
    #[serde(default)]
    pub data: Bytes,
    /// How many sub-calls of its frame came before it (callTracer); none in a receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<U64>,
}

/// What a tracer said of one transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TracedTransaction<T> {
    /// Which; some nodes leave it out.
    #[serde(default)]
    pub tx_hash: Option<B256>,
    /// The trace.
    #[serde(default = "Option::default")]
    pub result: Option<T>,
    /// The node's error instead of a trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A frame of `callTracer`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TraceFrame {
    /// `CALL`, `STATICCALL`, `DELEGATECALL`, `CALLCODE`, `CREATE`, `CREATE2`, `SELFDESTRUCT`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// Caller.
    #[serde(default)]
    pub from: Address,
    /// Callee, or the created contract.
    #[serde(default)]
    pub to: Option<Address>,
    /// Wei.
    #[serde(default)]
    pub value: Option<U256>,
    /// Gas given.
    #[serde(default)]
    pub gas: Option<U256>,
    /// Gas used.
    #[serde(default)]
    pub gas_used: Option<U256>,
    /// Call data or creation code.
    #[serde(default)]
    pub input: Bytes,
    /// Return data.
    #[serde(default)]
    pub output: Option<Bytes>,
    /// Why the frame failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Decoded reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revert_reason: Option<String>,
    /// Sub-calls in order.
    #[serde(default)]
    pub calls: Vec<TraceFrame>,
    /// Logs; none means unknown.
    #[serde(default)]
    pub logs: Option<Vec<WireLog>>,
}

/// `prestateTracer {diffMode: true}`: the touched parts before and after.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateDiff {
    /// Before; what was not there before is absent.
    #[serde(default)]
    pub pre: Prestate,
    /// After; only what changed.
    #[serde(default)]
    pub post: Prestate,
}

/// Accounts by address, as in a genesis `alloc`.
pub type Prestate = BTreeMap<Address, WireAccount>;

/// An account, or the known part of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WireAccount {
    /// Wei.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance: Option<U256>,
    /// Nonce; nodes write a number, recordings a quantity.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "nonce")]
    pub nonce: Option<u64>,
    /// Code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Bytes>,
    /// Hash of code that stands in `codes.jsonl.gz`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_hash: Option<B256>,
    /// Slots.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub storage: BTreeMap<B256, B256>,
}

mod nonce {
    use alloy_primitives::U64;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[allow(clippy::ref_option, reason = "serde's `with` gives a reference to the field")]
    pub(super) fn serialize<S: Serializer>(nonce: &Option<u64>, to: S) -> Result<S::Ok, S::Error> {
        nonce.map(U64::from).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
        Ok(Option::<U64>::deserialize(from)?.map(|nonce| nonce.to()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_and_recording_shapes_are_both_read() {
        let account: WireAccount =
            serde_json::from_str(r#"{"balance":"0x1","nonce":7,"storage":{}}"#).unwrap();
        assert_eq!(account.nonce, Some(7));
        let account: WireAccount = serde_json::from_str(r#"{"nonce":"0x7","extra":1}"#).unwrap();
        assert_eq!((account.nonce, account.balance), (Some(7), None));
        let frame: TraceFrame = serde_json::from_str(
            r#"{"type":"CALL","from":"0x0000000000000000000000000000000000000001"}"#,
        )
        .unwrap();
        assert_eq!(frame.logs, None, "absent logs are unknown");
        let traced: TracedTransaction<TraceFrame> =
            serde_json::from_str(r#"{"error":"timeout"}"#).unwrap();
        assert!(traced.result.is_none());
    }
}
