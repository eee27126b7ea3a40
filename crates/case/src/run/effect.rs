//! What is due. An effect's id follows from what it is for, so that two folds of one journal agree on it.

use std::fmt;

use portcullis_types::ids::Millis;
use serde::{Deserialize, Serialize};

use super::{Direction, PlaybookRun, Status, StepState};
use crate::playbook::{Approval, Audience, Kind, PostCondition, Role, Step, Undo};

/// What kind of effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EffectKind {
    /// Tell the owner that there is work.
    Page,
    /// Ask for agreement.
    RequestApproval,
    /// Let the machine do it.
    StartAction,
    /// Look whether it worked.
    CheckPostCondition,
    /// The clock has run out: tell the escalation role.
    Escalate,
    /// Twice the time is over: tell the incident commander.
    EscalateFurther,
    /// It failed: tell the owner and the incident commander.
    PageFailure,
    /// Let the machine take it back.
    StartUndo,
    /// Ask people to take it back.
    PageUndo,
}

impl EffectKind {
    /// As written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::RequestApproval => "requestApproval",
            Self::StartAction => "startAction",
            Self::CheckPostCondition => "checkPostCondition",
            Self::Escalate => "escalate",
            Self::EscalateFurther => "escalateFurther",
            Self::PageFailure => "pageFailure",
            Self::StartUndo => "startUndo",
            Self::PageUndo => "pageUndo",
        }
    }

    /// Whether the machine does something about the chain.
    pub fn is_action(self) -> bool {
        matches!(self, Self::StartAction | Self::StartUndo)
    }
}

/// Identity of an effect within its run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RunEffectId {
    /// Step.
    pub step: String,
    /// Kind.
    pub kind: EffectKind,
    /// Attempt at the step, from 1.
    pub attempt: u32,
    /// How often it was given up before because nothing could deliver it.
    pub delivery: u32,
}

impl fmt::Display for RunEffectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}.{}", self.step, self.kind.name(), self.attempt, self.delivery)
    }
}

/// Something to be done outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Effect {
    /// Tell people something ([`EffectKind::Page`], the escalations, failures, and undoing by hand).
    Tell {
        /// Who, by name.
        people: Vec<String>,
        /// The role for which they are told.
        role: Role,
        /// In one sentence.
        text: String,
        /// The message they are to send, where the step is one.
        message: Option<(Audience, String)>,
    },
    /// Ask people to agree.
    RequestApproval {
        /// Who can, by name.
        people: Vec<String>,
        /// How many of them.
        approval: Approval,
    },
    /// Pull a lever, by its name in the configuration.
    PullLever {
        /// Which.
        lever: String,
    },
    /// Let a lever go.
    ReleaseLever {
        /// Which.
        lever: String,
    },
    /// Find something out.
    Ask {
        /// What.
        query: String,
    },
    /// Read a view and compare. Not by whoever did the step.
    Check {
        /// What; the address by its name in the configuration.
        post_condition: PostCondition,
        /// Who must not be the one to look.
        not_by: Option<String>,
    },
}

impl PlaybookRun {
    /// Everything that is due at `now` and was not issued yet, in the playbook's order. Journal [`super::RunEvent::Issued`]
    /// for each before performing it.
    pub fn next(&self, now: Millis) -> Vec<(RunEffectId, Effect)> {
        self.wanted(Some(now)).into_iter().filter(|(id, _)| !self.issued.contains_key(id)).collect()
    }

    /// When time alone makes something due: the next clock that runs out and has not been told of. None if none will.
    pub fn wakes(&self) -> Option<Millis> {
        if self.direction == Direction::Stopped {
            return None;
        }
        let clocks = self.steps().filter(|(_, state)| state.status.is_under_way());
        let times = clocks.flat_map(|(step, state)| {
            let seconds = u64::from(step.clock.minutes).saturating_mul(60);
            let told = |kind| {
                let id = self.effect_id(step, kind, state.attempt);
                self.issued.contains_key(&id) || id.delivery > super::DELIVERIES_MAX
            };
            let at =
                |times: u64| state.since.map(|s| s.plus_seconds(seconds.saturating_mul(times)));
            let first = at(1).filter(|_| !told(EffectKind::Escalate));
            let second = at(2).filter(|_| !told(EffectKind::EscalateFurther));
            first.into_iter().chain(second)
        });
        times.min()
    }

    /// Effects that were issued, are not answered, and are still wanted: after a restart these are performed again.
    pub fn outstanding(&self) -> Vec<(RunEffectId, Effect)> {
        let open = |id: &RunEffectId| self.issued.get(id) == Some(&false);
        let mut outstanding = self.wanted(None);
        outstanding.retain(|(id, _)| open(id));
        // What was begun on the chain has an outcome, whatever people decided in between.
        for (id, _) in
            self.issued.iter().filter(|(id, answered)| id.kind.is_action() && !**answered)
        {
            let known = outstanding.iter().any(|(other, _)| other == id);
            let state = self.playbook.step(&id.step).zip(self.steps.get(&id.step));
            if let Some((step, state)) = state.filter(|_| !known) {
                outstanding.extend(self.effect(step, state, id.kind).map(|e| (id.clone(), e)));
            }
        }
        outstanding
    }

