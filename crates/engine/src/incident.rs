//! The incidents of one protocol: which case is open, what each lever is doing, and what was spent on stops.

use std::collections::{BTreeMap, VecDeque};

use portcullis_decide::LeverState;
use portcullis_types::{
    action::{Intent, Lever, Outcome},
    chain::BlockId,
    ids::{CaseId, EffectId, Millis},
    money::Usd,
};

use crate::{approvals::Approvals, context::ContextBook};

/// Findings within this time belong to the same case, in milliseconds. An attacker who returns the next day opens
/// another.
pub(crate) const CASE_QUIET_MS: u64 = 24 * 60 * 60 * 1000;

/// Over how long the budget counts, in milliseconds.
const BUDGET_WINDOW_MS: u64 = 24 * 60 * 60 * 1000;

/// How long a refusal stands, in milliseconds: what made a lever useless may pass (a node that did not answer, a role
/// granted meanwhile), and the attack may go on.
const REFUSAL_STANDS_MS: u64 = 60 * 1000;

/// What a lever is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum LeverStatus {
    /// Ready.
    #[default]
    Idle,
    /// An action of ours is under way.
    Moving(EffectId),
    /// It holds.
    Held(Hold),
    /// It was tried and does not work here, now.
    Refused {
        /// Why.
        why: String,
        /// When.
        at: Millis,
    },
}

/// A lever that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hold {
    /// The action that pulled it.
    pub(crate) action: EffectId,
    /// Case it belongs to.
    pub(crate) case: CaseId,
    /// Block in which our transaction took effect, or at which it was found to hold.
    pub(crate) block: BlockId,
    /// When it must be let go.
    pub(crate) expires: Millis,
    /// Whether a transaction of ours did it. What others pulled is theirs to let go of (DEC-3).
    pub(crate) by_us: bool,
    /// Whether value still leaves what it covers.
    pub(crate) leaks: bool,
    /// Whether its release was asked for. A release that fails is left to people: letting go is never urgent.
    pub(crate) release_asked: bool,
}

/// The incidents of one protocol.
#[derive(Debug, Default)]
pub(crate) struct Incidents {
    open: Option<(CaseId, Millis)>,
    levers: BTreeMap<String, LeverStatus>,
    pulled_at: BTreeMap<String, Millis>,
    pulls: VecDeque<Pull>,
    /// What guardians are asked for.
    pub(crate) approvals: Approvals,
    /// What raises the prior.
    pub(crate) context: ContextBook,
}

/// A pull that counts against the budget.
#[derive(Debug)]
struct Pull {
    action: EffectId,
    at: Millis,
    cost: Usd,
    /// When the same lever was pulled before.
    before: Option<Millis>,
}

impl Incidents {
    pub(crate) fn new(ladder: &[Lever]) -> Self {
        let levers = ladder.iter().map(|lever| (lever.name.clone(), LeverStatus::Idle)).collect();
        Self { levers, ..Self::default() }
    }

    /// Takes over what was under way from before a change of configuration. What guardians were asked for is dropped where
    /// the policy says something else of them: people have decided.
    pub(crate) fn inherit(&mut self, before: Self, same_guardians: bool) {
        for (name, status) in before.levers {
            if let Some(mine) = self.levers.get_mut(&name) {
                *mine = status;
            }
        }
        self.open = before.open;
        self.pulled_at = before.pulled_at;
        self.pulls = before.pulls;
        self.context = before.context;
        if same_guardians {
            self.approvals = before.approvals;
        }
    }

    /// When a lever was last asked for.
    pub(crate) fn pulled_at(&self, lever: &str) -> Option<Millis> {
        self.pulled_at.get(lever).copied()
    }

    /// The case to which something seen now belongs, if one is open.
    pub(crate) fn current(&self, now: Millis) -> Option<CaseId> {
        self.open.filter(|(_, last)| now.since(*last) <= CASE_QUIET_MS).map(|(case, _)| case)
    }

