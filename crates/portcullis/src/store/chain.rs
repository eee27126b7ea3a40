//! The hash chain over journal records.

use alloy_primitives::{B256, Keccak256};
use portcullis_types::ids::{Millis, Seq};

/// What is hashed before everything else, so that no hash of another format can pass as ours.
const DOMAIN: &[u8] = b"portcullis-journal/1";

/// What ties a record to the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link<'a> {
    /// Hash of the record before; zero for the first.
    pub previous: B256,
    /// Place in the journal.
    pub seq: Seq,
    /// When it was written.
    pub at: Millis,
    /// `event` or `output`.
    pub kind: &'a str,
    /// The body, as the bytes on disk.
    pub body: &'a str,
}

/// keccak256 over domain, previous hash, sequence, time, kind and body, each of fixed length or preceded by its length.
pub fn link(link: Link<'_>) -> B256 {
    let mut hasher = Keccak256::new();
    hasher.update(DOMAIN);
    hasher.update(link.previous);
    hasher.update(link.seq.0.to_be_bytes());
    hasher.update(link.at.0.to_be_bytes());
    for part in [link.kind, link.body] {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize()
}
