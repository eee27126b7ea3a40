//! `PagerDuty`, Events v2.

use serde_json::{Map, Value, json};

use super::shown::Shown;
use crate::{
    notice::{Kind, Notice},
    text,
};

/// `payload.summary`.
const SUMMARY_MAX: usize = 1_024;
/// `dedup_key`.
const DEDUP_MAX: usize = 255;

/// `trigger`, or `acknowledge` and `resolve` by what the notice is about. The key is the incident's, not the notice's:
/// one incident rings once.
pub(super) fn event(shown: &Shown, notice: &Notice, source: &str) -> Value {
    let dedup_key = text::cut(&shown.thread, DEDUP_MAX);
    let action = match notice.kind {
        Kind::Acknowledged => "acknowledge",
        Kind::Resolved => "resolve",
        _ => "trigger",
    };
    let mut event = json!({"event_action": action, "dedup_key": dedup_key, "client": "portcullis"});
    let Some(fields) = event.as_object_mut() else { return event };
    if let Some(link) = &shown.link {
        fields.insert("client_url".to_owned(), json!(link));
        fields.insert("links".to_owned(), json!([{"href": link, "text": "Full record"}]));
    }
    if action != "trigger" {
        return event;
    }
    let mut details = Map::new();
    for (label, value) in &shown.parts {
        // Labels repeat (evidence): none may overwrite another.
        let mut name = label.clone();
        let mut copy = 1;
        while details.contains_key(&name) {
            copy += 1;
            name = format!("{label} {copy}");
        }
        details.insert(name, json!(value));
    }
    details.insert("ref".to_owned(), json!(shown.id));
    let mut payload = json!({
        "summary": text::cut(&shown.title, SUMMARY_MAX),
        "source": source,
        "severity": notice.severity.pagerduty(),
        "class": shown.kind,
        "group": text::cut(&text::clean(&notice.group), DEDUP_MAX),
        "custom_details": details,
    });
    let time = text::timestamp(shown.at);
    if let (Some(payload), false) = (payload.as_object_mut(), time.is_empty()) {
        payload.insert("timestamp".to_owned(), json!(time));
    }
    fields.insert("payload".to_owned(), payload);
    event
}
