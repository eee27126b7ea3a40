//! A flow of liquidity departs from what usually leads it, on another chain or venue.
//!
//! # What it watches
//!
//! What goes into each venue (an asset of a pool, bridge or vault, on any chain that is read) and out of it, in buckets of
//! time, gross, with the net within one transaction. From the first `referenceBuckets` buckets that were seen on all chains
//! it learns, once, which flow follows which: direction, lag and ratio of every ordered pair whose relation stands up to a
//! test corrected for the number of pairs. From then on each bucket is scored by what a venue moved beyond what its
//! leaders (if there are any) and its own last 32 buckets explain, and by what left two venues at once. Its own past never
//! explains more than it did in the reference: a slow drain does not excuse itself.
//!
//! Scores are ranked among those of the second half of the reference, and bets on small ranks make an e-value for each pair.
//! e-BH over all of them decides which departed: at any moment of an epoch of `epochBuckets` buckets, the mean share of false
//! ones among those found is at most `falseDiscoveryRate`; an epoch in which nothing departs has a finding at all with no
//! more than that probability. The finding names the venues, the way, the amount, the lag, and what else was unusual just
//! before; its e-value is the mean over all pairs, which needs no correction.
//!
//! A bucket that a chain did not cover from its first second to its last is not judged for that chain's venues, nor for what
//! they lead. A chain behind by more than `patienceSeconds` is not waited for. Both are said once, until the chain is back.
//!
//! # Why it matters
//!
//! What is stolen on one chain was unlocked by a message from another, and leaves over a third. Each side by itself may look
//! like a busy day; that the bridge paid out on one chain what nobody brought on the other does not. No contract has to be
//! understood for that, and no event decoded.
//!
//! # What it misses
//!
//! One bucket is worth a factor of about twenty at most, however much it moved: only ranks count, and a reference of n
//! buckets knows nothing rarer than about 25/n. So a departure takes some four to eight buckets to be found, and a theft that
//! is over within one is for `bridge` and `gross-outflow`. Thefts of everyday size. An attacker who moves as much on the
//! leader's side first. Relations that differ by hour or weekday. Venues that are not named. What happened in the
//! reference is usual for ever: a theft in it too.
//!
//! # False alarms
//!
//! The promise stands while quiet buckets, given the past, are no likelier to score high than those of the reference. A
//! protocol that grows breaks it, and so do busy days on end; a new `referenceBuckets` or another name of a venue makes it
//! learn again. On both sides of Nomad's books (three tokens, buckets of 15 minutes, 8,000 for reference) it said 6 things in
//! the four months after, busy days of deposits all of them, and nothing of the hack itself: it is a sandbox until it
//! does. A re-organisation older than `settleSeconds` does not change what was judged. Findings carry no loss: that
//! money flows is no theft.
//!
//! # References
//!
//! - Methods, §2 and §10: lead and lag, e-BH across pairs
//! - Hayashi & Yoshida, Bernoulli 11 (2005); Schreiber, Physical Review Letters 85 (2000)
//! - Wang & Ramdas, False discovery rate control with e-values, JRSS-B 84 (2022); Shin, Ramdas & Rinaldo, E-detectors (2023)

use alloy_primitives::{Address, B256};
use portcullis_types::{
    chain::BlockId, evidence::Evidence, finding::Maturity, ids::ChainId, probe::Reading,
    protocol::Protocol,
};

use crate::{
    build::ConfigError,
    detector::{Detector, Findings, Meta, Seen},
};

mod books;
mod relation;
mod report;
mod score;
mod settings;
mod watch;

pub use books::ENTRIES_MAX;
use books::{Books, Sums};
pub use relation::RELATION_RATE;
use settings::Settings;
pub use settings::{
    BUCKET_SECONDS, Direction, EPOCH_BUCKETS, LAG_BUCKETS, LiquidityFlowConfig,
    PATIENCE_BUCKETS_MAX, REFERENCE_BUCKETS, VENUES_MAX, VenueConfig,
};
use watch::Watch;

/// Description of this detector.
pub static META: Meta = Meta {
    id: "liquidity-flow",
    title: "A flow of liquidity departs from what usually leads it",
    maturity: Maturity::Sandbox,
};

/// See the module.
#[derive(Debug, Clone)]
pub struct LiquidityFlow {
    protocol: Protocol,
    settings: Settings,
    books: Books,
    watch: Watch,
    /// Newest block of the protocol's own chain that was shown.
    newest: BlockId,
    /// Chains of which it was said that they are not seen.
    told_blind: Vec<ChainId>,
}

impl LiquidityFlow {
    /// Resolves and checks a configuration.
    pub fn new(protocol: &Protocol, config: &LiquidityFlowConfig) -> Result<Self, ConfigError> {
        let settings = Settings::new(protocol, config)?;
        Ok(Self {
            protocol: protocol.clone(),
            books: Books::new(&settings),
            settings,
            watch: Watch::new(),
            newest: BlockId { number: 0, hash: B256::ZERO },
            told_blind: Vec::new(),
        })
    }

    /// What was learned, a line each; none while it learns.
    pub fn learned(&self) -> Option<Vec<String>> {
        let hypotheses = self.watch.hypotheses()?;
        Some(hypotheses.iter().map(|one| self.describe(&one.form)).collect())
    }
}

impl Detector for LiquidityFlow {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn inspect(&mut self, evidence: &Evidence, _out: &mut Findings) {
        if evidence.chain == self.protocol.chain && evidence.block.number >= self.newest.number {
            self.newest = evidence.block;
        }
        let here = self.settings.venues.iter().enumerate();
        for (index, venue) in here.filter(|(_, venue)| venue.chain == evidence.chain) {
            // Without logs nobody can tell what moved.
            if !evidence.known.logs && evidence.success {
                self.books.doubt(venue.chain, evidence.timestamp);
                continue;
            }
            let mut sums = Sums::default();
            let is_it = |flow: &&portcullis_types::evidence::Flow| {
                flow.holder == venue.account && flow.asset == venue.token
            };
            for flow in evidence.flows.iter().filter(is_it) {
                let amount = venue.units(flow.delta.unsigned_abs());
                let side = if flow.delta.is_negative() { &mut sums.left } else { &mut sums.came };
                *side = side.saturating_add(amount);
            }
            if sums != Sums::default() {
                self.books.add(evidence.block, evidence.timestamp, index, sums);
            }
        }
    }

    fn read(&mut self, block: BlockId, _readings: &[Reading], _out: &mut Findings) {
        if block.number >= self.newest.number {
            self.newest = block;
        }
    }

    fn retract(&mut self, blocks: &[BlockId]) {
        self.books.retract(blocks);
        if blocks.contains(&self.newest) {
            self.newest.number = 0;
        }
    }

    fn watches(&self) -> Vec<(ChainId, Address)> {
        self.settings.venues.iter().map(|venue| (venue.chain, venue.watched())).collect()
    }

    fn keeps_books(&self) -> bool {
        true
    }

    fn seen(&mut self, chain: ChainId, seen: Seen, out: &mut Findings) {
        for closed in self.books.seen(chain, seen) {
            self.say_blind(&closed, out);
            let verdict = self.watch.take(&closed, &self.settings);
            self.report(&closed, &verdict, out);
        }
    }
}

#[cfg(test)]
mod tests;
