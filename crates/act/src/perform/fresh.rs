//! Before anything is signed: look, rehearse, sign.

use portcullis_types::{
    action::{Call, HonestImpact, Intent, Outcome, Rehearsal, ViewCheck},
    invariant::{Invariant, check},
};
use tokio::time::{Instant, timeout};

use super::{
    PerformError,
    attempt::Attempts,
    job::{Job, Plan, has_passed},
    live::{self, Prepared},
    through::{self, Found, Seen},
};
use crate::{
    fees::gas_limit,
    nodes::{Head, NodeError, Nodes},
    rehearse::{Play, honest, rehearse},
    signer::SignError,
};

/// An action of which nothing was signed, or whose signed transaction left the chain.
pub(super) struct Fresh<'a> {
    job: Box<Job<'a>>,
}

/// An action that may be signed now.
struct Rehearsed<'a> {
    job: Box<Job<'a>>,
    head: Head,
    nonce: u64,
    gas_limit: u64,
}

/// The next state, or the end.
enum Next<S> {
    Go(S),
    End(Outcome),
}

/// What the chain shows before an action.
struct Look {
    chain: u64,
    head: Head,
    holds: bool,
    /// The first condition that is not met.
    unmet: Option<String>,
    /// The account's next nonce after the newest block, and with what the pool holds.
    nonce: u64,
    nonce_in_pool: u64,
    /// How the Warden stands, where it goes through one.
    warden: Option<Found>,
    /// The form of the call that is right on this state, where there are several.
    form: Option<Call>,
}

/// What of a look is needed once it was rehearsed.
struct Clear {
    head: Head,
    nonce: u64,
}

impl<'a> Fresh<'a> {
    pub(super) fn new(job: Box<Job<'a>>) -> Self {
        Self { job }
    }

    /// To the end, with a new transaction.
    pub(super) async fn run(self) -> Result<Outcome, PerformError> {
        let rehearsed = match self.rehearsed(true).await? {
            Next::Go(rehearsed) => rehearsed,
            Next::End(outcome) => return Ok(outcome),
        };
        match rehearsed.prepare().await? {
            Next::Go(prepared) => live::see_through(prepared).await,
            Next::End(outcome) => Ok(outcome),
        }
    }

    /// To the end, with a transaction that was signed earlier and has left the chain.
    pub(super) async fn run_again(self, attempts: Attempts) -> Result<Outcome, PerformError> {
        let job = match self.rehearsed(false).await? {
            Next::Go(rehearsed) => rehearsed.job,
            Next::End(outcome) => return Ok(outcome),
        };
        if job.plan.warden.is_some()
            && attempts.newest().call_data().as_ref() != Some(&job.plan.call.data)
        {
            let why = "the pull left the chain, and its order counts no more (its deadline passed, or the lever was armed \
                       anew): decide anew"
                .to_owned();
            return job.end(Outcome::Refused { why }).await;
        }
        if !job.plan.forms.is_empty()
            && attempts.newest().call_data().as_ref() != Some(&job.plan.call.data)
        {
            let why = "the pull left the chain, and on this state another form of its call is right: decide anew"
                .to_owned();
            return job.end(Outcome::Refused { why }).await;
        }
        // Under this action's own id, so that its journal alone tells what may be out.
        job.note(attempts.newest().outcome()).await?;
        live::see_through(Prepared::resumed(job, attempts.afresh())).await
    }

