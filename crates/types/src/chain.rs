//! Facts about a chain, each of which can be un-said.

use alloy_primitives::{Address, B256, Bytes, U256};
use serde::{Deserialize, Serialize};

use crate::ids::ChainId;

/// A block by number and hash. The number alone does not name a block: a re-organisation may put another there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BlockId {
    /// Height.
    pub number: u64,
    /// Hash of the header.
    pub hash: B256,
}

/// The head of a block, enough to follow a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BlockHead {
    /// Which block.
    pub id: BlockId,
    /// Hash of the block before.
    pub parent: B256,
    /// Seconds since the Unix epoch, as the block says.
    pub timestamp: u64,
    /// How many transactions it holds.
    pub transactions: u32,
}

/// A transaction that is not in a block yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingTransaction {
    /// Hash.
    pub hash: B256,
    /// Sender.
    pub from: Address,
    /// Callee; none for a creation.
    pub to: Option<Address>,
    /// Wei sent along.
    pub value: U256,
    /// Call data.
    pub input: Bytes,
}

/// Why something could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum BlindCause {
    /// The node did not answer, or the connection broke.
    Unreachable {
        /// What the transport said.
        detail: String,
    },
    /// The node answered with an error (in an HTTP status or inside HTTP 200).
    NodeError {
        /// JSON-RPC method.
        method: String,
        /// The node's words, made printable.
        detail: String,
    },
    /// The answer contradicts itself or what was known (logs missing, wrong hash, wrong parent).
    Inconsistent {
        /// What did not fit.
        detail: String,
    },
    /// The data is there but lacks what is needed to see inside (no traces and no state).
    Incomplete {
        /// What is missing.
        detail: String,
    },
}

impl std::fmt::Display for BlindCause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreachable { detail } => write!(f, "node unreachable: {detail}"),
            Self::NodeError { method, detail } => write!(f, "{method} failed: {detail}"),
            Self::Inconsistent { detail } => write!(f, "inconsistent answer: {detail}"),
            Self::Incomplete { detail } => write!(f, "data incomplete: {detail}"),
        }
    }
}

/// What a source says about a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "camelCase")]
pub enum ChainEvent {
    /// A block was added on top of the last one.
    Committed {
        /// Chain.
        chain: ChainId,
        /// The block.
        head: BlockHead,
    },
    /// Blocks were taken back and others put in their place. `old` is empty never, `new` may be (the chain got
    /// shorter and the source will commit what follows).
    Reorged {
        /// Chain.
        chain: ChainId,
        /// Blocks that are no longer part of the chain, lowest first.
        old: Vec<BlockId>,
        /// Blocks that are now, lowest first.
        new: Vec<BlockHead>,
    },
    /// A transaction waits in the pool of a node.
    Pending {
        /// Chain.
        chain: ChainId,
        /// The transaction.
        transaction: PendingTransaction,
    },
    /// Blocks that could not be inspected (yet), both ends included. Never the same as "nothing found".
    Blind {
        /// Chain.
        chain: ChainId,
        /// First block.
        from: u64,
        /// Last block.
        to: u64,
        /// Why.
        cause: BlindCause,
    },
}
