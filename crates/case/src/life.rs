//! The life of an incident: from the first finding to the review.
//!
//! ```text
//! detected ─► triaged ─► declared ─► containing ─► contained ─► investigating ─► recovering ─► monitoring ─► resolved ─► reviewed
//!     └────────────┴─(machine pulls)────►┘  ▲◄── still leaking ──┴──────┴──────────────┴─────────────┘            │
//!     any open stage ─► falsePositive | duplicate | merged                    closed ─► reOpened (as detected) ◄──┘
//! ```
//!
//! **Promise.** [`LifeCycle::apply`] is the only way it changes. A refused entry leaves it as it was. Nothing that was
//! written is changed or removed: a correction is a new entry that names the one it corrects.

mod command;
#[cfg(test)]
mod tests;
mod transition;

pub use command::{CaseCommand, Command, MachineEvent, What};
pub use transition::{Stage, Verb};

use portcullis_types::ids::{CaseId, Millis, Seq};
use serde::{Deserialize, Serialize};

use crate::{public, severity::Severity};

/// Most entries that one case keeps. The journal has them all; a case of more needs a second one.
pub const ENTRIES_MAX: usize = 50_000;

/// Most of them that the machine may take: however many findings an attacker provokes, people can still write.
pub const MACHINE_ENTRIES_MAX: usize = 40_000;

/// Longest text of one entry, bytes.
pub const TEXT_BYTES_MAX: usize = 8_192;

/// How long a P1 or P2 is watched before it counts as resolved: seven days, milliseconds (SEAL: a week at least).
pub const MONITORING_MILLIS: u64 = 7 * 86_400_000;

/// One journal entry as the life cycle sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LifeEntry {
    /// Journal sequence. Never smaller than the one before; several of a machine may share one.
    pub seq: Seq,
    /// When it was journaled.
    pub at: Millis,
    /// What happened.
    pub what: What,
}

/// An entry that was taken, and where it led.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// The entry.
    pub entry: LifeEntry,
    /// Stage afterwards.
    pub stage: Stage,
}

/// What an entry changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Stage before.
    pub from: Stage,
    /// Stage afterwards; the same where only something was written down.
    pub to: Stage,
}

/// Why an entry was not taken, what is allowed now, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// The case.
    pub case: CaseId,
    /// Where it stands.
    pub stage: Stage,
    /// Why not.
    pub why: String,
    /// Commands that change the stage and are allowed now.
    pub allowed: Vec<Verb>,
    /// What to do.
    pub remedy: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let allowed: Vec<&str> = self.allowed.iter().map(|verb| verb.name()).collect();
        write!(
            f,
            "{}: {} (the case is {}): {}; allowed now: {}",
            self.case,
            self.why,
            self.stage,
            self.remedy,
            allowed.join(", ")
        )
    }
}

impl std::error::Error for Refusal {}

/// Where a case stands, and everything that was said and done on the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LifeCycle {
    case: CaseId,
    opened_at: Millis,
    stage: Stage,
    severity: Option<Severity>,
    acknowledged: bool,
    record: Vec<Recorded>,
    /// Entries of the machine beyond [`MACHINE_ENTRIES_MAX`], which were only counted.
    dropped: u64,
}

impl LifeCycle {
    /// A case that was just opened by a finding.
    pub fn open(case: CaseId, at: Millis) -> Self {
        Self {
            case,
            opened_at: at,
            stage: Stage::Detected,
            severity: None,
            acknowledged: false,
            record: Vec::new(),
            dropped: 0,
        }
    }

    /// Takes in one entry.
    ///
    /// # Errors
    /// The entry is not allowed now. Nothing was changed; the refusal says what to do.
    pub fn apply(&mut self, entry: LifeEntry) -> Result<Change, Refusal> {
        let from = self.stage;
        let to = match &entry.what {
            What::Command(command) => self.judge(&entry, command)?,
            What::Machine(event) => transition::by_machine(from, event),
        };
        if let What::Command(command) = &entry.what {
            match command.what {
                Command::Acknowledge => self.acknowledged = true,
                Command::Declare { severity, .. } => self.severity = Some(severity),
                _ => {}
            }
        }
        self.stage = to;
        // Findings are kept by the case; here they only count where they change something.
        let is_silent =
            from == to && matches!(&entry.what, What::Machine(MachineEvent::FindingRaised));
        let is_machine = matches!(&entry.what, What::Machine(_));
        if is_machine && !is_silent && self.record.len() >= MACHINE_ENTRIES_MAX {
            self.dropped += 1;
        } else if !is_silent {
            self.record.push(Recorded { entry, stage: to });
        }
        Ok(Change { from, to })
    }

    /// Whether a command could be taken in at `at`. Changes nothing.
    ///
    /// # Errors
    /// Why not, what is allowed now, and what to do.
    pub fn check(&self, at: Millis, command: &CaseCommand) -> Result<Stage, Refusal> {
        let seq = self.record.last().map_or(Seq(0), |last| last.entry.seq);
        self.judge(&LifeEntry { seq, at, what: What::Command(command.clone()) }, command)
    }

