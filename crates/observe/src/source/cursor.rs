//! Which blocks were given and confirmed, newest last: what a new block must fit on.

use std::collections::VecDeque;

use alloy_primitives::B256;
use portcullis_types::chain::{BlockHead, BlockId};

/// The newest confirmed blocks, without gaps.
#[derive(Debug, Clone)]
pub(crate) struct Cursor {
    recent: VecDeque<BlockId>,
    /// Most blocks that are kept: the deepest re-organisation and its common ancestor.
    blocks_max: usize,
    /// Whether nothing older than `recent` was ever given, so that all of it may be taken back.
    is_whole: bool,
}

impl Cursor {
    /// Resumes after `recent`, newest last. What stands before a gap in the numbers is forgotten:
    /// it is not connected to what stands after.
    pub(crate) fn new(recent: &[BlockId], reorg_depth_max: usize) -> Self {
        let blocks_max = reorg_depth_max.saturating_add(1);
        let mut kept: VecDeque<BlockId> = VecDeque::new();
        for id in recent.iter().rev().take(blocks_max) {
            if kept.front().is_some_and(|after| id.number.checked_add(1) != Some(after.number)) {
                break;
            }
            kept.push_front(*id);
        }
        let is_whole = kept.len() < blocks_max;
        Self { recent: kept, blocks_max, is_whole }
    }

    /// The newest block.
    pub(crate) fn tip(&self) -> Option<BlockId> {
        self.recent.back().copied()
    }

    /// The oldest block that is kept.
    pub(crate) fn oldest(&self) -> Option<BlockId> {
        self.recent.front().copied()
    }

    /// Whether no block older than [`Cursor::oldest`] was given.
    pub(crate) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// The hash of the block that was given at a height.
    pub(crate) fn hash_at(&self, number: u64) -> Option<B256> {
        let place = number.checked_sub(self.oldest()?.number)?;
        self.recent.get(usize::try_from(place).ok()?).map(|id| id.hash)
    }

    /// Blocks from a height on, lowest first.
    pub(crate) fn at_or_above(&self, number: u64) -> Vec<BlockId> {
        self.recent.iter().filter(|id| id.number >= number).copied().collect()
    }

    /// Adds a block on top.
    pub(crate) fn commit(&mut self, id: BlockId) {
        self.recent.push_back(id);
        while self.recent.len() > self.blocks_max {
            self.recent.pop_front();
            self.is_whole = false;
        }
    }

    /// Takes `old` back and puts `new` in its place.
    pub(crate) fn replace(&mut self, old: &[BlockId], new: &[BlockHead]) {
        if let Some(lowest) = old.first() {
            self.recent.retain(|id| id.number < lowest.number);
        }
        for head in new {
            self.commit(head.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64, fork: u8) -> BlockId {
        BlockId { number, hash: B256::with_last_byte(fork) }
    }

    #[test]
    fn it_keeps_the_newest_without_gaps() {
        let mut cursor = Cursor::new(&[id(1, 0), id(2, 0), id(7, 0), id(8, 0)], 3);
        assert_eq!((cursor.oldest(), cursor.tip()), (Some(id(7, 0)), Some(id(8, 0))));
        assert!(cursor.is_whole());
        assert_eq!((cursor.hash_at(6), cursor.hash_at(9)), (None, None));
        for number in 9..=11 {
            cursor.commit(id(number, 1));
        }
        assert_eq!((cursor.oldest(), cursor.is_whole()), (Some(id(8, 0)), false));
        assert_eq!(cursor.hash_at(9), Some(B256::with_last_byte(1)));
        assert_eq!(cursor.at_or_above(10), [id(10, 1), id(11, 1)]);
    }

    #[test]
    fn replacing_takes_back_exactly_the_old_blocks() {
        let mut cursor = Cursor::new(&[id(1, 0), id(2, 0), id(3, 0)], 64);
        let new = BlockHead { id: id(2, 9), parent: B256::ZERO, timestamp: 0, transactions: 0 };
        cursor.replace(&[id(2, 0), id(3, 0)], &[new]);
        assert_eq!(cursor.at_or_above(0), [id(1, 0), id(2, 9)]);
    }

    #[test]
    fn an_empty_cursor_knows_nothing() {
        let cursor = Cursor::new(&[], 64);
        assert_eq!((cursor.tip(), cursor.hash_at(0)), (None, None));
        assert!(cursor.is_whole());
    }
}
