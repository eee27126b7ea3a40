//! Lines of text files that may be packed.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use flate2::bufread::MultiGzDecoder;

use crate::error::BacktestError;

/// Longest line of labels or losses, in bytes.
const LINE_BYTES_MAX: u64 = 16 << 20;

/// A file that is read line by line; its name says how it is packed (`.gz`, `.zst`, or not).
pub(crate) struct TextFile {
    path: PathBuf,
    reader: Box<dyn BufRead>,
    buffer: Vec<u8>,
    line: u64,
}

impl TextFile {
    pub(crate) fn open(path: &Path) -> Result<Self, BacktestError> {
        let cannot_read = |source| BacktestError::read(path, source);
        let file = BufReader::new(File::open(path).map_err(cannot_read)?);
        let ending = path.extension().and_then(|ending| ending.to_str());
        let reader: Box<dyn BufRead> = match ending {
            Some("gz") => Box::new(BufReader::new(MultiGzDecoder::new(file))),
            Some("zst") => {
                let decoder = zstd::stream::read::Decoder::with_buffer(file);
                Box::new(BufReader::new(decoder.map_err(cannot_read)?))
            }
            _ => Box::new(file),
        };
        Ok(Self { path: path.to_owned(), reader, buffer: Vec::new(), line: 0 })
    }

    /// The next line and its number from 1; none after the last.
    pub(crate) fn next_line(&mut self) -> Result<Option<(u64, &str)>, BacktestError> {
        self.line += 1;
        self.buffer.clear();
        let mut limited = self.reader.by_ref().take(LINE_BYTES_MAX + 1);
        let read = limited.read_until(b'\n', &mut self.buffer);
        let bad = |problem: String| BacktestError::line(&self.path, self.line, problem);
        read.map_err(|error| bad(format!("cannot be unpacked ({error}): get the file again")))?;
        if self.buffer.is_empty() {
            return Ok(None);
        }
        if self.buffer.len() as u64 > LINE_BYTES_MAX {
            return Err(bad(format!(
                "is longer than {LINE_BYTES_MAX} bytes: is it the right file?"
            )));
        }
        let text = std::str::from_utf8(&self.buffer);
        let text = text.map_err(|_| bad("is no UTF-8 text: is it the right file?".to_owned()))?;
        Ok(Some((self.line, text.trim_end_matches(['\n', '\r']))))
    }
}
