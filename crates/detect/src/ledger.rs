//! What left in a window of time, exactly, with blocks that can be taken back.

use std::collections::VecDeque;

use alloy_primitives::U256;
use portcullis_types::chain::BlockId;

/// Most blocks with an outflow that are kept apart, for one asset: nine days of 12-second blocks. Beyond it the two oldest
/// become one with the later time, so that an amount is counted for longer than it should be and never for less.
pub(crate) const LEDGER_BLOCKS_MAX: usize = 65_536;

/// How long an entry is kept after the longest window has passed it, seconds: a re-organisation may put blocks with
/// earlier timestamps in the place of those that pushed it out.
const REORGANISATION_SECONDS: u64 = 3_600;

/// No amount counts for more than this, so that sums over [`LEDGER_BLOCKS_MAX`] blocks cannot overflow.
const AMOUNT_MAX: U256 = U256::from_limbs([u64::MAX, u64::MAX, u64::MAX, u64::MAX >> 32]);

/// Outflows of one asset by block, oldest first.
#[derive(Debug, Clone)]
pub(crate) struct Ledger {
    longest_window_seconds: u64,
    entries: VecDeque<Entry>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    block: BlockId,
    timestamp: u64,
    amount: U256,
    /// Sum of all amounts before this entry, modulo 2^256: differences of it are sums over windows.
    before: U256,
}

impl Ledger {
    pub(crate) fn new(longest_window_seconds: u64) -> Self {
        Self { longest_window_seconds, entries: VecDeque::new() }
    }

    /// Adds what left in a transaction of the newest block.
    pub(crate) fn add(&mut self, block: BlockId, timestamp: u64, amount: U256) {
        let amount = amount.min(AMOUNT_MAX);
        let newest = self.entries.back().copied();
        if let Some(newest) = self.entries.back_mut().filter(|entry| entry.block == block) {
            newest.amount = newest.amount.saturating_add(amount).min(AMOUNT_MAX);
            return;
        }
        // Time does not go back along a chain; if a node says so, order is worth more than its word.
        let timestamp = newest.map_or(timestamp, |newest| newest.timestamp.max(timestamp));
        let before = newest.map_or(U256::ZERO, |newest| newest.before.wrapping_add(newest.amount));
        self.entries.push_back(Entry { block, timestamp, amount, before });
        self.drop_old(timestamp);
    }

    /// What left in the `window_seconds` up to and with `now`.
    pub(crate) fn sum(&self, window_seconds: u64, now: u64) -> U256 {
        let outside = |entry: &Entry| entry.timestamp.saturating_add(window_seconds) <= now;
        let first = self.entries.partition_point(outside);
        match (self.entries.get(first), self.entries.back()) {
            (Some(first), Some(last)) => {
                last.before.wrapping_add(last.amount).wrapping_sub(first.before)
            }
            _ => U256::ZERO,
        }
    }

    /// Forgets what was added in `blocks`.
    pub(crate) fn retract(&mut self, blocks: &[BlockId]) {
        self.entries.retain(|entry| !blocks.contains(&entry.block));
        let mut before = U256::ZERO;
        for entry in &mut self.entries {
            entry.before = before;
            before = before.wrapping_add(entry.amount);
        }
    }

    fn drop_old(&mut self, now: u64) {
        let kept = self.longest_window_seconds.saturating_add(REORGANISATION_SECONDS);
        while self.entries.front().is_some_and(|e| e.timestamp.saturating_add(kept) <= now) {
            self.entries.pop_front();
        }
        if self.entries.len() > LEDGER_BLOCKS_MAX
            && let Some(oldest) = self.entries.pop_front()
            && let Some(next) = self.entries.front_mut()
        {
            next.before = oldest.before;
            next.amount = next.amount.saturating_add(oldest.amount);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::B256;
    use proptest::prelude::*;

    use super::*;

    fn block(number: u64, fork: u8) -> BlockId {
        BlockId { number, hash: B256::repeat_byte(fork) }
    }

    #[test]
    fn windows_end_at_their_second() {
        let mut ledger = Ledger::new(60);
        ledger.add(block(1, 1), 100, U256::from(5));
        ledger.add(block(2, 2), 112, U256::from(7));
        for (window, now, sum) in
            [(60, 112, 12), (12, 112, 7), (13, 112, 12), (60, 160, 7), (60, 172, 0)]
        {
            assert_eq!(ledger.sum(window, now), U256::from(sum), "{window} s up to {now}");
        }
    }

    #[test]
    fn too_many_blocks_are_merged_and_still_counted() {
        let mut ledger = Ledger::new(1 << 40);
        for number in 0..(LEDGER_BLOCKS_MAX as u64 + 10) {
            ledger.add(block(number, 0), number, U256::from(1));
        }
        assert_eq!(ledger.entries.len(), LEDGER_BLOCKS_MAX);
        assert_eq!(
            ledger.sum(1 << 40, LEDGER_BLOCKS_MAX as u64),
            U256::from(LEDGER_BLOCKS_MAX + 10)
        );
    }

    proptest! {
        /// A ledger from which blocks were retracted answers like one that never saw them.
        #[test]
        fn retraction_is_exact(
            kept in prop::collection::vec((1u64..30, 0u64..1_000), 0..40),
            taken in prop::collection::vec((1u64..30, 0u64..1_000), 0..10),
            window in 1u64..200,
        ) {
            let (mut a, mut time) = (Ledger::new(200), 0);
            for (number, (step, amount)) in kept.iter().enumerate() {
                time += step;
                a.add(block(number as u64, 1), time, U256::from(*amount));
            }
            let (mut b, mut later) = (a.clone(), time);
            let mut blocks = Vec::new();
            for (number, (step, amount)) in taken.iter().enumerate() {
                later += step;
                blocks.push(block(number as u64, 2));
                b.add(block(number as u64, 2), later, U256::from(*amount));
            }
            b.retract(&blocks);
            prop_assert_eq!(a.sum(window, time), b.sum(window, time));
        }
    }
}
