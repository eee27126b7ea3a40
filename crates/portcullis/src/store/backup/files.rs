//! What lies beside a journal and goes into its back-up: files that people handed in, and the outbox.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{Read as _, Write},
    path::{Path, PathBuf},
};

use alloy_primitives::{B256, Bytes};
use portcullis_notify::Outbox;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{
    BackupError, line,
    read::{Line, PartLine, Reader},
};

/// Most files of one back-up.
pub(super) const FILES_MAX: usize = 1_000_000;
/// Longest file, bytes: it is held in memory once.
const FILE_BYTES_MAX: u64 = 1 << 30;
/// Longest part of a file in one line, bytes.
const PART_BYTES: usize = 1 << 20;
/// Longest name of a folder or file of evidence, bytes.
const NAME_BYTES_MAX: usize = 128;
/// What the outbox is called in a back-up.
const OUTBOX: &str = "outbox";

/// Where what lies beside a journal is, or shall be. What is not named is not saved, and not put back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beside {
    /// Folder of files that people handed in: `CASE/SHA256`, and what was said of each in `CASE/SHA256.json`.
    pub evidence: Option<PathBuf>,
    /// The outbox.
    pub outbox: Option<PathBuf>,
}

/// What a file of a back-up is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FileKind {
    /// Handed in by people, or what was said of it.
    Evidence,
    /// The outbox, as `SQLite` keeps it.
    Outbox,
}

/// What a back-up says of a file before the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileHead {
    /// What it is.
    pub kind: FileKind,
    /// `CASE/NAME` of evidence; `outbox`.
    pub name: String,
    /// Length.
    pub bytes: u64,
    /// SHA-256 of all of it.
    pub sha256: B256,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileLine {
    pub(super) file: FileHead,
}

impl FileHead {
    /// Whether it can be put anywhere safely: a name never leads out of its folder.
    pub(super) fn check(&self) -> Result<(), String> {
        let is_good = match self.kind {
            FileKind::Outbox => self.name == OUTBOX,
            FileKind::Evidence => {
                self.name.split_once('/').is_some_and(|(case, name)| is_name(case) && is_name(name))
            }
        };
        if is_good && self.bytes <= FILE_BYTES_MAX {
            return Ok(());
        }
        Err(format!("no name or length of a file: {:?}, {}", self.name, self.bytes))
    }

    pub(super) fn is_outbox(&self) -> bool {
        self.kind == FileKind::Outbox
    }

    /// Where it goes.
    fn target(&self, beside: &Beside) -> Option<PathBuf> {
        match self.kind {
            FileKind::Outbox => beside.outbox.clone(),
            FileKind::Evidence => beside.evidence.as_ref().map(|folder| folder.join(&self.name)),
        }
    }
}

/// Names of cases and of evidence: letters, digits, dots and dashes, no dot first.
fn is_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && !name.starts_with('.')
        && name.chars().all(is_plain)
}

/// What there is to save, and where it is. The outbox is copied first, before any record is read: then a restored outbox is
/// never ahead of its journal, and what it missed is told again rather than never.
#[derive(Default)]
pub(super) struct Gathered {
    evidence: Option<PathBuf>,
    outbox: Option<tempfile::TempPath>,
}

impl Gathered {
    /// `drafts` is a folder for the copy of the outbox.
    pub(super) fn new(beside: &Beside, drafts: &Path) -> Result<Self, BackupError> {
        let there = |path: &&PathBuf| path.exists();
        let outbox = match beside.outbox.as_ref().filter(there) {
            None => None,
            Some(path) => {
                let io = |source| BackupError::Io { path: drafts.into(), source };
                let mut draft = tempfile::Builder::new();
                draft.prefix(".portcullis-outbox-");
                let copy = draft.tempfile_in(drafts).map_err(io)?.into_temp_path();
                // SQLite makes the copy itself, and only where nothing is.
                std::fs::remove_file(&copy).map_err(io)?;
                Outbox::copy(path, &copy)?;
                Some(copy)
            }
        };
        Ok(Self { evidence: beside.evidence.clone().filter(|path| path.exists()), outbox })
    }

    /// Writes every file; gives back how many, and which evidence is not what its name says any more.
    pub(super) fn write(
        &self,
        to: &mut impl Write,
        io: &impl Fn(std::io::Error) -> BackupError,
    ) -> Result<(u64, Vec<String>), BackupError> {
        let (mut n_files, mut damaged) = (0, Vec::new());
        let mut one = |kind, name: String, path: &Path| -> Result<(), BackupError> {
            let source = Source::read(kind, name, path)?;
            if source.is_damaged() {
                damaged.push(source.head.name.clone());
            }
            n_files += 1;
            source.write(to).map_err(io)
        };
        if let Some(folder) = &self.evidence {
            for (name, path) in evidence(folder)? {
                one(FileKind::Evidence, name, &path)?;
            }
        }
        if let Some(copy) = &self.outbox {
            one(FileKind::Outbox, OUTBOX.to_owned(), copy)?;
        }
        Ok((n_files, damaged))
    }
}