    pub(crate) fn touch(&mut self, case: CaseId, now: Millis) {
        self.open = Some((case, now));
    }

    pub(crate) fn status(&self, lever: &str) -> Option<&LeverStatus> {
        self.levers.get(lever)
    }

    pub(crate) fn set(&mut self, lever: &str, status: LeverStatus) {
        self.levers.insert(lever.to_owned(), status);
    }

    /// Ends a refusal: what made the lever useless has passed.
    pub(crate) fn lift_refusal(&mut self, lever: &str) {
        if matches!(self.status(lever), Some(LeverStatus::Refused { .. })) {
            self.set(lever, LeverStatus::Idle);
        }
    }

    pub(crate) fn holds(&self) -> impl Iterator<Item = (&String, &Hold)> {
        self.levers.iter().filter_map(|(name, status)| match status {
            LeverStatus::Held(hold) => Some((name, hold)),
            _ => None,
        })
    }

    pub(crate) fn hold_mut(&mut self, lever: &str) -> Option<&mut Hold> {
        match self.levers.get_mut(lever) {
            Some(LeverStatus::Held(hold)) => Some(hold),
            _ => None,
        }
    }

    /// Notes that a lever is pulled and what that costs if it was without need.
    pub(crate) fn pull(&mut self, lever: &Lever, action: EffectId, now: Millis) {
        self.set(&lever.name, LeverStatus::Moving(action));
        self.approvals.pulled(&lever.name);
        let before = self.pulled_at.insert(lever.name.clone(), now);
        self.pulls.push_back(Pull { action, at: now, cost: lever.false_stop_cost, before });
        while self.pulls.front().is_some_and(|pull| now.since(pull.at) > BUDGET_WINDOW_MS) {
            self.pulls.pop_front();
        }
    }

    /// A pull that was refused stopped nothing: it costs nothing, and no cool-down follows it. How soon it may be tried
    /// again is for [`REFUSAL_STANDS_MS`] to say.
    fn forgive(&mut self, lever: &str, action: EffectId) {
        let Some(place) = self.pulls.iter().position(|pull| pull.action == action) else { return };
        match self.pulls.remove(place).and_then(|pull| pull.before) {
            Some(before) => self.pulled_at.insert(lever.to_owned(), before),
            None => self.pulled_at.remove(lever),
        };
    }

    /// What was spent in the last day, and on how many pulls.
    pub(crate) fn spent(&self, now: Millis) -> (Usd, u32) {
        let recent = self.pulls.iter().filter(|pull| now.since(pull.at) <= BUDGET_WINDOW_MS);
        recent.fold((Usd::ZERO, 0), |(sum, count), pull| (sum + pull.cost, count + 1))
    }

    /// Lever states as the decision sees them.
    pub(crate) fn lever_states(&self, ladder: &[Lever], now: Millis) -> Vec<LeverState> {
        let state = |lever: &Lever| match self.status(&lever.name) {
            None | Some(LeverStatus::Idle) => portcullis_decide::State::Idle,
            Some(LeverStatus::Moving(_)) => portcullis_decide::State::Pulling,
            Some(LeverStatus::Held(hold)) if hold.leaks => portcullis_decide::State::Refused {
                why: "it holds, and value still leaves what it covers".to_owned(),
            },
            Some(LeverStatus::Held(_)) => portcullis_decide::State::Held,
            Some(LeverStatus::Refused { at, .. }) if now.since(*at) > REFUSAL_STANDS_MS => {
                portcullis_decide::State::Idle
            }
            Some(LeverStatus::Refused { why, .. }) => {
                portcullis_decide::State::Refused { why: why.clone() }
            }
        };
        ladder
            .iter()
            .map(|lever| LeverState {
                lever: lever.clone(),
                state: state(lever),
                pulled_at: self.pulled_at.get(&lever.name).copied(),
            })
            .collect()
    }

