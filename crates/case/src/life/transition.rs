//! The stages, and which may follow which. This table is all there is to it.

use std::fmt;

use portcullis_types::ids::CaseId;
use serde::{Deserialize, Serialize};

use super::{Command, MachineEvent};

/// Where a case stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Stage {
    /// A finding opened it; nobody has judged it.
    Detected,
    /// It was closed, and is open again; nobody has judged it anew.
    ReOpened,
    /// Somebody looked, and it is worth going on.
    Triaged,
    /// It is an incident, with a grade.
    Declared,
    /// Something is being done against the loss.
    Containing,
    /// The loss has stopped.
    Contained,
    /// Causes are being looked for.
    Investigating,
    /// Service and funds are being brought back.
    Recovering,
    /// All is back; it is watched.
    Monitoring,
    /// Over.
    Resolved,
    /// Over, and learned from.
    Reviewed,
    /// There was no attack.
    FalsePositive,
    /// The same as another case.
    Duplicate {
        /// The case that goes on.
        of: CaseId,
    },
    /// Part of another case.
    Merged {
        /// The case that goes on.
        into: CaseId,
    },
}

impl Stage {
    /// Whether work goes on.
    pub fn is_open(self) -> bool {
        self < Self::Resolved
    }

    /// As written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Detected => "detected",
            Self::ReOpened => "reOpened",
            Self::Triaged => "triaged",
            Self::Declared => "declared",
            Self::Containing => "containing",
            Self::Contained => "contained",
            Self::Investigating => "investigating",
            Self::Recovering => "recovering",
            Self::Monitoring => "monitoring",
            Self::Resolved => "resolved",
            Self::Reviewed => "reviewed",
            Self::FalsePositive => "falsePositive",
            Self::Duplicate { .. } => "duplicate",
            Self::Merged { .. } => "merged",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duplicate { of } => write!(f, "a duplicate of {of}"),
            Self::Merged { into } => write!(f, "merged into {into}"),
            stage => f.write_str(stage.name()),
        }
    }
}

/// A command without its content: what can be offered to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Verb {
    /// Say that one is looking.
    Acknowledge,
    /// Say that it is worth going on.
    Triage,
    /// Grade it.
    Declare,
    /// Begin to stop the loss.
    Contain,
    /// Say that the loss has stopped.
    Contained,
    /// Look for causes.
    Investigate,
    /// Bring service and funds back.
    Recover,
    /// Watch.
    Monitor,
    /// Say that it is over.
    Resolve,
    /// Name the review.
    Review,
    /// Say that there was no attack.
    FalsePositive,
    /// Name the case that this one repeats.
    Duplicate,
    /// Name the case that this one goes into.
    Merge,
    /// Take it up again.
    ReOpen,
    /// Notes, corrections, assignments and figures: always allowed.
    Write,
    /// Say something in public: always allowed.
    Publish,
    /// An alert of another program: always allowed.
    Alert,
}

impl Verb {
    /// Those that can change the stage.
    pub const MOVING: [Self; 13] = [
        Self::Triage,
        Self::Declare,
        Self::Contain,
        Self::Contained,
        Self::Investigate,
        Self::Recover,
        Self::Monitor,
        Self::Resolve,
        Self::Review,
        Self::FalsePositive,
        Self::Duplicate,
        Self::Merge,
        Self::ReOpen,
    ];

    /// As written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge",
            Self::Triage => "triage",
            Self::Declare => "declare",
            Self::Contain => "contain",
            Self::Contained => "contained",
            Self::Investigate => "investigate",
            Self::Recover => "recover",
            Self::Monitor => "monitor",
            Self::Resolve => "resolve",
            Self::Review => "review",
            Self::FalsePositive => "falsePositive",
            Self::Duplicate => "duplicate",
            Self::Merge => "merge",
            Self::ReOpen => "reOpen",
            Self::Write => "note",
            Self::Publish => "publish",
            Self::Alert => "alert",
        }
    }
}

