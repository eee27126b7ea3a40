//! Pending transactions of a node's pool. Best effort by nature: what it misses is counted.

use std::{pin::Pin, time::Duration};

use alloy_primitives::B256;
use portcullis_types::{
    chain::{ChainEvent, PendingTransaction},
    wire::WireTransaction,
};
use serde_json::value::RawValue;
use tokio::time::sleep;

use super::feed::{Fed, Feed, Topic};
use crate::{ObserveError, error::CallFailure, node::Node};

/// Pause before a lost subscription is made again; it doubles up to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_millis(250);
/// Longest such pause.
const PAUSE_MAX: Duration = Duration::from_secs(30);

type Opening = Pin<Box<dyn Future<Output = Result<Feed, CallFailure>> + Send>>;

/// An endless row of pending transactions. Holds a few thousand at most: when nobody takes them,
/// the oldest are dropped and counted.
pub struct PendingSource {
    node: Node,
    state: State,
    dropped: u64,
    pause: Duration,
}

enum State {
    /// A subscription is being made. Kept here, so that giving up on `next` does not undo it.
    Opening(Opening),
    Open(Feed),
}

impl PendingSource {
    /// Subscribes when [`PendingSource::next`] is first called.
    ///
    /// # Errors
    /// [`ObserveError::NoSubscription`] where all addresses are HTTP: fix the configuration.
    pub fn new(node: Node) -> Result<Self, ObserveError> {
        if !node.can_stream() {
            let what = "pending transactions";
            return Err(ObserveError::NoSubscription { chain: node.chain(), what });
        }
        let state = State::Opening(opening(node.clone(), Duration::ZERO));
        Ok(Self { node, state, dropped: 0, pause: PAUSE_MIN })
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
            let fed = match &mut self.state {
                State::Open(feed) => feed.next().await,
                State::Opening(opening) => {
                    let opened = opening.await;
                    self.opened(opened)?;
                    continue;
                }
            };
            match fed {
                Fed::Item(raw) => match read(&raw) {
                    Some(transaction) => {
                        self.pause = PAUSE_MIN;
                        let chain = self.node.chain();
                        return Ok(ChainEvent::Pending { chain, transaction });
                    }
                    None => self.dropped = self.dropped.saturating_add(1),
                },
                Fed::Dropped(count) => self.dropped = self.dropped.saturating_add(count),
                Fed::Closed => self.reopen(),
            }
        }
    }

    fn opened(&mut self, opened: Result<Feed, CallFailure>) -> Result<(), ObserveError> {
        match opened {
            Ok(feed) => self.state = State::Open(feed),
            Err(failure) => {
                tracing::debug!(%failure, "no pending transactions");
                self.reopen();
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

/// A whole transaction, or nothing where the node sends something else, such as a bare hash.
fn read(raw: &RawValue) -> Option<PendingTransaction> {
    let transaction: WireTransaction = serde_json::from_str(raw.get()).ok()?;
    let WireTransaction { hash, from, to, value, input, .. } = transaction;
    (hash != B256::ZERO).then_some(PendingTransaction { hash, from, to, value, input })
}
