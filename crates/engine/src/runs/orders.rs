//! Levers that playbooks pull and let go: by the same roads, limits and guardians as those that decisions pull.

use portcullis_case::run::{Effect, RunEffectId};
use portcullis_decide::Spending;
use portcullis_types::{
    action::{Action, Intent, Lever, Outcome, Undo},
    approval::{ApprovalKind, ApprovalRequest},
    ids::{CaseId, EffectId, Seq},
};

use crate::{
    incident::LeverStatus,
    step::{Engine, Step},
};

/// Which effect of which run asked.
type Place = (CaseId, Seq, RunEffectId);

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Standing {
    /// Guardians are asked, under this number.
    Asked(Seq),
    /// An action is under way, or was.
    Acting(EffectId),
    /// Nothing was to be done.
    Already(String),
    /// It is not done.
    No(String),
}

/// A lever that a run wants pulled or let go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Order {
    lever: String,
    kind: ApprovalKind,
    standing: Standing,
}

impl Engine {
    /// A run's effect was issued: what it wants of a lever is ordered.
    pub(super) fn order(&mut self, step: &mut Step, place: Place, effect: &Effect) {
        let (lever, kind) = match effect {
            Effect::PullLever { lever } => (lever.clone(), ApprovalKind::Pull),
            Effect::ReleaseLever { lever } => (lever.clone(), ApprovalKind::Release),
            _ => return,
        };
        let standing = match self.guard_of_case(place.0).and_then(|index| {
            let ladder = &self.guards.get(index)?.config.ladder;
            Some((index, ladder.iter().find(|one| one.name == lever)?.clone()))
        }) {
            None => Standing::No(format!(
                "the case's protocol has no lever `{lever}`: map the name under `levers` in the roster, or do it by hand \
                 and skip this step"
            )),
            Some((index, found)) if kind == ApprovalKind::Pull => {
                self.order_pull(step, index, place.0, &found)
            }
            Some((index, found)) => self.order_release(step, index, place.0, &found),
        };
        self.runs.orders.insert(place, Order { lever, kind, standing });
    }

    fn order_pull(
        &mut self,
        step: &mut Step,
        index: usize,
        case: CaseId,
        lever: &Lever,
    ) -> Standing {
        let Some(guard) = self.guards.get(index) else { return Standing::No(String::new()) };
        match guard.incidents.status(&lever.name) {
            Some(LeverStatus::Held(hold)) => {
                return Standing::Already(format!("it holds since block {}", hold.block.number));
            }
            Some(LeverStatus::Moving(action)) => return Standing::Acting(*action),
            Some(LeverStatus::Idle | LeverStatus::Refused { .. }) | None => {}
        }
        let policy = &guard.config.policy;
        let barred = guard.incidents.approvals.barred();
        let is_free = policy.autonomy.of(lever.rung).is_unattended()
            && barred.is_none_or(|barred| lever.rung < barred);
        let states = guard.incidents.lever_states(&guard.config.ladder, step.at);
        let (spent_today, pulls_today) = guard.incidents.spent(step.at);
        let spending = Spending { now: step.at, spent_today, pulls_today, levers: &states };
        let state = states.iter().find(|state| state.lever.name == lever.name);
        let limit = state.and_then(|state| spending.forbids(policy, state));
        if is_free && limit.is_none() {
            self.pull(step, index, case, &lever.name, false);
            let guard = self.guards.get(index);
            return match guard.and_then(|guard| guard.incidents.status(&lever.name)) {
                Some(LeverStatus::Moving(action)) => Standing::Acting(*action),
                _ => Standing::No("the lever cannot be pulled now".to_owned()),
            };
        }
        let why = limit.unwrap_or_else(|| {
            format!("the policy does not let the machine pull rung `{}` alone", lever.rung.name())
        });
        self.ask_guardians(step, index, (ApprovalKind::Pull, case), lever, &why)
    }

