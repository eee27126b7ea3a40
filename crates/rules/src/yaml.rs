//! YAML with places: a rule is read as a tree that knows where each of its words stands, so that a problem inside an
//! expression inside a block of text still has its line and column.

use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, Span};

use crate::{
    diagnostic::Problem,
    limits::{FILE_BYTES_MAX, YAML_DEPTH_MAX},
};

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tree {
    pub(crate) value: Yaml,
    /// Bytes of the file.
    pub(crate) place: Range<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Yaml {
    /// Text; plain ones may also be numbers or nothing.
    Scalar {
        text: String,
        plain: bool,
        block: bool,
    },
    List(Vec<Tree>),
    Map(Vec<(Key, Tree)>),
}

/// A key of a map and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) text: String,
    pub(crate) place: Range<usize>,
}

impl Tree {
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Yaml::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Whether there is something at the end of these keys.
    pub(crate) fn has(&self, path: &[&str]) -> bool {
        match (path, &self.value) {
            ([], _) => true,
            ([first, rest @ ..], Yaml::Map(entries)) => {
                entries.iter().any(|(key, value)| key.text == *first && value.has(rest))
            }
            _ => false,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.value, Yaml::Scalar { text, plain: true, .. } if matches!(text.as_str(), "" | "~" | "null"))
    }

    /// What it is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.value {
            _ if self.is_null() => "nothing",
            Yaml::Scalar { .. } => "text",
            Yaml::List(_) => "a list",
            Yaml::Map(_) => "a map",
        }
    }

    /// The elements of a list; a single value counts as a list of one.
    pub(crate) fn each(&self) -> Vec<&Tree> {
        match &self.value {
            Yaml::List(elements) => elements.iter().collect(),
            _ if self.is_null() => Vec::new(),
            _ => vec![self],
        }
    }

    /// Where bytes of the text of this scalar stand in the file. Folding, quotes and indentation change white space
    /// and escapes only, so both texts are walked together and meet at every other character.
    pub(crate) fn locate(&self, file: &str, within: Range<usize>) -> Range<usize> {
        let Yaml::Scalar { text, block, .. } = &self.value else { return self.place.clone() };
        let mut at = self.place.start;
        if *block && let Some(newline) = file.get(at..).and_then(|rest| rest.find('\n')) {
            // The header (`|`, `>-`) is no part of the text; where the place begins after it, nothing is skipped.
            if file.get(at..).is_some_and(|rest| rest.starts_with(['|', '>'])) {
                at += newline + 1;
            }
        }
        let mut start = None;
        let mut end = at;
        for (offset, wanted) in text.char_indices() {
            if offset >= within.end.max(within.start + 1) {
                break;
            }
            if wanted.is_whitespace() {
                continue;
            }
            let rest = file.get(at..self.place.end.max(at)).unwrap_or("");
            let Some(found) = rest.find(wanted) else { break };
            let here = at + found;
            at = here + wanted.len_utf8();
            if offset >= within.start {
                start.get_or_insert(here);
                end = at;
            }
        }
        let start = start.unwrap_or_else(|| at.min(self.place.end));
        start..end.max(start + 1)
    }
}

/// Reads all documents of a file.
///
/// # Errors
/// The first problem: what the parser says, a limit, or a feature of YAML that rules do not have.
pub(crate) fn read(text: &str) -> Result<Vec<Tree>, Problem> {
    if text.len() > FILE_BYTES_MAX {
        return Err(Problem::new(
            0..1,
            format!("the file is {} bytes long, more than {FILE_BYTES_MAX}", text.len()),
            "put its rules into several files",
        ));
    }
    let mut reader = Reader { parser: Parser::new_from_str(text), text };
    let mut documents = Vec::new();
    while let Some((event, span)) = reader.next()? {
        match event {
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
            Event::StreamEnd => break,
            event => {
                let tree = reader.tree(event, span, 0)?;
                if !tree.is_null() {
                    documents.push(tree);
                }
            }
        }
    }
    Ok(documents)
}

/// What helps most of those whose text is no YAML.
const QUOTES: &str = "check indentation and quotes: text that holds `: ` or begins with `{`, `[`, `&`, `*`, `!`, `%`, \
                      `@` or \"`\" must stand in quotes";

