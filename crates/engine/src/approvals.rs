//! Guardians: what they are asked for, what they signed, and what comes of it, or of silence.
//!
//! A request is kept here from the step that asks until enough have signed or its deadline has passed; each counts once,
//! under a number that is never used again. Time is the journal's. Nothing here trusts who hands a signature in: what
//! counts is who signed it ([`portcullis_decide::approval`]).
//!
//! - **Pull**: what was recommended is weighed anew with the signatures, and pulled if it is still worth it. Unsigned, it is
//!   asked for anew while the case goes on and it is still worth it.
//! - **Ratify**: a lever that was pulled already is held for `ratifySeconds` only, which its action and its hold say from the
//!   beginning (DEC-3). Signed, it is held to the end of its own time. Unsigned, it is let go, and its rung and harsher ones
//!   are *barred*: they wait for signatures like `signature`, until people decide.
//! - **Release**: only a playbook that takes back what it did asks for it. Unsigned, the hold ends when it would have ended.
//! - **Resume**: people decide that they are free again. A change of the policy's autonomy or guardians does it too.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::Address;
use portcullis_decide::{Autonomy, approval::signer};
use portcullis_types::{
    action::{Lever, Rung},
    approval::{Approval, ApprovalKind, ApprovalRequest, NotApproved},
    case_event::CaseEvent,
    chain::BlockId,
    decision::{Decision, Verdict},
    ids::{CaseId, Millis, Seq},
};

use crate::step::{Engine, Step};

/// How long it is asked whether levers of a barred rung are free again, seconds: then it is asked anew.
pub const RESUME_SECONDS: u64 = 30 * 24 * 3_600;

/// One request and who has signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// What is asked for.
    pub request: ApprovalRequest,
    /// Who has signed.
    pub signed: BTreeSet<Address>,
}

/// The requests of one protocol: at most one of each kind for each lever.
#[derive(Debug, Default)]
pub(crate) struct Approvals {
    open: BTreeMap<(String, ApprovalKind), Asked>,
    /// Levers whose pull was not ratified, and their rungs.
    barred: BTreeMap<String, Rung>,
    /// Until when levers are held that were ratified.
    ratified: BTreeMap<String, Millis>,
}

impl Approvals {
    /// The gentlest rung that waits for people.
    pub(crate) fn barred(&self) -> Option<Rung> {
        self.barred.values().min().copied()
    }

    /// Until when a lever is held, where its action says `until`.
    pub(crate) fn held_until(&self, lever: &str, until: Millis) -> Millis {
        self.ratified.get(lever).map_or(until, |ratified| until.max(*ratified))
    }

    /// A lever is pulled anew: what was ratified before was another hold.
    pub(crate) fn pulled(&mut self, lever: &str) {
        self.ratified.remove(lever);
    }

    /// A pull came to nothing: there is nothing to ratify.
    pub(crate) fn came_to_nothing(&mut self, lever: &str) {
        self.open.remove(&(lever.to_owned(), ApprovalKind::Ratify));
    }

    /// When something lapses next.
    pub(crate) fn next_deadline(&self) -> Option<Millis> {
        self.open.values().map(|asked| asked.request.deadline).min()
    }

    fn is_asked(&self, lever: &str, kind: ApprovalKind, case: CaseId) -> bool {
        let open = self.open.get(&(lever.to_owned(), kind));
        open.is_some_and(|asked| asked.request.case == case)
    }

    /// The number under which this is asked for, if it is.
    pub(crate) fn asked_for(&self, lever: &str, kind: ApprovalKind, case: CaseId) -> Option<Seq> {
        let open = self.open.get(&(lever.to_owned(), kind));
        open.filter(|asked| asked.request.case == case).map(|asked| asked.request.decision)
    }

    fn due(&self, now: Millis) -> Vec<(String, ApprovalKind)> {
        let is_due = |(_, asked): &(&_, &Asked)| asked.request.deadline <= now;
        self.open.iter().filter(is_due).map(|(key, _)| key.clone()).collect()
    }
}

impl Engine {
    /// What guardians are asked for now.
    pub fn approvals_asked(&self) -> impl Iterator<Item = &Asked> {
        self.guards.iter().flat_map(|guard| guard.incidents.approvals.open.values())
    }

