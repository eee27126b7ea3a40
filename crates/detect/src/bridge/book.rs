//! The books of one lane of a bridge: every release is held against the lock of its id, as both chains go on.
//!
//! **Assumptions.** [`Book::lock`], [`Book::release`] and [`Book::seen`] are told what the chains say, each chain's own
//! facts in order; the two chains may be told in any interleaving. What a re-organisation takes back is told by
//! [`Book::retract`].
//!
//! **Promises.** Without holes, forgetting and re-organisations the verdict that a release ends with does not depend on
//! the interleaving. Nothing is accused of
//! having no lock before the source chain was seen beyond the grace. What was not seen, or was forgotten, is
//! [`Verdict::Unknown`], never a fault and never a match. One event costs a few look-ups in ordered maps, logarithmic in
//! the number of locks kept; ordered because ids are chosen by strangers, who could make a hash table slow.
//!
//! **Forgetting.** Beyond [`LOCKS_MAX`] locks the oldest released ones go first. A second release of one of those is
//! still an accusation, and a right one: it is called [`Fault::WithoutLock`] where it was [`Fault::TwiceReleased`]. Only
//! when all locks kept are open is an open one forgotten; until [`BridgeTerms::history_seconds`] later a release without a
//! lock is then [`Unknown::HistoryIncomplete`], so that no forgotten lock becomes a false accusation. Both are counted.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use alloy_primitives::{Address, B256};
use portcullis_types::chain::BlockId;

use crate::detector::Seen;

use super::{
    revocable::Revocable,
    sums::{Deficit, Sums},
    terms::{BridgeTerms, Fault, Lock, Release, Unknown, Verdict, faults},
};

/// Most locks that are kept: half a year of a bridge with 700 a day. About 400 bytes each.
pub const LOCKS_MAX: usize = 131_072;

/// Most releases that wait for the sight of their lock.
pub const PENDING_MAX: usize = 16_384;

/// A release and what the book says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The release.
    pub release: Release,
    /// What is said of it.
    pub verdict: Verdict,
    /// Releases that were judged before it.
    pub judged_before: u64,
    /// Those among them whose verdict was of the same kind.
    pub alike_before: u64,
    /// Set where this release made the sums wrong.
    pub deficit: Option<Deficit>,
}

impl Judgement {
    /// An e-value against "the next release is like those before": if releases are exchangeable, one that is among `k + 1`
    /// of `n + 1` that stand out gets `(n + 1) / (k + 1)`, whose expectation is at most 1.
    pub fn e_value(&self) -> f64 {
        (self.judged_before as f64 + 1.0) / (self.alike_before as f64 + 1.0)
    }
}

/// What happened so far, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Locks taken in.
    pub locks: u64,
    /// Locks whose id was there already; the first counts.
    pub duplicate_locks: u64,
    /// Releases judged, pending ones not counted.
    pub judged: u64,
    /// … of which fit.
    pub matched: u64,
    /// … of which were only too early.
    pub early: u64,
    /// … of which could not be judged because the history is incomplete.
    pub history_incomplete: u64,
    /// Released locks that were forgotten.
    pub forgotten_released: u64,
    /// Open locks that were forgotten.
    pub forgotten_open: u64,
    /// Releases that were not kept because too many were pending.
    pub not_kept: u64,
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Book {
    terms: BridgeTerms,
    /// Tokens of the destination chain that stand for a listed one.
    listed: BTreeSet<Address>,
    entries: BTreeMap<B256, Entry>,
    /// Ids in the order in which their locks came, and in which they were released; entries may be out of date.
    opened: VecDeque<B256>,
    released: VecDeque<B256>,
    /// Releases without a lock, by time and order of arrival.
    pending: BTreeMap<(u64, u64), Release>,
    waiting: BTreeSet<(B256, u64, u64)>,
    arrivals: u64,
    /// Pending releases up to this time were reported as not looked at.
    told_until: Option<u64>,
    seen: Option<Seen>,
    /// Time at which the book began to be kept, on the source chain.
    began: Option<u64>,
    /// Time of the newest open lock that was forgotten.
    forgotten_until: Option<u64>,
    sums: Sums,
    locked_in: Revocable<Lock>,
    released_in: Revocable<Release>,
    counts: Counts,
}

#[derive(Debug, Clone)]
struct Entry {
    lock: Lock,
    release: Option<Box<Release>>,
}

impl Book {
    /// An empty book.
    pub fn new(terms: BridgeTerms) -> Self {
        let listed = terms.tokens.values().map(|pair| pair.destination).collect();
        let sums = Sums::new(&terms);
        Self { terms, listed, sums, ..Self::default() }
    }

    /// What happened so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How many releases are pending.
    pub fn n_pending(&self) -> usize {
        self.pending.len()
    }

