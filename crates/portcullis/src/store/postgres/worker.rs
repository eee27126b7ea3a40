//! The thread that talks to the database: it alone has the connection, and gets it back when it is lost.

use std::{sync::mpsc::SyncSender, time::Duration};

use alloy_primitives::B256;
use portcullis_types::ids::Seq;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};

use super::{
    address::Address,
    session::{Identity, Session, Trouble, Which},
    tls::Tls,
};
use crate::store::{archive::Anchor, error::StoreError, health::StoreHealth, record::Record};

/// First pause before a server that is away is asked again; doubles up to [`PAUSE_MAX`].
const PAUSE_FIRST: Duration = Duration::from_millis(100);
/// Longest pause between two tries.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// Longest wait for the lock of a process that ended just now.
const LOCK_WAIT: Duration = Duration::from_secs(2);
/// Time between two tries to get the lock.
const LOCK_EVERY: Duration = Duration::from_millis(100);
/// After how many failures it is said again.
const SAY_EVERY: u64 = 12;

/// What the thread is asked.
pub(super) enum Request {
    /// Connect, and as a writer take the lock. The first request.
    Open,
    Last,
    Insert(Record),
    Page {
        which: Which,
        after: Seq,
        most: u32,
    },
    Begin,
    InsertMany(Vec<Record>),
    Commit,
    RollBack,
    Anchor,
    SetAnchor(Anchor),
}

/// What it answers.
pub(super) enum Answer {
    Done,
    Last(Option<Record>),
    Records(Vec<Record>),
    Anchor(Option<Anchor>),
}

/// A request, and where the answer goes.
pub(super) struct Job {
    pub(super) request: Request,
    pub(super) reply: SyncSender<Result<Answer, StoreError>>,
}

/// Where the journal ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Tip {
    seq: Seq,
    hash: B256,
}

impl Tip {
    fn of(record: &Record) -> Self {
        Self { seq: record.seq, hash: record.hash }
    }
}

fn gone() -> Trouble {
    Trouble::Passing("the connection was lost".to_owned())
}

pub(super) struct Worker {
    address: Address,
    tls: Option<Tls>,
    to_write: bool,
    health: StoreHealth,
    session: Option<Session>,
    /// A session that was given up and that the server may not have noticed.
    abandoned: Option<Identity>,
    /// The last record that this process knows to be written.
    tip: Tip,
    /// The record that is being written: after a lost connection it may be there or not.
    writing: Option<Tip>,
    /// Whether a transaction is open, which no other connection can go on with.
    is_importing: bool,
}

impl Worker {
    pub(super) fn new(
        address: Address,
        tls: Option<Tls>,
        to_write: bool,
        health: StoreHealth,
    ) -> Self {
        Self {
            address,
            tls,
            to_write,
            health,
            session: None,
            abandoned: None,
            tip: Tip::default(),
            writing: None,
            is_importing: false,
        }
    }

