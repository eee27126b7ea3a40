//! The queue on disk: what was put in is sent at least once, in the order of severity, and never grows without bound.
//!
//! **Promises.**
//! - A notice is on disk when [`Outbox::enqueue`] returns; the same key is not taken twice ([`KEYS_KEPT`]).
//! - Each message goes out until its channel takes it; every try of a message has the same id and the same text.
//! - P1 goes before everything else, and the last token of a channel's rate is kept for it.
//! - Of a group, the first message goes at once; what follows is counted and folded into one.
//! - More than [`Plan::queue_rows_max`](crate::Plan) rows never wait for a channel: the least severe are folded into one
//!   row that says how many they were. The journal holds them all.
//! - A channel that fails is told of on the others, once, and once more when it works again.

mod claim;
mod down;
mod error;
mod fold;
mod health;
mod schema;

use std::{
    collections::BTreeMap,
    fs::File,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use portcullis_types::ids::Millis;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng as _};
use rusqlite::{Connection, OpenFlags, Transaction, params};

pub use claim::{Claimed, Failure};
pub use error::OutboxError;
pub use health::{ChannelHealth, Health};

use crate::{
    notice::{Audience, Notice, NoticeKey},
    plan::Plan,
    render::Content,
};

/// How many keys are remembered, newest first. The program tells a step again only if it stopped between journal and
/// outbox, so that a few would do.
pub const KEYS_KEPT: u64 = 200_000;

/// One person or place on a channel, for messages that are meant for somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// Name of the channel.
    pub channel: String,
    /// Who she is there; the channel's own receivers where it is left out.
    pub to: Option<String>,
}

/// What became of a notice that was put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enqueued {
    /// It waits for so many channels, alone or folded. Zero: no route takes it.
    For(u32),
    /// It was put in before.
    Known,
}

/// The queue. Copies are handles to the same.
#[derive(Clone)]
pub struct Outbox {
    inner: Arc<Mutex<Inner>>,
}

pub(crate) struct Inner {
    connection: Connection,
    plan: Plan,
    dice: ChaCha8Rng,
    /// Rows that wait for each channel; read again after every error.
    n_rows: BTreeMap<String, u32>,
    /// Held as long as this process may write.
    _lock: Option<File>,
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbox").finish_non_exhaustive()
    }
}

impl Outbox {
    /// Opens the queue at `path`, or makes it. What was being sent when the last process ended is sent again.
    ///
    /// # Errors
    /// [`OutboxError`]: in use, not ours, damaged.
    pub fn open(path: &Path, plan: Plan) -> Result<Self, OutboxError> {
        let (connection, lock) = schema::open(path)?;
        let mut inner = Inner {
            connection,
            dice: ChaCha8Rng::seed_from_u64(plan.seed),
            plan,
            n_rows: BTreeMap::new(),
            _lock: Some(lock),
        };
        schema::prepare_channels(&inner.connection, &inner.plan)?;
        inner.count()?;
        Ok(Self { inner: Arc::new(Mutex::new(inner)) })
    }

    /// Puts a notice in for all channels that its routes name.
    ///
    /// # Errors
    /// [`OutboxError`]; nothing was put in.
    pub fn enqueue(
        &self,
        now: Millis,
        notice: &Notice,
        key: &NoticeKey,
    ) -> Result<Enqueued, OutboxError> {
        let one = [(key.clone(), notice.clone())];
        let mut results = self.enqueue_all(now, &one)?;
        Ok(results.pop().unwrap_or(Enqueued::Known))
    }

    /// Puts several in, all or none: one wait for the disk.
    ///
    /// # Errors
    /// [`OutboxError`]; nothing was put in.
    pub fn enqueue_all(
        &self,
        now: Millis,
        notices: &[(NoticeKey, Notice)],
    ) -> Result<Vec<Enqueued>, OutboxError> {
        self.write(|transaction, plan, n_rows| {
            let mut results = Vec::with_capacity(notices.len());
            for (key, notice) in notices {
                if !remember(transaction, key)? {
                    results.push(Enqueued::Known);
                    continue;
                }
                let mut n = 0;
                for channel in plan.channels_of(notice) {
                    let content = content_for(channel.audience, notice);
                    let Some(content) = content else { continue };
                    let row =
                        fold::Row { channel: &channel.name, to: None, key, content: &content };
                    fold::insert(transaction, plan, n_rows, now, &row)?;
                    n += 1;
                }
                results.push(Enqueued::For(n));
            }
            Ok(results)
        })
    }

