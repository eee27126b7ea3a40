//! The tail of a stream.

use std::collections::VecDeque;

use super::{PEAKS_MAX, Tail, fit, generalised_pareto};
use crate::error::StatsError;

/// A refit follows when the peaks have grown by one in this many: the cost per peak stays bounded.
const REFIT_SHARE: f64 = 16.0;

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// Not above the threshold.
    Quiet,
    /// Above the threshold, not above the quantile: learnt from.
    Peak,
    /// Above the quantile. Not learnt from, until [`Spot::accept`].
    Alarm {
        /// The fitted probability of a value this large, per observation.
        exceedance: f64,
    },
}

/// Streaming peaks over a threshold: alarms at values that should be exceeded with probability `q` only.
///
/// The threshold t stays as the first fit set it; peaks above it are learnt from. An alarm is not, unless it was looked
/// into and found harmless: then give it to [`Spot::accept`]. Not doing so cuts the sample's own tail off, time after
/// time: the limit sinks and alarms become more frequent than `q` (1.8 to 4.3 times in a million values, in the tests
/// here). Who sends many values just below the alarm moves the limit up: [`Spot::frozen`] never learns, and has the
/// first fit's error for good. Memory: the newest [`PEAKS_MAX`] peaks.
#[derive(Debug, Clone, PartialEq)]
pub struct Spot {
    tail: Tail,
    q: f64,
    limit: f64,
    learns: bool,
    /// Excesses, the newest last.
    pub(super) peaks: VecDeque<f64>,
    n_since_fit: f64,
}

impl Spot {
    /// Starts from quiet `values`, ascending: threshold at their `level`-quantile, alarms beyond the `q`-quantile.
    ///
    /// # Errors
    ///
    /// As [`fit`] and [`Tail::quantile`].
    pub fn new(values: &[f64], level: f64, q: f64) -> Result<Self, StatsError> {
        let tail = fit(values, level)?;
        let limit = tail.quantile(q)?;
        let excesses: Vec<f64> = values
            .iter()
            .filter(|value| **value > tail.threshold)
            .map(|value| value - tail.threshold)
            .collect();
        let peaks = super::thinned(&excesses).into();
        Ok(Self { tail, q, limit, learns: true, peaks, n_since_fit: 0.0 })
    }

    /// The same that never learns: nobody can move its limit.
    #[must_use]
    pub fn frozen(mut self) -> Self {
        self.learns = false;
        self.peaks = VecDeque::new();
        self
    }

    /// Judges a value. ∞ is an alarm.
    ///
    /// # Errors
    ///
    /// It is NaN: nothing is counted.
    pub fn observe(&mut self, value: f64) -> Result<Verdict, StatsError> {
        if value.is_nan() {
            return Err(StatsError::Unusable { what: "a value", value });
        }
        if value > self.limit || value.is_infinite() && value > 0.0 {
            return Ok(Verdict::Alarm { exceedance: self.tail.exceedance(value) });
        }
        let is_peak = value > self.tail.threshold;
        if self.learns {
            self.learn(is_peak.then_some(value - self.tail.threshold));
        }
        Ok(if is_peak { Verdict::Peak } else { Verdict::Quiet })
    }

    /// Learns from a value that was an alarm and turned out to be harmless. Nothing happens for one that is not a finite
    /// number, and to a frozen one.
    pub fn accept(&mut self, value: f64) {
        if self.learns && value.is_finite() {
            let is_peak = value > self.tail.threshold;
            self.learn(is_peak.then_some(value - self.tail.threshold));
        }
    }

    fn learn(&mut self, peak: Option<f64>) {
        self.tail.n_values += 1.0;
        let Some(peak) = peak else { return };
        self.tail.n_peaks += 1.0;
        self.n_since_fit += 1.0;
        if self.peaks.len() >= PEAKS_MAX {
            self.peaks.pop_front();
        }
        self.peaks.push_back(peak);
        if self.n_since_fit * REFIT_SHARE >= self.peaks.len() as f64 {
            self.n_since_fit = 0.0;
            let mut excesses: Vec<f64> = self.peaks.iter().copied().collect();
            excesses.sort_by(f64::total_cmp);
            // Peaks without spread teach nothing: the fit before stays.
            if let Ok((shape, scale)) = generalised_pareto(&excesses) {
                (self.tail.shape, self.tail.scale) = (shape, scale);
            }
        }
        // No quantile if peaks have become rarer than q: the limit before stays.
        if let Ok(limit) = self.tail.quantile(self.q) {
            self.limit = limit;
        }
    }

    /// Values above are alarms.
    pub fn limit(&self) -> f64 {
        self.limit
    }

    /// The fitted tail.
    pub fn tail(&self) -> &Tail {
        &self.tail
    }
}
