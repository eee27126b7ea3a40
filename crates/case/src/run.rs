//! A playbook at work: a fold over journal entries that knows what is due, and a list of effects that are.
//!
//! ```text
//! waiting ─► awaitingApproval ─► ready | running ─► checking ─► done        done | failed ─► undoing ─► undone
//!    └─► skipped (with the reason)      └─────────────┴─► failed ─► (people say) retry          └─► undoFailed ─► retry
//! ```
//!
//! **How the program drives it.** [`PlaybookRun::next`] says which effects are due at a time. For each, journal
//! [`RunEvent::Issued`] with its id, apply it, and only then perform it. What came of it is journaled as
//! [`RunEvent::Delivered`], [`RunEvent::Ended`] or [`RunEvent::Checked`]. After a restart fold the journal again, perform
//! what [`PlaybookRun::outstanding`] still lists under the same ids, and go on.
//!
//! **Promise.** The id of an effect follows from its step, kind and attempt alone. An id is issued once; it stays
//! outstanding until its answer is in the journal; so a crash anywhere loses none and issues none twice. Whoever performs
//! must take the same id twice for the same thing (ACT-3), as after a crash nobody knows how far it came.
//!
//! **What it never does.** It approves nothing, counts no person and no key twice, undoes nothing without the quorum of
//! the playbook's `undoApproval`, and takes no post-condition from whoever did the step.

mod effect;
mod event;
mod fold;
mod people;
#[cfg(test)]
mod tests;
mod undo;
mod words;

pub use effect::{Effect, EffectKind, RunEffectId};
pub use event::{Answer, Facts, RunEntry, RunEvent, RunRefusal};

use std::collections::{BTreeMap, BTreeSet};

use portcullis_types::ids::{CaseId, Millis, Seq};
use serde::{Deserialize, Serialize};

use crate::playbook::{Playbook, Roster, Step};

/// Most attempts at one step. Who needs more needs another way.
pub const ATTEMPTS_MAX: u32 = 20;
/// How often a page that could not be delivered is issued again, and a view that could not be read is asked again.
pub const DELIVERIES_MAX: u32 = 10;

/// Where a step stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "camelCase")]
pub enum Status {
    /// Steps before it are not finished.
    Waiting,
    /// People must agree.
    AwaitingApproval,
    /// People can do it.
    Ready,
    /// The machine is at it.
    Running,
    /// Done; somebody else looks whether it worked.
    Checking,
    /// Done, and seen to be done.
    Done,
    /// It did not work.
    Failed {
        /// Why.
        why: String,
    },
    /// Not done.
    Skipped {
        /// Why not.
        why: String,
    },
    /// Being taken back.
    Undoing,
    /// Taken back.
    Undone,
    /// Could not be taken back.
    UndoFailed {
        /// Why.
        why: String,
    },
}

impl Status {
    /// Whether somebody or something is at work on it, against the clock.
    pub fn is_under_way(&self) -> bool {
        matches!(
            self,
            Self::AwaitingApproval | Self::Ready | Self::Running | Self::Checking | Self::Undoing
        )
    }

    /// As written.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::AwaitingApproval => "awaitingApproval",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Checking => "checking",
            Self::Done => "done",
            Self::Failed { .. } => "failed",
            Self::Skipped { .. } => "skipped",
            Self::Undoing => "undoing",
            Self::Undone => "undone",
            Self::UndoFailed { .. } => "undoFailed",
        }
    }
}

/// One step of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepState {
    /// Where it stands.
    pub status: Status,
    /// When its clock began; none while it waits.
    pub since: Option<Millis>,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// Who has agreed to this attempt.
    pub approvals: BTreeSet<String>,
    /// Who said no to this attempt.
    pub objections: BTreeSet<String>,
    /// Who or what did it.
    pub done_by: Option<String>,
    /// Journal entry by which it took effect; the order in which steps are undone.
    pub took_effect: Option<Seq>,
    /// What whoever did it wrote.
    pub note: String,
    /// Skipped because of a condition, not by a person: begins after all if the condition comes to hold.
    pub by_condition: bool,
}