    /// Puts a notice in for certain people, whatever the routes say: pages. Never to a public channel.
    ///
    /// # Errors
    /// [`OutboxError`]; nothing was put in.
    pub fn enqueue_to(
        &self,
        now: Millis,
        notice: &Notice,
        key: &NoticeKey,
        recipients: &[Recipient],
    ) -> Result<Enqueued, OutboxError> {
        self.write(|transaction, plan, n_rows| {
            if !remember(transaction, key)? {
                return Ok(Enqueued::Known);
            }
            let content = Content::Team(Box::new(notice.clone()));
            let mut n = 0;
            for recipient in recipients {
                let channel = plan.channel(&recipient.channel);
                if channel.is_none_or(|channel| channel.audience == Audience::Public) {
                    continue;
                }
                let to = recipient.to.as_deref();
                let row = fold::Row { channel: &recipient.channel, to, key, content: &content };
                fold::insert(transaction, plan, n_rows, now, &row)?;
                n += 1;
            }
            Ok(Enqueued::For(n))
        })
    }

    /// How the channels are.
    ///
    /// # Errors
    /// [`OutboxError`] if the file cannot be read.
    pub fn health(&self) -> Result<Health, OutboxError> {
        let inner = self.lock();
        health::read(&inner.connection, &inner.plan)
    }

    /// The same for a queue that another part of the program works with: the file is only read.
    ///
    /// # Errors
    /// [`OutboxError`] if it is not there or cannot be read.
    pub fn health_of(path: &Path, plan: &Plan) -> Result<Health, OutboxError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(std::time::Duration::from_secs(2))?;
        health::read(&connection, plan)
    }

    /// Copies the queue at `path`, which may be in use, as it is at one moment into a file that is not there yet.
    ///
    /// # Errors
    /// [`OutboxError`]: it is not there, not ours, damaged; the copy cannot be written.
    pub fn copy(path: &Path, to: &Path) -> Result<(), OutboxError> {
        schema::copy(path, to)
    }

    /// Looks through a queue that nobody uses: whether it is ours and every page of it whole.
    ///
    /// # Errors
    /// [`OutboxError`] with what is wrong.
    pub fn check(path: &Path) -> Result<(), OutboxError> {
        schema::check(path)
    }

    /// The highest journal sequence of which a notice was put in; none in a new queue. A program that starts again tells
    /// the journal's answers from here on once more: those that were told are known by their keys.
    ///
    /// # Errors
    /// [`OutboxError`] if the file cannot be read.
    pub fn last_step(&self) -> Result<Option<u64>, OutboxError> {
        let inner = self.lock();
        let seq: Option<i64> =
            inner.connection.query_row("SELECT max(step) FROM seen", [], |row| row.get(0))?;
        Ok(seq.map(i64::unsigned_abs))
    }

    /// A poisoned lock is a panic of another thread between two statements; its transaction was rolled back.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All or nothing.
    pub(crate) fn write<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>, &Plan, &mut BTreeMap<String, u32>) -> Result<T, OutboxError>,
    ) -> Result<T, OutboxError> {
        let mut inner = self.lock();
        let inner = &mut *inner;
        let result =
            inner.connection.transaction().map_err(OutboxError::from).and_then(|transaction| {
                let done = work(&transaction, &inner.plan, &mut inner.n_rows)?;
                transaction.commit()?;
                Ok(done)
            });
        if result.is_err() {
            inner.count()?;
        }
        result
    }
}

impl Inner {
    fn count(&mut self) -> Result<(), OutboxError> {
        let mut select =
            self.connection.prepare("SELECT channel, count(*) FROM delivery GROUP BY channel")?;
        let rows =
            select.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, u32>(1)?)))?;
        self.n_rows = rows.collect::<Result<_, _>>()?;
        Ok(())
    }
}

/// What a channel of this audience may be given of a notice.
fn content_for(audience: Audience, notice: &Notice) -> Option<Content> {
    match audience {
        Audience::Team => {
            let mut notice = notice.clone();
            notice.public = None;
            Some(Content::Team(Box::new(notice)))
        }
        Audience::Public => notice.public.clone().map(|status| Content::Public(Box::new(status))),
    }
}

/// Whether the key is new. The oldest keys beyond [`KEYS_KEPT`] are forgotten.
fn remember(transaction: &Transaction<'_>, key: &NoticeKey) -> Result<bool, OutboxError> {
    let step = key.as_str().split_once('.').and_then(|(seq, _)| seq.parse::<i64>().ok());
    let mut insert =
        transaction.prepare_cached("INSERT OR IGNORE INTO seen (key, step) VALUES (?, ?)")?;
    if insert.execute(params![key.as_str(), step])? == 0 {
        return Ok(false);
    }
    let oldest = transaction.last_insert_rowid().saturating_sub(KEYS_KEPT.cast_signed());
    transaction.prepare_cached("DELETE FROM seen WHERE id <= ?")?.execute([oldest])?;
    Ok(true)
}

/// What each channel would be given of a notice.
#[cfg(test)]
pub(crate) fn contents_for_tests(plan: &Plan, notice: &Notice) -> Vec<(String, Content)> {
    let channels = plan.channels_of(notice).into_iter();
    channels
        .filter_map(|channel| Some((channel.name.clone(), content_for(channel.audience, notice)?)))
        .collect()
}

#[cfg(test)]
mod tests;
