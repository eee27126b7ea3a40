//! The promises Portcullis makes about itself, by number. Numbers are never used again.
//!
//! The same predicates are checked in tests, in the seeded simulation and in production, where a breach is journaled
//! and ends the process loudly: an incident-response tool that breaks its own rules must not go on acting.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Invariant {
    /// Journal before step.
    Case1,
    /// The timeline is append-only and hash-chained.
    Case2,
    /// Every block in range is inspected xor blind.
    Det1,
    /// A re-organisation retracts its findings.
    Det2,
    /// Nothing but a stable detector may act unattended.
    Dec1,
    /// The sum of live actions is within the budget.
    Dec2,
    /// No automatic action can move funds, loosen a limit, un-pause before a hold ends, or block repaying and adding
    /// collateral.
    Dec3,
    /// One intent has at most one live nonce.
    Act1,
    /// Every action names its decision, its undo and its expiry.
    Act2,
    /// Effects are idempotent by journal sequence.
    Act3,
    /// No action is sent that was not simulated against the newest state.
    Act4,
}

impl Invariant {
    /// The published name: `DET-1`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Case1 => "CASE-1",
            Self::Case2 => "CASE-2",
            Self::Det1 => "DET-1",
            Self::Det2 => "DET-2",
            Self::Dec1 => "DEC-1",
            Self::Dec2 => "DEC-2",
            Self::Dec3 => "DEC-3",
            Self::Act1 => "ACT-1",
            Self::Act2 => "ACT-2",
            Self::Act3 => "ACT-3",
            Self::Act4 => "ACT-4",
        }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{invariant} broken: {detail}; stop this process, keep its journal and report it")]
pub struct Broken {
    /// Which.
    pub invariant: Invariant,
    /// How.
    pub detail: String,
}

/// `Ok` if `holds`, else the breach with its detail.
pub fn check(
    invariant: Invariant,
    holds: bool,
    detail: impl FnOnce() -> String,
) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(Broken { invariant, detail: detail() }) }
}
