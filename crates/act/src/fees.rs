//! What a transaction pays: EIP-1559 with a ceiling, and by how much a replacement pays more.

use std::time::Duration;

/// Wei in a gwei.
pub const WEI_PER_GWEI: u128 = 1_000_000_000;
/// Least increase of a replacement, in thousandths. Nodes want 10 %; 12.5 % is above that after rounding, and is what a
/// base fee can rise from one block to the next.
const BUMP_PER_MILLE: u128 = 125;
/// The part of the market's tip that is paid on top of it: a quarter.
const MARKET_MARGIN_DIVISOR: u128 = 4;
/// Gas that is allowed on top of the estimate, in thousandths: the state may have changed when it is mined.
const GAS_MARGIN_PER_MILLE: u64 = 1_300;

/// How fees are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeePolicy {
    /// The fee cap is the newest block's base fee times this, and the tip. At 2 it outlasts six full blocks.
    pub base_fee_multiplier: u32,
    /// First tip, wei for each gas.
    pub tip_wei: u128,
    /// Most wei that one transaction may cost: gas limit × fee cap. The signer has its own ceiling.
    pub ceiling_wei: u128,
    /// The same for a transaction that stops something, where policy lets an emergency pay more; none where it does not.
    /// Letting go is never an emergency.
    pub emergency_ceiling_wei: Option<u128>,
    /// How many times as much the copy for private relays pays as the one that the pool shows, where both ways are
    /// taken: somebody who outbids what he sees has not outbid that one. Within the ceiling. 1 for the same copy.
    pub private_multiplier: u32,
    /// A replacement pays more once this many blocks came without the transaction …
    pub bump_after_blocks: u64,
    /// … or once this time has passed, whichever is first.
    pub bump_after: Duration,
}

impl Default for FeePolicy {
    fn default() -> Self {
        Self {
            base_fee_multiplier: 2,
            tip_wei: 5 * WEI_PER_GWEI,
            // 0.05 of the chain's coin: a pause of 60,000 gas at over 800 gwei.
            ceiling_wei: 50_000_000 * WEI_PER_GWEI,
            emergency_ceiling_wei: None,
            private_multiplier: 4,
            bump_after_blocks: 1,
            bump_after: Duration::from_secs(3),
        }
    }
}

/// What one transaction pays, wei for each gas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fees {
    /// Fee cap.
    pub max_fee_per_gas: u128,
    /// Tip.
    pub max_priority_fee_per_gas: u128,
}

impl FeePolicy {
    /// The policy of a transaction that stops something.
    #[must_use]
    pub fn in_emergency(self) -> Self {
        let ceiling_wei = self.ceiling_wei.max(self.emergency_ceiling_wei.unwrap_or(0));
        Self { ceiling_wei, ..self }
    }

    /// The policy where the dearest transactions of the newest blocks tipped `market` wei for each gas: a quarter more
    /// than those, where that is above our own tip.
    #[must_use]
    pub fn in_market(self, market: u128) -> Self {
        let above = market.saturating_add(market / MARKET_MARGIN_DIVISOR);
        Self { tip_wei: self.tip_wei.max(above), ..self }
    }

    /// The policy of an account that holds `balance` wei.
    #[must_use]
    pub fn affordable(self, balance: u128) -> Self {
        Self { ceiling_wei: self.ceiling_wei.min(balance), ..self }
    }

    /// The fees of the copy for private relays; none where it would not pay more than a replacement of `public`.
    pub fn private(&self, public: Fees, gas_limit: u64) -> Option<Fees> {
        let highest = self.ceiling_wei.checked_div(u128::from(gas_limit))?;
        let times = |wei: u128| wei.saturating_mul(u128::from(self.private_multiplier));
        let max_fee_per_gas = times(public.max_fee_per_gas).min(highest);
        let max_priority_fee_per_gas = times(public.max_priority_fee_per_gas).min(max_fee_per_gas);
        let is_more = max_fee_per_gas >= raised(public.max_fee_per_gas)
            && max_priority_fee_per_gas >= raised(public.max_priority_fee_per_gas);
        is_more.then_some(Fees { max_fee_per_gas, max_priority_fee_per_gas })
    }

    /// The fees of a first transaction after a block with `base_fee`; lowered to the ceiling where they are above it,
    /// none where the ceiling does not even pay the base fee.
    pub fn first(&self, base_fee: u128, gas_limit: u64) -> Option<Fees> {
        let highest = self.ceiling_wei.checked_div(u128::from(gas_limit))?;
        if highest <= base_fee {
            return None;
        }
        let max_fee_per_gas = self.generous(base_fee, self.tip_wei).min(highest);
        Some(Fees { max_fee_per_gas, max_priority_fee_per_gas: self.tip_wei.min(max_fee_per_gas) })
    }

    /// The fees of a replacement: both at least 12.5 % above `previous`, and enough for the newest `base_fee`. None
    /// where the least increase is above the ceiling.
    pub fn bumped(&self, previous: Fees, base_fee: u128, gas_limit: u64) -> Option<Fees> {
        let highest = self.ceiling_wei.checked_div(u128::from(gas_limit))?;
        let tip = raised(previous.max_priority_fee_per_gas).max(self.tip_wei);
        let least = raised(previous.max_fee_per_gas);
        if least > highest {
            return None;
        }
        let max_fee_per_gas = least.max(self.generous(base_fee, tip)).min(highest);
        Some(Fees { max_fee_per_gas, max_priority_fee_per_gas: tip.min(max_fee_per_gas) })
    }

