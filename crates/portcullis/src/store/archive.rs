//! The older part of a journal as a sealed file.
//!
//! An engine is the fold of all records, so no record can be left out. But records of long ago need not lie in the database:
//! they go, unchanged, into one compressed file (a back-up of the journal's beginning, see [`super::backup`]), and a new
//! journal begins behind it with an **anchor**: place, time and hash of the last archived record, the file's name and its
//! SHA-256. The chain goes on from the anchor's hash, and whoever reads the journal reads the file first. Nothing is edited or
//! deleted: the journal from before stays as it is, and may be taken away when the new one is in use.
//!
//! **Promises.** The archive verifies alone. Archive and journal together verify as the journal did before, with the same
//! head. A process that ends at any moment leaves the old journal whole and the new one empty or whole.

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use alloy_primitives::B256;
use portcullis_types::ids::{Millis, Seq};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{
    backup::{BackupError, BackupHead, Line, Reader, check_backup, verify_copy, write_prefix},
    error::StoreError,
    journal::Journal,
    record::Record,
};

/// How an archive is called: the journal's name with this ending.
const ENDING: &str = "archive.jsonl.zst";

/// Where a journal begins whose older part is archived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// The last archived record.
    pub seq: Seq,
    /// When it was written.
    pub at: Millis,
    /// Its hash: what the first record of the journal follows.
    pub hash: B256,
    /// Name of the archive, which lies beside the journal.
    pub file: String,
    /// SHA-256 of the archive.
    pub sha256: B256,
}

/// The archive of a journal, read from the first record on.
#[derive(Debug)]
pub(super) struct Archive {
    anchor: Anchor,
    path: PathBuf,
    /// A reader that stands behind some record. Who pages through the archive goes on with it.
    cursor: Mutex<Option<Cursor>>,
}

struct Cursor {
    reader: Reader,
    at: Seq,
}

impl std::fmt::Debug for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cursor").field("at", &self.at).finish_non_exhaustive()
    }
}

impl Cursor {
    /// The next record; none behind the last.
    fn next(&mut self) -> Result<Option<Record>, BackupError> {
        loop {
            match self.reader.line()? {
                None => return Ok(None),
                Some(Line::Record(record)) => {
                    self.at = record.seq;
                    return Ok(Some(record));
                }
                Some(_) => {}
            }
        }
    }
}

impl Archive {
    /// The archive of the journal at `journal`.
    ///
    /// # Errors
    /// [`StoreError::Archive`]: it is not there.
    pub(super) fn of(journal: &Path, anchor: Anchor) -> Result<Self, StoreError> {
        let path = journal.with_file_name(&anchor.file);
        let this = Self { anchor, path, cursor: Mutex::new(None) };
        match File::open(&this.path) {
            Ok(_) => Ok(this),
            Err(error) => Err(this.wrong(error.to_string())),
        }
    }

    pub(super) fn anchor(&self) -> &Anchor {
        &self.anchor
    }

    fn wrong(&self, why: String) -> StoreError {
        StoreError::Archive { path: self.path.clone(), why }
    }

    fn open(&self) -> Result<Cursor, StoreError> {
        let reader = Reader::open(&self.path, &self.path);
        let reader = reader.map_err(|error| self.wrong(error.to_string()))?;
        Ok(Cursor { reader, at: Seq(0) })
    }

    fn next(&self, cursor: &mut Cursor) -> Result<Option<Record>, StoreError> {
        match cursor.next().map_err(|error| self.wrong(error.to_string()))? {
            Some(record) if record.seq > self.anchor.seq => Err(self.ends_elsewhere(record.seq)),
            None if cursor.at != self.anchor.seq => Err(self.ends_elsewhere(cursor.at)),
            next => Ok(next),
        }
    }

    fn ends_elsewhere(&self, found: Seq) -> StoreError {
        let expected = self.anchor.seq;
        self.wrong(format!("it ends with record {found} or behind it, not with {expected}"))
    }

    /// Every archived record in order. The last one is the one that the journal follows.
    pub(super) fn each<E: From<StoreError>>(
        &self,
        mut each: impl FnMut(Record) -> Result<(), E>,
    ) -> Result<(), E> {
        let (mut cursor, mut last) = (self.open()?, B256::ZERO);
        while let Some(record) = self.next(&mut cursor)? {
            last = record.hash;
            each(record)?;
        }
        if last == self.anchor.hash {
            return Ok(());
        }
        let expected = self.anchor.hash;
        Err(self.wrong(format!("its last record has the hash {last}, not {expected}")).into())
    }

