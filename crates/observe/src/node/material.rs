//! Everything about one block, asked by its hash and checked against itself.
//!
//! Asked by number, the answers of four requests could belong to four different blocks while the
//! chain re-organises. By hash they cannot.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256, Bloom, BloomInput};
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use portcullis_types::{
    chain::{BlindCause, BlockId},
    text::printable,
    wire::{
        BlockMaterial, Prestate, StateDiff, TraceFrame, TracedTransaction, WireAccount, WireBlock,
        WireReceipt,
    },
};
use serde_json::{Value, json};

use super::{Node, Said};
use crate::{error::CallFailure, frames};

/// Most receipts that are asked for at a time where the node has no `eth_getBlockReceipts`.
const RECEIPT_REQUESTS_MAX: usize = 16;

impl Node {
    /// The block with its transactions, receipts, call traces and state differences.
    ///
    /// What the node cannot give at all (no tracing methods) is `None`; what it failed to give is
    /// an error. `prestate` is never filled, see [`Node::block_prestate`].
    ///
    /// # Errors
    /// Why the block cannot be inspected now; retry.
    pub async fn material(&self, id: &BlockId) -> Result<BlockMaterial, BlindCause> {
        let (block, receipts, traces, state_diffs) = tokio::join!(
            self.block(id),
            self.block_receipts(id),
            self.block_traces(id),
            self.block_state_diffs(id),
        );
        let block = block?;
        check_block(&block, id)?;
        if block.transactions.is_empty() {
            // There is nothing to trace, and some nodes refuse to trace an empty block.
            return Ok(BlockMaterial {
                chain_id: self.chain(),
                block,
                receipts: Some(Vec::new()),
                traces: Some(Vec::new()),
                state_diffs: Some(Vec::new()),
                ..BlockMaterial::default()
            });
        }
        let receipts = match receipts? {
            Some(receipts) => receipts,
            None => self.single_receipts(&block).await?,
        };
        check_receipts(&block, &receipts)?;
        let (traces, state_diffs) = (traces?, state_diffs?);
        check_traced(&block, traces.as_deref(), "call traces")?;
        check_traced(&block, state_diffs.as_deref(), "state differences")?;
        self.inner.known.note(id.hash, state_diffs.as_deref().unwrap_or_default());
        Ok(BlockMaterial {
            chain_id: self.chain(),
            block_hashes: parent_hash(&block),
            block,
            receipts: Some(receipts),
            traces,
            state_diffs,
            prestate: None,
        })
    }

    /// The state that one transaction read, as it was before that transaction.
    ///
    /// # Errors
    /// Why it cannot be had; retry, unless the node cannot trace.
    pub async fn transaction_prestate(&self, hash: B256) -> Result<Prestate, BlindCause> {
        let tracer = json!({"tracer": "prestateTracer", "tracerConfig": {"diffMode": false}});
        let said = self.traced("debug_traceTransaction", &json!([hash, tracer])).await?;
        Ok(said.read()?)
    }

    /// The state that the transactions of a block read, as it was before the block: what executing
    /// the block again needs. Storage that the protocol itself changes before the first transaction
    /// (EIP-4788, EIP-2935) is as it was after that.
    ///
    /// # Errors
    /// Why it cannot be had; retry, unless the node cannot trace.
    pub async fn block_prestate(&self, material: &BlockMaterial) -> Result<Prestate, BlindCause> {
        let method = "debug_traceBlockByHash";
        let tracer = json!({"tracer": "prestateTracer", "tracerConfig": {"diffMode": false}});
        let said = self.traced(method, &json!([material.block.hash, tracer])).await?;
        let states: Vec<TracedTransaction<Prestate>> = said.read()?;
        check_traced(&material.block, Some(&states), "states")?;
        let mut prestates = Vec::with_capacity(states.len());
        for one in states {
            prestates.push(one.result.ok_or_else(|| BlindCause::NodeError {
                method: method.to_owned(),
                detail: printable(&one.error.unwrap_or_else(|| "a state is missing".to_owned())),
            })?);
        }
        let diffs = material.state_diffs.as_deref().unwrap_or_default();
        Ok(merged(prestates, diffs))
    }

