//! What the engine knows of one chain: the newest blocks, and for each whether it was inspected (DET-1).

use std::collections::{BTreeMap, VecDeque};

use portcullis_detect::detector::Seen;
use portcullis_types::{
    chain::{BlockHead, BlockId},
    invariant::{Broken, Invariant, check},
};
use serde::Serialize;

/// Newest blocks remembered by hash; deeper re-organisations are beyond what any supported chain does.
pub(crate) const RECENT_BLOCKS_MAX: usize = 512;

/// Separate blind ranges remembered; beyond that, neighbours are joined (a block more counts as blind, never fewer).
pub(crate) const BLIND_RANGES_MAX: usize = 1_024;

/// The state of one chain.
#[derive(Debug, Clone, Default)]
pub struct ChainState {
    recent: VecDeque<BlockHead>,
    /// Blocks that wait for their inspection, by number.
    waiting: BTreeMap<u64, BlockId>,
    /// Blind ranges: first → last.
    blind: BTreeMap<u64, u64>,
    inspected: u64,
    first: Option<u64>,
    /// Time of the first block in range, seconds since the epoch.
    first_time: u64,
    /// Time of the first block after a blind range, by the range's last block.
    after_blind: BTreeMap<u64, u64>,
}

/// How much of a chain was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Coverage {
    /// First block in range.
    pub first: Option<u64>,
    /// Newest block.
    pub head: Option<u64>,
    /// Inspections done.
    pub inspected: u64,
    /// Blocks whose inspection is under way.
    pub waiting: Vec<u64>,
    /// Ranges that could not be looked at (yet).
    pub blind: Vec<(u64, u64)>,
}

impl ChainState {
    /// Newest blocks, newest last.
    pub fn recent(&self) -> impl DoubleEndedIterator<Item = &BlockHead> {
        self.recent.iter()
    }

    /// The newest block.
    pub fn head(&self) -> Option<&BlockHead> {
        self.recent.back()
    }

    /// The newest block that was inspected, as far as it is remembered.
    pub fn newest_inspected(&self) -> Option<BlockId> {
        let is_open = |head: &&BlockHead| self.waiting.get(&head.id.number) == Some(&head.id);
        self.recent.iter().rev().find(|head| !is_open(head)).map(|head| head.id)
    }

    /// The block with this identity, if it is remembered as part of the chain.
    pub fn find(&self, block: BlockId) -> Option<&BlockHead> {
        self.recent.iter().rev().find(|head| head.id == block)
    }

    /// Adds a block on top. Says whether it was new.
    pub(crate) fn commit(&mut self, head: &BlockHead) -> bool {
        if self.find(head.id).is_some() {
            return false;
        }
        if self.first.is_none() {
            // What could not be seen before the first block is outside the range.
            self.blind.retain(|_, to| *to >= head.id.number);
            self.first = Some(head.id.number);
            self.first_time = head.timestamp;
        }
        self.waiting.insert(head.id.number, head.id);
        self.recent.push_back(head.clone());
        if self.recent.len() > RECENT_BLOCKS_MAX {
            self.recent.pop_front();
        }
        true
    }

    /// Takes blocks back.
    pub(crate) fn uncommit(&mut self, old: &[BlockId]) {
        self.recent.retain(|head| !old.contains(&head.id));
        self.waiting.retain(|_, id| !old.contains(id));
    }

    /// Notes that a block was inspected; a blind range that held it shrinks.
    pub(crate) fn inspected(&mut self, block: BlockId) {
        self.waiting.remove(&block.number);
        self.inspected += 1;
        self.see(block.number);
    }

    /// Whether a block below `number` still waits to be inspected.
    pub(crate) fn is_waiting_before(&self, number: u64) -> bool {
        self.waiting.range(..number).next().is_some()
    }

    /// Notes that blocks could not be looked at.
    pub(crate) fn blinded(&mut self, from: u64, to: u64) {
        let to = to.max(from);
        let last = self.blind.entry(from).or_insert(to);
        *last = (*last).max(to);
        if self.blind.len() > BLIND_RANGES_MAX {
            self.join_first_two();
        }
    }

    fn join_first_two(&mut self) {
        let mut ranges = self.blind.iter();
        if let (Some((first, first_last)), Some((second, second_last))) =
            (ranges.next(), ranges.next())
        {
            let (first, second, last) = (*first, *second, (*first_last).max(*second_last));
            self.blind.remove(&second);
            self.blind.insert(first, last);
        }
    }

