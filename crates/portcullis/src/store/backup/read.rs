//! A back-up, line by line: every line that is given back was checked as far as it can be alone.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
};

use alloy_primitives::{B256, Bytes};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{
    BackupError, BackupHead, FORMAT, FORMAT_WITH_FILES, LAST, LastLine,
    files::{FileHead, FileLine},
    is_backup,
};
use crate::store::{record::Record, verify::LINE_BYTES_MAX};

/// What the line before a file begins with.
pub(super) const FILE: &str = "{\"file\"";
/// What each part of a file begins with.
pub(super) const PART: &str = "{\"part\"";

/// A line of a back-up.
#[derive(Debug)]
pub(in crate::store) enum Line {
    /// A record of the journal.
    Record(Record),
    /// A file begins.
    File(FileHead),
    /// So much more of it.
    Part(Bytes),
}

/// A part of a file, as it stands in the back-up.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PartLine {
    pub(super) part: Bytes,
}

/// Reads a back-up from the first line to the last.
pub(in crate::store) struct Reader {
    from: BufReader<zstd::Decoder<'static, BufReader<File>>>,
    shown: PathBuf,
    number: u64,
    text: Vec<u8>,
    /// The file that is being read, what was read of it, and how much that is.
    open: Option<(FileHead, Sha256, u64)>,
    n_files: u64,
    last: Option<BackupHead>,
}

impl Reader {
    /// Opens `file`; messages name it `shown`.
    pub(in crate::store) fn open(file: &Path, shown: &Path) -> Result<Self, BackupError> {
        let io = |source| BackupError::Io { path: shown.into(), source };
        if !is_backup(file).map_err(io)? {
            let why = "this is no back-up: `portcullis journal backup` writes zstd".to_owned();
            return Err(BackupError::Damaged { path: shown.into(), line: 0, why });
        }
        let from = zstd::Decoder::new(File::open(file).map_err(io)?).map_err(io)?;
        Ok(Self {
            from: BufReader::new(from),
            shown: shown.into(),
            number: 0,
            text: Vec::new(),
            open: None,
            n_files: 0,
            last: None,
        })
    }

    /// This back-up is wrong at the line that was read last.
    pub(in crate::store) fn wrong(&self, why: impl Into<String>) -> BackupError {
        BackupError::Damaged { path: self.shown.clone(), line: self.number, why: why.into() }
    }

    /// The next line; none behind the last one, which says where the back-up ends.
    pub(in crate::store) fn line(&mut self) -> Result<Option<Line>, BackupError> {
        if !self.fill()? {
            return match self.last {
                Some(_) => Ok(None),
                None => Err(self.wrong("the file was cut: its last line is missing")),
            };
        }
        if self.last.is_some() {
            return Err(self.wrong("something stands behind the last line"));
        }
        if self.text.starts_with(PART.as_bytes()) {
            return self.part().map(Some);
        }
        self.close_file()?;
        if self.text.starts_with(LAST.as_bytes()) {
            self.last_line()?;
            return self.line();
        }
        if self.text.starts_with(FILE.as_bytes()) {
            let FileLine { file } = self.parse("no file")?;
            file.check().map_err(|why| self.wrong(why))?;
            self.n_files += 1;
            self.open = Some((file.clone(), Sha256::new(), 0));
            return Ok(Some(Line::File(file)));
        }
        if self.n_files > 0 {
            return Err(self.wrong("a record stands behind the files"));
        }
        self.parse("no record").map(|record| Some(Line::Record(record)))
    }

    /// What the last line says; none before it was read.
    pub(in crate::store) fn head(&self) -> Option<BackupHead> {
        self.last
    }

    fn fill(&mut self) -> Result<bool, BackupError> {
        self.number += 1;
        self.text.clear();
        // A line that never ends must not fill the memory.
        let most = LINE_BYTES_MAX as u64 + 1;
        let read = (&mut self.from).take(most).read_until(b'\n', &mut self.text);
        read.map_err(|error| self.wrong(format!("it cannot be read on: {error}")))?;
        if self.text.len() > LINE_BYTES_MAX {
            return Err(self.wrong(format!("it is longer than {LINE_BYTES_MAX} bytes")));
        }
        Ok(!self.text.is_empty())
    }

    fn parse<'a, T: Deserialize<'a>>(&'a self, what: &str) -> Result<T, BackupError> {
        serde_json::from_slice(&self.text).map_err(|error| self.wrong(format!("{what}: {error}")))
    }

    fn part(&mut self) -> Result<Line, BackupError> {
        let PartLine { part } = self.parse("no part of a file")?;
        match &mut self.open {
            Some((_, hasher, n_read)) => {
                hasher.update(&part);
                *n_read += part.len() as u64;
                Ok(Line::Part(part))
            }
            None => Err(self.wrong("a part of a file without the file")),
        }
    }

    fn close_file(&mut self) -> Result<(), BackupError> {
        let Some((head, hasher, n_read)) = self.open.take() else { return Ok(()) };
        if n_read == head.bytes && B256::from_slice(&hasher.finalize()) == head.sha256 {
            return Ok(());
        }
        let why = format!("the file {} before this line is not the one that was saved", head.name);
        Err(self.wrong(why))
    }

    fn last_line(&mut self) -> Result<(), BackupError> {
        let LastLine { backup } = self.parse("no last line")?;
        if backup.format > FORMAT_WITH_FILES || backup.format < FORMAT {
            let why = format!(
                "format {}, this version knows {FORMAT} and {FORMAT_WITH_FILES}",
                backup.format
            );
            return Err(self.wrong(why));
        }
        if backup.files != self.n_files {
            let why = format!("there are {} files, and should be {}", self.n_files, backup.files);
            return Err(self.wrong(why));
        }
        self.last = Some(backup);
        Ok(())
    }
}
