//! `SQLite` under the journal.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};

use portcullis_types::ids::{Millis, Seq};
use rusqlite::{Connection, OpenFlags, Row, params};

use super::{SCHEMA_ARCHIVED, SCHEMA_VERSION, archive::Anchor, error::StoreError, record::Record};

/// Marks the file as ours (`PRAGMA application_id`): "PCLJ".
const APPLICATION_ID: i64 = 0x5043_4c4a;

/// Longest wait for a lock of another connection.
const BUSY_MAX: Duration = Duration::from_secs(5);
/// Longest wait for the writer's lock: a process that is just being started has it too, from the fork to the exec, although
/// who held it has let go.
const LOCK_WAIT: Duration = Duration::from_millis(500);
/// Time between two tries to get it.
const LOCK_EVERY: Duration = Duration::from_millis(20);

/// Bytes of bodies after which a page of records ends: in a flood one record has megabytes, and hundreds of them are not to
/// be in memory at once.
pub(super) const PAGE_BYTES_MAX: usize = 8 << 20;

/// Each brings the schema to the next version, kept in `PRAGMA user_version`. Only ever added to.
const MIGRATIONS: [&str; SCHEMA_VERSION as usize] = [
    "
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
",
    // `INSERT OR REPLACE` deletes without asking the trigger above, so what is inserted must follow the last record.
    "
CREATE TRIGGER entry_follows_the_last BEFORE INSERT ON entry
WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM entry)
BEGIN SELECT RAISE(ABORT, 'the journal is append-only: an entry follows the last one'); END;
",
];

/// Makes a journal of the newest version begin behind an archive: an anchor, which is never changed, and an entry that may
/// follow it. [`ANCHORED`] closes the table behind the anchor.
const ANCHOR: &str = "
CREATE TABLE anchor (
    seq    INTEGER PRIMARY KEY CHECK (seq > 0),
    at     INTEGER NOT NULL,
    hash   BLOB    NOT NULL CHECK (length(hash) = 32),
    file   TEXT    NOT NULL,
    sha256 BLOB    NOT NULL CHECK (length(sha256) = 32)
) STRICT;
DROP TRIGGER entry_follows_the_last;
CREATE TRIGGER entry_follows_the_last BEFORE INSERT ON entry
WHEN NEW.seq <> coalesce((SELECT max(seq) FROM entry), (SELECT seq FROM anchor)) + 1
BEGIN SELECT RAISE(ABORT, 'the journal is append-only: an entry follows the last one'); END;
";
const ANCHORED: &str = "
CREATE TRIGGER anchor_is_the_only_one BEFORE INSERT ON anchor
BEGIN SELECT RAISE(ABORT, 'the journal is append-only: it has its anchor'); END;
CREATE TRIGGER anchor_is_never_changed BEFORE UPDATE ON anchor
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER anchor_is_never_deleted BEFORE DELETE ON anchor
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
";

/// A journal in an `SQLite` file.
#[derive(Debug)]
pub(super) struct Sqlite {
    connection: Connection,
    path: PathBuf,
    /// Held as long as this process may write.
    _lock: Option<File>,
}