    /// Whose signature this is, and for what. Changes nothing.
    ///
    /// # Errors
    /// Why it does not count.
    pub fn judge(
        &self,
        approval: &Approval,
        now: Millis,
    ) -> Result<(Address, &Asked), NotApproved> {
        let key = (approval.lever.clone(), approval.kind);
        for guard in &self.guards {
            let Some(asked) = guard.incidents.approvals.open.get(&key) else { continue };
            if asked.request.case != approval.case || asked.request.decision != approval.decision {
                continue;
            }
            if asked.request.deadline <= now {
                return Err(NotApproved::TooLate);
            }
            let guardians = guard.config.policy.guardians.iter().flat_map(|all| &all.addresses);
            let guardians: Vec<Address> = guardians.copied().collect();
            let who = signer(&asked.request, approval, &guardians)?;
            if asked.signed.contains(&who) {
                return Err(NotApproved::Again(who));
            }
            return Ok((who, asked));
        }
        Err(NotApproved::NotAsked)
    }

    /// A signature came in. One that does not count changes nothing.
    pub(crate) fn signed(&mut self, step: &mut Step, approval: &Approval) {
        let Ok((guardian, asked)) = self.judge(approval, step.at) else { return };
        let request = asked.request.clone();
        let Some(index) = self.guard_of(&request.protocol) else { return };
        let Some(guard) = self.guards.get_mut(index) else { return };
        let key = (request.lever.clone(), request.kind);
        let Some(asked) = guard.incidents.approvals.open.get_mut(&key) else { return };
        asked.signed.insert(guardian);
        let n_signed = u32::try_from(asked.signed.len()).unwrap_or(u32::MAX);
        let missing = request.signatures.saturating_sub(n_signed);
        let (case, kind, lever) = (request.case, request.kind, request.lever.clone());
        if missing == 0 {
            guard.incidents.approvals.open.remove(&key);
        }
        self.write(step, CaseEvent::ApprovalGiven { case, kind, lever, guardian, missing });
        if missing == 0 {
            self.agreed(step, index, &request);
        }
    }

    /// Enough have signed.
    fn agreed(&mut self, step: &mut Step, index: usize, request: &ApprovalRequest) {
        if self.order_agreed(step, index, request) {
            return;
        }
        match request.kind {
            // Nobody but a playbook asks for it, and that run is gone.
            ApprovalKind::Release => {}
            ApprovalKind::Pull => {
                let block = self.newest_of(request.chain).unwrap_or(request.block);
                let approved = Some(request.lever.as_str());
                if let Some(decision) = self.weigh(step, index, request.case, block, approved) {
                    self.conclude(step, index, &decision, approved);
                }
            }
            ApprovalKind::Ratify => {
                let Some(guard) = self.guards.get_mut(index) else { return };
                let lever = guard.config.ladder.iter().find(|lever| lever.name == request.lever);
                let Some(hold_seconds) = lever.map(|lever| lever.hold_seconds) else { return };
                let pulled_at = guard.incidents.pulled_at(&request.lever).unwrap_or(step.at);
                let until = pulled_at.plus_seconds(hold_seconds);
                guard.incidents.approvals.ratified.insert(request.lever.clone(), until);
                if let Some(hold) = guard.incidents.hold_mut(&request.lever) {
                    hold.expires = hold.expires.max(until);
                }
            }
            ApprovalKind::Resume => {
                if let Some(guard) = self.guards.get_mut(index) {
                    guard.incidents.approvals.barred.remove(&request.lever);
                }
            }
        }
    }

    /// Asks for signatures for every lever of a decision that waits for them and is not asked for yet.
    pub(crate) fn ask_for_signatures(&mut self, step: &mut Step, index: usize, from: &Decision) {
        for rung in from.rungs.iter().filter(|rung| rung.verdict == Verdict::AwaitsSignature) {
            let Some(guard) = self.guards.get(index) else { return };
            let approvals = &guard.incidents.approvals;
            let lever = guard.config.ladder.iter().find(|lever| lever.name == rung.lever).cloned();
            let seconds = guard.config.policy.guardians.as_ref().map(|all| all.approve_seconds);
            let (Some(lever), Some(seconds)) = (lever, seconds) else { continue };
            if !approvals.is_asked(&lever.name, ApprovalKind::Pull, from.case) {
                let deadline = step.at.plus_seconds(seconds);
                self.ask_for(
                    step,
                    index,
                    ApprovalKind::Pull,
                    (from.case, from.block),
                    (&lever, deadline),
                );
            }
        }
    }

