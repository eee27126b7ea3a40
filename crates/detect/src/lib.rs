//! Detectors: from Evidence to Findings. Pure; one detector, one file.
//!
//! [`config::DetectorConfig`] is what users write, [`build::build`] turns it into a [`detector::Detector`] or says what is
//! wrong with it, and [`catalogue::ALL`] lists what there is.
//!
//! **Assumptions.** Evidence is true and complete where it says so ([`Known`](portcullis_types::evidence::Known)); blocks
//! come in order and are taken back by `retract`.
//!
//! **Promises.** No clock, no I/O, no randomness; the same calls give the same findings, byte for byte. Nothing here
//! panics, and every list that grows with the chain has a named limit.

pub mod abi;
pub mod bridge;
pub mod build;
pub mod catalogue;
pub mod config;
pub mod control_plane;
pub mod detector;
pub mod gross_outflow;
pub mod invariant;
pub mod novelty;
pub mod number;
pub mod outflow;
pub mod reentrancy;
pub mod rules;

pub mod adversarial_deployment;
pub mod contagion;
pub mod failed_attempts;
pub mod first_caller;
pub mod governance;
pub mod volatility;

mod age;
pub mod market_or_theft;
pub mod net_loss;
pub mod pool;
pub mod price_manipulation;
pub mod reference;
pub mod supply;
pub mod vault;
pub mod venue;

mod control_words;
mod history;
mod ledger;
pub mod stale_oracle;
mod stranger;

mod ratio;

pub mod liquidity_flow;

#[cfg(test)]
mod testing;

pub use build::{ConfigError, build};
pub use config::DetectorConfig;
pub use detector::{Detector, FINDINGS_A_BLOCK_MAX, Findings, Meta, Peek};
