//! From findings to actions: opens cases, asks for decisions, issues actions, keeps and lets go of holds.

use portcullis_decide::{Autonomy, Facts, Policy, weigh};
use portcullis_detect::Findings;
use portcullis_types::{
    action::{Action, Intent, Lever, Outcome, Undo},
    case_event::CaseEvent,
    chain::BlockId,
    decision::Decision,
    finding::{Finding, FindingStatus},
    ids::{CaseId, ChainId, EffectId},
    money::Usd,
};

use crate::{
    event::Effect,
    flood::name_gravest,
    incident::LeverStatus,
    step::{Engine, Step},
};

impl Engine {
    /// Writes new findings down and decides on them.
    pub(crate) fn raise(&mut self, step: &mut Step, guard: usize, block: BlockId, found: Findings) {
        let (findings, dropped) = found.into_parts();
        let mut case = None;
        for finding in findings {
            if let Some(id) = self.record(step, guard, finding) {
                case = Some(id);
            }
        }
        self.leave_out(step, guard, dropped);
        if let Some(case) = case {
            self.decide(step, guard, case, block);
        }
    }

    /// Puts one finding into its case. None if it says nothing new.
    fn record(&mut self, step: &mut Step, guard: usize, finding: Finding) -> Option<CaseId> {
        let incidents = &self.guards.get(guard)?.incidents;
        let known = self.cases.values().rev().find_map(|case| {
            case.findings.get(&finding.key).map(|record| (case.id, record.status))
        });
        let case = match known {
            Some((case, FindingStatus::Pending)) => case,
            Some((_, status)) if status != FindingStatus::Retracted => return None,
            Some((case, _)) => case,
            None => match incidents.current(step.at) {
                Some(case) => case,
                None => self.open(step, finding.protocol.clone()),
            },
        };
        self.note_leak(step, guard, &finding);
        self.note_context(step, guard, &finding);
        self.guards.get_mut(guard)?.incidents.touch(case, step.at);
        // What was foreseen is raised with what really happened.
        let is_back = known.is_some_and(|(_, status)| status == FindingStatus::Retracted);
        let event = if is_back {
            let (key, status, block) = (finding.key, FindingStatus::Seen, finding.block);
            CaseEvent::FindingMoved { case, key, status, block }
        } else {
            CaseEvent::FindingRaised { case, finding: Box::new(finding) }
        };
        self.write(step, event);
        Some(case)
    }

    pub(crate) fn open(&mut self, step: &mut Step, protocol: String) -> CaseId {
        let mut case = CaseId(step.seq);
        // Two protocols may open a case in one step; ids stay unique and ordered.
        while self.cases.contains_key(&case) {
            case.0.0 += 1;
        }
        self.write(step, CaseEvent::Opened { case, protocol });
        case
    }

    /// A loss after a lever holds means that it does not stop this attack.
    fn note_leak(&mut self, step: &mut Step, guard: usize, finding: &Finding) {
        let Some(guard) = self.guards.get_mut(guard) else { return };
        if finding.loss <= Usd::ZERO {
            return;
        }
        let covers = |lever: &&Lever| lever.covers.contains(&finding.contract);
        let levers: Vec<String> =
            guard.config.ladder.iter().filter(covers).map(|lever| lever.name.clone()).collect();
        let mut events = Vec::new();
        for lever in levers {
            if let Some(hold) = guard.incidents.hold_mut(&lever)
                && finding.block.number > hold.block.number
            {
                hold.leaks = true;
                events.push(CaseEvent::LossAfterHold {
                    case: hold.case,
                    lever,
                    loss: finding.loss,
                });
            }
        }
        for event in events {
            self.write(step, event);
        }
    }

    pub(crate) fn decide(&mut self, step: &mut Step, guard: usize, case: CaseId, block: BlockId) {
        let Some(decision) = self.weigh(step, guard, case, block, None) else { return };
        let chosen = &decision.chosen;
        let same =
            self.cases.get(&case).and_then(|case| case.decisions.last()).is_some_and(|last| {
                last.chosen.is_none() && chosen.is_none() && last.findings == decision.findings
            });
        if same {
            return;
        }
        self.conclude(step, guard, &decision, None);
    }

    /// Writes a decision down and does what it says. `approved` is the lever that guardians have signed for.
    pub(crate) fn conclude(
        &mut self,
        step: &mut Step,
        guard: usize,
        decision: &Decision,
        approved: Option<&str>,
    ) {
        let case = decision.case;
        self.write(step, CaseEvent::Decided { case, decision: Box::new(decision.clone()) });
        if let Some(lever) = &decision.chosen {
            self.pull(step, guard, case, lever, approved == Some(lever.as_str()));
        }
        self.ask_for_signatures(step, guard, decision);
    }