    /// Archived records after `after` that `takes` wants, at most `most`; fewer only where the archive ends.
    pub(super) fn after(
        &self,
        after: Seq,
        most: u32,
        takes: impl Fn(&Record) -> bool,
    ) -> Result<Vec<Record>, StoreError> {
        let mut place = self.cursor.lock().unwrap_or_else(PoisonError::into_inner);
        let mut cursor = match place.take().filter(|cursor| cursor.at <= after) {
            Some(cursor) => cursor,
            None => self.open()?,
        };
        let mut found = Vec::new();
        while found.len() < most as usize {
            match self.next(&mut cursor)? {
                None => return Ok(found),
                Some(record) if record.seq > after && takes(&record) => found.push(record),
                Some(_) => {}
            }
        }
        *place = Some(cursor);
        Ok(found)
    }

    /// Whether the file is the one that was sealed, to the last byte.
    ///
    /// # Errors
    /// [`StoreError::Archive`].
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let found = sha256(&self.path).map_err(|error| self.wrong(error.to_string()))?;
        if found == self.anchor.sha256 {
            return Ok(());
        }
        let expected = self.anchor.sha256;
        Err(self.wrong(format!("it was changed: its SHA-256 is {found}, not {expected}")))
    }
}

fn sha256(path: &Path) -> std::io::Result<B256> {
    let mut hasher = Sha256::new();
    std::io::copy(&mut BufReader::new(File::open(path)?), &mut hasher)?;
    Ok(B256::from_slice(&hasher.finalize()))
}

/// What was archived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Archived {
    /// The sealed file.
    pub archive: PathBuf,
    /// Records in it.
    pub archived: u64,
    /// Its length, bytes.
    pub archive_bytes: u64,
    /// Records in the new journal.
    pub kept: u64,
    /// Hash of the last record: the same as before.
    pub head: B256,
}

/// Where the archive of a new journal at `to` would be.
pub fn archive_of(to: &Path) -> PathBuf {
    to.with_extension(ENDING)
}

/// Writes the records up to `last` into an archive and those behind it into a new journal, which is then read from the first
/// record to the last. The journal at `from` must not be in use, and is not changed; one that begins with an archive itself
/// gives a longer archive.
///
/// # Errors
/// [`BackupError`]: it is in use or damaged, there is a journal or another archive already, the disk or the database refuses.
/// A whole archive that an interrupted run left is used.
pub fn archive(from: &Path, to: &Path, last: Seq) -> Result<Archived, BackupError> {
    // As a writer: what somebody wrote meanwhile would be in neither.
    let source = Journal::create_or_open(from)?;
    if Journal::is_taken(to)? {
        return Err(BackupError::Exists { path: to.into() });
    }
    let (mut at, mut hash) = (Millis(0), B256::ZERO);
    source.each(|record| {
        if record.seq == last {
            (at, hash) = (record.at, record.hash);
        }
        Ok::<(), StoreError>(())
    })?;
    if hash == B256::ZERO {
        let why = format!("it has no record {last}");
        return Err(BackupError::Beside { path: from.into(), why });
    }
    let path = archive_of(to);
    seal(&source, last, hash, &path)?;
    let io = |source| BackupError::Io { path: path.clone(), source };
    let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    let anchor = Anchor { seq: last, at, hash, file, sha256: sha256(&path).map_err(io)? };
    let mut target = Journal::create_or_open(to)?;
    let mut import = target.import_behind(anchor)?;
    source.each(|record| -> Result<(), BackupError> {
        if record.seq > last { Ok(import.push(record)?) } else { Ok(()) }
    })?;
    import.finish(source.head())?;
    let records = source.last_seq().0;
    verify_copy(&target, BackupHead { format: 1, records, head: source.head(), files: 0 })?;
    Ok(Archived {
        archived: last.0,
        archive_bytes: std::fs::metadata(&path).map_err(io)?.len(),
        archive: path,
        kept: records - last.0,
        head: source.head(),
    })
}

/// Writes the archive, or finds it written by a run that was interrupted later.
fn seal(source: &Journal, last: Seq, hash: B256, path: &Path) -> Result<(), BackupError> {
    if path.exists() {
        let found = check_backup(path)?;
        if (found.records, found.head, found.files) == (last.0, hash, 0) {
            return Ok(());
        }
        return Err(BackupError::Exists { path: path.into() });
    }
    write_prefix(source, last, path).map(|_| ())
}
