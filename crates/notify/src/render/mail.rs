//! E-mail: plain text and HTML.

use alloy_primitives::{hex, keccak256};

use super::shown::{Shown, fit};
use crate::text;

/// Subject, characters: beyond it, clients cut.
const SUBJECT_MAX: usize = 150;
/// Each of the two texts.
const BODY_MAX: usize = 60_000;
/// One value.
const VALUE_MAX: usize = 2_000;

/// A mail but for its sender and receivers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// One line.
    pub subject: String,
    /// As plain text.
    pub text: String,
    /// As HTML, without anything that is fetched from elsewhere.
    pub html: String,
    /// Left side of the Message-ID: the same for every try, so that servers and clients can drop the second.
    pub message: String,
    /// Left side of the id that the mails of one incident refer to.
    pub thread: String,
}

pub(super) fn mail(shown: &Shown) -> Mail {
    let more = |n: usize| format!("… and {n} more details in the full record");
    let mut plain = Vec::new();
    let mut rows = Vec::new();
    for (label, value) in &shown.parts {
        let (label, value) = (text::cut(label, 100), text::cut(value, VALUE_MAX));
        rows.push(format!(
            "<tr><td><b>{}</b></td><td>{}</td></tr>",
            text::html(&label),
            text::html(&value)
        ));
        plain.push(format!("{label}: {value}"));
    }
    let rows = fit(&rows, BODY_MAX, |n| format!("<tr><td colspan=\"2\">{}</td></tr>", more(n)));
    let (mut link_text, mut link_html) = (String::new(), String::new());
    if let Some(link) = &shown.link {
        link_text = format!("Full record: {link}\n");
        link_html = format!("<p><a href=\"{}\">Full record</a></p>", text::html(link));
    }
    let title = text::cut(&shown.title, VALUE_MAX);
    let footer = shown.footer();
    Mail {
        subject: text::cut(&shown.title, SUBJECT_MAX),
        text: format!("{title}\n\n{}\n\n{link_text}{footer}\n", fit(&plain, BODY_MAX, more)),
        html: format!(
            "<!doctype html><meta charset=\"utf-8\"><h3>{}</h3><table>{rows}</table>{link_html}<p><small>{}</small></p>",
            text::html(&title),
            text::html(&footer)
        ),
        message: name(&shown.id),
        thread: name(&shown.thread),
    }
}

/// A name that fits left of an `@`, whatever `text` holds.
fn name(text: &str) -> String {
    hex::encode(keccak256(text.as_bytes()).get(..16).unwrap_or_default())
}