/// Every file of evidence with its name, in order.
fn evidence(folder: &Path) -> Result<BTreeSet<(String, PathBuf)>, BackupError> {
    let mut found = BTreeSet::new();
    for case in entries(folder)? {
        if !case.is_dir() {
            continue;
        }
        for path in entries(&case)? {
            let part = |path: &Path| path.file_name()?.to_str().map(str::to_owned);
            let named = part(&case).zip(part(&path)).filter(|_| path.is_file());
            let Some((case, name)) = named.filter(|(case, name)| is_name(case) && is_name(name))
            else {
                tracing::warn!(path = %path.display(), "this is no evidence, and is not saved");
                continue;
            };
            found.insert((format!("{case}/{name}"), path));
            if found.len() > FILES_MAX {
                let why = format!("there are more than {FILES_MAX} files in it");
                return Err(BackupError::Beside { path: folder.into(), why });
            }
        }
    }
    Ok(found)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, BackupError> {
    let io = |source| BackupError::Io { path: folder.into(), source };
    let entries = std::fs::read_dir(folder).map_err(io)?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(io)).collect()
}

/// A file that goes into a back-up.
struct Source {
    head: FileHead,
    bytes: Vec<u8>,
}

impl Source {
    fn read(kind: FileKind, name: String, path: &Path) -> Result<Self, BackupError> {
        let io = |source| BackupError::Io { path: path.into(), source };
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
            .map_err(io)?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            let why = format!("it is longer than {FILE_BYTES_MAX} bytes");
            return Err(BackupError::Beside { path: path.into(), why });
        }
        let sha256 = B256::from_slice(&Sha256::digest(&bytes));
        Ok(Self { head: FileHead { kind, name, bytes: bytes.len() as u64, sha256 }, bytes })
    }

    /// Evidence is called after its hash; what is called otherwise says nothing of its bytes.
    fn is_damaged(&self) -> bool {
        let name = self.head.name.rsplit('/').next().unwrap_or_default();
        let named: Result<B256, _> = name.parse();
        self.head.kind == FileKind::Evidence && named.is_ok_and(|named| named != self.head.sha256)
    }

    fn write(&self, to: &mut impl Write) -> std::io::Result<()> {
        line(to, &FileLine { file: self.head.clone() })?;
        self.bytes
            .chunks(PART_BYTES)
            .try_for_each(|part| line(to, &PartLine { part: Bytes::copy_from_slice(part) }))
    }
}

/// Looks whether every file has a place, and whether that is free or holds the same already. Nothing is written.
pub(super) fn check_places(
    backup: &Path,
    files: &[FileHead],
    beside: &Beside,
) -> Result<(), BackupError> {
    for head in files {
        let Some(target) = head.target(beside) else {
            let why = format!("the back-up holds {}: say where it shall go", head.name);
            return Err(BackupError::Beside { path: backup.into(), why });
        };
        if target.exists() && !is_same(head, &target)? {
            return Err(BackupError::Exists { path: target });
        }
    }
    Ok(())
}

fn is_same(head: &FileHead, target: &Path) -> Result<bool, BackupError> {
    let there = Source::read(head.kind, head.name.clone(), target)?;
    Ok(there.head == *head)
}

/// Puts every file of a back-up that was checked into its place. A file that is there already and the same is left alone, so
/// that a restore that was interrupted can be begun again.
pub(super) fn put_back(backup: &Path, beside: &Beside) -> Result<(), BackupError> {
    let mut reader = Reader::open(backup, backup)?;
    let mut draft: Option<Draft> = None;
    loop {
        // The reader checks a file when it comes to what stands behind it.
        match reader.line()? {
            Some(Line::Part(part)) => draft.iter_mut().try_for_each(|draft| draft.write(&part))?,
            other => {
                draft.take().map_or(Ok(()), Draft::keep)?;
                match other {
                    None => return Ok(()),
                    Some(Line::File(head)) => draft = Draft::new(&head, beside)?,
                    Some(_) => {}
                }
            }
        }
    }
}

/// A file on its way to its place: under another name until it is whole.
struct Draft {
    file: tempfile::NamedTempFile,
    target: PathBuf,
    folder: PathBuf,
}

impl Draft {
    fn new(head: &FileHead, beside: &Beside) -> Result<Option<Self>, BackupError> {
        let Some(target) = head.target(beside) else { return Ok(None) };
        if target.exists() {
            return Ok(None);
        }
        let folder = super::folder_of(&target).to_owned();
        let io = |source| BackupError::Io { path: folder.clone(), source };
        std::fs::create_dir_all(&folder).map_err(io)?;
        let mut draft = tempfile::Builder::new();
        draft.prefix(".portcullis-restore-");
        let file = draft.tempfile_in(&folder).map_err(io)?;
        Ok(Some(Self { file, target, folder }))
    }

    fn write(&mut self, part: &[u8]) -> Result<(), BackupError> {
        let io = |source| BackupError::Io { path: self.target.clone(), source };
        self.file.write_all(part).map_err(io)
    }

    fn keep(self) -> Result<(), BackupError> {
        let Self { file, target, folder } = self;
        let io = |source| BackupError::Io { path: target.clone(), source };
        file.as_file().sync_all().map_err(io)?;
        file.persist_noclobber(&target).map_err(|error| io(error.error))?;
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)
    }
}
