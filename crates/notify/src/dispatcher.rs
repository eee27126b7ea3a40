//! Takes messages out of the queue and sends them.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use portcullis_types::ids::Millis;

use crate::{
    config::{ConfigProblem, NotifyFile},
    line::Line,
    outbox::{Health, Outbox, OutboxError},
};

/// Most messages that one channel sends in one tick, so that a tick ends.
const MESSAGES_A_TICK_MAX: u32 = 20;

/// What one tick did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ticked {
    /// Messages that arrived.
    pub sent: u32,
    /// Messages that did not.
    pub failed: u32,
}

/// Sends what waits. Holds the secrets of the channels, and no key that signs transactions.
#[derive(Debug)]
pub struct Dispatcher {
    outbox: Outbox,
    lines: BTreeMap<String, Line>,
}

impl Dispatcher {
    /// For the channels of a configuration that was checked. Reads their secrets; opens no connection.
    ///
    /// # Errors
    /// The first [`ConfigProblem`].
    pub fn new(
        outbox: Outbox,
        file: &NotifyFile,
        folder: &std::path::Path,
    ) -> Result<Self, ConfigProblem> {
        let lines = Line::open_all(file, folder)?;
        let lines = lines.into_iter().map(|line| (line.name().to_owned(), line)).collect();
        Ok(Self { outbox, lines })
    }

    /// Names of the channels: a program that gives each a task of its own keeps a slow one from holding up the others.
    pub fn channels(&self) -> impl Iterator<Item = &str> {
        self.lines.keys().map(String::as_str)
    }

    /// Sends on all channels what may be sent now, at most twenty messages on each. Ends when the slowest channel
    /// has answered or its time is up.
    ///
    /// # Errors
    /// [`OutboxError`]; what was not written down will be sent again.
    pub async fn tick(&self, now: Millis) -> Result<Ticked, OutboxError> {
        let mut total = Ticked::default();
        for ticked in join_all(self.lines.values().map(|line| self.send(now, line))).await {
            let ticked = ticked?;
            total.sent += ticked.sent;
            total.failed += ticked.failed;
        }
        Ok(total)
    }

    /// The same for one channel.
    ///
    /// # Errors
    /// [`OutboxError`], also for a channel that is not configured.
    pub async fn tick_channel(&self, now: Millis, channel: &str) -> Result<Ticked, OutboxError> {
        match self.lines.get(channel) {
            Some(line) => self.send(now, line).await,
            None => Err(OutboxError::UnknownChannel(channel.to_owned())),
        }
    }

    /// How the channels are.
    ///
    /// # Errors
    /// [`OutboxError`] if the file cannot be read.
    pub fn health(&self) -> Result<Health, OutboxError> {
        self.outbox.health()
    }

    async fn send(&self, now: Millis, line: &Line) -> Result<Ticked, OutboxError> {
        let mut ticked = Ticked::default();
        for _ in 0..MESSAGES_A_TICK_MAX {
            let Some(claimed) = self.outbox.claim(now, line.name())? else { break };
            match line.send(now, &claimed.envelope).await {
                Ok(()) => {
                    self.outbox.delivered(now, line.name(), &claimed)?;
                    ticked.sent += 1;
                }
                Err(failure) => {
                    tracing::warn!(
                        channel = line.name(),
                        id = claimed.envelope.id,
                        ?failure,
                        "not delivered"
                    );
                    self.outbox.failed(now, line.name(), &claimed, &failure)?;
                    ticked.failed += 1;
                }
            }
        }
        Ok(ticked)
    }
}
