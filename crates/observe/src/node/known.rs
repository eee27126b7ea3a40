//! What storage holds after the newest blocks, as their traces say: the measure for what the node answers about them.
//!
//! A node that is asked for a block's state may answer out of another block's: anvil does while it makes the next one, and so
//! does a pool of nodes of which one is behind. Where a block wrote a slot, its traces say which word stands there.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use alloy_primitives::{Address, B256};
use portcullis_types::wire::{StateDiff, TracedTransaction};

/// Blocks that are remembered: what is read is read soon.
const BLOCKS_MAX: usize = 8;
/// Slots of a block that are remembered; of a block that writes more, nothing is.
const SLOTS_MAX: usize = 1 << 16;

type Words = BTreeMap<(Address, B256), B256>;

/// By block hash, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Known {
    blocks: Mutex<VecDeque<(B256, Words)>>,
}

impl Known {
    /// Notes what a block's transactions left in the slots that they wrote.
    pub(super) fn note(&self, block: B256, diffs: &[TracedTransaction<StateDiff>]) {
        let mut words = Words::new();
        for diff in diffs.iter().filter_map(|one| one.result.as_ref()) {
            // A slot that is not there afterwards holds zero.
            for (address, account) in &diff.pre {
                words.extend(account.storage.keys().map(|slot| ((*address, *slot), B256::ZERO)));
            }
            for (address, account) in &diff.post {
                let written = account.storage.iter();
                words.extend(written.map(|(slot, word)| ((*address, *slot), *word)));
            }
        }
        if words.is_empty() || words.len() > SLOTS_MAX {
            return;
        }
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        blocks.retain(|(hash, _)| *hash != block);
        if blocks.len() >= BLOCKS_MAX {
            blocks.pop_front();
        }
        blocks.push_back((block, words));
    }

    /// Whether `word` in a slot contradicts what the block wrote there. What it did not write is unknown, and contradicts
    /// nothing.
    pub(super) fn contradicts(&self, block: B256, slot: (Address, B256), word: B256) -> bool {
        let blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        let words = blocks.iter().find_map(|(hash, words)| (*hash == block).then_some(words));
        words.and_then(|words| words.get(&slot)).is_some_and(|written| *written != word)
    }
}

#[cfg(test)]
mod tests {
    use portcullis_types::wire::WireAccount;

    use super::*;

    fn word(n: u64) -> B256 {
        B256::left_padding_from(&n.to_be_bytes())
    }

    fn diff(pre: &[(u64, u64)], post: &[(u64, u64)]) -> TracedTransaction<StateDiff> {
        let account = |words: &[(u64, u64)]| {
            let storage = words.iter().map(|(slot, held)| (word(*slot), word(*held))).collect();
            [(Address::ZERO, WireAccount { storage, ..WireAccount::default() })].into()
        };
        let result = Some(StateDiff { pre: account(pre), post: account(post) });
        TracedTransaction { tx_hash: None, result, error: None }
    }

    #[test]
    fn what_a_block_wrote_last_is_what_it_holds() {
        let known = Known::default();
        let block = word(1);
        known.note(
            block,
            &[diff(&[(1, 7), (2, 8)], &[(1, 9)]), diff(&[(1, 9)], &[(1, 10), (3, 5)])],
        );
        let contradicts =
            |slot, held| known.contradicts(block, (Address::ZERO, word(slot)), word(held));
        for (slot, held, is_wrong) in [
            (1, 10, false),
            (1, 9, true),
            (2, 0, false),
            (2, 8, true),
            (3, 5, false),
            (4, 1, false), // never written
        ] {
            assert_eq!(contradicts(slot, held), is_wrong, "slot {slot} with {held}");
        }
        assert!(!known.contradicts(word(2), (Address::ZERO, word(1)), word(9)), "another block");
    }

    #[test]
    fn old_blocks_are_forgotten_and_huge_ones_not_taken() {
        let known = Known::default();
        for block in 0..=BLOCKS_MAX as u64 {
            known.note(word(block), &[diff(&[], &[(1, 1)])]);
        }
        let is_known = |block| known.contradicts(word(block), (Address::ZERO, word(1)), word(2));
        assert_eq!((is_known(0), is_known(1), is_known(BLOCKS_MAX as u64)), (false, true, true));
        let huge: Vec<_> = (0..=SLOTS_MAX as u64).map(|slot| (slot, 1)).collect();
        known.note(word(99), &[diff(&[], &huge)]);
        assert!(!is_known(99));
    }
}
