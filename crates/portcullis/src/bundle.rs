//! A case for another party: what happened, with the part of the journal that proves it, to be checked without a network
//! and without this machine.
//!
//! The container is a plain tar of plain files:
//!
//! ```text
//! manifest.json              what it is, which records, every other file with its length and SHA-256
//! journal/records.jsonl      the journal's records without a gap, from the case's first one to its last
//! journal/before.txt         the hash of each record before those, in order
//! reports/postmortem.{md,html,json}   reports/case.json
//! evidence/…                 what people handed in
//! seal.txt                   SHA-256 of manifest.json
//! ```
//!
//! **What it proves.** The hash of a record binds all before it, so that no record in it can be changed, left out or put in
//! without another head. Whoever knows the head from elsewhere (`journal verify` prints it) knows that all are genuine. The
//! hashes before the first record are told, not proven: their bodies are other people's business. With `whole` there are
//! none: then every decision is computed again from the events, and so are the reports.
//!
//! **Strictness.** The file is written one way only. Checking takes it apart, puts it together again and compares, so that
//! a byte that means nothing to a reader of tar cannot be changed either.

mod make;
mod tar;
mod verify;

pub use make::{Bundled, make};
pub(crate) use make::{handed_in_by, postmortem};
pub use verify::{BadBundle, Checked, verify};

use portcullis_types::ids::{CaseId, Millis, Seq};
use serde::{Deserialize, Serialize};

/// What stands in `format`.
pub const FORMAT: &str = "portcullis-case-bundle/1";

/// Largest bundle, bytes.
pub const BUNDLE_BYTES_MAX: u64 = 1 << 30;

/// Most files in one.
pub const BUNDLE_FILES_MAX: usize = 10_000;

pub(crate) const MANIFEST: &str = "manifest.json";
pub(crate) const SEAL: &str = "seal.txt";
pub(crate) const RECORDS: &str = "journal/records.jsonl";
pub(crate) const BEFORE: &str = "journal/before.txt";

/// `manifest.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// Case.
    pub case: CaseId,
    /// Version of the program that made it.
    pub version: String,
    /// As of when the reports are: the time of the last record.
    pub as_of: Millis,
    /// First record in it.
    pub first: Seq,
    /// Last record in it.
    pub last: Seq,
    /// Hash of the last record.
    pub head: alloy_primitives::B256,
    /// Whether it holds the journal from the beginning.
    pub whole: bool,
    /// All other files but the seal, by path.
    pub files: Vec<FileEntry>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FileEntry {
    /// Path in the bundle.
    pub path: String,
    /// Length.
    pub bytes: u64,
    /// SHA-256, hexadecimal.
    pub sha256: String,
}

/// SHA-256, hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    alloy_primitives::hex::encode(sha2::Sha256::digest(bytes))
}
