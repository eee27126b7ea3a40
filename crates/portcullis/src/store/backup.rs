//! Back-ups: the exported records, compressed, with what they must end with.
//!
//! A back-up is JSON lines under zstd: every record as [`super::export`] writes it, then the files that lie beside the journal
//! (`{"file":…}`, then its bytes in lines `{"part":"0x…"}`), then one line `{"backup":{"format":1,"records":N,"head":"0x…"}}`. It
//! is the same from and for both databases, and any tool can read it (`zstd -dc FILE`). The format is 2 where there are files:
//! a version that knows of none must not restore half of it. A cut or changed file is refused with the place; nothing is taken
//! from one before all of it was checked.

mod files;
mod read;

use std::{
    fs::File,
    io::{BufRead as _, BufReader, BufWriter, Read as _, Write},
    path::{Path, PathBuf},
};

use alloy_primitives::B256;
use portcullis_types::ids::Seq;
use serde::{Deserialize, Serialize};

pub use self::files::{Beside, FileHead, FileKind};
pub(super) use self::read::{Line, Reader};
use self::{
    files::{FILES_MAX, Gathered, check_places, put_back},
    read::{FILE, PART},
};
use super::{
    chain::{BrokenChain, Walk},
    error::StoreError,
    import::ImportError,
    journal::Journal,
    verify::{Verified, VerifyError, read_lines},
};

/// Version of the format.
const FORMAT: u64 = 1;
/// The same with files behind the records.
const FORMAT_WITH_FILES: u64 = 2;
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
    /// What lies beside the journal.
    #[error("{path}: {why}; nothing was written")]
    Beside {
        /// Which file or folder.
        path: PathBuf,
        /// What is wrong, and the remedy.
        why: String,
    },
    /// The outbox.
    #[error(transparent)]
    Outbox(#[from] portcullis_notify::OutboxError),
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
    /// Files behind them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub files: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LastLine {
    backup: BackupHead,
}

/// What was written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackedUp {
    /// What the back-up holds.
    pub head: BackupHead,
    /// Evidence whose bytes are not those of its name any more. It is saved as it is.
    pub damaged: Vec<String>,
}

/// Writes every record that there is now into a new file, checked on the way and read again at the end. The journal may be
/// written to meanwhile.
///
/// # Errors
/// [`BackupError`]: the journal is damaged, the file is there already or cannot be written; no file is left then.
pub fn write_backup(journal: &Journal, path: &Path) -> Result<BackupHead, BackupError> {
    Ok(write_backup_with(journal, &Beside::default(), path)?.head)
}

/// The same, with what lies beside the journal. Evidence that comes meanwhile may be missing, as the record of it is then.
///
/// # Errors
/// As [`write_backup`], and if what lies beside the journal cannot be read.
pub fn write_backup_with(
    journal: &Journal,
    beside: &Beside,
    path: &Path,
) -> Result<BackedUp, BackupError> {
    if path.exists() {
        return Err(BackupError::Exists { path: path.into() });
    }
    let gathered = Gathered::new(beside, folder_of(path))?;
    // A reader does not move on by itself: this is where the journal ended when it was opened.
    write(journal, journal.last_seq(), &gathered, path)
}

/// Writes the records up to `last` alone: what an archive is.
pub(super) fn write_prefix(
    journal: &Journal,
    last: Seq,
    path: &Path,
) -> Result<BackupHead, BackupError> {
    Ok(write(journal, last, &Gathered::default(), path)?.head)
}

/// The folder that a file is in.
fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

fn write(
    journal: &Journal,
    last: Seq,
    gathered: &Gathered,
    path: &Path,
) -> Result<BackedUp, BackupError> {
    let io = |source| BackupError::Io { path: path.into(), source };
    if path.exists() {
        return Err(BackupError::Exists { path: path.into() });
    }
    let folder = folder_of(path);
    // Under another name until it is whole: a file that ends too early must not look like a back-up.
    let draft =
        tempfile::Builder::new().prefix(".portcullis-backup-").tempfile_in(folder).map_err(io)?;
    let written = compress(journal, last, gathered, draft.as_file(), &io)?;
    let read = check(draft.path(), path)?.head;
    if read != written.head {
        let why = format!("it reads back as {read:?} and not as {:?}", written.head);
        return Err(BackupError::Damaged { path: path.into(), line: read.records, why });
    }
    draft.persist_noclobber(path).map_err(|error| io(error.error))?;
    // The name is on disk when its folder is.
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;
    Ok(written)
}

