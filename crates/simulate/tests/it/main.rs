//! Tests of Evidence: by hand, by chance, and on real chain data where it is at hand.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may fail by panicking, and so may what they share"
)]

mod blocks;
mod builder;
mod common;
mod data;
mod programs;
mod properties;
mod roads;
mod state;
mod states;
mod traces;
