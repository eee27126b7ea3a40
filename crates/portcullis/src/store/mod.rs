//! The journal on disk: append-only, hash-chained (CASE-2), in an `SQLite` file or in a `PostgreSQL` schema.
//!
//! **Promises.** An entry is on disk when [`Journal::append`] returns. Entries are never changed: the schema refuses it,
//! and the chain of hashes shows it if somebody goes around the schema. One process writes at a time; readers do not
//! disturb it. Both databases keep the same promises; the tests of the store run on both.
//!
//! **Choice.** The path of the journal decides: a file that ends in `.url` holds the address of a `PostgreSQL` database,
//! every other is an `SQLite` file.

mod archive;
mod backup;
mod chain;
mod cut;
mod error;
mod follow;
mod health;
mod import;
mod journal;
mod postgres;
mod record;
mod sqlite;
mod verify;

#[cfg(test)]
mod tests;

pub use archive::{Anchor, Archived, archive, archive_of};
pub use backup::{
    BackedUp, BackupError, BackupHead, Beside, FileHead, FileKind, check_backup, copy, is_backup,
    replay_backup, restore, restore_with, write_backup, write_backup_with,
};
pub use chain::{BrokenChain, Link, link};
pub use cut::cut;
pub use error::StoreError;
pub use follow::Follower;
pub use health::{StoreHealth, StoreTrouble};
pub use import::{Import, ImportError};
pub use journal::Journal;
pub use record::{Body, Record, RecordedOutput};
pub use verify::{Verified, VerifyError, export, read_export, replay_check, verify_chain};

/// Version of the schema that this program writes, the same number on both databases.
pub const SCHEMA_VERSION: i64 = 2;

/// Version of the schema of a journal whose older part is archived. It is a version of its own so that a Portcullis that does
/// not know of archives refuses such a journal, and so that every other journal stays as it is.
pub const SCHEMA_ARCHIVED: i64 = 3;