/// Whether a run goes forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Direction {
    /// Steps are done.
    Forward,
    /// What was done is being taken back, the newest first.
    Back,
    /// People have ended it.
    Stopped,
}

/// One playbook at work in one case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlaybookRun {
    case: CaseId,
    started: Seq,
    started_at: Millis,
    last: Seq,
    playbook: Playbook,
    roster: Roster,
    facts: Facts,
    direction: Direction,
    steps: BTreeMap<String, StepState>,
    /// Effects that were issued, and whether they were answered.
    #[serde(with = "issued_as_list")]
    issued: BTreeMap<RunEffectId, bool>,
    /// How often an effect could not be delivered.
    undelivered: BTreeMap<String, u32>,
    undo_orders: BTreeSet<String>,
}

impl PlaybookRun {
    /// A run that begins with the journal entry `seq`. That entry holds all of this: a replay needs no file.
    pub fn start(
        (case, seq, at): (CaseId, Seq, Millis),
        playbook: Playbook,
        roster: Roster,
        facts: Facts,
    ) -> Self {
        let waiting = || StepState {
            status: Status::Waiting,
            since: None,
            attempt: 1,
            approvals: BTreeSet::new(),
            objections: BTreeSet::new(),
            done_by: None,
            took_effect: None,
            note: String::new(),
            by_condition: false,
        };
        let steps = playbook.steps.iter().map(|step| (step.id.clone(), waiting())).collect();
        let mut run = Self {
            case,
            started: seq,
            started_at: at,
            last: seq,
            playbook,
            roster,
            facts,
            direction: Direction::Forward,
            steps,
            issued: BTreeMap::new(),
            undelivered: BTreeMap::new(),
            undo_orders: BTreeSet::new(),
        };
        run.settle(at);
        run
    }

    /// The case.
    pub fn case(&self) -> CaseId {
        self.case
    }

    /// The journal entry that began it: its identity.
    pub fn started(&self) -> (Seq, Millis) {
        (self.started, self.started_at)
    }

    /// What is carried out.
    pub fn playbook(&self) -> &Playbook {
        &self.playbook
    }

    /// Who carries it out.
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// What it knows of the case.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Whether other facts would change which steps are to be done.
    pub fn is_moved_by(&self, facts: &Facts) -> bool {
        let differs = |step: &Step| {
            Self::unmet(step, facts).is_some() != Self::unmet(step, &self.facts).is_some()
        };
        self.playbook.steps.iter().any(differs)
    }

    /// Whether it goes forward.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// Where a step stands.
    pub fn step(&self, id: &str) -> Option<&StepState> {
        self.steps.get(id)
    }

    /// All steps in the playbook's order, with where they stand.
    pub fn steps(&self) -> impl Iterator<Item = (&Step, &StepState)> {
        self.playbook.steps.iter().filter_map(|step| Some((step, self.steps.get(&step.id)?)))
    }

    /// Whether nothing is left to do.
    pub fn is_over(&self) -> bool {
        let is_at_rest = |state: &StepState| !state.status.is_under_way();
        match self.direction {
            Direction::Forward => self.steps().all(|(step, state)| match state.status {
                Status::Done | Status::Skipped { .. } | Status::Undone => true,
                Status::Failed { .. } => self.was_made_good(&step.id),
                _ => false,
            }),
            Direction::Back => self.steps.values().all(is_at_rest) && self.next_to_undo().is_none(),
            Direction::Stopped => true,
        }
    }
}

/// JSON has no maps with keys that are not texts.
mod issued_as_list {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    use super::RunEffectId;

    pub(super) fn serialize<S: Serializer>(
        issued: &BTreeMap<RunEffectId, bool>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(issued)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<BTreeMap<RunEffectId, bool>, D::Error> {
        Ok(Vec::deserialize(from)?.into_iter().collect())
    }
}
