//! The life of an action.
//!
//! One struct for each state; each transition consumes its state and journals an [`Outcome`] before the next begins.
//!
//! ```text
//!  Fresh ──look, rehearse──► Rehearsed ──sign──► Prepared ──broadcast──► Sent ──included──► Mined ──view──► Held
//!    │                           │                  ▲ ▲                   │                  │              Failed
//!    └──► Held, Refused          └──► Refused       │ └── pays more ──────┤                  │
//!                                                   └── block is gone ────┼──────────────────┘
//!                                                                         └──► nonce used by another: Held, Failed
//! ```
//!
//! After a crash an action starts from what its journal says: in `Prepared` if any transaction of it was signed, else
//! in `Fresh`.

mod attempt;
mod fresh;
mod job;
mod live;
mod look;
mod mined;
mod opinion;
mod pick;
mod through;
mod warm;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use portcullis_types::{
    action::{Action, Intent, Outcome},
    ids::{ChainId, Millis},
    invariant::Broken,
};
use tokio::sync::{Mutex, OwnedMutexGuard};

pub use self::warm::{WARM_LEVERS_MAX, WarmReport};
use self::{
    attempt::Attempts,
    fresh::Fresh,
    job::{Job, Plan},
    live::{Found, Prepared},
    pick::Run,
    warm::WarmBook,
};
use crate::{
    ActSettings,
    lanes::{LaneHealth, Lanes},
    nodes::{Head, NodeError, Nodes, Receipt},
    relay::{RelayHealth, Relays},
    report::{Report, Stopped},
    signer::{Sentinel, TransactionSigner},
};

/// Pulls levers on one chain, with one or several accounts. Make one for each chain, and share it: it keeps the
/// transactions of each account in single file, and those of each lever.
#[derive(Debug)]
pub struct Actuator {
    nodes: Nodes,
    chain: ChainId,
    settings: ActSettings,
    /// The accounts that act, each used by one action at a time, so that two cannot take the same nonce.
    lanes: Lanes,
    /// Who signs the orders of Wardens.
    sentinels: Vec<Arc<dyn Sentinel>>,
    relays: Option<Relays>,
    /// One for each lever, held while an action of it runs: a second pull must see what the first did. As many as there
    /// are levers in the configuration.
    turns: Mutex<BTreeMap<LeverName, Arc<Mutex<()>>>>,
    /// What is kept of the levers, so that a pull need not look at all of it.
    warm: Mutex<WarmBook>,
}

/// Protocol and lever.
type LeverName = (String, String);

/// Why an action has no final outcome yet.
#[derive(Debug, thiserror::Error)]
pub enum PerformError {
    /// The journal is closed. Perform the action again, with what was journaled, when it is open.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// Our own promise is broken. End the process.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// A transaction is out and neither included nor impossible. Perform the action again with what was journaled; page
    /// a person meanwhile.
    #[error("not settled within {} s: {why}; perform the action again", limit.as_secs())]
    Unsettled {
        /// How long it was followed.
        limit: Duration,
        /// Where it stands.
        why: String,
    },
}

impl Actuator {
    /// An actuator for `chain` behind `nodes`, acting as the account of `signer`.
    pub fn new(
        nodes: Nodes,
        chain: ChainId,
        signer: Arc<dyn TransactionSigner>,
        settings: ActSettings,
    ) -> Self {
        let lanes = Lanes::new(signer);
        let (turns, warm) = (Mutex::default(), Mutex::default());
        Self { nodes, chain, settings, lanes, sentinels: Vec::new(), relays: None, turns, warm }
    }

    /// The same with further accounts to act with. Levers of Wardens can be pulled through any of them; where a lever
    /// wants a role, the rehearsal shows which has it.
    #[must_use]
    pub fn with_lanes(self, more: Vec<Arc<dyn TransactionSigner>>) -> Self {
        Self { lanes: self.lanes.with(more), ..self }
    }

    /// The same with private relays.
    #[must_use]
    pub fn with_relays(self, relays: Relays) -> Self {
        Self { relays: Some(relays), ..self }
    }

    /// The same with sentinels that sign the orders of Wardens.
    #[must_use]
    pub fn with_sentinels(self, sentinels: Vec<Arc<dyn Sentinel>>) -> Self {
        Self { sentinels, ..self }
    }

    /// The nodes that it talks to.
    pub fn nodes(&self) -> &Nodes {
        &self.nodes
    }

    /// The accounts that it acts with, the preferred one first.
    pub fn accounts(&self) -> Vec<alloy_primitives::Address> {
        self.lanes.accounts()
    }

    /// How each account stands.
    pub fn lane_health(&self) -> Vec<LaneHealth> {
        self.lanes.health()
    }

    /// How each relay does; empty where none is configured.
    pub fn relay_health(&self) -> Vec<RelayHealth> {
        self.relays.as_ref().map(Relays::health).unwrap_or_default()
    }

