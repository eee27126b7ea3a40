//! What a run is told. A closed list: people, answers to effects, and facts of the case.

use portcullis_types::{
    ids::{Millis, Seq},
    money::Usd,
};
use serde::{Deserialize, Serialize};

use super::RunEffectId;
use crate::severity::Severity;

/// What conditions of steps ask for. `None` is "not known": then the step is done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// Grade of the case.
    pub severity: Option<Severity>,
    /// Classes of the attack, as far as they are known.
    pub classes: Option<Vec<String>>,
    /// Lost so far.
    pub loss: Option<Usd>,
}

/// One journal entry as a run sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEntry {
    /// Journal sequence; never smaller than the one before.
    pub seq: Seq,
    /// When it was journaled.
    pub at: Millis,
    /// What happened.
    pub event: RunEvent,
}

/// What somebody saw who looked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "camelCase")]
pub enum Answer {
    /// It is as expected.
    Holds,
    /// It is not.
    DoesNotHold {
        /// What was there instead.
        found: String,
    },
    /// Nobody could look. That is no answer, and it is asked again.
    CouldNotLook {
        /// Why.
        why: String,
    },
}

/// What happened in a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "run", rename_all = "camelCase")]
pub enum RunEvent {
    /// An effect is about to be performed.
    Issued {
        /// Which.
        effect: RunEffectId,
    },
    /// A page, request or escalation was taken by a channel.
    Delivered {
        /// Which.
        effect: RunEffectId,
    },
    /// It was taken by none. It is issued again under a new id.
    Undelivered {
        /// Which.
        effect: RunEffectId,
        /// Why.
        why: String,
    },
    /// A lever was pulled or let go, or a question answered; or not.
    Ended {
        /// Which.
        effect: RunEffectId,
        /// Who or what did it: the account, the process.
        by: String,
        /// Why it did not work; none if it did.
        failure: Option<String>,
        /// What came out, for people.
        note: String,
    },
    /// Somebody looked whether a step worked.
    Checked {
        /// Which.
        effect: RunEffectId,
        /// Who: a person, or an observer that does not act.
        by: String,
        /// What they saw.
        answer: Answer,
    },
    /// The case is graded or measured anew.
    FactsChanged {
        /// What is known now.
        facts: Facts,
    },
    /// A person has done a step.
    Done {
        /// Which.
        step: String,
        /// Who.
        who: String,
        /// What they want to be read.
        note: String,
    },
    /// A person could not do it.
    Failed {
        /// Which.
        step: String,
        /// Who.
        who: String,
        /// Why.
        why: String,
    },
    /// A person decides that it is not done.
    Skipped {
        /// Which.
        step: String,
        /// Who.
        who: String,
        /// Why.
        why: String,
    },
    /// A person agrees.
    Approved {
        /// To which step.
        step: String,
        /// Who.
        who: String,
    },
    /// A person takes their agreement back.
    ApprovalWithdrawn {
        /// To which step.
        step: String,
        /// Who.
        who: String,
    },
    /// A person says no.
    Objected {
        /// To which step.
        step: String,
        /// Who.
        who: String,
        /// Why.
        why: String,
    },
    /// What failed is tried again. Agreement is asked for again.
    Retried {
        /// Which.
        step: String,
        /// Who.
        who: String,
    },
    /// A person wants all that was done to be taken back. Counts towards the quorum.
    UndoOrdered {
        /// Who.
        who: String,
        /// Why.
        why: String,
    },
    /// The incident commander ends the run. What was done stays.
    Stopped {
        /// Who.
        who: String,
        /// Why.
        why: String,
    },
}

impl RunEvent {
    /// Whose word this is; none for what the machine adds.
    pub fn who(&self) -> Option<&str> {
        match self {
            Self::Done { who, .. }
            | Self::Failed { who, .. }
            | Self::Skipped { who, .. }
            | Self::Approved { who, .. }
            | Self::ApprovalWithdrawn { who, .. }
            | Self::Objected { who, .. }
            | Self::Retried { who, .. }
            | Self::UndoOrdered { who, .. }
            | Self::Stopped { who, .. } => Some(who),
            Self::Issued { .. }
            | Self::Delivered { .. }
            | Self::Undelivered { .. }
            | Self::Ended { .. }
            | Self::Checked { .. }
            | Self::FactsChanged { .. } => None,
        }
    }

    /// Bytes of the longest text that a person gave.
    pub fn longest_text(&self) -> usize {
        let text = match self {
            Self::Done { note, .. } => note,
            Self::Failed { why, .. }
            | Self::Skipped { why, .. }
            | Self::Objected { why, .. }
            | Self::UndoOrdered { why, .. }
            | Self::Stopped { why, .. } => why,
            _ => return 0,
        };
        text.len()
    }
}

/// Why an entry was not taken, and what to do. The run is as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunRefusal {
    /// Step, where it is one's.
    pub step: Option<String>,
    /// Why not.
    pub why: String,
    /// What to do.
    pub remedy: String,
}

impl std::fmt::Display for RunRefusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let step = self.step.as_deref().unwrap_or("run");
        write!(f, "{step}: {}; {}", self.why, self.remedy)
    }
}

impl std::error::Error for RunRefusal {}

impl RunRefusal {
    pub(super) fn new(
        step: Option<&str>,
        why: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { step: step.map(str::to_owned), why: why.into(), remedy: remedy.into() }
    }
}
