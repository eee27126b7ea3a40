//! One case and how it changes.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::Address;
use portcullis_types::{
    action::{Action, Intent, Outcome},
    case_event::CaseEvent,
    chain::BlockId,
    decision::Decision,
    finding::{Finding, FindingStatus},
    ids::{CaseId, ChainId, EffectId, FindingKey, Millis, Seq},
    money::Usd,
};
use serde::Serialize;

use crate::{
    keep::Ranks,
    life::{CaseCommand, Change, LifeCycle, LifeEntry, MachineEvent, Refusal, Stage, What},
    severity::{self, Severity},
    timeline::{self, TimelineEntry},
};

/// Most findings a case keeps whole, the gravest of them. An attack of a thousand copies says the same thing again, and a
/// flood of noise must not keep out the one that matters.
pub const FINDINGS_A_CASE_MAX: usize = 10_000;

/// Most lines of a timeline that are kept of findings and of decisions to do nothing; the journal has them all.
pub const TIMELINE_ENTRIES_MAX: usize = 50_000;

/// Further lines that are kept for everything else that the machine does: what it pulled, what it asks for.
pub const TIMELINE_RESERVE: usize = 10_000;

/// Most decisions a case keeps. The oldest that chose no lever goes first, else the oldest; the journal has them all.
pub const DECISIONS_A_CASE_MAX: usize = 1_000;

/// The detector whose findings accuse nobody: a broken invariant says where to look, which may be at an honest user's
/// transaction.
const ACCUSES_NOBODY: &str = "invariant";

/// Where a case stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Findings, no action.
    Open,
    /// An action is under way.
    Containing,
    /// A lever holds.
    Contained,
    /// What was pulled has been let go.
    Released,
    /// All its findings were taken back by re-organisations.
    Dissolved,
}

/// A finding and where it stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FindingRecord {
    /// As raised.
    pub finding: Finding,
    /// Block it is in now (a re-organisation may move it).
    pub block: BlockId,
    /// Where it stands.
    pub status: FindingStatus,
}

/// An action and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ActionRecord {
    /// As issued.
    pub action: Action,
    /// When it was issued.
    pub issued_at: Millis,
    /// What became of it, in order.
    pub outcomes: Vec<Outcome>,
}

impl ActionRecord {
    /// How it ended, if it has.
    pub fn ending(&self) -> Option<&Outcome> {
        self.outcomes.last().filter(|outcome| outcome.is_final())
    }

    /// Block of our transaction that took effect.
    pub fn mined_in(&self) -> Option<BlockId> {
        self.outcomes.iter().rev().find_map(|outcome| match outcome {
            Outcome::Mined { block, success: true, .. } => Some(*block),
            _ => None,
        })
    }
}

/// One incident.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Case {
    /// Identity.
    pub id: CaseId,
    /// Protocol.
    pub protocol: String,
    /// When it was opened.
    pub opened_at: Millis,
    /// Findings by key.
    pub findings: BTreeMap<FindingKey, FindingRecord>,
    /// Findings that were only counted: the least of more than [`FINDINGS_A_CASE_MAX`], and those of blocks that had too
    /// many.
    pub findings_dropped: u64,
    /// Decisions in order, at most [`DECISIONS_A_CASE_MAX`].
    pub decisions: Vec<Decision>,
    /// Decisions that are kept no more.
    pub decisions_dropped: u64,
    /// Actions by id.
    #[serde(serialize_with = "actions_as_list")]
    pub actions: BTreeMap<EffectId, ActionRecord>,
    /// What happened, for people.
    pub timeline: Vec<TimelineEntry>,
    /// Lines beyond [`TIMELINE_ENTRIES_MAX`] and [`TIMELINE_RESERVE`], which were only counted.
    pub timeline_dropped: u64,
    /// Whether all findings were retracted.
    pub dissolved: bool,
    /// Where people stand with it, and everything they said.
    pub life: LifeCycle,
    /// When the findings made it look worse, and how bad: the journal's place and time of each. At most one entry a grade.
    pub graded: Vec<(Seq, Millis, Severity)>,
    /// The findings by how much they matter.
    #[serde(skip)]
    pub(crate) ranks: Ranks,
    /// What the timeline says of findings that were not kept.
    #[serde(skip)]
    pub(crate) told_dropped: u64,
}

fn actions_as_list<S: serde::Serializer>(
    actions: &BTreeMap<EffectId, ActionRecord>,
    to: S,
) -> Result<S::Ok, S::Error> {
    to.collect_seq(actions.values())
}

