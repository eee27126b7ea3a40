//! The one extension point: a detector looks at Evidence and says what it thinks of it.

use alloy_primitives::{Address, B256};
use portcullis_types::{
    chain::BlockId,
    evidence::Evidence,
    finding::{Confidence, Finding, Gravity, Maturity, Outlook},
    ids::{ChainId, FindingKey},
    money::Usd,
    probe::{Probe, Reading},
    protocol::Protocol,
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

/// A detector that can be copied with all it knows: what is asked of the copy leaves no trace in the books.
pub trait Peek {
    /// The copy.
    fn copied(&self) -> Box<dyn Detector>;
}

impl<D: Detector + Clone + 'static> Peek for D {
    fn copied(&self) -> Box<dyn Detector> {
        Box::new(self.clone())
    }
}

/// A detector. It derives `Clone`, which makes it [`Peek`].
///
/// It cannot wait (nothing here is async), fail (nothing here returns a `Result`) or act (it sees neither levers nor
/// keys). Same calls in the same order, same findings.
pub trait Detector: Send + Peek {
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

    /// Contracts besides the protocol's own that it must see, on the protocol's chain or on others. It is shown what
    /// touches them; the protocol's other detectors are not shown what happens on another chain.
    fn watches(&self) -> Vec<(ChainId, Address)> {
        Vec::new()
    }

    /// Whether what it learned is worth more than a fresh start: it is then kept when the program starts again with the
    /// same configuration of the protocol and of it.
    fn keeps_books(&self) -> bool {
        false
    }

    /// Takes note of how far a chain was seen, if that chain is the protocol's or one that it [watches](Self::watches).
    /// Called after every inspected block and after every re-organisation, which may take `seen` back.
    fn seen(&mut self, _chain: ChainId, _seen: Seen, _out: &mut Findings) {}
}

/// How much of a chain was seen: every block from `since` to `through` was inspected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Time of the first block after the last hole, seconds since the epoch.
    pub since: u64,
    /// Time of the newest block, seconds since the epoch.
    pub through: u64,
}

/// Where findings are put. Bounded: what exceeds the bound is counted, and the engine reports it.
#[derive(Debug, Default)]
pub struct Findings {
    list: Vec<Finding>,
    dropped: u64,
    /// Place and weight of the least of a full list, until it is replaced.
    least: Option<(usize, Gravity)>,
}

/// Most findings of one block that are kept, the gravest of them: a storm of them says the same thing again, and must not
/// hide the one that says something else.
pub const FINDINGS_A_BLOCK_MAX: usize = 1_000;

impl Findings {
    /// Adds one. Where there are [`FINDINGS_A_BLOCK_MAX`] the least grave goes, the newest among equals, and is counted.
    pub fn push(&mut self, finding: Finding) {
        if self.list.len() < FINDINGS_A_BLOCK_MAX {
            self.list.push(finding);
            return;
        }
        self.dropped += 1;
        let found = self.least.or_else(|| {
            let weighed = self.list.iter().map(Finding::gravity).enumerate();
            weighed.min_by(|(a, one), (b, other)| one.cmp(other).then(b.cmp(a)))
        });
        self.least = found;
        if let Some((place, least)) = found
            && finding.gravity() > least
        {
            self.list.remove(place);
            self.list.push(finding);
            self.least = None;
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

/// A finding about a transaction, to be filled in: no asset, no loss, a loss that goes on, evidence worth nothing.
///
/// Its key is derived from the transaction, the contract and `detail`, which tells two facts of one detector about one
/// contract in one transaction apart.
pub fn draft(
    meta: &Meta,
    maturity: Maturity,
    protocol: &Protocol,
    evidence: &Evidence,
    contract: Address,
    detail: &[u8],
) -> Finding {
    let place = place(Some(evidence.hash), evidence.block);
    let (name, chain) = (&protocol.name, protocol.chain);
    Finding {
        key: FindingKey::derive(meta.id, name, chain, place, contract, detail),
        transaction: Some(evidence.hash),
        actor: evidence.known.callers.then_some(evidence.from),
        ..draft_of_block(meta, maturity, protocol, evidence.block, contract, detail)
    }
}

/// A finding about the state at the end of a block, to be filled in as that of [`draft`].
pub fn draft_of_block(
    meta: &Meta,
    maturity: Maturity,
    protocol: &Protocol,
    block: BlockId,
    contract: Address,
    detail: &[u8],
) -> Finding {
    let chain = protocol.chain;
    Finding {
        key: FindingKey::derive(
            meta.id,
            &protocol.name,
            chain,
            place(None, block),
            contract,
            detail,
        ),
        detector: meta.id.to_owned(),
        maturity,
        protocol: protocol.name.clone(),
        chain,
        block,
        transaction: None,
        actor: None,
        contract,
        asset: None,
        amount: None,
        loss: Usd::ZERO,
        outlook: Outlook::Continues,
        confidence: Confidence::evidence(1.0),
        evidence: Vec::new(),
        sentence: String::new(),
    }
}

/// The zero address: the source of mints and the target of burns.
pub const NOBODY: Address = Address::ZERO;

#[cfg(test)]
mod tests;