    /// The stage that a command leads to.
    fn judge(&self, entry: &LifeEntry, command: &CaseCommand) -> Result<Stage, Refusal> {
        if self.record.len() >= ENTRIES_MAX {
            return Err(self.refuse(
                format!("the case has {ENTRIES_MAX} entries, the most it keeps"),
                "open a second case and name this one in its first note",
            ));
        }
        if self.record.last().is_some_and(|last| entry.seq < last.entry.seq) {
            return Err(self.refuse(
                format!("entry {} is older than the newest one of this case", entry.seq),
                "journal it again; nothing is written between older entries",
            ));
        }
        if command.when > entry.at {
            return Err(self.refuse(
                "it is said to happen in the future".to_owned(),
                "write when it happened, at the latest now",
            ));
        }
        if command.who.trim().is_empty() {
            return Err(self.refuse("nobody is named".to_owned(), "say who does this"));
        }
        if let Some(length) = command.longest_text().filter(|length| *length > TEXT_BYTES_MAX) {
            return Err(self.refuse(
                format!("a text is {length} bytes long, more than {TEXT_BYTES_MAX}"),
                "write the essence, and where the rest lies",
            ));
        }
        self.judge_kind(entry, command)
    }

    fn judge_kind(&self, entry: &LifeEntry, command: &CaseCommand) -> Result<Stage, Refusal> {
        let fault = match &command.what {
            Command::Publish { text } => public::fault(text),
            Command::Alert { alert } => alert.fault(),
            _ => None,
        };
        if let Some((why, remedy)) = fault {
            return Err(self.refuse(why, remedy));
        }
        match &command.what {
            Command::Correct { entry: corrected, .. }
                if !self.record.iter().any(|one| one.entry.seq == *corrected) =>
            {
                Err(self.refuse(
                    format!("entry {corrected} is none of this case's"),
                    "name the sequence number that stands on the timeline",
                ))
            }
            Command::Duplicate { of: other } | Command::Merge { into: other }
                if *other == self.case =>
            {
                Err(self.refuse("a case is not its own copy".to_owned(), "name the other case"))
            }
            Command::Resolve { early: None, .. } if self.is_watched_too_short(entry.at) => {
                Err(self.refuse(
                    "a P1 or P2, or one without a grade, is watched for seven days first"
                        .to_owned(),
                    "wait, or say why it is not needed here (`early`)",
                ))
            }
            what => transition::by_people(self.stage, what).ok_or_else(|| {
                self.refuse(
                    format!("`{}` is not possible now", what.verb().name()),
                    transition::remedy(self.stage),
                )
            }),
        }
    }

    fn is_watched_too_short(&self, now: Millis) -> bool {
        let is_grave = self.severity.is_none_or(|severity| severity.is_at_least(Severity::P2));
        let since = self.reached(Stage::Monitoring);
        self.stage == Stage::Monitoring
            && is_grave
            && since.is_none_or(|since| now.since(since) < MONITORING_MILLIS)
    }

    fn refuse(&self, why: String, remedy: &str) -> Refusal {
        Refusal {
            case: self.case,
            stage: self.stage,
            why,
            allowed: self.allowed(),
            remedy: remedy.to_owned(),
        }
    }

    /// When the stage was entered last, by the time that the entry gives; none if it was not.
    pub fn reached(&self, stage: Stage) -> Option<Millis> {
        let mut before = Stage::Detected;
        let mut at = (stage == Stage::Detected).then_some(self.opened_at);
        for one in &self.record {
            if one.stage == stage && before != stage {
                at = Some(one.entry.happened_at());
            }
            before = one.stage;
        }
        at
    }

    /// Commands that change the stage and are allowed now.
    pub fn allowed(&self) -> Vec<Verb> {
        Verb::MOVING.into_iter().filter(|verb| transition::is_allowed(self.stage, *verb)).collect()
    }

    /// The case.
    pub fn case(&self) -> CaseId {
        self.case
    }

    /// When it was opened.
    pub fn opened_at(&self) -> Millis {
        self.opened_at
    }

    /// Where it stands.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// The grade that people declared; none before they did.
    pub fn severity(&self) -> Option<Severity> {
        self.severity
    }

    /// Whether somebody has said that they are looking.
    pub fn is_acknowledged(&self) -> bool {
        self.acknowledged
    }

    /// Everything that was taken, in order.
    pub fn record(&self) -> &[Recorded] {
        &self.record
    }

    /// Entries of the machine that were only counted.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

impl LifeEntry {
    /// When it happened: what people say, else when it was journaled.
    pub fn happened_at(&self) -> Millis {
        match &self.what {
            What::Command(command) => command.when,
            What::Machine(_) => self.at,
        }
    }
}
