//! Attacks on anybody: victims and attackers are inferred from one transaction's Evidence.
//!
//! Where a protocol's owners have said nothing, no invariant is known and nothing may act on what is said here. What is
//! left is what a thief's transaction looks like: who ends up richer without paying, whose call tree bends around a
//! price, who is entered again before the books are written.

mod suspicion;

pub use suspicion::{AttackClass, Level, Loss, Signal, Suspicion};

use portcullis_types::evidence::Evidence;

/// Looks at one transaction after the other, in the order of the chain.
#[derive(Debug, Default)]
pub struct Scanner {}

impl Scanner {
    /// A scanner that has seen nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What is suspicious about a transaction; none if nothing is.
    pub fn inspect(&mut self, _evidence: &Evidence) -> Option<Suspicion> {
        None
    }
}
