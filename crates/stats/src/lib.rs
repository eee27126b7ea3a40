//! Streaming statistics with stated false-alarm rates. Pure numbers: no chain, no clock, no dice.
//!
//! Flows and losses have tails without variance, so nothing here divides money by a standard deviation. Each module says
//! what it promises, under which assumption, and from which paper; the simulations in its tests check the promise.
//!
//! # What to use when
//!
//! | Question | Use | Promised |
//! |---|---|---|
//! | Has a share, ratio or squashed amount risen? | [`BoundedMean`] | run length ≥ A, no distribution assumed |
//! | Has a score become stranger than a quiet sample's? | [`ConformalWatch`] | run length ≥ A, or ever ≤ α, with stated confidence |
//! | I have increments with mean ≤ 1 of my own | [`EDetector`] | the same |
//! | Several detectors look at the same thing | [`EValue::mean`] | valid under any dependence |
//! | Several *independent* sources agree | [`EValue::product`] | valid only then |
//! | Which of many protocols, pairs, detectors? | [`ebh::e_bh`] | false discovery rate ≤ α, any dependence |
//! | From which amount on is a flow suspicious? | [`pot::order_bound`] | exceeded ≤ q, with stated confidence; needs 3/q values |
//! | The same far beyond the data | [`pot::fit`], [`pot::Spot`] | none exact; errors measured |
//! | A standardised, light-tailed value rises | [`Cusum`] | run length approximate, for independent normal values |
//! | Do events feed on one another? Do they come too fast? | [`hawkes`] | run length ≥ A for the true model |
//! | Who moves first? | [`lead_lag`] | p-value by shuffled blocks; the lag itself is an estimate |
//! | Is a price too far from its recent range? | [`windows::TwoLookbacks`] | none: a rule, not a statistic |
//!
//! For a decision that acts by itself use the rows with a guarantee; the others are for showing and for ranking.
//! [`Promise`] puts a guarantee into words, to stand beside the alarm.
//!
//! # Choosing the number
//!
//! A run length counts observations. At 10,000 transactions a day, one false alarm in 250 days is a run length of
//! 2.5 million; raising it from a thousand to that costs only two to three times the delay. K detectors that each act
//! alone have their alarms added up: give each K times the run length, or average their levels.
//!
//! # Assumptions
//!
//! - "Quiet" is what the caller says it is. Nothing here learns by itself but [`pot::Spot`] and [`cusum::PageHinkley`],
//!   and those say that an attacker may teach them.
//! - An alarm that was looked into is followed by `restart`: the promise counts from there.
//!
//! # Invariants
//!
//! - No function panics: NaN is refused with an error and leaves the state as it was, infinite values are cut or
//!   refused as each function says.
//! - The same input gives the same output on the same platform (logarithms and powers are the platform's).
//! - Memory is bounded by named limits: [`edetector::COMPONENTS_MAX`], [`conformal::REFERENCE_MAX`],
//!   [`pot::PEAKS_MAX`], [`hawkes::EVENTS_MAX`], [`lead_lag::OBSERVATIONS_MAX`], [`windows::ENTRIES_MAX`].

pub mod conformal;
pub mod cusum;
pub mod ebh;
pub mod edetector;
pub mod evalue;
pub mod hawkes;
pub mod lead_lag;
pub mod pot;
pub mod windows;

mod error;
mod promise;
mod special;

pub use conformal::{ConformalWatch, PowerBets, Reference};
pub use cusum::Cusum;
pub use edetector::{BoundedMean, EDetector, Level, Watch};
pub use error::StatsError;
pub use evalue::EValue;
pub use promise::{Bound, Promise};

#[cfg(test)]
mod testing;
