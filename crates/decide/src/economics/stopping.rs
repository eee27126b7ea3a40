//! How long to wait for more evidence: quickest detection of a change.
//!
//! An attack begins in a step with probability `ρ`, unless it has begun; each step brings an e-value, the likelihood ratio
//! of what was seen with an attack going on and without. Stopping when there is none costs `C_fp`; every step that an
//! attack goes on costs `c`. To minimise `C_fp·P(τ < θ) + c·E[(τ − θ)⁺]` one stops when the posterior `π_t` first reaches
//! a constant `π*` (Shiryaev 1963), where
//!
//! `π_t/(1 − π_t) = L_t·(π_{t−1} + (1 − π_{t−1})ρ) / ((1 − π_{t−1})(1 − ρ))`.
//!
//! `π*` is where stopping, `(1 − π)·C_fp`, becomes no dearer than going on, `c·π + E[V(π')]`; [`Stopping::threshold`]
//! finds it by value iteration over a grid. It depends on how telling the evidence is: with none to come it is not worth
//! waiting at a lower posterior than with much.
//!
//! Source: methods, §3; Shiryaev, "On optimum methods in quickest detection problems", 1963; Tartakovsky, Nikiforov &
//! Basseville, "Sequential Analysis", 2014, chapter 6.

/// The posterior over a stream of e-values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shiryaev {
    rho: f64,
    posterior: f64,
}

impl Shiryaev {
    /// Before the first step. `rho` is cut to `[0, 1]`; what is no number counts as 0.
    pub fn new(rho: f64) -> Self {
        Self { rho: unit(rho), posterior: 0.0 }
    }

    /// The probability that an attack goes on.
    pub fn posterior(&self) -> f64 {
        self.posterior
    }

    /// Takes in a step's e-value; one that is no number or negative counts as 1, an infinite one as certainty.
    pub fn observe(&mut self, e_value: f64) -> f64 {
        let e_value = if e_value >= 0.0 { e_value } else { 1.0 };
        self.posterior = after(begun(self.posterior, self.rho), e_value);
        self.posterior
    }
}

/// The index of the first of `e_values` at which the posterior reaches `threshold`.
pub fn stops_at(
    rho: f64,
    threshold: f64,
    e_values: impl IntoIterator<Item = f64>,
) -> Option<usize> {
    let mut state = Shiryaev::new(rho);
    e_values.into_iter().position(|e_value| state.observe(e_value) >= threshold)
}

/// The probability that an attack goes on after one more step, before looking.
fn begun(posterior: f64, rho: f64) -> f64 {
    posterior + (1.0 - posterior) * rho
}

/// The posterior after an e-value.
fn after(prior: f64, e_value: f64) -> f64 {
    if e_value == f64::INFINITY {
        return 1.0;
    }
    let (with, without) = (prior * e_value, 1.0 - prior);
    if with + without > 0.0 { with / (with + without) } else { prior }
}

fn unit(value: f64) -> f64 {
    if value > 0.0 { value.min(1.0) } else { 0.0 }
}

/// A problem of stopping. All costs are in one unit, whichever.
#[derive(Debug, Clone, PartialEq)]
pub struct Stopping {
    /// Probability that an attack begins in a step.
    pub rho: f64,
    /// Cost of stopping without an attack.
    pub false_stop: f64,
    /// Cost of a step of an attack.
    pub per_step: f64,
    /// What a step may bring: an e-value, and how probable it is without an attack. With one, it is as probable as the
    /// product of both says; so the products must add up to 1, as the probabilities do.
    pub e_values: Vec<(f64, f64)>,
}

/// Points of the grid, from 0 to 1.
const GRID: usize = 2_001;
/// Most sweeps over the grid.
const SWEEPS_MAX: usize = 100_000;
/// How far the sums of probabilities may be from 1.
const SUM_TOLERANCE: f64 = 1e-6;

impl Stopping {
    /// `π*`, to half a thousandth: the smallest posterior at which stopping is best.
    ///
    /// # Errors
    ///
    /// `rho` is not inside `(0, 1)`, a cost is not above 0, or the e-values are none (they must average to 1 without an attack); in
    /// words.
    pub fn threshold(&self) -> Result<f64, String> {
        self.validate()?;
        let points: Vec<f64> = (0..GRID).map(|at| at as f64 / (GRID - 1) as f64).collect();
        // From stopping at once downwards: every sweep allows one step more.
        let mut values: Vec<f64> = points.iter().map(|p| (1.0 - p) * self.false_stop).collect();
        for _ in 0..SWEEPS_MAX {
            let next: Vec<f64> = points
                .iter()
                .map(|p| ((1.0 - p) * self.false_stop).min(self.go_on(*p, &values)))
                .collect();
            let moved = values.iter().zip(&next).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            values = next;
            if moved <= self.false_stop * 1e-10 {
                break;
            }
        }
        let stops = |p: &&f64| (1.0 - **p) * self.false_stop <= self.go_on(**p, &values);
        Ok(points.iter().find(stops).copied().unwrap_or(1.0))
    }

    /// The cost of going on from a posterior.
    fn go_on(&self, posterior: f64, values: &[f64]) -> f64 {
        let prior = begun(posterior, self.rho);
        let ahead = self.e_values.iter().map(|(e_value, probability)| {
            let seen = probability * ((1.0 - prior) + prior * e_value);
            seen * interpolated(values, after(prior, *e_value))
        });
        self.per_step * posterior + ahead.sum::<f64>()
    }

    fn validate(&self) -> Result<(), String> {
        if !(self.rho > 0.0 && self.rho < 1.0) {
            return Err(format!("rho is {}: it must be between 0 and 1", self.rho));
        }
        if !(self.false_stop > 0.0 && self.per_step > 0.0) {
            return Err("both costs must be above 0".to_owned());
        }
        let all: f64 = self.e_values.iter().map(|(_, probability)| probability).sum();
        let mean: f64 = self.e_values.iter().map(|(e, probability)| e * probability).sum();
        let valid = self.e_values.iter().all(|(e, probability)| *e >= 0.0 && *probability >= 0.0);
        if !valid || (all - 1.0).abs() > SUM_TOLERANCE || (mean - 1.0).abs() > SUM_TOLERANCE {
            return Err(format!(
                "the probabilities add up to {all} and the e-values average to {mean} without an attack: both must be 1"
            ));
        }
        Ok(())
    }
}

fn interpolated(values: &[f64], at: f64) -> f64 {
    let place = unit(at) * (GRID - 1) as f64;
    let below = place.floor() as usize;
    let low = values.get(below).copied().unwrap_or(0.0);
    let high = values.get(below + 1).copied().unwrap_or(low);
    low + (high - low) * (place - below as f64)
}

#[cfg(test)]
mod tests;
