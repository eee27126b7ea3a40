//! The journal on disk: `SQLite`, append-only, hash-chained (CASE-2).
//!
//! **Promises.** An entry is on disk when [`Journal::append`] returns. Entries are never changed: the schema refuses it,
//! and the chain of hashes shows it if somebody goes around the schema. One process writes at a time; readers do not
//! disturb it.

mod chain;
mod follow;
mod record;
mod sqlite;
mod verify;

pub use chain::{BrokenChain, Link, link};
pub use follow::Follower;
pub use record::{Body, Record, RecordedOutput};
pub use sqlite::{Journal, StoreError};
pub use verify::{Verified, VerifyError, export, read_export, replay_check, verify_chain};
