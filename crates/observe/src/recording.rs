//! Chain data from files, to be played instead of a node (`docs/recording.md`).
//!
//! Files are read as streams, one line in memory at a time. A damaged file is an error that names
//! file and line; it never looks like a shorter recording.

mod codes;
mod line;
mod lines;
mod state;
pub mod write;

use std::path::{Path, PathBuf};

pub use line::{Phase, RecordedTransaction, RecordingLine, RecordingMeta};
pub use lines::{LineNumber, Lines};
pub use portcullis_types::access::{
    AccessCall, AccessEntry, AccessKind, AccessOp, AccessTransfer, SlotAccess,
};
pub use state::StateFolder;

use crate::ObserveError;

/// What stands in `format` of the first line.
pub const FORMAT: &str = "portcullis-recording/1";

/// One recording, or a folder of them.
#[derive(Debug, Clone)]
pub struct Recording {
    files: Vec<PathBuf>,
}

/// What a path holds.
#[derive(Debug, Clone)]
pub enum Playable {
    /// A recording, or a folder of recordings.
    Recording(Recording),
    /// A folder with a state and calls to run on it.
    State(StateFolder),
}

/// Opens a recording, a folder of recordings, or a state folder, whichever `path` is.
///
/// # Errors
/// [`ObserveError::File`] or [`ObserveError::BadRecording`], with what to do about it.
pub fn open_any(path: &Path) -> Result<Playable, ObserveError> {
    if StateFolder::is_at(path) {
        return StateFolder::open(path).map(Playable::State);
    }
    Recording::open(path).map(Playable::Recording)
}

impl Recording {
    /// Opens a file (`.jsonl`, `.jsonl.gz`, `.jsonl.zst`), or all recordings in a folder in the
    /// order of their names, numbers in names by their value.
    ///
    /// # Errors
    /// [`ObserveError::File`] if it cannot be read, [`ObserveError::BadRecording`] if it is no
    /// recording, or its first line does not say so.
    pub fn open(path: &Path) -> Result<Self, ObserveError> {
        let found = std::fs::metadata(path).map_err(|source| cannot_read(path, source))?;
        let files = if found.is_dir() { folder(path)? } else { vec![path.to_owned()] };
        if files.is_empty() {
            let problem = "holds no recording: name a folder with .jsonl, .jsonl.gz or .jsonl.zst \
                           files, or one such file";
            return Err(bad(path, 0, problem));
        }
        for file in &files {
            if Packing::of(file).is_none() {
                let problem = "is no recording by its name: it must end in .jsonl, .jsonl.gz or \
                               .jsonl.zst";
                return Err(bad(file, 0, problem));
            }
        }
        let recording = Self { files };
        // The first line is read now, so that a wrong file is told before anything is played.
        recording.meta()?;
        Ok(recording)
    }

    /// The files, in the order in which they are played.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The first line of the first file.
    ///
    /// # Errors
    /// As [`Recording::open`].
    pub fn meta(&self) -> Result<RecordingMeta, ObserveError> {
        match self.lines().next() {
            Some(Ok((_, RecordingLine::Meta(meta)))) => Ok(meta),
            Some(Err(error)) => Err(error),
            Some(Ok(_)) | None => {
                let path = self.files.first().map_or(Path::new(""), PathBuf::as_path);
                Err(bad(path, 1, "is empty"))
            }
        }
    }

    /// All lines of all files. The first error ends it.
    pub fn lines(&self) -> Lines {
        Lines::new(self.files.clone())
    }
}

/// How the bytes of a file are packed, as its name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    Plain,
    Gz,
    Zst,
}

impl Packing {
    fn of(path: &Path) -> Option<Self> {
        let name = name(path);
        let ends = |ending: &str| name.strip_suffix(ending).is_some_and(|stem| !stem.is_empty());
        [(".jsonl", Self::Plain), (".jsonl.gz", Self::Gz), (".jsonl.zst", Self::Zst)]
            .into_iter()
            .find_map(|(ending, packing)| ends(ending).then_some(packing))
    }
}

/// Recordings in a folder. Labels and codes lie beside them and are none.
fn folder(path: &Path) -> Result<Vec<PathBuf>, ObserveError> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(|source| cannot_read(path, source))? {
        let file = entry.map_err(|source| cannot_read(path, source))?.path();
        let name = name(&file);
        let is_recording = Packing::of(&file).is_some()
            && !name.contains(".labels.jsonl")
            && !name.starts_with(codes::FILE_STEM);
        if is_recording && file.is_file() {
            files.push(file);
        }
    }
    files.sort_by_cached_key(|file| in_order(&name(file)));
    Ok(files)
}

/// A sorting key in which the numbers of a name count by their value, so that block 930196 comes
/// before block 10760440. The name itself comes last, to tell 7 from 07.
fn in_order(name: &str) -> (Vec<(String, Option<u128>)>, String) {
    let mut key = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let word = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (text, after) = rest.split_at(word);
        let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        let (number, after) = after.split_at(digits);
        let value = (!number.is_empty()).then(|| number.parse().unwrap_or(u128::MAX));
        key.push((text.to_owned(), value));
        rest = after;
    }
    (key, name.to_owned())
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

pub(crate) fn cannot_read(path: &Path, source: std::io::Error) -> ObserveError {
    ObserveError::File { path: path.to_owned(), access: "read", source }
}

pub(crate) fn bad(path: &Path, line: u64, problem: impl Into<String>) -> ObserveError {
    ObserveError::BadRecording { path: path.to_owned(), line, problem: problem.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_count_by_value() {
        let mut names = ["b2", "a10.jsonl", "a9.jsonl", "a09.jsonl", "a", "10", "9"];
        names.sort_by_cached_key(|name| in_order(name));
        assert_eq!(names, ["9", "10", "a", "a09.jsonl", "a9.jsonl", "a10.jsonl", "b2"]);
    }
}
