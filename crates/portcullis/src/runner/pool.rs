//! The pool of a node: pending transactions are played on the newest state, a few at a time.
//!
//! Every transaction is played, whatever it calls: the contract of an attack is new and touches nothing that is protected
//! until it runs. Only the number is limited, by [`PLAYED_A_SECOND_MAX`]; what exceeds it, what the source dropped and what
//! the node could not play is counted and said. It is not looked at, which is not the same as harmless.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use portcullis_observe::{Node, PendingSource};
use portcullis_simulate::traces::evidence_from_traces;
use portcullis_types::{
    chain::{ChainEvent, PendingTransaction},
    evidence::Evidence,
};
use tokio::sync::{Semaphore, mpsc};

use super::service::ServiceError;

/// Most pending transactions of a chain that are played in a second: 600 in a 12-second block, about three full blocks.
pub(crate) const PLAYED_A_SECOND_MAX: u32 = 50;

/// Most that are played at the same time. The blocks' own questions must not wait behind them.
const PLAYED_AT_ONCE_MAX: usize = 4;

/// Most that wait for their turn.
const WAITING_MAX: usize = 1_024;

/// How often it is said what was not looked at.
const SAY_EVERY: Duration = Duration::from_mins(1);

/// Watches a pool until nobody listens any more.
pub(crate) fn watch(
    node: Node,
    pending: mpsc::Sender<Evidence>,
    failures: mpsc::Sender<ServiceError>,
) {
    let (waiting, mut queue) = mpsc::channel::<PendingTransaction>(WAITING_MAX);
    let unseen = Arc::new(AtomicU64::new(0));
    let (player, lost) = (node.clone(), Arc::clone(&unseen));
    tokio::spawn(async move {
        let turns = Arc::new(Semaphore::new(PLAYED_AT_ONCE_MAX));
        while let Some(transaction) = queue.recv().await {
            let Ok(turn) = Arc::clone(&turns).acquire_owned().await else { return };
            let (node, pending, lost) = (player.clone(), pending.clone(), Arc::clone(&lost));
            tokio::spawn(async move {
                match play(&node, &transaction).await {
                    // Nobody listens any more only when the program stops.
                    Some(evidence) => drop(pending.send(evidence).await),
                    None => drop(lost.fetch_add(1, Ordering::Relaxed)),
                }
                drop(turn);
            });
        }
    });
    tokio::spawn(async move {
        let mut source = PendingSource::new(node.clone());
        let (mut second, mut n_in_second) = (Instant::now(), 0);
        let mut said = (Instant::now(), 0);
        loop {
            let transaction = match source.next().await {
                Ok(ChainEvent::Pending { transaction, .. }) => transaction,
                Ok(_) => continue,
                Err(error) => {
                    let _gone = failures.send(error.into()).await;
                    return;
                }
            };
            if second.elapsed() >= Duration::from_secs(1) {
                (second, n_in_second) = (Instant::now(), 0);
            }
            n_in_second += 1;
            if n_in_second > PLAYED_A_SECOND_MAX || waiting.try_send(transaction).is_err() {
                unseen.fetch_add(1, Ordering::Relaxed);
            }
            let all = source.dropped() + unseen.load(Ordering::Relaxed);
            if all > said.1 && (said.1 == 0 || said.0.elapsed() >= SAY_EVERY) {
                eprintln!(
                    "{}: {all} pending transactions could not be looked at so far",
                    node.shown()
                );
                said = (Instant::now(), all);
            }
        }
    });
}

/// Evidence as if it were in the next block; none if it could not be played.
async fn play(node: &Node, transaction: &PendingTransaction) -> Option<Evidence> {
    let hash = transaction.hash;
    let material = match node.foreseen(transaction).await {
        Ok(material) => material,
        Err(cause) => {
            tracing::debug!(%hash, %cause, "a pending transaction could not be played");
            return None;
        }
    };
    match evidence_from_traces(&material) {
        Ok(mut evidence) => evidence.pop(),
        Err(error) => {
            tracing::debug!(%hash, %error, "the trace of a pending transaction cannot be used");
            None
        }
    }
}
