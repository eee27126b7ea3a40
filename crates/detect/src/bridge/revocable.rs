//! Facts that a re-organisation can take back.

use std::collections::BTreeMap;

use portcullis_types::chain::BlockId;

/// Most facts that can be taken back again, over all blocks of a chain; the oldest blocks become irrevocable first.
pub const REVOCABLE_MAX: usize = 65_536;

/// Facts by the block they came in, so that they can be taken back.
#[derive(Debug, Clone)]
pub(crate) struct Revocable<T> {
    blocks: BTreeMap<BlockId, Vec<T>>,
    len: usize,
}

impl<T> Default for Revocable<T> {
    fn default() -> Self {
        Self { blocks: BTreeMap::new(), len: 0 }
    }
}

impl<T> Revocable<T> {
    pub(crate) fn note(&mut self, block: BlockId, fact: T) {
        self.blocks.entry(block).or_default().push(fact);
        self.len += 1;
        while self.len > REVOCABLE_MAX
            && let Some((_, facts)) = self.blocks.pop_first()
        {
            self.len -= facts.len();
        }
    }

    pub(crate) fn take(&mut self, block: BlockId) -> Vec<T> {
        let facts = self.blocks.remove(&block).unwrap_or_default();
        self.len -= facts.len();
        facts
    }
}