    /// Letting go is never urgent and never the machine's idea: guardians sign for it.
    fn order_release(
        &mut self,
        step: &mut Step,
        index: usize,
        case: CaseId,
        lever: &Lever,
    ) -> Standing {
        let status = self.guards.get(index).and_then(|guard| guard.incidents.status(&lever.name));
        match status {
            Some(LeverStatus::Held(hold)) if !hold.by_us => {
                return Standing::No(
                    "somebody else pulled it, and it is theirs to let go of: ask them (DEC-3)"
                        .to_owned(),
                );
            }
            Some(LeverStatus::Held(_) | LeverStatus::Moving(_)) => {}
            _ => return Standing::Already("it is not held any more".to_owned()),
        }
        match &lever.undo {
            Undo::ByCall { .. } => {
                let why = "the machine never lets go before the time by itself";
                self.ask_guardians(step, index, (ApprovalKind::Release, case), lever, why)
            }
            Undo::ByExpiry => Standing::No(
                "the machine cannot let it go: its hold on the chain ends by itself, or its owner ends it".to_owned(),
            ),
            Undo::ByPeople { how } => {
                Standing::No(format!("the machine cannot let it go, people must: {how}"))
            }
        }
    }

    fn ask_guardians(
        &mut self,
        step: &mut Step,
        index: usize,
        (kind, case): (ApprovalKind, CaseId),
        lever: &Lever,
        why: &str,
    ) -> Standing {
        let Some(guard) = self.guards.get(index) else { return Standing::No(String::new()) };
        if let Some(asked) = guard.incidents.approvals.asked_for(&lever.name, kind, case) {
            return Standing::Asked(asked);
        }
        let Some(guardians) = &guard.config.policy.guardians else {
            return Standing::No(format!(
                "{why}, and nobody can be asked: name `guardians` in the protocol's policy, or do it by hand and skip \
                 this step"
            ));
        };
        let deadline = step.at.plus_seconds(guardians.approve_seconds);
        let Some(block) = self.newest_of(lever.chain) else {
            return Standing::No(
                "no block of the lever's chain was seen yet: try again".to_owned(),
            );
        };
        self.ask_for(step, index, kind, (case, block), (lever, deadline));
        Standing::Asked(step.seq)
    }

    /// Enough guardians signed what a run asked for: it is done, whatever the machine would think of it. False where no run
    /// asked for it.
    pub(crate) fn order_agreed(
        &mut self,
        step: &mut Step,
        index: usize,
        request: &ApprovalRequest,
    ) -> bool {
        let places = self.orders_of(request);
        if places.is_empty() {
            return false;
        }
        let ladder = self.guards.get(index).map(|guard| &guard.config.ladder);
        let lever = ladder.into_iter().flatten().find(|one| one.name == request.lever).cloned();
        let standing = match lever {
            None => Standing::No("the lever is not configured any more".to_owned()),
            Some(lever) if request.kind == ApprovalKind::Release => {
                self.release_now(step, index, request.case, &lever)
            }
            Some(lever) => {
                let status = self.guards.get(index).and_then(|g| g.incidents.status(&lever.name));
                match status {
                    Some(LeverStatus::Held(_)) => Standing::Already("it holds already".to_owned()),
                    Some(LeverStatus::Moving(action)) => Standing::Acting(*action),
                    _ => {
                        self.pull(step, index, request.case, &lever.name, true);
                        let guard = self.guards.get(index);
                        match guard.and_then(|guard| guard.incidents.status(&lever.name)) {
                            Some(LeverStatus::Moving(action)) => Standing::Acting(*action),
                            _ => Standing::No("the lever cannot be pulled now".to_owned()),
                        }
                    }
                }
            }
        };
        for place in places {
            if let Some(order) = self.runs.orders.get_mut(&place) {
                order.standing = standing.clone();
            }
        }
        true
    }

