//! CUSUM with Siegmund's run length, and Page–Hinkley.
//!
//! S ← max(0, S + z − k), alarm at S ≥ h: the classical detector of a rise of a standardised value z, and the quickest
//! there is for a known shift (Lorden, Moustakides). Small steps below `k` are forgiven.
//!
//! **Promised**: about [`run_length`]`(k, h, 0)` observations to a false alarm, if quiet z are independent standard
//! normal: an approximation (within about 6 % from h = 3 on; a simulation here checks it), **not** a guarantee, and
//! worthless for heavy tails. Money has heavy tails: give it ranks turned into normal scores ([`normal_score`]) or
//! use an [e-detector](crate::edetector). Dependence shortens the run length without limit.
//!
//! [`PageHinkley`] has no promise at all: its mean is learnt from the stream, so that a patient attacker can move it.
//! It is for pictures and for telling *when* something changed, not for actions.
//!
//! Sources: Page, Biometrika 41 (1954); Siegmund, "Sequential analysis" (1985), §2 of chapter X: b = h + 2ρ with
//! ρ = 0.583; Lorden, Annals of Mathematical Statistics 42 (1971).

use crate::{
    error::{StatsError, setting},
    promise::{Bound, Promise},
    special::{normal_upper_quantile, rises_above},
};

/// The largest step that one observation may add or take, in standard deviations: sums stay finite.
pub const STEP_MAX: f64 = 1e6;
/// Twice the mean overshoot of a normal random walk.
const OVERSHOOT: f64 = 1.166;
/// The largest threshold that may be set.
const THRESHOLD_MAX: f64 = 1e9;

/// Siegmund's approximation of the mean number of observations until S ≥ `h`, for independent normal values of
/// deviation 1 and mean `shift` (0: quiet): (e^(−2Δb) + 2Δb − 1)/(2Δ²) with Δ = shift − k, b = h + 1.166.
///
/// At most [`f64::MAX`]; NaN if an argument is not finite.
pub fn run_length(k: f64, h: f64, shift: f64) -> f64 {
    let drift = shift - k;
    let b = h + OVERSHOOT;
    if !(drift.is_finite() && b.is_finite()) {
        return f64::NAN;
    }
    // Below, the difference of nearly equal numbers is all rounding: the limit.
    if (drift * b).abs() < 1e-4 {
        return b * b;
    }
    (((-2.0 * drift * b).exp_m1() + 2.0 * drift * b) / (2.0 * drift * drift)).min(f64::MAX)
}

/// The smallest threshold h with a [`run_length`] of at least `observations` in quiet times.
///
/// # Errors
///
/// `k` is not in `[0.01, 5]`, or `observations` not from 10 to 10¹⁵.
pub fn threshold_for(observations: f64, k: f64) -> Result<f64, StatsError> {
    setting("k", k, 0.01, 5.0, "0.01 to 5 standard deviations, half of the shift to be seen")?;
    setting("the average run length", observations, 10.0, 1e15, "10 to 1e15 observations")?;
    Ok(rises_above(observations, 0.0, 10_000.0, |h| run_length(k, h, 0.0)))
}

/// The standard normal z with P(Z > z) = p: turns a p-value (a small one for a large value) into a score that has no
/// heavy tail, whatever the data. Held within ±38; NaN stays NaN.
pub fn normal_score(p: f64) -> f64 {
    normal_upper_quantile(p)
}

/// A one-sided CUSUM for a rise. For a fall give it −z; both together halve the run length.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cusum {
    k: f64,
    h: f64,
    sum: f64,
}

impl Cusum {
    /// `k`: the allowance, half of the shift that is to be seen, in standard deviations. `h`: the threshold, as by
    /// [`threshold_for`].
    ///
    /// # Errors
    ///
    /// `k` is not in `[0, 10⁶]`, or `h` not above 0 or larger than 10⁹.
    pub fn new(k: f64, h: f64) -> Result<Self, StatsError> {
        setting("k", k, 0.0, STEP_MAX, "a number from 0 to 1000000")?;
        setting("h", h, f64::MIN_POSITIVE, THRESHOLD_MAX, "a number above 0, at most 1e9")?;
        Ok(Self { k, h, sum: 0.0 })
    }

    /// Folds in a standardised value, cut to ±[`STEP_MAX`]; true is an alarm, and goes on being one until the sum
    /// falls or [`Cusum::restart`].
    ///
    /// # Errors
    ///
    /// It is NaN: nothing is counted.
    pub fn observe(&mut self, z: f64) -> Result<bool, StatsError> {
        if z.is_nan() {
            return Err(StatsError::Unusable { what: "a value", value: z });
        }
        let step = z.clamp(-STEP_MAX, STEP_MAX) - self.k;
        // Cut a step above the threshold: an alarm that was seen is over some time, whatever came before.
        self.sum = (self.sum + step).clamp(0.0, self.h + STEP_MAX);
        Ok(self.sum >= self.h)
    }

    /// The sum.
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// What is promised.
    pub fn promise(&self) -> Promise {
        Promise {
            bound: Bound::ApproximateRunLength(run_length(self.k, self.h, 0.0)),
            provided: "quiet values are independent and standard normal",
            confidence: 1.0,
        }
    }

    /// Forgets everything seen.
    pub fn restart(&mut self) {
        self.sum = 0.0;
    }
}

/// Page–Hinkley: a CUSUM around the running mean of all values since the restart. No promise: see above.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PageHinkley {
    tolerance: f64,
    threshold: f64,
    n: f64,
    mean: f64,
    sum: f64,
    least: f64,
}

impl PageHinkley {
    /// `tolerance`: how far above the mean a value may be, in the values' unit; `threshold`: how far the sum may rise
    /// above its lowest point.
    ///
    /// # Errors
    ///
    /// `tolerance` is not in `[0, 10⁶]`, or `threshold` not above 0 or larger than 10⁹.
    pub fn new(tolerance: f64, threshold: f64) -> Result<Self, StatsError> {
        setting("tolerance", tolerance, 0.0, STEP_MAX, "a number from 0 to 1000000")?;
        let positive = "a number above 0, at most 1e9";
        setting("threshold", threshold, f64::MIN_POSITIVE, THRESHOLD_MAX, positive)?;
        Ok(Self { tolerance, threshold, n: 0.0, mean: 0.0, sum: 0.0, least: 0.0 })
    }

    /// Folds in a value, cut to ±[`STEP_MAX`]; true is an alarm.
    ///
    /// # Errors
    ///
    /// It is NaN: nothing is counted.
    pub fn observe(&mut self, value: f64) -> Result<bool, StatsError> {
        if value.is_nan() {
            return Err(StatsError::Unusable { what: "a value", value });
        }
        let value = value.clamp(-STEP_MAX, STEP_MAX);
        self.n += 1.0;
        self.mean += (value - self.mean) / self.n;
        self.sum += value - self.mean - self.tolerance;
        self.least = self.least.min(self.sum);
        Ok(self.sum - self.least > self.threshold)
    }

    /// Forgets everything seen.
    pub fn restart(&mut self) {
        (self.n, self.mean, self.sum, self.least) = (0.0, 0.0, 0.0, 0.0);
    }
}

#[cfg(test)]
mod tests;
