//! From findings to a decision: how likely an attack is, what it will cost, which lever is worth pulling.
//!
//! **Assumptions.** The findings handed in belong to one case of one protocol, none of them is retracted, and every lever
//! of that protocol is listed with what became of it.
//!
//! **Promises.** [`ladder::weigh`] is a pure function of its two arguments: no clock, no state, no randomness, and only
//! `+ − × ÷` on floating-point numbers, so that every machine comes to the same bytes. It never looks inside a detector:
//! it sees [`Finding`](portcullis_types::finding::Finding)s. It never chooses a lever against a guardrail.

pub mod approval;
mod attacker;
pub mod autonomy;
pub mod context;
pub mod economics;
pub mod ladder;
pub mod limits;
mod need;
pub mod policy;
pub mod posterior;
pub mod running;
mod sentence;

pub use autonomy::{Autonomy, Guardians, Levels};
pub use context::{Context, ContextSeen};
pub use ladder::{Facts, LeverState, State, weigh};
pub use limits::Spending;
pub use policy::{OnPending, Policy};
pub use posterior::{Sight, posterior, posterior_of};
pub use running::{Running, Sequential};
