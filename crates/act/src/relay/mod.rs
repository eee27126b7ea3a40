//! Private relays: builders that take a transaction without showing it to the pool.
//!
//! **What.** [`Relays`] gives a signed transaction to every configured relay at once, as a bundle for each of the next
//! blocks (`eth_sendBundle`) or as a private transaction (`eth_sendPrivateTransaction`), with the header
//! `X-Flashbots-Signature` of an identity, and cancels what is left once the nonce is settled. [`RelayHealth`] says how
//! each does. References: the Flashbots RPC documentation; `X-Flashbots-Signature` is an EIP-191 signature over the
//! text of the body's keccak-256.
//!
//! **Why both by default.** A private copy cannot be outbid by somebody who watches the pool, but only some builders see
//! it, and a relay may be down or may drop it. A public copy reaches whoever builds the next block. An emergency wants
//! whichever is first, so [`Route::Both`] is the default; the two copies share one nonce, so at most one is included.
//!
//! **Promises.** A relay that is slow, refuses or swallows delays nobody: each is asked in a task of its own. The
//! identity key grants nothing on any chain and is none of the accounts that act. Of an address no more than the host is
//! shown, because it may hold an access key.

mod client;
mod health;
mod identity;
mod ledger;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use alloy_primitives::{Address, B256, Bytes};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use url::Url;

use self::{client::Client, ledger::Ledger};
pub use self::{client::RelayError, health::RelayHealth, identity::Identity};

/// Least number of blocks that one submission is for: a slot may be missed, and the head may be a block old.
pub const BLOCKS_MIN: u64 = 3;
/// Largest number, which is also how long Flashbots tries a private transaction again.
pub const BLOCKS_MAX: u64 = 25;
/// Most relays of one chain.
pub const RELAYS_MAX: usize = 16;

/// By which way transactions go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Route {
    /// The public pool alone.
    Public,
    /// The relays alone: nobody sees it before it is mined, and where none of the builders behind them makes a block,
    /// it is in none.
    Private,
    /// Both at once: whichever is first. The public pool alone where no relay is configured.
    #[default]
    Both,
}

/// How a relay takes transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RelayKind {
    /// `eth_sendBundle`, once for each block, and `eth_cancelBundle`.
    Bundle,
    /// `eth_sendPrivateTransaction` with `maxBlockNumber`, and `eth_cancelPrivateTransaction`.
    PrivateTransaction,
}

/// One relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayConfig {
    /// Its address: `https`, or `http` on this machine.
    pub url: Url,
    /// How it takes transactions.
    pub kind: RelayKind,
    /// For how many of the next blocks, from [`BLOCKS_MIN`] to [`BLOCKS_MAX`].
    pub blocks: u64,
}

/// A signed transaction for the relays.
#[derive(Debug, Clone)]
pub(crate) struct Submission {
    pub(crate) sender: Address,
    pub(crate) nonce: u64,
    pub(crate) hash: B256,
    pub(crate) raw: Bytes,
    /// The newest block; it is for those after it.
    pub(crate) head: u64,
}

/// What came of asking a relay for something harmless.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// Host of the relay.
    pub relay: String,
    /// Whether it answered, if only to refuse.
    pub is_reachable: bool,
    /// How long that took.
    pub answered: Duration,
    /// What it refused, or why there was no answer; none where it took the question.
    pub said: Option<String>,
}

/// The relays of one chain.
#[derive(Debug, Clone)]
pub struct Relays {
    clients: Arc<Vec<Client>>,
    ledger: Arc<Mutex<Ledger>>,
}

