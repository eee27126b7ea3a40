//! The line to the chain's nodes: plain JSON-RPC, with a node's refusal kept apart from a node that does not answer.
//!
//! A question goes to the first node, and to the next one as well where that says nothing for a moment; a transaction
//! goes to all of them at once, and the first that takes it is enough. Addresses of nodes
//! often hold an access key, so no message and no `Debug` output shows more of them than the host.

mod error;
mod inclusion;
mod node;

use std::{fmt, time::Duration};

use alloy_primitives::{Address, B256, Bytes, U64, U256};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use portcullis_types::{
    action::{Call, ViewCheck},
    chain::BlockId,
};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use tokio::time::timeout;
use url::Url;

pub use self::error::NodeError;
use self::node::{Answer, Node, silent};
pub(crate) use self::{inclusion::Inclusion, node::is_loopback};

/// How long a node has to itself before the next one is asked too. A node that hangs must not stand before a pull.
const NEXT_NODE_AFTER: Duration = Duration::from_millis(300);

/// Blocks whose tips are looked at.
const MARKET_BLOCKS: u64 = 4;
/// The part of its gas limit from which on a block is full.
const FULL_RATIO: f64 = 0.9;
/// The percentile of a block's gas, by its tip.
const MARKET_PERCENTILE: u64 = 90;

/// Nodes of one chain, best first.
#[derive(Clone)]
pub struct Nodes {
    nodes: Vec<Node>,
    answer_time_limit: Duration,
}

/// The head of a block, as far as sending needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Which block.
    pub id: BlockId,
    /// Its base fee, wei for each gas.
    pub base_fee: u128,
    /// Its time, Unix seconds.
    pub time: u64,
}

/// What became of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Block that it is in.
    pub block: BlockId,
    /// Whether it took effect.
    pub success: bool,
}

impl Nodes {
    /// Lines to the nodes at `urls` (`http`, `https`, `ws` or `wss`), each of which may take `answer_time_limit` for an
    /// answer.
    pub async fn connect(urls: &[Url], answer_time_limit: Duration) -> Result<Self, NodeError> {
        if urls.is_empty() {
            let detail = "there is none: configure at least one node of this chain".to_owned();
            return Err(NodeError::Address { node: "(none)".to_owned(), detail });
        }
        let mut nodes = Vec::new();
        for url in urls {
            nodes.push(Node::connect(url, answer_time_limit).await?);
        }
        Ok(Self { nodes, answer_time_limit })
    }

    /// Asks the nodes in turn. The answer of a contract (a revert) counts; other refusals may be one node's own.
    pub(crate) async fn request<T: Answer>(
        &self,
        method: &'static str,
        params: Json,
    ) -> Result<T, NodeError> {
        let mut first_error: Option<NodeError> = None;
        let mut rest = self.nodes.iter();
        let mut asked = FuturesUnordered::new();
        loop {
            let is_last = match rest.next() {
                Some(node) => {
                    asked.push(node.request::<T>(method, params.clone(), self.answer_time_limit));
                    rest.len() == 0
                }
                None => true,
            };
            let answer = if is_last {
                asked.next().await
            } else {
                // Silence for a while: the next one too.
                let Ok(answer) = timeout(NEXT_NODE_AFTER, asked.next()).await else { continue };
                answer
            };
            match answer {
                Some(Err(error)) if !error.is_revert() => {
                    // A refusal says more than a silence.
                    if first_error.as_ref().is_none_or(NodeError::is_silence) {
                        first_error = Some(error);
                    }
                }
                Some(answer) => return answer,
                None => break,
            }
        }
        Err(first_error.unwrap_or_else(|| silent(method, "(none)", "there is no node".to_owned())))
    }

    /// Gives a signed transaction to every node at once. The answers up to the first node that takes it; the others are
    /// served all the same.
    pub(crate) async fn broadcast(&self, raw: &Bytes) -> Vec<Result<B256, NodeError>> {
        let method = "eth_sendRawTransaction";
        let mut sends: FuturesUnordered<_> = self
            .nodes
            .iter()
            .map(|node| {
                let (node, params, limit) = (node.clone(), json!([raw]), self.answer_time_limit);
                // In tasks of their own: a node that hangs neither delays nor is cut off.
                tokio::spawn(async move { node.request::<B256>(method, params, limit).await })
            })
            .collect();
        let mut answers = Vec::new();
        while let Some(answer) = sends.next().await {
            let answer =
                answer.unwrap_or_else(|ended| Err(silent(method, "(a node)", ended.to_string())));
            let is_taken = answer.as_ref().map_or_else(NodeError::is_known_already, |_| true);
            answers.push(answer);
            if is_taken {
                break;
            }
        }
        answers
    }

