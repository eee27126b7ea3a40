//! A chain as an endless row of facts, without gaps and with what was un-said.
//!
//! The source remembers which blocks were given **and confirmed**. A block that does not stand on
//! the last one is either the end of a gap, which is filled number by number, or a
//! re-organisation, which is told as such. Failures are retried for ever and told once.
//!
//! **Promises.** Every block between the first and the newest is given as `Committed`, or stands in
//! the `new` of a `Reorged`, or in the range of a `Blind`. An event that was not confirmed is given
//! again. [`RpcSource::next`] may be given up at any time (as in `select!`) without losing anything
//! and without starting its time limits anew.

pub(crate) mod cursor;
pub(crate) mod feed;
mod look;
mod pending;
mod wake;

use std::{
    collections::VecDeque,
    mem::{Discriminant, discriminant},
    pin::Pin,
    time::Duration,
};

use portcullis_types::chain::{BlindCause, BlockHead, BlockId, ChainEvent};
use tokio::time::{Instant, sleep_until};

pub use pending::PendingSource;

use crate::{ObserveError, error::CallFailure, node::Node};
use cursor::Cursor;
use look::{Seen, Trouble, View, look};
use wake::WakeUp;

/// Pause after the first failure; it doubles with each further one.
const PAUSE_MIN: Duration = Duration::from_millis(250);

/// Where to start when nothing was seen yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At the newest block.
    Head,
    /// At a height. Mind [`SourceOptions::gap_blocks_max`].
    Number(u64),
}

/// Where to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resume {
    /// The newest blocks of the journal that are part of the chain, newest last. Give at least
    /// `reorg_depth_max + 1` where there are so many: fewer mean that there never were more.
    pub recent: Vec<BlockId>,
    /// Where to start if there are none.
    pub start: Start,
}

/// Limits of an [`RpcSource`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceOptions {
    /// How often the node is asked for its head. A subscription only makes it faster.
    pub poll_interval: Duration,
    /// Deepest re-organisation that is followed, in blocks. A deeper one is told as `Blind` until
    /// someone decides.
    pub reorg_depth_max: usize,
    /// Longest gap that is filled, in blocks. Of a longer one, the older part is told as `Blind`
    /// and given up.
    pub gap_blocks_max: u64,
    /// How long failures last before they are told as `Blind`. Shorter ones are only retried: no
    /// block is lost, so nothing was blind.
    pub blind_after: Duration,
    /// How long the node may be behind what was seen before that is told as `Blind`.
    pub stale_after: Duration,
    /// How long there may be no new block before that is told as `Blind`; never if `None`. For
    /// chains that make blocks all the time.
    pub stall_after: Option<Duration>,
    /// Longest pause between two attempts.
    pub pause_max: Duration,
}

impl Default for SourceOptions {
    fn default() -> Self {
        Self {
            poll_interval: Duration::from_secs(1),
            reorg_depth_max: 64,
            gap_blocks_max: 7_200,
            blind_after: Duration::from_secs(1),
            stale_after: Duration::from_secs(30),
            stall_after: None,
            pause_max: Duration::from_secs(10),
        }
    }
}

type Looking = Pin<Box<dyn Future<Output = Result<Seen, Trouble>> + Send>>;

/// A chain as seen through a [`Node`].
pub struct RpcSource {
    node: Node,
    options: SourceOptions,
    start: Start,
    cursor: Cursor,
    /// Given and not confirmed yet.
    unconfirmed: Option<ChainEvent>,
    /// Found and not given yet, each on top of the one before.
    ready: VecDeque<BlockHead>,
    /// A look under way and when it began. Kept here, so that giving up on `next` does not undo it.
    looking: Option<(Instant, Looking)>,
    look_at: Instant,
    wake_up: Option<WakeUp>,
    has_started: bool,
    outage: Option<Outage>,
    behind_since: Option<Instant>,
    news_at: Instant,
    /// The block to go on at once a gap that is too long was told.
    resume_at: Option<u64>,
}

/// A time without a good look.
struct Outage {
    since: Instant,
    failures: u32,
    /// Kinds of cause that were told. Each is told once in an outage, so that a node which changes
    /// its excuse with every request cannot fill the journal.
    told: Vec<Discriminant<BlindCause>>,
}

impl RpcSource {
    /// A source that goes on where the journal ends. Asks nothing before [`RpcSource::next`].
    pub fn new(node: Node, resume: &Resume, options: SourceOptions) -> Self {
        let now = Instant::now();
        Self {
            node,
            start: resume.start,
            cursor: Cursor::new(&resume.recent, options.reorg_depth_max),
            options,
            unconfirmed: None,
            ready: VecDeque::new(),
            looking: None,
            look_at: now,
            wake_up: None,
            has_started: false,
            outage: None,
            behind_since: None,
            news_at: now,
            resume_at: None,
        }
    }

    /// The newest confirmed block.
    pub fn tip(&self) -> Option<BlockId> {
        self.cursor.tip()
    }

    /// Waits for the next event; gives the last one again until it is acknowledged.
    ///
    /// # Errors
    /// [`ObserveError::WrongChain`] only: the configuration must be fixed. Everything else is told
    /// as `Blind` and tried again for ever.
    pub async fn next(&mut self) -> Result<ChainEvent, ObserveError> {
        if !self.has_started {
            self.has_started = true;
            self.wake_up = WakeUp::start(&self.node);
        }
        loop {
            if self.unconfirmed.is_none()
                && let Some(head) = self.ready.pop_front()
            {
                self.give(ChainEvent::Committed { chain: self.node.chain(), head });
            }
            if let Some(event) = &self.unconfirmed {
                return Ok(event.clone());
            }
            let (began, result) = self.look().await;
            self.looking = None;
            match result {
                Ok(seen) => self.seen(seen),
                Err(Trouble::Call(CallFailure::WrongChain { node, expected, found })) => {
                    self.look_at = Instant::now() + self.options.pause_max;
                    return Err(ObserveError::WrongChain { node, expected, found });
                }
                Err(trouble) => {
                    let (cause, range) = trouble.told();
                    self.failed(began, cause, range);
                }
            }
        }
    }

