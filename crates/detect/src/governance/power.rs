//! How many votes accounts got lately.

use std::collections::{BTreeMap, VecDeque};

use alloy_primitives::{Address, U256};
use portcullis_types::{chain::BlockId, evidence::Evidence, money::Asset};

use super::words::word;

/// Most accounts whose votes are remembered; of more, those who got theirs longest ago are forgotten.
pub(crate) const ACCOUNTS_MAX: usize = 16_384;

/// Most blocks of one account that are remembered.
const BLOCKS_MAX: usize = 64;

/// What an account got, by block, newest last.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gains {
    by_account: BTreeMap<Address, VecDeque<(BlockId, U256)>>,
}

impl Gains {
    pub(crate) fn add(&mut self, account: Address, block: BlockId, amount: U256) {
        let newest =
            |gains: &VecDeque<(BlockId, U256)>| gains.back().map(|(block, _)| block.number);
        if !self.by_account.contains_key(&account) && self.by_account.len() >= ACCOUNTS_MAX {
            let mut numbers: Vec<_> = self.by_account.values().map(newest).collect();
            numbers.sort_unstable();
            let limit = numbers.get(ACCOUNTS_MAX / 4).copied().flatten();
            self.by_account.retain(|_, gains| newest(gains) > limit);
        }
        let gains = self.by_account.entry(account).or_default();
        gains.push_back((block, amount));
        if gains.len() > BLOCKS_MAX {
            gains.pop_front();
        }
    }

    /// What `account` got in the `blocks` up to and with the one of `number`.
    pub(crate) fn within(&self, account: Address, blocks: u64, number: u64) -> U256 {
        let recent = |(block, _): &&(BlockId, U256)| block.number.saturating_add(blocks) > number;
        let gains = self.by_account.get(&account).into_iter().flatten().filter(recent);
        gains.fold(U256::ZERO, |sum, (_, amount)| sum.saturating_add(*amount))
    }

    pub(crate) fn retract(&mut self, blocks: &[BlockId]) {
        for gains in self.by_account.values_mut() {
            gains.retain(|(block, _)| !blocks.contains(block));
        }
        self.by_account.retain(|_, gains| !gains.is_empty());
    }
}

/// What one account held of a token at most during a transaction, over what it held before, and what it kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) peak: U256,
    pub(crate) kept: U256,
}

/// The same of every account that got some.
pub(crate) fn held(token: Address, evidence: &Evidence) -> BTreeMap<Address, Held> {
    let mut sums: BTreeMap<Address, (U256, U256, U256)> = BTreeMap::new();
    for transfer in &evidence.transfers {
        if transfer.asset != Asset::Token(token) || transfer.from == transfer.to {
            continue;
        }
        let (_, lost, _) = sums.entry(transfer.from).or_default();
        *lost = lost.saturating_add(transfer.amount);
        let (gained, lost, peak) = sums.entry(transfer.to).or_default();
        *gained = gained.saturating_add(transfer.amount);
        *peak = (*peak).max(gained.saturating_sub(*lost));
    }
    let held = |(gained, lost, peak): (U256, U256, U256)| {
        let kept = gained.saturating_sub(lost);
        Held { peak, kept }
    };
    sums.into_iter()
        .map(|(account, sums)| (account, held(sums)))
        .filter(|(account, held)| !held.peak.is_zero() && !account.is_zero())
        .collect()
}

/// By how much the votes of delegates grew at `token`, by its events with the topic `votes_changed`.
pub(crate) fn delegated(
    token: Address,
    votes_changed: alloy_primitives::B256,
    evidence: &Evidence,
) -> BTreeMap<Address, Held> {
    let mut grown: BTreeMap<Address, Held> = BTreeMap::new();
    for log in evidence.logs.iter().filter(|log| log.address == token) {
        let (Some(topic), Some(delegate)) = (log.topics.first(), log.topics.get(1)) else {
            continue;
        };
        let (Some(before), Some(after)) = (word(&log.data, 0), word(&log.data, 1)) else {
            continue;
        };
        if *topic == votes_changed {
            let held = grown.entry(Address::from_word(*delegate)).or_default();
            held.kept = held.kept.saturating_add(after).saturating_sub(before);
            held.peak = held.peak.max(held.kept);
        }
    }
    grown.retain(|_, held| !held.peak.is_zero());
    grown
}
