//! Wakes the source when a node announces a block, so that it need not wait for its next poll.
//!
//! An announcement is only a hint. What it says is not used, and when it fails to come, polling
//! finds the block.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, task::JoinHandle, time::sleep};

use super::feed::{Fed, Feed, Topic};
use crate::node::Node;

/// After so many blocks that polling found and the subscription did not announce, it is dead.
const SILENT_BLOCKS_MAX: u32 = 3;
/// How often a silent subscription is looked after.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// Pause before a lost subscription is made again; it doubles up to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_millis(250);
/// Longest such pause.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// A task that listens. It ends with this value.
#[derive(Debug)]
pub(super) struct WakeUp {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    news: Notify,
    silent_blocks: AtomicU32,
}

impl WakeUp {
    /// Starts to listen, if any address of the node can carry a subscription.
    pub(super) fn start(node: &Node) -> Option<Self> {
        if !node.can_stream() {
            return None;
        }
        let shared = Arc::new(Shared::default());
        let task = tokio::spawn(listen(node.clone(), shared.clone()));
        Some(Self { shared, task })
    }

    /// Waits for an announcement. One that came before counts.
    pub(super) async fn news(&self) {
        self.shared.news.notified().await;
    }

    /// Tells that a block was found.
    pub(super) fn block_found(&self) {
        self.shared.silent_blocks.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for WakeUp {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Listens until it is aborted.
async fn listen(node: Node, shared: Arc<Shared>) {
    let mut pause = PAUSE_MIN;
    loop {
        match Feed::open(&node, Topic::NewHeads).await {
            Ok(feed) => {
                if follow(feed, &shared).await {
                    pause = PAUSE_MIN;
                }
                tracing::info!(node = node.shown(), "newHeads subscription ended, making it anew");
            }
            Err(failure) => tracing::debug!(%failure, "no newHeads subscription, polling only"),
        }
        sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// Follows a subscription until it ends or falls silent, and says whether it ever spoke.
async fn follow(mut feed: Feed, shared: &Shared) -> bool {
    let mut has_spoken = false;
    shared.silent_blocks.store(0, Ordering::Relaxed);
    loop {
        tokio::select! {
            news = feed.next() => match news {
                Fed::Closed => return has_spoken,
                Fed::Item(_) | Fed::Dropped(_) => {
                    has_spoken = true;
                    shared.silent_blocks.store(0, Ordering::Relaxed);
                    shared.news.notify_one();
                }
            },
            () = sleep(CHECK_INTERVAL) => {
                if shared.silent_blocks.load(Ordering::Relaxed) >= SILENT_BLOCKS_MAX {
                    return has_spoken;
                }
            }
        }
    }
}
