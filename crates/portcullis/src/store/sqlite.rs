//! `SQLite` under the journal.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
};

use alloy_primitives::B256;
use portcullis_engine::{Event, StepOutput};
use portcullis_types::ids::{Millis, Seq};
use rusqlite::{Connection, OpenFlags, Row, params};

use super::{
    chain::{BrokenChain, Link, Walk, link},
    record::{Record, RecordedOutput},
};

/// Version of the schema, in `PRAGMA user_version`.
const SCHEMA_VERSION: i64 = 1;

/// Marks the file as ours (`PRAGMA application_id`): "PCLJ".
const APPLICATION_ID: i64 = 0x5043_4c4a;

const SCHEMA: &str = "
CREATE TABLE entry (
    seq  INTEGER PRIMARY KEY,
    at   INTEGER NOT NULL,
    kind TEXT    NOT NULL CHECK (kind IN ('event', 'output')),
    body TEXT    NOT NULL,
    hash BLOB    NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE TRIGGER entry_is_never_changed BEFORE UPDATE ON entry
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER entry_is_never_deleted BEFORE DELETE ON entry
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
";

/// What can go wrong with a journal, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file is not there.
    #[error(
        "no journal at {path}: `portcullis run` and `portcullis drill` make one; check the path"
    )]
    Missing {
        /// Which.
        path: PathBuf,
    },
    /// Another process writes to it.
    #[error(
        "{path} is in use by another running portcullis: stop that one first, or give this one its own journal"
    )]
    Locked {
        /// Which.
        path: PathBuf,
    },
    /// Not a journal, or of another version.
    #[error(
        "{path} is not a journal of this version: {why}; give another path, or restore a backup"
    )]
    Foreign {
        /// Which.
        path: PathBuf,
        /// What was found.
        why: String,
    },
    /// The file is damaged or cannot be read.
    #[error(
        "{path}: {source}; keep the file as it is and run `portcullis journal verify` on a copy"
    )]
    Sqlite {
        /// Which.
        path: PathBuf,
        /// What `SQLite` said.
        #[source]
        source: rusqlite::Error,
    },
    /// The file system refused.
    #[error("{path}: {source}; check the folder's permissions and free space")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Records are missing or were changed.
    #[error("{path}: {source}")]
    Broken {
        /// Which.
        path: PathBuf,
        /// Where.
        source: BrokenChain,
    },
    /// A body could not be written as JSON.
    #[error("an entry cannot be written as JSON: {0}; this is a defect, please report it")]
    Encode(#[from] serde_json::Error),
}

/// A journal on disk.
#[derive(Debug)]
pub struct Journal {
    connection: Connection,
    path: PathBuf,
    head: B256,
    last_at: Millis,
    next: Seq,
    /// Held as long as this process may write.
    _lock: Option<File>,
}