fn compress(
    journal: &Journal,
    last: Seq,
    gathered: &Gathered,
    file: &File,
    io: &impl Fn(std::io::Error) -> BackupError,
) -> Result<BackedUp, BackupError> {
    let mut to = zstd::Encoder::new(BufWriter::new(file), LEVEL).map_err(io)?;
    to.include_checksum(true).map_err(io)?;
    let (mut head, mut records) = (B256::ZERO, 0);
    journal.each(|record| -> Result<(), BackupError> {
        if record.seq > last {
            return Ok(());
        }
        (head, records) = (record.hash, record.seq.0);
        line(&mut to, &record).map_err(io)
    })?;
    let (files, damaged) = gathered.write(&mut to, io)?;
    let format = if files == 0 { FORMAT } else { FORMAT_WITH_FILES };
    let head = BackupHead { format, records, head, files };
    line(&mut to, &LastLine { backup: head }).map_err(io)?;
    let mut buffer = to.finish().map_err(io)?;
    buffer.flush().map_err(io)?;
    file.sync_all().map_err(io)?;
    Ok(BackedUp { head, damaged })
}

fn line(to: &mut impl Write, what: &impl Serialize) -> std::io::Result<()> {
    serde_json::to_writer(&mut *to, what)?;
    to.write_all(b"\n")
}

/// Checks a back-up wholly: every record follows from the one before, every file is the one that was saved, and the last
/// line says where it ends.
///
/// # Errors
/// [`BackupError`] with the first line that is wrong.
pub fn check_backup(path: &Path) -> Result<BackupHead, BackupError> {
    Ok(check(path, path)?.head)
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
    let is_record = |line: &std::io::Result<String>| {
        let other = |line: &String| [LAST, FILE, PART].iter().any(|begin| line.starts_with(begin));
        !line.as_ref().is_ok_and(other)
    };
    Ok(read_lines(from.lines().filter(is_record)))
}

/// What a back-up was found to hold.
struct Contents {
    head: BackupHead,
    files: Vec<FileHead>,
}

fn check(file: &Path, shown: &Path) -> Result<Contents, BackupError> {
    let (mut walk, mut files) = (Walk::default(), Vec::new());
    let mut reader = Reader::open(file, shown)?;
    while let Some(line) = reader.line()? {
        match line {
            Line::Record(record) => {
                walk.check(&record).map_err(|broken| reader.wrong(broken.to_string()))?;
            }
            Line::File(head) if files.len() < FILES_MAX => files.push(head),
            Line::File(_) => return Err(reader.wrong(format!("more than {FILES_MAX} files"))),
            Line::Part(_) => {}
        }
    }
    let (records, found) = (walk.last().0, walk.head());
    let line = records + 1;
    let wrong = |why: String| BackupError::Damaged { path: shown.into(), line, why };
    let head = reader.head().ok_or_else(|| wrong("it has no last line".to_owned()))?;
    if (head.records, head.head) == (records, found) {
        return Ok(Contents { head, files });
    }
    Err(wrong(format!(
        "it ends with record {records}, {found}, and should end with record {}, {}",
        head.records, head.head
    )))
}

/// Puts a back-up into a journal that is not there yet or empty. The back-up is checked wholly before anything is made, and
/// the journal is read again at the end.
///
/// # Errors
/// [`BackupError`]: there is a journal already, the back-up is damaged or holds files, the store refuses. Nothing is
/// restored then.
pub fn restore(path: &Path, to: &Path) -> Result<BackupHead, BackupError> {
    restore_with(path, to, &Beside::default())
}

/// The same, and what lay beside the journal into its places, which must be free or hold the same already.
///
/// # Errors
/// As [`restore`]; a file without a place. Files may be in their places already if the store refuses: begin again.
pub fn restore_with(path: &Path, to: &Path, beside: &Beside) -> Result<BackupHead, BackupError> {
    let Contents { head, files } = check(path, path)?;
    if Journal::is_taken(to)? {
        return Err(BackupError::Exists { path: to.into() });
    }
    check_places(path, &files, beside)?;
    put_back(path, beside)?;
    let mut journal = Journal::create_or_open(to)?;
    let mut import = journal.import()?;
    let mut reader = Reader::open(path, path)?;
    while let Some(line) = reader.line()? {
        if let Line::Record(record) = line {
            import.push(record)?;
        }
    }
    import.finish(head.head)?;
    verify_copy(&journal, head)?;
    if let Some(outbox) = beside.outbox.as_ref().filter(|_| files.iter().any(FileHead::is_outbox)) {
        portcullis_notify::Outbox::check(outbox)?;
    }
    Ok(head)
}

/// Reads a new copy from the first record to the last.
pub(super) fn verify_copy(journal: &Journal, head: BackupHead) -> Result<BackupHead, BackupError> {
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
/// meanwhile; what comes later is not in the copy. Of a journal whose older part is archived the copy is whole again.
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
    verify_copy(&journal, BackupHead { format: FORMAT, records, head, files: 0 })
}