    fn generous(&self, base_fee: u128, tip: u128) -> u128 {
        base_fee.saturating_mul(u128::from(self.base_fee_multiplier)).saturating_add(tip)
    }
}

/// The gas limit of a transaction: tight, because some chains include a large one later.
pub fn gas_limit(estimate: Option<u64>, most: u64) -> u64 {
    let with_margin = |gas: u64| gas.saturating_mul(GAS_MARGIN_PER_MILLE) / 1_000;
    estimate.map_or(most, |gas| with_margin(gas).min(most))
}

fn raised(wei: u128) -> u128 {
    wei.saturating_add(wei.saturating_mul(BUMP_PER_MILLE).div_ceil(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(ceiling_wei: u128) -> FeePolicy {
        FeePolicy { base_fee_multiplier: 2, tip_wei: 5, ceiling_wei, ..FeePolicy::default() }
    }

    fn fees(max_fee_per_gas: u128, max_priority_fee_per_gas: u128) -> Fees {
        Fees { max_fee_per_gas, max_priority_fee_per_gas }
    }

    #[test]
    fn first_fees_follow_the_base_fee_up_to_the_ceiling() {
        // (base fee, ceiling for one gas, fees)
        let cases = [
            (10, 1_000, Some(fees(25, 5))),
            (0, 1_000, Some(fees(5, 5))),
            (10, 20, Some(fees(20, 5))),
            (10, 11, Some(fees(11, 5))),
            (10, 10, None),
            (0, 3, Some(fees(3, 3))),
            (u128::MAX, u128::MAX, None),
        ];
        for (base_fee, ceiling, expect) in cases {
            assert_eq!(policy(ceiling).first(base_fee, 1), expect, "{base_fee} {ceiling}");
        }
        assert_eq!(policy(1_000).first(1, 0), None, "a gas limit of 0");
    }

    #[test]
    fn a_replacement_pays_an_eighth_more_at_least() {
        // (previous, base fee, ceiling for one gas, fees)
        let cases = [
            (fees(1_000, 100), 10, 1 << 20, Some(fees(1_125, 113))),
            (fees(1_000, 100), 900, 1 << 20, Some(fees(1_913, 113))),
            (fees(1_000, 100), 900, 1_200, Some(fees(1_200, 113))),
            (fees(1_000, 100), 900, 1_124, None),
            (fees(7, 1), 0, 1 << 20, Some(fees(8, 5))),
            (fees(u128::MAX, u128::MAX), u128::MAX, u128::MAX, Some(fees(u128::MAX, u128::MAX))),
        ];
        for (previous, base_fee, ceiling, expect) in cases {
            assert_eq!(policy(ceiling).bumped(previous, base_fee, 1), expect, "{previous:?}");
        }
    }

    #[test]
    fn bumps_end_at_the_ceiling() {
        let policy = FeePolicy::default();
        let mut last = policy.first(WEI_PER_GWEI, 60_000).unwrap();
        let mut bumps = 0;
        while let Some(next) = policy.bumped(last, WEI_PER_GWEI, 60_000) {
            assert!(next.max_fee_per_gas * 1_000 >= last.max_fee_per_gas * 1_125);
            assert!(next.max_priority_fee_per_gas * 1_000 >= last.max_priority_fee_per_gas * 1_125);
            assert!(next.max_fee_per_gas * 60_000 <= policy.ceiling_wei);
            (last, bumps) = (next, bumps + 1);
        }
        assert!((30..60).contains(&bumps), "{bumps}");
    }

    #[test]
    fn an_emergency_the_market_and_the_balance_move_the_policy() {
        let policy = FeePolicy { emergency_ceiling_wei: Some(3_000), ..policy(1_000) };
        assert_eq!(policy.in_emergency().ceiling_wei, 3_000);
        let lower = FeePolicy { emergency_ceiling_wei: Some(10), ..policy };
        assert_eq!((lower.in_emergency().ceiling_wei, policy.ceiling_wei), (1_000, 1_000));
        assert_eq!((policy.in_market(4).tip_wei, policy.in_market(100).tip_wei), (5, 125));
        assert_eq!(policy.in_market(u128::MAX).tip_wei, u128::MAX);
        assert_eq!(
            (policy.affordable(7).ceiling_wei, policy.affordable(7_000).ceiling_wei),
            (7, 1_000)
        );
    }

    #[test]
    fn the_private_copy_pays_more_than_a_replacement_or_is_none() {
        // (public, ceiling for one gas, private)
        let cases = [
            (fees(25, 5), 1_000, Some(fees(100, 20))),
            (fees(25, 5), 60, Some(fees(60, 20))),
            (fees(25, 5), 28, None),
            (fees(1_000, 1_000), 4_000, Some(fees(4_000, 4_000))),
        ];
        for (public, ceiling, expect) in cases {
            assert_eq!(policy(ceiling).private(public, 1), expect, "{public:?} {ceiling}");
        }
        let same = FeePolicy { private_multiplier: 1, ..policy(1_000) };
        assert_eq!(same.private(fees(25, 5), 1), None);
    }

    #[test]
    fn gas_is_tight() {
        assert_eq!(gas_limit(Some(50_000), 150_000), 65_000);
        assert_eq!(gas_limit(Some(140_000), 150_000), 150_000);
        assert_eq!(gas_limit(None, 150_000), 150_000);
        assert_eq!(gas_limit(Some(u64::MAX), 150_000), 150_000);
    }
}