    /// Takes a lock in; judges what was waiting for it.
    pub fn lock(&mut self, lock: Lock) -> Vec<Judgement> {
        self.counts.locks += 1;
        let Some(id) = lock.id else {
            self.note_lock(&lock);
            return Vec::new();
        };
        if self.entries.contains_key(&id) {
            self.counts.duplicate_locks += 1;
            return Vec::new();
        }
        self.note_lock(&lock);
        self.entries.insert(id, Entry { lock, release: None });
        self.opened.push_back(id);
        self.forget();
        let keys: Vec<(u64, u64)> = self
            .waiting
            .range((id, 0, 0)..=(id, u64::MAX, u64::MAX))
            .map(|(_, time, arrival)| (*time, *arrival))
            .collect();
        let mut judged = Vec::new();
        for key in keys {
            if let Some(release) = self.stop_waiting(key) {
                judged.push(self.judge(release));
            }
        }
        judged.retain(|judgement: &Judgement| judgement.verdict != Verdict::Pending);
        judged
    }

    /// Takes a release in.
    pub fn release(&mut self, release: Release) -> Judgement {
        self.released_in.note(release.block, release.clone());
        self.judge(release)
    }

    /// Notes how far the source chain was seen; judges what had to wait for it.
    pub fn seen(&mut self, seen: Seen) -> Vec<Judgement> {
        self.began.get_or_insert(seen.through);
        self.seen = Some(seen);
        let mut judged = Vec::new();
        while let Some(first) = self.pending.first_key_value().map(|(key, _)| *key) {
            if !self.is_visible(first.0) {
                break;
            }
            if let Some(release) = self.stop_waiting(first) {
                judged.push(self.judge(release));
            }
        }
        judged
    }

    /// Notes the time of the destination chain; reports, once each, what has been pending for longer than the patience.
    /// It stays pending and is judged when the source chain is seen.
    pub fn destination_time(&mut self, now: u64) -> Vec<Judgement> {
        let Some(until) = now.checked_sub(self.terms.patience_seconds) else { return Vec::new() };
        let from = self.told_until.map_or(0, |told| told.saturating_add(1));
        if from > until {
            return Vec::new();
        }
        self.told_until = Some(until);
        let late = self.pending.range((from, 0)..=(until, u64::MAX));
        let releases: Vec<Release> = late.map(|(_, release)| release.clone()).collect();
        let behind = |release| self.say(release, Verdict::Unknown(Unknown::SourceBehind), 0);
        releases.into_iter().map(behind).collect()
    }

    /// Forgets what was told of `blocks` of either chain. A release whose lock is gone is pending again; the source chain
    /// counts as unseen until [`Book::seen`] is called.
    pub fn retract(&mut self, blocks: &[BlockId]) {
        for block in blocks {
            for release in self.released_in.take(*block) {
                self.retract_release(&release);
            }
            for lock in self.locked_in.take(*block) {
                self.seen = None;
                self.retract_lock(&lock);
            }
        }
    }

    fn retract_release(&mut self, release: &Release) {
        let time = release.timestamp;
        let mut pending = self.pending.range((time, 0)..=(time, u64::MAX));
        let waiting = pending.find(|(_, pending)| *pending == release).map(|(key, _)| *key);
        if let Some(key) = waiting {
            self.stop_waiting(key);
            return;
        }
        self.sums.retract_release(release);
        let entry = release.id.and_then(|id| self.entries.get_mut(&id));
        if let Some(entry) = entry.filter(|entry| entry.release.as_deref() == Some(release)) {
            entry.release = None;
            self.opened.extend(release.id);
        }
    }

    fn retract_lock(&mut self, lock: &Lock) {
        self.sums.retract_lock(&self.terms, lock);
        let Some(id) = lock.id else { return };
        if self.entries.get(&id).is_none_or(|entry| entry.lock != *lock) {
            return;
        }
        if let Some(release) = self.entries.remove(&id).and_then(|entry| entry.release) {
            self.sums.retract_release(&release);
            self.wait(*release);
        }
    }

    /// Whether the source chain was seen beyond the grace after `time`.
    fn is_visible(&self, time: u64) -> bool {
        self.seen.is_some_and(|seen| seen.through > time.saturating_add(self.terms.grace_seconds))
    }

    /// Whether every lock that a release at `time` may honestly rest on was seen and is still known.
    fn is_complete(&self, time: u64) -> bool {
        let needed = time.saturating_sub(self.terms.history_seconds);
        let (Some(seen), Some(began)) = (self.seen, self.began) else { return false };
        seen.since.max(began) <= needed && self.forgotten_until.is_none_or(|last| last < needed)
    }

