//! A second engine that follows the journal, for everybody who only wants to look.
//!
//! **What.** A thread reads behind the journal, checks the hash chain, and folds what it reads into an engine of its own with
//! a few notes beside it ([`Picture`]). Handlers look at it under a lock (detectors are made for one thread at a time, so that readers take turns); changes are
//! told to streams.
//!
//! **Promises.** Nothing here is asked by what decides. It is held for folding [`BATCH_MS_MAX`] at a time, with a pause
//! in between, so that a storm of findings stalls no reader. What cannot be read is told as trouble, never as "nothing happened".

mod changes;
pub(crate) mod notes;
mod picture;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

pub(crate) use changes::{Change, Changes, Missed};
pub(crate) use notes::{Flow, Link};
pub(crate) use picture::Picture;

use crate::{
    runner::now,
    store::{Follower, Record, StoreError},
};

/// Time between two looks at the journal.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Pause after the journal could not be read.
const TROUBLE_PAUSE: Duration = Duration::from_secs(2);
/// Most records that are read at once.
const RECORDS_MAX: u32 = 256;
/// Time for readers between two batches.
const READERS_TURN: Duration = Duration::from_millis(1);
/// Longest time for which readers are kept waiting at once, unless a single record takes longer.
pub(crate) const BATCH_MS_MAX: u64 = 10;

/// Handles to the same picture.
#[derive(Clone)]
pub(crate) struct Replica {
    picture: Arc<Mutex<Picture>>,
    changes: Arc<Changes>,
}

impl Replica {
    /// Begins to follow a journal from its first record. Ends when all handles are gone.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub(crate) fn follow(path: &Path) -> std::io::Result<Self> {
        let replica = Self { picture: Arc::default(), changes: Arc::new(Changes::new()) };
        let follow = Follow {
            path: path.to_owned(),
            picture: Arc::downgrade(&replica.picture),
            changes: Arc::clone(&replica.changes),
            follower: None,
        };
        std::thread::Builder::new().name("replica".to_owned()).spawn(move || follow.run())?;
        Ok(replica)
    }

    /// The picture as it is now. Hold it briefly.
    pub(crate) fn look(&self) -> MutexGuard<'_, Picture> {
        lock(&self.picture)
    }

    pub(crate) fn changes(&self) -> &Changes {
        &self.changes
    }
}

struct Follow {
    path: PathBuf,
    picture: Weak<Mutex<Picture>>,
    changes: Arc<Changes>,
    follower: Option<Follower>,
}

impl Follow {
    fn run(mut self) {
        // Holding it only while folding lets the thread see that nobody looks any more.
        while let Some(picture) = self.picture.upgrade() {
            let pause = match self.read() {
                Ok(records) if records.is_empty() => {
                    let mut picture = lock(&picture);
                    picture.looked(now());
                    picture.has_reached_end = true;
                    LOOK_EVERY
                }
                Ok(records) => {
                    self.fold(&picture, records);
                    Duration::ZERO
                }
                Err(problem) => {
                    let is_over = matches!(problem, StoreError::Broken { .. });
                    lock(&picture).trouble = Some(problem.to_string());
                    self.follower = None;
                    if is_over {
                        // Nothing is concluded from a journal of which something was changed.
                        tracing::error!(%problem, "the console shows nothing newer");
                        return;
                    }
                    TROUBLE_PAUSE
                }
            };
            drop(picture);
            std::thread::sleep(pause);
        }
    }

    fn read(&mut self) -> Result<Vec<Record>, StoreError> {
        let follower = match self.follower.take() {
            Some(follower) => follower,
            None => Follower::open(&self.path)?,
        };
        self.follower.insert(follower).read(RECORDS_MAX)
    }

    /// Folds records in, in batches that are short.
    fn fold(&self, picture: &Mutex<Picture>, records: Vec<Record>) {
        let mut records = records.into_iter().peekable();
        while records.peek().is_some() {
            let began = Instant::now();
            let mut guard = lock(picture);
            // Whoever opens the journal anew after trouble begins at its first record.
            let mut change = Change::default();
            while began.elapsed() < Duration::from_millis(BATCH_MS_MAX)
                && let Some(record) = records.next()
            {
                guard.fold(&record, &mut change);
            }
            guard.looked(now());
            guard.refresh(&change);
            drop(guard);
            self.changes.tell(change);
            // Without a pause the lock would be taken again before anybody who waits for it.
            std::thread::sleep(READERS_TURN);
        }
    }
}

fn lock(picture: &Mutex<Picture>) -> MutexGuard<'_, Picture> {
    picture.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