    pub(crate) fn weigh(
        &self,
        step: &Step,
        guard: usize,
        case: CaseId,
        block: BlockId,
        approved: Option<&str>,
    ) -> Option<Decision> {
        let races = self.races(guard);
        let context = self.context_seen(guard);
        let (guard, case) = (self.guards.get(guard)?, self.cases.get(&case)?);
        let mut findings: Vec<Finding> = case.live_findings().cloned().collect();
        // Beside what happened, what may happen counts only where the policy says so; alone it is a recommendation.
        let is_recommended = findings.is_empty() && !races;
        if findings.is_empty() || races {
            findings.extend(case.pending_findings().cloned());
        }
        if findings.is_empty() {
            return None;
        }
        let (spent_today, pulls_today) = guard.incidents.spent(step.at);
        let facts = Facts {
            case: case.id,
            protocol: &guard.config.protocol.name,
            block,
            now: step.at,
            findings: &findings,
            loss_so_far: case.loss(),
            value_left: guard.value_left(),
            first_seen: case.opened_at,
            levers: &guard.incidents.lever_states(&guard.config.ladder, step.at),
            spent_today,
            pulls_today,
            detectors_configured: guard.n_detectors(),
            chain: guard.config.protocol.chain,
            context: &context,
            approved,
            barred: guard.incidents.approvals.barred(),
        };
        if !is_recommended {
            let mut decision = weigh(&guard.config.policy, &facts);
            name_gravest(&mut decision, case);
            return Some(decision);
        }
        let policy = Policy { autonomy: Autonomy::Observe.into(), ..guard.config.policy.clone() };
        let mut decision = weigh(&policy, &facts);
        decision.sentence = format!(
            "pending transactions are not raced (onPending: recommend); {}",
            decision.sentence
        );
        name_gravest(&mut decision, case);
        Some(decision)
    }

    pub(crate) fn pull(
        &mut self,
        step: &mut Step,
        index: usize,
        case: CaseId,
        lever: &str,
        approved: bool,
    ) {
        let attack = self.attack_sample(case);
        let ladder = self.guards.get(index).map(|guard| &guard.config.ladder);
        let lever = ladder.into_iter().flatten().find(|one| one.name == lever).cloned();
        let Some(mut lever) = lever else { return };
        let (seconds, must_be_ratified) = self.hold_seconds(index, &lever, approved);
        lever.hold_seconds = seconds;
        let Some(guard) = self.guards.get_mut(index) else { return };
        let id = step.next_effect();
        let action = Action {
            id,
            case,
            protocol: guard.config.protocol.name.clone(),
            intent: Intent::Pull,
            expires: step.at.plus_seconds(lever.hold_seconds),
            lever,
            attack,
        };
        guard.incidents.pull(&action.lever, id, step.at);
        let held = must_be_ratified.then(|| (action.lever.clone(), action.expires));
        self.issue(step, action, Vec::new());
        if let Some((lever, until)) = held {
            self.ask_to_ratify(step, index, case, (&lever, until));
        }
    }

    pub(crate) fn issue(&mut self, step: &mut Step, action: Action, so_far: Vec<Outcome>) {
        self.ask(step, Effect::Act { action: Box::new(action.clone()), so_far });
        self.write(step, CaseEvent::ActionIssued { case: action.case, action: Box::new(action) });
    }

    /// After an action ended: the lever's state, and if it did not work the next rung.
    pub(crate) fn action_ended(
        &mut self,
        step: &mut Step,
        case: CaseId,
        action: EffectId,
        outcome: &Outcome,
    ) {
        let Some(record) = self.cases.get(&case).and_then(|c| c.actions.get(&action)).cloned()
        else {
            return;
        };
        let protocol = &record.action.protocol;
        let Some(index) = self.guards.iter().position(|g| g.config.protocol.name == *protocol)
        else {
            return;
        };
        if let Some(guard) = self.guards.get_mut(index) {
            guard.incidents.ended(&record, outcome, step.at);
        }
        let worked = matches!(outcome, Outcome::Held { .. });
        if !worked && record.action.intent != Intent::Release {
            let block = self
                .chains
                .get(&record.action.lever.chain)
                .and_then(|chain| chain.head())
                .map(|head| head.id);
            if let Some(block) = block {
                self.decide(step, index, case, block);
            }
        }
        if let (true, Some(mined)) = (worked, record.mined_in()) {
            let chain = record.action.lever.chain;
            let other = self.chains.get(&chain).and_then(|chain| {
                chain.recent().find(|head| head.id.number == mined.number && head.id != mined)
            });
            if let Some(other) = other.map(|head| head.id) {
                self.reassert_if_replaced(step, chain, other);
            }
        }
    }

