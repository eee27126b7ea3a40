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
mod mined;
mod through;

use std::{sync::Arc, time::Duration};

use portcullis_types::{
    action::{Action, Intent, Outcome},
    ids::{ChainId, Millis},
    invariant::Broken,
};
use tokio::sync::Mutex;

use self::{
    attempt::Attempts,
    fresh::Fresh,
    job::{Job, Plan},
    live::{Found, Prepared},
};
use crate::{
    ActSettings,
    nodes::{Head, NodeError, Nodes, Receipt},
    report::{Report, Stopped},
    signer::{Sentinel, TransactionSigner},
};

/// Pulls levers on one chain, with one account. Make one for each pair of chain and account, and share it: it keeps the
/// account's transactions in single file.
#[derive(Debug)]
pub struct Actuator {
    nodes: Nodes,
    chain: ChainId,
    signer: Arc<dyn TransactionSigner>,
    settings: ActSettings,
    /// Who signs the orders of Wardens.
    sentinels: Vec<Arc<dyn Sentinel>>,
    /// Held while an action runs, so that two cannot take the same nonce.
    lane: Mutex<()>,
}

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
        Self { nodes, chain, signer, settings, sentinels: Vec::new(), lane: Mutex::new(()) }
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

    /// Takes `action` to its end and returns its final outcome, which was reported too.
    ///
    /// `so_far` is what the journal already holds of this action, oldest first; for [`Intent::Reassert`] preceded by
    /// what it holds of the pull that is to be asserted again. `now` is the caller's wall clock.
    ///
    /// Actions of one actuator run one after another, in the order of their calls.
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
        let _lane = self.lane.lock().await;
        tracing::info!(action = %action.id, case = %action.case, lever = action.lever.name, intent = ?action.intent, "performing");
        let attempts = Attempts::from_journal(so_far, reassert)?;
        let plan = match Plan::of(action, self.chain, now, attempts.as_ref()) {
            Ok(plan) => plan,
            Err(why) => return refuse(action, report, why).await,
        };
        let job = Job::new(self, action, plan, report);
        match (attempts, reassert) {
            (None, _) => Fresh::new(job).run().await,
            (Some(attempts), false) => resume(job, attempts, now).await,
            (Some(attempts), true) => reassert_pull(job, attempts, now).await,
        }
    }
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
) -> Result<Outcome, PerformError> {
    let Standing { head, holds, receipt, nonce } = loop {
        match Standing::look(&job, &attempts).await {
            Ok(standing) => break standing,
            Err(error) => job.pause(&error.to_string()).await?,
        }
    };
    if holds {
        return job.end(Outcome::Held { block: head.id, by_us: receipt.is_some() }).await;
    }
    if let Some(receipt) = receipt {
        let why = format!(
            "our pull stands in block {}, and yet it is not so that {}: somebody let go of it since; decide anew",
            receipt.block.number, job.plan.verify.meaning
        );
        return job.end(Outcome::Failed { why }).await;
    }
    if now >= job.action.expires {
        let why = "the pull is gone from the chain, and its hold is over: nothing to bring back"
            .to_owned();
        return job.end(Outcome::Refused { why }).await;
    }
    if nonce > attempts.nonce() {
        // Another transaction has the nonce for good, so ours is dead and a new one is no second.
        return Fresh::new(job).run().await;
    }
    Fresh::new(job).run_again(attempts).await
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