    async fn block(&self, id: &BlockId) -> Result<WireBlock, BlindCause> {
        let block: Option<WireBlock> =
            self.ask("eth_getBlockByHash", json!([id.hash, true])).await?;
        block.ok_or_else(|| {
            inconsistent(format!("the node does not know block {} ({})", id.number, id.hash))
        })
    }

    /// `None` where the node does not have the method.
    async fn block_receipts(&self, id: &BlockId) -> Result<Option<Vec<WireReceipt>>, BlindCause> {
        let method = "eth_getBlockReceipts";
        let mut answer = self.ask(method, json!([{"blockHash": id.hash}])).await;
        if answer.as_ref().is_err_and(CallFailure::is_bad_parameters) {
            answer = self.ask(method, json!([id.hash])).await;
        }
        match answer {
            Ok(Some(receipts)) => Ok(Some(receipts)),
            Ok(None) => Err(inconsistent(format!("no receipts for block {}", id.hash))),
            Err(failure) if failure.is_unsupported() => Ok(None),
            Err(failure) => Err(failure.into()),
        }
    }

    async fn single_receipts(&self, block: &WireBlock) -> Result<Vec<WireReceipt>, BlindCause> {
        // Boxed: a stream of unnamed futures that borrow cannot be sent between threads.
        let asked: Vec<_> =
            block.transactions.iter().map(|one| self.single_receipt(one.hash).boxed()).collect();
        stream::iter(asked).buffered(RECEIPT_REQUESTS_MAX).try_collect().await
    }

    async fn single_receipt(&self, hash: B256) -> Result<WireReceipt, BlindCause> {
        let receipt: Option<WireReceipt> =
            self.ask("eth_getTransactionReceipt", json!([hash])).await?;
        receipt.ok_or_else(|| inconsistent(format!("no receipt of transaction {hash}")))
    }

    async fn block_traces(
        &self,
        id: &BlockId,
    ) -> Result<Option<Vec<TracedTransaction<TraceFrame>>>, BlindCause> {
        let method = "debug_traceBlockByHash";
        let tracer = json!({"tracer": "callTracer", "tracerConfig": {"withLog": true}});
        match self.traced(method, &json!([id.hash, tracer])).await {
            Ok(said) => Ok(Some(said.read_with(frames::traces)?)),
            Err(failure) if failure.is_unsupported() => Ok(None),
            Err(failure) => Err(failure.into()),
        }
    }

    async fn block_state_diffs(
        &self,
        id: &BlockId,
    ) -> Result<Option<Vec<TracedTransaction<StateDiff>>>, BlindCause> {
        let method = "debug_traceBlockByHash";
        let tracer = json!({"tracer": "prestateTracer", "tracerConfig": {"diffMode": true}});
        match self.traced(method, &json!([id.hash, tracer])).await {
            Ok(said) => Ok(Some(said.read()?)),
            Err(failure) if failure.is_unsupported() => Ok(None),
            Err(failure) => Err(failure.into()),
        }
    }

    async fn traced(
        &self,
        method: &'static str,
        parameters: &Value,
    ) -> Result<Said<'_>, CallFailure> {
        self.raw(method, parameters, self.inner.options.trace_time_limit).await
    }
}

fn inconsistent(detail: String) -> BlindCause {
    BlindCause::Inconsistent { detail }
}

fn parent_hash(block: &WireBlock) -> BTreeMap<u64, B256> {
    let number: u64 = block.number.to();
    number.checked_sub(1).map(|parent| (parent, block.parent_hash)).into_iter().collect()
}

