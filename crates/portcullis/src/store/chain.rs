//! The hash chain over journal records.

use alloy_primitives::{B256, Keccak256};
use portcullis_types::ids::{Millis, Seq};

use super::record::Record;

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

/// Where a chain of records does not hold.
#[derive(Debug, thiserror::Error)]
pub enum BrokenChain {
    /// A record's hash does not fit.
    #[error(
        "record {seq} was changed, or a record before it: its hash is {found}, expected {expected}; do not rely on this journal, compare it with a backup"
    )]
    Changed {
        /// Which.
        seq: Seq,
        /// As stored.
        found: B256,
        /// As computed.
        expected: B256,
    },
    /// A record is missing.
    #[error("record {missing} is missing; do not rely on this journal, compare it with a backup")]
    Gap {
        /// Which.
        missing: Seq,
    },
}

/// Walks along a chain of records and checks that each follows from the one before.
#[derive(Debug, Default)]
pub(super) struct Walk {
    head: B256,
    last: Seq,
}

impl Walk {
    /// A walk that begins behind a record that is elsewhere.
    pub(super) fn behind(last: Seq, head: B256) -> Self {
        Self { head, last }
    }

    pub(super) fn check(&mut self, record: &Record) -> Result<(), BrokenChain> {
        let expected_seq = Seq(self.last.0 + 1);
        if record.seq != expected_seq {
            return Err(BrokenChain::Gap { missing: expected_seq });
        }
        let expected = link(Link {
            previous: self.head,
            seq: record.seq,
            at: record.at,
            kind: &record.kind,
            body: &record.body,
        });
        if expected != record.hash {
            return Err(BrokenChain::Changed { seq: record.seq, found: record.hash, expected });
        }
        self.head = record.hash;
        self.last = record.seq;
        Ok(())
    }

    /// Hash of the last record.
    pub(super) fn head(&self) -> B256 {
        self.head
    }

    /// Place of the last record.
    pub(super) fn last(&self) -> Seq {
        self.last
    }
}
