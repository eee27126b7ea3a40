//! Ratios compared exactly, in basis points. No floating point: two machines must agree on which side of a bound a price
//! is.

use alloy_primitives::{U256, U512};

/// A whole, in basis points.
pub(crate) const BPS: u64 = 10_000;

/// What counts as "without end" in basis points: a millionfold.
pub(crate) const BPS_MAX: u64 = 1_000_000 * BPS;

/// Most bits of a number that can be multiplied by [`BPS`] (14 bits) inside 512.
const ROOM_BITS: usize = 498;

/// A positive ratio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ratio {
    numerator: U256,
    denominator: U256,
}

impl Ratio {
    /// None if one of the two is zero: an empty side has no price.
    pub(crate) fn new(numerator: U256, denominator: U256) -> Option<Self> {
        let is_ratio = !numerator.is_zero() && !denominator.is_zero();
        is_ratio.then_some(Self { numerator, denominator })
    }

    /// The price behind the square root in 64.96 fixed point that Uniswap V3 and its copies write down.
    pub(crate) fn of_sqrt_x96(sqrt: U256) -> Option<Self> {
        // A root has 160 bits, its square does not fit. The lowest 32 say nothing about basis points.
        let spare = sqrt.bit_len().saturating_sub(128);
        let root: U256 = sqrt >> spare;
        let denominator = U256::from(1) << 192usize.saturating_sub(spare.saturating_mul(2));
        Self::new(root.checked_mul(root)?, denominator)
    }

    /// How far two ratios are apart: the larger over the smaller, less one, in basis points, rounded down, at most
    /// [`BPS_MAX`]. The same for the ratios the other way round, and for `a` and `b` exchanged.
    pub(crate) fn bps_apart(self, other: Self) -> u64 {
        let (one, two) = self.over_one_denominator(other);
        let (low, high) = if one < two { (one, two) } else { (two, one) };
        bps_above(high, low)
    }

    pub(crate) fn is_above(self, other: Self) -> bool {
        let (one, two) = self.over_one_denominator(other);
        one > two
    }

    fn over_one_denominator(self, other: Self) -> (U512, U512) {
        (
            self.numerator.widening_mul(other.denominator),
            other.numerator.widening_mul(self.denominator),
        )
    }
}

/// `high / low − 1` in basis points, rounded down, at most [`BPS_MAX`]; 0 if `high` is not above `low`.
fn bps_above(high: U512, low: U512) -> u64 {
    // Beyond 498 bits the lowest of them are far below a basis point.
    let spare = high.bit_len().saturating_sub(ROOM_BITS);
    let (high, low) = (high >> spare, low >> spare);
    let above = high.saturating_sub(low);
    match (above * U512::from(BPS)).checked_div(low) {
        Some(bps) => u64::try_from(bps).unwrap_or(BPS_MAX).min(BPS_MAX),
        None if above.is_zero() => 0,
        None => BPS_MAX,
    }
}

/// `part / whole` in basis points, rounded down, at most [`BPS_MAX`]; of nothing, any part is without end.
pub(crate) fn bps_of(part: U256, whole: U256) -> u64 {
    let part: U512 = part.widening_mul(U256::from(BPS));
    match part.checked_div(U512::from(whole)) {
        Some(bps) => u64::try_from(bps).unwrap_or(BPS_MAX).min(BPS_MAX),
        None if part.is_zero() => 0,
        None => BPS_MAX,
    }
}

/// `a × b / c` rounded down, saturating; 0 for a zero `c`.
pub(crate) fn mul_div(a: U256, b: U256, c: U256) -> U256 {
    let product: U512 = a.widening_mul(b);
    U256::saturating_from(product.checked_div(U512::from(c)).unwrap_or_default())
}

/// Basis points as percent, for people: `12.34 %`.
pub(crate) fn percent(bps: u64) -> String {
    if bps >= BPS_MAX {
        return "more than a millionfold".to_owned();
    }
    format!("{}.{:02} %", bps / 100, bps % 100)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ratio(numerator: u64, denominator: u64) -> Ratio {
        Ratio::new(U256::from(numerator), U256::from(denominator)).unwrap()
    }

    #[test]
    fn ratios_are_compared_in_basis_points() {
        for (a, b, bps) in [
            ((1, 1), (1, 1), 0),
            ((1, 1), (2, 2), 0),
            ((100, 1), (105, 1), 500),
            ((3, 2), (1, 1), 5_000),
            ((u64::MAX, 1), (1, u64::MAX), BPS_MAX),
        ] {
            assert_eq!(ratio(a.0, a.1).bps_apart(ratio(b.0, b.1)), bps, "{a:?} {b:?}");
        }
        assert_eq!(Ratio::new(U256::ZERO, U256::from(1)), None);
        let ends = Ratio::new(U256::MAX, U256::from(1)).unwrap();
        let other = Ratio::new(U256::MAX - U256::from(1), U256::from(1)).unwrap();
        assert_eq!((ends.bps_apart(other), ends.is_above(other)), (0, true));
        assert_eq!(bps_of(U256::MAX, U256::MAX), BPS);
        assert_eq!(mul_div(U256::MAX, U256::MAX, U256::from(1)), U256::MAX);
    }

    #[test]
    fn a_root_of_a_price_stands_for_its_square() {
        let one = U256::from(1) << 96;
        let price = |root| Ratio::of_sqrt_x96(root).unwrap();
        assert_eq!(price(one).bps_apart(ratio(1, 1)), 0);
        assert_eq!(price(one + one / U256::from(10)).bps_apart(ratio(1, 1)), 2_099);
        // The least and the greatest root that a pool can have.
        let least = U256::from(4_295_128_739u64);
        let greatest = "1461446703485210103287273052203988822378723970342".parse::<U256>().unwrap();
        assert_eq!(price(least).bps_apart(price(least + least / U256::from(100))), 200);
        assert_eq!(price(greatest).bps_apart(price(greatest / U256::from(2))), 3 * BPS);
    }

    proptest! {
        /// Deviation is symmetric, and does not depend on which of two assets the price is counted in.
        #[test]
        fn deviation_is_symmetric(
            a in 1u64.., b in 1u64.., c in 1u64.., d in 1u64..,
        ) {
            let apart = ratio(a, b).bps_apart(ratio(c, d));
            prop_assert_eq!(apart, ratio(c, d).bps_apart(ratio(a, b)));
            prop_assert_eq!(apart, ratio(b, a).bps_apart(ratio(d, c)));
        }

        /// Larger deviations do not read as smaller ones.
        #[test]
        fn deviation_grows(a in 1u64..u64::MAX / 4, more in 1u64..u64::MAX / 4, much in 0u64..u64::MAX / 4) {
            let near = ratio(a, 1).bps_apart(ratio(a + more, 1));
            prop_assert!(near <= ratio(a, 1).bps_apart(ratio(a + more + much, 1)));
        }
    }
}
