//! Reading the file, with errors that name the line and the remedy.

use std::path::{Path, PathBuf};

use portcullis_types::text::{is_plain, printable};

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
    parse_proposed(path, text, path.parent().unwrap_or(Path::new("")))
}

/// The same for a text that is to stand at `path` one day; the references of `novelty` that it names are in `references`
/// for now.
///
/// # Errors
/// As [`load`].
pub fn parse_proposed(
    path: &Path,
    text: &str,
    references: &Path,
) -> Result<Compiled, ConfigProblem> {
    refuse_hidden_characters(path, text)?;
    let file: ConfigFile = serde_saphyr::from_str(text).map_err(|error| {
        let problem = first_line(&error.to_string());
        let line = error.location().map(|location| closer(text, location.line(), &problem));
        let problem =
            format!("{problem}{}", line.map_or_else(String::new, |line| quoted(text, line)));
        ConfigProblem { path: path.into(), line, problem }
    })?;
    Compiled::new(path, references, &file).map_err(|(problem, about)| ConfigProblem {
        path: path.into(),
        line: about.and_then(|about| line_of(text, &about)),
        problem,
    })
}

/// Names from here end up on terminals and pages. An escape or a direction mark in one is a mistake or a trick, whether it
/// stands there as it is or as a YAML escape.
fn refuse_hidden_characters(path: &Path, text: &str) -> Result<(), ConfigProblem> {
    let problem = |line: Option<u64>, value: &str| ConfigProblem {
        path: path.into(),
        line,
        problem: format!(
            "`{}` holds a control or an invisible character: write it without",
            printable(value)
        ),
    };
    for (number, line) in (1..).zip(text.lines()) {
        if !line.trim_end_matches('\r').chars().all(|c| is_plain(c) || c == '\t') {
            return Err(problem(Some(number), line.trim()));
        }
    }
    // What is no YAML at all is told by who reads it properly.
    let Ok(tree) = serde_saphyr::from_str::<serde_json::Value>(text) else { return Ok(()) };
    match hidden_in(&tree) {
        Some(value) => {
            let plain = value.split(|c| !is_plain(c)).max_by_key(|part| part.len());
            let line = plain.filter(|part| !part.is_empty()).and_then(|part| line_of(text, part));
            Err(problem(line, value))
        }
        None => Ok(()),
    }
}

/// The first text in `tree` with a character that does not show as itself. Line breaks may stand in longer texts.
fn hidden_in(tree: &serde_json::Value) -> Option<&str> {
    let is_hidden = |text: &str| !text.chars().all(|c| is_plain(c) || c == '\n' || c == '\t');
    match tree {
        serde_json::Value::String(text) => is_hidden(text).then_some(text),
        serde_json::Value::Array(items) => items.iter().find_map(hidden_in),
        serde_json::Value::Object(fields) => fields.iter().find_map(|(name, value)| {
            if is_hidden(name) { Some(name.as_str()) } else { hidden_in(value) }
        }),
        _ => None,
    }
}

/// The parser draws the place under its message and names it in front; the message alone is what fits on a line that
/// names the place already.
fn first_line(message: &str) -> String {
    let line = message.lines().find(|line| !line.trim().is_empty()).unwrap_or(message);
    let line = line.trim_start_matches("error: ");
    let place = line.split_once(": ").filter(|(place, _)| place.starts_with("line "));
    place.map_or(line, |(_, problem)| problem).to_owned()
}

/// The line itself, for messages that do not say what they are about. Lines with an address are left out: it may hold a
/// key.
fn quoted(text: &str, number: u64) -> String {
    let index = usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
    match text.lines().nth(index).map(str::trim) {
        Some(line) if !line.is_empty() && !line.contains("://") => {
            format!("; correct this line: {}", printable(line))
        }
        _ => String::new(),
    }
}

/// The parser names where an item of a list begins; the line from there on that holds the word it quotes is closer.
fn closer(text: &str, from: u64, problem: &str) -> u64 {
    let Some(word) = problem.split('`').nth(1).filter(|word| !word.is_empty()) else { return from };
    let skip = usize::try_from(from.saturating_sub(1)).unwrap_or(usize::MAX);
    let found = text.lines().skip(skip).position(|line| line.contains(word));
    found.map_or(from, |lines| from + lines as u64)
}

/// The first line that holds `about` as a value.
fn line_of(text: &str, about: &str) -> Option<u64> {
    let about = about.to_lowercase();
    let index = text.lines().position(|line| line.to_lowercase().contains(&about))?;
    Some(index as u64 + 1)
}