    /// Lets go of what has been held long enough. The hold's end was set when it was pulled; nothing else may end it.
    pub(crate) fn release_expired(&mut self, step: &mut Step) {
        let mut due = Vec::new();
        for guard in &mut self.guards {
            let names: Vec<String> = guard
                .incidents
                .holds()
                .filter(|(_, hold)| !hold.release_asked && hold.expires <= step.at)
                .map(|(name, _)| name.clone())
                .collect();
            for name in names {
                let lever = guard.config.ladder.iter().find(|lever| lever.name == name).cloned();
                let Some(hold) = guard.incidents.hold_mut(&name) else { continue };
                hold.release_asked = true;
                if !hold.by_us {
                    continue;
                }
                let protocol = guard.config.protocol.name.clone();
                if let Some(lever) = lever.filter(|l| matches!(l.undo, Undo::ByCall { .. })) {
                    due.push((protocol, hold.case, lever));
                }
            }
        }
        for (protocol, case, lever) in due {
            let id = step.next_effect();
            let (intent, expires) = (Intent::Release, step.at);
            let action = Action { id, case, protocol, intent, lever, attack: None, expires };
            self.issue(step, action, Vec::new());
        }
    }

    /// Our transaction's block was taken back: look, and pull again if need be.
    pub(crate) fn reassert_removed(&mut self, step: &mut Step, chain: ChainId, old: &[BlockId]) {
        self.reassert(step, chain, |block| old.contains(&block));
    }

    /// Another block stands where our transaction was seen.
    pub(crate) fn reassert_if_replaced(&mut self, step: &mut Step, chain: ChainId, now: BlockId) {
        self.reassert(step, chain, |block| block.number == now.number && block.hash != now.hash);
    }

    fn reassert(&mut self, step: &mut Step, chain: ChainId, gone: impl Fn(BlockId) -> bool) {
        let mut due = Vec::new();
        for guard in self.guards.iter().filter(|guard| guard.config.protocol.chain == chain) {
            let protocol = &guard.config.protocol.name;
            for (name, hold) in guard.incidents.holds().filter(|(_, hold)| gone(hold.block)) {
                // While it is being let go of there is nothing to re-assert.
                if self.is_in_motion(protocol, name) {
                    continue;
                }
                let lever = guard.config.ladder.iter().find(|lever| lever.name == *name);
                due.extend(lever.map(|lever| {
                    (guard.config.protocol.name.clone(), hold.clone(), lever.clone())
                }));
            }
        }
        for (protocol, hold, lever) in due {
            let so_far = self
                .cases
                .get(&hold.case)
                .and_then(|case| case.actions.get(&hold.action))
                .map(|record| record.outcomes.iter().filter(|o| !o.is_final()).cloned().collect())
                .unwrap_or_default();
            let id = step.next_effect();
            if let Some(guard) = self.guards.iter_mut().find(|g| g.config.protocol.name == protocol)
            {
                guard.incidents.set(&lever.name, LeverStatus::Moving(id));
            }
            let (intent, expires, case) = (Intent::Reassert, hold.expires, hold.case);
            let action = Action { id, case, protocol, intent, lever, attack: None, expires };
            self.issue(step, action, so_far);
        }
    }

    /// Whether an action of this lever is under way.
    fn is_in_motion(&self, protocol: &str, lever: &str) -> bool {
        self.outstanding.values().any(|effect| {
            matches!(effect, Effect::Act { action, .. }
                if action.protocol == protocol && action.lever.name == lever)
        })
    }

    /// Compares holds with what the chain says: people may have let go, or pulled without us.
    pub(crate) fn check_holds(&mut self, step: &mut Step, index: usize, block: BlockId) {
        let Some(ladder) = self.guards.get(index).map(|guard| guard.config.ladder.clone()) else {
            return;
        };
        let mut events = Vec::new();
        for lever in &ladder {
            let Some(guard) = self.guards.get(index) else { continue };
            // Our own release shows on the chain before its outcome is reported.
            if self.is_in_motion(&guard.config.protocol.name, &lever.name) {
                continue;
            }
            let Some(holds) = guard.lever_holds(lever) else { continue };
            let Some(guard) = self.guards.get_mut(index) else { continue };
            if let Some(hold) = guard.incidents.hold_mut(&lever.name)
                && !holds
                && block.number >= hold.block.number
            {
                let (case, lever) = (hold.case, lever.name.clone());
                guard.incidents.set(&lever, LeverStatus::Idle);
                events.push(CaseEvent::LeverFoundReleased { case, lever, block });
            }
        }
        for event in events {
            self.write(step, event);
        }
    }
}
