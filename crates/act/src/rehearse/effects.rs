//! What a simulated transaction did, and whether a second run of it did less.
//!
//! "It did not revert" is not "it worked": an attacker who wraps a theft in `try … catch` makes a transaction that
//! always succeeds. What counts is what leaves the contracts that the lever covers.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, U256, b256};
use serde::Deserialize;

/// `Transfer(address,address,uint256)`. Simulating nodes report the chain's own coin with it too.
const TRANSFER: B256 = b256!("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");

/// One call of a simulated block.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SimulatedCall {
    status: U256,
    pub(crate) return_data: Bytes,
    #[serde(default)]
    logs: Vec<SimulatedLog>,
    error: Option<SimulatedError>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct SimulatedLog {
    address: Address,
    topics: Vec<B256>,
    data: Bytes,
}

#[derive(Debug, Clone, Deserialize)]
struct SimulatedError {
    message: String,
}

impl SimulatedCall {
    /// Whether it did not revert.
    pub(crate) fn success(&self) -> bool {
        !self.status.is_zero()
    }

    /// The node's word for the failure.
    pub(crate) fn failure(&self) -> &str {
        self.error.as_ref().map_or("reverted", |error| &error.message)
    }

    /// Whether this run of an attack, with the lever pulled, still does everything that `without` did.
    pub(crate) fn still_works(&self, without: &Self, covers: &[Address]) -> bool {
        if !self.success() {
            return false;
        }
        let lost_without = without.outflow(covers);
        if lost_without.is_empty() {
            // It takes nothing directly; then any change of what it did means that the lever was in its way.
            return self.logs == without.logs && self.return_data == without.return_data;
        }
        let lost_with = self.outflow(covers);
        lost_without
            .iter()
            .all(|(token, amount)| lost_with.get(token).is_some_and(|with| with >= amount))
    }

    /// What leaves `covers`, by token.
    fn outflow(&self, covers: &[Address]) -> BTreeMap<Address, U256> {
        let mut sums = BTreeMap::new();
        for log in &self.logs {
            let (Some(&TRANSFER), Some(from), Some(to)) =
                (log.topics.first(), log.topics.get(1), log.topics.get(2))
            else {
                continue;
            };
            let (from, to) = (Address::from_word(*from), Address::from_word(*to));
            // An amount in a topic is a token id (ERC-721): one thing.
            let amount = log.data.get(..32).map_or(U256::ONE, U256::from_be_slice);
            if covers.contains(&from) && !covers.contains(&to) && !amount.is_zero() {
                let sum: &mut U256 = sums.entry(log.address).or_default();
                *sum = sum.saturating_add(amount);
            }
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VAULT: Address = Address::repeat_byte(1);
    const OTHER: Address = Address::repeat_byte(2);
    const THIEF: Address = Address::repeat_byte(3);
    const COIN: Address = Address::repeat_byte(0xee);

    fn transfer(token: Address, from: Address, to: Address, amount: u64) -> SimulatedLog {
        SimulatedLog {
            address: token,
            topics: vec![TRANSFER, from.into_word(), to.into_word()],
            data: U256::from(amount).to_be_bytes_vec().into(),
        }
    }

    fn run(status: u8, logs: Vec<SimulatedLog>) -> SimulatedCall {
        SimulatedCall { status: U256::from(status), return_data: Bytes::new(), logs, error: None }
    }

    #[test]
    fn an_attack_works_if_it_takes_as_much_as_before() {
        let theft = |amount| vec![transfer(COIN, VAULT, THIEF, amount)];
        let elsewhere = transfer(COIN, OTHER, THIEF, 9);
        // (name, without the lever, with it, still works)
        let cases = [
            ("reverts", run(1, theft(5)), run(0, vec![]), false),
            ("takes the same", run(1, theft(5)), run(1, theft(5)), true),
            ("takes more", run(1, theft(5)), run(1, theft(6)), true),
            ("takes less", run(1, theft(5)), run(1, theft(4)), false),
            ("swallows the failure", run(1, theft(5)), run(1, vec![]), false),
            ("takes from elsewhere only", run(1, theft(5)), run(1, vec![elsewhere.clone()]), false),
            (
                "nothing of ours, no change",
                run(1, vec![elsewhere.clone()]),
                run(1, vec![elsewhere.clone()]),
                true,
            ),
            ("nothing of ours, changed", run(1, vec![elsewhere]), run(1, vec![]), false),
            ("silent, no change", run(1, vec![]), run(1, vec![]), true),
        ];
        for (name, without, with, expect) in cases {
            assert_eq!(with.still_works(&without, &[VAULT]), expect, "{name}");
        }
    }

    #[test]
    fn moving_between_covered_contracts_is_no_loss_and_sums_saturate() {
        let inside = run(1, vec![transfer(COIN, VAULT, OTHER, 5)]);
        assert!(inside.outflow(&[VAULT, OTHER]).is_empty());
        let mut huge = transfer(COIN, VAULT, THIEF, 0);
        huge.data = U256::MAX.to_be_bytes_vec().into();
        let twice = run(1, vec![huge.clone(), huge]);
        assert_eq!(twice.outflow(&[VAULT]).get(&COIN), Some(&U256::MAX));
    }
}
