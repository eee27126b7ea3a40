//! What moves a case: words of people, and facts of the machine. Both lists are closed.

use portcullis_types::{
    ids::{CaseId, Millis, Seq},
    money::Usd,
};
use serde::{Deserialize, Serialize};

use super::Verb;
use crate::{outside::OutsideAlert, severity::Severity};

/// One entry's content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum What {
    /// Somebody said or did something.
    Command(CaseCommand),
    /// The machine saw or did something.
    Machine(MachineEvent),
}

/// Something that a person says or does. The program has made sure that it is this person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseCommand {
    /// Who, by the name in the roster.
    pub who: String,
    /// When it happened; at the latest when it is journaled.
    pub when: Millis,
    /// What.
    pub what: Command,
}

/// The closed list of what people can say of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Command {
    /// I am looking at it.
    Acknowledge,
    /// It was looked at, and it is worth going on.
    Triage {
        /// What was seen.
        note: String,
    },
    /// It is an incident of this grade. Said again, it corrects the grade.
    Declare {
        /// Grade.
        severity: Severity,
        /// Why this one, above all where it is not the suggested one.
        why: String,
    },
    /// Containment begins, by hand or with the machine.
    Contain {
        /// How.
        how: String,
    },
    /// The loss has stopped.
    Contained {
        /// How that is known.
        how: String,
    },
    /// The causes are being looked for.
    Investigate,
    /// Service and funds are being brought back.
    Recover {
        /// The plan.
        plan: String,
    },
    /// All is back; it is watched.
    Monitor,
    /// It is over.
    Resolve {
        /// How it ended.
        summary: String,
        /// Why before the seven days of a P1 or P2 are over, where that is so.
        early: Option<String>,
    },
    /// The review is written.
    Review {
        /// Where it lies.
        report: String,
    },
    /// There was no attack.
    FalsePositive {
        /// What it was, for whoever tunes the detectors.
        why: String,
    },
    /// The same incident as another case, which goes on.
    Duplicate {
        /// The other case.
        of: CaseId,
    },
    /// Goes on as part of another case.
    Merge {
        /// The other case.
        into: CaseId,
    },
    /// It was closed, and it should not have been.
    ReOpen {
        /// Why.
        why: String,
    },
    /// Something worth writing down.
    Note {
        /// What.
        text: String,
    },
    /// An entry was wrong. The old one stays.
    Correct {
        /// Which entry.
        entry: Seq,
        /// How it really was.
        text: String,
    },
    /// Somebody takes on a role. Counts once they acknowledge it themselves.
    Assign {
        /// The role.
        role: String,
        /// Who takes it.
        to: String,
    },
    /// When the attack began, from the chain: the first transaction that belongs to it.
    Began {
        /// That block's time.
        at: Millis,
        /// How that is known: the transaction.
        how: String,
    },
    /// How many honest users a held lever keeps from what they came for.
    Blocked {
        /// The lever.
        lever: String,
        /// How many at a time.
        users: u64,
    },
    /// Funds came back, or were brought to safety.
    Returned {
        /// How much.
        amount: Usd,
        /// From whom, and where it lies.
        how: String,
    },
    /// What everybody may read of it ([`crate::public`]). It cannot be called back, only followed by another.
    Publish {
        /// The text.
        text: String,
    },
    /// An alert of another program fires, or is over. Said by that program; it decides nothing and pulls nothing.
    Alert {
        /// The alert.
        alert: OutsideAlert,
    },
}

/// The closed list of what the machine adds. It follows from what the engine wrote on the case's timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "machine", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum MachineEvent {
    /// A finding was put into the case.
    FindingRaised,
    /// A lever is being pulled.
    PullIssued {
        /// Which.
        lever: String,
    },
    /// A lever holds; the chain says so.
    LeverHeld {
        /// Which.
        lever: String,
    },
    /// A lever was not pulled, or did not work.
    PullFailed {
        /// Which.
        lever: String,
    },
    /// A lever was let go, by us or by others.
    LeverReleased {
        /// Which.
        lever: String,
    },
    /// The loss goes on although a lever holds.
    StillLeaking {
        /// Which.
        lever: String,
        /// How much this time.
        loss: Usd,
    },
    /// Every finding was taken back by re-organisations.
    AllRetracted,
}

impl CaseCommand {
    /// Bytes of the longest text in it.
    pub(super) fn longest_text(&self) -> Option<usize> {
        let texts: [&str; 2] = match &self.what {
            Command::Triage { note: text }
            | Command::Declare { why: text, .. }
            | Command::Contain { how: text }
            | Command::Contained { how: text }
            | Command::Recover { plan: text }
            | Command::Review { report: text }
            | Command::FalsePositive { why: text }
            | Command::ReOpen { why: text }
            | Command::Note { text }
            | Command::Publish { text }
            | Command::Correct { text, .. }
            | Command::Began { how: text, .. }
            | Command::Blocked { lever: text, .. }
            | Command::Returned { how: text, .. } => [text, ""],
            Command::Resolve { summary, early } => [summary, early.as_deref().unwrap_or("")],
            Command::Assign { role, to } => [role, to],
            Command::Alert { alert } => [&alert.name, &alert.text],
            Command::Acknowledge
            | Command::Investigate
            | Command::Monitor
            | Command::Duplicate { .. }
            | Command::Merge { .. } => ["", ""],
        };
        texts.iter().map(|text| text.len()).chain([self.who.len()]).max()
    }
}

impl Command {
    /// The word for it.
    pub fn verb(&self) -> Verb {
        match self {
            Self::Acknowledge => Verb::Acknowledge,
            Self::Triage { .. } => Verb::Triage,
            Self::Declare { .. } => Verb::Declare,
            Self::Contain { .. } => Verb::Contain,
            Self::Contained { .. } => Verb::Contained,
            Self::Investigate => Verb::Investigate,
            Self::Recover { .. } => Verb::Recover,
            Self::Monitor => Verb::Monitor,
            Self::Resolve { .. } => Verb::Resolve,
            Self::Review { .. } => Verb::Review,
            Self::FalsePositive { .. } => Verb::FalsePositive,
            Self::Duplicate { .. } => Verb::Duplicate,
            Self::Merge { .. } => Verb::Merge,
            Self::ReOpen { .. } => Verb::ReOpen,
            Self::Note { .. }
            | Self::Correct { .. }
            | Self::Assign { .. }
            | Self::Began { .. }
            | Self::Blocked { .. }
            | Self::Returned { .. } => Verb::Write,
            Self::Publish { .. } => Verb::Publish,
            Self::Alert { .. } => Verb::Alert,
        }
    }
}
