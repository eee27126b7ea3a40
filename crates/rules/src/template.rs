//! Sentences with values in them: `{args.account} got the role {args.role}`.

use std::{collections::BTreeSet, ops::Range};

use portcullis_types::text::printable;

use crate::{
    check::{self, Scope},
    diagnostic::Problem,
    eval::{Env, Failure, eval},
    node::Node,
    parse::parse,
};

/// A sentence, ready to be filled in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Text(String),
    Value(Node),
}

impl Template {
    /// Reads and checks a sentence.
    ///
    /// # Errors
    /// The first problem, at its bytes of the sentence.
    pub(crate) fn new(
        scope: &Scope<'_>,
        text: &str,
        used: &mut BTreeSet<String>,
    ) -> Result<Self, Problem> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut at = 0;
        while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
            let doubled =
                text.get(at..).is_some_and(|r| r.starts_with("{{") || r.starts_with("}}"));
            match c {
                '{' | '}' if doubled => {
                    plain.push(c);
                    at += 2;
                }
                '{' => {
                    let inner = closing(text, at)?;
                    let expr = parse(text.get(inner.clone()).unwrap_or_default());
                    let node = expr.and_then(|expr| check::check(scope, &expr, used)).map_err(
                        |mut problem| {
                            problem.place =
                                problem.place.start + inner.start..problem.place.end + inner.start;
                            problem
                        },
                    )?;
                    parts.push(Part::Text(std::mem::take(&mut plain)));
                    parts.push(Part::Value(node));
                    at = inner.end + 1;
                }
                '}' => {
                    return Err(Problem::new(
                        at..at + 1,
                        "a `}` without its `{`",
                        "write `}}` for a brace",
                    ));
                }
                c => {
                    plain.push(c);
                    at += c.len_utf8();
                }
            }
        }
        parts.push(Part::Text(plain));
        Ok(Self { parts })
    }

    /// The sentence; a value that cannot be computed is shown as the reason why.
    pub(crate) fn fill(&self, env: &mut Env<'_>) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Value(node) => {
                    let shown: Result<String, Failure> =
                        eval(node, env).map(|value| value.show(env.world));
                    match shown {
                        Ok(text) => out.push_str(&text),
                        Err(failure) => out.push_str(&format!("[{failure}]")),
                    }
                }
            }
        }
        // Values were made printable one by one; the text of the rule may hold anything.
        out.split_whitespace().map(printable).collect::<Vec<_>>().join(" ")
    }
}

/// The bytes between a `{` and its `}`.
fn closing(text: &str, open: usize) -> Result<Range<usize>, Problem> {
    let (mut depth, mut quote) = (0usize, None);
    for (offset, c) in text.get(open..).unwrap_or_default().char_indices() {
        match (c, quote) {
            (c, Some(q)) => quote = Some(q).filter(|q| *q != c),
            ('"' | '\'', None) => quote = Some(c),
            ('{', None) => depth += 1,
            ('}', None) => {
                depth -= 1;
                if depth == 0 {
                    return Ok(open + 1..open + offset);
                }
            }
            _ => {}
        }
    }
    Err(Problem::new(
        open..open + 1,
        "a `{` without its `}`",
        "close it, or write `{{` for a brace",
    ))
}
