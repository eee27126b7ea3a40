//! Our own JSON for programs. The signature is made where it is sent.

use serde_json::{Value, json};

use super::{Content, Envelope, shown::Shown};
use crate::text;

/// Version of the body.
const VERSION: u32 = 1;

pub(super) fn body(shown: &Shown, envelope: &Envelope) -> Value {
    let parts: Vec<Value> =
        shown.parts.iter().map(|(label, value)| json!({"label": label, "text": value})).collect();
    let mut body = json!({
        "version": VERSION,
        "id": shown.id,
        "at": text::timestamp(shown.at),
        "atMillis": shown.at.0,
        "kind": shown.kind,
        "title": shown.title,
        "parts": parts,
        "folded": envelope.folded,
        "incident": shown.thread,
        "link": shown.link,
    });
    let Some(fields) = body.as_object_mut() else { return body };
    match &envelope.content {
        Content::Team(notice) => {
            fields.insert("audience".to_owned(), json!("team"));
            fields.insert("case".to_owned(), json!(notice.case));
            fields.insert("severity".to_owned(), json!(notice.severity));
            fields.insert("group".to_owned(), json!(text::clean(&notice.group)));
        }
        Content::Public(status) => {
            fields.insert("audience".to_owned(), json!("public"));
            fields.insert("case".to_owned(), json!(status.case));
            fields.insert("stage".to_owned(), json!(status.stage));
            fields.insert("impact".to_owned(), json!(status.impact));
            fields.insert("service".to_owned(), json!(status.service));
        }
    }
    body
}