impl Sqlite {
    pub(super) fn create_or_open(path: &Path) -> Result<Self, StoreError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|source| StoreError::Io { path: folder.into(), source })?;
        }
        let lock = lock(path)?;
        let wrong = |source| StoreError::sqlite(path, source);
        let mut connection = Connection::open(path).map_err(wrong)?;
        prepare(&connection).map_err(wrong)?;
        let tables: i64 = connection
            .query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))
            .map_err(wrong)?;
        if tables > 0 || pragma(&connection, path, "user_version")? != 0 {
            check(&connection, path)?;
        }
        migrate(&mut connection, path)?;
        Ok(Self { connection, path: path.into(), _lock: Some(lock) })
    }

    pub(super) fn open_to_read(path: &Path) -> Result<Self, StoreError> {
        if !path.exists() {
            return Err(StoreError::Missing { path: path.into() });
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let wrong = |source| StoreError::sqlite(path, source);
        let connection = Connection::open_with_flags(path, flags).map_err(wrong)?;
        connection.busy_timeout(BUSY_MAX).map_err(wrong)?;
        // Every earlier version is read as it is: a reader changes nothing.
        check(&connection, path)?;
        Ok(Self { connection, path: path.into(), _lock: None })
    }

    pub(super) fn in_memory() -> Result<Self, StoreError> {
        let path = Path::new(":memory:");
        let mut connection =
            Connection::open_in_memory().map_err(|source| StoreError::sqlite(path, source))?;
        migrate(&mut connection, path)?;
        Ok(Self { connection, path: path.into(), _lock: None })
    }

    pub(super) fn last(&self) -> Result<Option<Record>, StoreError> {
        let last = self.connection.query_row(
            "SELECT seq, at, kind, body, hash FROM entry ORDER BY seq DESC LIMIT 1",
            [],
            record,
        );
        match last {
            Ok(last) => Ok(Some(last)),
            Err(rusqlite::Error::QueryReturnedNoRows) => Ok(None),
            Err(error) => Err(self.wrong(error)),
        }
    }

    /// Where it begins, if its older part is archived.
    pub(super) fn anchor(&self) -> Result<Option<Anchor>, StoreError> {
        if pragma(&self.connection, &self.path, "user_version")? < SCHEMA_ARCHIVED {
            return Ok(None);
        }
        let select = "SELECT seq, at, hash, file, sha256 FROM anchor";
        let read = |row: &Row<'_>| {
            let (seq, at): (i64, i64) = (row.get(0)?, row.get(1)?);
            let (hash, sha256): ([u8; 32], [u8; 32]) = (row.get(2)?, row.get(4)?);
            let (seq, at) = (Seq(seq.unsigned_abs()), Millis(at.unsigned_abs()));
            Ok(Anchor { seq, at, hash: hash.into(), file: row.get(3)?, sha256: sha256.into() })
        };
        let found = self.connection.query_row(select, [], read);
        found.map(Some).map_err(|source| self.wrong(source))
    }

    /// Begins behind an archive. Part of an import, and undone with it.
    pub(super) fn set_anchor(&self, anchor: &Anchor) -> Result<(), StoreError> {
        self.run(ANCHOR)?;
        let Anchor { seq, at, hash, file, sha256 } = anchor;
        let (seq, at) = (seq.0.cast_signed(), at.0.cast_signed());
        let insert = "INSERT INTO anchor (seq, at, hash, file, sha256) VALUES (?, ?, ?, ?, ?)";
        self.connection
            .execute(insert, params![seq, at, hash.as_slice(), file, sha256.as_slice()])
            .map_err(|source| self.wrong(source))?;
        self.run(ANCHORED)?;
        self.connection
            .pragma_update(None, "user_version", SCHEMA_ARCHIVED)
            .map_err(|source| self.wrong(source))
    }

    pub(super) fn insert(&self, record: &Record) -> Result<(), StoreError> {
        let Record { seq, at, kind, body, hash } = record;
        let insert = "INSERT INTO entry (seq, at, kind, body, hash) VALUES (?, ?, ?, ?, ?)";
        self.connection
            .prepare_cached(insert)
            .and_then(|mut insert| {
                let (seq, at) = (seq.0.cast_signed(), at.0.cast_signed());
                insert.execute(params![seq, at, kind, body, hash.as_slice()])
            })
            .map_err(|source| self.wrong(source))?;
        Ok(())
    }

    pub(super) fn each<E: From<StoreError>>(
        &self,
        mut each: impl FnMut(Record) -> Result<(), E>,
    ) -> Result<(), E> {
        let wrong = |source| E::from(self.wrong(source));
        let mut select = self
            .connection
            .prepare("SELECT seq, at, kind, body, hash FROM entry ORDER BY seq")
            .map_err(wrong)?;
        let mut rows = select.query([]).map_err(wrong)?;
        while let Some(row) = rows.next().map_err(wrong)? {
            each(record(row).map_err(wrong)?)?;
        }
        Ok(())
    }

    pub(super) fn to_tell(&self, after: Seq, most: u32) -> Result<Vec<Record>, StoreError> {
        self.page(
            "SELECT seq, at, kind, body, hash FROM entry WHERE seq > ?1 AND (kind = 'output'
             OR body LIKE '{\"event\":\"chain\",\"fact\":\"blind\"%') ORDER BY seq LIMIT ?2",
            after,
            most,
        )
    }

    pub(super) fn after(&self, after: Seq, most: u32) -> Result<Vec<Record>, StoreError> {
        let select =
            "SELECT seq, at, kind, body, hash FROM entry WHERE seq > ?1 ORDER BY seq LIMIT ?2";
        self.page(select, after, most)
    }

    fn page(&self, select: &str, after: Seq, most: u32) -> Result<Vec<Record>, StoreError> {
        let wrong = |source| self.wrong(source);
        let mut select = self.connection.prepare_cached(select).map_err(wrong)?;
        let after = i64::try_from(after.0).unwrap_or(i64::MAX);
        let rows = select.query_map(params![after, most], record).map_err(wrong)?;
        let (mut records, mut n_bytes) = (Vec::new(), 0);
        for row in rows {
            let record: Record = row.map_err(wrong)?;
            n_bytes += record.body.len();
            records.push(record);
            if n_bytes >= PAGE_BYTES_MAX {
                break;
            }
        }
        Ok(records)
    }

    /// Runs a statement that takes and gives nothing: the borders of an import.
    pub(super) fn run(&self, sql: &str) -> Result<(), StoreError> {
        self.connection.execute_batch(sql).map_err(|source| self.wrong(source))
    }

    fn wrong(&self, source: rusqlite::Error) -> StoreError {
        StoreError::sqlite(&self.path, source)
    }
}

