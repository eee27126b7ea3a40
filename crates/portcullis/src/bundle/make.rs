//! Making a bundle from a journal.

use std::path::Path;

use alloy_primitives::B256;
use anyhow::Context as _;
use portcullis_case::{Case, Command, PlaybookRun, life::What, postmortem::Postmortem};
use portcullis_engine::Engine;
use portcullis_types::ids::{CaseId, Millis, Seq};

use super::{
    BEFORE, BUNDLE_BYTES_MAX, BUNDLE_FILES_MAX, FORMAT, FileEntry, MANIFEST, Manifest, RECORDS,
    SEAL, sha256,
    tar::{self, File},
};
use crate::store::{Journal, Record, StoreError};

/// A bundle, and what is in it.
pub struct Bundled {
    /// The file.
    pub bytes: Vec<u8>,
    /// Its manifest.
    pub manifest: Manifest,
    /// Files of evidence that the journal names and the folder does not have, by their SHA-256.
    pub missing: Vec<String>,
}

/// SHA-256 of the files that people handed in, as the record names them: the note of a file begins with `evidence HASH,`.
pub(crate) fn handed_in_by(case: &Case) -> impl Iterator<Item = &str> {
    case.life.record().iter().filter_map(|one| {
        let What::Command(command) = &one.entry.what else { return None };
        let Command::Note { text } = &command.what else { return None };
        let (hash, _) = text.strip_prefix("evidence ")?.split_once(',')?;
        (hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(hash)
    })
}

/// Makes the bundle of a case. `evidence` is the folder of what people handed in for all cases; `whole` takes the journal
/// from its beginning.
///
/// # Errors
/// A journal that does not hold together, a case that is not in it, a bundle that would be too large.
pub fn make(
    journal: &Journal,
    case: CaseId,
    evidence: Option<&Path>,
    whole: bool,
) -> anyhow::Result<Bundled> {
    let engine = crate::cli::fold(journal)?;
    let known = engine.cases().find(|one| one.id == case);
    let known = known.with_context(|| format!("there is no case {case}"))?;
    let first = if whole { Seq(1) } else { first_of(known) };
    let (mut records, mut before) = (Vec::new(), String::new());
    let (mut head, mut last, mut as_of) = (B256::ZERO, Seq(0), Millis(0));
    journal.each(|record: Record| -> anyhow::Result<()> {
        (head, last, as_of) = (record.hash, record.seq, record.at);
        if record.seq < first {
            before += &format!("{}\n", record.hash);
            return Ok(());
        }
        serde_json::to_writer(&mut records, &record).map_err(StoreError::from)?;
        records.push(b'\n');
        anyhow::ensure!(
            records.len() as u64 <= BUNDLE_BYTES_MAX,
            "the journal from record {first} on is larger than {BUNDLE_BYTES_MAX} bytes: a bundle cannot hold it; hand \
             over `portcullis journal export` instead"
        );
        Ok(())
    })?;
    let mut files: Vec<File> = vec![(RECORDS.to_owned(), records)];
    if !whole {
        files.push((BEFORE.to_owned(), before.into_bytes()));
    }
    files.extend(reports(&engine, known, as_of, head)?);
    if let Some(folder) = evidence {
        files.extend(handed_in(&folder.join(case.to_string()))?);
    }
    let is_there = |hash: &&str| files.iter().any(|(path, _)| path.ends_with(hash));
    let missing = handed_in_by(known).filter(|hash| !is_there(hash)).map(str::to_owned).collect();
    files.sort();
    anyhow::ensure!(files.len() < BUNDLE_FILES_MAX, "there are more than {BUNDLE_FILES_MAX} files");
    let entry = |(path, bytes): &File| FileEntry {
        path: path.clone(),
        bytes: bytes.len() as u64,
        sha256: sha256(bytes),
    };
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        case,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        as_of,
        first,
        last,
        head,
        whole,
        files: files.iter().map(entry).collect(),
    };
    let bytes = pack(&manifest, files)?;
    Ok(Bundled { bytes, manifest, missing })
}

/// The one way in which a bundle is put together.
pub(super) fn pack(manifest: &Manifest, files: Vec<File>) -> anyhow::Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(manifest)?;
    text.push(b'\n');
    let seal = format!("{}\n", sha256(&text)).into_bytes();
    let mut all = vec![(MANIFEST.to_owned(), text)];
    all.extend(files);
    all.push((SEAL.to_owned(), seal));
    tar::pack(&all).map_err(anyhow::Error::msg)
}

/// The journal entry that opened the case. Its number may be one of the next, where two cases were opened at once.
fn first_of(case: &Case) -> Seq {
    case.timeline.first().map_or(case.id.0, |line| line.seq.min(case.id.0))
}

/// The post-mortem of a case, with the names of the protocol's contracts and the head of the journal.
pub(crate) fn postmortem(
    engine: &Engine,
    case: &Case,
    as_of: Millis,
    head: Option<B256>,
) -> Postmortem {
    let runs: Vec<&PlaybookRun> = engine.runs(case.id).map(|(_, run)| run).collect();
    let name_of = |chain, address| {
        let configs = engine.config().into_iter().flat_map(|config| &config.protocols);
        let mut protocols = configs.map(|config| &config.protocol).filter(|one| one.chain == chain);
        protocols.find_map(|one| one.contract(address)).map(|contract| contract.name.clone())
    };
    Postmortem::of(case, &runs, as_of).with_names(name_of).with_head(head)
}

/// What is computed from the journal.
pub(super) fn reports(
    engine: &Engine,
    case: &Case,
    as_of: Millis,
    head: B256,
) -> anyhow::Result<Vec<File>> {
    let post = postmortem(engine, case, as_of, Some(head));
    let json = |value: &serde_json::Value| -> anyhow::Result<Vec<u8>> {
        let mut text = serde_json::to_vec_pretty(value)?;
        text.push(b'\n');
        Ok(text)
    };
    Ok(vec![
        ("reports/postmortem.md".to_owned(), post.markdown().into_bytes()),
        ("reports/postmortem.html".to_owned(), post.html().into_bytes()),
        ("reports/postmortem.json".to_owned(), json(&post.json())?),
        ("reports/case.json".to_owned(), json(&serde_json::to_value(case)?)?),
    ])
}

/// The plain files of a folder. One that is not there holds nothing.
fn handed_in(folder: &Path) -> anyhow::Result<Vec<File>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    let mut total = 0;
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let about = std::fs::symlink_metadata(&path)?;
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        // Links are not followed: what they lead to is nobody's evidence.
        if !about.is_file() {
            continue;
        }
        total += about.len();
        anyhow::ensure!(
            total <= BUNDLE_BYTES_MAX,
            "the evidence is larger than {BUNDLE_BYTES_MAX} bytes: hand it over beside the bundle"
        );
        files.push((format!("evidence/{name}"), std::fs::read(&path)?));
    }
    Ok(files)
}
