//! The one extension point: a detector looks at Evidence and says what it thinks of it.

use alloy_primitives::{Address, B256};
use portcullis_types::{
    chain::BlockId,
    evidence::Evidence,
    finding::{Finding, Maturity},
    probe::{Probe, Reading},
};

/// What is known of a detector without running it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta {
    /// Identity in configurations, findings and keys: kebab-case, never changed.
    pub id: &'static str,
    /// One line for people.
    pub title: &'static str,
    /// How far it has proven itself unless a configuration lowers it.
    pub maturity: Maturity,
}

/// A detector.
///
/// It cannot wait (nothing here is async), fail (nothing here returns a `Result`) or act (it sees neither levers nor
/// keys). Same calls in the same order, same findings.
pub trait Detector: Send {
    /// Its description.
    fn meta(&self) -> &'static Meta;

    /// State it wants read, at the start and again whenever a slot that an answer depended on has changed.
    fn probes(&self) -> Vec<Probe> {
        Vec::new()
    }

    /// Looks at one transaction. Called for every relevant transaction of a block, in order.
    fn inspect(&mut self, evidence: &Evidence, out: &mut Findings);

    /// Takes the answers to its probes as of the end of `block`. Called after the block's transactions, with those
    /// answers only that were read anew.
    fn read(&mut self, _block: BlockId, _readings: &[Reading], _out: &mut Findings) {}

    /// Forgets everything it learned from blocks that are no longer part of the chain.
    fn retract(&mut self, blocks: &[BlockId]);
}

/// Where findings are put. Bounded: what exceeds the bound is counted, and the engine reports it.
#[derive(Debug, Default)]
pub struct Findings {
    list: Vec<Finding>,
    dropped: u64,
}

/// Most findings of one block that are kept. A storm of them says the same thing again.
pub const FINDINGS_A_BLOCK_MAX: usize = 1_000;

impl Findings {
    /// Adds one, or counts it as dropped when there are [`FINDINGS_A_BLOCK_MAX`].
    pub fn push(&mut self, finding: Finding) {
        if self.list.len() < FINDINGS_A_BLOCK_MAX {
            self.list.push(finding);
        } else {
            self.dropped += 1;
        }
    }

    /// The findings in order, and how many were dropped.
    pub fn into_parts(self) -> (Vec<Finding>, u64) {
        (self.list, self.dropped)
    }

    /// The findings so far.
    pub fn as_slice(&self) -> &[Finding] {
        &self.list
    }
}

/// The place a finding's key is derived from: the transaction where there is one, else the block.
pub fn place(transaction: Option<B256>, block: BlockId) -> B256 {
    transaction.unwrap_or(block.hash)
}

/// Bytes for a key that tell two addresses' facts apart.
pub fn detail(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// The zero address: the source of mints and the target of burns.
pub const NOBODY: Address = Address::ZERO;