    pub(crate) fn ask_for(
        &mut self,
        step: &mut Step,
        index: usize,
        kind: ApprovalKind,
        (case, block): (CaseId, BlockId),
        (lever, deadline): (&Lever, Millis),
    ) {
        let Some(guard) = self.guards.get_mut(index) else { return };
        let Some(guardians) = &guard.config.policy.guardians else { return };
        let request = ApprovalRequest {
            kind,
            decision: step.seq,
            protocol: guard.config.protocol.name.clone(),
            case,
            lever: lever.name.clone(),
            rung: lever.rung,
            chain: lever.chain,
            block,
            deadline,
            signatures: guardians.signatures,
        };
        let asked = Asked { request: request.clone(), signed: BTreeSet::new() };
        guard.incidents.approvals.open.insert((lever.name.clone(), kind), asked);
        self.write(step, CaseEvent::ApprovalAsked { case, request: Box::new(request) });
    }

    /// How long a lever that is pulled now is held, seconds: less where nobody has agreed and somebody must.
    pub(crate) fn hold_seconds(&self, index: usize, lever: &Lever, approved: bool) -> (u64, bool) {
        let policy = self.guards.get(index).map(|guard| &guard.config.policy);
        let must_be_ratified = !approved
            && policy.is_some_and(|policy| policy.autonomy.of(lever.rung) == Autonomy::Ratify);
        let guardians = policy.and_then(|policy| policy.guardians.as_ref());
        match guardians.filter(|_| must_be_ratified) {
            Some(guardians) => (lever.hold_seconds.min(guardians.ratify_seconds), true),
            None => (lever.hold_seconds, false),
        }
    }

    /// Asks that a pull is ratified, until its hold ends.
    pub(crate) fn ask_to_ratify(
        &mut self,
        step: &mut Step,
        index: usize,
        case: CaseId,
        (lever, until): (&Lever, Millis),
    ) {
        let block = self.cases.get(&case).and_then(|case| case.decisions.last());
        let Some(block) = block.map(|decision| decision.block) else { return };
        self.ask_for(step, index, ApprovalKind::Ratify, (case, block), (lever, until));
    }

    /// What nobody signed in time.
    pub(crate) fn lapse(&mut self, step: &mut Step) {
        for index in 0..self.guards.len() {
            let Some(guard) = self.guards.get(index) else { return };
            for key in guard.incidents.approvals.due(step.at) {
                let Some(guard) = self.guards.get_mut(index) else { return };
                let Some(asked) = guard.incidents.approvals.open.remove(&key) else { continue };
                let request = asked.request;
                let (case, kind, lever) = (request.case, request.kind, request.lever.clone());
                self.write(step, CaseEvent::ApprovalLapsed { case, kind, lever });
                self.lapsed(step, index, &request);
            }
        }
    }

    fn lapsed(&mut self, step: &mut Step, index: usize, request: &ApprovalRequest) {
        self.order_lapsed(request);
        if request.kind == ApprovalKind::Release {
            return;
        }
        let Some(guard) = self.guards.get_mut(index) else { return };
        let lever = guard.config.ladder.iter().find(|lever| lever.name == request.lever).cloned();
        let block = self.newest_of(request.chain).unwrap_or(request.block);
        if request.kind == ApprovalKind::Pull {
            let goes_on = self.guards.get(index).and_then(|g| g.incidents.current(step.at));
            let decision = self.weigh(step, index, request.case, block, None);
            let waits = |decision: &Decision| {
                decision.rungs.iter().any(|rung| rung.verdict == Verdict::AwaitsSignature)
            };
            if let Some(decision) = decision.filter(waits)
                && goes_on == Some(request.case)
            {
                self.conclude(step, index, &decision, None);
            }
            return;
        }
        let Some(lever) = lever else { return };
        if let Some(guard) = self.guards.get_mut(index) {
            guard.incidents.approvals.barred.insert(lever.name.clone(), lever.rung);
        }
        let deadline = step.at.plus_seconds(RESUME_SECONDS);
        self.ask_for(step, index, ApprovalKind::Resume, (request.case, block), (&lever, deadline));
    }

    fn guard_of(&self, protocol: &str) -> Option<usize> {
        self.guards.iter().position(|guard| guard.config.protocol.name == protocol)
    }

    pub(crate) fn newest_of(&self, chain: u64) -> Option<BlockId> {
        self.chains.get(&chain).and_then(|chain| chain.head()).map(|head| head.id)
    }

    /// When the next hold, request or clock of a playbook ends: the time at which a [`Event::Tick`](crate::Event::Tick) means something.
    pub fn next_expiry(&self) -> Option<Millis> {
        let holds = self.guards.iter().flat_map(|guard| guard.incidents.holds());
        let holds = holds.filter(|(_, hold)| !hold.release_asked).map(|(_, hold)| hold.expires);
        let asked =
            self.guards.iter().filter_map(|guard| guard.incidents.approvals.next_deadline());
        holds.chain(asked).chain(self.next_clock()).min()
    }
}
