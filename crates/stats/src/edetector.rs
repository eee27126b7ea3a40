//! E-detectors: change detection with a false-alarm rate that needs no distribution.
//!
//! An increment L ≥ 0 with mean at most 1 *given the past* in quiet times is folded into a level M by one of three
//! rules, each with its promise:
//!
//! | [`Watch`] | rule | alarm | promise |
//! |---|---|---|---|
//! | `ShiryaevRoberts` | M ← (M + 1)·L | M ≥ A | average run length ≥ A |
//! | `Cusum` | M ← max(M, 1)·L | M ≥ A | average run length ≥ A (never above the former, so rarer still) |
//! | `Once` | R ← (R + w)·L, M = R + what is left of Σw = 1 | M ≥ 1/α | ever a false alarm with probability ≤ α |
//!
//! Why: under the first rule M − t has no upward drift, so at the alarm A ≤ E\[M\] ≤ E\[t\]. Under the third M is a
//! non-negative process with mean at most 1 (Ville's inequality); it spreads one unit of wealth over the times at which
//! the change may begin, w(t) = 1/(t(t+1)), so that a late change is still seen and a long quiet time never ruins it.
//!
//! **Assumed**: only the mean of an increment given the past. Values may depend on one another and have any tails. A
//! mixture of increments (several λ) by fixed weights keeps the promise, and so does the average of the levels of
//! several detectors. A false alarm rate that holds *on average over time* is not enough: if each quiet hour is
//! predictably worse than `mean_max`, then alarms in it are not false.
//!
//! Numerically safe: a level is cut at [`LEVEL_MAX`], far above any threshold; smaller levels only make alarms rarer.
//! Memory: one number per increment mixed, at most [`COMPONENTS_MAX`].
//!
//! Source: Shin, Ramdas & Rinaldo, "E-detectors: a nonparametric framework for sequential change detection", New
//! England Journal of Statistics in Data Science (2023), arXiv 2203.03532. The increment 1 + λ(x − m): Waudby-Smith &
//! Ramdas, "Estimating means of bounded random variables by betting", JRSS-B (2024).

use crate::{
    error::{StatsError, count, setting},
    promise::{Bound, Promise},
};

mod bounded_mean;
pub use bounded_mean::{BoundedMean, mean_upper_bound, squash};

/// The most increments (values of λ or κ) that one detector mixes.
pub const COMPONENTS_MAX: usize = 64;
/// Levels are cut here, so that they never overflow.
pub const LEVEL_MAX: f64 = 1e300;
/// The longest average run length that may be asked for, in observations.
pub const ARL_MAX: f64 = 1e15;
/// The smallest probability of ever a false alarm that may be asked for.
pub const ALPHA_MIN: f64 = 1e-15;

/// How increments are folded into a level, and what is promised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Watch {
    /// M ← (M + 1)·L; the average run length to a false alarm is at least `arl` observations. The usual choice.
    ShiryaevRoberts {
        /// Observations, 1 to [`ARL_MAX`].
        arl: f64,
    },
    /// M ← max(M, 1)·L; the same promise, somewhat later and rarer. Its level is easier to explain: the evidence
    /// since the most suspicious moment.
    Cusum {
        /// Observations, 1 to [`ARL_MAX`].
        arl: f64,
    },
    /// A false alarm ever, however long one watches, with probability at most `alpha`. For actions that may happen
    /// once.
    Once {
        /// Probability, [`ALPHA_MIN`] to 1.
        alpha: f64,
    },
}

impl Watch {
    /// The level at which there is an alarm.
    pub fn threshold(self) -> f64 {
        match self {
            Self::ShiryaevRoberts { arl } | Self::Cusum { arl } => arl,
            Self::Once { alpha } => 1.0 / alpha,
        }
    }

    /// The promise in words.
    pub(crate) fn promise(self, provided: &'static str, confidence: f64) -> Promise {
        let bound = match self {
            Self::ShiryaevRoberts { arl } | Self::Cusum { arl } => Bound::AverageRunLength(arl),
            Self::Once { alpha } => Bound::EverAlarm(alpha),
        };
        Promise { bound, provided, confidence }
    }