impl Case {
    /// A case that was just opened.
    pub fn open(id: CaseId, protocol: String, at: Millis) -> Self {
        Self {
            id,
            protocol,
            opened_at: at,
            findings: BTreeMap::new(),
            findings_dropped: 0,
            decisions: Vec::new(),
            decisions_dropped: 0,
            actions: BTreeMap::new(),
            timeline: Vec::new(),
            timeline_dropped: 0,
            dissolved: false,
            life: LifeCycle::open(id, at),
            graded: Vec::new(),
            ranks: Ranks::default(),
            told_dropped: 0,
        }
    }

    /// How bad it is: what people declared, else what the findings say. None before anything was found.
    pub fn severity(&self) -> Option<Severity> {
        self.life.severity().or_else(|| self.suggested())
    }

    /// How bad the worst finding made it look. Never better than it was: only people grade down.
    pub fn suggested(&self) -> Option<Severity> {
        self.graded.last().map(|(_, _, severity)| *severity)
    }

    /// Writes a line on the timeline that no event of the case stands for: what a playbook did, which case it belongs with.
    pub fn note(&mut self, seq: Seq, at: Millis, what: &str, text: String) {
        if self.has_line(false) {
            self.timeline.push(TimelineEntry { seq, at, block: None, what: what.to_owned(), text });
        } else {
            self.timeline_dropped += 1;
        }
    }

    /// Takes in what a person said or did. `seq` and `at` are those of the journal entry.
    ///
    /// # Errors
    /// It is not allowed now; the case is as it was. The refusal says what is allowed and what to do.
    pub fn command(
        &mut self,
        seq: Seq,
        at: Millis,
        command: &CaseCommand,
    ) -> Result<Change, Refusal> {
        let change =
            self.life.apply(LifeEntry { seq, at, what: What::Command(command.clone()) })?;
        // Not under the limit of what the machine writes: the life cycle takes a bounded number, and a flood of findings
        // must not hide what people did.
        self.timeline.push(timeline::command(seq, at, command, change));
        Ok(change)
    }

    /// Takes in what happened. `seq` and `at` are those of the journal entry that caused it.
    pub fn apply(&mut self, seq: Seq, at: Millis, event: &CaseEvent) {
        self.write_line(seq, at, event);
        if let Some(fact) = self.fact(event) {
            // The machine is never refused: what the chain says has happened.
            let _ = self.life.apply(LifeEntry { seq, at, what: What::Machine(fact) });
        }
        match event {
            CaseEvent::Opened { .. }
            | CaseEvent::BrakeMoved { .. }
            | CaseEvent::ApprovalAsked { .. }
            | CaseEvent::ApprovalGiven { .. }
            | CaseEvent::ApprovalLapsed { .. }
            | CaseEvent::LossAfterHold { .. }
            | CaseEvent::LeverFoundReleased { .. } => {}
            CaseEvent::FindingRaised { finding, .. } => {
                self.grade(seq, at, finding);
                self.raise(finding, FindingStatus::Seen);
            }
            CaseEvent::FindingForeseen { finding, .. } => {
                self.grade(seq, at, finding);
                self.raise(finding, FindingStatus::Pending);
            }
            CaseEvent::FindingMoved { key, status, block, .. } => {
                if let Some(record) = self.findings.get_mut(key) {
                    self.ranks.remove(record);
                    record.status = *status;
                    if *status == FindingStatus::Seen {
                        record.block = *block;
                        self.dissolved = false;
                    }
                    self.ranks.insert(record);
                }
            }
            CaseEvent::Decided { decision, .. } => self.keep_decision(decision),
            CaseEvent::ActionIssued { action, .. } => {
                let record = ActionRecord {
                    action: (**action).clone(),
                    issued_at: at,
                    outcomes: Vec::new(),
                };
                self.actions.insert(action.id, record);
            }
            CaseEvent::ActionMoved { action, outcome, .. } => {
                if let Some(record) = self.actions.get_mut(action) {
                    record.outcomes.push(outcome.clone());
                }
            }
            CaseEvent::Dissolved { .. } => self.dissolved = true,
        }
        self.tell_dropped(seq, at);
    }

