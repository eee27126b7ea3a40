//! The acting side against a real anvil with real contracts.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    reason = "a test may fail by panicking"
)]

mod chain;
mod conformance;
mod honest;
#[path = "../support/mod.rs"]
mod support;
mod warden;
mod warden_cli;
