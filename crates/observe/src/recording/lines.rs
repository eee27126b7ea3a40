//! The lines of recordings, one at a time.

use std::{
    fmt,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use flate2::bufread::MultiGzDecoder;
use portcullis_types::ids::ChainId;

use super::{Packing, bad, cannot_read, codes::Codes, line::RecordingLine};
use crate::ObserveError;

/// Longest line, in bytes: a full block with everything is tens of megabytes. A limit on the line
/// is a limit on the memory, also for a small file that unpacks to a huge one.
pub(super) const LINE_BYTES_MAX: u64 = 256 << 20;

/// Where a line stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineNumber {
    /// File.
    pub file: Arc<Path>,
    /// Line, from 1.
    pub line: u64,
}

impl fmt::Display for LineNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// The lines of one file after the other. An error ends it: what comes after one cannot be trusted.
pub struct Lines {
    files: std::vec::IntoIter<PathBuf>,
    open: Option<OpenFile>,
    codes: Codes,
    has_failed: bool,
}

/// A file that is being read.
struct OpenFile {
    path: Arc<Path>,
    text: TextLines,
    line: u64,
    chain: Option<ChainId>,
}

impl Lines {
    pub(super) fn new(files: Vec<PathBuf>) -> Self {
        let codes = Codes::default();
        Self { files: files.into_iter(), open: None, codes, has_failed: false }
    }

    fn step(&mut self) -> Result<Option<(LineNumber, RecordingLine)>, ObserveError> {
        loop {
            if self.open.is_none() {
                let Some(path) = self.files.next() else { return Ok(None) };
                let text = TextLines::open(&path)?;
                self.open = Some(OpenFile { path: path.into(), text, line: 0, chain: None });
            }
            let Some(file) = &mut self.open else { continue };
            if let Some(found) = file.next(&mut self.codes)? {
                return Ok(Some(found));
            }
            if file.chain.is_none() {
                let problem = "is empty: a recording begins with a `meta` line; get it again";
                return Err(bad(&file.path, 1, problem));
            }
            self.open = None;
        }
    }
}

impl OpenFile {
    fn next(
        &mut self,
        codes: &mut Codes,
    ) -> Result<Option<(LineNumber, RecordingLine)>, ObserveError> {
        loop {
            self.line = self.line.saturating_add(1);
            let Some(text) = self.text.next(&self.path, self.line)? else { return Ok(None) };
            if text.trim().is_empty() {
                continue;
            }
            let mut line = RecordingLine::read(text, self.chain)
                .map_err(|problem| bad(&self.path, self.line, problem))?;
            match &mut line {
                RecordingLine::Meta(meta) => self.chain = Some(meta.chain_id),
                RecordingLine::Block(material) => {
                    if let Some(prestate) = &mut material.prestate {
                        codes.fill(prestate, &self.path, self.line)?;
                    }
                }
                _ => {}
            }
            let number = LineNumber { file: self.path.clone(), line: self.line };
            return Ok(Some((number, line)));
        }
    }
}

impl Iterator for Lines {
    type Item = Result<(LineNumber, RecordingLine), ObserveError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_failed {
            return None;
        }
        let step = self.step();
        self.has_failed = step.is_err();
        step.transpose()
    }
}

/// The text lines of a file that may be compressed.
pub(super) struct TextLines {
    reader: Box<dyn BufRead + Send>,
    buffer: Vec<u8>,
}

impl TextLines {
    /// Opens a file; its name says how it is compressed.
    pub(super) fn open(path: &Path) -> Result<Self, ObserveError> {
        let file = BufReader::new(File::open(path).map_err(|source| cannot_read(path, source))?);
        let reader: Box<dyn BufRead + Send> = match Packing::of(path) {
            Some(Packing::Gz) => Box::new(BufReader::new(MultiGzDecoder::new(file))),
            Some(Packing::Zst) => {
                let decoder = zstd::stream::read::Decoder::with_buffer(file)
                    .map_err(|source| cannot_read(path, source))?;
                Box::new(BufReader::new(decoder))
            }
            Some(Packing::Plain) | None => Box::new(file),
        };
        Ok(Self { reader, buffer: Vec::new() })
    }

    /// The next line without its end; none after the last.
    pub(super) fn next(&mut self, path: &Path, line: u64) -> Result<Option<&str>, ObserveError> {
        self.buffer.clear();
        let mut limited = self.reader.by_ref().take(LINE_BYTES_MAX + 1);
        let read = limited.read_until(b'\n', &mut self.buffer);
        read.map_err(|error| unreadable(path, line, &error))?;
        if self.buffer.is_empty() {
            return Ok(None);
        }
        if self.buffer.len() as u64 > LINE_BYTES_MAX {
            let problem = format!(
                "is longer than {LINE_BYTES_MAX} bytes: record fewer transactions in a line"
            );
            return Err(bad(path, line, problem));
        }
        match std::str::from_utf8(&self.buffer) {
            Ok(text) => Ok(Some(text.trim_end_matches(['\n', '\r']))),
            Err(_) => Err(bad(path, line, "is not text: get the file again")),
        }
    }
}

fn unreadable(path: &Path, line: u64, error: &io::Error) -> ObserveError {
    let problem = match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            "the compressed file ends too early: it is cut off; get it again".to_owned()
        }
        _ => format!("cannot be unpacked ({error}): the file is damaged; get it again"),
    };
    bad(path, line, problem)
}
