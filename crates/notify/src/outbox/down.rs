//! Channels that fail: told of on the others once, and once more when they work again.

use std::collections::BTreeMap;

use portcullis_types::ids::Millis;
use rusqlite::{Transaction, params};

use super::{
    claim::Claimed,
    error::OutboxError,
    fold::{Row, insert},
};
use crate::{
    notice::{Kind, Notice, NoticeKey, Secrecy},
    plan::Plan,
    render::Content,
    severity::Severity,
};

type Counts = BTreeMap<String, u32>;

/// A row less waits for `channel`.
pub(super) fn leave(n_rows: &mut Counts, channel: &str) {
    if let Some(n) = n_rows.get_mut(channel) {
        *n = n.saturating_sub(1);
    }
}

/// Writes `n` failures down; how many there were in a row.
pub(super) fn fails(
    transaction: &Transaction<'_>,
    now: Millis,
    channel: &str,
    why: &str,
    n: u32,
) -> Result<u32, OutboxError> {
    let failures = transaction
        .prepare_cached(
            "UPDATE channel SET failures = failures + ?, failing_since = ifnull(failing_since, ?), why = ?
             WHERE name = ? RETURNING failures",
        )?
        .query_row(params![n, now.0.cast_signed(), why, channel], |row| row.get(0))?;
    Ok(failures)
}

/// Tells the others that a channel fails, if it did so for long enough or was refused, and they were not told yet.
pub(super) fn tell(
    transaction: &Transaction<'_>,
    plan: &Plan,
    n_rows: &mut Counts,
    now: Millis,
    (channel, is_refused): (&str, bool),
) -> Result<(), OutboxError> {
    let (since, is_told, why) = state(transaction, channel)?;
    let Some(since) = since else { return Ok(()) };
    if is_told || (!is_refused && now.since(since) < plan.down_after_millis) {
        return Ok(());
    }
    let title = format!("the channel `{channel}` does not deliver");
    let waiting = n_rows.get(channel).copied().unwrap_or_default();
    let notice = Notice::new(Kind::ChannelDown, Severity::P2, &group(channel), &title, now)
        .with("Why", &why, Secrecy::Team)
        .with("Failing since", &crate::text::timestamp(since), Secrecy::Team)
        .with("Waiting", &waiting.to_string(), Secrecy::Team);
    let key = NoticeKey::named(&format!("channel-down/{channel}/{}", since.0));
    others(transaction, plan, n_rows, now, (channel, &key, notice))?;
    transaction.execute("UPDATE channel SET is_told = 1 WHERE name = ?", [channel])?;
    Ok(())
}

/// Writes a success down; tells the others, if they were told that it failed.
pub(super) fn works(
    transaction: &Transaction<'_>,
    plan: &Plan,
    n_rows: &mut Counts,
    now: Millis,
    channel: &str,
) -> Result<(), OutboxError> {
    let (since, is_told, _) = state(transaction, channel)?;
    transaction
        .prepare_cached(
            "UPDATE channel SET last_ok = ?, failing_since = NULL, failures = 0, is_told = 0, why = '', sent = sent + 1
             WHERE name = ?",
        )?
        .execute(params![now.0.cast_signed(), channel])?;
    let (Some(since), true) = (since, is_told) else { return Ok(()) };
    let minutes = now.since(since) / 60_000;
    let waiting = n_rows.get(channel).copied().unwrap_or_default();
    let title = format!("the channel `{channel}` works again after {minutes} minutes");
    let notice = Notice::new(Kind::Resolved, Severity::P2, &group(channel), &title, now).with(
        "Still waiting",
        &waiting.to_string(),
        Secrecy::Team,
    );
    let key = NoticeKey::named(&format!("channel-up/{channel}/{}", since.0));
    others(transaction, plan, n_rows, now, (channel, &key, notice))
}

/// Counts a message that a channel will never take, and tells the others what it was about. That is said of a message
/// about a channel only in the figures: two channels must not tell each other of each other for ever.
pub(super) fn undeliverable(
    transaction: &Transaction<'_>,
    plan: &Plan,
    n_rows: &mut Counts,
    now: Millis,
    channel: &str,
    (claimed, why): (&Claimed, &str),
) -> Result<(), OutboxError> {
    transaction.execute(
        "UPDATE channel SET undeliverable = undeliverable + 1, why = ? WHERE name = ?",
        params![why, channel],
    )?;
    if claimed.is_about_channels() {
        return Ok(());
    }
    let title = format!("the channel `{channel}` refuses a message");
    let notice =
        Notice::new(Kind::ChannelDown, Severity::P3, &format!("refused/{channel}"), &title, now)
            .with("Why", why, Secrecy::Team)
            .with("Message", &claimed.title(), Secrecy::WhileContaining);
    let key = NoticeKey::named(&format!("refused/{}", claimed.envelope.id));
    others(transaction, plan, n_rows, now, (channel, &key, notice))
}

fn others(
    transaction: &Transaction<'_>,
    plan: &Plan,
    n_rows: &mut Counts,
    now: Millis,
    (channel, key, notice): (&str, &NoticeKey, Notice),
) -> Result<(), OutboxError> {
    let severity = notice.severity;
    let content = Content::Team(Box::new(notice));
    for other in plan.others(channel, severity) {
        insert(
            transaction,
            plan,
            n_rows,
            now,
            &Row { channel: &other.name, to: None, key, content: &content },
        )?;
    }
    Ok(())
}

fn state(
    transaction: &Transaction<'_>,
    channel: &str,
) -> Result<(Option<Millis>, bool, String), OutboxError> {
    let row = transaction
        .prepare_cached("SELECT failing_since, is_told, why FROM channel WHERE name = ?")?
        .query_row([channel], |row| {
            Ok((row.get::<_, Option<i64>>(0)?, row.get(1)?, row.get(2)?))
        })?;
    Ok((row.0.map(|since| Millis(since.unsigned_abs())), row.1, row.2))
}

fn group(channel: &str) -> String {
    format!("channel/{channel}")
}
