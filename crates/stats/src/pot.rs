//! Peaks over a threshold: quantiles of tails so heavy that there is no variance.
//!
//! Beyond a high threshold t the excesses of nearly every distribution look like a generalised Pareto one (Pickands–
//! Balkema–de Haan): P(X > t + y) ≈ (N/n)·(1 + γy/σ)^(−1/γ). From it the value that is exceeded with probability q, far
//! beyond the data: `t + (σ/γ)·((q·n/N)^(−γ) − 1)`.
//!
//! **The fit** is Zhang & Stephens' quasi-Bayesian one: the likelihood averaged over a grid of the one parameter that
//! matters. It exists for every γ, has no iteration that could fail, and is close to the best there is for the γ of
//! money (losses: 0.6 to 1.1). Moments and probability-weighted moments, cheaper, break down at γ ≥ 0.5; Grimshaw's
//! maximum likelihood is as good and may fail to converge.
//!
//! **Promised**: nothing exact: independent, identically distributed values and a threshold high enough that the limit
//! has set in are assumed, and neither can be proved from data. Measured in the tests here (20,000 values, 400 peaks;
//! Pareto 1.0 and 1.33, lognormal, exponential): a limit for q = 10⁻⁴ is truly exceeded 0.4 to 2.1 times as often
//! as wanted in nine of ten samples, one for q = 10⁻⁵ 0.1 to 4.9 times, with means of 1.0 to 1.1 and 0.8 to 1.6. Below [`PEAKS_MIN`] peaks there is no fit, but an error that says
//! how many more are needed. For an action use [`order_bound`], which **is** a guarantee for independent values and
//! needs no model, but about 3/q of them.
//!
//! Money is counted in integers elsewhere; here it comes as a double (better: as a share of liquidity), and only
//! a threshold for suspicion comes out.
//!
//! Sources: Siffer et al., "Anomaly detection in streams with extreme value theory", KDD 2017 (SPOT); Zhang & Stephens,
//! Technometrics 51 (2009); Clopper & Pearson, Biometrika 26 (1934).

use crate::{
    error::{StatsError, ascending, count, setting},
    special::{beta_cdf, beta_quantile},
};

mod spot;
pub use spot::{Spot, Verdict};

/// The fewest peaks that are fitted.
pub const PEAKS_MIN: usize = 50;
/// The most peaks that are fitted at once: of more, evenly spaced ones by rank.
pub const PEAKS_MAX: usize = 2_048;
/// The most observations that a confidence bound is computed for: up to there the incomplete beta function converges.
pub const OBSERVATIONS_MAX: usize = 1 << 22;

/// A generalised Pareto tail beyond a threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tail {
    /// t, in the values' unit.
    pub threshold: f64,
    /// γ: 0 is exponential; 1/α for a tail x^(−α); from 0.5 on there is no variance, from 1 on no mean.
    pub shape: f64,
    /// σ, in the values' unit.
    pub scale: f64,
    /// N: how many values were above the threshold.
    pub n_peaks: f64,
    /// n: how many values there were.
    pub n_values: f64,
}

impl Tail {
    /// The value that is exceeded with probability `q` per observation. At most [`f64::MAX`].
    ///
    /// # Errors
    ///
    /// `q` is not above 0, or not below the share of peaks: there the data themselves say it better.
    pub fn quantile(&self, q: f64) -> Result<f64, StatsError> {
        let ratio = q * self.n_values / self.n_peaks;
        if !(q > 0.0 && ratio < 1.0) {
            let wanted = "a probability above 0 and below the share of values over the threshold";
            return Err(StatsError::Setting { name: "q", value: q, wanted });
        }
        // (r^(−γ) − 1)/γ, by way of exp_m1 so that γ near 0 is no exception.
        let ln = -ratio.ln();
        let stretched =
            if self.shape.abs() < 1e-12 { ln } else { (self.shape * ln).exp_m1() / self.shape };
        Ok((self.threshold + self.scale * stretched).min(f64::MAX))
    }

    /// The probability that an observation exceeds `value`; at or below the threshold the share of peaks, which is a
    /// lower bound there. NaN for NaN.
    pub fn exceedance(&self, value: f64) -> f64 {
        let share = self.n_peaks / self.n_values;
        if value.is_nan() {
            return value;
        }
        let excess = ((value - self.threshold) / self.scale).max(0.0);
        if self.shape.abs() < 1e-12 {
            return share * (-excess).exp();
        }
        let inside = 1.0 + self.shape * excess;
        // Past the end of a bounded tail.
        if inside <= 0.0 { 0.0 } else { share * (-inside.ln() / self.shape).exp() }
    }
}

/// Fits the tail of ascending `values` beyond their `level`-quantile, say 0.98.
///
/// # Errors
///
/// Fewer than [`PEAKS_MIN`] values are above the threshold (says how many more values are needed); a value is not
/// finite or out of order; `level` is not in `[0.5, 1)`.
pub fn fit(values: &[f64], level: f64) -> Result<Tail, StatsError> {
    setting("level", level, 0.5, 1.0 - 1e-9, "a share from 0.5 to below 1")?;
    ascending("values", values)?;
    let n = values.len();
    // Rounded first: 100 × (1 − 0.98) is to be 2 peaks, not 3.
    let n_wanted = ((n as f64 * (1.0 - level)) - 1e-6).ceil().max(0.0) as usize;
    let threshold = n.checked_sub(n_wanted + 1).and_then(|at| values.get(at)).copied();
    let threshold = threshold.unwrap_or(f64::INFINITY);
    let excesses: Vec<f64> =
        values.iter().filter(|value| **value > threshold).map(|value| value - threshold).collect();
    if excesses.len() < PEAKS_MIN {
        let values_needed = PEAKS_MIN as f64 / (1.0 - level);
        let more = (values_needed.ceil() as usize + 1).saturating_sub(n).max(1);
        return Err(StatsError::TooFew { what: "values", have: n, more });
    }
    let (shape, scale) = generalised_pareto(&excesses)?;
    Ok(Tail { threshold, shape, scale, n_peaks: excesses.len() as f64, n_values: n as f64 })
}

