//! The incident: everything known of one, as folds over what happened.
//!
//! **Promise.** [`Case::apply`], [`Case::command`] and [`PlaybookRun::apply`] are the only ways anything changes, and they
//! are pure functions of the entries before: the timeline people read, the state the engine decides on, the work that is
//! due and the post-mortem are the same record. Nothing here reads a clock, a disk or a network; the time is always that
//! of a journal entry, or an argument.

pub mod calendar;
pub mod case;
pub mod correlate;
pub mod export;
mod keep;
pub mod life;
pub mod numbers;
pub mod outside;
pub mod playbook;
pub mod postmortem;
pub mod public;
pub mod run;
pub mod severity;
#[cfg(test)]
mod testing;
pub mod timeline;

pub use case::{ActionRecord, Case, FindingRecord, Phase};
pub use correlate::{Correlator, Sighting};
pub use life::{CaseCommand, Command, LifeCycle, Refusal, Stage};
pub use outside::OutsideAlert;
pub use playbook::{Playbook, Roster};
pub use run::{PlaybookRun, RunEntry, RunEvent};
pub use severity::Severity;
pub use timeline::TimelineEntry;
