//! The engine: one pure loop. Events in, effects out; nothing here waits, reads a clock or touches the world.
//!
//! **Assumptions.** Every event was journaled before it is stepped (CASE-1), and `now` comes with it.
//!
//! **Promises.** The same entries in the same order give the same outputs, byte for byte. An effect is asked for once;
//! [`Engine::outstanding`] names those without an answer, which is all that a restart needs.

mod age;
pub mod approvals;
mod brakes;
mod chain_state;
mod context;
mod event;
mod flood;
mod guard;
mod incident;
mod links;
mod outside;
pub mod pending;
mod people;
mod respond;
pub mod runs;
mod samples;
mod sight;
mod step;
mod view;

pub use approvals::Asked;
pub use brakes::{Brake, LEVER, STRANGE_HOLDS_MAX};
pub use chain_state::{ChainState, Coverage};
pub use event::{ChainSettings, Config, Effect, Entry, Event, ProtocolConfig, StepOutput};
pub use flood::FINDINGS_A_DECISION_MAX;
pub use guard::Guard;
pub use outside::{OUTSIDE_ALERTS_MAX, Outside};
pub use pending::{PENDING_A_HEAD_MAX, PENDING_STANDS_BLOCKS};
pub use people::{Refusal, RefusalCode};
pub use step::Engine;
pub use view::{LeverView, ProtocolView};