    fn release_now(
        &mut self,
        step: &mut Step,
        index: usize,
        case: CaseId,
        lever: &Lever,
    ) -> Standing {
        let Some(guard) = self.guards.get_mut(index) else { return Standing::No(String::new()) };
        let protocol = guard.config.protocol.name.clone();
        let Some(hold) = guard.incidents.hold_mut(&lever.name) else {
            return Standing::Already("it is not held any more".to_owned());
        };
        if hold.release_asked {
            return Standing::Already("it is being let go, because its time is over".to_owned());
        }
        hold.release_asked = true;
        let id = step.next_effect();
        let (intent, expires, lever) = (Intent::Release, step.at, lever.clone());
        let action = Action { id, case, protocol, intent, lever, attack: None, expires };
        self.issue(step, action, Vec::new());
        Standing::Acting(id)
    }

    /// Nobody signed in time what a run asked for.
    pub(crate) fn order_lapsed(&mut self, request: &ApprovalRequest) {
        for place in self.orders_of(request) {
            if let Some(order) = self.runs.orders.get_mut(&place) {
                let why = "the guardians did not sign in time: retry the step to ask them again";
                order.standing = Standing::No(why.to_owned());
            }
        }
    }

    fn orders_of(&self, request: &ApprovalRequest) -> Vec<Place> {
        let is_it = |order: &Order| {
            order.standing == Standing::Asked(request.decision)
                && order.kind == request.kind
                && order.lever == request.lever
        };
        let orders = self
            .runs
            .orders
            .iter()
            .filter(|(place, order)| place.0 == request.case && is_it(order));
        orders.map(|(place, _)| place.clone()).collect()
    }

    /// How an order ended: what to write, or why it did not work. None while it goes on.
    pub(super) fn order_answer(&self, place: &Place) -> Option<Result<String, String>> {
        let Some(order) = self.runs.orders.get(place) else {
            return Some(Err("the order is not known any more: retry the step".to_owned()));
        };
        let status = self
            .guard_of_case(place.0)
            .and_then(|index| self.guards.get(index))
            .and_then(|guard| guard.incidents.status(&order.lever));
        match &order.standing {
            Standing::No(why) => Some(Err(why.clone())),
            Standing::Already(note) => Some(Ok(note.clone())),
            Standing::Asked(asked) => match (order.kind, status) {
                // Somebody else, or a decision, was faster.
                (ApprovalKind::Pull, Some(LeverStatus::Held(hold))) => {
                    Some(Ok(format!("it holds since block {}", hold.block.number)))
                }
                (ApprovalKind::Release, Some(LeverStatus::Idle | LeverStatus::Refused { .. })) => {
                    Some(Ok("it is not held any more".to_owned()))
                }
                _ if self.is_still_asked(place.0, order, *asked) => None,
                // Another configuration has other guardians: what they were asked for was dropped.
                _ => Some(Err("it is not asked for any more: retry the step".to_owned())),
            },
            Standing::Acting(action) => {
                let record = self.cases.values().rev().find_map(|case| case.actions.get(action))?;
                Some(match record.ending()? {
                    Outcome::Held { block, .. } => {
                        Ok(format!("action {action}: seen on the chain at block {}", block.number))
                    }
                    Outcome::Refused { why } | Outcome::Failed { why } => {
                        Err(format!("action {action}: {why}"))
                    }
                    _ => Err(format!("action {action} ended without effect")),
                })
            }
        }
    }

    fn is_still_asked(&self, case: CaseId, order: &Order, asked: Seq) -> bool {
        let guard = self.guard_of_case(case).and_then(|index| self.guards.get(index));
        guard.is_some_and(|guard| {
            let open = guard.incidents.approvals.asked_for(&order.lever, order.kind, case);
            open == Some(asked)
        })
    }

    pub(super) fn guard_of_case(&self, case: CaseId) -> Option<usize> {
        let protocol = &self.cases.get(&case)?.protocol;
        self.guards.iter().position(|guard| guard.config.protocol.name == *protocol)
    }
}
