//! Nodes, sources and recordings, against a real local chain and real recorded data.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

mod anvil;
mod fake;
mod faults;
mod nodes;
mod recordings;
mod reorgs;
mod shared_data;
mod sources;
