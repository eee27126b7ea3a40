//! Calling people until one answers: a state machine with clocks, and no clock of its own.
//!
//! ```text
//! Calling ──answer──► Taken ──holdMinutes without end──► Calling (again from the first step)
//!    │ ▲ next step        │
//!    │ └── wait is over   └─────── Resolve ──► Closed ◄── Resolve from everywhere
//!    └── last round over ──► Unanswered ──answer──► Taken; a P1 is called out again
//! ```

use portcullis_types::ids::Millis;
use serde::{Deserialize, Serialize};

use super::{Person, Roster, StepFile};
use crate::severity::Severity;

/// Who took it on and did not end it is called again after so long, seconds: P1 and P2 every hour, else after eight.
const HOLD_SECONDS: [u64; 2] = [3_600, 8 * 3_600];

/// A P1 that nobody answered is called out again after so long, seconds.
const AGAIN_SECONDS: u64 = 900;

/// Nobody is called: everyone sleeps. Looked at again after so long, seconds.
const QUIET_LOOK_SECONDS: u64 = 900;

/// Somebody is being called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calling {
    /// How bad.
    pub severity: Severity,
    /// Place in the escalation, from 0.
    pub step: usize,
    /// Time round, from 1.
    pub round: u32,
    /// When the next step begins.
    pub until: Millis,
}

/// Somebody took it on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// How bad.
    pub severity: Severity,
    /// Who.
    pub by: String,
    /// When calling begins again unless it is over.
    pub until: Millis,
}

/// All were called, all rounds long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unanswered {
    /// How bad.
    pub severity: Severity,
    /// Since when.
    pub since: Millis,
    /// When a P1 is called out again; what is less waits for people.
    pub until: Option<Millis>,
}

/// It is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed;

/// The call about one incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "camelCase")]
pub enum Page {
    /// Somebody is being called.
    Calling(Calling),
    /// Somebody took it on.
    Taken(Taken),
    /// Nobody answered.
    Unanswered(Unanswered),
    /// It is over.
    Closed(Closed),
}

/// What can happen to a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "input", rename_all = "camelCase")]
pub enum Input {
    /// Time passed.
    Tick,
    /// Somebody takes it on.
    Acknowledge {
        /// Who; must be on the roster.
        by: String,
    },
    /// It became worse. What is taken on is called out again when it becomes a P1.
    Worsened {
        /// How bad now.
        severity: Severity,
    },
    /// It is over.
    Resolve,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "camelCase")]
pub enum Effect {
    /// Call this person on all her channels.
    Call {
        /// Who.
        person: String,
        /// Place in the escalation.
        step: usize,
        /// Time round.
        round: u32,
    },
    /// Tell the team who has it.
    Taken {
        /// Who.
        by: String,
    },
    /// Tell the whole team that nobody answers. Once after all rounds.
    NobodyAnswered,
}

impl Page {
    /// A new call, and whom to call first.
    pub fn open(roster: &Roster, now: Millis, severity: Severity) -> (Self, Vec<Effect>) {
        call(roster, now, severity, 0, 1)
    }

    /// When time alone changes it.
    pub fn wakes(&self) -> Option<Millis> {
        match self {
            Self::Calling(calling) => Some(calling.until),
            Self::Taken(taken) => Some(taken.until),
            Self::Unanswered(state) => state.until,
            Self::Closed(_) => None,
        }
    }

    /// The state after something happened, and what is to be done.
    #[must_use]
    pub fn after(self, roster: &Roster, now: Millis, input: &Input) -> (Self, Vec<Effect>) {
        match input {
            Input::Resolve => (Self::Closed(Closed), Vec::new()),
            Input::Tick => self.tick(roster, now),
            Input::Acknowledge { by } => self.acknowledged(roster, now, by),
            Input::Worsened { severity } => self.worsened(roster, now, *severity),
        }
    }

    fn tick(self, roster: &Roster, now: Millis) -> (Self, Vec<Effect>) {
        match self {
            Self::Calling(calling) if now >= calling.until => {
                let next = calling.step.saturating_add(1);
                if next < roster.steps.len() {
                    call(roster, now, calling.severity, next, calling.round)
                } else if calling.round < roster.rounds {
                    call(roster, now, calling.severity, 0, calling.round.saturating_add(1))
                } else {
                    let is_p1 = calling.severity == Severity::P1;
                    let until = is_p1.then(|| now.plus_seconds(AGAIN_SECONDS));
                    let state = Unanswered { severity: calling.severity, since: now, until };
                    (Self::Unanswered(state), vec![Effect::NobodyAnswered])
                }
            }
            Self::Taken(taken) if now >= taken.until => call(roster, now, taken.severity, 0, 1),
            Self::Unanswered(state) if state.until.is_some_and(|until| now >= until) => {
                call(roster, now, state.severity, 0, 1)
            }
            other => (other, Vec::new()),
        }
    }

