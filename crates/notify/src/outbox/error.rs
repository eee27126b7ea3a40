//! What can go wrong with the queue, and what to do.

use std::path::PathBuf;

/// What can go wrong with the queue, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// Another process writes to it.
    #[error(
        "{path} is in use by another running portcullis: stop that one first, or give this one its own outbox"
    )]
    Locked {
        /// Which.
        path: PathBuf,
    },
    /// Not an outbox, or of another version.
    #[error(
        "{path} is not an outbox of this version: {why}; give another path, or move the file away: the journal holds all that is in it"
    )]
    Foreign {
        /// Which.
        path: PathBuf,
        /// What was found.
        why: String,
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
    /// The file is damaged or cannot be read.
    #[error(
        "the outbox: {0}; check free space, or move the file away: the journal holds all that is in it"
    )]
    Sqlite(#[from] rusqlite::Error),
    /// A message cannot be written or read as JSON.
    #[error(
        "a message in the outbox cannot be read or written: {0}; move the file away, and report this defect"
    )]
    Content(#[from] serde_json::Error),
    /// No such channel.
    #[error("no channel is called `{0}`: name one of the configuration")]
    UnknownChannel(String),
}