    /// Whether the machine was asked to do something for this step and has not answered.
    pub(super) fn is_machine_busy(&self, step: &str) -> bool {
        self.issued.iter().any(|(id, answered)| id.step == step && id.kind.is_action() && !answered)
    }

    /// The effects that the present state asks for; clocks that have run out at `now`, or all that ever could.
    fn wanted(&self, now: Option<Millis>) -> Vec<(RunEffectId, Effect)> {
        let mut wanted = Vec::new();
        for (step, state) in self.steps() {
            if self.direction == Direction::Stopped {
                break;
            }
            for kind in Self::kinds(step, state, now) {
                let id = self.effect_id(step, kind, state.attempt);
                let given_up = id.delivery > super::DELIVERIES_MAX;
                if let Some(effect) = self.effect(step, state, kind).filter(|_| !given_up) {
                    wanted.push((id, effect));
                }
            }
        }
        wanted
    }

    pub(super) fn effect_id(&self, step: &Step, kind: EffectKind, attempt: u32) -> RunEffectId {
        let mut id = RunEffectId { step: step.id.clone(), kind, attempt, delivery: 0 };
        id.delivery = self.undelivered.get(&id.to_string()).copied().unwrap_or(0);
        id
    }

    fn kinds(step: &Step, state: &StepState, now: Option<Millis>) -> Vec<EffectKind> {
        let mut kinds = match &state.status {
            Status::Ready => vec![EffectKind::Page],
            Status::AwaitingApproval => vec![EffectKind::RequestApproval],
            Status::Running => vec![EffectKind::StartAction],
            Status::Checking => vec![EffectKind::CheckPostCondition],
            Status::Failed { .. } | Status::UndoFailed { .. } => vec![EffectKind::PageFailure],
            Status::Undoing if step.undo == Some(Undo::Release) => vec![EffectKind::StartUndo],
            Status::Undoing => vec![EffectKind::PageUndo],
            _ => Vec::new(),
        };
        if let Some(since) = state.since.filter(|_| state.status.is_under_way()) {
            let minutes = u64::from(step.clock.minutes);
            let is_past = |minutes: u64| {
                now.is_none_or(|now| now >= since.plus_seconds(minutes.saturating_mul(60)))
            };
            if is_past(minutes) {
                kinds.push(EffectKind::Escalate);
            }
            if is_past(minutes.saturating_mul(2)) {
                kinds.push(EffectKind::EscalateFurther);
            }
        }
        kinds
    }

    fn effect(&self, step: &Step, state: &StepState, kind: EffectKind) -> Option<Effect> {
        Some(match kind {
            EffectKind::Page => {
                let message = match &step.kind {
                    Kind::Message { audience, text } => Some((*audience, text.clone())),
                    _ => None,
                };
                let minutes = step.clock.minutes;
                self.tell(step.owner, format!("{}: within {minutes} minutes", step.title), message)
            }
            EffectKind::RequestApproval => {
                let approval = step.approval.clone()?;
                let people = self.names(&approval.roles);
                Effect::RequestApproval { people, approval }
            }
            EffectKind::StartAction => match &step.kind {
                Kind::Lever { lever } => {
                    Effect::PullLever { lever: self.roster.lever(lever).to_owned() }
                }
                Kind::Query { query } => Effect::Ask { query: query.clone() },
                _ => return None,
            },
            EffectKind::CheckPostCondition => {
                let mut post_condition = step.post_condition.clone()?;
                let meant = self.roster.address(&post_condition.address).to_owned();
                post_condition.address = meant;
                Effect::Check { post_condition, not_by: state.done_by.clone() }
            }
            EffectKind::Escalate => {
                let text = format!(
                    "{} is not done after {} minutes ({})",
                    step.title,
                    step.clock.minutes,
                    state.status.name()
                );
                self.tell(step.clock.escalate, text, None)
            }
            EffectKind::EscalateFurther => {
                let text =
                    format!("{} is not done after twice its time; decide who does it", step.title);
                self.tell(Role::IncidentCommander, text, None)
            }
            EffectKind::PageFailure => {
                let why = match &state.status {
                    Status::Failed { why } | Status::UndoFailed { why } => why.as_str(),
                    _ => "",
                };
                let text = format!("{} failed: {why}; retry it, skip it, or undo", step.title);
                self.tell(Role::IncidentCommander, text, None)
            }
            EffectKind::StartUndo => match &step.kind {
                Kind::Lever { lever } => {
                    Effect::ReleaseLever { lever: self.roster.lever(lever).to_owned() }
                }
                _ => return None,
            },
            EffectKind::PageUndo => {
                let how = match &step.undo {
                    Some(Undo::Instructions(how)) => how.as_str(),
                    _ => "there is no way back; say so",
                };
                self.tell(step.owner, format!("take back {}: {how}", step.title), None)
            }
        })
    }

    fn tell(&self, role: Role, text: String, message: Option<(Audience, String)>) -> Effect {
        Effect::Tell { people: self.names(&[role]), role, text, message }
    }

    fn names(&self, roles: &[Role]) -> Vec<String> {
        self.roster.with_any(roles).into_iter().map(|person| person.name.clone()).collect()
    }
}
