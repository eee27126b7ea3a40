//! Which files are recordings, and which labels belong to them.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use portcullis_observe::{Recording, StateFolder};
use serde::Serialize;

use crate::{error::BacktestError, labels::Labels};

/// Deepest folder inside a folder that is searched; a link that leads back up ends here.
const FOLDER_DEPTH_MAX: usize = 16;
/// Most files of one back-test.
const FILES_MAX: usize = 1_000_000;
/// What recordings and labels may end with.
const ENDINGS: [&str; 3] = [".jsonl", ".jsonl.gz", ".jsonl.zst"];
const LABELS_MARK: &str = ".labels";
/// Bytecodes that belong to recordings begin with this.
const CODES_STEM: &str = "codes";

/// Something in a folder that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// File or folder.
    pub path: String,
    /// Why.
    pub why: String,
}

impl Skipped {
    /// The reason with the path in front, unless it begins with it already.
    pub fn why_with_path(&self) -> String {
        if self.why.starts_with(&self.path) {
            self.why.clone()
        } else {
            format!("{}: {}", self.path, self.why)
        }
    }
}

/// The recordings of a back-test.
#[derive(Debug, Default)]
pub struct Inputs {
    /// Files, each once, in the order of the arguments and then of their paths.
    pub recordings: Vec<PathBuf>,
    /// What looks like a recording and is none.
    pub skipped: Vec<Skipped>,
}

/// The labels of one recording.
#[derive(Debug, Clone, Default)]
pub struct FileLabels {
    /// By hash.
    pub hashes: Arc<Labels>,
    /// By phase.
    pub phases: Arc<Labels>,
}

impl FileLabels {
    /// Whether there is none at all.
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty() && self.phases.is_empty()
    }
}

impl Inputs {
    /// Finds the recordings that `paths` (files or folders) hold, sub-folders included.
    ///
    /// # Errors
    /// If a path does not exist, a named file is no recording, or there is none at all.
    pub fn find(paths: &[PathBuf]) -> Result<Self, BacktestError> {
        let (mut inputs, mut known) = (Self::default(), BTreeSet::new());
        for path in paths {
            let found = std::fs::metadata(path).map_err(|e| BacktestError::read(path, e))?;
            if !found.is_dir() {
                Recording::open(path)?;
                inputs.add(path.clone(), &mut known);
                continue;
            }
            if StateFolder::is_at(path) {
                let text = format!(
                    "{} is a state with calls, not a recording: `portcullis replay` plays it",
                    path.display()
                );
                return Err(BacktestError::Usage(text));
            }
            for file in walk(path, &mut inputs.skipped)? {
                let name = name(&file);
                let is_recording =
                    stem(&name).is_some_and(|s| !s.ends_with(LABELS_MARK) && s != CODES_STEM);
                if !is_recording {
                    continue;
                }
                match Recording::open(&file) {
                    Ok(_) => inputs.add(file, &mut known),
                    Err(error) => {
                        let (path, why) = (shown(&file), error.to_string());
                        inputs.skipped.push(Skipped { path, why });
                    }
                }
            }
        }
        if inputs.recordings.is_empty() {
            let why = inputs.skipped.first().map_or(String::new(), |s| format!(" ({})", s.why));
            let text = format!(
                "no recording found{why}: name files that end in .jsonl, .jsonl.gz or .jsonl.zst and begin with a `meta` \
                 line, or folders with such files"
            );
            return Err(BacktestError::Usage(text));
        }
        Ok(inputs)
    }

    fn add(&mut self, file: PathBuf, known: &mut BTreeSet<PathBuf>) {
        if known.insert(file.canonicalize().unwrap_or_else(|_| file.clone())) {
            self.recordings.push(file);
        }
    }

