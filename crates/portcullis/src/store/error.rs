//! What can go wrong with a journal, and what to do.

use std::path::{Path, PathBuf};

use portcullis_types::ids::Seq;

use super::chain::BrokenChain;

/// What can go wrong with a journal, and what to do. A `path` is the file, or the address file with host, database and
/// schema; never a password.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The journal is not there.
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
    /// Not a journal.
    #[error(
        "{path} is not a journal of this version: {why}; give another path, or restore a backup"
    )]
    Foreign {
        /// Which.
        path: PathBuf,
        /// What was found.
        why: String,
    },
    /// Written by a newer version.
    #[error(
        "{path} has schema {found}, this version knows {known}: a newer portcullis wrote it; install that one or a newer one, or restore a back-up into a new journal"
    )]
    Newer {
        /// Which.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest that is known.
        known: i64,
    },
    /// No room is left for another entry.
    #[error(
        "{path}: the disk is full ({source}); nothing of the journal is lost: make room and start portcullis again"
    )]
    Full {
        /// Which.
        path: PathBuf,
        /// What `SQLite` said.
        #[source]
        source: rusqlite::Error,
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
    /// The address file cannot be used.
    #[error("{path}: {why}")]
    Address {
        /// Which.
        path: PathBuf,
        /// What is wrong, and the remedy.
        why: String,
    },
    /// `PostgreSQL` refused or cannot be reached.
    #[error("{path}: {why}; check that the server runs, the address, and the role's rights")]
    Database {
        /// Which.
        path: PathBuf,
        /// What it said.
        why: String,
    },
    /// `PostgreSQL` stayed away for longer than an entry may wait.
    #[error(
        "{path} was out of reach for {waited_s} s: {why}; bring the server back and start portcullis again, which looks whether the last entry was written"
    )]
    Down {
        /// Which.
        path: PathBuf,
        /// How long was waited, seconds.
        waited_s: u64,
        /// What it said last.
        why: String,
    },
    /// After the connection was lost, the journal did not end where it ended before.
    #[error(
        "{path} does not end with record {expected} of this process any more, but with {found}: another portcullis wrote to it, or the server lost what it had confirmed; \
         this process must not write. Stop all but one, run `portcullis journal verify`, and compare with a back-up"
    )]
    Overtaken {
        /// Which.
        path: PathBuf,
        /// The last record of this process.
        expected: Seq,
        /// The last record there.
        found: Seq,
    },
    /// Records are missing or were changed.
    #[error("{path}: {source}")]
    Broken {
        /// Which.
        path: PathBuf,
        /// Where.
        source: BrokenChain,
    },
    /// The archive that the journal begins with is missing or damaged.
    #[error(
        "{path}: {why}; the journal begins behind this archive and is nothing without it: put it back beside the journal, or restore a back-up"
    )]
    Archive {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A body could not be written as JSON.
    #[error("an entry cannot be written as JSON: {0}; this is a defect, please report it")]
    Encode(#[from] serde_json::Error),
}

impl StoreError {
    pub(super) fn sqlite(path: &Path, source: rusqlite::Error) -> Self {
        if source.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) {
            return Self::Foreign { path: path.into(), why: "it is not an SQLite file".to_owned() };
        }
        if source.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull) {
            return Self::Full { path: path.into(), source };
        }
        Self::Sqlite { path: path.into(), source }
    }
}
