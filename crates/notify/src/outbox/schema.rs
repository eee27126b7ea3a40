//! The file: tables, versions, the lock.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::Path,
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, params};

use super::error::OutboxError;
use crate::plan::Plan;

/// Version of the schema, in `PRAGMA user_version`: how many of [`MIGRATIONS`] were made.
const SCHEMA_VERSION: i64 = 1;

/// Marks the file as ours (`PRAGMA application_id`): "PCLO".
const APPLICATION_ID: i64 = 0x5043_4c4f;

/// Each brings the schema to the next version. Only ever added to.
const MIGRATIONS: &[&str] = &["
CREATE TABLE delivery (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    channel   TEXT    NOT NULL,
    recipient TEXT    NOT NULL,
    key       TEXT    NOT NULL,
    severity  INTEGER NOT NULL CHECK (severity BETWEEN 1 AND 5),
    grouping  TEXT    NOT NULL,
    content   TEXT    NOT NULL,
    due       INTEGER NOT NULL,
    folded    INTEGER NOT NULL DEFAULT 0,
    attempts  INTEGER NOT NULL DEFAULT 0,
    claimed   INTEGER
) STRICT;
CREATE INDEX delivery_order ON delivery (channel, severity, id);
CREATE INDEX delivery_group ON delivery (channel, recipient, grouping);
CREATE TABLE told (
    channel   TEXT    NOT NULL,
    recipient TEXT    NOT NULL,
    grouping  TEXT    NOT NULL,
    severity  INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    PRIMARY KEY (channel, recipient, grouping)
) STRICT, WITHOUT ROWID;
CREATE INDEX told_at ON told (at);
CREATE TABLE seen (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    key  TEXT NOT NULL UNIQUE,
    step INTEGER
) STRICT;
CREATE INDEX seen_step ON seen (step);
CREATE TABLE channel (
    name          TEXT PRIMARY KEY,
    last_ok       INTEGER,
    failing_since INTEGER,
    failures      INTEGER NOT NULL DEFAULT 0,
    not_before    INTEGER NOT NULL DEFAULT 0,
    tokens        INTEGER NOT NULL,
    tokens_at     INTEGER NOT NULL DEFAULT 0,
    is_told       INTEGER NOT NULL DEFAULT 0,
    why           TEXT    NOT NULL DEFAULT '',
    sent          INTEGER NOT NULL DEFAULT 0,
    undeliverable INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
"];

pub(super) fn open(path: &Path) -> Result<(Connection, File), OutboxError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|source| OutboxError::Io { path: folder.into(), source })?;
    }
    let lock = lock(path)?;
    let mut connection = Connection::open(path)?;
    migrate(path, &mut connection).map_err(|error| match error {
        OutboxError::Sqlite(source)
            if source.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) =>
        {
            OutboxError::Foreign { path: path.into(), why: "it is not an SQLite file".to_owned() }
        }
        other => other,
    })?;
    // What a process was sending when it ended may or may not have arrived: it is sent again under the same id.
    connection.execute("UPDATE delivery SET claimed = NULL WHERE claimed IS NOT NULL", [])?;
    Ok((connection, lock))
}

fn migrate(path: &Path, connection: &mut Connection) -> Result<(), OutboxError> {
    connection.busy_timeout(Duration::from_secs(5))?;
    // FULL keeps a notice through a power cut, as the journal does.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let pragma = |connection: &Connection, name: &str| -> Result<i64, OutboxError> {
        Ok(connection.pragma_query_value(None, name, |row| row.get(0))?)
    };
    let foreign = |why: String| OutboxError::Foreign { path: path.into(), why };
    let application = pragma(connection, "application_id")?;
    let version = pragma(connection, "user_version")?;
    let n_tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
    if application != APPLICATION_ID && (n_tables > 0 || version != 0) {
        return Err(foreign("it is a database of another program".to_owned()));
    }
    if version > SCHEMA_VERSION {
        return Err(foreign(format!("schema {version} is newer than {SCHEMA_VERSION}")));
    }
    let transaction = connection.transaction()?;
    for step in MIGRATIONS.iter().skip(usize::try_from(version).unwrap_or_default()) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    transaction.commit()?;
    Ok(())
}

/// Opens a queue that must be there, to read it.
fn open_ours(path: &Path) -> Result<Connection, OutboxError> {
    // Read only, SQLite could not look into a queue whose write-ahead log was left by a process that was killed.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    let foreign = |why: String| OutboxError::Foreign { path: path.into(), why };
    let pragma = |name: &str| -> Result<i64, rusqlite::Error> {
        connection.pragma_query_value(None, name, |row| row.get(0))
    };
    let application = pragma("application_id").map_err(|error| foreign(error.to_string()))?;
    if application != APPLICATION_ID {
        return Err(foreign("it is a database of another program".to_owned()));
    }
    let version = pragma("user_version")?;
    if version > SCHEMA_VERSION {
        return Err(foreign(format!("schema {version} is newer than {SCHEMA_VERSION}")));
    }
    Ok(connection)
}

/// `SQLite` itself writes the copy, in one transaction of a reader: the writer goes on meanwhile.
pub(super) fn copy(path: &Path, to: &Path) -> Result<(), OutboxError> {
    let connection = open_ours(path)?;
    let to = to.to_str().ok_or_else(|| OutboxError::Io {
        path: to.into(),
        source: std::io::Error::other("the path is not UTF-8"),
    })?;
    connection.execute("VACUUM INTO ?1", [to])?;
    Ok(())
}

/// Whether a queue is ours and whole.
pub(super) fn check(path: &Path) -> Result<(), OutboxError> {
    let connection = open_ours(path)?;
    let said: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    match said.as_str() {
        "ok" => Ok(()),
        why => Err(OutboxError::Foreign { path: path.into(), why: why.to_owned() }),
    }
}

/// Channels that are new get a row; messages to channels that were taken out of the configuration go nowhere any more.
pub(super) fn prepare_channels(connection: &Connection, plan: &Plan) -> Result<(), OutboxError> {
    for channel in &plan.channels {
        connection.execute(
            "INSERT OR IGNORE INTO channel (name, tokens) VALUES (?, ?)",
            params![channel.name, i64::from(channel.burst) * 1000],
        )?;
    }
    let names: Vec<&str> = plan.channels.iter().map(|channel| channel.name.as_str()).collect();
    let names = serde_json::to_string(&names)?;
    for (table, column) in [("delivery", "channel"), ("told", "channel"), ("channel", "name")] {
        connection.execute(
            &format!("DELETE FROM {table} WHERE {column} NOT IN (SELECT value FROM json_each(?))"),
            [&names],
        )?;
    }
    Ok(())
}

fn lock(path: &Path) -> Result<File, OutboxError> {
    let lock_path = path.with_extension("outbox-lock");
    let io = |source| OutboxError::Io { path: lock_path.clone(), source };
    let file =
        OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path).map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OutboxError::Locked { path: path.into() }),
        Err(TryLockError::Error(source)) => Err(io(source)),
    }
}
