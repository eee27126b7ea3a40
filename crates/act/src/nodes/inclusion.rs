//! Whether a transaction is in the block that a node says: not by its word, but by the hashes of the block.

use alloy_consensus::{
    TxEnvelope,
    proofs::{calculate_receipt_root, calculate_transaction_root},
};
use alloy_primitives::B256;
use alloy_rpc_types_eth::{Block, Transaction, TransactionReceipt};
use serde_json::{Value as Json, json};

use super::{NodeError, Nodes, Receipt};

/// The fields of a block whose hash this version can compute (Prague), and those that are not part of the header.
const KNOWN_FIELDS: [&str; 27] = [
    "hash",
    "parentHash",
    "sha3Uncles",
    "miner",
    "stateRoot",
    "transactionsRoot",
    "receiptsRoot",
    "logsBloom",
    "difficulty",
    "number",
    "gasLimit",
    "gasUsed",
    "timestamp",
    "extraData",
    "mixHash",
    "nonce",
    "baseFeePerGas",
    "withdrawalsRoot",
    "blobGasUsed",
    "excessBlobGas",
    "parentBeaconBlockRoot",
    "requestsHash",
    "totalDifficulty",
    "size",
    "uncles",
    "transactions",
    "withdrawals",
];

/// What the hashes say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Inclusion {
    /// It is in that block and took effect or not, as the receipt says.
    Proven,
    /// The node's word does not fit the block's hashes. Another node's receipt where that one is proven.
    Contradicted { why: String, instead: Option<Receipt> },
    /// It could not be looked at: the node does not show the block, or the chain hashes otherwise.
    Unknown(String),
}

impl Nodes {
    /// Compares a receipt with its block: the header's hash, the root of its transactions and the root of its receipts
    /// are computed anew. What this shows is that a block with this hash holds the transaction; that the block is one of
    /// the chain's is another question, which several nodes answer better than one.
    pub(crate) async fn inclusion(&self, hash: B256, receipt: Receipt) -> Inclusion {
        match self.prove(hash, receipt).await {
            Ok(Some(why)) => {
                let mut instead = None;
                for node in &self.nodes {
                    let one = Self { nodes: vec![node.clone()], ..self.clone() };
                    if let Ok(Some(other)) = one.receipt(hash).await
                        && one.prove(hash, other).await == Ok(None)
                    {
                        instead = Some(other);
                        break;
                    }
                }
                Inclusion::Contradicted { why, instead }
            }
            Ok(None) => Inclusion::Proven,
            Err(why) => Inclusion::Unknown(why),
        }
    }

    /// None where all fits; what does not where something does not; an error where it could not be looked at.
    async fn prove(&self, hash: B256, receipt: Receipt) -> Result<Option<String>, String> {
        let said = |error: NodeError| error.to_string();
        let at = receipt.block;
        let block = self.request::<Option<Json>>("eth_getBlockByHash", json!([at.hash, true]));
        let receipts = self.request::<Option<Json>>("eth_getBlockReceipts", json!([at.hash]));
        let (block, receipts) = tokio::join!(block, receipts);
        let Some(block) = block.map_err(said)? else {
            return Ok(Some(format!("the node does not know block {} of its receipt", at.hash)));
        };
        if let Some(field) = unknown_field(&block) {
            return Err(format!(
                "blocks of this chain have `{field}`, which this version cannot hash"
            ));
        }
        let unread =
            |what: &str, error: serde_json::Error| format!("{what} cannot be read: {error}");
        let block: Block<Transaction<TxEnvelope>> =
            serde_json::from_value(block).map_err(|error| unread("the block", error))?;
        let header = &block.header.inner;
        if header.hash_slow() != at.hash || header.number != at.number {
            return Ok(Some(format!(
                "the header of block {} has another hash than {}",
                at.number, at.hash
            )));
        }
        let (transactions_root, receipts_root) = (header.transactions_root, header.receipts_root);
        let transactions: Vec<TxEnvelope> =
            block.transactions.into_transactions().map(|one| one.inner.into_inner()).collect();
        if calculate_transaction_root(&transactions) != transactions_root {
            return Ok(Some(format!(
                "the transactions of block {} are others than its header says",
                at.number
            )));
        }
        let Some(place) = transactions.iter().position(|one| *one.tx_hash() == hash) else {
            return Ok(Some(format!("block {} does not hold {hash}", at.number)));
        };
        let Ok(Some(receipts)) = receipts else {
            return Err("the node does not show all receipts of a block, so whether it took effect is its word".to_owned());
        };
        let receipts: Vec<TransactionReceipt> =
            serde_json::from_value(receipts).map_err(|error| unread("the receipts", error))?;
        let status = receipts.get(place).map(TransactionReceipt::status);
        let receipts: Vec<_> =
            receipts.into_iter().map(|one| one.into_primitives_receipt().inner).collect();
        if calculate_receipt_root(&receipts) != receipts_root {
            return Ok(Some(format!(
                "the receipts of block {} are others than its header says",
                at.number
            )));
        }
        Ok((status != Some(receipt.success)).then(|| {
            format!("{hash} had another result in block {} than the node says", at.number)
        }))
    }
}

/// A field that may be part of the header and that this version does not know.
fn unknown_field(block: &Json) -> Option<String> {
    let fields = block.as_object()?;
    fields.keys().find(|field| !KNOWN_FIELDS.contains(&field.as_str())).cloned()
}
