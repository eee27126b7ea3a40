//! What is wrong with a file: where, in which field, and what to do about it.

use std::fmt;

use portcullis_types::text::printable;
use serde::Serialize;

use super::{
    PROBLEMS_MAX,
    yaml::{Tree, Yaml},
};

/// A place in a file, both from 1; columns are characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// One problem of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Name of the file.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The field: `steps[2].clock.minutes`.
    pub field: String,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, field, problem, remedy } = self;
        write!(f, "{file}:{line}:{column}: {field}: {problem}; {remedy}")
    }
}

/// Collects the problems of one file.
#[derive(Debug)]
pub(super) struct Reporter {
    file: String,
    pub(super) list: Vec<Diagnostic>,
}

impl Reporter {
    pub(super) fn new(file: &str) -> Self {
        Self { file: printable(file), list: Vec::new() }
    }

    pub(super) fn error(&mut self, place: Place, field: &str, problem: &str, remedy: &str) {
        if self.list.len() < PROBLEMS_MAX {
            self.list.push(Diagnostic {
                file: self.file.clone(),
                line: place.line,
                column: place.column,
                field: field.to_owned(),
                problem: problem.to_owned(),
                remedy: remedy.to_owned(),
            });
        }
    }
}

/// "did you mean `x`?", or the list of what there is.
pub(super) fn suggest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let score = |one: &str| strsim::jaro_winkler(&word.to_lowercase(), &one.to_lowercase());
    let best = known.iter().copied().filter(|one| score(one) > 0.8);
    match best.max_by(|a, b| score(a).total_cmp(&score(b))) {
        Some(close) => format!("did you mean `{close}`?"),
        None => format!("write one of: {}", known.join(", ")),
    }
}

/// A map of the file whose fields are taken out one after another; what is left over is unknown.
pub(super) struct Fields<'a> {
    entries: Vec<(&'a str, Place, &'a Tree)>,
    known: Vec<&'static str>,
    pub(super) place: Place,
    path: String,
}

impl<'a> Fields<'a> {
    /// The fields of `tree`; a problem if it is no map.
    pub(super) fn of(tree: &'a Tree, path: &str, to: &mut Reporter) -> Option<Self> {
        let Yaml::Map(entries) = &tree.value else {
            let problem = format!("here is {}, a map is needed", tree.kind());
            to.error(tree.place, path, &problem, "write `name: value` lines");
            return None;
        };
        let entries =
            entries.iter().map(|(key, value)| (key.text.as_str(), key.place, value)).collect();
        Some(Self { entries, known: Vec::new(), place: tree.place, path: path.to_owned() })
    }

    /// The path of a field.
    pub(super) fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// A field that may be missing. One that is there and empty counts as missing.
    pub(super) fn take(&mut self, name: &'static str) -> Option<&'a Tree> {
        self.known.push(name);
        let found = self.entries.iter().position(|(key, ..)| *key == name)?;
        let (_, _, tree) = self.entries.remove(found);
        (!tree.is_null()).then_some(tree)
    }

    /// A field that must be there.
    pub(super) fn need(&mut self, name: &'static str, to: &mut Reporter) -> Option<&'a Tree> {
        let found = self.take(name);
        if found.is_none() {
            let field = self.path(name);
            to.error(self.place, &field, "is missing", &format!("add `{name}: …`"));
        }
        found
    }

    /// A text that must be there.
    pub(super) fn text(&mut self, name: &'static str, to: &mut Reporter) -> Option<String> {
        let tree = self.need(name, to)?;
        text(tree, &self.path(name), to)
    }

    /// A text that may be missing.
    pub(super) fn optional(&mut self, name: &'static str, to: &mut Reporter) -> Option<String> {
        let tree = self.take(name)?;
        text(tree, &self.path(name), to)
    }

    /// Texts; none if it is missing, one if it is no list.
    pub(super) fn texts(&mut self, name: &'static str, to: &mut Reporter) -> Vec<String> {
        let Some(tree) = self.take(name) else { return Vec::new() };
        let path = self.path(name);
        let each = each(tree, &path);
        each.iter().filter_map(|(path, tree)| text(tree, path, to)).collect()
    }

    /// A whole number from 1 on.
    pub(super) fn number(
        &mut self,
        name: &'static str,
        max: u32,
        to: &mut Reporter,
    ) -> Option<u32> {
        let tree = self.need(name, to)?;
        let path = self.path(name);
        let text = text(tree, &path, to)?;
        let number = text.parse().ok().filter(|number| (1..=max).contains(number));
        if number.is_none() {
            let problem = format!("`{}` is no whole number from 1 to {max}", printable(&text));
            to.error(tree.place, &path, &problem, "write one");
        }
        number
    }

    /// One of a closed list of words.
    pub(super) fn word<T>(
        &mut self,
        name: &'static str,
        words: &[(&'static str, T)],
        to: &mut Reporter,
    ) -> Option<T>
    where
        T: Copy,
    {
        let tree = self.need(name, to)?;
        word(tree, &self.path(name), words, to)
    }

    /// Complains about everything that nobody took.
    pub(super) fn finish(self, to: &mut Reporter) {
        for (name, place, _) in &self.entries {
            let field = self.path(&printable(name));
            to.error(*place, &field, "there is no such field", &suggest(name, self.known.clone()));
        }
    }
}

/// The elements of a list with their paths; a single value counts as a list of one.
pub(super) fn each<'a>(tree: &'a Tree, path: &str) -> Vec<(String, &'a Tree)> {
    match &tree.value {
        Yaml::List(elements) => {
            let place = |index: usize| format!("{path}[{index}]");
            elements.iter().enumerate().map(|(index, tree)| (place(index), tree)).collect()
        }
        _ => vec![(path.to_owned(), tree)],
    }
}

/// A text that is not empty.
pub(super) fn text(tree: &Tree, path: &str, to: &mut Reporter) -> Option<String> {
    match &tree.value {
        Yaml::Scalar { text, .. } if !text.trim().is_empty() && !tree.is_null() => {
            Some(text.trim().to_owned())
        }
        _ => {
            let problem = format!("here is {}, a text is needed", tree.kind());
            to.error(tree.place, path, &problem, "write a text, in quotes if in doubt");
            None
        }
    }
}

/// One of a closed list of words.
pub(super) fn word<T: Copy>(
    tree: &Tree,
    path: &str,
    words: &[(&'static str, T)],
    to: &mut Reporter,
) -> Option<T> {
    let text = text(tree, path, to)?;
    let found = words.iter().find(|(name, _)| *name == text);
    if found.is_none() {
        let remedy = suggest(&text, words.iter().map(|(name, _)| *name));
        to.error(tree.place, path, &format!("`{}` is not known here", printable(&text)), &remedy);
    }
    found.map(|(_, value)| *value)
}
