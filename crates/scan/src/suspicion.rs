//! What a scan says.

use alloy_primitives::{Address, B256, U256};
use portcullis_types::{
    chain::BlockId,
    ids::ChainId,
    money::{Asset, Usd},
};
use serde::Serialize;

/// How much a suspicion asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Level {
    /// Somebody should look at it.
    Alert,
    /// Sure enough that a protocol concerned could act on it unattended.
    Act,
}

/// What kind of attack it looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum AttackClass {
    /// A price was moved and used in the same transaction.
    PriceManipulation,
    /// A contract was entered again before it had written what it owed.
    Reentrancy,
    /// A function did what it should only do for somebody else.
    AccessControl,
    /// More was minted, redeemed or credited than was paid for.
    Accounting,
    /// Votes were borrowed.
    Governance,
    /// A bridge released what was not locked.
    Bridge,
    /// Others' approvals were used.
    ApprovalAbuse,
    /// None of these is clear.
    Other,
}

/// Who lost what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Loss {
    /// Who.
    pub victim: Address,
    /// What.
    pub asset: Asset,
    /// How much, smallest units.
    pub amount: U256,
    /// At a reference price; none where there is none.
    pub usd: Option<Usd>,
}

/// One thing that speaks for an attack.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Signal {
    /// Which detector of the scan: kebab-case.
    pub detector: &'static str,
    /// Value of an e-variable against "nothing is wrong".
    pub e_value: f64,
    /// What it saw, in one sentence.
    pub sentence: String,
    /// Frames that show it, by index.
    pub frames: Vec<u32>,
}

/// What a scan says of a transaction.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Suspicion {
    /// Chain.
    pub chain: ChainId,
    /// Block.
    pub block: BlockId,
    /// Transaction.
    pub transaction: B256,
    /// How much it asks for.
    pub level: Level,
    /// Value of the fused e-variable against "nothing is wrong"; at most a share `1/x` of ordinary transactions reach `x`.
    pub e_value: f64,
    /// What it looks like.
    pub class: AttackClass,
    /// Who gained: the sender and contracts of his, likeliest first.
    pub attackers: Vec<Address>,
    /// Who lost, greatest loss first.
    pub victims: Vec<Address>,
    /// Contracts whose functions were used for it, those the signals name first. Where the money lay need not be where the
    /// error is.
    pub targets: Vec<Address>,
    /// What was lost.
    pub losses: Vec<Loss>,
    /// What speaks for it, strongest first. Never empty.
    pub signals: Vec<Signal>,
    /// What happened, in one sentence.
    pub sentence: String,
}
