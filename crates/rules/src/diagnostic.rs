//! What is wrong with a rule, where, and what to do about it; shown as rustc shows it.

use std::{fmt, ops::Range};

use portcullis_types::text::printable;

use crate::limits::PROBLEMS_MAX;

/// A file of rules: its name for messages, and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Name or path, shown in messages only.
    pub name: String,
    /// The YAML.
    pub text: String,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The rule would work; it should be better.
    Warning,
    /// The rule cannot be used.
    Error,
}

/// One problem of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad.
    pub level: Level,
    /// Name of the file.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// How many characters it is about, at least 1.
    pub length: usize,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub remedy: String,
    /// The line itself.
    pub excerpt: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Warning => "warning",
            Level::Error => "error",
        };
        let gutter = " ".repeat(self.line.to_string().len());
        writeln!(f, "{level}: {}", self.problem)?;
        writeln!(f, "{gutter}--> {}:{}:{}", self.file, self.line, self.column)?;
        writeln!(f, "{gutter} |")?;
        writeln!(f, "{} | {}", self.line, self.excerpt)?;
        let caret = "^".repeat(self.length.max(1));
        writeln!(f, "{gutter} | {}{caret}", " ".repeat(self.column.saturating_sub(1)))?;
        write!(f, "{gutter} = help: {}", self.remedy)
    }
}

/// A problem at a place of an expression or a file, before the place is turned into line and column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Bytes.
    pub(crate) place: Range<usize>,
    pub(crate) what: String,
    pub(crate) remedy: String,
}

impl Problem {
    pub(crate) fn new(
        place: Range<usize>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { place, what: what.into(), remedy: remedy.into() }
    }
}

/// Collects what is wrong with one file.
#[derive(Debug)]
pub(crate) struct Reporter<'a> {
    pub(crate) source: &'a Source,
    pub(crate) list: Vec<Diagnostic>,
}

impl<'a> Reporter<'a> {
    pub(crate) fn new(source: &'a Source) -> Self {
        Self { source, list: Vec::new() }
    }

    pub(crate) fn error(
        &mut self,
        place: Range<usize>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(Level::Error, place, problem.into(), remedy.into());
    }

    pub(crate) fn warning(
        &mut self,
        place: Range<usize>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(Level::Warning, place, problem.into(), remedy.into());
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.list.iter().any(|diagnostic| diagnostic.level == Level::Error)
    }

    fn add(&mut self, level: Level, place: Range<usize>, problem: String, remedy: String) {
        if self.list.len() >= PROBLEMS_MAX {
            return;
        }
        let text = &self.source.text;
        let (line, column, excerpt) = position(text, place.start);
        let room = excerpt.chars().count().saturating_sub(column - 1).max(1);
        let wanted =
            text.get(place).map_or(1, |part| part.lines().next().unwrap_or("").chars().count());
        let diagnostic = Diagnostic {
            level,
            file: self.source.name.clone(),
            line,
            column,
            length: wanted.clamp(1, room),
            problem,
            remedy,
            excerpt,
        };
        if !self.list.contains(&diagnostic) {
            self.list.push(diagnostic);
        }
    }
}

/// Longest excerpt of a line, characters.
const EXCERPT_CHARS_MAX: usize = 160;

/// Line and column (in characters), both from 1, and the line, of a byte of a text.
fn position(text: &str, byte: usize) -> (usize, usize, String) {
    let mut at = byte.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let before = text.get(..at).unwrap_or("");
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = text.get(start..at).unwrap_or("").chars().count() + 1;
    let whole = text.get(start..).unwrap_or("").lines().next().unwrap_or("");
    // One character stays one character, so that the caret stands under its place.
    let excerpt = whole
        .chars()
        .take(EXCERPT_CHARS_MAX)
        .map(|c| if printable(c.encode_utf8(&mut [0; 4])).chars().count() == 1 { c } else { ' ' })
        .collect();
    (line, column, excerpt)
}

/// The known word that is closest to `word`, if one is close: for "did you mean".
pub(crate) fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut best: Option<(&str, f64)> = None;
    for candidate in known {
        let score = strsim::jaro_winkler(&word.to_lowercase(), &candidate.to_lowercase());
        if score > best.map_or(0.8, |(_, score)| score) {
            best = Some((candidate, score));
        }
    }
    best.map(|(candidate, _)| candidate)
}

/// "did you mean `x`?", or the list of what there is.
pub(crate) fn suggest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match closest(word, known.iter().copied()) {
        Some(close) => format!("did you mean `{close}`?"),
        None if known.is_empty() => "there is nothing to choose from here".to_owned(),
        None => format!("write one of: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_drawn_under_its_line() {
        let source = Source { name: "a.yaml".into(), text: "id: é\nwhen: tx.form == 1\n".into() };
        let mut reporter = Reporter::new(&source);
        let start = source.text.find("form").unwrap();
        reporter.error(start..start + 4, "no field `form`", suggest("form", ["from", "to"]));
        let shown = reporter.list[0].to_string();
        assert_eq!(
            shown,
            "error: no field `form`\n --> a.yaml:2:10\n  |\n2 | when: tx.form == 1\n  |          ^^^^\n  \
             = help: did you mean `from`?"
        );
    }

    #[test]
    fn hostile_places_do_not_panic() {
        let source = Source { name: "a".into(), text: "é\u{1b}[2J".into() };
        let mut reporter = Reporter::new(&source);
        for place in [0..0, 1..2, 3..900, 900..901] {
            reporter.error(place, "p", "r");
        }
        assert!(reporter.list.iter().all(|d| !d.to_string().contains('\u{1b}')));
    }
}
