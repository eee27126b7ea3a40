//! Pending transactions of a node's pool. Best effort by nature: what it misses is counted.
//!
//! Three roads, the first that works: a subscription with whole transactions; the same where the node sends hashes only, each
//! of which is looked up; and, over HTTP or where subscribing is refused, a filter that is asked again and again.

use std::{collections::VecDeque, pin::Pin, time::Duration};

use alloy_primitives::B256;
use portcullis_types::{
    chain::{ChainEvent, PendingTransaction},
    wire::WireTransaction,
};
use serde_json::{Value, json, value::RawValue};
use tokio::time::sleep;

use super::feed::{Fed, Feed, Topic};
use crate::{ObserveError, error::CallFailure, node::Node};

/// Pause before a lost subscription is made again; it doubles up to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_millis(250);
/// Longest such pause.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// Pause between two questions to a filter.
const POLL: Duration = Duration::from_millis(250);
/// Most hashes that wait to be looked up. What comes on top is dropped and counted.
const HASHES_MAX: usize = 4_096;

type Opening = Pin<Box<dyn Future<Output = Result<Feed, CallFailure>> + Send>>;

/// An endless row of pending transactions. Holds a few thousand at most: when nobody takes them,
/// the oldest are dropped and counted.
pub struct PendingSource {
    node: Node,
    state: State,
    /// Hashes of transactions that are still to be looked up.
    hashes: VecDeque<B256>,
    dropped: u64,
    pause: Duration,
}

enum State {
    /// A filter is asked again and again; none before it was made.
    Polling(Option<Value>),
    /// A subscription is being made. Kept here, so that giving up on `next` does not undo it.
    Opening(Opening),
    Open(Feed),
}

impl PendingSource {
    /// Subscribes, or makes a filter, when [`PendingSource::next`] is first called.
    pub fn new(node: Node) -> Self {
        let state = if node.can_stream() {
            State::Opening(opening(node.clone(), Duration::ZERO))
        } else {
            State::Polling(None)
        };
        Self { node, state, hashes: VecDeque::new(), dropped: 0, pause: PAUSE_MIN }
    }

    /// How many transactions were dropped, or could not be read, since the start.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Waits for the next transaction. May be given up and called again without losing any.
    ///
    /// # Errors
    /// [`ObserveError::WrongChain`] only. Everything else heals by itself.
    pub async fn next(&mut self) -> Result<ChainEvent, ObserveError> {
        loop {
            if let Some(transaction) = self.look_up().await {
                return Ok(ChainEvent::Pending { chain: self.node.chain(), transaction });
            }
            let fed = match &mut self.state {
                State::Open(feed) => feed.next().await,
                State::Opening(opening) => {
                    let opened = opening.await;
                    self.opened(opened)?;
                    continue;
                }
                State::Polling(_) => {
                    self.poll().await?;
                    continue;
                }
            };
            match fed {
                Fed::Item(raw) => match read(&raw) {
                    Read::Whole(transaction) => {
                        self.pause = PAUSE_MIN;
                        let chain = self.node.chain();
                        return Ok(ChainEvent::Pending { chain, transaction });
                    }
                    Read::Hash(hash) => self.queue(hash),
                    Read::Nothing => self.dropped = self.dropped.saturating_add(1),
                },
                Fed::Dropped(count) => self.dropped = self.dropped.saturating_add(count),
                Fed::Closed => self.reopen(),
            }
        }
    }

    fn queue(&mut self, hash: B256) {
        if self.hashes.len() < HASHES_MAX {
            self.hashes.push_back(hash);
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    /// The oldest of the waiting hashes that the node knows. It is taken out of the queue only when it was answered.
    async fn look_up(&mut self) -> Option<PendingTransaction> {
        while let Some(hash) = self.hashes.front().copied() {
            let answer = self.node.ask::<Box<RawValue>>("eth_getTransactionByHash", json!([hash]));
            let answer = answer.await;
            self.hashes.pop_front();
            match answer.map(|raw| read(&raw)) {
                Ok(Read::Whole(transaction)) => return Some(transaction),
                // Gone from the pool, or the node did not answer: it was not looked at.
                _ => self.dropped = self.dropped.saturating_add(1),
            }
        }
        None
    }

    async fn poll(&mut self) -> Result<(), ObserveError> {
        sleep(POLL).await;
        let State::Polling(filter) = &mut self.state else { return Ok(()) };
        let Some(id) = filter.clone() else {
            let made = self.node.ask::<Value>("eth_newPendingTransactionFilter", json!([]));
            match made.await {
                Ok(id) => {
                    *filter = Some(id);
                    self.pause = PAUSE_MIN;
                }
                Err(failure) => return self.failed(failure).await,
            }
            return Ok(());
        };
        let changes = self.node.ask::<Vec<B256>>("eth_getFilterChanges", json!([id]));
        match changes.await {
            Ok(hashes) => hashes.into_iter().for_each(|hash| self.queue(hash)),
            Err(failure) => {
                // The node has forgotten the filter, or another node answers now.
                self.state = State::Polling(None);
                return self.failed(failure).await;
            }
        }
        Ok(())
    }

    async fn failed(&mut self, failure: CallFailure) -> Result<(), ObserveError> {
        tracing::debug!(%failure, "no pending transactions");
        if let CallFailure::WrongChain { node, expected, found } = failure {
            return Err(ObserveError::WrongChain { node, expected, found });
        }
        self.rest().await;
        Ok(())
    }

    async fn rest(&mut self) {
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(PAUSE_MAX);
    }

    fn opened(&mut self, opened: Result<Feed, CallFailure>) -> Result<(), ObserveError> {
        match opened {
            Ok(feed) => self.state = State::Open(feed),
            Err(failure) => {
                tracing::debug!(%failure, "no pending transactions");
                if failure.is_unsupported() || failure.is_bad_parameters() {
                    self.state = State::Polling(None);
                } else {
                    self.reopen();
                }
                if let CallFailure::WrongChain { node, expected, found } = failure {
                    return Err(ObserveError::WrongChain { node, expected, found });
                }
            }
        }
        Ok(())
    }

    fn reopen(&mut self) {
        self.state = State::Opening(opening(self.node.clone(), self.pause));
        self.pause = (self.pause * 2).min(PAUSE_MAX);
    }
}

fn opening(node: Node, pause: Duration) -> Opening {
    Box::pin(async move {
        sleep(pause).await;
        Feed::open(&node, Topic::Pending).await
    })
}

/// What a node sent.
enum Read {
    Whole(PendingTransaction),
    Hash(B256),
    Nothing,
}

fn read(raw: &RawValue) -> Read {
    if let Ok(hash) = serde_json::from_str::<B256>(raw.get()) {
        return Read::Hash(hash);
    }
    let Ok(transaction) = serde_json::from_str::<WireTransaction>(raw.get()) else {
        return Read::Nothing;
    };
    let WireTransaction { hash, from, to, value, input, .. } = transaction;
    if hash == B256::ZERO {
        return Read::Nothing;
    }
    Read::Whole(PendingTransaction { hash, from, to, value, input })
}
