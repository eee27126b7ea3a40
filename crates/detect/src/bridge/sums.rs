//! The second line of defence: whatever the ids say, no more of a token may be released than was locked and is final.

use std::collections::BTreeMap;

use alloy_primitives::{Address, U256};

use super::terms::{BridgeTerms, Lock, Release};

/// Most times at which locks become final that are kept apart, for one token. Beyond it the earliest counts as final at
/// once: more is taken for covered than is, and nobody is accused for it.
pub const UNFINAL_TIMES_MAX: usize = 65_536;

/// More of a token was released than was locked and final.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deficit {
    /// Token on the destination chain.
    pub token: Address,
    /// Released since the book began, destination units.
    pub released: U256,
    /// Locked, final, and open at the beginning, destination units.
    pub covered: U256,
    /// How much of the difference is new since it was last reported, destination units.
    pub grown: U256,
    /// Whether the owners stated what was open when the book began, and the source chain was seen without a hole since.
    pub is_proof: bool,
}

/// Sums per token of the destination chain.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sums {
    tokens: BTreeMap<Address, Sum>,
}

#[derive(Debug, Clone, Default)]
struct Sum {
    opening: Option<U256>,
    finalised: U256,
    /// Amounts by the time at which they become final.
    unfinal: BTreeMap<u64, U256>,
    released: U256,
    /// The deficit that was last reported.
    reported: U256,
}

impl Sums {
    pub(crate) fn new(terms: &BridgeTerms) -> Self {
        let mut tokens: BTreeMap<Address, Sum> = BTreeMap::new();
        for pair in terms.tokens.values() {
            let sum = tokens.entry(pair.destination).or_default();
            if let Some(opening) = pair.opening {
                sum.opening = Some(sum.opening.unwrap_or_default().saturating_add(opening));
            }
        }
        Self { tokens }
    }

    pub(crate) fn lock(&mut self, terms: &BridgeTerms, lock: &Lock) {
        let Some((token, amount)) = counted(terms, lock) else { return };
        let Some(sum) = self.tokens.get_mut(&token) else { return };
        let slot = sum.unfinal.entry(lock.final_at).or_default();
        *slot = slot.saturating_add(amount);
        if sum.unfinal.len() > UNFINAL_TIMES_MAX
            && let Some((_, amount)) = sum.unfinal.pop_first()
        {
            sum.finalised = sum.finalised.saturating_add(amount);
        }
    }

    pub(crate) fn retract_lock(&mut self, terms: &BridgeTerms, lock: &Lock) {
        let Some((token, amount)) = counted(terms, lock) else { return };
        let Some(sum) = self.tokens.get_mut(&token) else { return };
        let still_open = sum.take_unfinal(lock.final_at, amount);
        sum.finalised = sum.finalised.saturating_sub(amount.saturating_sub(still_open));
    }

    /// A lock that was released too early counts as final from here on: that release is told as what it is, and must not
    /// put those after it in the wrong.
    pub(crate) fn finalise(&mut self, terms: &BridgeTerms, lock: &Lock) {
        let Some((token, amount)) = counted(terms, lock) else { return };
        let Some(sum) = self.tokens.get_mut(&token) else { return };
        let moved = sum.take_unfinal(lock.final_at, amount);
        sum.finalised = sum.finalised.saturating_add(moved);
    }

    /// Counts a release that was judged. A deficit is told when it is there first, and again when it has grown by more
    /// than a hundredth. Tokens that the terms do not list are not counted.
    pub(crate) fn release(&mut self, release: &Release) -> Option<Deficit> {
        let (token, amount) = (release.token?, release.amount?);
        let sum = self.tokens.get_mut(&token)?;
        sum.released = sum.released.saturating_add(amount);
        while let Some(first) = sum.unfinal.first_entry() {
            if *first.key() > release.timestamp {
                break;
            }
            sum.finalised = sum.finalised.saturating_add(first.remove());
        }
        let covered = sum.finalised.saturating_add(sum.opening.unwrap_or_default());
        let deficit = sum.released.saturating_sub(covered);
        let grown = deficit.saturating_sub(sum.reported);
        if grown.is_zero() || grown <= sum.reported / U256::from(100) {
            return None;
        }
        sum.reported = deficit;
        let (released, is_proof) = (sum.released, sum.opening.is_some());
        Some(Deficit { token, released, covered, grown, is_proof })
    }

    pub(crate) fn retract_release(&mut self, release: &Release) {
        let (Some(token), Some(amount)) = (release.token, release.amount) else { return };
        let Some(sum) = self.tokens.get_mut(&token) else { return };
        sum.released = sum.released.saturating_sub(amount);
        // What was told of the block that is gone must be told again.
        let covered = sum.finalised.saturating_add(sum.opening.unwrap_or_default());
        sum.reported = sum.reported.min(sum.released.saturating_sub(covered));
    }
}

impl Sum {
    /// Takes up to `amount` out of what becomes final at `time`; gives back how much was there.
    fn take_unfinal(&mut self, time: u64, amount: U256) -> U256 {
        let Some(slot) = self.unfinal.get_mut(&time) else { return U256::ZERO };
        let taken = amount.min(*slot);
        *slot -= taken;
        if slot.is_zero() {
            self.unfinal.remove(&time);
        }
        taken
    }
}

fn counted(terms: &BridgeTerms, lock: &Lock) -> Option<(Address, U256)> {
    let pair = terms.tokens.get(&lock.token?)?;
    Some((pair.destination, pair.convert(lock.amount?)))
}
