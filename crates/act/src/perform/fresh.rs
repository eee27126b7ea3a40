//! Before anything is signed: look, rehearse, sign.

use portcullis_types::{
    action::{HonestImpact, Intent, Outcome, Rehearsal},
    invariant::{Invariant, check},
};
use tokio::time::{Instant, timeout};

use super::{
    PerformError,
    attempt::Attempts,
    job::Job,
    live::{self, Prepared},
    look::{Look, look},
    through,
    warm::Warm,
};
use crate::{
    fees::gas_limit,
    nodes::{Head, NodeError},
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

/// The next state, or the end of it, on this lane or altogether.
enum Next<S> {
    Go(S),
    End(Outcome),
    PassOver(Pass),
}

/// Why an action does not go through a lane.
#[derive(Debug)]
pub(super) struct Pass {
    pub(super) why: String,
    /// Whether it may be otherwise in a moment.
    pub(super) may_clear: bool,
}

/// What became of an action on one lane.
pub(super) enum Ended {
    Done(Outcome),
    PassedOver(Pass),
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
    pub(super) async fn run(self) -> Result<Ended, PerformError> {
        let rehearsed = match self.rehearsed(true).await? {
            Next::Go(rehearsed) => rehearsed,
            Next::End(outcome) => return Ok(Ended::Done(outcome)),
            Next::PassOver(pass) => return Ok(Ended::PassedOver(pass)),
        };
        match rehearsed.prepare().await? {
            Next::Go(prepared) => Ok(Ended::Done(live::see_through(prepared).await?)),
            Next::End(outcome) => Ok(Ended::Done(outcome)),
            Next::PassOver(pass) => Ok(Ended::PassedOver(pass)),
        }
    }

    /// To the end, with a transaction that was signed earlier and has left the chain.
    pub(super) async fn run_again(self, attempts: Attempts) -> Result<Outcome, PerformError> {
        let (action, report) = (self.job.action, self.job.report);
        let job = match self.rehearsed(false).await? {
            Next::Go(rehearsed) => rehearsed.job,
            Next::End(outcome) => return Ok(outcome),
            // It can go nowhere else: its nonce is here.
            Next::PassOver(pass) => return super::refuse(action, report, pass.why).await,
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
        let mut warm = self.job.actuator.warm_of(&self.job.action.lever).await;
        let (look, played) = loop {
            let look = match self.look_patiently(warm.as_ref()).await {
                Ok(look) => look,
                Err(error) => return self.refuse(error.to_string()).await,
            };
            if let Some(next) = self.wrong_place(&look, lane_clear).await? {
                return Ok(next);
            }
            (self.job.head, self.job.market) = (Some(look.head), look.market);
            self.job.balance = look.balance;
            if look.holds {
                let outcome = Outcome::Held { block: look.head.id, by_us: false };
                return Ok(Next::End(self.job.end(outcome).await?));
            }
            if let Some(unmet) = look.unmet {
                return self.unfit(unmet).await;
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
            let is_warm = look.is_warm;
            let played = match look.rehearsal {
                Some(rehearsal) => Ok(rehearsal),
                None => self.rehearse(look.head).await,
            };
            if is_warm && !played.as_ref().is_ok_and(|(rehearsal, _)| rehearsal.sticks) {
                // What was kept may be why: look at the whole.
                warm = None;
                continue;
            }
            let look = Clear { head: look.head, nonce: look.nonce };
            // Unrehearsed nothing is sent, so a node that comes to itself is worth waiting for. The chain has moved
            // on meanwhile: look again.
            let decided = played.is_ok() || Instant::now() >= deadline;
            if decided || !self.job.settings().rehearsal_required {
                break (look, played);
            }
            tokio::time::sleep(self.job.settings().poll_interval).await;
        };
        let estimate = match self.judged(look.head, played).await? {
            Next::Go(estimate) => estimate,
            Next::End(outcome) => return Ok(Next::End(outcome)),
            Next::PassOver(pass) => return Ok(Next::PassOver(pass)),
        };
        let gas_limit = gas_limit(estimate, self.job.plan.call.gas_limit);
        let Clear { head, nonce } = look;
        Ok(Next::Go(Rehearsed { job: self.job, head, nonce, gas_limit }))
    }

    /// Journals what a rehearsal showed; the gas that it took, where nothing speaks against going on.
    async fn judged(
        &self,
        head: Head,
        played: Result<(Rehearsal, Option<u64>), String>,
    ) -> Result<Next<Option<u64>>, PerformError> {
        let estimate = match played {
            Ok((rehearsal, estimate)) => {
                self.job.note(Outcome::Rehearsed(rehearsal.clone())).await?;
                if let Some(why) = does_not_stick(&rehearsal) {
                    return self.unfit(why).await;
                }
                if let Some(why) = does_not_help(&rehearsal) {
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
                self.job.note(Outcome::Rehearsed(unrehearsed(head, &trouble))).await?;
                None
            }
        };
        Ok(Next::Go(estimate))
    }

    async fn refuse<S>(&self, why: String) -> Result<Next<S>, PerformError> {
        Ok(Next::End(self.job.end(Outcome::Refused { why }).await?))
    }

    /// This account cannot do it; another may, where there is one. A Warden asks nobody who relays.
    async fn unfit<S>(&self, why: String) -> Result<Next<S>, PerformError> {
        if self.job.plan.warden.is_some() {
            return self.refuse(why).await;
        }
        Ok(Next::PassOver(Pass { why, may_clear: false }))
    }

    /// The wrong chain, or a lane with something in flight that the journal does not know. There should be no such
    /// thing, as everything is journaled before it is sent; where there is, somebody else uses the key.
    async fn wrong_place<S>(
        &self,
        look: &Look,
        lane_clear: bool,
    ) -> Result<Option<Next<S>>, PerformError> {
        let chain = self.job.actuator.chain;
        if let Some(found) = look.chain
            && found != chain
        {
            let why =
                format!("the node is on chain {found}, not on chain {chain}: correct its address");
            return Ok(Some(self.refuse(why).await?));
        }
        if look.holds || look.nonce_in_pool <= look.nonce || !lane_clear {
            self.job.lane.note(None);
            return Ok(None);
        }
        let why = format!(
            "transaction {} of {} is in a pool and not ours, and everything behind it waits: find out who uses this \
             key, and replace or drop that transaction",
            look.nonce,
            self.job.responder()
        );
        self.job.lane.note(Some(&why));
        Ok(Some(Next::PassOver(Pass { why, may_clear: true })))
    }

    /// Looks, again and again while nodes are silent or in trouble, up to the limit.
    async fn look_patiently(&self, warm: Option<&Warm>) -> Result<Look, NodeError> {
        let deadline = self.job.reach_deadline();
        loop {
            match look(&self.job, warm.cloned()).await {
                Err(error) if error.is_nodes_own() && Instant::now() < deadline => {
                    tokio::time::sleep(self.job.settings().poll_interval).await;
                }
                answer => return answer,
            }
        }
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

/// Why this account must not send the action after this rehearsal.
fn does_not_stick(rehearsal: &Rehearsal) -> Option<String> {
    (!rehearsal.sticks).then(|| {
        format!(
            "rehearsed on block {}, it does not stick: {}; check the responder's role and the lever",
            rehearsal.block, rehearsal.detail
        )
    })
}

/// Why nobody should send the action after this rehearsal.
fn does_not_help(rehearsal: &Rehearsal) -> Option<String> {
    if rehearsal.attack_works_without == Some(true) && rehearsal.attack_works_with == Some(true) {
        return Some(format!(
            "rehearsed on block {}, the attack takes as much with the lever pulled as without: choose another lever",
            rehearsal.block
        ));
    }
    None
}

impl<'a> Rehearsed<'a> {
    /// Signs, and journals the signed bytes before any node or relay sees them.
    async fn prepare(self) -> Result<Next<Prepared<'a>>, PerformError> {
        let Self { job, head, nonce, gas_limit } = self;
        let (policy, balance) = (job.fees(), job.balance);
        let base_fee = head.base_fee;
        let Some(all) = policy.first(base_fee, gas_limit) else {
            let why = format!(
                "at a base fee of {base_fee} wei, {gas_limit} gas cost more than the ceiling of {} wei: raise the ceiling",
                policy.ceiling_wei
            );
            return Ok(Next::End(job.end(Outcome::Refused { why }).await?));
        };
        let policy = policy.affordable(balance);
        // Less than all is enough, as long as it pays for the next block.
        let least = base_fee.saturating_add(base_fee / 8).min(all.max_fee_per_gas);
        let fees = policy.first(base_fee, gas_limit).filter(|fees| fees.max_fee_per_gas >= least);
        let Some(fees) = fees else {
            let why = format!(
                "{} has {balance} wei, which does not pay for {gas_limit} gas at {least} wei: fund it",
                job.responder()
            );
            job.lane.note(Some(&why));
            return Ok(Next::PassOver(Pass { why, may_clear: false }));
        };
        let first = match job.sign(nonce, gas_limit, fees, false).await {
            Ok(attempt) => attempt,
            Err(error @ (SignError::Refused { .. } | SignError::Unavailable { .. })) => {
                job.lane.note(Some(&error.to_string()));
                return Ok(Next::PassOver(Pass { why: error.to_string(), may_clear: false }));
            }
        };
        check(Invariant::Act1, first.nonce == nonce, || {
            format!("signed for nonce {} instead of {nonce}", first.nonce)
        })?;
        job.note(first.outcome()).await?;
        let mut attempts = Attempts::new(first);
        live::add_private(&job, &mut attempts, gas_limit, policy).await?;
        Ok(Next::Go(Prepared::resumed(job, attempts)))
    }
}
