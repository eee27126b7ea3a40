//! How the outcomes of an action get into the journal, one before the next is tried.

use std::{future::Future, pin::Pin};

use portcullis_types::{action::Outcome, ids::EffectId};

/// What [`Report::report`] returns.
pub type Reporting<'a> = Pin<Box<dyn Future<Output = Result<(), Stopped>> + Send + 'a>>;

/// Where outcomes go.
pub trait Report: Send + Sync {
    /// Writes `outcome` of the action `id` down. The future resolves once it is journaled, not once it is queued: what
    /// follows relies on it after a crash.
    fn report(&self, id: EffectId, outcome: Outcome) -> Reporting<'_>;
}

/// The journal takes nothing more, because the program is ending or its disk is full. The action stays where it is, and
/// is taken up from the journal later.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the journal takes no outcome ({why}): the action rests until the program starts again")]
pub struct Stopped {
    /// What happened.
    pub why: String,
}
