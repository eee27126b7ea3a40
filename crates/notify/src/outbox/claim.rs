//! Taking a message out, and writing down what became of it.

use portcullis_types::ids::Millis;
use rand_chacha::rand_core::RngCore as _;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::{Outbox, down, error::OutboxError};
use crate::{
    notice::Kind,
    plan::ChannelPlan,
    render::{Content, Envelope},
};

/// First wait after a failure, milliseconds; doubled with each further one.
const BACKOFF_FIRST: u64 = 1_000;

/// Longest wait between two tries, milliseconds: a channel that works again is to be noticed within a minute.
const BACKOFF_MAX: u64 = 60_000;

/// Longest wait that a service may ask for, milliseconds; a longer one would silence the channel.
const RETRY_AFTER_MAX: u64 = 15 * 60_000;

/// A message that was taken out and of which nothing was heard for so long is taken out again, milliseconds.
const CLAIM_MILLIS: u64 = 5 * 60_000;

/// Each so many failures in a row, another message than the first is tried: if only the first cannot be taken, the others
/// are not to wait for it for ever.
const OTHER_EVERY: u32 = 8;

/// A message on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// Row.
    pub(crate) id: i64,
    /// Tries, this one included.
    pub attempts: u32,
    /// The message.
    pub envelope: Envelope,
}

/// Why a message did not arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The channel cannot be reached or is broken: try again later.
    Outage {
        /// Without addresses and secrets.
        why: String,
    },
    /// The channel asks to wait.
    RateLimited {
        /// How long, milliseconds, if it says.
        after: Option<u64>,
    },
    /// The channel does not take our credential or address any more: people must mend it.
    Refused {
        /// Without addresses and secrets.
        why: String,
    },
    /// The channel will never take this message.
    Undeliverable {
        /// Without addresses and secrets.
        why: String,
    },
}

impl Outbox {
    /// The next message that may go out on a channel now; none if nothing is due, the rate is used up, or the channel
    /// failed and its wait is not over.
    ///
    /// # Errors
    /// [`OutboxError`].
    pub fn claim(&self, now: Millis, channel: &str) -> Result<Option<Claimed>, OutboxError> {
        self.write(|transaction, plan, _| {
            let known = plan.channel(channel);
            let known = known.ok_or_else(|| OutboxError::UnknownChannel(channel.to_owned()))?;
            let stale = now.0.saturating_sub(CLAIM_MILLIS).cast_signed();
            transaction
                .prepare_cached(
                    "UPDATE delivery SET claimed = NULL WHERE channel = ? AND claimed < ?",
                )?
                .execute(params![channel, stale])?;
            let horizon = now.0.saturating_sub(plan.group_millis).cast_signed();
            transaction.prepare_cached("DELETE FROM told WHERE at < ?")?.execute([horizon])?;
            let Some((row, severity)) = next(transaction, now, channel, plan.group_millis)? else {
                return Ok(None);
            };
            if !take_token(transaction, now, known, severity)? {
                return Ok(None);
            }
            transaction
                .prepare_cached(
                    "UPDATE delivery SET claimed = ?, attempts = attempts + 1 WHERE id = ?",
                )?
                .execute(params![now.0.cast_signed(), row.id])?;
            Ok(Some(row))
        })
    }

    /// The channel took it.
    ///
    /// # Errors
    /// [`OutboxError`]; the message will be sent again.
    pub fn delivered(
        &self,
        now: Millis,
        channel: &str,
        claimed: &Claimed,
    ) -> Result<(), OutboxError> {
        self.write(|transaction, plan, n_rows| {
            let row = params![claimed.id];
            transaction
                .prepare_cached(
                    "INSERT INTO told (channel, recipient, grouping, severity, at)
                     SELECT channel, recipient, grouping, severity, ?2 FROM delivery WHERE id = ?1
                     ON CONFLICT DO UPDATE SET severity = excluded.severity, at = excluded.at",
                )?
                .execute(params![claimed.id, now.0.cast_signed()])?;
            let n =
                transaction.prepare_cached("DELETE FROM delivery WHERE id = ?")?.execute(row)?;
            if n > 0 {
                down::leave(n_rows, channel);
            }
            down::works(transaction, plan, n_rows, now, channel)
        })
    }

    /// The channel did not take it.
    ///
    /// # Errors
    /// [`OutboxError`]; the message will be sent again.
    pub fn failed(
        &self,
        now: Millis,
        channel: &str,
        claimed: &Claimed,
        failure: &Failure,
    ) -> Result<(), OutboxError> {
        let dice = self.lock().dice.next_u64();
        self.write(|transaction, plan, n_rows| {
            transaction
                .prepare_cached("UPDATE delivery SET claimed = NULL WHERE id = ?")?
                .execute([claimed.id])?;
            match failure {
                Failure::RateLimited { after } => {
                    let wait = after.unwrap_or(BACKOFF_FIRST).clamp(BACKOFF_FIRST, RETRY_AFTER_MAX);
                    wait_until(transaction, channel, Millis(now.0.saturating_add(wait)))?;
                    // It works, but who is put off for long is not told either.
                    down::fails(transaction, now, channel, "it asks to wait", 0)?;
                    down::tell(transaction, plan, n_rows, now, (channel, false))
                }
                Failure::Undeliverable { why } => {
                    let sql = "DELETE FROM delivery WHERE id = ?";
                    if transaction.prepare_cached(sql)?.execute([claimed.id])? > 0 {
                        down::leave(n_rows, channel);
                    }
                    down::undeliverable(transaction, plan, n_rows, now, channel, (claimed, why))
                }
                Failure::Outage { why } | Failure::Refused { why } => {
                    let failures = down::fails(transaction, now, channel, why, 1)?;
                    let until = Millis(now.0.saturating_add(backoff(failures, dice)));
                    wait_until(transaction, channel, until)?;
                    let is_refused = matches!(failure, Failure::Refused { .. });
                    down::tell(transaction, plan, n_rows, now, (channel, is_refused))
                }
            }
        })
    }
}

