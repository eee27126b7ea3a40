//! Which of two series moves first: Hayashi–Yoshida covariation over a grid of lags, and transfer entropy.
//!
//! [`hayashi_yoshida`] takes two series observed at different, irregular times, as they are: the sum of the products of
//! all pairs of moves whose time intervals overlap. No grid of times, so none of the bias towards 0 that
//! synchronising brings (the Epps effect). One of them shifted by a lag, the covariation is largest where they move
//! together.
//!
//! [`transfer_entropy`] tells how much the past of one series says about the next step of the other beyond what
//! that other's own past says, in nats, without a linear model; on three symbols (down, still, up) with a memory of
//! one step. [`transfer_test`] gives it a p-value by shuffling blocks of the source.
//!
//! **Promised**: the p-value (1 + #{shuffled ≥ observed})/(1 + shuffles) is never too small if the source's blocks are
//! exchangeable given the target: no link, and no memory of the source longer than a block (a common daily rhythm is
//! a link in this sense, and will be found). Hayashi–Yoshida promises nothing: it is an estimate, and the lag of the
//! largest of many estimates is picked from noise where there is no link. Over many pairs use e-BH
//! ([`e_bh`](crate::ebh::e_bh)).
//!
//! Give both log-returns or their signs, never amounts of money: one large move would be all there is to see.
//!
//! Sources: Hayashi & Yoshida, Bernoulli 11 (2005); Hoffmann, Rosenbaum & Yoshida, Bernoulli 19 (2013) for the lag;
//! Schreiber, Physical Review Letters 85 (2000); Phipson & Smyth (2010) for the p-value; Steele, Lea & Flood (2014)
//! for the shuffle's generator, `SplitMix64`.

use crate::error::{StatsError, ascending, count, finite, setting};

mod entropy;
pub use entropy::{Symbol, Transfer, symbols, transfer_entropy, transfer_test};

/// The most observations of one series.
pub const OBSERVATIONS_MAX: usize = 65_536;
/// The most lags of a grid.
pub const LAGS_MAX: usize = 2_048;

/// A series observed at its own times.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Moves, each with the half-open interval `(from, to]` it happened in.
    moves: Vec<Move>,
    /// The sum of the squared moves.
    energy: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Move {
    from: f64,
    to: f64,
    by: f64,
}

impl Series {
    /// From times, not falling, and a value at each, such as a log-price. Of several at one time the last counts.
    ///
    /// # Errors
    ///
    /// Fewer than 2 or more than [`OBSERVATIONS_MAX`] observations, not as many values as times, one of them not
    /// finite, times out of order, or no move at all.
    pub fn new(times: &[f64], values: &[f64]) -> Result<Self, StatsError> {
        count("times", times.len(), 2, OBSERVATIONS_MAX)?;
        count("values", values.len(), times.len(), times.len())?;
        ascending("times", times)?;
        finite("a value", values)?;
        let mut points: Vec<(f64, f64)> = Vec::with_capacity(times.len());
        for (&time, &value) in times.iter().zip(values) {
            if points.last().is_some_and(|(last, _)| *last >= time) {
                points.pop();
            }
            points.push((time, value));
        }
        let pairs = points.iter().zip(points.iter().skip(1));
        let moves: Vec<Move> = pairs
            .map(|(&(from, before), &(to, after))| Move { from, to, by: after - before })
            .collect();
        let energy: f64 = moves.iter().map(|one| one.by * one.by).sum();
        if energy > 0.0 && energy.is_finite() {
            Ok(Self { moves, energy })
        } else {
            Err(StatsError::NoSpread { what: "values" })
        }
    }
}

/// Covariation at a lag.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Covariation {
    /// By how much the second series is late, in the unit of the times.
    pub lag: f64,
    /// Σ of products of overlapping moves.
    pub covariation: f64,
    /// The same divided by the root of both series' squared moves: comparable between pairs. Near ±1 at most, but not
    /// held to it, as the two sums run over different intervals.
    pub correlation: f64,
}

/// The covariation of x(t) with y(t + lag): positive lags are those at which `x` leads. O(observations).
///
/// # Errors
///
/// `lag` is not finite.
pub fn hayashi_yoshida(x: &Series, y: &Series, lag: f64) -> Result<Covariation, StatsError> {
    setting("lag", lag, -1e15, 1e15, "a finite time")?;
    let (mut xs, mut ys) = (x.moves.iter().peekable(), y.moves.iter().peekable());
    let mut covariation = 0.0;
    while let (Some(a), Some(b)) = (xs.peek(), ys.peek()) {
        let (from, to) = (b.from - lag, b.to - lag);
        if a.from < to && from < a.to {
            covariation += a.by * b.by;
        }
        // What ends first can overlap nothing that comes later.
        if a.to <= to {
            xs.next();
        } else {
            ys.next();
        }
    }
    let correlation = covariation / (x.energy.sqrt() * y.energy.sqrt());
    Ok(Covariation { lag, covariation, correlation })
}

/// The covariation at each lag of a grid, in its order.
///
/// # Errors
///
/// No lag or more than [`LAGS_MAX`], or one is not finite.
pub fn over_lags(x: &Series, y: &Series, lags: &[f64]) -> Result<Vec<Covariation>, StatsError> {
    count("lags", lags.len(), 1, LAGS_MAX)?;
    lags.iter().map(|&lag| hayashi_yoshida(x, y, lag)).collect()
}

/// The one with the largest correlation, up or down; the first of equals.
pub fn strongest(covariations: &[Covariation]) -> Option<Covariation> {
    let mut best: Option<Covariation> = None;
    for &one in covariations {
        if best.is_none_or(|best| one.correlation.abs() > best.correlation.abs()) {
            best = Some(one);
        }
    }
    best
}

#[cfg(test)]
mod tests;