    fn judge(&mut self, release: Release) -> Judgement {
        let Some(id) = release.id else {
            if self.is_visible(release.timestamp) {
                return self.settle(release, Verdict::Unknown(Unknown::NoId), 0);
            }
            return self.wait(release);
        };
        // What was locked long after it was paid out is not what it was paid for.
        let latest = release.timestamp.saturating_add(self.terms.grace_seconds);
        let entry = self.entries.get_mut(&id).filter(|entry| entry.lock.timestamp <= latest);
        if let Some(entry) = entry {
            let before = entry.release.is_some();
            let found = faults(&self.terms, &self.listed, &entry.lock, before, &release);
            let early = found == [Fault::BeforeFinality];
            if found.is_empty() || early {
                entry.release = Some(Box::new(release.clone()));
                self.released.push_back(id);
            }
            if early {
                self.sums.finalise(&self.terms, &entry.lock);
                let alike = self.counts.early;
                self.counts.early += 1;
                return self.settle(release, Verdict::Broken(found), alike);
            }
            let verdict = if found.is_empty() { Verdict::Matched } else { Verdict::Broken(found) };
            return self.settle(release, verdict, 0);
        }
        if !self.is_visible(release.timestamp) {
            return self.wait(release);
        }
        if self.is_complete(release.timestamp) {
            return self.settle(release, Verdict::Broken(vec![Fault::WithoutLock]), 0);
        }
        let alike = self.counts.history_incomplete;
        self.counts.history_incomplete += 1;
        self.settle(release, Verdict::Unknown(Unknown::HistoryIncomplete), alike)
    }

    fn settle(&mut self, release: Release, verdict: Verdict, alike: u64) -> Judgement {
        let mut deficit = self.sums.release(&release);
        if let Some(deficit) = &mut deficit {
            let whole = self.seen.zip(self.began).is_some_and(|(seen, began)| seen.since <= began);
            deficit.is_proof &= whole;
        }
        let judgement = Judgement { deficit, ..self.say(release, verdict, alike) };
        self.counts.judged += 1;
        self.counts.matched += u64::from(judgement.verdict == Verdict::Matched);
        judgement
    }

    fn say(&self, release: Release, verdict: Verdict, alike_before: u64) -> Judgement {
        let judged_before = self.counts.judged;
        Judgement { release, verdict, judged_before, alike_before, deficit: None }
    }

    fn wait(&mut self, release: Release) -> Judgement {
        if self.pending.len() >= PENDING_MAX {
            self.counts.not_kept += 1;
            return self.say(release, Verdict::Unknown(Unknown::TooManyPending), 0);
        }
        let key = (release.timestamp, self.arrivals);
        self.arrivals += 1;
        self.waiting.extend(release.id.map(|id| (id, key.0, key.1)));
        self.pending.insert(key, release.clone());
        self.say(release, Verdict::Pending, 0)
    }

    fn stop_waiting(&mut self, key: (u64, u64)) -> Option<Release> {
        let release = self.pending.remove(&key)?;
        if let Some(id) = release.id {
            self.waiting.remove(&(id, key.0, key.1));
        }
        Some(release)
    }

    fn note_lock(&mut self, lock: &Lock) {
        self.sums.lock(&self.terms, lock);
        self.locked_in.note(lock.block, lock.clone());
    }

    /// Keeps the number of locks, and of ids in the queues, within the limit.
    fn forget(&mut self) {
        let entries = &mut self.entries;
        if entries.len() > LOCKS_MAX {
            let is_released = |id: &B256| entries.get(id).is_some_and(|e| e.release.is_some());
            let is_open = |id: &B256| entries.get(id).is_some_and(|e| e.release.is_none());
            let oldest = pop_until(&mut self.released, is_released)
                .or_else(|| pop_until(&mut self.opened, is_open));
            if let Some(entry) = oldest.and_then(|id| entries.remove(&id)) {
                if entry.release.is_some() {
                    self.counts.forgotten_released += 1;
                } else {
                    self.counts.forgotten_open += 1;
                    self.forgotten_until = self.forgotten_until.max(Some(entry.lock.timestamp));
                }
            }
        }
        if self.opened.len() > 2 * LOCKS_MAX {
            self.opened.retain(|id| entries.get(id).is_some_and(|e| e.release.is_none()));
        }
        if self.released.len() > 2 * LOCKS_MAX {
            self.released.retain(|id| entries.get(id).is_some_and(|e| e.release.is_some()));
        }
    }
}

/// The first of a queue that fulfils `wanted`; those before it are out of date and go.
fn pop_until(queue: &mut VecDeque<B256>, wanted: impl Fn(&B256) -> bool) -> Option<B256> {
    while let Some(id) = queue.pop_front() {
        if wanted(&id) {
            return Some(id);
        }
    }
    None
}

#[cfg(test)]
mod tests;
