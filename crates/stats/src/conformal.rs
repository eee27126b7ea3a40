//! Conformal p-values against a fixed reference, and bets on them.
//!
//! The detector gives each event a score (the larger, the stranger) by any rule at all. How strange a score is, is
//! judged by its rank among a **fixed** sample of quiet scores. No distribution is assumed, and tails do no harm: only
//! ranks count. The reference never grows by itself, so an attacker cannot teach it slowly (the boiling frog).
//!
//! **The trap.** The classical conformal p-value ([`Reference::p_exchangeable`]) is valid for *one* fresh score, on
//! average over references. A stream of scores is compared with the *same* reference: if that happens to hold too few
//! large ones, then every p-value is too small, and a martingale that bets on them grows without end. It is no
//! guarantee for a stream; a test here shows it fail.
//!
//! **What is done about it.** [`Reference::p_conditional`] is an upper bound on the true P(S ≥ s), valid for *all* s
//! at once with the stated confidence over the draw of the reference. The bound is the smaller of two, each given half
//! of the error: the Dvoretzky–Kiefer–Wolfowitz band with Massart's constant (good in the middle), and exact Beta
//! quantiles of a geometric grid of order statistics with a union bound (good in the tail, where it is about
//! ln(grid/δ)/n). While the bound holds, p-values of quiet scores are never too small, one by one, given the past: all
//! that an e-detector asks for.
//!
//! **Promised**: with the reference's confidence, [`ConformalWatch`] keeps the promise of its [`Watch`]
//! (run length, or ever an alarm), provided the reference's scores are independent draws of the quiet distribution
//! and each later quiet score, given the past, is no likelier to be large. Predictably busy hours need
//! a reference of their own. **Not promised**: power. The smallest p-value is about 10/n (n = 1,000: 0.01), so a single
//! score, however absurd, is worth only so much, and an alarm takes several. Run several diverse scores: one badly
//! chosen score may be blind to a large change.
//!
//! Bets: κ·p^(κ−1) for κ of [`KAPPAS`], each with integral 1, falling in p.
//!
//! Sources: Vovk, Gammerman & Shafer, "Algorithmic learning in a random world" (2005, 2022); Vovk et al. on conformal
//! e-testing, arXiv 2412.03464; the fixed-reference setting: arXiv 2602.13848; Massart, Annals of Probability 18
//! (1990); order statistics of the uniform distribution are Beta.

use crate::{
    edetector::{EDetector, Level, Watch},
    error::{StatsError, count, finite, setting},
    promise::Promise,
    special::beta_quantile,
};

/// The fewest reference scores: below, no score could be called strange.
pub const REFERENCE_MIN: usize = 100;
/// The most reference scores kept.
pub const REFERENCE_MAX: usize = 65_536;
/// The exponents of the bets: from bets on very small p-values to bets on a slight drift.
pub const KAPPAS: [f64; 5] = [0.1, 0.25, 0.5, 0.75, 0.9];

/// How much further the next rank of the grid of order statistics lies.
const RANK_RATIO: f64 = 1.2;

/// A fixed sample of quiet scores.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    /// Ascending.
    scores: Vec<f64>,
    confidence: f64,
    /// Half-width of the band in the middle.
    band: f64,
    /// Ranks from the top, rising, with upper bounds on P(S > the score of that rank); the last one is (n + 1, 1).
    tail: Vec<(usize, f64)>,
}

impl Reference {
    /// Keeps the scores, in any order. `confidence`: the probability, over the draw of the reference, that no
    /// p-value of [`Reference::p_conditional`] is too small; say 0.99.
    ///
    /// # Errors
    ///
    /// Fewer than [`REFERENCE_MIN`] or more than [`REFERENCE_MAX`] scores, one is not finite, or `confidence` is
    /// not in `[0.5, 1)`.
    pub fn new(mut scores: Vec<f64>, confidence: f64) -> Result<Self, StatsError> {
        let n = count("reference scores", scores.len(), REFERENCE_MIN, REFERENCE_MAX)?;
        finite("a reference score", &scores)?;
        setting("confidence", confidence, 0.5, 1.0 - 1e-12, "a probability from 0.5 to below 1")?;
        scores.sort_by(f64::total_cmp);
        let half_error = (1.0 - confidence) / 2.0;
        let band = ((1.0 / half_error).ln() / (2.0 * n as f64)).sqrt();
        Ok(Self { tail: tail_bounds(n, half_error), scores, confidence, band })
    }

    /// The probability that the promise holds, over the draw of the reference.
    pub fn confidence(&self) -> f64 {
        self.confidence
    }

    /// How many reference scores there are.
    pub fn n_scores(&self) -> usize {
        self.scores.len()
    }

    /// The smallest p-value that [`Reference::p_conditional`] can give: more scores make it smaller.
    pub fn p_min(&self) -> f64 {
        self.bound(0)
    }

    /// An upper bound on the true probability of a quiet score at least this large, simultaneously for all scores.
    /// What a stream is to be judged by. ∞ is larger than all, −∞ gives 1.
    ///
    /// # Errors
    ///
    /// The score is NaN.
    pub fn p_conditional(&self, score: f64) -> Result<f64, StatsError> {
        let (n_above, n_equal) = self.ranks(score)?;
        Ok(self.bound(n_above + n_equal))
    }

