//! Putting a message in: into a message of its group that still waits, else as a row of its own, else, where the queue
//! is full, into the one row that counts the rest.

use std::collections::BTreeMap;

use portcullis_types::ids::Millis;
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::error::OutboxError;
use crate::{
    notice::{Kind, Notice, NoticeKey},
    plan::Plan,
    render::Content,
    severity::Severity,
};

/// The group of the row that counts what did not fit.
const OVERFLOW: &str = "overflow";

/// A message on its way in.
pub(super) struct Row<'a> {
    pub(super) channel: &'a str,
    pub(super) to: Option<&'a str>,
    pub(super) key: &'a NoticeKey,
    pub(super) content: &'a Content,
}

impl Row<'_> {
    fn severity(&self) -> Severity {
        match self.content {
            Content::Team(notice) => notice.severity,
            // What anybody may read is never what wakes somebody, but it is not to wait behind findings either.
            Content::Public(_) => Severity::P2,
        }
    }

    /// Kind and group, or the case of a public status.
    fn grouping(&self) -> String {
        match self.content {
            Content::Team(notice) => format!("{}/{}", notice.kind.name(), notice.group),
            Content::Public(status) => format!("status/{}", status.case),
        }
    }
}

pub(super) fn insert(
    transaction: &Transaction<'_>,
    plan: &Plan,
    n_rows: &mut BTreeMap<String, u32>,
    now: Millis,
    row: &Row<'_>,
) -> Result<(), OutboxError> {
    let grouping = row.grouping();
    if fold(transaction, now, row, &grouping, 1)? {
        return Ok(());
    }
    let waiting = n_rows.entry(row.channel.to_owned()).or_default();
    if *waiting >= plan.queue_rows_max {
        if let Some((severity, folded)) = take_least(transaction, row)? {
            *waiting = waiting.saturating_sub(1);
            overflow(transaction, now, row, waiting, (severity, folded + 1))?;
        } else {
            return overflow(transaction, now, row, waiting, (row.severity(), 1));
        }
    }
    let due = due(transaction, plan, now, row, &grouping)?;
    add(transaction, row, &grouping, due)?;
    *waiting += 1;
    Ok(())
}

/// Folds `n` messages into a row of the group that waits and was never tried. What was tried stays as it is: a message
/// that may have arrived must not say something else under the same id.
fn fold(
    transaction: &Transaction<'_>,
    now: Millis,
    row: &Row<'_>,
    grouping: &str,
    n: i64,
) -> Result<bool, OutboxError> {
    let found: Option<(i64, i64)> = transaction
        .prepare_cached(
            "SELECT id, severity FROM delivery
             WHERE channel = ? AND recipient = ? AND grouping = ? AND attempts = 0 LIMIT 1",
        )?
        .query_row(params![row.channel, row.to.unwrap_or_default(), grouping], |found| {
            Ok((found.get(0)?, found.get(1)?))
        })
        .optional()?;
    let Some((id, severity)) = found else { return Ok(false) };
    match row.content {
        // Of a public status only the newest counts.
        Content::Public(_) => {
            let content = serde_json::to_string(row.content)?;
            transaction
                .prepare_cached("UPDATE delivery SET content = ? WHERE id = ?")?
                .execute(params![content, id])?;
        }
        // The worst one speaks for the group, and at once.
        Content::Team(notice) if i64::from(notice.severity.rank()) < severity => {
            let content = serde_json::to_string(row.content)?;
            transaction
                .prepare_cached(
                    "UPDATE delivery SET folded = folded + ?, severity = ?, content = ?, due = min(due, ?) WHERE id = ?",
                )?
                .execute(params![n, notice.severity.rank(), content, now.0.cast_signed(), id])?;
        }
        Content::Team(_) => {
            transaction
                .prepare_cached("UPDATE delivery SET folded = folded + ? WHERE id = ?")?
                .execute(params![n, id])?;
        }
    }
    Ok(true)
}