fn check_block(block: &WireBlock, id: &BlockId) -> Result<(), BlindCause> {
    if block.id() != *id {
        let got = block.id();
        let detail = format!(
            "asked for block {} ({}), got {} ({})",
            id.number, id.hash, got.number, got.hash
        );
        return Err(inconsistent(detail));
    }
    if block.transactions.is_empty() && !block.gas_used.is_zero() {
        let detail = format!("block {} used gas, but holds no transactions", id.number);
        return Err(inconsistent(detail));
    }
    Ok(())
}

/// Receipts must be those of the transactions, in order, and every bit of the header's bloom filter
/// must be explained by one of their logs. The other direction is not checked: some chains leave
/// their own transactions out of the filter, or write none.
fn check_receipts(block: &WireBlock, receipts: &[WireReceipt]) -> Result<(), BlindCause> {
    let (want, got) = (block.transactions.len(), receipts.len());
    if want != got {
        return Err(inconsistent(format!("{want} transactions, but {got} receipts")));
    }
    for (transaction, receipt) in block.transactions.iter().zip(receipts) {
        let (want, got) = (transaction.hash, receipt.transaction_hash);
        if want != got {
            return Err(inconsistent(format!("receipt of {got} where {want} was due")));
        }
    }
    let Some(filter) = &block.logs_bloom else { return Ok(()) };
    let Ok(filter) = Bloom::try_from(filter.as_ref()) else {
        return Err(inconsistent(format!("a bloom filter of {} bytes", filter.len())));
    };
    let mut explained = Bloom::ZERO;
    for log in receipts.iter().flat_map(|receipt| &receipt.logs) {
        explained.accrue(BloomInput::Raw(log.address.as_slice()));
        for topic in &log.topics {
            explained.accrue(BloomInput::Raw(topic.as_slice()));
        }
    }
    if !explained.contains(&filter) {
        let detail = "the block's bloom filter names logs that no receipt holds".to_owned();
        return Err(inconsistent(detail));
    }
    Ok(())
}

fn check_traced<T>(
    block: &WireBlock,
    traced: Option<&[TracedTransaction<T>]>,
    what: &str,
) -> Result<(), BlindCause> {
    let Some(traced) = traced else { return Ok(()) };
    let (want, got) = (block.transactions.len(), traced.len());
    if want != got {
        return Err(inconsistent(format!("{want} transactions, but {got} {what}")));
    }
    for (transaction, one) in block.transactions.iter().zip(traced) {
        if let Some(hash) = one.tx_hash
            && hash != transaction.hash
        {
            let detail = format!("{what} of {hash} where {} was due", transaction.hash);
            return Err(inconsistent(detail));
        }
    }
    Ok(())
}

/// The state before a block out of the states before each of its transactions: of every value the
/// one that was seen first. What an earlier transaction wrote without having a value before (an
/// account that it created) was not there before the block.
fn merged(prestates: Vec<Prestate>, diffs: &[TracedTransaction<StateDiff>]) -> Prestate {
    let mut state = Prestate::new();
    let mut born: BTreeSet<Address> = BTreeSet::new();
    for (place, prestate) in prestates.into_iter().enumerate() {
        for (address, before) in prestate {
            if born.contains(&address) {
                continue;
            }
            // Tracers leave out a nonce of 0 and code that is not there: what is absent at first sight
            // was nothing then, and must not be taken from after a transaction of this block.
            let known = state.entry(address).or_insert_with(|| WireAccount {
                balance: Some(before.balance.unwrap_or_default()),
                nonce: Some(before.nonce.unwrap_or_default()),
                code: before.code,
                code_hash: before.code_hash,
                ..WireAccount::default()
            });
            for (slot, value) in before.storage {
                known.storage.entry(slot).or_insert(value);
            }
        }
        let diff = diffs.get(place).and_then(|traced| traced.result.as_ref());
        for address in diff.into_iter().flat_map(|diff| diff.post.keys()) {
            if !state.contains_key(address) {
                born.insert(*address);
            }
        }
    }
    state
}

#[cfg(test)]
mod tests;
