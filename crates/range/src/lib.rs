//! The range: a real local chain with a seeded world on it, for drills and tests. Development only.
//!
//! A scenario folder (`docs/scenario-format.md`) is read by [`Scenario`], built on a [`Chain`]
//! (a real anvil process) into a [`World`], and played block by block: honest traffic from a seed,
//! the attack's steps, and at the end what the thieves hold. [`FaultProxy`] and [`TcpProxy`] stand
//! between a program under test and the chain and fail in the ways nodes fail.
//!
//! # Assumptions
//! - Everything listens on loopback; the keys are anvil's public development keys.
//! - One world a chain: what the world plays assumes that nobody else sends from its accounts,
//!   except the responder, which the world never uses after the set-up.
//!
//! # Invariants
//! - The same scenario and seed give the same transactions in the same blocks, whatever succeeds
//!   or fails; the wall clock decides nothing but how long a block takes.
//! - Chain time is `genesis + 12 s × block number`.
//! - Money is counted in integers.

// Where things are, and the chain.
mod chain;
mod error;
mod locate;
mod node;

// What a scenario says.
mod dice;
mod number;
mod scenario;

// From what it says to transactions.
mod args;
mod artifact;
mod names;
mod prepare;
mod send;

// The world, and how it is played.
mod attack;
mod loss;
mod play;
mod report;
mod traffic;
mod world;

// Between a program under test and the chain.
mod proxy;
mod tcp_proxy;

// A database of its own for tests of the journal.
#[cfg(unix)]
mod postgres;

pub use chain::{Chain, ChainOptions, Mining};
pub use error::{Place, RangeError};
pub use locate::{anvil_path, project_root};
pub use loss::{AssetLoss, LossReport};
pub use names::Value;
pub use node::Node;
pub use play::PlayOptions;
#[cfg(unix)]
pub use postgres::{Ending as PostgresEnding, PostgresServer};
pub use proxy::{Fault, FaultProxy};
pub use report::{
    AttackOutcome, BlockPlayed, HonestCounts, PlayReport, ResponderTransaction, transactions_of,
};
pub use scenario::Scenario;
pub use tcp_proxy::TcpProxy;
pub use world::World;