    fn checked(self) -> Result<Self, StatsError> {
        match self {
            Self::ShiryaevRoberts { arl } | Self::Cusum { arl } => {
                setting("the average run length", arl, 1.0, ARL_MAX, "1 to 1e15 observations")?;
            }
            Self::Once { alpha } => {
                setting("alpha", alpha, ALPHA_MIN, 1.0, "a probability from 1e-15 to 1")?;
            }
        }
        Ok(self)
    }
}

/// Where a detector stands after an observation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// The level, 0 to [`LEVEL_MAX`].
    pub level: f64,
    /// The level of an alarm.
    pub threshold: f64,
}

impl Level {
    /// Whether this is an alarm.
    pub fn is_alarm(self) -> bool {
        self.level >= self.threshold
    }
}

/// A mixture of processes, each folding its own increments; the level is their average.
#[derive(Debug, Clone, PartialEq)]
pub struct EDetector {
    watch: Watch,
    processes: Vec<f64>,
    /// Since the start or the restart. A double: exact up to 2^53 and saturating beyond.
    n_observed: f64,
}

impl EDetector {
    /// A detector that mixes `n_components` increments evenly.
    ///
    /// # Errors
    ///
    /// `n_components` is 0 or above [`COMPONENTS_MAX`], or the watch's number is out of its limits.
    pub fn new(watch: Watch, n_components: usize) -> Result<Self, StatsError> {
        count("components", n_components, 1, COMPONENTS_MAX)?;
        Ok(Self { watch: watch.checked()?, processes: vec![0.0; n_components], n_observed: 0.0 })
    }

    /// Folds in one increment per component. Each must have mean at most 1 given the past in quiet times.
    ///
    /// After an alarm the level goes on; [`EDetector::restart`] begins a new promise.
    ///
    /// # Errors
    ///
    /// There are not as many increments as components, or one is negative, infinite or NaN: nothing is counted then.
    pub fn observe(&mut self, increments: &[f64]) -> Result<Level, StatsError> {
        count("increments", increments.len(), self.processes.len(), self.processes.len())?;
        if let Some(&value) = increments.iter().find(|l| !(l.is_finite() && **l >= 0.0)) {
            return Err(StatsError::Unusable { what: "an increment", value });
        }
        Ok(self.fold(increments.iter().copied()))
    }

    /// As [`EDetector::observe`], for increments that are known to be finite and not negative.
    pub(crate) fn fold(&mut self, increments: impl Iterator<Item = f64>) -> Level {
        self.n_observed += 1.0;
        let weight = 1.0 / (self.n_observed * (self.n_observed + 1.0));
        for (process, increment) in self.processes.iter_mut().zip(increments) {
            let stake = match self.watch {
                Watch::ShiryaevRoberts { .. } => *process + 1.0,
                Watch::Cusum { .. } => process.max(1.0),
                Watch::Once { .. } => *process + weight,
            };
            *process = (stake * increment).min(LEVEL_MAX);
        }
        self.level()
    }

    /// Where it stands.
    pub fn level(&self) -> Level {
        let mean = self.processes.iter().sum::<f64>() / self.processes.len() as f64;
        let unspent = match self.watch {
            // 1 − Σ w up to now: the wealth kept for changes that begin later.
            Watch::Once { .. } => 1.0 / (self.n_observed + 1.0),
            Watch::ShiryaevRoberts { .. } | Watch::Cusum { .. } => 0.0,
        };
        Level { level: (mean + unspent).min(LEVEL_MAX), threshold: self.watch.threshold() }
    }

    /// The rule and its number.
    pub fn watch(&self) -> Watch {
        self.watch
    }

    /// What is promised.
    pub fn promise(&self) -> Promise {
        self.watch.promise("each increment's mean given the past is at most 1", 1.0)
    }

    /// Forgets everything, as after an alarm that was looked into. Under [`Watch::Once`] each restart is a new chance
    /// of `alpha`.
    pub fn restart(&mut self) {
        self.processes.fill(0.0);
        self.n_observed = 0.0;
    }
}

#[cfg(test)]
mod tests;
