//! A signed transaction on its way into a block.

use alloy_primitives::B256;
use futures_util::future::{BoxFuture, FutureExt as _, Shared};
use portcullis_types::action::Outcome;
use tokio::time::Instant;

use super::{
    PerformError,
    attempt::Attempts,
    job::{Job, has_passed},
    mined::{Mined, Verified},
    opinion::Opinion,
};
use crate::{fees::FeePolicy, nodes::NodeError, relay::Submission};

/// How many looks in a row must find the nonce used and none of our transactions included before that is believed: a
/// node may know the new nonce a moment before it knows the receipt.
const GONE_AFTER_LOOKS: u32 = 8;

/// Signed and journaled; a node may or may not have it.
pub(super) struct Prepared<'a> {
    job: Box<Job<'a>>,
    attempts: Attempts,
}

/// Given to the nodes.
struct Sent<'a> {
    job: Box<Job<'a>>,
    attempts: Attempts,
}

/// Where a prepared transaction was found.
pub(super) enum Found<'a> {
    Mined(Mined<'a>),
    Waiting(Prepared<'a>),
}

/// What became of a broadcast.
enum Broadcast<'a> {
    Sent(Sent<'a>),
    End(Outcome),
}

/// What became of a sent transaction.
enum Settled<'a> {
    Mined(Mined<'a>),
    Again(Prepared<'a>),
    End(Outcome),
}

/// From a signed transaction to the end; what is left at the relays is then taken back.
pub(super) async fn see_through(mut prepared: Prepared<'_>) -> Result<Outcome, PerformError> {
    loop {
        let sent = match prepared.broadcast().await? {
            Broadcast::Sent(sent) => sent,
            Broadcast::End(outcome) => return Ok(outcome),
        };
        prepared = match sent.settle().await? {
            Settled::Again(prepared) => prepared,
            Settled::End(outcome) => return Ok(outcome),
            Settled::Mined(mined) => match mined.verify().await? {
                Verified::End(outcome) => return Ok(outcome),
                Verified::Gone(prepared) => prepared,
            },
        };
    }
}

/// From an inclusion to the end.
pub(super) async fn see_through_from(mined: Mined<'_>) -> Result<Outcome, PerformError> {
    match mined.verify().await? {
        Verified::End(outcome) => Ok(outcome),
        Verified::Gone(prepared) => see_through(prepared).await,
    }
}

impl<'a> Prepared<'a> {
    /// A transaction whose bytes are in the journal.
    pub(super) fn resumed(job: Box<Job<'a>>, attempts: Attempts) -> Self {
        Self { job, attempts }
    }

    /// Looks whether it is in a block already, as it may be after a crash.
    pub(super) async fn find(self) -> Result<Found<'a>, PerformError> {
        loop {
            match self.job.receipt(&self.attempts).await {
                Ok(Some((hash, receipt))) => {
                    return Ok(Found::Mined(Mined::new(self.job, self.attempts, hash, receipt)));
                }
                Ok(None) => return Ok(Found::Waiting(self)),
                Err(error) => self.job.pause(&error.to_string()).await?,
            }
        }
    }

    /// Gives the newest bytes to all nodes, until one has an opinion, and to the relays beside that.
    async fn broadcast(mut self) -> Result<Broadcast<'a>, PerformError> {
        let deadline = self.job.reach_deadline();
        let offer = self.offer().await;
        if let (false, Some(offer)) = (self.job.ways().0, offer.clone()) {
            return self.offered_alone(offer, deadline).await;
        }
        loop {
            let answers = self.job.nodes().broadcast(&self.attempts.public().raw).await;
            match Opinion::of(&answers) {
                Opinion::Taken => {
                    self.note_sent(self.attempts.public().hash).await?;
                    return Ok(self.into_sent());
                }
                // What a relay has can be included, whatever the nodes say.
                Opinion::Trouble(_) | Opinion::Rejected(_) | Opinion::Silence(_)
                    if is_taken(offer.as_ref()).await =>
                {
                    self.note_sent(self.attempts.newest().hash).await?;
                    return Ok(self.into_sent());
                }
                // The node's own trouble says nothing of the transaction, for a while.
                Opinion::Trouble(why) if Instant::now() < deadline => self.job.pause(&why).await?,
                Opinion::Rejected(why) | Opinion::Trouble(why)
                    if self.attempts.is_first() && !self.attempts.was_sent() =>
                {
                    return self.given_up(&format!("no node takes the transaction: {why}")).await;
                }
                // Included, or under a dearer one of ours, or an earlier one is out: the next look tells.
                Opinion::NonceUsed
                | Opinion::TooCheap
                | Opinion::Rejected(_)
                | Opinion::Trouble(_) => {
                    return Ok(self.into_sent());
                }
                Opinion::Silence(why) => self.job.pause(&why).await?,
            }
        }
    }

    /// Gives the newest bytes to the relays, where there are some. Nobody waits for them.
    async fn offer(&mut self) -> Option<Offer> {
        self.job.ways().1?;
        if self.job.head.is_none() {
            self.job.head = self.job.nodes().head().await.ok();
        }
        let (head, newest) = (self.job.head?.id.number, self.attempts.newest());
        let submission = Submission {
            sender: newest.sender?,
            nonce: newest.nonce,
            hash: newest.hash,
            raw: newest.raw.clone(),
            head,
        };
        let task = self.job.ways().1?.submit(&submission);
        Some(
            async move { task.await.unwrap_or_else(|ended| Err(ended.to_string())) }
                .boxed()
                .shared(),
        )
    }

    /// Waits until a relay took what goes by no other way.
    async fn offered_alone(
        mut self,
        offer: Offer,
        deadline: Instant,
    ) -> Result<Broadcast<'a>, PerformError> {
        let mut offer = Some(offer);
        loop {
            let answer = match offer {
                Some(offer) => offer.await,
                None => Err("no node says which block is next".to_owned()),
            };
            match answer {
                Ok(()) => {
                    self.note_sent(self.attempts.newest().hash).await?;
                    return Ok(self.into_sent());
                }
                Err(why) if Instant::now() < deadline => self.job.pause(&why).await?,
                Err(why) if self.attempts.is_first() && !self.attempts.was_sent() => {
                    let why =
                        format!("no relay takes the transaction, and the route is private: {why}");
                    return self.given_up(&why).await;
                }
                Err(_) => return Ok(self.into_sent()),
            }
            offer = self.offer().await;
        }
    }

    async fn note_sent(&mut self, hash: B256) -> Result<(), PerformError> {
        if self.attempts.note_sent(hash) {
            tracing::info!(action = %self.job.action.id, %hash, "sent");
            self.job.note(Outcome::Sent { hash }).await?;
        }
        Ok(())
    }

    async fn given_up(self, why: &str) -> Result<Broadcast<'a>, PerformError> {
        self.job.settled(&self.attempts, false);
        let why = format!("{why}; correct that, then decide anew");
        Ok(Broadcast::End(self.job.end(Outcome::Failed { why }).await?))
    }

    fn into_sent(self) -> Broadcast<'a> {
        Broadcast::Sent(Sent { job: self.job, attempts: self.attempts })
    }
}

