//! Road (a): Evidence from what a node's tracers say of a block.
//!
//! Nothing is taken on trust that can be checked: counts, hashes, success, and logs against receipts and header. A node
//! that leaves out logs once must not look like a block in which nothing happened.

use portcullis_types::{
    evidence::{Evidence, Log},
    text::printable,
    wire::{BlockMaterial, StateDiff, TraceFrame, TracedTransaction, WireReceipt, WireTransaction},
};

use crate::{
    builder::{self, Input, LogFields, LogSource, plain_log},
    error::SimulateError,
    logs,
};

/// Makes Evidence of every transaction of a block, in order.
///
/// # Errors
/// [`SimulateError::Incomplete`] if there are no traces, [`SimulateError::Node`] if the node could not make one,
/// [`SimulateError::Inconsistent`] if the parts of `material` contradict each other. One bad transaction makes the whole
/// block an error: a block is seen or it is not.
pub fn evidence_from_traces(material: &BlockMaterial) -> Result<Vec<Evidence>, SimulateError> {
    let block = &material.block;
    let number = block.number;
    let traces = material.traces.as_ref().ok_or_else(|| {
        SimulateError::incomplete(format!("there are no traces of block {number}"))
    })?;
    let transactions = &block.transactions;
    check_count(material, "traces", Some(traces.len()))?;
    check_count(material, "state diffs", material.state_diffs.as_ref().map(Vec::len))?;
    check_count(material, "receipts", material.receipts.as_ref().map(Vec::len))?;
    let logs_traced = check_logs_are_somewhere(material, traces)?;

    let mut all = Vec::with_capacity(transactions.len());
    for (index, (transaction, traced)) in transactions.iter().zip(traces).enumerate() {
        let trace = result_of(transaction, traced)?;
        let state_diff = match material.state_diffs.as_ref().and_then(|diffs| diffs.get(index)) {
            Some(diff) => Some(result_of(transaction, diff)?),
            None => None,
        };
        let receipt = material.receipts.as_ref().and_then(|receipts| receipts.get(index));
        let parts = Parts { transaction, trace, state_diff, receipt, index, logs_traced };
        all.push(parts.evidence(material)?);
    }
    check_no_log_is_missing(material, &all)?;
    Ok(all)
}

/// Every log sets bits in the header's filter; a bit that no log explains is a log that was left out. Bits that the
/// header lacks are no error: some chains put transactions of their own into blocks, whose logs the header ignores.
fn check_no_log_is_missing(
    material: &BlockMaterial,
    all: &[Evidence],
) -> Result<(), SimulateError> {
    let Some(header) = logs::of_header(&material.block) else { return Ok(()) };
    let all_known = all.iter().all(|evidence| evidence.known.logs);
    if all_known && !logs::of_evidence(all.iter()).contains(header) {
        return Err(SimulateError::inconsistent(format!(
            "block {} has logs by its bloom filter that are not in its traces",
            material.block.number
        )));
    }
    Ok(())
}

fn check_count(
    material: &BlockMaterial,
    what: &str,
    count: Option<usize>,
) -> Result<(), SimulateError> {
    let expected = material.block.transactions.len();
    match count {
        Some(count) if count != expected => Err(SimulateError::inconsistent(format!(
            "block {} has {expected} transactions and {count} {what}",
            material.block.number
        ))),
        _ => Ok(()),
    }
}

/// Whether the traces of the block tell of logs, so that their absence in one of them means that there are none.
fn check_logs_are_somewhere(
    material: &BlockMaterial,
    traces: &[TracedTransaction<TraceFrame>],
) -> Result<bool, SimulateError> {
    let bloom = material.block.logs_bloom.as_ref().filter(|bloom| !bloom.is_empty());
    let surely_none = bloom.is_some_and(|bloom| bloom.iter().all(|byte| *byte == 0));
    let surely_some = bloom.is_some() && !surely_none;
    let trees = || traces.iter().filter_map(|traced| traced.result.as_ref());
    let some_frame_has_the_field = trees().any(|trace| LogFields::scan(trace).any);
    let in_receipts = material.receipts.iter().flatten().any(|receipt| !receipt.logs.is_empty());
    if surely_some && !in_receipts && !trees().any(holds_a_log) {
        return Err(SimulateError::inconsistent(format!(
            "block {} has logs by its bloom filter, but neither its traces nor its receipts hold one",
            material.block.number
        )));
    }
    Ok(some_frame_has_the_field || surely_none)
}

