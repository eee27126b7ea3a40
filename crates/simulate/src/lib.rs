//! From transactions and state to Evidence. The only crate that uses an EVM.
//!
//! Two roads lead to the same [`Evidence`](portcullis_types::evidence::Evidence), through one [`builder`]:
//!
//! - [`traces`]: a node's `callTracer` and `prestateTracer` answers;
//! - [`replay`]: executing the block again over the state before it.
//!
//! On the replayed state [`reading`] answers probes and [`rehearsal`] plays a lever against an attack before it is
//! pulled. [`rules`] says which hard fork a block follows, [`code`] what a contract's code looks like, [`error`] what a caller should do about a failure.
//!
//! **Assumptions.** Chain data was parsed at the edge. A node may lie, leave things out or contradict itself.
//!
//! **Promises.** Nothing here reads a clock, a disk or a network; equal inputs give equal outputs; nothing panics. What
//! could not be seen is an error or says so in `known`: it never looks like "nothing happened".

pub mod builder;
pub mod error;
pub mod reading;
pub mod rehearsal;
pub mod replay;
pub mod rules;
pub mod traces;

pub mod code;

mod call;
mod logs;
