//! Transfer entropy on three symbols.

use super::OBSERVATIONS_MAX;
use crate::error::{StatsError, count, finite};

/// The most shuffles of a test.
const SHUFFLES_MAX: usize = 9_999;
/// The fewest steps: 27 cells are to be filled.
const STEPS_MIN: usize = 100;

/// One step of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Symbol {
    /// Below the band.
    Down,
    /// Within the band.
    Still,
    /// Above the band.
    Up,
}

impl Symbol {
    fn index(self) -> usize {
        match self {
            Self::Down => 0,
            Self::Still => 1,
            Self::Up => 2,
        }
    }
}

/// Values below `-band`, within, and above.
///
/// # Errors
///
/// A value is not finite, or `band` is negative or NaN.
pub fn symbols(values: &[f64], band: f64) -> Result<Vec<Symbol>, StatsError> {
    finite("a value", values)?;
    if band.is_nan() || band < 0.0 {
        return Err(StatsError::Setting { name: "band", value: band, wanted: "0 or more" });
    }
    let symbol = |value: &f64| match *value {
        value if value > band => Symbol::Up,
        value if value < -band => Symbol::Down,
        _ => Symbol::Still,
    };
    Ok(values.iter().map(symbol).collect())
}

/// How much the source's present step says about the target's next one beyond the target's present one, in nats. Never
/// negative, and above 0 by chance alone, by about 6/n: compare it with [`transfer_test`]'s shuffles.
///
/// # Errors
///
/// The series differ in length, have fewer than 100 steps or more than [`OBSERVATIONS_MAX`].
pub fn transfer_entropy(source: &[Symbol], target: &[Symbol]) -> Result<f64, StatsError> {
    checked(source, target)?;
    Ok(entropy(source, target))
}

fn checked(source: &[Symbol], target: &[Symbol]) -> Result<(), StatsError> {
    count("steps of the source", source.len(), STEPS_MIN, OBSERVATIONS_MAX)?;
    count("steps of the target", target.len(), source.len(), source.len())?;
    Ok(())
}

/// Place of a cell: the target's next step, its present one, the source's present one.
fn cell(next: usize, present: usize, source: usize) -> usize {
    next * 9 + present * 3 + source
}

fn entropy(source: &[Symbol], target: &[Symbol]) -> f64 {
    let mut cells = [0_u32; 27];
    for ((source, present), next) in source.iter().zip(target).zip(target.iter().skip(1)) {
        if let Some(n) = cells.get_mut(cell(next.index(), present.index(), source.index())) {
            *n += 1;
        }
    }
    let n =
        |next, present, source| f64::from(*cells.get(cell(next, present, source)).unwrap_or(&0));
    let mut sum = 0.0;
    let mut total = 0.0;
    for present in 0..3 {
        let n_present: f64 = (0..9).map(|at| n(at / 3, present, at % 3)).sum();
        for source in 0..3 {
            let n_both: f64 = (0..3).map(|next| n(next, present, source)).sum();
            for next in 0..3 {
                let n_all = n(next, present, source);
                let n_next: f64 = (0..3).map(|source| n(next, present, source)).sum();
                if n_all > 0.0 {
                    sum += n_all * (n_all * n_present / (n_both * n_next)).ln();
                    total += n_all;
                }
            }
        }
    }
    // Rounding may leave a last bit below 0.
    (sum / total).max(0.0)
}

/// A transfer entropy beside what chance gives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Transfer {
    /// Observed, in nats.
    pub entropy: f64,
    /// The mean of the shuffled ones, in nats: what chance alone gives.
    pub by_chance: f64,
    /// (1 + #{shuffled ≥ observed})/(1 + shuffles).
    pub p: f64,
}

/// Tests for a transfer from source to target: the source's blocks of `block` steps are put into `n_shuffles` random
/// orders. `seed` begins the generator (`SplitMix64`), so that the answer is the same each time.
///
/// A block should be longer than the source's memory, and there should be at least some twenty of them.
///
/// # Errors
///
/// As [`transfer_entropy`]; `block` is 0 or leaves fewer than 2 blocks; `n_shuffles` is 0 or above 9,999.
pub fn transfer_test(
    source: &[Symbol],
    target: &[Symbol],
    block: usize,
    n_shuffles: usize,
    seed: u64,
) -> Result<Transfer, StatsError> {
    checked(source, target)?;
    count("shuffles", n_shuffles, 1, SHUFFLES_MAX)?;
    count("steps of a block", block, 1, source.len() / 2)?;
    let observed = entropy(source, target);
    let mut blocks: Vec<&[Symbol]> = source.chunks(block).collect();
    let mut dice = SplitMix64(seed);
    let mut shuffled = Vec::with_capacity(source.len());
    let mut n_as_large = 0_u32;
    let mut sum = 0.0;
    for _ in 0..n_shuffles {
        for last in (1..blocks.len()).rev() {
            blocks.swap(last, dice.below(last + 1));
        }
        shuffled.clear();
        shuffled.extend(blocks.iter().copied().flatten().copied());
        let by_chance = entropy(&shuffled, target);
        sum += by_chance;
        // Sums in another order: equal ones must not look smaller.
        n_as_large += u32::from(by_chance >= observed - 1e-12);
    }
    let n = n_shuffles as f64;
    let p = (1.0 + f64::from(n_as_large)) / (1.0 + n);
    Ok(Transfer { entropy: observed, by_chance: sum / n, p })
}

/// The generator of Steele, Lea & Flood: 64 bits of state, passes the usual test batteries. For shuffles only, not for secrets.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to `n` − 1, by the high half of a product: its bias is below n/2^64.
    fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers of the reference program for the seed 1234567.
    #[test]
    fn splitmix64_is_the_published_one() {
        let mut dice = SplitMix64(1_234_567);
        let first = [dice.next(), dice.next(), dice.next()];
        let published =
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!(first, published);
        assert!((0..1_000).all(|_| dice.below(3) < 3));
        assert_eq!(dice.below(1), 0);
    }
}
