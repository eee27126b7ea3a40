//! The journal, whichever database is under it.

use std::path::{Path, PathBuf};

use alloy_primitives::B256;
use portcullis_engine::{Event, StepOutput};
use portcullis_types::ids::{Millis, Seq};

use super::{
    archive::{Anchor, Archive},
    chain::{Link, Walk, link},
    error::StoreError,
    health::StoreHealth,
    import::Import,
    postgres::Postgres,
    record::{Record, RecordedOutput},
    sqlite::Sqlite,
};

/// A journal on disk.
#[derive(Debug)]
pub struct Journal {
    backend: Backend,
    path: PathBuf,
    head: B256,
    last_at: Millis,
    next: Seq,
    /// The older part, if it is archived.
    archive: Option<Archive>,
}

#[derive(Debug)]
pub(super) enum Backend {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Journal {
    /// Opens a journal for writing; makes it if it is not there, and brings one of an earlier version to this one.
    ///
    /// # Errors
    /// [`StoreError`]: in use, not ours, damaged, of a newer version, database out of reach.
    pub fn create_or_open(path: &Path) -> Result<Self, StoreError> {
        let backend = if Postgres::is_address(path) {
            Backend::Postgres(Postgres::open_to_write(path)?)
        } else {
            Backend::Sqlite(Sqlite::create_or_open(path)?)
        };
        Self::finish(backend, path)
    }

    /// Opens a journal for reading. It may be written to by another process meanwhile.
    ///
    /// # Errors
    /// [`StoreError`]: not there, not ours, damaged, of a newer version, database out of reach.
    pub fn open_to_read(path: &Path) -> Result<Self, StoreError> {
        let backend = if Postgres::is_address(path) {
            Backend::Postgres(Postgres::open_to_read(path)?)
        } else {
            Backend::Sqlite(Sqlite::open_to_read(path)?)
        };
        Self::finish(backend, path)
    }

    /// A journal in memory, for replays that leave nothing behind.
    ///
    /// # Errors
    /// [`StoreError`] if `SQLite` cannot start.
    pub fn in_memory() -> Result<Self, StoreError> {
        Self::finish(Backend::Sqlite(Sqlite::in_memory()?), Path::new(":memory:"))
    }

    /// Whether there is a journal with at least one record, or a file that is none, at `path`: what must not be written
    /// over.
    ///
    /// # Errors
    /// [`StoreError`] if a database cannot be asked.
    pub fn is_taken(path: &Path) -> Result<bool, StoreError> {
        if !Postgres::is_address(path) && std::fs::metadata(path).is_ok_and(|file| file.len() == 0)
        {
            return Ok(false);
        }
        match Self::open_to_read(path) {
            Ok(journal) => Ok(journal.last_seq() > Seq(0)),
            Err(StoreError::Missing { .. }) => Ok(false),
            // Whatever this file is, it is somebody's.
            Err(_) if !Postgres::is_address(path) => Ok(true),
            Err(error) => Err(error),
        }
    }

    fn finish(backend: Backend, path: &Path) -> Result<Self, StoreError> {
        let (last, anchor) = match &backend {
            Backend::Sqlite(sqlite) => (sqlite.last()?, sqlite.anchor()?),
            Backend::Postgres(postgres) => (postgres.last()?, postgres.anchor()?),
        };
        let archive = anchor.map(|anchor| Archive::of(path, anchor)).transpose()?;
        let anchor = archive.as_ref().map(Archive::anchor);
        let (head, last_at, last) = match (last, anchor) {
            (Some(last), _) => (last.hash, last.at, last.seq),
            (None, Some(anchor)) => (anchor.hash, anchor.at, anchor.seq),
            (None, None) => (B256::ZERO, Millis(0), Seq(0)),
        };
        Ok(Self { backend, path: path.into(), head, last_at, next: Seq(last.0 + 1), archive })
    }

    /// Writes an input down. It is on disk when this returns. On `PostgreSQL` this waits while the server is away, up to
    /// the time that the address gives; [`Journal::health`] says so meanwhile.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was written, or, after [`StoreError::Down`], nobody knows: this process must stop.
    pub fn append(&mut self, at: Millis, event: &Event) -> Result<Seq, StoreError> {
        let body = serde_json::to_string(event)?;
        self.write(at, Record::EVENT, body)
    }

    /// Writes an answer of the engine down.
    ///
    /// # Errors
    /// As [`Journal::append`].
    pub fn append_output(
        &mut self,
        at: Millis,
        of: Seq,
        output: &StepOutput,
    ) -> Result<Seq, StoreError> {
        let body = serde_json::to_string(&RecordedOutput { of, output: output.clone() })?;
        self.write(at, Record::OUTPUT, body)
    }

    fn write(&mut self, at: Millis, kind: &str, body: String) -> Result<Seq, StoreError> {
        let seq = self.next;
        let hash = link(Link { previous: self.head, seq, at, kind, body: &body });
        let record = Record { seq, at, kind: kind.to_owned(), body, hash };
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.insert(&record)?,
            Backend::Postgres(postgres) => postgres.insert(record)?,
        }
        self.head = hash;
        self.last_at = at;
        self.next = Seq(seq.0 + 1);
        Ok(seq)
    }