    fn see(&mut self, number: u64) {
        let Some((&from, &to)) = self.blind.range(..=number).next_back() else { return };
        if number > to {
            return;
        }
        self.blind.remove(&from);
        if from < number {
            self.blind.insert(from, number - 1);
        }
        if number < to {
            self.blind.insert(number + 1, to);
        }
    }

    /// The newest block up to which every block was inspected, or is known to be blind, and the time since which none was
    /// blind. None while there is no such block.
    pub(crate) fn seen(&mut self) -> Option<(BlockId, Seen)> {
        let first_waiting = self.waiting.first_key_value().map_or(u64::MAX, |(number, _)| *number);
        let head = self.recent.iter().rev().find(|head| head.id.number < first_waiting)?;
        let (block, through) = (head.id, head.timestamp);
        let mut since = self.first_time;
        if let Some((_, &to)) = self.blind.range(..=block.number).next_back() {
            // Blocks are remembered for a while only; the time is looked up while they are.
            let recent = &self.recent;
            since = *self.after_blind.entry(to).or_insert_with(|| {
                recent
                    .iter()
                    .find(|head| head.id.number > to)
                    .map_or(through, |head| head.timestamp)
            });
        }
        if self.after_blind.len() > self.blind.len() {
            let ends: Vec<u64> = self.blind.values().copied().collect();
            self.after_blind.retain(|to, _| ends.contains(to));
        }
        Some((block, Seen { since, through }))
    }

    /// How much was seen.
    pub fn coverage(&self) -> Coverage {
        Coverage {
            first: self.first,
            head: self.head().map(|head| head.id.number),
            inspected: self.inspected,
            waiting: self.waiting.keys().copied().collect(),
            blind: self.blind.iter().map(|(from, to)| (*from, *to)).collect(),
        }
    }

    /// DET-1 over the remembered blocks: numbers without a gap, each inspected, waiting or blind.
    pub fn check(&self) -> Result<(), Broken> {
        let mut last: Option<&BlockHead> = None;
        for head in &self.recent {
            if let Some(before) = last {
                let follows =
                    head.id.number == before.id.number + 1 && head.parent == before.id.hash;
                let excused = self
                    .blind
                    .range(..=head.id.number)
                    .next_back()
                    .is_some_and(|(_, to)| *to + 1 >= head.id.number);
                check(Invariant::Det1, follows || excused, || {
                    format!("block {} does not follow block {}", head.id.number, before.id.number)
                })?;
            }
            last = Some(head);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::B256;

    use super::*;

    fn head(number: u64) -> BlockHead {
        let hash = |n: u64| B256::with_last_byte(n as u8);
        BlockHead {
            id: BlockId { number, hash: hash(number) },
            parent: hash(number - 1),
            timestamp: number * 12,
            transactions: 0,
        }
    }

    #[test]
    fn a_blind_range_shrinks_as_its_blocks_are_seen() {
        let mut chain = ChainState::default();
        chain.blinded(10, 14);
        for (number, left) in [
            (12, vec![(10, 11), (13, 14)]),
            (10, vec![(11, 11), (13, 14)]),
            (14, vec![(11, 11), (13, 13)]),
        ] {
            chain.inspected(head(number).id);
            assert_eq!(chain.coverage().blind, left);
        }
    }

    #[test]
    fn a_gap_without_a_blind_range_breaks_det_1() {
        let mut chain = ChainState::default();
        chain.commit(&head(10));
        chain.commit(&head(12));
        assert!(chain.check().is_err());
        chain.blinded(11, 11);
        assert!(chain.check().is_ok());
    }

    #[test]
    fn the_newest_inspected_block_is_not_the_one_inspected_last() {
        let mut chain = ChainState::default();
        for number in 10..=13 {
            chain.commit(&head(number));
        }
        assert_eq!(chain.newest_inspected(), None);
        for (number, newest) in [(12, 12), (10, 12), (13, 13), (11, 13)] {
            chain.inspected(head(number).id);
            assert_eq!(chain.newest_inspected(), Some(head(newest).id));
        }
        chain.uncommit(&[head(13).id]);
        assert_eq!(chain.newest_inspected(), Some(head(12).id));
    }

    #[test]
    fn the_same_block_is_committed_once() {
        let mut chain = ChainState::default();
        assert!(chain.commit(&head(10)));
        assert!(!chain.commit(&head(10)));
        chain.uncommit(&[head(10).id]);
        assert!(chain.commit(&head(10)));
    }
}