    /// Takes in how an action ended. `mined_in` is the block of our transaction, if it took effect.
    pub(crate) fn ended(
        &mut self,
        record: &portcullis_case::ActionRecord,
        outcome: &Outcome,
        now: Millis,
    ) {
        let action = &record.action;
        let name = &action.lever.name;
        let status = match (action.intent, outcome) {
            (Intent::Release, Outcome::Held { .. }) => LeverStatus::Idle,
            (Intent::Release, _) => return,
            (_, Outcome::Held { block, by_us }) => LeverStatus::Held(Hold {
                action: action.id,
                case: action.case,
                block: record.mined_in().unwrap_or(*block),
                expires: self.approvals.held_until(name, action.expires),
                by_us: *by_us
                    || record.outcomes.iter().any(|o| matches!(o, Outcome::Prepared { .. })),
                leaks: false,
                release_asked: false,
            }),
            (_, Outcome::Refused { why } | Outcome::Failed { why }) => {
                LeverStatus::Refused { why: why.clone(), at: now }
            }
            _ => return,
        };
        if let LeverStatus::Refused { .. } = status {
            self.approvals.came_to_nothing(name);
        }
        self.set(name, status);
        if let Outcome::Refused { .. } = outcome {
            self.forgive(name, action.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Address, Bytes, U256};
    use portcullis_case::ActionRecord;
    use portcullis_types::{
        action::{Action, Call, Rung, Undo, ViewCheck},
        ids::Seq,
    };

    use super::*;

    fn lever() -> Lever {
        let (to, data) = (Address::ZERO, Bytes::new());
        let (expect, meaning) = (U256::ONE, "it is paused".to_owned());
        Lever {
            name: "pause".to_owned(),
            rung: Rung::Market,
            chain: 1,
            covers: Vec::new(),
            preflight: Vec::new(),
            call: Call { to, data: data.clone(), gas_limit: 100_000 },
            verify: ViewCheck { to, data, expect, meaning, word: 0 },
            undo: Undo::ByPeople { how: "the admin unpauses".to_owned() },
            hold_seconds: 60,
            false_stop_cost: Usd::dollars(1_000),
            traps: Vec::new(),
            warden: None,
            false_stop_parts: None,
            forms: Vec::new(),
        }
    }

    /// Pulls, and takes in how that ended.
    fn pull(incidents: &mut Incidents, seq: u64, now: Millis, outcome: &Outcome) {
        let id = EffectId { seq: Seq(seq), index: 0 };
        incidents.pull(&lever(), id, now);
        let action = Action {
            id,
            case: CaseId(Seq(1)),
            protocol: "market".to_owned(),
            intent: Intent::Pull,
            lever: lever(),
            attack: None,
            expires: now.plus_seconds(60),
        };
        let record = ActionRecord { action, issued_at: now, outcomes: vec![outcome.clone()] };
        incidents.ended(&record, outcome, now);
    }

    #[test]
    fn a_refused_pull_costs_nothing_and_starts_no_cool_down() {
        let mut incidents = Incidents::new(&[lever()]);
        let refused = Outcome::Refused { why: "the node does not answer".to_owned() };
        let failed = Outcome::Failed { why: "it reverted".to_owned() };
        let pulled_at =
            |incidents: &Incidents, now| incidents.lever_states(&[lever()], now)[0].pulled_at;
        let (one, two, three) = (Millis(1_000), Millis(100_000), Millis(200_000));
        pull(&mut incidents, 1, one, &refused);
        assert_eq!((incidents.spent(one), pulled_at(&incidents, one)), ((Usd::ZERO, 0), None));
        pull(&mut incidents, 2, two, &failed);
        pull(&mut incidents, 3, three, &refused);
        assert_eq!(incidents.spent(three), (Usd::dollars(1_000), 1));
        assert_eq!(pulled_at(&incidents, three), Some(two), "the pull that was sent counts");
    }
}
