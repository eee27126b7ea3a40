//! What can go wrong, and what whoever sees it should do.

use std::path::{Path, PathBuf};

use portcullis_observe::ObserveError;

/// Why a back-test cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum BacktestError {
    /// A recording is damaged, or no recording.
    #[error(transparent)]
    Recording(#[from] ObserveError),
    /// A file of labels or losses is not what it should be.
    #[error("{path}:{line}: {problem}", path = .path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// Line, from 1; 0 for the file as a whole.
        line: u64,
        /// What is wrong, and the remedy.
        problem: String,
    },
    /// A file or folder cannot be read or written.
    #[error("{path}: {source}: check that it exists and may be {access}", path = .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// `read` or `written`.
        access: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// Nothing to do.
    #[error("{0}")]
    Usage(String),
    /// The configuration cannot be used.
    #[error("the configuration cannot be used: {0}")]
    Config(#[from] portcullis_detect::ConfigError),
    /// The report cannot be put into words.
    #[error("the report cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl BacktestError {
    pub(crate) fn line(path: &Path, line: u64, problem: impl Into<String>) -> Self {
        Self::Line { path: path.to_owned(), line, problem: problem.into() }
    }

    pub(crate) fn read(path: &Path, source: std::io::Error) -> Self {
        Self::File { path: path.to_owned(), access: "read", source }
    }

    pub(crate) fn write(path: &Path, source: std::io::Error) -> Self {
        Self::File { path: path.to_owned(), access: "written", source }
    }
}
