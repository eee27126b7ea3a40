//! The one way out: JSON whose texts are harmless.
//!
//! Names, reasons and notes come from the chain, from nodes and from people. Whatever the route, every text of an answer has
//! its control characters, direction marks and invisible characters made visible (`\u{202e}`), and is cut at
//! [`TEXT_CHARS_MAX`]. Line breaks and tabs stay. Markup is text in JSON; no answer is served as a page.

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use portcullis_types::text::is_plain;
use serde::Serialize;
use serde_json::Value;

/// Longest text of an answer, characters. Notes of people have at most 8,192 bytes.
pub(crate) const TEXT_CHARS_MAX: usize = 16_384;

/// An answer as JSON.
#[derive(Debug)]
pub(crate) struct Shown<T>(pub(crate) T);

impl<T: Serialize> IntoResponse for Shown<T> {
    fn into_response(self) -> Response {
        match serde_json::to_value(&self.0) {
            Ok(mut value) => {
                scrub(&mut value);
                let json = HeaderValue::from_static("application/json");
                ([(header::CONTENT_TYPE, json)], value.to_string()).into_response()
            }
            Err(error) => {
                tracing::error!(%error, "an answer cannot be written as JSON: please report it");
                axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

fn scrub(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(better) = harmless(text) {
                *text = better;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(scrub),
        Value::Object(fields) => {
            let hidden = |name: &String| harmless(name).is_some();
            if fields.keys().any(hidden) {
                let old = std::mem::take(fields);
                fields.extend(
                    old.into_iter().map(|(name, value)| (harmless(&name).unwrap_or(name), value)),
                );
            }
            fields.values_mut().for_each(scrub);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn shows(c: char) -> bool {
    is_plain(c) || c == '\n' || c == '\t'
}

/// The text made harmless; none if it is already.
pub(crate) fn harmless(text: &str) -> Option<String> {
    within(text, TEXT_CHARS_MAX)
}

/// A whole document made harmless, however long it is.
pub(crate) fn harmless_document(text: String) -> String {
    within(&text, usize::MAX).unwrap_or(text)
}

fn within(text: &str, chars_max: usize) -> Option<String> {
    if text.len() <= chars_max && text.chars().all(shows) {
        return None;
    }
    let mut out = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == chars_max {
            out.push_str("… [cut]");
            break;
        }
        if shows(c) {
            out.push(c);
        } else {
            out.extend(c.escape_unicode());
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_is_not_cut() {
        let long = "ä".repeat(3 * TEXT_CHARS_MAX);
        assert_eq!(harmless_document(long.clone()), long);
        assert_eq!(harmless_document(format!("{long}\u{202e}")), format!("{long}\\u{{202e}}"));
        assert!(harmless(&long).is_some_and(|text| text.ends_with("[cut]")));
    }

    #[test]
    fn texts_are_made_harmless_wherever_they_stand() {
        let long = "x".repeat(1 << 20);
        let mut value = json!({
            "a": ["\u{202e}CDSU", {"b": "\u{1b}[31mred\u{7}"}],
            "markup": "<script>alert(1)</script>",
            "note": "one\ntwo\tthree",
            "long": long,
            "\u{200b}name": 1,
        });
        scrub(&mut value);
        assert_eq!(value["a"][0], "\\u{202e}CDSU");
        assert_eq!(value["a"][1]["b"], "\\u{1b}[31mred\\u{7}");
        assert_eq!(value["markup"], "<script>alert(1)</script>", "markup is text in JSON");
        assert_eq!(value["note"], "one\ntwo\tthree");
        let cut = value["long"].as_str().unwrap();
        assert!(cut.chars().count() < TEXT_CHARS_MAX + 10 && cut.ends_with("[cut]"));
        assert_eq!(value["\\u{200b}name"], 1);
    }
}
