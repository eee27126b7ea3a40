//! Which of many: the false discovery rate over protocols, pairs or detectors.
//!
//! Of K hypotheses some are rejected; the false discovery proportion is the share of true ones among the rejected.
//! Promised is its mean, the false discovery rate:
//!
//! | function | input | FDR ≤ α under |
//! |---|---|---|
//! | [`e_bh`] | e-values | **any** dependence |
//! | [`benjamini_hochberg`] | p-values | independence, or positive regression dependence |
//! | [`benjamini_yekutieli`] | p-values | any dependence, at the price of ln K |
//!
//! On-chain pairs hang together (one price moves all), so e-BH is the one to use where an action follows.
//!
//! Sources: Wang & Ramdas, "False discovery rate control with e-values", JRSS-B 84 (2022); Benjamini & Hochberg,
//! JRSS-B 57 (1995); Benjamini & Yekutieli, Annals of Statistics 29 (2001).

use crate::{
    error::{StatsError, count, setting},
    evalue::EValue,
};

/// The most hypotheses that are judged together.
pub const HYPOTHESES_MAX: usize = 1 << 20;

/// The places of the rejected, ascending: those with the k largest e-values, k the largest with e₍ₖ₎ ≥ K/(αk).
///
/// # Errors
///
/// `alpha` is not in `(0, 1]`, or there are more than [`HYPOTHESES_MAX`].
pub fn e_bh(values: &[EValue], alpha: f64) -> Result<Vec<usize>, StatsError> {
    let alpha = level(alpha)?;
    let n = count("hypotheses", values.len(), 0, HYPOTHESES_MAX)? as f64;
    // e ≥ K/(αk) is 1/e ≤ αk/K: the step-up rule on 1/e.
    let inverses = values.iter().map(|value| 1.0 / value.get()).collect();
    Ok(step_up(inverses, |rank| alpha * rank / n))
}

/// The places of the rejected, ascending: those with the k smallest p-values, k the largest with p₍ₖ₎ ≤ αk/K.
///
/// # Errors
///
/// As [`e_bh`]; or a p-value is not in `[0, 1]`.
pub fn benjamini_hochberg(p_values: &[f64], alpha: f64) -> Result<Vec<usize>, StatsError> {
    let alpha = level(alpha)?;
    let n = checked(p_values)?;
    Ok(step_up(p_values.to_vec(), |rank| alpha * rank / n))
}

/// As [`benjamini_hochberg`] with α divided by 1 + 1/2 + … + 1/K.
///
/// # Errors
///
/// As [`benjamini_hochberg`].
pub fn benjamini_yekutieli(p_values: &[f64], alpha: f64) -> Result<Vec<usize>, StatsError> {
    let alpha = level(alpha)?;
    let n = checked(p_values)?;
    let harmonic: f64 = (1..=p_values.len()).map(|rank| 1.0 / rank as f64).sum();
    Ok(step_up(p_values.to_vec(), |rank| alpha * rank / (n * harmonic)))
}

fn level(alpha: f64) -> Result<f64, StatsError> {
    setting("alpha", alpha, f64::MIN_POSITIVE, 1.0, "a probability above 0")
}

fn checked(p_values: &[f64]) -> Result<f64, StatsError> {
    if let Some(&value) = p_values.iter().find(|p| !(0.0..=1.0).contains(*p)) {
        return Err(StatsError::Unusable { what: "a p-value", value });
    }
    Ok(count("hypotheses", p_values.len(), 0, HYPOTHESES_MAX)? as f64)
}

/// The places of the k smallest values, k the largest rank whose value is at most its limit.
fn step_up(values: Vec<f64>, limit: impl Fn(f64) -> f64) -> Vec<usize> {
    let mut ranked: Vec<(usize, f64)> = values.into_iter().enumerate().collect();
    ranked.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut n_rejected = 0;
    for (before, (_, value)) in ranked.iter().enumerate() {
        if *value <= limit((before + 1) as f64) {
            n_rejected = before + 1;
        }
    }
    let mut rejected: Vec<usize> = ranked.into_iter().take(n_rejected).map(|(at, _)| at).collect();
    rejected.sort_unstable();
    rejected
}

#[cfg(test)]
mod tests;