/// Whether people may say `verb` of a case at `stage`.
pub(super) fn is_allowed(stage: Stage, verb: Verb) -> bool {
    use Stage as S;
    match verb {
        Verb::Write | Verb::Publish | Verb::Alert => true,
        Verb::Acknowledge | Verb::Declare | Verb::Duplicate | Verb::Merge => stage.is_open(),
        Verb::Triage => matches!(stage, S::Detected | S::ReOpened),
        // It leaks again, or the machine was not asked: containing is possible from everywhere but before a judgement.
        Verb::Contain => (S::Triaged..S::Resolved).contains(&stage) && stage != S::Containing,
        Verb::Contained => stage == S::Containing,
        Verb::Investigate => matches!(stage, S::Declared | S::Contained),
        Verb::Recover => matches!(stage, S::Contained | S::Investigating),
        Verb::Monitor => matches!(stage, S::Contained | S::Investigating | S::Recovering),
        Verb::Resolve => stage == S::Monitoring,
        Verb::Review => stage == S::Resolved,
        // What was already being repaired was no false alarm.
        Verb::FalsePositive => stage <= S::Investigating,
        Verb::ReOpen => !stage.is_open(),
    }
}

/// Where a command of people leads; none where it is not allowed.
pub(super) fn by_people(stage: Stage, command: &Command) -> Option<Stage> {
    if !is_allowed(stage, command.verb()) {
        return None;
    }
    Some(match command {
        Command::Triage { .. } => Stage::Triaged,
        // A grade said later is a new grade, not a step back.
        Command::Declare { .. } => stage.max(Stage::Declared),
        Command::Contain { .. } => Stage::Containing,
        Command::Contained { .. } => Stage::Contained,
        Command::Investigate => Stage::Investigating,
        Command::Recover { .. } => Stage::Recovering,
        Command::Monitor => Stage::Monitoring,
        Command::Resolve { .. } => Stage::Resolved,
        Command::Review { .. } => Stage::Reviewed,
        Command::FalsePositive { .. } => Stage::FalsePositive,
        Command::Duplicate { of } => Stage::Duplicate { of: *of },
        Command::Merge { into } => Stage::Merged { into: *into },
        Command::ReOpen { .. } => Stage::ReOpened,
        Command::Acknowledge
        | Command::Note { .. }
        | Command::Correct { .. }
        | Command::Assign { .. }
        | Command::Began { .. }
        | Command::Blocked { .. }
        | Command::Returned { .. }
        | Command::Publish { .. }
        | Command::Alert { .. } => stage,
    })
}

/// Where a fact of the machine leads. The machine never closes a case, and never judges one.
pub(super) fn by_machine(stage: Stage, event: &MachineEvent) -> Stage {
    use Stage as S;
    match event {
        // What was thought over is not. A duplicate's findings belong to the case that goes on.
        MachineEvent::FindingRaised
            if matches!(stage, S::Resolved | S::Reviewed | S::FalsePositive) =>
        {
            S::ReOpened
        }
        MachineEvent::PullIssued { .. } if stage.is_open() => S::Containing,
        MachineEvent::LeverHeld { .. } if stage == S::Containing => S::Contained,
        MachineEvent::StillLeaking { .. } if (S::Contained..S::Resolved).contains(&stage) => {
            S::Containing
        }
        // While people recover they let go on purpose; before that it means that nothing holds.
        MachineEvent::LeverReleased { .. } if stage == S::Contained => S::Containing,
        _ => stage,
    }
}

/// What people do next at a stage.
pub(super) fn remedy(stage: Stage) -> &'static str {
    match stage {
        Stage::Detected | Stage::ReOpened => "look at the findings, then `triage` or `declare` it",
        Stage::Triaged => "`declare` a grade, or close it as `falsePositive`",
        Stage::Declared => "`contain` the loss, or `investigate` if nothing is being lost",
        Stage::Containing => "say `contained` once the loss has stopped and the chain shows it",
        Stage::Contained => "`investigate` the cause, or `contain` again if it still leaks",
        Stage::Investigating => "`recover`, or `monitor` if nothing has to be brought back",
        Stage::Recovering => "`monitor` once all is back",
        Stage::Monitoring => "`resolve` it when it was quiet for long enough",
        Stage::Resolved => "write the `review`, or `reOpen` it",
        Stage::Reviewed | Stage::FalsePositive => "`reOpen` it first",
        Stage::Duplicate { .. } | Stage::Merged { .. } => {
            "work in the case that goes on, or `reOpen` this one"
        }
    }
}