/// Shape and scale of ascending excesses above 0, by Zhang & Stephens.
fn generalised_pareto(excesses: &[f64]) -> Result<(f64, f64), StatsError> {
    let excesses = thinned(excesses);
    let n = excesses.len() as f64;
    let largest = excesses.last().copied().unwrap_or(0.0);
    let quartile_at = ((n / 4.0 + 0.5) as usize).saturating_sub(1);
    let quartile = excesses.get(quartile_at).copied().unwrap_or(0.0);
    if !(quartile > 0.0 && largest > quartile && (largest / quartile).is_finite()) {
        return Err(StatsError::NoSpread { what: "peaks" });
    }
    // The mean of ln(1 − θy), which is the shape where θ = −γ/σ.
    let shape = |theta: f64| excesses.iter().map(|y| (-theta * y).ln_1p()).sum::<f64>() / n;
    let n_grid = 30.0 + n.sqrt().floor();
    let mut grid = Vec::with_capacity(n_grid as usize);
    let mut at = 0.5;
    while at < n_grid {
        let theta = 1.0 / largest + (1.0 - (n_grid / at).sqrt()) / (3.0 * quartile);
        let gamma = shape(theta);
        let likelihood = n * ((-theta / gamma).ln() - gamma - 1.0);
        if likelihood.is_finite() {
            grid.push((theta, likelihood));
        }
        at += 1.0;
    }
    let best = grid.iter().map(|(_, likelihood)| *likelihood).fold(f64::NEG_INFINITY, f64::max);
    let weights = grid.iter().map(|(theta, likelihood)| (theta, (likelihood - best).exp()));
    let (mut sum, mut total) = (0.0, 0.0);
    for (theta, weight) in weights {
        sum += theta * weight;
        total += weight;
    }
    let theta = sum / total;
    if !theta.is_finite() {
        return Err(StatsError::NoSpread { what: "peaks" });
    }
    if (theta * largest).abs() < 1e-9 {
        return Ok((0.0, excesses.iter().sum::<f64>() / n));
    }
    let gamma = shape(theta);
    Ok((gamma, -gamma / theta))
}

/// At most [`PEAKS_MAX`] of them, evenly spaced by rank and symmetric, so that the shape of the sample stays.
fn thinned(excesses: &[f64]) -> Vec<f64> {
    let n = excesses.len();
    if n <= PEAKS_MAX {
        return excesses.to_vec();
    }
    let stride = n as f64 / PEAKS_MAX as f64;
    let rank = |at: usize| ((at as f64 + 0.5) * stride) as usize;
    (0..PEAKS_MAX).filter_map(|at| excesses.get(rank(at)).copied()).collect()
}

/// Clopper–Pearson: with `confidence` (say 0.95), the probability of an exceedance is not above this, after
/// `n_above` of `n` independent observations were exceedances. None of n: about 3/n, the rule of three.
///
/// The level that counts as an exceedance must be fixed before looking; for one chosen from the data see
/// [`order_bound`].
///
/// # Errors
///
/// `n` is 0 or above [`OBSERVATIONS_MAX`], `n_above` larger than `n`, or `confidence` not inside (0, 1).
pub fn exceedance_bound(n_above: usize, n: usize, confidence: f64) -> Result<f64, StatsError> {
    setting("confidence", confidence, 1e-12, 1.0 - 1e-12, "a probability between 0 and 1")?;
    count("observations", n, 1, OBSERVATIONS_MAX)?;
    count("exceedances", n_above, 0, n)?;
    if n_above == n {
        return Ok(1.0);
    }
    Ok(beta_quantile(confidence, n_above as f64 + 1.0, (n - n_above) as f64))
}

/// The smallest of ascending `values` that, with `confidence` over the draw of independent, identically distributed
/// values, is exceeded with probability at most `q`. No model of the tail: the k-th largest value is exceeded with
/// a probability that is at most a Beta(k, n − k + 1) variable, whatever the distribution.
///
/// # Errors
///
/// Not even the largest value will do: fewer than ln(1 − confidence)/ln(1 − q) values, about 3/q for 0.95 (says how
/// many more), or more than [`OBSERVATIONS_MAX`]; a value is not finite or out of order; `q` or `confidence` is not inside (0, 1).
pub fn order_bound(values: &[f64], q: f64, confidence: f64) -> Result<f64, StatsError> {
    setting("q", q, 1e-12, 1.0 - 1e-12, "a probability between 0 and 1")?;
    setting("confidence", confidence, 1e-12, 1.0 - 1e-12, "a probability between 0 and 1")?;
    ascending("values", values)?;
    let n = values.len();
    let needed = ((-confidence).ln_1p() / (-q).ln_1p()).ceil() as usize;
    count("values", n, needed.max(1), OBSERVATIONS_MAX)?;
    // Whether the k-th largest will do; true up to some k, and true for 1.
    let will_do = |k: usize| beta_cdf(k as f64, (n - k + 1) as f64, q) >= confidence;
    let (mut good, mut bad) = (1, n + 1);
    while bad - good > 1 {
        let middle = usize::midpoint(good, bad);
        if will_do(middle) {
            good = middle;
        } else {
            bad = middle;
        }
    }
    values.get(n - good).copied().ok_or(StatsError::TooFew { what: "values", have: n, more: 1 })
}

#[cfg(test)]
mod tests;
