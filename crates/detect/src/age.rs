//! How long contracts have been around, as far as this run has seen.

use std::collections::BTreeMap;

use alloy_primitives::Address;
use portcullis_types::chain::BlockId;

/// Most accounts whose first appearance is remembered. When they are too many, the quarter that was seen longest ago is
/// forgotten: one of them that comes back counts as new.
pub(crate) const ACCOUNTS_MAX: usize = 65_536;

/// What is known of an account.
#[derive(Debug, Clone, Copy)]
struct Age {
    first: BlockId,
    last_number: u64,
    /// Sender of the transaction that created it, where that was seen.
    deployer: Option<Address>,
}

/// First appearances.
#[derive(Debug, Clone)]
pub(crate) struct Ages {
    fresh_blocks: u64,
    started: Option<BlockId>,
    seen: BTreeMap<Address, Age>,
}

impl Ages {
    pub(crate) fn new(fresh_blocks: u64) -> Self {
        Self { fresh_blocks, started: None, seen: BTreeMap::new() }
    }

    pub(crate) fn start(&mut self, block: BlockId) {
        self.started.get_or_insert(block);
    }

    /// `account` was created in a transaction of `deployer`.
    pub(crate) fn created(&mut self, account: Address, deployer: Address, block: BlockId) {
        self.put(account, Some(deployer), block);
    }

    /// `account` called.
    pub(crate) fn saw(&mut self, account: Address, block: BlockId) {
        self.put(account, None, block);
    }

    fn put(&mut self, account: Address, deployer: Option<Address>, block: BlockId) {
        if let Some(age) = self.seen.get_mut(&account) {
            age.last_number = age.last_number.max(block.number);
            return;
        }
        if self.seen.len() >= ACCOUNTS_MAX {
            let mut numbers: Vec<u64> = self.seen.values().map(|age| age.last_number).collect();
            numbers.sort_unstable();
            let limit = numbers.get(ACCOUNTS_MAX / 4).copied().unwrap_or_default();
            self.seen.retain(|_, age| age.last_number > limit);
        }
        self.seen.insert(account, Age { first: block, last_number: block.number, deployer });
    }

    /// Whether `account` is new at `block`. What called first while nothing was known yet is not.
    pub(crate) fn is_new(&self, account: &Address, block: BlockId) -> bool {
        let known_from = self.started.unwrap_or(block).number.saturating_add(self.fresh_blocks);
        match self.seen.get(account) {
            Some(age) => {
                let young = block.number < age.first.number.saturating_add(self.fresh_blocks);
                young && (age.deployer.is_some() || age.first.number >= known_from)
            }
            None => block.number >= known_from,
        }
    }

    pub(crate) fn deployer(&self, account: &Address) -> Option<Address> {
        self.seen.get(account).and_then(|age| age.deployer)
    }

    /// What is known of `account`, for people.
    pub(crate) fn describe(&self, account: &Address, block: BlockId) -> String {
        match self.seen.get(account) {
            Some(Age { first, deployer: Some(deployer), .. }) => {
                format!("created in block {} by {deployer}", first.number)
            }
            Some(Age { first, .. }) if first.number < block.number => {
                format!("seen first in block {}", first.number)
            }
            _ => "never seen before".to_owned(),
        }
    }

    pub(crate) fn retract(&mut self, blocks: &[BlockId]) {
        self.started.take_if(|block| blocks.contains(block));
        self.seen.retain(|_, age| !blocks.contains(&age.first));
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{B256, U256};

    use super::*;

    fn block(number: u64) -> BlockId {
        BlockId { number, hash: B256::from(U256::from(number)) }
    }

    #[test]
    fn accounts_are_bounded_and_the_recent_are_kept() {
        let mut ages = Ages::new(10);
        ages.start(block(0));
        let account = |n: u64| Address::from_word(B256::from(U256::from(n)));
        for n in 0..=(ACCOUNTS_MAX as u64) {
            ages.created(account(n), account(n), block(n));
        }
        assert!(ages.seen.len() <= ACCOUNTS_MAX * 3 / 4 + 1);
        assert_eq!(ages.deployer(&account(0)), None);
        assert_eq!(
            ages.deployer(&account(ACCOUNTS_MAX as u64)),
            Some(account(ACCOUNTS_MAX as u64))
        );
    }

    #[test]
    fn a_contract_is_new_for_so_many_blocks() {
        let (a, b) = (Address::repeat_byte(1), Address::repeat_byte(2));
        let mut ages = Ages::new(10);
        ages.start(block(100));
        assert!(!ages.is_new(&a, block(109)), "nothing is known of its age yet");
        assert!(ages.is_new(&a, block(110)));
        ages.created(b, a, block(101));
        for (number, new) in [(101, true), (110, true), (111, false)] {
            assert_eq!(ages.is_new(&b, block(number)), new, "{number}");
        }
        ages.retract(&[block(101)]);
        assert_eq!(ages.deployer(&b), None);
    }
}
