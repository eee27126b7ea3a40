//! Hawkes processes: events that cause events.
//!
//! λ(t) = μ + n·β·Σ e^(−β(t − tᵢ)) over the events before t: a steady background μ, and each event raises the rate at
//! once and fades with β. n is the branching ratio, the mean number of events that one event causes itself: below
//! 1 the process dies down, near 1 it feeds on itself (a run on a vault, copy-cats, liquidations that cause
//! liquidations).
//!
//! O(1) per event, three numbers of state. [`Hawkes::observe`] gives the *residual*, the compensator since the last
//! event: under the true model residuals are independent and Exp(1) (the time-change theorem), so that
//! 1 − e^(−r) is a p-value of "sooner than expected", and θ·e^(−(θ−1)r) an increment with mean 1: [`SurgeBets`] folds
//! those into an e-detector.
//!
//! **Promised**: the watch's promise, for the *true* parameters (or a model that is never too slow). With fitted ones it
//! is approximate, and [`fit`] takes its data to be quiet: what it learnt from, it calls normal. **Power**: the model
//! follows a surge by itself, and explains a share n of it; with n near 1 a surge is no surprise any more, and the
//! branching ratio itself is what to watch. Time on a chain comes in blocks: events of one block have residual 0
//! and look infinitely sudden. Give one event per block and kind, or count instead.
//!
//! Fit: maximum likelihood. For a given β the likelihood is concave in (μ, n) and raised by EM steps, each of
//! which raises it; β by a logarithmic grid, then golden section. Bounded: at most [`EVENTS_MAX`] events and a
//! fixed number of steps, O(events) each.
//!
//! Sources: Hawkes, Biometrika 58 (1971); Ogata, JASA 83 (1988) for residuals; Veen & Schoenberg, JASA 103 (2008) for EM.

use crate::{
    edetector::{EDetector, Level, Watch},
    error::{StatsError, ascending, count, setting},
    promise::Promise,
};

/// The fewest events that are fitted.
pub const EVENTS_MIN: usize = 100;
/// The most events that are fitted.
pub const EVENTS_MAX: usize = 8_192;
/// The largest branching ratio: at and above 1 the process explodes, and so may a fit say of what it saw.
pub const BRANCHING_MAX: f64 = 1.5;

/// How many times faster than expected events come, in the bets on a surge.
pub const SURGES: [f64; 6] = [1.25, 1.5, 2.0, 3.0, 5.0, 10.0];

/// The kernel's memory 1/β is at most this share of the observed time: a longer one cannot be told from a background.
const MEMORY_SHARE_MAX: f64 = 0.05;
const BETA_GRID: usize = 16;
const GOLDEN_STEPS: usize = 16;
const EM_STEPS_COARSE: usize = 40;
const EM_STEPS_FINE: usize = 400;

/// A Hawkes process with an exponential kernel, and its state after the events so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hawkes {
    background: f64,
    branching: f64,
    decay: f64,
    /// The time of the last event, and Σ e^(−β(t − tᵢ)) just after it.
    last: Option<f64>,
    excitation: f64,
}

impl Hawkes {
    /// `background` μ and `decay` β per unit of time, `branching` the ratio n.
    ///
    /// # Errors
    ///
    /// μ or β is not in `[10⁻¹², 10¹²]`, or n not in `[0, `[`BRANCHING_MAX`]`]`.
    pub fn new(background: f64, branching: f64, decay: f64) -> Result<Self, StatsError> {
        let rate = "a rate from 1e-12 to 1e12 per unit of time";
        setting("background", background, 1e-12, 1e12, rate)?;
        setting("decay", decay, 1e-12, 1e12, rate)?;
        setting("branching", branching, 0.0, BRANCHING_MAX, "a ratio from 0 to 1.5")?;
        Ok(Self { background, branching, decay, last: None, excitation: 0.0 })
    }

    /// μ, per unit of time.
    pub fn background(&self) -> f64 {
        self.background
    }

    /// n: how many events one event causes itself, on average.
    pub fn branching(&self) -> f64 {
        self.branching
    }

    /// β, per unit of time: half of an event's effect is gone after ln 2/β.
    pub fn decay(&self) -> f64 {
        self.decay
    }