    /// What it takes to be among the dearest transactions of the newest blocks, wei for each gas: the most, over the
    /// newest [`MARKET_BLOCKS`], of the tip below which nine tenths of a block's gas paid. Blocks with room do not count:
    /// there any tip is enough, and a high one of our own would raise the next.
    pub(crate) async fn market_tip(&self) -> Result<u128, NodeError> {
        #[derive(Debug, Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct History {
            gas_used_ratio: Vec<f64>,
            reward: Option<Vec<Vec<U256>>>,
        }
        let params = json!([U64::from(MARKET_BLOCKS), "latest", [MARKET_PERCENTILE]]);
        let history: History = self.request("eth_feeHistory", params).await?;
        let rewards = history.reward.unwrap_or_default();
        let blocks = history.gas_used_ratio.into_iter().zip(rewards);
        let full = blocks.filter(|(used, _)| *used >= FULL_RATIO);
        let most = full.flat_map(|(_, rewards)| rewards).max();
        Ok(most.unwrap_or_default().saturating_to())
    }

    /// The chain's id.
    pub(crate) async fn chain_id(&self) -> Result<u64, NodeError> {
        Ok(self.request::<U64>("eth_chainId", json!([])).await?.to())
    }

    /// Fails unless the node is on chain `id`.
    pub async fn require_chain(&self, id: u64) -> Result<(), NodeError> {
        let found = self.chain_id().await?;
        if found == id {
            return Ok(());
        }
        let detail = format!("it is on chain {found}, the configuration says {id}: correct one");
        Err(NodeError::Address { node: "the first that answers".to_owned(), detail })
    }

    /// The newest block.
    pub(crate) async fn head(&self) -> Result<Head, NodeError> {
        #[derive(Debug, Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Block {
            number: U64,
            hash: B256,
            base_fee_per_gas: Option<U256>,
            timestamp: U64,
        }
        let method = "eth_getBlockByNumber";
        let block: Block = self.request(method, json!(["latest", false])).await?;
        let Some(base_fee) = block.base_fee_per_gas else {
            let message =
                "its blocks have no base fee: chains without EIP-1559 are not supported".to_owned();
            return Err(NodeError::Refused { method, code: 0, message });
        };
        let id = BlockId { number: block.number.to(), hash: block.hash };
        Ok(Head { id, base_fee: base_fee.saturating_to(), time: block.timestamp.to() })
    }

    /// The account's next nonce: after the newest block, or with what the pool holds.
    pub(crate) async fn nonce(
        &self,
        account: Address,
        tag: &'static str,
    ) -> Result<u64, NodeError> {
        Ok(self.request::<U64>("eth_getTransactionCount", json!([account, tag])).await?.to())
    }

    /// The account's balance in wei.
    pub(crate) async fn balance(&self, account: Address) -> Result<U256, NodeError> {
        self.request("eth_getBalance", json!([account, "latest"])).await
    }

    /// Whether there is a contract at the address.
    pub(crate) async fn has_code(&self, account: Address) -> Result<bool, NodeError> {
        let code: Bytes = self.request("eth_getCode", json!([account, "latest"])).await?;
        Ok(!code.is_empty())
    }

    /// The code at the address, at one block.
    pub(crate) async fn code(&self, account: Address, block: BlockId) -> Result<Bytes, NodeError> {
        self.request("eth_getCode", json!([account, {"blockHash": block.hash}])).await
    }

    /// What became of a transaction; none where it is in no block.
    pub(crate) async fn receipt(&self, hash: B256) -> Result<Option<Receipt>, NodeError> {
        #[derive(Debug, Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Raw {
            block_hash: B256,
            block_number: U64,
            status: U64,
        }
        let raw: Option<Raw> = self.request("eth_getTransactionReceipt", json!([hash])).await?;
        Ok(raw.map(|raw| Receipt {
            block: BlockId { number: raw.block_number.to(), hash: raw.block_hash },
            success: raw.status == U64::ONE,
        }))
    }

    /// Whether a node knows the transaction, in a block or in its pool.
    pub(crate) async fn knows(&self, hash: B256) -> Result<bool, NodeError> {
        let transaction: Option<Json> =
            self.request("eth_getTransactionByHash", json!([hash])).await?;
        Ok(transaction.is_some())
    }

    /// Runs a call from `from` on the newest state.
    pub(crate) async fn call(&self, from: Address, call: &Call) -> Result<Bytes, NodeError> {
        let params = json!([{"from": from, "to": call.to, "data": call.data}, "latest"]);
        self.request("eth_call", params).await
    }

    /// The gas that a call from `from` would use on the newest state.
    pub(crate) async fn estimate_gas(&self, from: Address, call: &Call) -> Result<u64, NodeError> {
        let params = json!([{"from": from, "to": call.to, "data": call.data}, "latest"]);
        Ok(self.request::<U64>("eth_estimateGas", params).await?.to())
    }

    /// What a view answers, on the newest state or on that of one block.
    pub(crate) async fn view(
        &self,
        view: &ViewCheck,
        block: Option<BlockId>,
    ) -> Result<Bytes, NodeError> {
        let at = block.map_or(json!("latest"), |block| json!({"blockHash": block.hash}));
        self.request("eth_call", json!([{"to": view.to, "data": view.data}, at])).await
    }

    /// Whether a view answers what is expected. An answer shorter than a word is none: a contract that has no such view
    /// must not count as "false".
    pub(crate) async fn holds(
        &self,
        view: &ViewCheck,
        block: Option<BlockId>,
    ) -> Result<bool, NodeError> {
        let answer = self.view(view, block).await?;
        let word = view.word_of(&answer).ok_or_else(|| NodeError::Refused {
            method: "eth_call",
            code: 0,
            message: format!(
                "{} gave {} bytes, too few words: is it a contract with that view?",
                view.to,
                answer.len()
            ),
        })?;
        Ok(word == view.expect)
    }
}

impl fmt::Debug for Nodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.nodes.iter().map(Node::host)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn neither_debug_nor_errors_show_more_of_an_address_than_the_host() {
        // Port 1 of loopback: nothing listens there.
        let url: Url = "http://user:pass@127.0.0.1:1/v2/access-key".parse().unwrap();
        let nodes = Nodes::connect(&[url], Duration::from_millis(500)).await.unwrap();
        let error = nodes.chain_id().await.unwrap_err();
        assert!(error.is_silence(), "{error}");
        let bad: Url = "ftp://host/access-key".parse().unwrap();
        let scheme = Nodes::connect(&[bad], Duration::from_millis(500)).await.unwrap_err();
        for shown in [format!("{nodes:?}"), format!("{error} {error:?}"), format!("{scheme}")] {
            assert!(!shown.contains("access-key") && !shown.contains("pass"), "{shown}");
        }
    }
}
