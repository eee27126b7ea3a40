//! Reading the file, with errors that name the line and the remedy.

use std::path::{Path, PathBuf};

use super::{compile::Compiled, file::ConfigFile};

/// Largest configuration that is read, bytes.
const CONFIG_BYTES_MAX: u64 = 4 << 20;

/// What is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {problem}", path.display(), line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct ConfigProblem {
    /// File.
    pub path: PathBuf,
    /// Line, where it is known.
    pub line: Option<u64>,
    /// What is wrong, and the remedy.
    pub problem: String,
}

/// Reads, checks and compiles a configuration.
///
/// # Errors
/// The first problem, with file, line and remedy.
pub fn load(path: &Path) -> Result<Compiled, ConfigProblem> {
    let problem = |problem: String| ConfigProblem { path: path.into(), line: None, problem };
    let size = std::fs::metadata(path)
        .map_err(|error| problem(format!("cannot be read: {error}; give the path with --config")))?
        .len();
    if size > CONFIG_BYTES_MAX {
        return Err(problem(format!("is {size} bytes long, more than {CONFIG_BYTES_MAX}")));
    }
    let text = std::fs::read_to_string(path)
        .map_err(|error| problem(format!("cannot be read as UTF-8 text: {error}")))?;
    parse(path, &text)
}

/// The same for text that was read already. `path` is for messages and relative paths.
///
/// # Errors
/// As [`load`].
pub fn parse(path: &Path, text: &str) -> Result<Compiled, ConfigProblem> {
    let file: ConfigFile = serde_saphyr::from_str(text).map_err(|error| ConfigProblem {
        path: path.into(),
        line: error.location().map(|location| location.line()),
        problem: first_line(&error.to_string()),
    })?;
    Compiled::new(path, &file).map_err(|(problem, about)| ConfigProblem {
        path: path.into(),
        line: about.and_then(|about| line_of(text, &about)),
        problem,
    })
}

/// The parser draws the place under its message; the message alone is what fits on a line.
fn first_line(message: &str) -> String {
    let line = message.lines().find(|line| !line.trim().is_empty()).unwrap_or(message);
    line.trim_start_matches("error: ").to_owned()
}

/// The first line that holds `about` as a value.
fn line_of(text: &str, about: &str) -> Option<u64> {
    let about = about.to_lowercase();
    let index = text.lines().position(|line| line.to_lowercase().contains(&about))?;
    Some(index as u64 + 1)
}
