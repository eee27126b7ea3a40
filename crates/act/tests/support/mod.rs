//! A real anvil, the fixture contracts, a journal in memory.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail by panicking, and not every test file uses everything"
)]

pub mod chain;
pub mod journal;
pub mod pressure;
pub mod proxy;
pub mod relay;
pub mod scene;
pub mod warden;
