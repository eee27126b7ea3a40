//! YAML with places: every value knows its line and column. Anchors, aliases and tags are refused.

use granit_parser::{Event, Parser, ScalarStyle, Span, StrInput};

use super::{FILE_BYTES_MAX, diagnostic::Place};

/// Deepest nesting of maps and lists.
const DEPTH_MAX: usize = 16;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    pub(super) value: Yaml,
    pub(super) place: Place,
}

#[derive(Debug, Clone)]
pub(super) enum Yaml {
    Scalar { text: String, plain: bool },
    List(Vec<Tree>),
    Map(Vec<(Key, Tree)>),
}

#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) place: Place,
}

/// What is wrong with the YAML itself: place, problem, remedy.
pub(super) type Broken = (Place, String, &'static str);

impl Tree {
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.value, Yaml::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null"))
    }

    /// What it is, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match &self.value {
            _ if self.is_null() => "nothing",
            Yaml::Scalar { .. } => "text",
            Yaml::List(_) => "a list",
            Yaml::Map(_) => "a map",
        }
    }
}

/// Reads the one document of a file.
pub(super) fn read(text: &str) -> Result<Tree, Broken> {
    let start = Place { line: 1, column: 1 };
    if text.len() > FILE_BYTES_MAX {
        let problem = format!("the file is {} bytes long, more than {FILE_BYTES_MAX}", text.len());
        return Err((start, problem, "divide it into two playbooks"));
    }
    let mut reader = Reader { parser: Parser::new_from_str(text) };
    let mut document = None;
    while let Some((event, span)) = reader.next()? {
        match event {
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
            Event::StreamEnd => break,
            _ if document.is_some() => {
                let problem = "a second document begins here".to_owned();
                return Err((place(span), problem, "put it into a file of its own"));
            }
            event => document = Some(reader.tree(event, span, 0)?),
        }
    }
    document.ok_or((start, "the file is empty".to_owned(), "begin with `id: …`"))
}

fn place(span: Span) -> Place {
    Place { line: span.start.line(), column: span.start.col() + 1 }
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, Broken> {
        loop {
            match self.parser.next_event() {
                None => return Ok(None),
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok(event)) => return Ok(Some(event)),
                Some(Err(error)) => {
                    let at = error.marker();
                    let at = Place { line: at.line(), column: at.col() + 1 };
                    return Err((
                        at,
                        format!("this is not YAML: {}", error.info()),
                        "check indentation and quotes; text that holds `: ` or begins with a sign stands in quotes",
                    ));
                }
            }
        }
    }

    fn tree(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Tree, Broken> {
        let at = place(span);
        if depth > DEPTH_MAX {
            return Err((
                at,
                "maps and lists are nested too deeply".to_owned(),
                "no field needs that",
            ));
        }
        match event {
            Event::Scalar(text, style, 0, None) => {
                let plain = style == ScalarStyle::Plain;
                Ok(Tree { value: Yaml::Scalar { text: text.into_owned(), plain }, place: at })
            }
            Event::SequenceStart(_, 0, None) => {
                let mut elements = Vec::new();
                while let Some((event, span)) = self.next()? {
                    if event == Event::SequenceEnd {
                        return Ok(Tree { value: Yaml::List(elements), place: at });
                    }
                    elements.push(self.tree(event, span, depth + 1)?);
                }
                Err((at, "the list does not end".to_owned(), "close it"))
            }
            Event::MappingStart(_, 0, None) => self.map(at, depth),
            _ => Err((
                at,
                "anchors, aliases and tags are no part of a playbook".to_owned(),
                "write the value out, in quotes if it begins with `&`, `*` or `!`",
            )),
        }
    }

    fn map(&mut self, at: Place, depth: usize) -> Result<Tree, Broken> {
        let mut entries: Vec<(Key, Tree)> = Vec::new();
        while let Some((event, span)) = self.next()? {
            if event == Event::MappingEnd {
                return Ok(Tree { value: Yaml::Map(entries), place: at });
            }
            let key = self.tree(event, span, depth + 1)?;
            let Yaml::Scalar { text, .. } = key.value else {
                return Err((key.place, "a key must be a word".to_owned(), "write `name: value`"));
            };
            if entries.iter().any(|(known, _)| known.text == text) {
                let problem = format!("`{text}` stands here twice");
                return Err((key.place, problem, "remove one of them"));
            }
            let Some((event, span)) = self.next()? else { break };
            let value = self.tree(event, span, depth + 1)?;
            entries.push((Key { text, place: key.place }, value));
        }
        Err((at, "the map does not end".to_owned(), "close it"))
    }
}
