//! The program: configuration, journal, runner and commands. Everything that touches the world is here or below.

pub mod api;
mod brakes;
pub mod bundle;
pub mod cli;
pub mod config;
pub mod runner;
pub mod store;