fn holds_a_log(trace: &TraceFrame) -> bool {
    let mut open = vec![trace];
    while let Some(frame) = open.pop() {
        if frame.logs.as_ref().is_some_and(|logs| !logs.is_empty()) {
            return true;
        }
        open.extend(&frame.calls);
    }
    false
}

fn result_of<'a, T>(
    transaction: &WireTransaction,
    traced: &'a TracedTransaction<T>,
) -> Result<&'a T, SimulateError> {
    let hash = transaction.hash;
    if let Some(said) = traced.tx_hash.filter(|said| *said != hash) {
        return Err(SimulateError::inconsistent(format!(
            "the trace of transaction {said} stands where that of {hash} should"
        )));
    }
    let what = format!("transaction {hash}");
    if let Some(error) = &traced.error {
        return Err(SimulateError::Node { what, detail: printable(error) });
    }
    let nothing = || SimulateError::Node { what, detail: "it gave no result".to_owned() };
    traced.result.as_ref().ok_or_else(nothing)
}

/// What the node said of one transaction.
struct Parts<'a> {
    transaction: &'a WireTransaction,
    trace: &'a TraceFrame,
    state_diff: Option<&'a StateDiff>,
    receipt: Option<&'a WireReceipt>,
    index: usize,
    logs_traced: bool,
}

impl Parts<'_> {
    fn evidence(&self, material: &BlockMaterial) -> Result<Evidence, SimulateError> {
        let evidence = self.build(material, self.log_source())?;
        let Some(receipt) = self.receipt else { return Ok(evidence) };
        let receipt_logs: Vec<Log> = receipt.logs.iter().map(plain_log).collect();
        if evidence.logs == receipt_logs {
            return Ok(evidence);
        }
        if !same_in_any_order(&evidence.logs, &receipt_logs) {
            return Err(SimulateError::inconsistent(format!(
                "transaction {} has {} logs by its trace and {} by its receipt, or others",
                evidence.hash,
                evidence.logs.len(),
                receipt_logs.len()
            )));
        }
        // The order of the receipt is that of the chain; some nodes place logs wrongly in traces.
        self.build(material, LogSource::Receipt(&receipt.logs))
    }

    fn log_source(&self) -> LogSource<'_> {
        let fields = LogFields::scan(self.trace);
        match self.receipt {
            Some(receipt) if fields.unplaced => LogSource::Receipt(&receipt.logs),
            Some(receipt) if !fields.any && !receipt.logs.is_empty() => {
                LogSource::Receipt(&receipt.logs)
            }
            Some(_) => LogSource::Frames,
            None if fields.any || self.logs_traced => LogSource::Frames,
            None => LogSource::Unknown,
        }
    }

    fn build(
        &self,
        material: &BlockMaterial,
        logs: LogSource<'_>,
    ) -> Result<Evidence, SimulateError> {
        let (block, hash) = (&material.block, self.transaction.hash);
        if let Some(receipt) = self.receipt.filter(|receipt| receipt.transaction_hash != hash) {
            let said = receipt.transaction_hash;
            return Err(SimulateError::inconsistent(format!(
                "the receipt of transaction {said} stands where that of {hash} should"
            )));
        }
        builder::build(&Input {
            chain: material.chain_id,
            block: block.id(),
            timestamp: block.timestamp.to(),
            index: u32::try_from(self.index).unwrap_or(u32::MAX),
            transaction: self.transaction,
            trace: self.trace,
            logs,
            state_diff: self.state_diff,
            success: self.receipt.and_then(|r| r.status).map(|status| !status.is_zero()),
            gas_used: self.receipt.map(|receipt| receipt.gas_used.to()),
            writes: None,
        })
    }
}

fn same_in_any_order(ours: &[Log], theirs: &[Log]) -> bool {
    let sorted = |logs: &[Log]| {
        let mut keys: Vec<_> =
            logs.iter().map(|log| (log.address, log.topics.clone(), log.data.clone())).collect();
        keys.sort();
        keys
    };
    ours.len() == theirs.len() && sorted(ours) == sorted(theirs)
}
