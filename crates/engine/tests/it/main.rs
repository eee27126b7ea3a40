//! The engine from outside: entries in, effects out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that finds nothing to unwrap has failed, and says so this way"
)]

mod approvals;
mod bridge;
mod fixtures;
mod flood;
mod outside;
mod pending;
mod playbooks;
mod simulation;
