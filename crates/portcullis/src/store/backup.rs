//! Back-ups: the exported records, compressed, with what they must end with.
//!
//! A back-up is JSON lines under zstd: every record as [`super::export`] writes it, then one line
//! `{"backup":{"format":1,"records":N,"head":"0x…"}}`. It is the same from and for both databases, and any tool can read it
//! (`zstd -dc FILE`). A cut or changed file is refused with the place; nothing is taken from one before all of it was checked.

use std::{
    fs::File,
    io::{BufRead, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use super::{
    chain::{BrokenChain, Walk},
    error::StoreError,
    import::ImportError,
    journal::Journal,
    record::Record,
    verify::{LINE_BYTES_MAX, Verified, VerifyError, read_lines},
};

/// Version of the format.
const FORMAT: u64 = 1;
/// zstd's level: the last one that is fast.
const LEVEL: i32 = 3;
/// What a zstd file begins with (RFC 8878).
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// What the last line begins with. No record does.
const LAST: &str = "{\"backup\"";

/// Why there is no back-up, or why one is refused.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The journal.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file system refused.
    #[error("{path}: {source}; check the path, its permissions and free space")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// There is something already.
    #[error("{path} is there already, and nothing is written over: give another path")]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// It is no back-up, or it was cut or changed.
    #[error("{path}, line {line}: {why}; nothing was restored, take another back-up")]
    Damaged {
        /// Which.
        path: PathBuf,
        /// Line of the uncompressed file, from 1: the record's sequence while records are in order.
        line: u64,
        /// What is wrong.
        why: String,
    },
    /// Restoring.
    #[error(transparent)]
    Import(#[from] ImportError),
}

impl From<BrokenChain> for BackupError {
    fn from(error: BrokenChain) -> Self {
        Self::Import(ImportError::Broken(error))
    }
}

/// What a back-up holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BackupHead {
    /// Version of the format.
    pub format: u64,
    /// Records.
    pub records: u64,
    /// Hash of the last one: zero if there is none.
    pub head: B256,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LastLine {
    backup: BackupHead,
}

/// Writes every record that there is now into a new file, checked on the way and read again at the end. The journal may be
/// written to meanwhile.
///
/// # Errors
/// [`BackupError`]: the journal is damaged, the file is there already or cannot be written; no file is left then.
pub fn write_backup(journal: &Journal, path: &Path) -> Result<BackupHead, BackupError> {
    let io = |source| BackupError::Io { path: path.into(), source };
    if path.exists() {
        return Err(BackupError::Exists { path: path.into() });
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    // Under another name until it is whole: a file that ends too early must not look like a back-up.
    let draft =
        tempfile::Builder::new().prefix(".portcullis-backup-").tempfile_in(folder).map_err(io)?;
    let head = compress(journal, draft.as_file(), &io)?;
    let read = check(draft.path(), path)?;
    if read != head {
        let why = format!("it reads back as {read:?} and not as {head:?}");
        return Err(BackupError::Damaged { path: path.into(), line: read.records, why });
    }
    draft.persist_noclobber(path).map_err(|error| io(error.error))?;
    // The name is on disk when its folder is.
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;
    Ok(head)
}

fn compress(
    journal: &Journal,
    file: &File,
    io: &impl Fn(std::io::Error) -> BackupError,
) -> Result<BackupHead, BackupError> {
    let mut to = zstd::Encoder::new(BufWriter::new(file), LEVEL).map_err(io)?;
    to.include_checksum(true).map_err(io)?;
    let (mut head, mut records) = (B256::ZERO, 0);
    journal.each(|record| -> Result<(), BackupError> {
        (head, records) = (record.hash, record.seq.0);
        line(&mut to, &record).map_err(io)
    })?;
    let head = BackupHead { format: FORMAT, records, head };
    line(&mut to, &LastLine { backup: head }).map_err(io)?;
    let mut buffer = to.finish().map_err(io)?;
    buffer.flush().map_err(io)?;
    file.sync_all().map_err(io)?;
    Ok(head)
}

fn line(to: &mut impl Write, what: &impl Serialize) -> std::io::Result<()> {
    serde_json::to_writer(&mut *to, what)?;
    to.write_all(b"\n")
}

/// Checks a back-up wholly: every record follows from the one before, and the last line says where it ends.
///
/// # Errors
/// [`BackupError`] with the first line that is wrong.
pub fn check_backup(path: &Path) -> Result<BackupHead, BackupError> {
    check(path, path)
}

/// Whether a file begins as back-ups do.
///
/// # Errors
/// It cannot be opened.
pub fn is_backup(path: &Path) -> std::io::Result<bool> {
    let mut magic = [0; MAGIC.len()];
    Ok(File::open(path)?.read_exact(&mut magic).is_ok() && magic == MAGIC)
}

/// Checks a back-up wholly, and steps a fresh engine through its events as [`super::replay_check`] does.
///
/// # Errors
/// [`BackupError`] if it is damaged; inside, what [`super::replay_check`] finds.
pub fn replay_backup(path: &Path) -> Result<Result<Verified, VerifyError>, BackupError> {
    check_backup(path)?;
    let io = |source| BackupError::Io { path: path.into(), source };
    let from = BufReader::new(zstd::Decoder::new(File::open(path).map_err(io)?).map_err(io)?);
    let is_record =
        |line: &std::io::Result<String>| !line.as_ref().is_ok_and(|line| line.starts_with(LAST));
    Ok(read_lines(from.lines().filter(is_record)))
}

fn check(file: &Path, shown: &Path) -> Result<BackupHead, BackupError> {
    let mut walk = Walk::default();
    let head = read(file, shown, |record| Ok(walk.check(&record)?))?;
    let (records, found) = (walk.last().0, walk.head());
    if (head.records, head.head) == (records, found) {
        return Ok(head);
    }
    let why = format!(
        "it ends with record {records}, {found}, and should end with record {}, {}",
        head.records, head.head
    );
    Err(BackupError::Damaged { path: shown.into(), line: records + 1, why })
}

/// Gives back the last line, after every record went to `each`.
fn read(
    file: &Path,
    shown: &Path,
    mut each: impl FnMut(Record) -> Result<(), BackupError>,
) -> Result<BackupHead, BackupError> {
    let io = |source| BackupError::Io { path: shown.into(), source };
    let wrong = |line, why: String| BackupError::Damaged { path: shown.into(), line, why };
    if !is_backup(file).map_err(io)? {
        let why = "this is no back-up: `portcullis journal backup` writes zstd".to_owned();
        return Err(wrong(0, why));
    }
    let mut from = BufReader::new(zstd::Decoder::new(File::open(file).map_err(io)?).map_err(io)?);
    let (mut number, mut text, mut last) = (0, Vec::new(), None);
    loop {
        number += 1;
        text.clear();
        // A line that never ends must not fill the memory.
        let most = LINE_BYTES_MAX as u64 + 1;
        (&mut from)
            .take(most)
            .read_until(b'\n', &mut text)
            .map_err(|error| wrong(number, format!("it cannot be read on: {error}")))?;
        if text.is_empty() {
            break;
        }
        if last.is_some() {
            return Err(wrong(number, "something stands behind the last line".to_owned()));
        }
        if text.len() > LINE_BYTES_MAX {
            return Err(wrong(number, format!("it is longer than {LINE_BYTES_MAX} bytes")));
        }
        if text.starts_with(LAST.as_bytes()) {
            let line: LastLine = serde_json::from_slice(&text)
                .map_err(|error| wrong(number, format!("no last line: {error}")))?;
            last = Some(line.backup);
            continue;
        }
        let record: Record = serde_json::from_slice(&text)
            .map_err(|error| wrong(number, format!("no record: {error}")))?;
        each(record).map_err(|error| match error {
            BackupError::Import(ImportError::Broken(broken)) => wrong(number, broken.to_string()),
            other => other,
        })?;
    }
    let head =
        last.ok_or_else(|| wrong(number, "the file was cut: its last line is missing".to_owned()))?;
    if head.format != FORMAT {
        let why = format!("format {}, this version knows {FORMAT}", head.format);
        return Err(wrong(number, why));
    }
    Ok(head)
}

/// Puts a back-up into a journal that is not there yet or empty. The back-up is checked wholly before anything is made, and
/// the journal is read again at the end.
///
/// # Errors
/// [`BackupError`]: there is a journal already, the back-up is damaged, the store refuses. Nothing is restored then.
pub fn restore(path: &Path, to: &Path) -> Result<BackupHead, BackupError> {
    let head = check_backup(path)?;
    if Journal::is_taken(to)? {
        return Err(BackupError::Exists { path: to.into() });
    }
    let mut journal = Journal::create_or_open(to)?;
    let mut import = journal.import()?;
    read(path, path, |record| Ok(import.push(record)?))?;
    import.finish(head.head)?;
    verify_copy(&journal, head)
}

/// Reads a new copy from the first record to the last.
fn verify_copy(journal: &Journal, head: BackupHead) -> Result<BackupHead, BackupError> {
    let mut found = (0, B256::ZERO);
    journal.each(|record| {
        found = (record.seq.0, record.hash);
        Ok::<(), StoreError>(())
    })?;
    if found == (head.records, head.head) {
        return Ok(head);
    }
    Err(ImportError::Head { found: found.1, expected: head.head }.into())
}

/// Copies a journal into one that is not there yet or empty, from either database to either. The source may be written to
/// meanwhile; what comes later is not in the copy.
///
/// # Errors
/// As [`restore`].
pub fn copy(from: &Path, to: &Path) -> Result<BackupHead, BackupError> {
    let source = Journal::open_to_read(from)?;
    if Journal::is_taken(to)? {
        return Err(BackupError::Exists { path: to.into() });
    }
    let mut journal = Journal::create_or_open(to)?;
    let mut import = journal.import()?;
    let (mut records, mut head) = (0, B256::ZERO);
    source.each(|record| -> Result<(), BackupError> {
        (records, head) = (record.seq.0, record.hash);
        Ok(import.push(record)?)
    })?;
    import.finish(head)?;
    verify_copy(&journal, BackupHead { format: FORMAT, records, head })
}