    /// The labels of each recording, in the order of the recordings: those in `named` (files or folders), or, if none is
    /// named, those beside it.
    ///
    /// # Errors
    /// If labels cannot be read, contradict each other, or are by phase and belong to no recording.
    pub fn labels(&self, named: &[PathBuf]) -> Result<Vec<FileLabels>, BacktestError> {
        if named.is_empty() {
            return self.recordings.iter().map(|recording| beside(recording)).collect();
        }
        let (mut hashes, mut phases) = (Labels::default(), Vec::new());
        for file in label_files(named)? {
            let labels = Labels::read(&file)?;
            hashes.merge(&labels)?;
            if labels.has_phases() {
                self.check_owner(&file)?;
                phases.push((file, Arc::new(labels)));
            }
        }
        let hashes = Arc::new(hashes);
        let of = |recording: &PathBuf| {
            let mine: Vec<_> = phases.iter().filter(|(file, _)| belongs(file, recording)).collect();
            let near = mine.iter().find(|(file, _)| file.parent() == recording.parent());
            let phases = near.or(mine.first()).map(|(_, labels)| labels.clone());
            FileLabels { hashes: hashes.clone(), phases: phases.unwrap_or_default() }
        };
        Ok(self.recordings.iter().map(of).collect())
    }

    fn check_owner(&self, labels: &Path) -> Result<(), BacktestError> {
        if self.recordings.iter().any(|recording| belongs(labels, recording)) {
            return Ok(());
        }
        let problem = "labels phases and belongs to no recording by its name: call it like the recording, \
                       <name>.labels.jsonl for <name>.jsonl.gz";
        Err(BacktestError::line(labels, 0, problem))
    }
}

/// Whether labels are named after a recording.
fn belongs(labels: &Path, recording: &Path) -> bool {
    let (labels, recording) = (name(labels), name(recording));
    let named = stem(&labels).and_then(|stem| stem.strip_suffix(LABELS_MARK));
    named.is_some() && named == stem(&recording)
}

fn beside(recording: &Path) -> Result<FileLabels, BacktestError> {
    let name = name(recording);
    let stem = stem(&name).unwrap_or(&name);
    let candidates = ENDINGS.map(|e| recording.with_file_name(format!("{stem}{LABELS_MARK}{e}")));
    match candidates.iter().find(|file| file.is_file()) {
        None => Ok(FileLabels::default()),
        Some(file) => {
            let labels = Arc::new(Labels::read(file)?);
            Ok(FileLabels { hashes: labels.clone(), phases: labels })
        }
    }
}

fn label_files(named: &[PathBuf]) -> Result<Vec<PathBuf>, BacktestError> {
    let mut files = Vec::new();
    for path in named {
        let found = std::fs::metadata(path).map_err(|error| BacktestError::read(path, error))?;
        if !found.is_dir() {
            files.push(path.clone());
            continue;
        }
        let is_labels =
            |file: &PathBuf| stem(&name(file)).is_some_and(|s| s.ends_with(LABELS_MARK));
        let before = files.len();
        files.extend(walk(path, &mut Vec::new())?.into_iter().filter(is_labels));
        if files.len() == before {
            let text = format!("{} holds no labels: they end in .labels.jsonl", path.display());
            return Err(BacktestError::Usage(text));
        }
    }
    Ok(files)
}

/// All files below a folder in the order of their paths.
pub(crate) fn walk(
    folder: &Path,
    skipped: &mut Vec<Skipped>,
) -> Result<Vec<PathBuf>, BacktestError> {
    let mut files = Vec::new();
    let mut folders = vec![(folder.to_owned(), 0_usize)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(|e| BacktestError::read(&folder, e))? {
            let path = entry.map_err(|error| BacktestError::read(&folder, error))?.path();
            if !path.is_dir() {
                files.push(path);
            } else if StateFolder::is_at(&path) {
                let why = "a state with calls, not a recording: `portcullis replay` plays it";
                skipped.push(Skipped { path: shown(&path), why: why.to_owned() });
            } else if depth < FOLDER_DEPTH_MAX {
                folders.push((path, depth + 1));
            } else {
                let why = format!("lies deeper than {FOLDER_DEPTH_MAX} folders: name it itself");
                skipped.push(Skipped { path: shown(&path), why });
            }
            if files.len() > FILES_MAX {
                let text = format!("more than {FILES_MAX} files: name fewer folders");
                return Err(BacktestError::Usage(text));
            }
        }
    }
    files.sort();
    skipped.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// A file's name without the ending of a recording; none if it has another.
fn stem(name: &str) -> Option<&str> {
    let stems = ENDINGS.iter().filter_map(|ending| name.strip_suffix(ending));
    stems.into_iter().next().filter(|stem| !stem.is_empty())
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// A path for people: as it was given, nothing in it that a terminal obeys.
pub(crate) fn shown(path: &Path) -> String {
    let mut out = String::new();
    for c in path.to_string_lossy().chars() {
        if c.is_control() { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    out
}
