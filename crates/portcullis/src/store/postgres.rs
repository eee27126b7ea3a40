//! `PostgreSQL` under the journal.
//!
//! A thread of its own holds the connection, with a small runtime on it: the journal may be called from anywhere, tasks
//! included. The writer holds an advisory lock as long as its session lives. A lost session is never written over: a new one
//! takes the lock again and compares the end of the journal, so a writer that was overtaken stops instead of writing.

mod address;
mod schema;
mod session;
mod tls;
mod worker;

use std::{
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    thread::JoinHandle,
    time::Duration,
};

use portcullis_types::ids::Seq;
use tokio::{
    runtime::{Builder, Handle, RuntimeFlavor},
    sync::mpsc,
};

use self::{
    address::Address,
    session::Which,
    tls::Tls,
    worker::{Answer, Job, Request, Worker},
};
use super::{
    archive::Anchor, chain::BrokenChain, error::StoreError, health::StoreHealth, record::Record,
};

/// Most records that are read at once. One may have megabytes.
const PAGE_RECORDS_MAX: u32 = 64;
/// How long a task may wait for an answer before others on its thread are moved away.
const SHORT: Duration = Duration::from_millis(20);

/// A journal in a schema of a `PostgreSQL` database.
pub(super) struct Postgres {
    /// None only while this is dropped.
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    health: StoreHealth,
    place: PathBuf,
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Postgres").field("place", &self.place).finish_non_exhaustive()
    }
}

impl Postgres {
    /// Whether a journal's path names an address file.
    pub(super) fn is_address(path: &Path) -> bool {
        path.extension().is_some_and(|ending| ending == "url")
    }

    pub(super) fn open_to_write(path: &Path) -> Result<Self, StoreError> {
        Self::open(path, true)
    }

    pub(super) fn open_to_read(path: &Path) -> Result<Self, StoreError> {
        Self::open(path, false)
    }

    fn open(path: &Path, to_write: bool) -> Result<Self, StoreError> {
        let address = Address::read(path)?;
        let tls = Tls::new(&address.protection)
            .map_err(|why| StoreError::Address { path: path.into(), why })?;
        let io = |source| StoreError::Io { path: address.place.clone(), source };
        let runtime = Builder::new_current_thread().enable_all().build().map_err(io)?;
        let (jobs, asked) = mpsc::channel(1);
        let (health, place) = (StoreHealth::default(), address.place.clone());
        let worker = Worker::new(address.clone(), tls, to_write, health.clone());
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || runtime.block_on(worker.run(asked)))
            .map_err(io)?;
        let this = Self { jobs: Some(jobs), thread: Some(thread), health, place };
        this.ask(Request::Open)?;
        Ok(this)
    }

    pub(super) fn health(&self) -> StoreHealth {
        self.health.clone()
    }

    pub(super) fn last(&self) -> Result<Option<Record>, StoreError> {
        match self.ask(Request::Last)? {
            Answer::Last(last) => Ok(last),
            _ => Err(self.ended()),
        }
    }

    /// Where it begins, if its older part is archived.
    pub(super) fn anchor(&self) -> Result<Option<Anchor>, StoreError> {
        match self.ask(Request::Anchor)? {
            Answer::Anchor(anchor) => Ok(anchor),
            _ => Err(self.ended()),
        }
    }

    /// Begins behind an archive. Part of an import, and undone with it.
    pub(super) fn set_anchor(&self, anchor: Anchor) -> Result<(), StoreError> {
        self.ask(Request::SetAnchor(anchor)).map(|_| ())
    }

    pub(super) fn insert(&self, record: Record) -> Result<(), StoreError> {
        self.ask(Request::Insert(record)).map(|_| ())
    }

    /// Every record that there is now, in order.
    pub(super) fn each<E: From<StoreError>>(
        &self,
        mut each: impl FnMut(Record) -> Result<(), E>,
    ) -> Result<(), E> {
        let end = self.last()?.map_or(Seq(0), |last| last.seq);
        let mut at = Seq(0);
        while at < end {
            let page = self.page(Which::All, at, PAGE_RECORDS_MAX)?;
            let Some(last) = page.last().map(|record| record.seq) else {
                let source = BrokenChain::Gap { missing: Seq(at.0 + 1) };
                return Err(StoreError::Broken { path: self.place.clone(), source }.into());
            };
            for record in page.into_iter().filter(|record| record.seq <= end) {
                each(record)?;
            }
            at = last;
        }
        Ok(())
    }

    pub(super) fn to_tell(&self, after: Seq, most: u32) -> Result<Vec<Record>, StoreError> {
        self.page(Which::ToTell, after, most.min(PAGE_RECORDS_MAX))
    }

    pub(super) fn after(&self, after: Seq, most: u32) -> Result<Vec<Record>, StoreError> {
        self.page(Which::All, after, most.min(PAGE_RECORDS_MAX))
    }

    fn page(&self, which: Which, after: Seq, most: u32) -> Result<Vec<Record>, StoreError> {
        match self.ask(Request::Page { which, after, most })? {
            Answer::Records(records) => Ok(records),
            _ => Err(self.ended()),
        }
    }

    pub(super) fn begin(&self) -> Result<(), StoreError> {
        self.ask(Request::Begin).map(|_| ())
    }

    pub(super) fn insert_many(&self, records: Vec<Record>) -> Result<(), StoreError> {
        self.ask(Request::InsertMany(records)).map(|_| ())
    }

    pub(super) fn commit(&self) -> Result<(), StoreError> {
        self.ask(Request::Commit).map(|_| ())
    }

    pub(super) fn roll_back(&self) -> Result<(), StoreError> {
        self.ask(Request::RollBack).map(|_| ())
    }

    /// Asks the thread, and waits. Every request has an end there.
    fn ask(&self, request: Request) -> Result<Answer, StoreError> {
        let (reply, answer) = sync_channel(1);
        let jobs = self.jobs.as_ref().ok_or_else(|| self.ended())?;
        // There is room: who asks waits for the answer, and one thread at a time asks.
        jobs.try_send(Job { request, reply }).map_err(|_| self.ended())?;
        wait(&answer).ok_or_else(|| self.ended())?
    }

    fn ended(&self) -> StoreError {
        let why = "the thread that talks to the database has ended".to_owned();
        StoreError::Database { path: self.place.clone(), why }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Without askers the thread says goodbye to the server, which frees the lock, and ends.
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

/// Waits for the answer; none if it never comes. A task that waits long lets others on its thread go elsewhere.
fn wait<T>(answer: &Receiver<T>) -> Option<T> {
    match answer.recv_timeout(SHORT) {
        Ok(answer) => return Some(answer),
        Err(RecvTimeoutError::Disconnected) => return None,
        Err(RecvTimeoutError::Timeout) => {}
    }
    let flavor = Handle::try_current().map(|handle| handle.runtime_flavor());
    if matches!(flavor, Ok(RuntimeFlavor::MultiThread)) {
        tokio::task::block_in_place(|| answer.recv().ok())
    } else {
        answer.recv().ok()
    }
}

#[cfg(test)]
mod tests;
