//! Checking a bundle, with nothing but the file.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use portcullis_types::ids::Seq;
use serde::Serialize;

use super::{
    BEFORE, BUNDLE_FILES_MAX, FORMAT, MANIFEST, Manifest, RECORDS, SEAL, make, sha256,
    tar::{self, File},
};
use crate::store::{Link, Record, link, read_export};

/// Why a bundle is not to be trusted, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {why}")]
pub struct BadBundle {
    /// Which file of it, or `the container`.
    pub file: String,
    /// What is wrong.
    pub why: String,
}

/// What a check found to be in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Checked {
    /// What it is.
    pub manifest: Manifest,
    /// Records whose hashes were computed again.
    pub records: u64,
    /// Answers of the engine that were computed again and found equal; none where the journal is not whole.
    pub answers: Option<u64>,
    /// Whether the reports were computed again from the journal and found equal.
    pub reports_recomputed: bool,
}

fn bad<T>(file: &str, why: impl Into<String>) -> Result<T, BadBundle> {
    Err(BadBundle { file: file.to_owned(), why: why.into() })
}

/// Checks a bundle. `expected_head` is the hash of its last record as you know it from elsewhere: without it the bundle
/// agrees with itself, and nothing more.
///
/// # Errors
/// The first file or record that does not fit.
pub fn verify(bytes: &[u8], expected_head: Option<B256>) -> Result<Checked, BadBundle> {
    let all = tar::unpack(bytes, BUNDLE_FILES_MAX).or_else(|why| bad("the container", why))?;
    let (manifest, files) = sealed(all)?;
    let records = records(&manifest, &files)?;
    if let Some(expected) = expected_head.filter(|expected| *expected != manifest.head) {
        let why = format!(
            "it ends with {}, not with {expected}: it is of another journal, or written anew",
            manifest.head
        );
        return bad(MANIFEST, why);
    }
    let (mut answers, mut reports_recomputed) = (None, false);
    if manifest.whole {
        let text = files.get(RECORDS).map(Vec::as_slice).unwrap_or_default();
        let verified = read_export(text).or_else(|error| bad(RECORDS, error.to_string()))?;
        answers = Some(verified.outputs);
        recompute(&manifest, &records, &files)?;
        reports_recomputed = true;
    }
    // What nobody looked at cannot have been changed either.
    let again = make::pack(&manifest, files.into_iter().collect());
    if again.ok().as_deref() != Some(bytes) {
        return bad(
            "the container",
            "it is not as it was written: files in another order, or bytes between them",
        );
    }
    let records = records.len() as u64;
    Ok(Checked { manifest, records, answers, reports_recomputed })
}

/// The manifest and all files that it names, each as it names it.
fn sealed(all: Vec<File>) -> Result<(Manifest, BTreeMap<String, Vec<u8>>), BadBundle> {
    let mut files: BTreeMap<String, Vec<u8>> = all.into_iter().collect();
    let Some(text) = files.remove(MANIFEST) else { return bad(MANIFEST, "it is missing") };
    let Some(seal) = files.remove(SEAL) else { return bad(SEAL, "it is missing") };
    if seal != format!("{}\n", sha256(&text)).into_bytes() {
        return bad(
            MANIFEST,
            format!("it does not have the SHA-256 that {SEAL} says: one of the two was changed"),
        );
    }
    let manifest: Manifest =
        serde_json::from_slice(&text).or_else(|error| bad(MANIFEST, error.to_string()))?;
    if manifest.format != FORMAT {
        return bad(MANIFEST, format!("this version knows {FORMAT} only"));
    }
    for entry in &manifest.files {
        let Some(bytes) = files.get(&entry.path) else { return bad(&entry.path, "it is missing") };
        if bytes.len() as u64 != entry.bytes || sha256(bytes) != entry.sha256 {
            return bad(&entry.path, "it was changed: its SHA-256 is not the one of the manifest");
        }
    }
    let is_named = |path: &String| manifest.files.iter().any(|entry| entry.path == *path);
    match files.keys().find(|path| !is_named(path)) {
        Some(stranger) => bad(stranger, "the manifest does not name it"),
        None => Ok((manifest, files)),
    }
}

/// The records, each following from the one before.
fn records(
    manifest: &Manifest,
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<Vec<Record>, BadBundle> {
    let mut previous = B256::ZERO;
    if !manifest.whole {
        let text = files.get(BEFORE).map(Vec::as_slice).unwrap_or_default();
        let text = String::from_utf8_lossy(text);
        let n_lines = text.lines().count() as u64;
        if n_lines + 1 != manifest.first.0 {
            let why = format!(
                "it has {n_lines} hashes, record {} needs {}",
                manifest.first,
                manifest.first.0.saturating_sub(1)
            );
            return bad(BEFORE, why);
        }
        if let Some(last) = text.lines().last() {
            previous = last.parse().or_else(|_| bad(BEFORE, "the last line is no hash"))?;
        }
    } else if manifest.first != Seq(1) {
        return bad(MANIFEST, "a whole journal begins with record 1");
    }
    let Some(text) = files.get(RECORDS) else { return bad(RECORDS, "it is missing") };
    let mut all: Vec<Record> = Vec::new();
    let mut expected_seq = manifest.first;
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let record: Record = serde_json::from_slice(line)
            .or_else(|error| bad(RECORDS, format!("record {expected_seq}: {error}")))?;
        if record.seq != expected_seq {
            return bad(RECORDS, format!("record {expected_seq} is missing"));
        }
        let (seq, at, kind, body) = (record.seq, record.at, &record.kind, &record.body);
        let hash = link(Link { previous, seq, at, kind, body });
        if hash != record.hash {
            let why = format!(
                "record {seq} was changed, or the one before it: its hash is {}, expected {hash}",
                record.hash
            );
            return bad(RECORDS, why);
        }
        previous = hash;
        expected_seq = Seq(seq.0 + 1);
        all.push(record);
    }
    if previous != manifest.head || expected_seq.0 != manifest.last.0 + 1 {
        let why =
            format!("it does not end with record {} and the head of the manifest", manifest.last);
        return bad(RECORDS, why);
    }
    Ok(all)
}

/// From a whole journal the reports follow.
fn recompute(
    manifest: &Manifest,
    records: &[Record],
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<(), BadBundle> {
    let mut engine = portcullis_engine::Engine::new();
    for record in records {
        let entry = record.entry().or_else(|why| bad(RECORDS, why))?;
        if let Some(entry) = entry {
            engine.step(&entry).or_else(|error| bad(RECORDS, error.to_string()))?;
        }
    }
    let Some(case) = engine.cases().find(|case| case.id == manifest.case) else {
        return bad(RECORDS, format!("the case {} is not in it", manifest.case));
    };
    let reports = make::reports(&engine, case, manifest.as_of, manifest.head);
    for (path, bytes) in reports.or_else(|error| bad(MANIFEST, error.to_string()))? {
        if files.get(&path) != Some(&bytes) {
            return bad(
                &path,
                "it is not what the journal leads to, or another version of portcullis wrote it",
            );
        }
    }
    Ok(())
}
