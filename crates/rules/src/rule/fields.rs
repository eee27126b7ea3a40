//! The fields of a map of a rule file: known ones are taken, unknown ones are errors.

use std::ops::Range;

use crate::{
    diagnostic::{Reporter, suggest},
    yaml::{Key, Tree, Yaml},
};

/// A map whose keys are known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'t> {
    entries: &'t [(Key, Tree)],
    /// Where the map stands.
    pub(crate) place: &'t Range<usize>,
}

impl<'t> Fields<'t> {
    /// The map, after its keys were compared with those that are known. None (and a report) where it is no map.
    pub(crate) fn new(
        tree: &'t Tree,
        what: &str,
        known: &[&str],
        reporter: &mut Reporter<'_>,
    ) -> Option<Self> {
        let Yaml::Map(entries) = &tree.value else {
            let problem =
                format!("{what} must be a map of names and values, this is {}", tree.kind());
            reporter.error(
                tree.place.clone(),
                problem,
                format!("it has the fields: {}", known.join(", ")),
            );
            return None;
        };
        for (key, _) in entries {
            if !known.contains(&key.text.as_str()) {
                let shown = portcullis_types::text::printable(&key.text);
                let remedy = suggest(&key.text, known.iter().copied());
                reporter.error(key.place.clone(), format!("{what} has no field `{shown}`"), remedy);
            }
        }
        Some(Self { entries, place: &tree.place })
    }

    /// A field that may be missing; one without a value is missing.
    pub(crate) fn get(&self, name: &str) -> Option<&'t Tree> {
        self.entries
            .iter()
            .find(|(key, _)| key.text == name)
            .map(|(_, tree)| tree)
            .filter(|t| !t.is_null())
    }

    /// The words of a field.
    pub(crate) fn text(&self, name: &str, reporter: &mut Reporter<'_>) -> Option<&'t str> {
        let tree = self.get(name)?;
        let text = tree.text();
        if text.is_none() {
            reporter.error(
                tree.place.clone(),
                format!("`{name}` must be text, this is {}", tree.kind()),
                "write one text; quotes help where it holds `: `, `{` or `[`",
            );
        }
        text
    }

    /// A field that must be there.
    pub(crate) fn needed(
        &self,
        name: &str,
        what: &str,
        reporter: &mut Reporter<'_>,
    ) -> Option<&'t str> {
        if self.get(name).is_none() {
            let start = self.place.start;
            let remedy = format!("add `{name}: …`: {what}");
            reporter.error(start..start + 1, format!("`{name}` is missing"), remedy);
        }
        self.text(name, reporter).filter(|text| !text.trim().is_empty())
    }

    /// One of several words.
    pub(crate) fn one_of<T: Copy>(
        &self,
        name: &str,
        words: &[(&str, T)],
        reporter: &mut Reporter<'_>,
    ) -> Option<T> {
        let tree = self.get(name)?;
        let text = self.text(name, reporter)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let remedy = suggest(text, words.iter().map(|(word, _)| *word));
            let shown = portcullis_types::text::printable(text);
            reporter.error(
                tree.place.clone(),
                format!("`{shown}` is no value of `{name}`"),
                remedy,
            );
        }
        found
    }

    /// A list of texts; one text counts as a list of one.
    pub(crate) fn texts(
        &self,
        name: &str,
        reporter: &mut Reporter<'_>,
    ) -> Vec<(&'t str, &'t Tree)> {
        let mut texts = Vec::new();
        for tree in self.get(name).map(Tree::each).unwrap_or_default() {
            match tree.text() {
                Some(text) => texts.push((text, tree)),
                None => reporter.error(
                    tree.place.clone(),
                    format!("`{name}` is a list of texts, this is {}", tree.kind()),
                    "write a text",
                ),
            }
        }
        texts
    }
}

/// The entries of a map with free keys.
pub(crate) fn free<'t>(
    tree: &'t Tree,
    what: &str,
    reporter: &mut Reporter<'_>,
) -> &'t [(Key, Tree)] {
    if let Yaml::Map(entries) = &tree.value {
        return entries;
    }
    let problem = format!("`{what}` must be a map, this is {}", tree.kind());
    reporter.error(tree.place.clone(), problem, "write `name: value`");
    &[]
}
