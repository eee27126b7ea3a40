//! Executed transactions against what receipts and header say of them.

use alloy_primitives::{B256, Bloom, Log};
use portcullis_types::wire::{BlockMaterial, WireBlock, WireLog, WireReceipt};

use crate::{
    error::SimulateError,
    logs::{self, Filter},
};

/// How a transaction ended.
#[derive(Debug)]
pub(crate) struct Ending {
    pub(crate) hash: B256,
    pub(crate) success: bool,
    pub(crate) gas_used: u64,
    /// Logs that took effect.
    pub(crate) logs: Vec<Log>,
}

/// The checks of one block.
pub(crate) struct Checks<'a> {
    block: &'a WireBlock,
    receipts: Option<std::slice::Iter<'a, WireReceipt>>,
    said: Option<&'a Bloom>,
    filter: Filter,
    gas_used: u64,
}

impl<'a> Checks<'a> {
    /// # Errors
    /// [`SimulateError::Inconsistent`] if there are receipts, and not one for each transaction.
    pub(crate) fn new(material: &'a BlockMaterial) -> Result<Self, SimulateError> {
        let block = &material.block;
        let transactions = block.transactions.len();
        if let Some(receipts) = material.receipts.as_ref().filter(|r| r.len() != transactions) {
            return Err(SimulateError::inconsistent(format!(
                "block {} has {transactions} transactions and {} receipts",
                block.number,
                receipts.len()
            )));
        }
        Ok(Self {
            block,
            receipts: material.receipts.as_ref().map(|receipts| receipts.iter()),
            said: logs::of_header(block),
            filter: Filter::default(),
            gas_used: 0,
        })
    }

    /// Checks the next transaction of the block.
    pub(crate) fn transaction(&mut self, ending: &Ending) -> Result<(), SimulateError> {
        if let Some(receipt) = self.receipts.as_mut().and_then(Iterator::next) {
            check_receipt(ending, receipt)?;
        }
        self.gas_used = self.gas_used.saturating_add(ending.gas_used);
        if self.said.is_some() {
            for log in &ending.logs {
                self.filter.add(log.address, log.topics());
            }
        }
        Ok(())
    }

    /// Checks the block as a whole.
    pub(crate) fn finish(self) -> Result<(), SimulateError> {
        let (number, used) = (self.block.number, self.gas_used);
        let said = self.block.gas_used.to::<u64>();
        // Zero is what a header that does not say reads as.
        if said != 0 && used != said {
            return Err(SimulateError::inconsistent(format!(
                "block {number} used {used} gas by execution and {said} by its header"
            )));
        }
        if self.said.is_some_and(|said| *said != *self.filter.bloom()) {
            return Err(SimulateError::inconsistent(format!(
                "the logs of block {number} by execution do not match the bloom filter of its header"
            )));
        }
        Ok(())
    }
}

fn check_receipt(ending: &Ending, receipt: &WireReceipt) -> Result<(), SimulateError> {
    let hash = ending.hash;
    let differs = |what: &str, ours: String, theirs: String| {
        Err(SimulateError::inconsistent(format!(
            "{what} of transaction {hash} is {ours} by execution and {theirs} by its receipt"
        )))
    };
    if receipt.transaction_hash != hash {
        return differs("the hash", hash.to_string(), receipt.transaction_hash.to_string());
    }
    let gas = receipt.gas_used.to::<u64>();
    if ending.gas_used != gas {
        return differs("gas", ending.gas_used.to_string(), gas.to_string());
    }
    let status = receipt.status.map(|status| !status.is_zero());
    if let Some(success) = status.filter(|success| *success != ending.success) {
        return differs("success", ending.success.to_string(), success.to_string());
    }
    let (ours, theirs) = (&ending.logs, &receipt.logs);
    let equal = ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| same(a, b));
    if !equal {
        let (ours, theirs) = (ours.len(), theirs.len());
        return differs("the list of logs", format!("{ours} long"), format!("{theirs} long"));
    }
    Ok(())
}

fn same(ours: &Log, theirs: &WireLog) -> bool {
    ours.address == theirs.address
        && ours.topics() == theirs.topics.as_slice()
        && ours.data.data == theirs.data
}
