//! Flows by bucket of time, and which buckets were seen.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::U256;
use portcullis_types::{chain::BlockId, ids::ChainId};

use super::settings::Settings;
use crate::detector::Seen;

/// Most sums (of a block and a venue) that are kept of buckets that are not closed yet. Beyond that the bucket counts as
/// not seen.
pub const ENTRIES_MAX: usize = 65_536;

/// Most buckets that are closed one by one after a jump in time; what lies further back counts as not seen.
const CATCH_UP_BUCKETS_MAX: u64 = 4_096;

/// What went into a venue and out of it, smallest units of the protocol's asset. Gross; within one transaction the net.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) came: U256,
    pub(super) left: U256,
}

/// A bucket that will not change any more.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Closed {
    /// Number of the bucket: its first second divided by the length.
    pub(super) bucket: u64,
    /// By venue; none where the venue's chain was not seen from the bucket's first second to its last.
    pub(super) sums: Vec<Option<Sums>>,
    /// Chains that were not seen.
    pub(super) blind: Vec<ChainId>,
    /// Whether buckets before this one were left out altogether.
    pub(super) after_jump: bool,
}

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Books {
    bucket_seconds: u64,
    patience_seconds: u64,
    settle_seconds: u64,
    /// Chain of each venue.
    venues: Vec<ChainId>,
    chains: BTreeMap<ChainId, Option<Seen>>,
    next: Option<u64>,
    jumped: bool,
    entries: BTreeMap<(u64, BlockId, usize), Sums>,
    /// Buckets of a chain in which something could not be read.
    unknown: BTreeSet<(u64, ChainId)>,
}

impl Books {
    pub(super) fn new(settings: &Settings) -> Self {
        let venues: Vec<ChainId> = settings.venues.iter().map(|venue| venue.chain).collect();
        Self {
            bucket_seconds: settings.bucket_seconds,
            patience_seconds: settings.patience_seconds,
            settle_seconds: settings.settle_seconds,
            chains: venues.iter().map(|chain| (*chain, None)).collect(),
            venues,
            next: None,
            jumped: false,
            entries: BTreeMap::new(),
            unknown: BTreeSet::new(),
        }
    }

    fn bucket(&self, second: u64) -> u64 {
        second / self.bucket_seconds.max(1)
    }

    fn is_closed(&self, bucket: u64) -> bool {
        self.next.is_some_and(|next| bucket < next)
    }

    /// Adds a movement. Of a bucket that is closed already it changes nothing: it was closed without its chain.
    pub(super) fn add(&mut self, block: BlockId, timestamp: u64, venue: usize, moved: Sums) {
        let bucket = self.bucket(timestamp);
        if self.is_closed(bucket) {
            return;
        }
        let key = (bucket, block, venue);
        if self.entries.len() >= ENTRIES_MAX && !self.entries.contains_key(&key) {
            if let Some(chain) = self.venues.get(venue).copied() {
                self.doubt(chain, timestamp);
            }
            return;
        }
        let sums = self.entries.entry(key).or_default();
        sums.came = sums.came.saturating_add(moved.came);
        sums.left = sums.left.saturating_add(moved.left);
    }

    /// Notes that something of a chain could not be read.
    pub(super) fn doubt(&mut self, chain: ChainId, timestamp: u64) {
        let bucket = self.bucket(timestamp);
        if !self.is_closed(bucket) && self.unknown.len() < ENTRIES_MAX {
            self.unknown.insert((bucket, chain));
        }
    }

    pub(super) fn retract(&mut self, blocks: &[BlockId]) {
        self.entries.retain(|(_, block, _), _| !blocks.contains(block));
    }

    /// Takes note of how far a chain was seen, and gives back the buckets that are closed by that.
    pub(super) fn seen(&mut self, chain: ChainId, seen: Seen) -> Vec<Closed> {
        match self.chains.get_mut(&chain) {
            Some(known) => *known = Some(seen),
            None => return Vec::new(),
        }
        let newest = self.chains.values().flatten().map(|seen| seen.through).max().unwrap_or(0);
        self.begin(newest);
        let mut closed = Vec::new();
        while let Some(next) = self.next {
            let end = next.saturating_add(1).saturating_mul(self.bucket_seconds);
            let due = end.saturating_add(self.settle_seconds);
            let all = self.chains.values().all(|seen| seen.is_some_and(|s| s.through >= due));
            if !all && newest < due.saturating_add(self.patience_seconds) {
                break;
            }
            if self.bucket(newest).saturating_sub(next) > CATCH_UP_BUCKETS_MAX {
                self.skip_to(self.bucket(newest) - CATCH_UP_BUCKETS_MAX);
                continue;
            }
            closed.push(self.close(next));
            self.next = Some(next + 1);
        }
        closed
    }

    /// The first bucket is the first whole one that was seen on all chains; nobody waits for a chain for longer than the
    /// patience.
    fn begin(&mut self, newest: u64) {
        if self.next.is_some() {
            return;
        }
        let since = || self.chains.values().flatten().map(|seen| seen.since);
        let first = since().min().unwrap_or(newest);
        let all = self.chains.values().all(Option::is_some);
        if all || newest.saturating_sub(first) > self.patience_seconds + self.settle_seconds {
            let begin = if all { since().max().unwrap_or(newest) } else { first };
            self.skip_to(begin.div_ceil(self.bucket_seconds.max(1)));
            self.jumped = false;
        }
    }

    fn skip_to(&mut self, bucket: u64) {
        self.next = Some(bucket);
        self.jumped = true;
        self.entries.retain(|(of, _, _), _| *of >= bucket);
        self.unknown.retain(|(of, _)| *of >= bucket);
    }

    fn close(&mut self, bucket: u64) -> Closed {
        let start = bucket.saturating_mul(self.bucket_seconds);
        let end = start.saturating_add(self.bucket_seconds);
        let is_seen = |chain: &ChainId, seen: &Option<Seen>| {
            seen.is_some_and(|seen| seen.since <= start && seen.through >= end)
                && !self.unknown.contains(&(bucket, *chain))
        };
        let blind: Vec<ChainId> = self
            .chains
            .iter()
            .filter(|(chain, seen)| !is_seen(chain, seen))
            .map(|(chain, _)| *chain)
            .collect();
        let later =
            self.entries.split_off(&(bucket + 1, BlockId { number: 0, hash: [0; 32].into() }, 0));
        let of_bucket = std::mem::replace(&mut self.entries, later);
        self.unknown.retain(|(of, _)| *of > bucket);
        let mut sums: Vec<Option<Sums>> =
            self.venues.iter().map(|chain| (!blind.contains(chain)).then(Sums::default)).collect();
        for ((_, _, venue), moved) in of_bucket {
            if let Some(Some(sum)) = sums.get_mut(venue) {
                sum.came = sum.came.saturating_add(moved.came);
                sum.left = sum.left.saturating_add(moved.left);
            }
        }
        Closed { bucket, sums, blind, after_jump: std::mem::take(&mut self.jumped) }
    }
}
