//! E-values: evidence that may be averaged, whatever hangs together with what.
//!
//! An e-value is a number E ≥ 0 whose mean is at most 1 while nothing is wrong. By Markov's inequality P(E ≥ 1/α) ≤ α;
//! E = 1 says nothing, E = 10⁶ is about as strong as a p-value of 10⁻⁶.
//!
//! What is promised: [`EValue::mean`] of e-values is an e-value **under any dependence**; [`EValue::product`] only
//! if each has mean ≤ 1 *given the others before it* (independent sources: not two detectors that look at the same
//! transaction); [`EValue::from_p`] of a p-value is an e-value. All are cut at [`EValue::MAX`], which keeps them
//! e-values: a smaller one is one too.
//!
//! Source: Vovk & Wang, "E-values: calibration, combination and applications", Annals of Statistics 49 (2021);
//! Ramdas & Wang, "Hypothesis testing with e-values" (2024).

use crate::error::{StatsError, setting};

/// Evidence with mean at most 1 in quiet times: not negative, finite.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct EValue(f64);

impl EValue {
    /// The largest that is told apart; stronger evidence is cut here.
    pub const MAX: Self = Self(1e300);
    /// No evidence either way.
    pub const NONE: Self = Self(1.0);

    /// An e-value computed elsewhere.
    ///
    /// # Errors
    ///
    /// It is negative, infinite or NaN.
    pub fn new(value: f64) -> Result<Self, StatsError> {
        if value >= 0.0 && value.is_finite() {
            Ok(Self(value.min(Self::MAX.0)))
        } else {
            Err(StatsError::Unusable { what: "an e-value", value })
        }
    }

    /// κ·p^(κ−1): the power calibrator. A small `kappa` pays for very small p-values only, a large one for moderate
    /// ones. A p-value of 0 gives [`EValue::MAX`].
    ///
    /// # Errors
    ///
    /// `p` is not in `[0, 1]`, or `kappa` not in `(0, 1)`.
    pub fn from_p(p: f64, kappa: f64) -> Result<Self, StatsError> {
        setting("kappa", kappa, f64::MIN_POSITIVE, 1.0 - f64::EPSILON, "a number between 0 and 1")?;
        let p = p_value(p)?;
        Ok(Self((kappa * p.powf(kappa - 1.0)).min(Self::MAX.0)))
    }

    /// The power calibrators averaged over every κ: (1 − p + p ln p) / (p ln² p). For when one does not know how small
    /// the p-values will be.
    ///
    /// # Errors
    ///
    /// `p` is not in `[0, 1]`.
    pub fn from_p_mixed(p: f64) -> Result<Self, StatsError> {
        let p = p_value(p)?;
        let ln_p = p.ln();
        let value = if p == 0.0 {
            Self::MAX.0
        } else if ln_p > -1e-3 {
            // Near p = 1 both sides of the fraction vanish; its limit there is 1/2, and x = −ln p gives the series.
            0.5 - ln_p / 6.0
        } else {
            (1.0 - p + p * ln_p) / (p * ln_p * ln_p)
        };
        Ok(Self(value.min(Self::MAX.0)))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }

    /// The p-value this amounts to at most: min(1, 1/E).
    #[must_use]
    pub fn p(self) -> f64 {
        (1.0 / self.0).min(1.0)
    }

    /// The average: valid under any dependence. [`EValue::NONE`] of nothing.
    #[must_use]
    pub fn mean(values: &[Self]) -> Self {
        if values.is_empty() {
            return Self::NONE;
        }
        // Divided first, so that the sum of many at the limit stays finite.
        let n = values.len() as f64;
        Self(values.iter().map(|value| value.0 / n).sum::<f64>().min(Self::MAX.0))
    }

    /// The average by weights that were fixed before looking: valid under any dependence. [`EValue::NONE`] of nothing.
    ///
    /// # Errors
    ///
    /// A weight is negative or not finite, or all of them are 0.
    pub fn weighted_mean(values: &[(Self, f64)]) -> Result<Self, StatsError> {
        if values.is_empty() {
            return Ok(Self::NONE);
        }
        let mut total = 0.0;
        for &(_, weight) in values {
            total += setting("a weight", weight, 0.0, 1e6, "a number from 0 to 1000000")?;
        }
        setting("the sum of the weights", total, f64::MIN_POSITIVE, f64::MAX, "one above 0")?;
        let sum: f64 = values.iter().map(|(value, weight)| value.0 * (weight / total)).sum();
        Ok(Self(sum.min(Self::MAX.0)))
    }

    /// The product: an e-value **only if** each has mean at most 1 given those before it. [`EValue::NONE`] of nothing.
    /// Summed as logarithms and cut once at the end, so that a 0 or a small factor counts wherever it stands.
    #[must_use]
    pub fn product(values: &[Self]) -> Self {
        let ln: f64 = values.iter().map(|value| value.0.ln()).sum();
        Self(ln.exp().min(Self::MAX.0))
    }
}

fn p_value(p: f64) -> Result<f64, StatsError> {
    if (0.0..=1.0).contains(&p) {
        Ok(p)
    } else {
        Err(StatsError::Unusable { what: "a p-value", value: p })
    }
}

#[cfg(test)]
mod tests;
