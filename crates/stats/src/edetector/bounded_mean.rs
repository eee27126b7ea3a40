//! An e-detector for values in `[0, 1]` whose mean must not rise.

use super::{COMPONENTS_MAX, EDetector, Level, Watch};
use crate::{
    error::{StatsError, count, setting},
    promise::Promise,
};

/// The most values of λ of the usual grid.
const GRID: usize = 10;
/// The largest λ of the usual grid, as a share of 1/m: a value of 0 must not wipe out a level altogether.
const GRID_TOP: f64 = 0.9;

/// Watches values in `[0, 1]`: the quiet-time hypothesis is that each value's mean given the past is at most
/// `mean_max`. The increment is L = 1 + λ(x − m), mixed over a grid of λ in `[0, 1/m]`.
///
/// Values outside are cut to `[0, 1]` (the hypothesis is then about the cut value); heavy-tailed amounts are brought
/// there by [`squash`]. NaN is refused.
#[derive(Debug, Clone, PartialEq)]
pub struct BoundedMean {
    mean_max: f64,
    lambdas: Vec<f64>,
    detector: EDetector,
}

impl BoundedMean {
    /// With ten λ from 0.9/m downwards, each half of the one before: some λ is within a factor of two of the best one
    /// for any rise that shows within some thousand observations.
    ///
    /// # Errors
    ///
    /// `mean_max` is not inside (0, 1), or the watch's number is out of its limits.
    pub fn new(mean_max: f64, watch: Watch) -> Result<Self, StatsError> {
        let top = GRID_TOP / mean_max;
        let mut lambdas = Vec::with_capacity(GRID);
        let mut share = 1.0;
        for _ in 0..GRID {
            lambdas.push(top * share);
            share /= 2.0;
        }
        Self::with_lambdas(mean_max, lambdas, watch)
    }

    /// With one's own grid, fixed before looking.
    ///
    /// # Errors
    ///
    /// As [`BoundedMean::new`]; or a λ is not in `[0, 1/mean_max]`, or there is none or more than
    /// [`COMPONENTS_MAX`].
    pub fn with_lambdas(
        mean_max: f64,
        lambdas: Vec<f64>,
        watch: Watch,
    ) -> Result<Self, StatsError> {
        let inside = "a number between 0 and 1, both excluded";
        setting("mean_max", mean_max, 1e-12, 1.0 - 1e-12, inside)?;
        count("values of lambda", lambdas.len(), 1, COMPONENTS_MAX)?;
        for &lambda in &lambdas {
            setting("lambda", lambda, 0.0, 1.0 / mean_max, "a number from 0 to 1/mean_max")?;
        }
        let detector = EDetector::new(watch, lambdas.len())?;
        Ok(Self { mean_max, lambdas, detector })
    }

    /// Folds in one value.
    ///
    /// # Errors
    ///
    /// It is NaN: nothing is counted.
    pub fn observe(&mut self, value: f64) -> Result<Level, StatsError> {
        if value.is_nan() {
            return Err(StatsError::Unusable { what: "a value", value });
        }
        let excess = value.clamp(0.0, 1.0) - self.mean_max;
        // Rounding may bring 1 + λ(0 − m) below 0 by a last bit where λ = 1/m.
        let increments = self.lambdas.iter().map(|lambda| (1.0 + lambda * excess).max(0.0));
        Ok(self.detector.fold(increments))
    }

    /// Where it stands.
    pub fn level(&self) -> Level {
        self.detector.level()
    }

    /// What is promised.
    pub fn promise(&self) -> Promise {
        let provided = "each value's mean given the past is at most the configured one";
        self.detector.watch().promise(provided, 1.0)
    }

    /// Forgets everything seen.
    pub fn restart(&mut self) {
        self.detector.restart();
    }
}

/// x/(x + scale): brings an amount from 0 to ∞ into `[0, 1]`, `scale` to one half. Negative amounts become 0, ∞ becomes
/// 1, NaN stays NaN. A tail so heavy that the amounts have no variance does no harm any more.
pub fn squash(amount: f64, scale: f64) -> f64 {
    if amount.is_nan() || scale.is_nan() {
        f64::NAN
    } else if amount <= 0.0 {
        0.0
    } else if amount.is_infinite() {
        1.0
    } else {
        // Divided so that the sum of two large amounts does not overflow.
        1.0 / (1.0 + scale.max(0.0) / amount)
    }
}

/// An upper bound on the mean of values in `[0, 1]`, from a quiet sample: with probability at least 1 − `delta` over
/// independent, identically distributed samples the mean is not above it. A [`BoundedMean`] with this `mean_max` keeps
/// its promise with that confidence.
///
/// The empirical Bernstein bound: x̄ + √(2V ln(2/δ)/n) + 7 ln(2/δ)/(3(n − 1)), V the sample variance. Source: Maurer &
/// Pontil, "Empirical Bernstein bounds and sample variance penalization", COLT 2009, theorem 4.
///
/// # Errors
///
/// Fewer than 2 samples; one is outside of `[0, 1]` or NaN; `delta` is not inside (0, 1); or the bound is not below 1,
/// which says nothing: gather more.
pub fn mean_upper_bound(samples: &[f64], delta: f64) -> Result<f64, StatsError> {
    count("samples", samples.len(), 2, usize::MAX)?;
    setting("delta", delta, 1e-15, 1.0 - 1e-15, "a probability between 0 and 1")?;
    if let Some(&value) = samples.iter().find(|x| !(0.0..=1.0).contains(*x)) {
        return Err(StatsError::Unusable { what: "a sample (0 to 1)", value });
    }
    let n = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / n;
    let variance = samples.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0);
    let log = (2.0 / delta).ln();
    let bound = mean + (2.0 * variance * log / n).sqrt() + 7.0 * log / (3.0 * (n - 1.0));
    if bound < 1.0 {
        return Ok(bound);
    }
    // The last term alone must be below what is left above the mean.
    let wanted = 1.0 + 7.0 * log / (3.0 * (1.0 - mean).max(1e-6));
    let more = (wanted.ceil() as usize).saturating_sub(samples.len()).max(1);
    Err(StatsError::TooFew { what: "samples", have: samples.len(), more })
}