    /// The mean rate in the long run, μ/(1 − n), per unit of time; none at n ≥ 1, where there is none.
    pub fn mean_rate(&self) -> Option<f64> {
        (self.branching < 1.0).then(|| self.background / (1.0 - self.branching))
    }

    /// The rate at a time, per unit of time; a time before the last event counts as that. NaN for NaN.
    pub fn intensity(&self, time: f64) -> f64 {
        let gap = self.last.map_or(0.0, |last| (time - last).max(0.0));
        let fading = (-self.decay * gap).exp();
        let intensity = self.background + self.branching * self.decay * self.excitation * fading;
        if time.is_nan() { time } else { intensity }
    }

    /// How many events were to be expected between the last event and `time`; 0 before the first one.
    pub fn expected_since_last(&self, time: f64) -> f64 {
        let gap = self.last.map_or(0.0, |last| (time - last).max(0.0));
        let faded = -(-self.decay * gap).exp_m1();
        let expected = self.background * gap + self.branching * self.excitation * faded;
        if time.is_nan() { time } else { expected }
    }

    /// Takes in an event: its residual, none for the first one, which only starts the clock.
    ///
    /// # Errors
    ///
    /// The time is not finite, or before the last event's: nothing is taken in.
    pub fn observe(&mut self, time: f64) -> Result<Option<f64>, StatsError> {
        if !time.is_finite() || self.last.is_some_and(|last| time < last) {
            return Err(StatsError::Unusable { what: "the time of an event", value: time });
        }
        let residual = self.last.map(|_| self.expected_since_last(time));
        let gap = self.last.map_or(0.0, |last| time - last);
        self.excitation = self.excitation * (-self.decay * gap).exp() + 1.0;
        self.last = Some(time);
        Ok(residual)
    }

    /// Forgets all events; the parameters stay.
    pub fn restart(&mut self) {
        (self.last, self.excitation) = (None, 0.0);
    }
}

/// The p-value of an event that soon or sooner, 1 − e^(−residual). NaN stays NaN.
pub fn sooner_p(residual: f64) -> f64 {
    -(-residual.max(0.0)).exp_m1() + if residual.is_nan() { f64::NAN } else { 0.0 }
}

/// Bets that events come faster than a model expects: an e-detector over θ·e^(−(θ−1)r) for θ of [`SURGES`].
#[derive(Debug, Clone, PartialEq)]
pub struct SurgeBets {
    detector: EDetector,
}

impl SurgeBets {
    /// # Errors
    ///
    /// The watch's number is out of its limits.
    pub fn new(watch: Watch) -> Result<Self, StatsError> {
        Ok(Self { detector: EDetector::new(watch, SURGES.len())? })
    }

    /// Folds in a residual of [`Hawkes::observe`].
    ///
    /// # Errors
    ///
    /// It is negative or NaN: nothing is counted.
    pub fn observe(&mut self, residual: f64) -> Result<Level, StatsError> {
        if residual.is_nan() || residual < 0.0 {
            return Err(StatsError::Unusable { what: "a residual", value: residual });
        }
        let increment = |surge: &f64| surge * (-(surge - 1.0) * residual).exp();
        Ok(self.detector.fold(SURGES.iter().map(increment)))
    }

    /// Where it stands.
    pub fn level(&self) -> Level {
        self.detector.level()
    }

    /// What is promised.
    pub fn promise(&self) -> Promise {
        self.detector.watch().promise("quiet events come no faster than the model says", 1.0)
    }

    /// Forgets everything seen.
    pub fn restart(&mut self) {
        self.detector.restart();
    }
}