    /// Looks at the chain and rehearses. With `lane_clear` the account must have nothing in flight.
    async fn rehearsed(mut self, lane_clear: bool) -> Result<Next<Rehearsed<'a>>, PerformError> {
        let deadline = self.job.reach_deadline();
        let (look, played) = loop {
            let look = match self.look_until_clear(lane_clear).await {
                Ok(look) => look,
                Err(why) => return self.refuse(why).await,
            };
            if look.holds {
                let outcome = Outcome::Held { block: look.head.id, by_us: false };
                return Ok(Next::End(self.job.end(outcome).await?));
            }
            if let Some(unmet) = look.unmet {
                return self.refuse(unmet).await;
            }
            if let Some(call) = look.form {
                self.job.plan.call = call;
            }
            if let Some(found) = look.warden {
                match through::call_data(&self.job, found).await {
                    Ok(data) => self.job.plan.call.data = data,
                    Err(why) => return self.refuse(why).await,
                }
            }
            let played = self.rehearse(look.head).await;
            let look = Clear { head: look.head, nonce: look.nonce };
            // Unrehearsed nothing is sent, so a node that comes to itself is worth waiting for. The chain has moved
            // on meanwhile: look again.
            let decided = played.is_ok() || Instant::now() >= deadline;
            if decided || !self.job.settings().rehearsal_required {
                break (look, played);
            }
            tokio::time::sleep(self.job.settings().poll_interval).await;
        };
        let estimate = match played {
            Ok((rehearsal, estimate)) => {
                self.job.note(Outcome::Rehearsed(rehearsal.clone())).await?;
                if let Some(why) = objection(&rehearsal) {
                    return self.refuse(why).await;
                }
                estimate
            }
            Err(trouble) if self.job.settings().rehearsal_required => {
                let why = format!(
                    "it could not be rehearsed ({trouble}), and the policy sends nothing unrehearsed (ACT-4): use a \
                     faster node, or allow the race"
                );
                return self.refuse(why).await;
            }
            Err(trouble) => {
                self.job.note(Outcome::Rehearsed(unrehearsed(look.head, &trouble))).await?;
                None
            }
        };
        let gas_limit = gas_limit(estimate, self.job.plan.call.gas_limit);
        Ok(Next::Go(Rehearsed { job: self.job, head: look.head, nonce: look.nonce, gas_limit }))
    }

    async fn refuse<S>(&self, why: String) -> Result<Next<S>, PerformError> {
        Ok(Next::End(self.job.end(Outcome::Refused { why }).await?))
    }

    /// Looks until nothing of the account is in flight that the journal does not know. There should be no such thing,
    /// as everything is journaled before it is sent; where there is, somebody else uses the key.
    async fn look_until_clear(&self, lane_clear: bool) -> Result<Look, String> {
        let start = Instant::now();
        loop {
            let look = self.look_patiently().await.map_err(|error| error.to_string())?;
            let chain = self.job.actuator.chain;
            if look.chain != chain {
                return Err(format!(
                    "the node is on chain {}, not on chain {chain}: correct its address",
                    look.chain
                ));
            }
            if look.holds || look.nonce_in_pool <= look.nonce || !lane_clear {
                return Ok(look);
            }
            if has_passed(start, self.job.settings().in_flight_time_limit) {
                return Err(format!(
                    "transaction {} of {} is in a pool and not ours, and everything behind it waits: find out who uses \
                     this key, and replace or drop that transaction",
                    look.nonce,
                    self.job.responder()
                ));
            }
            tokio::time::sleep(self.job.settings().poll_interval).await;
        }
    }

    /// Looks, again and again while nodes are silent or in trouble, up to the limit.
    async fn look_patiently(&self) -> Result<Look, NodeError> {
        let deadline = self.job.reach_deadline();
        loop {
            match self.look().await {
                Err(error) if error.is_nodes_own() && Instant::now() < deadline => {
                    tokio::time::sleep(self.job.settings().poll_interval).await;
                }
                answer => return answer,
            }
        }
    }

    async fn look(&self) -> Result<Look, NodeError> {
        let (nodes, plan, responder) = (self.job.nodes(), &self.job.plan, self.job.responder());
        let (chain, head, holds, (unmet, form), nonce, nonce_in_pool) = tokio::try_join!(
            nodes.chain_id(),
            nodes.head(),
            nodes.holds(&plan.verify, None),
            conditions(nodes, plan),
            nodes.nonce(responder, "latest"),
            nodes.nonce(responder, "pending"),
        )?;
        let mut look = Look { chain, head, holds, unmet, nonce, nonce_in_pool, warden: None, form };
        if look.unmet.is_none()
            && let Some(through) = &plan.warden
            && (through.is_release || !holds)
        {
            match through::look(&self.job, through, head).await? {
                Seen::Over => {}
                Seen::Ready(found) => (look.holds, look.warden) = (false, Some(found)),
                Seen::Obstacle(why) => (look.holds, look.unmet) = (false, Some(why)),
            }
        }
        Ok(look)
    }

    /// What a pull would break for others, beside the rehearsal. A third of the rehearsal's time is all it gets: it is for
    /// the record and decides nothing, so the pull does not wait longer for it.
    async fn look_at_others(&self, play: Play<'_>, head: Head) -> Option<HonestImpact> {
        if self.job.action.intent == Intent::Release {
            return None;
        }
        let limit = self.job.settings().rehearsal_time_limit / 3;
        let late = || format!("no result within {} ms", limit.as_millis());
        let look = timeout(limit, honest(self.job.nodes(), play, head)).await;
        Some(look.unwrap_or_else(|_| HonestImpact::not_looked(late())))
    }

    /// Rehearses within the time limit, and estimates the gas meanwhile; or why that gave nothing.
    async fn rehearse(&self, head: Head) -> Result<(Rehearsal, Option<u64>), String> {
        let (nodes, plan, settings) = (self.job.nodes(), &self.job.plan, self.job.settings());
        let scene = Play {
            responder: self.job.responder(),
            call: &plan.call,
            verify: &plan.verify,
            attack: plan.attack.as_ref(),
            covers: &self.job.action.lever.covers,
        };
        let all = async {
            tokio::join!(
                rehearse(nodes, scene, head),
                nodes.estimate_gas(scene.responder, scene.call),
                self.look_at_others(scene, head),
            )
        };
        match timeout(settings.rehearsal_time_limit, all).await {
            Ok((Ok(rehearsal), estimate, honest)) => {
                Ok((Rehearsal { honest, ..rehearsal }, estimate.ok()))
            }
            Ok((Err(error), ..)) => Err(error.to_string()),
            Err(_) => {
                Err(format!("no result within {} ms", settings.rehearsal_time_limit.as_millis()))
            }
        }
    }
}