impl Relays {
    /// Lines to `relays`, each of which may take `time_limit` for an answer. Nothing is sent yet.
    pub fn new(
        relays: &[RelayConfig],
        identity: Identity,
        time_limit: Duration,
    ) -> Result<Self, RelayError> {
        if relays.len() > RELAYS_MAX {
            let detail = format!("there are {}, and {RELAYS_MAX} are the most", relays.len());
            return Err(RelayError::Unusable { relay: "(all)".to_owned(), detail });
        }
        let identity = Arc::new(identity);
        let clients: Result<Vec<Client>, _> =
            relays.iter().map(|one| Client::new(one, Arc::clone(&identity), time_limit)).collect();
        let clients = Arc::new(clients?);
        let ledger = Arc::new(Mutex::new(Ledger::new(&clients)));
        Ok(Self { clients, ledger })
    }

    /// How each relay does, in the order of the configuration.
    pub fn health(&self) -> Vec<RelayHealth> {
        self.ledger().health.clone()
    }

    /// Asks every relay to cancel what nobody ever sent: a question that any of them answers, and that changes nothing.
    pub async fn reach(&self) -> Vec<Reached> {
        join_all(self.clients.iter().map(reached)).await
    }

    /// Gives a transaction to all relays, each in its own task. The task that is handed out ends with whether any took
    /// it; nobody has to wait for it.
    pub(crate) fn submit(&self, submission: &Submission) -> JoinHandle<Result<(), String>> {
        let tasks: Vec<JoinHandle<Result<(), String>>> = (0..self.clients.len())
            .map(|place| {
                let (relays, submission) = (self.clone(), submission.clone());
                tokio::spawn(async move { relays.submit_to(place, &submission).await })
            })
            .collect();
        tokio::spawn(async move {
            let mut troubles = Vec::new();
            let mut waiting = tasks;
            // The first that takes it is enough.
            while !waiting.is_empty() {
                let (answer, _, rest) = futures_util::future::select_all(waiting).await;
                waiting = rest;
                match answer {
                    Ok(Ok(())) => return Ok(()),
                    Ok(Err(trouble)) => troubles.push(trouble),
                    Err(ended) => troubles.push(ended.to_string()),
                }
            }
            Err(troubles.join("; "))
        })
    }

    /// The nonce is settled, by an inclusion or because it was given up: what is left at the relays is cancelled, beside
    /// the caller.
    pub(crate) fn settled(&self, sender: Address, nonce: u64, head: u64, included: bool) {
        let left = self.ledger().settled((sender, nonce), head, included);
        let clients = Arc::clone(&self.clients);
        tokio::spawn(async move {
            let cancels = left.iter().filter_map(|one| {
                let client = clients.get(one.relay)?;
                Some(client.cancel(&one.mark))
            });
            for trouble in join_all(cancels).await.into_iter().filter_map(Result::err) {
                tracing::debug!(%trouble, "not cancelled; the nonce is used, so nothing can come of it");
            }
        });
    }

    async fn submit_to(&self, place: usize, submission: &Submission) -> Result<(), String> {
        let Some(client) = self.clients.get(place) else { return Ok(()) };
        let key = (submission.sender, submission.nonce);
        // Written down first: what is cut off in the middle is cancelled too.
        self.ledger().note_sent(place, key, client.marks(submission), submission.head);
        let start = std::time::Instant::now();
        let answer = client.submit(submission).await;
        let answered = start.elapsed();
        let trouble = answer.as_ref().err().map(ToString::to_string);
        if let Some(why) = &trouble {
            tracing::warn!(relay = client.host(), %why, "a relay did not take the transaction");
        }
        self.ledger().note_answer(place, answered, trouble.clone());
        trouble.map_or(Ok(()), Err)
    }

    fn ledger(&self) -> std::sync::MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn reached(client: &Client) -> Reached {
    let start = std::time::Instant::now();
    let answer = client.reach().await;
    Reached {
        relay: client.host().to_owned(),
        // A refusal is an answer: the relay is there and knows what a signed request is.
        is_reachable: !matches!(answer, Err(RelayError::Silent { .. })),
        answered: start.elapsed(),
        said: answer.err().map(|error| error.to_string()),
    }
}

#[cfg(test)]
mod tests;