    /// Takes `action` to its end and returns its final outcome, which was reported too.
    ///
    /// `so_far` is what the journal already holds of this action, oldest first; for [`Intent::Reassert`] preceded by
    /// what it holds of the pull that is to be asserted again. `now` is the caller's wall clock.
    ///
    /// Actions of one lever run one after another, others at once as far as there are lanes. A release leaves the last
    /// healthy lane to pulls, where there is more than one.
    pub async fn perform(
        &self,
        action: &Action,
        so_far: &[Outcome],
        now: Millis,
        report: &dyn Report,
    ) -> Result<Outcome, PerformError> {
        let reassert = action.intent == Intent::Reassert;
        if let Some(end) = so_far.iter().rfind(|outcome| outcome.is_final())
            && !reassert
        {
            // ACT-3: it was done before.
            return Ok(end.clone());
        }
        if so_far.is_empty() && action.intent == Intent::Release {
            // Before its turn: pulls must not wait for the end of a hold.
            through::wait_for_end(self, action).await;
        }
        let _turn = self.turn(action).await;
        tracing::info!(action = %action.id, case = %action.case, lever = action.lever.name, intent = ?action.intent, "performing");
        let attempts = Attempts::from_journal(so_far, reassert)?;
        let plan = match Plan::of(action, self.chain, now, attempts.as_ref()) {
            Ok(plan) => plan,
            Err(why) => return refuse(action, report, why).await,
        };
        let run = Run { actuator: self, action, plan, report };
        // In the heap: what a caller has to hold of an action is large otherwise.
        let Some(attempts) = attempts else {
            return Box::pin(pick::through_any_lane(&run)).await;
        };
        // ACT-1: what was signed on a lane stays there.
        let account = attempts.sender().unwrap_or_else(|| self.lanes.first());
        let job = run.job(self.lanes.take_own(account).await);
        if !reassert {
            return Box::pin(resume(job, attempts, now)).await;
        }
        match Box::pin(reassert_pull(job, attempts, now)).await? {
            Reasserted::Done(outcome) => Ok(outcome),
            Reasserted::Anew => Box::pin(pick::through_any_lane(&run)).await,
        }
    }

    async fn turn(&self, action: &Action) -> OwnedMutexGuard<()> {
        let lever = (action.protocol.clone(), action.lever.name.clone());
        let turn = Arc::clone(self.turns.lock().await.entry(lever).or_default());
        turn.lock_owned().await
    }
}

/// What came of asserting a pull again.
enum Reasserted {
    Done(Outcome),
    /// Its nonce is gone for good: a new transaction is no second.
    Anew,
}

/// Takes up an action whose transaction was signed before a crash. It never gets another nonce.
async fn resume(
    job: Box<Job<'_>>,
    attempts: Attempts,
    now: Millis,
) -> Result<Outcome, PerformError> {
    let overdue = job.action.intent == Intent::Pull && now >= job.action.expires;
    if overdue && !attempts.was_sent() && !is_known(&job, &attempts).await? {
        let why = format!(
            "the hold was over before the transaction with nonce {} was sent, so it is not sent any more; should {} \
             appear on the chain, let go of the lever by hand",
            attempts.nonce(),
            attempts.newest().hash,
        );
        return job.end(Outcome::Failed { why }).await;
    }
    match Prepared::resumed(job, attempts).find().await? {
        Found::Mined(mined) => live::see_through_from(mined).await,
        Found::Waiting(prepared) => live::see_through(prepared).await,
    }
}

/// Looks whether a pull still stands after a re-organisation, and brings it back if not.
async fn reassert_pull(
    job: Box<Job<'_>>,
    attempts: Attempts,
    now: Millis,
) -> Result<Reasserted, PerformError> {
    let done = |outcome| Ok(Reasserted::Done(outcome));
    let Standing { head, holds, receipt, nonce } = loop {
        match Standing::look(&job, &attempts).await {
            Ok(standing) => break standing,
            Err(error) => job.pause(&error.to_string()).await?,
        }
    };
    if holds {
        return done(job.end(Outcome::Held { block: head.id, by_us: receipt.is_some() }).await?);
    }
    if let Some(receipt) = receipt {
        let why = format!(
            "our pull stands in block {}, and yet it is not so that {}: somebody let go of it since; decide anew",
            receipt.block.number, job.plan.verify.meaning
        );
        return done(job.end(Outcome::Failed { why }).await?);
    }
    if now >= job.action.expires {
        let why = "the pull is gone from the chain, and its hold is over: nothing to bring back"
            .to_owned();
        return done(job.end(Outcome::Refused { why }).await?);
    }
    if nonce > attempts.nonce() {
        return Ok(Reasserted::Anew);
    }
    done(Fresh::new(job).run_again(attempts).await?)
}

/// How an earlier pull stands now.
struct Standing {
    head: Head,
    holds: bool,
    receipt: Option<Receipt>,
    /// The account's next nonce after the newest block.
    nonce: u64,
}

impl Standing {
    async fn look(job: &Job<'_>, attempts: &Attempts) -> Result<Self, NodeError> {
        let head = job.nodes().head().await?;
        let holds = job.nodes().holds(&job.plan.verify, None).await?;
        let receipt = job.receipt(attempts).await?.map(|(_, receipt)| receipt);
        let nonce = job.nodes().nonce(job.responder(), "latest").await?;
        Ok(Self { head, holds, receipt, nonce })
    }
}

/// Whether any of our transactions is in a block or in a node's pool.
async fn is_known(job: &Job<'_>, attempts: &Attempts) -> Result<bool, PerformError> {
    loop {
        match job.is_known(attempts).await {
            Ok(known) => return Ok(known),
            Err(error) => job.pause(&error.to_string()).await?,
        }
    }
}

async fn refuse(
    action: &Action,
    report: &dyn Report,
    why: String,
) -> Result<Outcome, PerformError> {
    tracing::warn!(action = %action.id, %why, "refused");
    let outcome = Outcome::Refused { why };
    report.report(action.id, outcome.clone()).await?;
    Ok(outcome)
}