/// Refuses what is not ours or newer than this program.
fn check(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let foreign = |why: String| StoreError::Foreign { path: path.into(), why };
    if pragma(connection, path, "application_id")? != APPLICATION_ID {
        return Err(foreign("it is a database of another program".to_owned()));
    }
    let found = pragma(connection, path, "user_version")?;
    if found > SCHEMA_ARCHIVED {
        return Err(StoreError::Newer { path: path.into(), found, known: SCHEMA_ARCHIVED });
    }
    if found < 1 {
        return Err(foreign(format!("schema {found}, expected 1 to {SCHEMA_VERSION}")));
    }
    Ok(())
}

/// Brings the schema to this version, wholly or not at all.
fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let version = pragma(connection, path, "user_version")?;
    let made = usize::try_from(version).unwrap_or_default();
    if made >= MIGRATIONS.len() {
        return Ok(());
    }
    let run = |connection: &mut Connection| -> rusqlite::Result<()> {
        let transaction = connection.transaction()?;
        for step in MIGRATIONS.iter().skip(made) {
            transaction.execute_batch(step)?;
        }
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        transaction.commit()
    };
    run(connection).map_err(|source| StoreError::sqlite(path, source))?;
    if version > 0 {
        tracing::info!(journal = %path.display(), from = version, to = SCHEMA_VERSION, "the journal's schema was brought up to date");
    }
    Ok(())
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
    connection.busy_timeout(BUSY_MAX)?;
    // WAL lets readers look while we write; FULL keeps an entry through a power cut, which CASE-1 needs.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")
}

fn lock(path: &Path) -> Result<File, StoreError> {
    let lock_path = path.with_extension("lock");
    let io = |source| StoreError::Io { path: lock_path.clone(), source };
    let file =
        OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path).map_err(io)?;
    let deadline = Instant::now() + LOCK_WAIT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(LOCK_EVERY),
            Err(TryLockError::WouldBlock) => return Err(StoreError::Locked { path: path.into() }),
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
    }
}

fn pragma(connection: &Connection, path: &Path, name: &str) -> Result<i64, StoreError> {
    connection
        .pragma_query_value(None, name, |row| row.get(0))
        .map_err(|source| StoreError::sqlite(path, source))
}