    /// What an event means for the life of the case, seen from before it.
    fn fact(&self, event: &CaseEvent) -> Option<MachineEvent> {
        Some(match event {
            CaseEvent::FindingRaised { .. } => MachineEvent::FindingRaised,
            CaseEvent::FindingMoved { key, status: FindingStatus::Seen, .. } => {
                let record = self.findings.get(key)?;
                (record.status == FindingStatus::Retracted)
                    .then_some(MachineEvent::FindingRaised)?
            }
            CaseEvent::ActionIssued { action, .. } if action.intent != Intent::Release => {
                MachineEvent::PullIssued { lever: action.lever.name.clone() }
            }
            CaseEvent::ActionMoved { action, outcome, .. } if outcome.is_final() => {
                let action = &self.actions.get(action)?.action;
                let lever = action.lever.name.clone();
                match (action.intent, outcome) {
                    (Intent::Release, Outcome::Held { .. }) => {
                        MachineEvent::LeverReleased { lever }
                    }
                    (Intent::Release, _) => return None,
                    (_, Outcome::Held { .. }) => MachineEvent::LeverHeld { lever },
                    _ => MachineEvent::PullFailed { lever },
                }
            }
            CaseEvent::LossAfterHold { lever, loss, .. } => {
                MachineEvent::StillLeaking { lever: lever.clone(), loss: *loss }
            }
            CaseEvent::LeverFoundReleased { lever, .. } => {
                MachineEvent::LeverReleased { lever: lever.clone() }
            }
            CaseEvent::Dissolved { .. } => MachineEvent::AllRetracted,
            _ => return None,
        })
    }

    fn grade(&mut self, seq: Seq, at: Millis, finding: &Finding) {
        let severity = severity::of_finding(finding);
        if self.suggested().is_none_or(|before| severity < before) {
            self.graded.push((seq, at, severity));
        }
    }

    /// Findings of blocks that were not retracted.
    pub fn live_findings(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .values()
            .filter(|record| record.status > FindingStatus::Pending)
            .filter(|record| record.status != FindingStatus::Retracted)
            .map(|record| &record.finding)
    }

    /// Findings of transactions that are in no block yet.
    pub fn pending_findings(&self) -> impl Iterator<Item = &Finding> {
        let is_pending = |record: &&FindingRecord| record.status == FindingStatus::Pending;
        self.findings.values().filter(is_pending).map(|record| &record.finding)
    }

    /// Whether nothing is left that was not retracted, neither of blocks nor pending.
    pub fn is_bare(&self) -> bool {
        self.findings.values().all(|record| record.status == FindingStatus::Retracted)
    }

    /// Whether a finding says who did it. None does in a case that people called a false alarm.
    pub fn accuses(&self, finding: &Finding) -> bool {
        finding.detector != ACCUSES_NOBODY && self.life.stage() != Stage::FalsePositive
    }

    /// Whom the findings that stand accuse: the senders of their transactions.
    pub fn attackers(&self) -> BTreeSet<(ChainId, Address)> {
        let accusing = self.live_findings().filter(|finding| self.accuses(finding));
        accusing.filter_map(|finding| Some((finding.chain, finding.actor?))).collect()
    }

    /// What happened, in one sentence: the finding with the largest loss says it best, among equals the first. A broken
    /// invariant says that something is wrong and not what happened: it speaks only where nothing else does.
    pub fn sentence(&self) -> Option<&str> {
        let mut best: Option<(&str, (bool, Usd))> = None;
        for finding in self.live_findings().chain(self.pending_findings()) {
            let says = (finding.detector != ACCUSES_NOBODY, finding.loss);
            if best.is_none_or(|(_, other)| says > other) {
                best = Some((&finding.sentence, says));
            }
        }
        best.map(|(sentence, _)| sentence)
    }

    /// Lost so far. Several detectors report the same loss, and not always on the same transaction (an invariant is only
    /// read at the end of a block): of each block the largest sum that one detector reports counts.
    pub fn loss(&self) -> Usd {
        let mut blocks: BTreeMap<u64, BTreeMap<&str, Usd>> = BTreeMap::new();
        for finding in self.live_findings() {
            let detectors = blocks.entry(finding.block.number).or_default();
            *detectors.entry(&finding.detector).or_default() += finding.loss;
        }
        let largest = |detectors: BTreeMap<&str, Usd>| detectors.into_values().max();
        blocks.into_values().filter_map(largest).sum()
    }

    /// Where the case stands.
    pub fn phase(&self) -> Phase {
        let mut phase = Phase::Open;
        for record in self.actions.values() {
            phase = match (record.action.intent, record.ending()) {
                (Intent::Release, Some(Outcome::Held { .. })) => Phase::Released,
                (Intent::Pull | Intent::Reassert, Some(Outcome::Held { .. })) => Phase::Contained,
                (_, None) => Phase::Containing,
                _ => phase,
            };
        }
        if self.dissolved && phase == Phase::Open { Phase::Dissolved } else { phase }
    }
}