struct Reader<'a> {
    parser: Parser<'a, granit_parser::StrInput<'a>>,
    text: &'a str,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, Problem> {
        loop {
            match self.parser.next_event() {
                None => return Ok(None),
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok(event)) => return Ok(Some(event)),
                Some(Err(error)) => {
                    let at = self.byte(*error.marker());
                    let problem = format!("this is not YAML: {}", error.info());
                    return Err(Problem::new(at..at + 1, problem, QUOTES));
                }
            }
        }
    }

    fn byte(&self, marker: granit_parser::Marker) -> usize {
        marker.byte_offset().unwrap_or_else(|| {
            self.text.char_indices().nth(marker.index()).map_or(self.text.len(), |(byte, _)| byte)
        })
    }

    fn place(&self, span: Span) -> Range<usize> {
        let start = self.byte(span.start);
        start..self.byte(span.end).max(start)
    }

    fn tree(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Tree, Problem> {
        let place = self.place(span);
        let refuse = |what: &str, remedy: &str| Err(Problem::new(place.clone(), what, remedy));
        if depth > YAML_DEPTH_MAX {
            return refuse("maps and lists are nested too deeply", "no part of a rule needs that");
        }
        match event {
            Event::Scalar(text, style, 0, None) => {
                let plain = style == ScalarStyle::Plain;
                let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                Ok(Tree { value: Yaml::Scalar { text: text.into_owned(), plain, block }, place })
            }
            Event::SequenceStart(_, 0, None) => {
                let mut elements = Vec::new();
                loop {
                    match self.next()? {
                        Some((Event::SequenceEnd, span)) => {
                            let end = self.place(span).end;
                            return Ok(Tree {
                                value: Yaml::List(elements),
                                place: place.start..end,
                            });
                        }
                        Some((event, span)) => elements.push(self.tree(event, span, depth + 1)?),
                        None => return refuse("the list does not end", "close it"),
                    }
                }
            }
            Event::MappingStart(_, 0, None) => self.map(place, depth),
            _ => refuse(
                "anchors, aliases and tags are no part of a rule",
                "write the value out, in quotes if it begins with `&`, `*` or `!`",
            ),
        }
    }

    fn map(&mut self, place: Range<usize>, depth: usize) -> Result<Tree, Problem> {
        let mut entries: Vec<(Key, Tree)> = Vec::new();
        let ends = || Problem::new(place.clone(), "the map does not end", "close it");
        loop {
            let (event, span) = self.next()?.ok_or_else(ends)?;
            if event == Event::MappingEnd {
                let end = self.place(span).end;
                return Ok(Tree { value: Yaml::Map(entries), place: place.start..end });
            }
            let key = self.tree(event, span, depth + 1)?;
            let Some(text) = key.text().map(str::to_owned) else {
                return Err(Problem::new(key.place, "a key must be a word", "write `name: value`"));
            };
            if entries.iter().any(|(known, _)| known.text == text) {
                let problem = format!("`{text}` stands here twice");
                return Err(Problem::new(key.place, problem, "remove one of them"));
            }
            let (event, span) = self.next()?.ok_or_else(ends)?;
            let value = self.tree(event, span, depth + 1)?;
            entries.push((Key { text, place: key.place }, value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place_of(file: &str, word: &str) -> String {
        let trees = read(file).unwrap();
        let Yaml::Map(entries) = &trees[0].value else { panic!("no map") };
        let tree = &entries[0].1;
        let at = tree.text().unwrap().find(word).unwrap();
        let found = tree.locate(file, at..at + word.len());
        let line = file[..found.start].matches('\n').count() + 1;
        format!("{line}:{}", &file[found])
    }

    #[test]
    fn words_are_found_in_every_style_of_text() {
        let cases = [
            ("when: a.b == c\n", "c", "1:c"),
            ("when: 'it''s == word'\n", "word", "1:word"),
            ("when: \"a \\\"b\\\" == word\"\n", "word", "1:word"),
            ("when: |\n  one == two\n    && three.four\nid: x\n", "three", "3:three"),
            ("when: >-\n  one == two\n  && three.four\nid: x\n", "four", "3:four"),
            ("when: one\n  && two\n", "two", "2:two"),
            ("when: |  # note\n  é == two\n", "two", "2:two"),
        ];
        for (file, word, wanted) in cases {
            assert_eq!(place_of(file, word), wanted, "{file}");
        }
    }

    #[test]
    fn what_rules_do_not_have_is_refused() {
        for bad in ["a: &x 1\nb: *x\n", "a: !!str 1\n", "a: 1\na: 2\n", "a: [1\n", "? [a]\n: 1\n"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        let deep = format!("a: {}{}", "[".repeat(40), "]".repeat(40));
        assert!(read(&deep).is_err());
    }
}