    /// Answers until nobody asks any more.
    pub(super) async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(Job { request, reply }) = jobs.recv().await {
            let answer = self.answer(request).await;
            // Who does not wait any more does not want it.
            let _gone = reply.send(answer);
        }
        if let Some(session) = self.session.take() {
            session.close().await;
        }
    }

    async fn answer(&mut self, request: Request) -> Result<Answer, StoreError> {
        let answer = match request {
            Request::Insert(record) => return self.insert(&record).await,
            Request::Open => self.open().await,
            Request::Last => self.last().await.map(Answer::Last),
            Request::Page { which, after, most } => self.page(which, after, most).await,
            Request::Begin => self.run_sql("BEGIN").await,
            Request::InsertMany(records) => self.insert_many(&records).await,
            Request::Commit => self.run_sql("COMMIT").await,
            Request::RollBack => self.run_sql("ROLLBACK").await,
            Request::Anchor => self.anchor().await.map(Answer::Anchor),
            Request::SetAnchor(anchor) => self.set_anchor(&anchor).await,
        };
        answer.map_err(|trouble| self.given_up(trouble))
    }

    /// Trouble where nothing is tried again.
    fn given_up(&mut self, trouble: Trouble) -> StoreError {
        let path = self.address.place.clone();
        match trouble {
            Trouble::Passing(why) => {
                self.abandon();
                StoreError::Database { path, why }
            }
            Trouble::Taken => {
                StoreError::Database { path, why: "another process wrote to it".to_owned() }
            }
            Trouble::Final(error) => error,
        }
    }

    /// The first connection. Nothing is waited for: whoever starts a program wants to know at once what is wrong.
    async fn open(&mut self) -> Result<Answer, Trouble> {
        let mut session = Session::connect(&self.address, self.tls.as_ref(), self.to_write).await?;
        if self.to_write {
            self.lock(&session).await?;
        }
        let is_there = session.prepare(&self.address).await?;
        match (is_there, self.to_write) {
            (true, _) => {}
            (false, true) => session.create(&self.address).await?,
            (false, false) => {
                let path = self.address.place.clone();
                return Err(Trouble::Final(StoreError::Missing { path }));
            }
        }
        let last = session.last(&self.address).await?;
        self.tip = last.as_ref().map(Tip::of).unwrap_or_default();
        self.session = Some(session);
        Ok(Answer::Done)
    }

    /// Takes the writer's lock, or says who has it. Our own lost session does not stand in the way.
    async fn lock(&mut self, session: &Session) -> Result<(), Trouble> {
        if let Some(lost) = &self.abandoned {
            session.end(&self.address, lost).await?;
        }
        let deadline = Instant::now() + LOCK_WAIT;
        while !session.try_lock(&self.address).await? {
            if Instant::now() >= deadline {
                let path = self.address.place.clone();
                return Err(Trouble::Final(StoreError::Locked { path }));
            }
            sleep(LOCK_EVERY).await;
        }
        self.abandoned = None;
        Ok(())
    }

    /// A connection that may be used. A writer that lost its own takes the lock again and looks where the journal ends: it
    /// may go on only if that is where it ended before, or with the record that it was writing.
    async fn session(&mut self) -> Result<&Session, Trouble> {
        if self.session.as_ref().is_some_and(Session::is_lost) {
            self.abandon();
        }
        if self.session.is_none() && self.is_importing {
            return Err(gone());
        }
        if self.session.is_none() {
            let mut session =
                Session::connect(&self.address, self.tls.as_ref(), self.to_write).await?;
            if self.to_write {
                self.lock(&session).await?;
            }
            let is_there = session.prepare(&self.address).await?;
            if self.to_write {
                let last = if is_there { session.last(&self.address).await? } else { None };
                self.compare(last.as_ref())?;
            }
            self.session = Some(session);
        }
        self.session.as_ref().ok_or_else(gone)
    }

    fn compare(&mut self, last: Option<&Record>) -> Result<(), Trouble> {
        let found = last.map(Tip::of).unwrap_or_default();
        if Some(found) == self.writing {
            (self.tip, self.writing) = (found, None);
        }
        if found == self.tip {
            return Ok(());
        }
        let (path, expected) = (self.address.place.clone(), self.tip.seq);
        Err(Trouble::Final(StoreError::Overtaken { path, expected, found: found.seq }))
    }

    fn abandon(&mut self) {
        if let Some(session) = self.session.take()
            && self.to_write
        {
            self.abandoned = Some(session.identity.clone());
        }
    }

    /// Writes one record, and waits for a server that is away as long as the address allows.
    async fn insert(&mut self, record: &Record) -> Result<Answer, StoreError> {
        let (started, mut pause) = (Instant::now(), PAUSE_FIRST);
        self.writing = Some(Tip::of(record));
        loop {
            let why = match self.try_insert(record).await {
                Ok(()) => {
                    self.say_recovered();
                    return Ok(Answer::Done);
                }
                Err(Trouble::Passing(why)) => why,
                Err(other) => return Err(self.given_up(other)),
            };
            self.abandon();
            self.say_failed(&why);
            if started.elapsed() + pause > self.address.wait {
                let (path, waited_s) = (self.address.place.clone(), started.elapsed().as_secs());
                return Err(StoreError::Down { path, waited_s, why });
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn try_insert(&mut self, record: &Record) -> Result<(), Trouble> {
        let (address, mine) = (self.address.clone(), Tip::of(record));
        self.session().await?;
        if self.tip == mine {
            // A new connection found the record there: the answer was lost, not the record.
            return Ok(());
        }
        match self.session().await?.insert(&address, record).await {
            Ok(()) => {
                (self.tip, self.writing) = (mine, None);
                Ok(())
            }
            Err(Trouble::Taken) => {
                let last = self.session().await?.last(&address).await?;
                self.compare(last.as_ref())?;
                if self.tip == mine { Ok(()) } else { Err(Trouble::Taken) }
            }
            Err(other) => Err(other),
        }
    }

    async fn insert_many(&mut self, records: &[Record]) -> Result<Answer, Trouble> {
        let address = self.address.clone();
        self.session().await?.insert_many(&address, records).await?;
        self.writing = records.last().map(Tip::of);
        Ok(Answer::Done)
    }

    async fn run_sql(&mut self, sql: &str) -> Result<Answer, Trouble> {
        let address = self.address.clone();
        self.session().await?.run(&address, sql).await?;
        self.is_importing = sql == "BEGIN";
        match sql {
            "COMMIT" => self.tip = self.writing.take().unwrap_or(self.tip),
            "ROLLBACK" => self.writing = None,
            _ => {}
        }
        Ok(Answer::Done)
    }

    async fn last(&mut self) -> Result<Option<Record>, Trouble> {
        let address = self.address.clone();
        self.session().await?.last(&address).await
    }

    async fn anchor(&mut self) -> Result<Option<Anchor>, Trouble> {
        let address = self.address.clone();
        self.session().await?.anchor(&address).await
    }

    async fn set_anchor(&mut self, anchor: &Anchor) -> Result<Answer, Trouble> {
        let address = self.address.clone();
        self.session().await?.set_anchor(&address, anchor).await?;
        Ok(Answer::Done)
    }

    async fn page(&mut self, which: Which, after: Seq, most: u32) -> Result<Answer, Trouble> {
        let address = self.address.clone();
        let session = self.session().await?;
        session.page(&address, which, after, most).await.map(Answer::Records)
    }

    fn say_failed(&self, why: &str) {
        let is_first = self.health.failed(why);
        let attempts = self.health.trouble().map_or(0, |trouble| trouble.attempts);
        if is_first || attempts.is_multiple_of(SAY_EVERY) {
            tracing::error!(journal = %self.address.place.display(), attempts, why, "the journal's database is out of reach: nothing is decided until it is back");
        }
    }

    fn say_recovered(&self) {
        if let Some(trouble) = self.health.recovered() {
            let away_ms = trouble.since.elapsed().map_or(0, |away| away.as_millis());
            tracing::warn!(journal = %self.address.place.display(), away_ms, "the journal's database is back; nothing was lost and nothing written twice");
        }
    }
}
