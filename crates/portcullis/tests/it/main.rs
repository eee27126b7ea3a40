//! End to end: the program as a black box, on real chains.
//!
//! `PORTCULLIS_SKIP_CHAIN=1` skips what needs anvil; tests on recorded chain data skip where that is absent.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that finds nothing to unwrap has failed, and says so this way"
)]

mod approvals;
mod backtest;
mod bad_chain;
mod bad_input;
mod bundle;
mod console;
mod drills;
mod faults;
mod history;
mod kit;
mod lanes;
mod learn;
mod parity;
mod pending;
mod record;
mod safe;
mod self_test;
mod stores;
mod storm;
mod telling;
mod war;
