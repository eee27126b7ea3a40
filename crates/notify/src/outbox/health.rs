//! How the channels are.

use portcullis_types::ids::Millis;
use rusqlite::{Connection, OptionalExtension as _};
use serde::Serialize;

use super::error::OutboxError;
use crate::plan::Plan;

/// How one channel is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelHealth {
    /// Name.
    pub name: String,
    /// When it last took a message; none if it never did.
    pub last_ok: Option<Millis>,
    /// Since when it fails; none if it does not.
    pub failing_since: Option<Millis>,
    /// Failures in a row.
    pub failures: u32,
    /// Nothing is tried before.
    pub not_before: Millis,
    /// Messages that wait.
    pub waiting: u32,
    /// P1 among them.
    pub waiting_p1: u32,
    /// Notices that were folded into them.
    pub folded: u64,
    /// Messages that it took, since the queue was made.
    pub sent: u64,
    /// Messages that it will never take, since the queue was made.
    pub undeliverable: u64,
    /// The last reason of a failure, without addresses and secrets.
    pub why: String,
}

/// How all are, in the configuration's order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// Channels.
    pub channels: Vec<ChannelHealth>,
}

impl Health {
    /// A channel by name.
    pub fn channel(&self, name: &str) -> Option<&ChannelHealth> {
        self.channels.iter().find(|channel| channel.name == name)
    }

    /// Whether no channel works: nobody can be told, and only the program's own output says so.
    pub fn is_mute(&self) -> bool {
        self.channels.iter().all(|channel| channel.failing_since.is_some())
    }
}

pub(super) fn read(connection: &Connection, plan: &Plan) -> Result<Health, OutboxError> {
    let mut select = connection.prepare_cached(
        "SELECT last_ok, failing_since, failures, not_before, sent, undeliverable, why,
            (SELECT count(*) FROM delivery WHERE channel = name),
            (SELECT count(*) FROM delivery WHERE channel = name AND severity = 1),
            (SELECT ifnull(sum(folded), 0) FROM delivery WHERE channel = name)
         FROM channel WHERE name = ?",
    )?;
    let mut health = Health::default();
    let millis = |at: i64| Millis(at.unsigned_abs());
    for channel in &plan.channels {
        let found = select
            .query_row([&channel.name], |row| {
                Ok(ChannelHealth {
                    name: channel.name.clone(),
                    last_ok: row.get::<_, Option<i64>>(0)?.map(millis),
                    failing_since: row.get::<_, Option<i64>>(1)?.map(millis),
                    failures: row.get(2)?,
                    not_before: millis(row.get(3)?),
                    sent: row.get::<_, i64>(4)?.unsigned_abs(),
                    undeliverable: row.get::<_, i64>(5)?.unsigned_abs(),
                    why: row.get(6)?,
                    waiting: row.get(7)?,
                    waiting_p1: row.get(8)?,
                    folded: row.get::<_, i64>(9)?.unsigned_abs(),
                })
            })
            .optional()?;
        health.channels.extend(found);
    }
    Ok(health)
}
