//! Values by block that can be taken back.

use std::collections::VecDeque;

use alloy_primitives::U256;
use portcullis_types::chain::BlockId;

/// Most blocks of a history that are kept, oldest dropped first: 51 minutes of 12-second blocks, more than four times the
/// two epochs after which Ethereum is final. A longer re-organisation leaves the value unknown until it is read again.
pub(crate) const HISTORY_BLOCKS_MAX: usize = 256;

/// A value as it was set in blocks, newest last.
#[derive(Debug, Clone)]
pub(crate) struct Timeline<T> {
    entries: VecDeque<(BlockId, T)>,
}

impl<T> Default for Timeline<T> {
    fn default() -> Self {
        Self { entries: VecDeque::new() }
    }
}

impl<T> Timeline<T> {
    pub(crate) fn latest(&self) -> Option<&T> {
        self.entries.back().map(|(_, value)| value)
    }

    /// The newest block.
    pub(crate) fn newest(&self) -> Option<BlockId> {
        self.entries.back().map(|(block, _)| *block)
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.entries.iter().map(|(_, value)| value)
    }

    /// The value of `block`.
    pub(crate) fn at(&mut self, block: BlockId) -> Option<&mut T> {
        self.entries.iter_mut().rev().find(|(id, _)| *id == block).map(|(_, value)| value)
    }

    /// Sets the value as of `block`, before those of later blocks: an answer may come after the next block. Gives back
    /// the oldest value where it had to be dropped.
    pub(crate) fn set(&mut self, block: BlockId, value: T) -> Option<T> {
        if let Some(known) = self.at(block) {
            *known = value;
            return None;
        }
        let later =
            self.entries.iter().rev().take_while(|(id, _)| id.number > block.number).count();
        self.entries.insert(self.entries.len() - later, (block, value));
        if self.entries.len() > HISTORY_BLOCKS_MAX {
            return self.entries.pop_front().map(|(_, oldest)| oldest);
        }
        None
    }

    pub(crate) fn retract(&mut self, blocks: &[BlockId]) {
        self.entries.retain(|(id, _)| !blocks.contains(id));
    }
}

/// What a holder owns: read at some blocks, carried on by the flows of the others.
#[derive(Debug, Clone, Default)]
pub(crate) struct Balance {
    /// As of before the oldest step.
    base: Option<U256>,
    steps: Timeline<Step>,
    /// As of before the newest step: kept, because the balance is asked for at every transaction of a block.
    before: Option<U256>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Step {
    gained: U256,
    lost: U256,
    /// The balance at the end of the block; makes the flows of the block unimportant.
    read: Option<U256>,
}

impl Step {
    fn after(&self, before: Option<U256>) -> Option<U256> {
        self.read.or_else(|| Some(before?.saturating_add(self.gained).saturating_sub(self.lost)))
    }
}

impl Balance {
    /// The balance now; none while it was never read.
    pub(crate) fn now(&self) -> Option<U256> {
        self.steps.latest().map_or(self.base, |newest| newest.after(self.before))
    }

    pub(crate) fn flow(&mut self, block: BlockId, gained: U256, lost: U256) {
        let step = self.steps.at(block).map(|step| *step).unwrap_or_default();
        let gained = step.gained.saturating_add(gained);
        let lost = step.lost.saturating_add(lost);
        self.set(block, Step { gained, lost, ..step });
    }

    pub(crate) fn read(&mut self, block: BlockId, value: U256) {
        let step = self.steps.at(block).map(|step| *step).unwrap_or_default();
        self.set(block, Step { read: Some(value), ..step });
    }

    pub(crate) fn retract(&mut self, blocks: &[BlockId]) {
        self.steps.retract(blocks);
        self.add_up();
    }

    fn set(&mut self, block: BlockId, step: Step) {
        let newest = self.steps.newest();
        let is_newest = newest == Some(block);
        let comes_last = newest.is_none_or(|newest| block.number >= newest.number)
            && self.steps.at(block).is_none();
        if comes_last {
            self.before = self.now();
        }
        if let Some(oldest) = self.steps.set(block, step) {
            self.base = oldest.after(self.base);
        }
        if !is_newest && !comes_last {
            self.add_up();
        }
    }

    fn add_up(&mut self) {
        let mut steps = self.steps.iter();
        steps.next_back();
        self.before = steps.fold(self.base, |before, step| step.after(before));
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::B256;

    use super::*;

    fn block(number: u64, fork: u8) -> BlockId {
        BlockId { number, hash: B256::repeat_byte(fork) }
    }

    #[test]
    fn a_balance_follows_readings_and_flows_and_forgets_what_is_retracted() {
        let n = U256::from;
        let mut balance = Balance::default();
        balance.flow(block(1, 1), n(5), n(0));
        assert_eq!(balance.now(), None, "flows without a reading say nothing");
        balance.read(block(2, 2), n(100));
        balance.flow(block(3, 3), n(0), n(30));
        balance.flow(block(3, 3), n(1), n(0));
        assert_eq!(balance.now(), Some(n(71)));
        balance.read(block(3, 3), n(70));
        assert_eq!(balance.now(), Some(n(70)), "a reading outweighs the flows of its block");
        balance.flow(block(4, 4), n(5), n(0));
        balance.read(block(3, 3), n(69));
        assert_eq!(
            balance.now(),
            Some(n(74)),
            "a late reading goes before the flows of later blocks"
        );
        balance.retract(&[block(4, 4)]);
        balance.retract(&[block(3, 3)]);
        assert_eq!(balance.now(), Some(n(100)));
    }

    proptest::proptest! {
        /// What is kept says the same as adding up everything.
        #[test]
        fn a_balance_is_the_sum_of_its_steps(
            steps in proptest::collection::vec((0u64..12, 0u8..2, 0u8..4, 0u64..50), 0..600),
        ) {
            let mut balance = Balance::default();
            for (base, (number, fork, what, amount)) in (0u64..).zip(steps) {
                // Forward on the whole, so that the oldest steps are dropped too.
                let block = block(base / 2 + number, fork);
                let amount = U256::from(amount);
                match what {
                    0 => balance.read(block, amount),
                    1 => balance.flow(block, amount, U256::ZERO),
                    2 => balance.flow(block, U256::ZERO, amount),
                    _ => balance.retract(&[block]),
                }
                let sum = balance.steps.iter().fold(balance.base, |sum, step| step.after(sum));
                proptest::prop_assert_eq!(balance.now(), sum);
            }
        }
    }

    #[test]
    fn a_balance_is_bounded() {
        let mut balance = Balance::default();
        balance.read(block(0, 0), U256::from(1));
        for number in 1..=1_000 {
            balance.flow(block(number, 1), U256::from(1), U256::ZERO);
        }
        assert_eq!(balance.now(), Some(U256::from(1_001)));
        assert_eq!(balance.steps.iter().count(), HISTORY_BLOCKS_MAX);
    }
}