impl Journal {
    /// Opens a journal for writing; makes it if it is not there.
    ///
    /// # Errors
    /// [`StoreError`]: in use, not ours, damaged.
    pub fn create_or_open(path: &Path) -> Result<Self, StoreError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|source| StoreError::Io { path: folder.into(), source })?;
        }
        let lock = lock(path)?;
        let connection = Connection::open(path).map_err(|source| sqlite(path, source))?;
        prepare(&connection).map_err(|source| sqlite(path, source))?;
        let version = pragma(&connection, path, "user_version")?;
        let tables: i64 = connection
            .query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))
            .map_err(|source| sqlite(path, source))?;
        if version == 0 && tables == 0 {
            let setup = format!(
                "BEGIN; {SCHEMA} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            );
            connection.execute_batch(&setup).map_err(|source| sqlite(path, source))?;
        }
        Self::finish(connection, path, Some(lock))
    }

    /// Opens a journal for reading. It may be written to by another process meanwhile.
    ///
    /// # Errors
    /// [`StoreError`]: not there, not ours, damaged.
    pub fn open_to_read(path: &Path) -> Result<Self, StoreError> {
        if !path.exists() {
            return Err(StoreError::Missing { path: path.into() });
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(path, flags).map_err(|source| sqlite(path, source))?;
        connection
            .busy_timeout(std::time::Duration::from_secs(5))
            .map_err(|source| sqlite(path, source))?;
        Self::finish(connection, path, None)
    }

    /// A journal in memory, for replays that leave nothing behind.
    ///
    /// # Errors
    /// [`StoreError`] if `SQLite` cannot start.
    pub fn in_memory() -> Result<Self, StoreError> {
        let path = Path::new(":memory:");
        let connection = Connection::open_in_memory().map_err(|source| sqlite(path, source))?;
        let setup = format!(
            "{SCHEMA} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION};"
        );
        connection.execute_batch(&setup).map_err(|source| sqlite(path, source))?;
        Self::finish(connection, path, None)
    }

    fn finish(connection: Connection, path: &Path, lock: Option<File>) -> Result<Self, StoreError> {
        let foreign = |why: String| StoreError::Foreign { path: path.into(), why };
        let application = pragma(&connection, path, "application_id")?;
        if application != APPLICATION_ID {
            return Err(foreign("it is a database of another program".to_owned()));
        }
        let version = pragma(&connection, path, "user_version")?;
        if version != SCHEMA_VERSION {
            return Err(foreign(format!("schema {version}, expected {SCHEMA_VERSION}")));
        }
        let last = connection
            .query_row(
                "SELECT seq, at, kind, body, hash FROM entry ORDER BY seq DESC LIMIT 1",
                [],
                record,
            )
            .map(Some)
            .or_else(|error| match error {
                rusqlite::Error::QueryReturnedNoRows => Ok(None),
                other => Err(sqlite(path, other)),
            })?;
        let last_at = last.as_ref().map_or(Millis(0), |last| last.at);
        let (head, next) =
            last.map_or((B256::ZERO, Seq(1)), |last| (last.hash, Seq(last.seq.0 + 1)));
        Ok(Self { connection, path: path.into(), head, last_at, next, _lock: lock })
    }

    /// Writes an input down. It is on disk when this returns.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was written.
    pub fn append(&mut self, at: Millis, event: &Event) -> Result<Seq, StoreError> {
        let body = serde_json::to_string(event)?;
        self.write(at, Record::EVENT, &body)
    }

    /// Writes an answer of the engine down.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was written.
    pub fn append_output(
        &mut self,
        at: Millis,
        of: Seq,
        output: &StepOutput,
    ) -> Result<Seq, StoreError> {
        let body = serde_json::to_string(&RecordedOutput { of, output: output.clone() })?;
        self.write(at, Record::OUTPUT, &body)
    }

    fn write(&mut self, at: Millis, kind: &str, body: &str) -> Result<Seq, StoreError> {
        let seq = self.next;
        let hash = link(Link { previous: self.head, seq, at, kind, body });
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO entry (seq, at, kind, body, hash) VALUES (?, ?, ?, ?, ?)")
            .map_err(|source| sqlite(&self.path, source))?;
        insert
            .execute(params![seq.0.cast_signed(), at.0.cast_signed(), kind, body, hash.as_slice()])
            .map_err(|source| sqlite(&self.path, source))?;
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

    /// Calls `each` with every record in order, until it fails. Every record is checked against the hash chain first:
    /// nothing is ever concluded from a journal of which something was taken away or changed.
    ///
    /// # Errors
    /// Those of `each`, or [`StoreError`] turned into its error.
    pub fn each<E: From<StoreError>>(
        &self,
        mut each: impl FnMut(Record) -> Result<(), E>,
    ) -> Result<(), E> {
        let wrong = |source| E::from(sqlite(&self.path, source));
        let mut select = self
            .connection
            .prepare("SELECT seq, at, kind, body, hash FROM entry ORDER BY seq")
            .map_err(wrong)?;
        let mut rows = select.query([]).map_err(wrong)?;
        let mut walk = Walk::default();
        while let Some(row) = rows.next().map_err(wrong)? {
            let record = record(row).map_err(wrong)?;
            let broken = |source| StoreError::Broken { path: self.path.clone(), source };
            walk.check(&record).map_err(broken)?;
            each(record)?;
        }
        Ok(())
    }
}

/// What people are told of.
impl Journal {
    /// Records after `after` of which people are told, at most `most`, oldest first: answers of the engine, and blocks that
    /// could not be seen. They are not checked against the hash chain: they are passed on, nothing is concluded from them.
    ///
    /// # Errors
    /// [`StoreError`] if the file cannot be read.
    pub fn to_tell(&self, after: Seq, most: u32) -> Result<Vec<Record>, StoreError> {
        let wrong = |source| sqlite(&self.path, source);
        let mut select = self
            .connection
            .prepare_cached(
                "SELECT seq, at, kind, body, hash FROM entry WHERE seq > ?1 AND (kind = 'output'
                 OR body LIKE '{\"event\":\"chain\",\"fact\":\"blind\"%') ORDER BY seq LIMIT ?2",
            )
            .map_err(wrong)?;
        let after = i64::try_from(after.0).unwrap_or(i64::MAX);
        let rows = select.query_map(params![after, most], record).map_err(wrong)?;
        rows.collect::<Result<_, _>>().map_err(wrong)
    }
}

/// For those who read behind the writer.
impl Journal {
    /// Records after `after`, at most `most`, oldest first. Whoever concludes something from them checks them against the
    /// hash chain ([`Follower`](super::Follower) does).
    ///
    /// # Errors
    /// [`StoreError`] if the file cannot be read.
    pub fn after(&self, after: Seq, most: u32) -> Result<Vec<Record>, StoreError> {
        let wrong = |source| sqlite(&self.path, source);
        let mut select = self
            .connection
            .prepare_cached(
                "SELECT seq, at, kind, body, hash FROM entry WHERE seq > ?1 ORDER BY seq LIMIT ?2",
            )
            .map_err(wrong)?;
        let after = i64::try_from(after.0).unwrap_or(i64::MAX);
        let rows = select.query_map(params![after, most], record).map_err(wrong)?;
        rows.collect::<Result<_, _>>().map_err(wrong)
    }
}

fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    let (seq, at): (i64, i64) = (row.get(0)?, row.get(1)?);
    let hash: [u8; 32] = row.get(4)?;
    Ok(Record {
        seq: Seq(seq.unsigned_abs()),
        at: Millis(at.unsigned_abs()),
        kind: row.get(2)?,
        body: row.get(3)?,
        hash: hash.into(),
    })
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    // WAL lets readers look while we write; FULL keeps an entry through a power cut, which CASE-1 needs.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")
}

fn lock(path: &Path) -> Result<File, StoreError> {
    let lock_path = path.with_extension("lock");
    let io = |source| StoreError::Io { path: lock_path.clone(), source };
    let file =
        OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path).map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path: path.into() }),
        Err(TryLockError::Error(source)) => Err(io(source)),
    }
}

fn pragma(connection: &Connection, path: &Path, name: &str) -> Result<i64, StoreError> {
    connection
        .pragma_query_value(None, name, |row| row.get(0))
        .map_err(|source| sqlite(path, source))
}

fn sqlite(path: &Path, source: rusqlite::Error) -> StoreError {
    if source.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) {
        return StoreError::Foreign {
            path: path.into(),
            why: "it is not an SQLite file".to_owned(),
        };
    }
    StoreError::Sqlite { path: path.into(), source }
}