    /// Hash of the last record: with it, nobody can cut the end off unnoticed.
    pub fn head(&self) -> B256 {
        self.head
    }

    /// Sequence of the last record.
    pub fn last_seq(&self) -> Seq {
        Seq(self.next.0 - 1)
    }

    /// When the last record was written; 0 in a new journal.
    pub fn last_at(&self) -> Millis {
        self.last_at
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether entries can be written right now.
    pub fn health(&self) -> StoreHealth {
        match &self.backend {
            Backend::Sqlite(_) => StoreHealth::default(),
            Backend::Postgres(postgres) => postgres.health(),
        }
    }

    /// Where it begins, if its older part is archived.
    pub fn anchor(&self) -> Option<&Anchor> {
        self.archive.as_ref().map(Archive::anchor)
    }

    /// Whether the archive that it begins with, if there is one, is the file that was sealed, to the last byte.
    ///
    /// # Errors
    /// [`StoreError::Archive`]: it is missing or was changed.
    pub fn check_archive(&self) -> Result<(), StoreError> {
        self.archive.as_ref().map_or(Ok(()), Archive::check)
    }

    /// Calls `each` with every record in order, archived ones first, until it fails. Every record is checked against the hash chain first:
    /// nothing is ever concluded from a journal of which something was taken away or changed.
    ///
    /// # Errors
    /// Those of `each`, or [`StoreError`] turned into its error.
    pub fn each<E: From<StoreError>>(
        &self,
        mut each: impl FnMut(Record) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut walk = Walk::default();
        let mut checked = |record: Record| -> Result<(), E> {
            let broken = |source| StoreError::Broken { path: self.path.clone(), source };
            walk.check(&record).map_err(broken)?;
            each(record)
        };
        if let Some(archive) = &self.archive {
            archive.each(&mut checked)?;
        }
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.each(checked),
            Backend::Postgres(postgres) => postgres.each(checked),
        }
    }

    /// Records after `after` of which people are told, at most `most` and fewer where they are large, oldest first; none
    /// only at the end. They are answers of the engine, and blocks that could not be seen. They are not checked against the hash chain: they are passed on, nothing is concluded from them.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    pub fn to_tell(&self, after: Seq, most: u32) -> Result<Vec<Record>, StoreError> {
        self.page(after, most, Record::is_told, |after, most| match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.to_tell(after, most),
            Backend::Postgres(postgres) => postgres.to_tell(after, most),
        })
    }

    /// Records after `after`, at most `most` and fewer where they are large, oldest first; none only at the end. Whoever concludes something from them checks them against the
    /// hash chain ([`Follower`](super::Follower) does).
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    pub fn after(&self, after: Seq, most: u32) -> Result<Vec<Record>, StoreError> {
        self.page(
            after,
            most,
            |_| true,
            |after, most| match &self.backend {
                Backend::Sqlite(sqlite) => sqlite.after(after, most),
                Backend::Postgres(postgres) => postgres.after(after, most),
            },
        )
    }

    /// A page that may begin in the archive and end in the database.
    fn page(
        &self,
        after: Seq,
        most: u32,
        takes: impl Fn(&Record) -> bool,
        rest: impl Fn(Seq, u32) -> Result<Vec<Record>, StoreError>,
    ) -> Result<Vec<Record>, StoreError> {
        let Some(archive) = self.archive.as_ref().filter(|one| after < one.anchor().seq) else {
            return rest(after, most);
        };
        let mut records = archive.after(after, most, takes)?;
        let missing = most.saturating_sub(records.len() as u32);
        if missing > 0 {
            records.extend(rest(archive.anchor().seq, missing)?);
        }
        Ok(records)
    }

    /// Takes in records that another journal has, unchanged: all of them or none. The journal must be empty.
    ///
    /// # Errors
    /// [`StoreError`] if there are records already, or the database refuses.
    pub fn import(&mut self) -> Result<Import<'_>, StoreError> {
        self.must_be_empty()?;
        Import::begin(self)
    }

    /// The same with records that follow an archive, which lies beside this journal. From then on the journal begins with it.
    ///
    /// # Errors
    /// As [`Journal::import`].
    pub fn import_behind(&mut self, anchor: Anchor) -> Result<Import<'_>, StoreError> {
        self.must_be_empty()?;
        Import::begin_behind(self, anchor)
    }

    fn must_be_empty(&self) -> Result<(), StoreError> {
        if self.last_seq() == Seq(0) {
            return Ok(());
        }
        let why = format!("it has {} records, and nothing is written over", self.last_seq());
        Err(StoreError::Foreign { path: self.path.clone(), why })
    }

    pub(super) fn backend(&self) -> &Backend {
        &self.backend
    }

    pub(super) fn imported(
        &mut self,
        head: B256,
        last_at: Millis,
        last: Seq,
        anchor: Option<Anchor>,
    ) -> Result<(), StoreError> {
        (self.head, self.last_at, self.next) = (head, last_at, Seq(last.0 + 1));
        self.archive = anchor.map(|anchor| Archive::of(&self.path, anchor)).transpose()?;
        Ok(())
    }
}
