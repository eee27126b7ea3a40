//! Prometheus Alertmanager, `POST /api/v2/alerts`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::shown::Shown;
use crate::{
    notice::{Kind, Notice},
    severity::Severity,
    text,
};

/// How long an alert fires without being said again, seconds. Without an end, Alertmanager ends it after its
/// `resolve_timeout`, five minutes, though nobody said that it is over.
pub const HOLD_SECONDS: u64 = 24 * 3600;

/// The whole of the annotations.
const DESCRIPTION_MAX: usize = 8_000;

/// One alert. Its labels are its identity there, so they hold nothing that changes while the incident lasts but the
/// severity, which routes need. When it is over, the alerts of all severities are ended.
pub(super) fn alerts(shown: &Shown, notice: &Notice, source: &str) -> Value {
    let alert = |severity: &str, ends: &str| {
        let mut description = String::new();
        for (label, value) in &shown.parts {
            description.push_str(&format!("{label}: {value}\n"));
        }
        let mut alert = json!({
            "labels": {
                "alertname": "Portcullis",
                "severity": severity,
                "incident": shown.thread,
                "sensor": source,
            },
            "annotations": {
                "summary": text::cut(&shown.title, 1_024),
                "description": text::cut(&description, DESCRIPTION_MAX),
                "kind": shown.kind,
                "level": notice.severity.name(),
                "ref": shown.id,
            },
            "startsAt": text::timestamp(shown.at),
            "endsAt": ends,
        });
        if let (Some(link), Some(alert)) = (&shown.link, alert.as_object_mut()) {
            alert.insert("generatorURL".to_owned(), json!(link));
        }
        alert
    };
    if notice.kind == Kind::Resolved {
        let names: BTreeSet<&str> =
            Severity::ALL.iter().map(|severity| severity.alertmanager()).collect();
        let now = text::timestamp(shown.at);
        return names.into_iter().map(|name| alert(name, &now)).collect();
    }
    json!([alert(
        notice.severity.alertmanager(),
        &text::timestamp(shown.at.plus_seconds(HOLD_SECONDS))
    )])
}