    fn acknowledged(self, roster: &Roster, now: Millis, by: &str) -> (Self, Vec<Effect>) {
        let severity = match &self {
            Self::Calling(Calling { severity, .. })
            | Self::Taken(Taken { severity, .. })
            | Self::Unanswered(Unanswered { severity, .. }) => *severity,
            Self::Closed(_) => return (self, Vec::new()),
        };
        // Only who is on the roster can take it on: else a stranger could silence the call.
        if roster.person(by).is_none() {
            return (self, Vec::new());
        }
        let [urgent, other] = HOLD_SECONDS;
        let seconds = if severity <= Severity::P2 { urgent } else { other };
        let taken = Taken { severity, by: by.to_owned(), until: now.plus_seconds(seconds) };
        (Self::Taken(taken), vec![Effect::Taken { by: by.to_owned() }])
    }

    fn worsened(self, roster: &Roster, now: Millis, severity: Severity) -> (Self, Vec<Effect>) {
        match self {
            Self::Calling(calling) if severity < calling.severity => {
                // From the first step: who was passed over because of quiet hours is called now.
                call(roster, now, severity, 0, 1)
            }
            Self::Taken(taken) if severity == Severity::P1 && taken.severity > Severity::P1 => {
                call(roster, now, severity, 0, 1)
            }
            Self::Unanswered(state) if severity < state.severity => {
                call(roster, now, severity, 0, 1)
            }
            Self::Taken(taken) if severity < taken.severity => {
                (Self::Taken(Taken { severity, ..taken }), Vec::new())
            }
            other => (other, Vec::new()),
        }
    }
}

/// Calls whom the step `step` names, or the first step behind it with anybody who may be called now. Quiet hours never
/// hold for a P1. For a P2, if everyone in the chain is quiet, the step's people are called all the same; below, calling
/// waits.
fn call(
    roster: &Roster,
    now: Millis,
    severity: Severity,
    step: usize,
    round: u32,
) -> (Page, Vec<Effect>) {
    for (index, at_step) in roster.steps.iter().enumerate().skip(step) {
        let people = awake(roster, at_step, now, severity);
        if !people.is_empty() {
            return calling(at_step, &people, now, severity, index, round);
        }
    }
    let any_before = roster
        .steps
        .iter()
        .take(step)
        .any(|at_step| !awake(roster, at_step, now, severity).is_empty());
    match roster.steps.get(step) {
        // Someone earlier in the chain is awake: the round is over at once.
        Some(_) if any_before => {
            let last = roster.steps.len().saturating_sub(1);
            (Page::Calling(Calling { severity, step: last, round, until: now }), Vec::new())
        }
        Some(at_step) if severity <= Severity::P2 => {
            calling(at_step, &roster.called(at_step, now), now, severity, step, round)
        }
        _ => {
            // Begins again at the first step and the same round: nobody was called.
            let last = roster.steps.len().saturating_sub(1);
            let (step, round) = (last, round.saturating_sub(1));
            (
                Page::Calling(Calling {
                    severity,
                    step,
                    round,
                    until: now.plus_seconds(QUIET_LOOK_SECONDS),
                }),
                Vec::new(),
            )
        }
    }
}

fn awake<'a>(
    roster: &'a Roster,
    step: &StepFile,
    now: Millis,
    severity: Severity,
) -> Vec<&'a Person> {
    let mut people = roster.called(step, now);
    people.retain(|person| severity == Severity::P1 || !person.is_quiet(now));
    people
}

fn calling(
    at_step: &StepFile,
    people: &[&Person],
    now: Millis,
    severity: Severity,
    step: usize,
    round: u32,
) -> (Page, Vec<Effect>) {
    let until = now.plus_seconds(u64::from(at_step.wait_minutes).saturating_mul(60));
    let effects = people
        .iter()
        .map(|person| Effect::Call { person: person.name.clone(), step, round })
        .collect();
    (Page::Calling(Calling { severity, step, round, until }), effects)
}