/// Exponential, with equal jitter: between half and the whole of the wait, so that many sensors do not come back at once.
fn backoff(failures: u32, dice: u64) -> u64 {
    let doublings = failures.saturating_sub(1).min(16);
    let whole = BACKOFF_FIRST.saturating_mul(1 << doublings).min(BACKOFF_MAX);
    let half = whole / 2;
    half + dice % (half + 1)
}

fn wait_until(
    transaction: &Transaction<'_>,
    channel: &str,
    until: Millis,
) -> Result<(), OutboxError> {
    transaction
        .prepare_cached("UPDATE channel SET not_before = ? WHERE name = ?")?
        .execute(params![until.0.cast_signed(), channel])?;
    Ok(())
}

fn next(
    connection: &Connection,
    now: Millis,
    channel: &str,
    group_millis: u64,
) -> Result<Option<(Claimed, u8)>, OutboxError> {
    let failures: u32 = connection
        .prepare_cached("SELECT failures FROM channel WHERE name = ?")?
        .query_row([channel], |row| row.get(0))?;
    let order = if failures % OTHER_EVERY == OTHER_EVERY - 1 {
        "attempts, severity, id"
    } else {
        "severity, id"
    };
    let sql = format!(
        "SELECT id, key, recipient, severity, content, folded, attempts FROM delivery
         WHERE channel = ?1 AND claimed IS NULL AND (due <= ?2 OR due > ?2 + ?3) ORDER BY {order} LIMIT 1"
    );
    let row = connection
        .prepare_cached(&sql)?
        .query_row(params![channel, now.0.cast_signed(), group_millis.cast_signed()], |row| {
            let (id, key, to): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let (severity, content): (u8, String) = (row.get(3)?, row.get(4)?);
            let (folded, attempts): (i64, u32) = (row.get(5)?, row.get(6)?);
            Ok((id, key, to, severity, content, folded, attempts))
        })
        .optional()?;
    let Some((id, key, to, severity, content, folded, attempts)) = row else { return Ok(None) };
    let content: Content = serde_json::from_str(&content)?;
    let to = (!to.is_empty()).then_some(to);
    let place = to.as_deref().map(|to| format!("/{to}")).unwrap_or_default();
    let envelope = Envelope {
        id: format!("{key}/{channel}{place}"),
        content,
        folded: folded.unsigned_abs(),
        to,
    };
    Ok(Some((Claimed { id, attempts: attempts.saturating_add(1), envelope }, severity)))
}

/// Takes a thousand thousandths of a message out of the channel's bucket, if it may.
fn take_token(
    transaction: &Transaction<'_>,
    now: Millis,
    channel: &ChannelPlan,
    severity: u8,
) -> Result<bool, OutboxError> {
    let (tokens, at, not_before): (i64, i64, i64) = transaction
        .prepare_cached("SELECT tokens, tokens_at, not_before FROM channel WHERE name = ?")?
        .query_row([&channel.name], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    // A longer wait than there is was set before somebody put the clock back.
    let wait = not_before.unsigned_abs().saturating_sub(now.0);
    if wait > 0 && wait <= RETRY_AFTER_MAX {
        return Ok(false);
    }
    let full = u64::from(channel.burst).saturating_mul(1000);
    let elapsed = now.since(Millis(at.unsigned_abs()));
    // A message a minute is a thousand thousandths in sixty thousand milliseconds. What is less than a thousandth is not
    // lost: the time is only moved on when something was gained.
    let gained = elapsed.saturating_mul(u64::from(channel.per_minute)) / 60;
    let tokens = tokens.unsigned_abs().saturating_add(gained).min(full);
    let at = if gained > 0 || at.unsigned_abs() > now.0 { now.0.cast_signed() } else { at };
    let needed = if severity > 1 && channel.burst >= 2 { 2_000 } else { 1_000 };
    let may = tokens >= needed;
    let left = if may { tokens - 1_000 } else { tokens };
    transaction
        .prepare_cached("UPDATE channel SET tokens = ?, tokens_at = ? WHERE name = ?")?
        .execute(params![left.cast_signed(), at, channel.name])?;
    Ok(may)
}

impl Claimed {
    /// What it is about, for the channels that are told that it did not arrive.
    pub(super) fn title(&self) -> String {
        match &self.envelope.content {
            Content::Team(notice) => format!("{} {}", notice.severity, notice.title),
            Content::Public(status) => status.title(),
        }
    }

    pub(super) fn is_about_channels(&self) -> bool {
        matches!(&self.envelope.content, Content::Team(notice) if notice.kind == Kind::ChannelDown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_minute_and_scatter() {
        for (failures, whole) in [(1, 1_000), (2, 2_000), (6, 32_000), (7, 60_000), (40, 60_000)] {
            for dice in [0, 1, 77_777, u64::MAX] {
                let wait = backoff(failures, dice);
                assert!((whole / 2..=whole).contains(&wait), "{failures}: {wait}");
            }
        }
        assert_ne!(backoff(7, 1), backoff(7, 2));
    }
}
