//! What a play of a world was like.

use crate::{AssetLoss, Node, RangeError};
use alloy_primitives::{Address, B256, FixedBytes};
use serde::Serialize;

/// The result of a play. Loss is counted from the end of the set-up, the rest from the play's
/// first block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlayReport {
    /// The seed that decided traffic and attack.
    pub seed: u64,
    /// The number of the first block that was played.
    pub first_block: u64,
    /// The number of the last block that was played.
    pub last_block: u64,
    /// How many blocks were played.
    pub blocks_played: u64,
    /// The attack's transactions, in the order they were sent; empty in a play without attack.
    pub attack: Vec<AttackOutcome>,
    /// Honest transactions of the blocks before the attack's start.
    pub honest_before: HonestCounts,
    /// Honest transactions of the blocks from the attack's start on.
    pub honest_after: HonestCounts,
    /// What the thieves hold more than at the end of the set-up, in micro-dollars.
    pub loss_micro_usd: i128,
    /// The same by asset.
    pub loss_by_asset: Vec<AssetLoss>,
    /// What the responder's account sent, as the chain has it.
    pub responder_transactions: Vec<ResponderTransaction>,
}

/// What became of one transaction of the attack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AttackOutcome {
    /// The step's index in `world.yaml`, from 0.
    pub step: usize,
    /// Which repetition of the step, from 0.
    pub repetition: u64,
    /// The step's label.
    pub label: String,
    /// The block, counted from 1 after the set-up, in which it was due.
    pub block_index: u64,
    /// The number of the block that has it; `None` if none had at the end of the play.
    pub block: Option<u64>,
    /// Its hash; `None` if the node refused it.
    pub hash: Option<B256>,
    /// Whether it was mined, did not revert, and met a contract.
    pub success: bool,
    /// Why the node refused it.
    pub refused: Option<String>,
}

/// Honest transactions and what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HonestCounts {
    /// How many users wanted to send.
    pub sent: u64,
    /// How many were mined and did not revert.
    pub succeeded: u64,
    /// How many reverted, were refused by the node, or were not mined by the end of the play.
    pub failed: u64,
}

/// A transaction of the responder's account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResponderTransaction {
    /// The number of its block.
    pub block: u64,
    /// Its hash.
    pub hash: B256,
    /// The contract it calls; `None` for a deployment.
    pub to: Option<Address>,
    /// The first four bytes of its input; `None` for a plain transfer.
    pub selector: Option<FixedBytes<4>>,
    /// Whether it did not revert.
    pub success: bool,
}

/// One block of a play, for showing progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BlockPlayed {
    /// Counted from 1 after the set-up.
    pub index: u64,
    /// Its number on the chain.
    pub number: u64,
    /// Its time, in Unix seconds.
    pub timestamp: u64,
    /// Its hash.
    pub hash: B256,
    /// How many transactions it has, of everybody.
    pub transactions: u64,
    /// Honest transactions sent for this block, and those that this block settled.
    pub honest: HonestCounts,
    /// Transactions of the attack that were refused or that this block settled.
    pub attack: Vec<AttackOutcome>,
}

/// What an account sent in the blocks from `first` to `last`.
pub async fn transactions_of(
    node: &Node,
    account: Address,
    first: u64,
    last: u64,
) -> Result<Vec<ResponderTransaction>, RangeError> {
    let mut found = Vec::new();
    for number in first..=last {
        let block = node.block(number).await?;
        if block.transactions.iter().all(|transaction| transaction.from != account) {
            continue;
        }
        let receipts = node.receipts(number).await?;
        for transaction in block.transactions.iter().filter(|sent| sent.from == account) {
            let receipt = receipts.iter().find(|receipt| receipt.hash == transaction.hash);
            found.push(ResponderTransaction {
                block: number,
                hash: transaction.hash,
                to: transaction.to,
                selector: transaction.input.get(..4).map(FixedBytes::from_slice),
                success: receipt.is_some_and(crate::node::Receipt::succeeded),
            });
        }
    }
    Ok(found)
}
