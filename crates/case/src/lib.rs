//! The case: everything known of one incident, as a fold over what happened.
//!
//! **Promise.** [`Case::apply`] is the only way a case changes, and it is a pure function of the entries before: the
//! timeline people read, the state the engine decides on and the post-mortem are the same object.

pub mod case;
pub mod timeline;

pub use case::{ActionRecord, Case, FindingRecord, Phase};
pub use timeline::TimelineEntry;