    /// The classical p-value (#above + u·(#equal + 1))/(n + 1): for **one** fresh score exactly uniform, on average
    /// over references, if `u` is uniform on `[0, 1)` and independent; with u = 1 never too small. Not for a stream:
    /// see above.
    ///
    /// # Errors
    ///
    /// The score is NaN, or `u` is not in `[0, 1]`.
    pub fn p_exchangeable(&self, score: f64, u: f64) -> Result<f64, StatsError> {
        let u = setting("the tie randomiser u", u, 0.0, 1.0, "a number from 0 to 1")?;
        let (n_above, n_equal) = self.ranks(score)?;
        Ok((n_above as f64 + u * (n_equal as f64 + 1.0)) / (self.scores.len() as f64 + 1.0))
    }

    /// How many reference scores are above, and how many the same.
    fn ranks(&self, score: f64) -> Result<(usize, usize), StatsError> {
        if score.is_nan() {
            return Err(StatsError::Unusable { what: "a score", value: score });
        }
        let n_below = self.scores.partition_point(|&reference| reference < score);
        let n_not_above = self.scores.partition_point(|&reference| reference <= score);
        Ok((self.scores.len() - n_not_above, n_not_above - n_below))
    }

    /// The bound on P(S ≥ s) where `n_not_below` reference scores are at least s.
    fn bound(&self, n_not_below: usize) -> f64 {
        let middle = n_not_below as f64 / self.scores.len() as f64 + self.band;
        // s is above the score of rank `n_not_below` + 1, and of every later rank.
        let at = self.tail.partition_point(|(rank, _)| *rank <= n_not_below);
        let tail = self.tail.get(at).map_or(1.0, |(_, bound)| *bound);
        middle.min(tail).min(1.0)
    }
}

/// For ranks 1, 2, … from the top in a geometric grid: a bound on P(S > the score of that rank), which is at most a
/// Beta(rank, n − rank + 1) variable. All of them hold together with probability 1 − `error`.
fn tail_bounds(n: usize, error: f64) -> Vec<(usize, f64)> {
    let mut ranks = vec![1];
    let mut rank = 1;
    while rank < n {
        rank = ((rank as f64 * RANK_RATIO) as usize).max(rank + 1).min(n);
        ranks.push(rank);
    }
    let each = 1.0 - error / ranks.len() as f64;
    let bound = |rank: usize| (rank, beta_quantile(each, rank as f64, (n - rank + 1) as f64));
    let mut bounds: Vec<(usize, f64)> = ranks.into_iter().map(bound).collect();
    bounds.push((n + 1, 1.0));
    bounds
}

/// Bets that p-values are too small: an e-detector over κ·p^(κ−1). Also for p-values from elsewhere, such as the
/// residuals of a [`Hawkes`](crate::hawkes::Hawkes) process.
#[derive(Debug, Clone, PartialEq)]
pub struct PowerBets {
    detector: EDetector,
}

impl PowerBets {
    /// # Errors
    ///
    /// The watch's number is out of its limits.
    pub fn new(watch: Watch) -> Result<Self, StatsError> {
        Ok(Self { detector: EDetector::new(watch, KAPPAS.len())? })
    }

    /// Folds in a p-value. Its promise: that of the watch, provided P(p ≤ x given the past) ≤ x for all x.
    ///
    /// A p-value of 0 is evidence without bound: alarm.
    ///
    /// # Errors
    ///
    /// It is not in `[0, 1]`: nothing is counted.
    pub fn observe(&mut self, p: f64) -> Result<Level, StatsError> {
        if !(0.0..=1.0).contains(&p) {
            return Err(StatsError::Unusable { what: "a p-value", value: p });
        }
        let ln_p = p.max(f64::MIN_POSITIVE).ln();
        Ok(self.detector.fold(KAPPAS.iter().map(|kappa| kappa * ((kappa - 1.0) * ln_p).exp())))
    }

    /// Where it stands.
    pub fn level(&self) -> Level {
        self.detector.level()
    }

    /// What is promised.
    pub fn promise(&self) -> Promise {
        self.detector.watch().promise("p-values are not too small given the past", 1.0)
    }

    /// Forgets everything seen.
    pub fn restart(&mut self) {
        self.detector.restart();
    }
}

/// Watches a stream of scores against a fixed reference: a conformal test martingale ([`Watch::Once`]) or
/// a conformal CUSUM or Shiryaev–Roberts detector.
#[derive(Debug, Clone, PartialEq)]
pub struct ConformalWatch {
    reference: Reference,
    bets: PowerBets,
}

impl ConformalWatch {
    /// # Errors
    ///
    /// The watch's number is out of its limits.
    pub fn new(reference: Reference, watch: Watch) -> Result<Self, StatsError> {
        Ok(Self { reference, bets: PowerBets::new(watch)? })
    }

    /// Folds in a score.
    ///
    /// # Errors
    ///
    /// It is NaN: nothing is counted.
    pub fn observe(&mut self, score: f64) -> Result<Level, StatsError> {
        let p = self.reference.p_conditional(score)?;
        self.bets.observe(p)
    }

    /// The reference.
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    /// Where it stands.
    pub fn level(&self) -> Level {
        self.bets.level()
    }

    /// What is promised.
    pub fn promise(&self) -> Promise {
        let provided =
            "quiet scores are, given the past, no likelier to be large than the reference's";
        self.bets.detector.watch().promise(provided, self.reference.confidence)
    }

    /// Forgets the stream; the reference stays.
    pub fn restart(&mut self) {
        self.bets.restart();
    }
}

#[cfg(test)]
mod tests;