    /// Confirms that the event was written to the journal. Only then the source goes on.
    pub fn acknowledge(&mut self, event: &ChainEvent) {
        if self.unconfirmed.as_ref() != Some(event) {
            tracing::warn!(?event, "an event was acknowledged that was not given last");
            return;
        }
        self.unconfirmed = None;
        match event {
            ChainEvent::Committed { head, .. } => self.cursor.commit(head.id),
            ChainEvent::Reorged { old, new, .. } => self.cursor.replace(old, new),
            ChainEvent::Blind { .. } => {
                if let Some(number) = self.resume_at.take() {
                    self.cursor = Cursor::new(&[], self.options.reorg_depth_max);
                    self.start = Start::Number(number);
                }
            }
            ChainEvent::Pending { .. } => {}
        }
    }

    /// Waits until it is time, then looks.
    async fn look(&mut self) -> (Instant, Result<Seen, Trouble>) {
        if self.looking.is_none() {
            match (&self.wake_up, &self.outage) {
                // In an outage an announcement must not cut the pause short.
                (Some(wake_up), None) => tokio::select! {
                    () = sleep_until(self.look_at) => {}
                    () = wake_up.news() => {}
                },
                _ => sleep_until(self.look_at).await,
            }
        }
        let (began, looking) = self.looking.get_or_insert_with(|| {
            let view = View {
                cursor: self.cursor.clone(),
                start: self.start,
                reorg_depth_max: self.options.reorg_depth_max,
                gap_blocks_max: self.options.gap_blocks_max.max(1),
            };
            (Instant::now(), Box::pin(look(self.node.clone(), view)))
        });
        (*began, looking.await)
    }

    fn seen(&mut self, seen: Seen) {
        let chain = self.node.chain();
        match seen {
            Seen::Nothing => return self.nothing_new(),
            Seen::Behind { head } => return self.behind(head),
            Seen::Next(heads) => self.ready = heads.into(),
            Seen::Replaced { old, new } => self.give(ChainEvent::Reorged { chain, old, new }),
            Seen::TooFar { from, to } => {
                let cause = BlindCause::Incomplete {
                    detail: format!(
                        "a gap of more than {} blocks (gap_blocks_max): its older part is given up",
                        self.options.gap_blocks_max
                    ),
                };
                self.resume_at = to.checked_add(1);
                self.give(ChainEvent::Blind { chain, from, to, cause });
            }
        }
        self.news_at = Instant::now();
        if let Some(wake_up) = &self.wake_up {
            wake_up.block_found();
        }
        self.healed();
    }

    fn nothing_new(&mut self) {
        let stalled = self.options.stall_after.filter(|limit| self.news_at.elapsed() >= *limit);
        if let Some(limit) = stalled {
            let detail = format!("no new block for more than {} s", limit.as_secs());
            return self.failed(self.news_at, BlindCause::Inconsistent { detail }, None);
        }
        self.healed();
        self.look_at = Instant::now() + self.options.poll_interval;
    }

    /// The node is behind: another may be better, otherwise it will catch up.
    fn behind(&mut self, head: BlockId) {
        let since = *self.behind_since.get_or_insert_with(Instant::now);
        let tip = self.cursor.tip().map_or(0, |tip| tip.number);
        if since.elapsed() < self.options.stale_after {
            self.node.prefer_next();
            self.look_at = Instant::now() + self.options.poll_interval;
            return;
        }
        let detail = format!("the node is at block {}, behind block {tip}", head.number);
        self.failed(since, BlindCause::Inconsistent { detail }, None);
    }

    fn healed(&mut self) {
        self.behind_since = None;
        if let Some(outage) = self.outage.take() {
            let seconds = outage.since.elapsed().as_secs();
            tracing::info!(node = self.node.shown(), seconds, "the chain is seen again");
        }
    }

    /// Sets the time of the next attempt, and tells what was not told yet.
    fn failed(&mut self, since: Instant, cause: BlindCause, range: Option<(u64, u64)>) {
        let outage =
            self.outage.get_or_insert_with(|| Outage { since, failures: 0, told: Vec::new() });
        let pause = PAUSE_MIN.saturating_mul(1 << outage.failures.min(16));
        outage.failures = outage.failures.saturating_add(1);
        self.look_at = Instant::now() + pause.min(self.options.pause_max);
        tracing::debug!(node = self.node.shown(), %cause, "look failed");
        if matches!(cause, BlindCause::Inconsistent { .. } | BlindCause::NodeError { .. }) {
            self.node.prefer_next();
        }
        let kind = discriminant(&cause);
        if outage.since.elapsed() < self.options.blind_after || outage.told.contains(&kind) {
            return;
        }
        outage.told.push(kind);
        let next = match (self.cursor.tip(), self.start) {
            (Some(tip), _) => tip.number.saturating_add(1),
            (None, Start::Number(number)) => number,
            // Nothing is known of the chain yet, so that there is no better number.
            (None, Start::Head) => 0,
        };
        // Without an answer nobody knows how far the chain went on: the next block at least.
        let (from, to) = range.unwrap_or((next, next));
        self.give(ChainEvent::Blind { chain: self.node.chain(), from, to: to.max(from), cause });
    }

    fn give(&mut self, event: ChainEvent) {
        self.unconfirmed = Some(event);
    }
}