/// Now, or a window after the last message of the group unless this one is worse.
fn due(
    transaction: &Transaction<'_>,
    plan: &Plan,
    now: Millis,
    row: &Row<'_>,
    grouping: &str,
) -> Result<Millis, OutboxError> {
    let recipient = row.to.unwrap_or_default();
    // A message of the group that is on its way counts as told now.
    let on_its_way: Option<i64> = transaction
        .prepare_cached(
            "SELECT min(severity) FROM delivery WHERE channel = ? AND recipient = ? AND grouping = ? AND attempts > 0",
        )?
        .query_row(params![row.channel, recipient, grouping], |found| found.get(0))?;
    let told: Option<(i64, i64)> = match on_its_way {
        Some(severity) => Some((severity, now.0.cast_signed())),
        None => transaction
            .prepare_cached("SELECT severity, at FROM told WHERE channel = ? AND recipient = ? AND grouping = ?")?
            .query_row(params![row.channel, recipient, grouping], |found| Ok((found.get(0)?, found.get(1)?)))
            .optional()?,
    };
    Ok(match told {
        Some((severity, at)) if severity <= i64::from(row.severity().rank()) => {
            Millis(at.unsigned_abs().saturating_add(plan.group_millis).max(now.0))
        }
        _ => now,
    })
}

fn add(
    transaction: &Transaction<'_>,
    row: &Row<'_>,
    grouping: &str,
    due: Millis,
) -> Result<(), OutboxError> {
    transaction
        .prepare_cached(
            "INSERT INTO delivery (channel, recipient, key, severity, grouping, content, due) VALUES (?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            row.channel,
            row.to.unwrap_or_default(),
            row.key.as_str(),
            row.severity().rank(),
            grouping,
            serde_json::to_string(row.content)?,
            due.0.cast_signed()
        ])?;
    Ok(())
}

/// Takes the least severe row that was never tried out of a full queue, if it is less severe than `row`. Of public
/// statuses the oldest goes: a newer one of another case says more.
fn take_least(
    transaction: &Transaction<'_>,
    row: &Row<'_>,
) -> Result<Option<(Severity, i64)>, OutboxError> {
    let found: Option<(i64, i64, i64)> = transaction
        .prepare_cached(
            "SELECT id, severity, folded FROM delivery
             WHERE channel = ? AND attempts = 0 AND grouping != ? AND recipient = ''
             ORDER BY severity DESC, id DESC LIMIT 1",
        )?
        .query_row(params![row.channel, OVERFLOW], |found| {
            Ok((found.get(0)?, found.get(1)?, found.get(2)?))
        })
        .optional()?;
    let is_public = matches!(row.content, Content::Public(_));
    let Some((id, severity, folded)) = found else { return Ok(None) };
    if severity <= i64::from(row.severity().rank()) && !is_public {
        return Ok(None);
    }
    transaction.prepare_cached("DELETE FROM delivery WHERE id = ?")?.execute([id])?;
    Ok(Some((Severity::of_rank(severity).unwrap_or(Severity::P5), folded)))
}

/// Counts `n` messages, the worst of this severity, in the one row for what did not fit.
fn overflow(
    transaction: &Transaction<'_>,
    now: Millis,
    row: &Row<'_>,
    waiting: &mut u32,
    (severity, n): (Severity, i64),
) -> Result<(), OutboxError> {
    if matches!(row.content, Content::Public(_)) {
        return Ok(());
    }
    let title = "more notices than fit into the queue of this channel: see the cases for the rest";
    let notice = Notice::new(Kind::Finding, severity, OVERFLOW, title, now);
    let content = Content::Team(Box::new(notice));
    let key = NoticeKey::named(&format!("overflow/{}", row.key));
    let rest = Row { channel: row.channel, to: None, key: &key, content: &content };
    if fold(transaction, now, &rest, OVERFLOW, n)? {
        return Ok(());
    }
    add(transaction, &rest, OVERFLOW, now)?;
    // The row itself stands for none of them.
    let id = transaction.last_insert_rowid();
    transaction
        .prepare_cached("UPDATE delivery SET folded = ? WHERE id = ?")?
        .execute(params![n, id])?;
    *waiting += 1;
    Ok(())
}