/// The first condition that is not met, or none and the form of the call that is right now.
async fn conditions(
    nodes: &Nodes,
    plan: &Plan,
) -> Result<(Option<String>, Option<Call>), NodeError> {
    for view in &plan.preflight {
        if !nodes.holds(view, None).await? {
            let unmet = format!(
                "before the call it must be so that {}, and it is not: check roles and state",
                view.meaning
            );
            return Ok((Some(unmet), None));
        }
    }
    if plan.forms.is_empty() {
        return Ok((None, None));
    }
    // A view is asked once, however many forms ask it.
    let mut answers: Vec<(&ViewCheck, bool)> = Vec::new();
    for form in &plan.forms {
        let mut is_right = true;
        for view in &form.when {
            let known = answers.iter().find(|(asked, _)| *asked == view).map(|(_, holds)| *holds);
            let holds = match known {
                Some(holds) => holds,
                None => nodes.holds(view, None).await?,
            };
            answers.push((view, holds));
            is_right &= holds;
            if !holds {
                break;
            }
        }
        if is_right {
            return Ok((None, Some(form.call.clone())));
        }
    }
    let unmet =
        "no form of the call is right on this state: its flags changed while they were read, or \
                 the contract is another one; look at the lever's views"
            .to_owned();
    Ok((Some(unmet), None))
}

/// The record of an action that is sent without a rehearsal: nothing is known.
fn unrehearsed(head: Head, trouble: &str) -> Rehearsal {
    Rehearsal {
        block: head.id.number,
        sticks: false,
        attack_works_without: None,
        attack_works_with: None,
        honest: None,
        detail: format!("not rehearsed ({trouble}); sent because the policy allows the race"),
    }
}

/// Why an action must not be sent after this rehearsal.
fn objection(rehearsal: &Rehearsal) -> Option<String> {
    if !rehearsal.sticks {
        return Some(format!(
            "rehearsed on block {}, it does not stick: {}; check the responder's role and the lever",
            rehearsal.block, rehearsal.detail
        ));
    }
    if rehearsal.attack_works_without == Some(true) && rehearsal.attack_works_with == Some(true) {
        return Some(format!(
            "rehearsed on block {}, the attack takes as much with the lever pulled as without: choose another lever",
            rehearsal.block
        ));
    }
    None
}

impl<'a> Rehearsed<'a> {
    /// Signs, and journals the signed bytes before any node sees them.
    async fn prepare(self) -> Result<Next<Prepared<'a>>, PerformError> {
        let job = self.job;
        let Some(fees) = job.settings().fees.first(self.head.base_fee, self.gas_limit) else {
            let why = format!(
                "at a base fee of {} wei, {} gas cost more than the ceiling of {} wei: raise the ceiling",
                self.head.base_fee,
                self.gas_limit,
                job.settings().fees.ceiling_wei
            );
            return Ok(Next::End(job.end(Outcome::Refused { why }).await?));
        };
        let attempt = match job.sign(self.nonce, self.gas_limit, fees).await {
            Ok(attempt) => attempt,
            Err(error @ (SignError::Refused { .. } | SignError::Unavailable { .. })) => {
                return Ok(Next::End(job.end(Outcome::Refused { why: error.to_string() }).await?));
            }
        };
        check(Invariant::Act1, attempt.nonce == self.nonce, || {
            format!("signed for nonce {} instead of {}", attempt.nonce, self.nonce)
        })?;
        job.note(attempt.outcome()).await?;
        Ok(Next::Go(Prepared::resumed(job, Attempts::new(attempt))))
    }
}
