//! The lowest and the highest price of a window of blocks.

use std::collections::VecDeque;

use alloy_primitives::U256;
use portcullis_types::chain::BlockId;

/// Longest window, blocks: a week of 12-second blocks. Also the most blocks with a price that are kept.
pub const WINDOW_BLOCKS_MAX: u64 = 50_400;

/// How much longer than its window a price is kept, blocks: a re-organisation may take back those that pushed it out.
const REORGANISATION_BLOCKS: u64 = 256;

/// Lowest and highest price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) low: U256,
    pub(super) high: U256,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    block: BlockId,
    range: Range,
    last: U256,
}

/// Prices by block, oldest first.
#[derive(Debug, Clone)]
pub(super) struct Past {
    longest: u64,
    entries: VecDeque<Entry>,
}

impl Past {
    pub(super) fn new(longest: u64) -> Self {
        Self { longest, entries: VecDeque::new() }
    }

    /// Adds a price of a block. One that comes late goes before those of later blocks.
    pub(super) fn add(&mut self, block: BlockId, price: U256) {
        if let Some(entry) = self.entries.iter_mut().rev().find(|entry| entry.block == block) {
            entry.range.low = entry.range.low.min(price);
            entry.range.high = entry.range.high.max(price);
            entry.last = price;
            return;
        }
        let later = |entry: &&Entry| entry.block.number > block.number;
        let later = self.entries.iter().rev().take_while(later).count();
        let entry = Entry { block, range: Range { low: price, high: price }, last: price };
        self.entries.insert(self.entries.len() - later, entry);
        self.drop_old(block.number);
    }

    /// The range of the `blocks` before `block`, with what was seen of `block` itself; the price that stood when the window
    /// began is in it. None if no price is known.
    pub(super) fn range(&self, block: BlockId, blocks: u64) -> Option<Range> {
        let begin = block.number.saturating_sub(blocks);
        let mut found: Option<Range> = None;
        for entry in self.entries.iter().rev() {
            if entry.block.number > block.number {
                continue;
            }
            // What held when the window began is only the last price of an earlier block.
            let inside = entry.block.number >= begin;
            let Range { low, high } =
                if inside { entry.range } else { Range { low: entry.last, high: entry.last } };
            found = Some(match found {
                None => Range { low, high },
                Some(seen) => Range { low: seen.low.min(low), high: seen.high.max(high) },
            });
            if !inside {
                break;
            }
        }
        found
    }

    /// The last price up to and with `block`.
    pub(super) fn last(&self, block: BlockId) -> Option<U256> {
        let known = |entry: &&Entry| entry.block.number <= block.number;
        self.entries.iter().rev().find(known).map(|entry| entry.last)
    }

    pub(super) fn retract(&mut self, blocks: &[BlockId]) {
        self.entries.retain(|entry| !blocks.contains(&entry.block));
    }

    fn drop_old(&mut self, now: u64) {
        let kept = self.longest.saturating_add(REORGANISATION_BLOCKS);
        // The second entry stands in for the first once it is too old itself.
        let is_old = |entry: &Entry| entry.block.number.saturating_add(kept) < now;
        while self.entries.get(1).is_some_and(is_old) {
            self.entries.pop_front();
        }
    }
}