/// Whether a relay takes it, known at some time.
type Offer = Shared<BoxFuture<'static, Result<(), String>>>;

async fn is_taken(offer: Option<&Offer>) -> bool {
    match offer {
        Some(offer) => offer.clone().await.is_ok(),
        None => false,
    }
}

/// Adds the copy for the relays that pays more than the one that the pool shows, where both ways are taken. Journaled
/// as every other.
pub(super) async fn add_private(
    job: &Job<'_>,
    attempts: &mut Attempts,
    gas_limit: u64,
    policy: FeePolicy,
) -> Result<(), PerformError> {
    let (true, Some(_)) = job.ways() else { return Ok(()) };
    let Some(fees) = policy.private(attempts.public().fees, gas_limit) else { return Ok(()) };
    match job.sign(attempts.nonce(), gas_limit, fees, true).await {
        Ok(attempt) => {
            let outcome = attempt.outcome();
            attempts.push(attempt)?;
            job.note(outcome).await
        }
        Err(error) => {
            tracing::warn!(action = %job.action.id, %error, "no dearer copy for the relays");
            Ok(())
        }
    }
}

impl<'a> Sent<'a> {
    /// Follows the transaction until it is included, or pays more, or cannot be included any more.
    async fn settle(mut self) -> Result<Settled<'a>, PerformError> {
        let start = Instant::now();
        let mut first_block = None;
        let mut looks_without = 0;
        loop {
            // The head first: what it holds of ours, the look after it sees.
            let head = self.job.nodes().head().await;
            if let Ok(head) = head {
                self.job.head = Some(head);
            }
            let nonce = self.job.nodes().nonce(self.job.responder(), "latest").await;
            if nonce.as_ref().is_ok_and(|nonce| *nonce > self.attempts.nonce()) {
                match self.job.receipt(&self.attempts).await {
                    Ok(Some((hash, receipt))) => {
                        let mined = Mined::new(self.job, self.attempts, hash, receipt);
                        return Ok(Settled::Mined(mined));
                    }
                    Ok(None) => looks_without += 1,
                    Err(_) => {}
                }
            } else if nonce.is_ok() {
                looks_without = 0;
            }
            if looks_without >= GONE_AFTER_LOOKS {
                return self.nonce_used().await;
            }
            self.job.pause("the transaction is sent and not included").await?;
            let policy = &self.job.settings().fees;
            if let Ok(head) = head
                && looks_without == 0
            {
                let now = head.id.number;
                let blocks = now.saturating_sub(*first_block.get_or_insert(now));
                if blocks >= policy.bump_after_blocks || has_passed(start, policy.bump_after) {
                    return self.pay_more(head.base_fee).await;
                }
            }
        }
    }

    /// Another transaction took our nonce: ours can never be included.
    async fn nonce_used(self) -> Result<Settled<'a>, PerformError> {
        let (head, holds) = loop {
            let look = async {
                let head = self.job.nodes().head().await?;
                let holds = self.job.nodes().holds(&self.job.plan.verify, Some(head.id)).await?;
                Ok::<_, NodeError>((head, holds))
            };
            match look.await {
                Ok(seen) => break seen,
                Err(error) => self.job.pause(&error.to_string()).await?,
            }
        };
        self.job.settled(&self.attempts, false);
        let outcome = if holds {
            Outcome::Held { block: head.id, by_us: false }
        } else {
            let why = format!(
                "nonce {} of {} was used by a transaction that Portcullis did not send, and it is not so that {}: \
                 find out who uses this key, then decide anew",
                self.attempts.nonce(),
                self.job.responder(),
                self.job.plan.verify.meaning
            );
            Outcome::Failed { why }
        };
        Ok(Settled::End(self.job.end(outcome).await?))
    }

    /// Replaces the transaction by one that pays more; where the ceiling or the signer forbids that, sends it again as
    /// it is, as a pool may have dropped it.
    async fn pay_more(mut self, base_fee: u128) -> Result<Settled<'a>, PerformError> {
        if let Ok(market) = self.job.nodes().market_tip().await {
            self.job.market = market;
        }
        let public = self.attempts.public();
        let policy = self.job.fees().affordable(self.job.balance);
        if let Some(gas) = public.gas_limit()
            && let Some(fees) = policy.bumped(public.fees, base_fee, gas)
        {
            match self.job.sign(self.attempts.nonce(), gas, fees, false).await {
                Ok(attempt) => {
                    let outcome = attempt.outcome();
                    // ACT-1 is checked before the journal is told, the journal before any node.
                    self.attempts.push(attempt)?;
                    self.job.note(outcome).await?;
                    add_private(&self.job, &mut self.attempts, gas, policy).await?;
                }
                Err(error) => {
                    tracing::warn!(action = %self.job.action.id, %error, "no replacement");
                }
            }
        }
        Ok(Settled::Again(Prepared { job: self.job, attempts: self.attempts }))
    }
}
