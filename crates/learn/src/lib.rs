//! Proposes bounds and whitelists for a protocol from its own past.
//!
//! [`Observation`] is what is kept of a transaction, [`infer`] finds the protocol where nobody described it,
//! [`whitelist`] makes the reference of the detector `novelty`, [`caps`] the bounds of `gross-outflow` and [`thresholds`]
//! the numbers of rules, each with the false alarms that it would have raised on that past; [`proposal`] writes it all
//! down as a change of a configuration for people to read.
//!
//! **One procedure, one set of numbers.** Nothing here is tuned to a protocol: the numbers are [`FOLDS`],
//! [`whitelist::REPEAT_FACTOR`], [`caps::MARGINS`], [`thresholds::FACTORS`] and [`caps::ALARM_RATE_MAX_PER_MILLE`]. Their authors had seen the seven
//! histories whole, held-out parts and exploits included, so a figure on those is no blind test. Against fitting to
//! them speaks that the numbers are few and round and that the outcome does not hang on them: `docs/learning.md` gives it
//! for other factors and other splits.
//!
//! **Assumptions.** The past is honest: an attack in it teaches the attack. Observations come in the order of the chain.
//!
//! **Promises.** No clock, no I/O, no randomness: the same observations give the same proposal, byte for byte. A rate is
//! never given without the count that it rests on and a bound.

pub mod caps;
pub mod infer;
pub mod proposal;
pub mod rate;
pub mod thresholds;
pub mod whitelist;

mod diff;
mod observation;
#[cfg(test)]
mod testing;

pub use diff::{Edit, edited, unified};
pub use observation::{OBSERVATIONS_MAX, Observation};

/// Into how many parts of equal size, in time, the past is cut: all but the first are judged by what was learned before.
/// That is what a false-alarm rate of the past means here; shuffled parts would learn from the future.
pub const FOLDS: usize = 5;

/// Where the parts begin and end.
fn folds(count: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    (0..FOLDS).map(move |fold| count * fold / FOLDS..count * (fold + 1) / FOLDS)
}