/// Fits to the ascending `times` of events. The process starts at the first of them and ends at the last. Where
/// self-excitation does not explain the times better than a steady rate does, by the Bayesian information criterion, the
/// branching ratio is 0.
///
/// # Errors
///
/// Fewer than [`EVENTS_MIN`] or more than [`EVENTS_MAX`] events, a time that is not finite or out of order, or all at
/// the same time.
pub fn fit(times: &[f64]) -> Result<Hawkes, StatsError> {
    count("events", times.len(), EVENTS_MIN, EVENTS_MAX)?;
    ascending("times", times)?;
    let gaps: Vec<f64> = times.iter().zip(times.iter().skip(1)).map(|(a, b)| b - a).collect();
    let span: f64 = gaps.iter().sum();
    if !(span > 0.0 && span.is_finite()) {
        return Err(StatsError::NoSpread { what: "times" });
    }
    // In units of the mean gap the decay lies between "over the whole span" and "within a thousandth of a gap".
    let n = gaps.len() as f64;
    let unit = span / n;
    let gaps: Vec<f64> = gaps.iter().map(|gap| gap / unit).collect();
    let (low, high) = ((1.0 / (MEMORY_SHARE_MAX * n)).ln(), 1_000.0_f64.ln());
    let step = (high - low) / (BETA_GRID - 1) as f64;
    let likelihood = |ln_decay: f64| climb(&gaps, ln_decay.exp(), EM_STEPS_COARSE).likelihood;
    let mut best = (low, f64::NEG_INFINITY);
    let mut ln_decay = low;
    for _ in 0..BETA_GRID {
        let here = likelihood(ln_decay);
        if here > best.1 {
            best = (ln_decay, here);
        }
        ln_decay += step;
    }
    let (left, right) = ((best.0 - step).max(low), (best.0 + step).min(high));
    let decay = golden_maximum(left, right, likelihood).exp();
    let fitted = climb(&gaps, decay, EM_STEPS_FINE);
    // A steady rate of one event per mean gap has likelihood −n; two more parameters cost ln n.
    if fitted.likelihood + n < n.ln() {
        return Hawkes::new((1.0 / unit).clamp(1e-12, 1e12), 0.0, decay / unit);
    }
    Hawkes::new((fitted.background / unit).clamp(1e-12, 1e12), fitted.branching, decay / unit)
}

struct Climbed {
    background: f64,
    branching: f64,
    likelihood: f64,
}

/// The best (μ, n) for a decay, by EM steps.
fn climb(gaps: &[f64], decay: f64, n_steps: usize) -> Climbed {
    let span: f64 = gaps.iter().sum();
    // β·Σ e^(−β(t − tᵢ)) just before each event but the first, and what the first events' kernels integrate to.
    let mut kernels = Vec::with_capacity(gaps.len());
    let mut excitation = 1.0;
    for gap in gaps {
        let before = excitation * (-decay * gap).exp();
        kernels.push(decay * before);
        excitation = before + 1.0;
    }
    // Each event's kernel integrates to 1, less what is still to come after the end.
    let caused = gaps.len() as f64 + 1.0 - excitation;
    let (mut background, mut branching) = (0.5 * gaps.len() as f64 / span, 0.5);
    for _ in 0..n_steps {
        let (mut by_background, mut by_events) = (0.0, 0.0);
        for kernel in &kernels {
            let intensity = background + branching * kernel;
            by_background += background / intensity;
            by_events += branching * kernel / intensity;
        }
        background = (by_background / span).max(1e-9);
        branching = (by_events / caused.max(1e-9)).min(BRANCHING_MAX);
    }
    let logs: f64 = kernels.iter().map(|kernel| (background + branching * kernel).ln()).sum();
    let likelihood = logs - background * span - branching * caused;
    let likelihood = if likelihood.is_finite() { likelihood } else { f64::NEG_INFINITY };
    Climbed { background, branching, likelihood }
}

/// Where a function with one hill is largest.
fn golden_maximum(low: f64, high: f64, value: impl Fn(f64) -> f64) -> f64 {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let (mut low, mut high) = (low, high);
    let mut left = high - GOLDEN * (high - low);
    let mut right = low + GOLDEN * (high - low);
    let (mut at_left, mut at_right) = (value(left), value(right));
    for _ in 0..GOLDEN_STEPS {
        if at_left > at_right {
            (high, right, at_right) = (right, left, at_left);
            left = high - GOLDEN * (high - low);
            at_left = value(left);
        } else {
            (low, left, at_left) = (left, right, at_right);
            right = low + GOLDEN * (high - low);
            at_right = value(right);
        }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests;
