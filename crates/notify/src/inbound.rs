//! Alerts of others: the webhook payload of Prometheus Alertmanager (version 4), for what a chain does not show: name
//! servers, build machines, clouds.

use jiff::Timestamp;
use portcullis_types::{ids::Millis, text::printable};
use serde::Deserialize;
use std::collections::BTreeMap;

use crate::{
    notice::{Kind, Notice, Secrecy},
    severity::Severity,
};

/// Largest body that is read, bytes.
pub const BODY_BYTES_MAX: usize = 1 << 20;

/// Most alerts in one body.
pub const ALERTS_MAX: usize = 1_000;

/// Most labels or annotations that are kept of one alert.
const LABELS_MAX: usize = 40;

/// One alert of somebody else. All texts are made printable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalAlert {
    /// Identity there: the same while it fires.
    pub fingerprint: String,
    /// The label `alertname`.
    pub name: String,
    /// Whether it still fires.
    pub is_firing: bool,
    /// From its label `severity`: critical P2, warning P3, all else P4. Never P1: others do not see the chain.
    pub severity: Severity,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// Since when.
    pub starts: Millis,
}

/// What one request said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbound {
    /// The alerts.
    pub alerts: Vec<ExternalAlert>,
    /// How many were left out, there and here.
    pub left_out: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    version: String,
    #[serde(default)]
    truncated_alerts: u64,
    alerts: Vec<Alert>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Alert {
    status: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    starts_at: String,
    #[serde(default)]
    fingerprint: String,
}

/// Reads the body of a request of Alertmanager's `webhook_config`.
///
/// # Errors
/// A sentence for the answer with status 400; nothing was taken.
pub fn parse_alertmanager(body: &[u8]) -> Result<Inbound, String> {
    if body.len() > BODY_BYTES_MAX {
        return Err(format!(
            "the body has {} bytes, at most {BODY_BYTES_MAX} are read: lower max_alerts",
            body.len()
        ));
    }
    let body: Body = serde_json::from_slice(body)
        .map_err(|error| format!("the body is no webhook payload of Alertmanager: {error}"))?;
    if body.version != "4" {
        return Err(format!("payload version {} is not known, only 4", printable(&body.version)));
    }
    let beyond = body.alerts.len().saturating_sub(ALERTS_MAX) as u64;
    let alerts = body.alerts.into_iter().take(ALERTS_MAX).map(read).collect::<Result<_, _>>()?;
    Ok(Inbound { alerts, left_out: body.truncated_alerts.saturating_add(beyond) })
}

fn read(alert: Alert) -> Result<ExternalAlert, String> {
    let starts: Timestamp = alert.starts_at.parse().map_err(|_| {
        format!("startsAt `{}` is no time of RFC 3339", printable(&alert.starts_at))
    })?;
    let is_firing = match alert.status.as_str() {
        "firing" => true,
        "resolved" => false,
        other => {
            return Err(format!("status `{}` is neither firing nor resolved", printable(other)));
        }
    };
    let labels = cleaned(alert.labels);
    let severity = match labels.get("severity").map(String::as_str) {
        Some("critical") => Severity::P2,
        Some("warning") => Severity::P3,
        _ => Severity::P4,
    };
    Ok(ExternalAlert {
        fingerprint: printable(&alert.fingerprint),
        name: labels.get("alertname").cloned().unwrap_or_else(|| "unnamed alert".to_owned()),
        is_firing,
        severity,
        labels,
        annotations: cleaned(alert.annotations),
        starts: Millis(starts.as_millisecond().max(0).unsigned_abs()),
    })
}

fn cleaned(map: BTreeMap<String, String>) -> BTreeMap<String, String> {
    map.into_iter().take(LABELS_MAX).map(|(k, v)| (printable(&k), printable(&v))).collect()
}

impl ExternalAlert {
    /// The alert as a notice to the team.
    pub fn notice(&self, now: Millis) -> Notice {
        let (kind, title) = if self.is_firing {
            (Kind::Finding, format!("external alert: {}", self.name))
        } else {
            (Kind::Resolved, format!("external alert is over: {}", self.name))
        };
        let group = format!("external/{}", self.fingerprint);
        let mut notice = Notice::new(kind, self.severity, &group, &title, now);
        for (name, text) in self.annotations.iter().chain(&self.labels) {
            notice = notice.with(name, text, Secrecy::Team);
        }
        notice
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(status: &str, severity: &str, version: &str) -> String {
        format!(
            r#"{{"version":"{version}","groupKey":"g","truncatedAlerts":2,"status":"firing","receiver":"r","notification_reason":"x",
            "groupLabels":{{}},"commonLabels":{{}},"commonAnnotations":{{}},"externalURL":"http://a",
            "alerts":[{{"status":"{status}","labels":{{"alertname":"Dns\u202eChanged","severity":"{severity}"}},
            "annotations":{{"summary":"app.example moved"}},"startsAt":"2026-02-21T14:13:35.123Z","endsAt":"0001-01-01T00:00:00Z",
            "generatorURL":"http://b","fingerprint":"c0ffee"}}]}}"#
        )
    }

    #[test]
    fn payload_of_version_four_is_read_and_made_printable() {
        let inbound = parse_alertmanager(body("firing", "critical", "4").as_bytes()).unwrap();
        let [alert] = inbound.alerts.as_slice() else { panic!("{inbound:?}") };
        assert_eq!((alert.severity, alert.is_firing, inbound.left_out), (Severity::P2, true, 2));
        assert_eq!(alert.name, "Dns\\u{202e}Changed");
        assert_eq!(alert.starts, Millis(1_771_683_215_123));
        let notice = alert.notice(Millis(5));
        assert_eq!((notice.kind, notice.group.as_str()), (Kind::Finding, "external/c0ffee"));
        let over = parse_alertmanager(body("resolved", "warning", "4").as_bytes()).unwrap();
        assert_eq!(over.alerts[0].notice(Millis(5)).kind, Kind::Resolved);
    }

    #[test]
    fn what_is_no_payload_is_refused_with_a_reason() {
        let cases = [
            (body("firing", "x", "5"), "version 5"),
            (body("burning", "x", "4"), "neither firing nor resolved"),
            (body("firing", "x", "4").replace("2026-02-21T14:13:35.123Z", "noon"), "no time"),
            ("[]".to_owned(), "no webhook payload"),
            ("x".repeat(BODY_BYTES_MAX + 1), "at most"),
        ];
        for (body, expected) in cases {
            let error = parse_alertmanager(body.as_bytes()).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
