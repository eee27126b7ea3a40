//! Alerts of other programs come in: the webhook of Prometheus Alertmanager.

use std::sync::Arc;

use axum::extract::State;
use portcullis_case::{
    CaseCommand, Command, OutsideAlert, Severity, outside::ALERT_TEXT_CHARS_MAX,
};
use portcullis_notify::{ExternalAlert, parse_alertmanager};
use portcullis_types::ids::{CaseId, Seq};
use serde::Serialize;
use utoipa::ToSchema;

use super::Answer;
use crate::{
    api::{
        App,
        asked::{Asked, RawBody},
        desk::{Order, say},
        error::ApiError,
        shown::Shown,
    },
    runner::now,
};

/// Most alerts that one request may say something new of. Alertmanager sends the rest again.
const NEW_MAX: u64 = 100;

/// What became of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AlertsTaken {
    /// Alerts that were written down: that fire, or that are over.
    pub(crate) taken: u64,
    /// Alerts of which nothing new was said.
    pub(crate) known: u64,
    /// Alerts that were left out, there or here, because they were too many.
    pub(crate) left_out: u64,
    /// Alerts that cannot be taken.
    pub(crate) refused: Vec<AlertRefused>,
}

/// An alert that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct AlertRefused {
    pub(crate) fingerprint: String,
    pub(crate) why: String,
}

/// POST alerts. A fault of one alert is no fault of the others, and no reason to send them all again.
pub(crate) async fn alerts(
    State(app): State<Arc<App>>,
    asked: Asked,
    RawBody(body): RawBody,
) -> Answer<AlertsTaken> {
    let who = asked.caller()?.name.clone();
    let inbound = parse_alertmanager(&body).map_err(|why| {
        let remedy = "point a `webhook_config` of Alertmanager here, with `max_alerts: 100`";
        ApiError::invalid(why, remedy)
    })?;
    let mut answer = AlertsTaken { left_out: inbound.left_out, ..AlertsTaken::default() };
    for one in inbound.alerts {
        if answer.taken >= NEW_MAX {
            answer.left_out += 1;
            continue;
        }
        let when = if one.is_firing { one.starts.min(now()) } else { now() };
        let alert = outside(&one);
        let fingerprint = alert.fingerprint.clone();
        let command = CaseCommand { who: who.clone(), when, what: Command::Alert { alert } };
        // Which case it belongs to is found where it is decided.
        let order = Order::Command { case: CaseId(Seq(0)), command };
        match say(&app, &who, order).await {
            Ok(_) => answer.taken += 1,
            Err(error) if matches!(error.body.code, "conflict" | "notFound") => answer.known += 1,
            Err(error) if error.body.code == "invalid" => {
                answer.refused.push(AlertRefused { fingerprint, why: error.body.message });
            }
            // It is sent again, and what was taken is known then.
            Err(error) => return Err(error),
        }
    }
    Ok(Shown(answer))
}

/// The alert as it is written down. Its texts were made printable when they were read.
fn outside(alert: &ExternalAlert) -> OutsideAlert {
    let said = ["summary", "description", "message"];
    let text = said.iter().find_map(|name| alert.annotations.get(*name)).cloned();
    let severity = match alert.severity {
        portcullis_notify::Severity::P1 | portcullis_notify::Severity::P2 => Severity::P2,
        portcullis_notify::Severity::P3 => Severity::P3,
        portcullis_notify::Severity::P4 => Severity::P4,
        portcullis_notify::Severity::P5 => Severity::P5,
    };
    OutsideAlert {
        fingerprint: cut(&alert.fingerprint),
        name: cut(&alert.name),
        text: cut(&text.unwrap_or_default()),
        severity,
        is_firing: alert.is_firing,
        protocol: alert.labels.get("protocol").map(|name| cut(name)),
    }
}

fn cut(text: &str) -> String {
    text.chars().take(ALERT_TEXT_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use portcullis_types::text::is_plain;
    use serde_json::json;

    use super::*;

    /// One firing alert with these parts in place of good ones.
    fn body(changes: &serde_json::Value) -> Vec<u8> {
        let mut alert = json!({
            "status": "firing",
            "labels": {"alertname": "DnsChanged", "severity": "critical", "protocol": "bank"},
            "annotations": {"summary": "app.example moved"},
            "startsAt": "2026-02-21T14:13:35.123Z", "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://b", "fingerprint": "c0ffee",
        });
        for (name, value) in changes.as_object().unwrap() {
            alert[name] = value.clone();
        }
        json!({"version": "4", "groupKey": "g", "status": "firing", "alerts": [alert]})
            .to_string()
            .into_bytes()
    }

    fn read(body: &[u8]) -> Result<Vec<OutsideAlert>, String> {
        parse_alertmanager(body).map(|inbound| inbound.alerts.iter().map(outside).collect())
    }

    #[test]
    fn an_alert_is_written_down_with_what_people_need() {
        let all = read(&body(&json!({}))).unwrap();
        assert_eq!(
            all,
            [OutsideAlert {
                fingerprint: "c0ffee".to_owned(),
                name: "DnsChanged".to_owned(),
                text: "app.example moved".to_owned(),
                severity: Severity::P2,
                is_firing: true,
                protocol: Some("bank".to_owned()),
            }]
        );
        let quiet =
            read(&body(&json!({"labels": {"severity": "info"}, "annotations": {}}))).unwrap();
        assert_eq!((quiet[0].name.as_str(), quiet[0].severity), ("unnamed alert", Severity::P4));
        assert_eq!((quiet[0].protocol.as_ref(), quiet[0].text.as_str()), (None, ""));
    }

    #[test]
    fn what_is_no_payload_is_refused_and_nothing_of_it_taken() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let bodies: Vec<Vec<u8>> = vec![
            Vec::new(),
            b"null".to_vec(),
            b"4".to_vec(),
            b"{}".to_vec(),
            b"\xff\xfe".to_vec(),
            b"{\"version\":\"4\"}".to_vec(),
            b"{\"version\":4,\"alerts\":[]}".to_vec(),
            b"{\"version\":\"4\",\"alerts\":{}}".to_vec(),
            b"{\"version\":\"4\",\"alerts\":[null]}".to_vec(),
            b"{\"version\":\"4\",\"alerts\":[],\"truncatedAlerts\":-1}".to_vec(),
            b"{\"version\":\"3\",\"alerts\":[]}".to_vec(),
            deep.clone().into_bytes(),
            format!("{{\"version\":\"4\",\"alerts\":{deep}}}").into_bytes(),
            body(&json!({"status": "FIRING"})),
            body(&json!({"status": null})),
            body(&json!({"labels": []})),
            body(&json!({"labels": {"alertname": 7}})),
            body(&json!({"annotations": {"summary": {"a": 1}}})),
            body(&json!({"startsAt": ""})),
            body(&json!({"startsAt": 1})),
            body(&json!({"startsAt": "99999-01-01T00:00:00Z"})),
            body(&json!({"fingerprint": null})),
            vec![b' '; portcullis_notify::BODY_BYTES_MAX + 1],
        ];
        for body in bodies {
            let shown = String::from_utf8_lossy(&body).chars().take(80).collect::<String>();
            let why = read(&body).expect_err(&shown);
            assert!(why.len() < 1_000, "{shown}: {}", why.len());
        }
    }

    #[test]
    fn hostile_texts_become_harmless_or_are_refused() {
        let long = "x".repeat(100_000);
        let texts = [
            "\u{202e}evil",
            "\u{1b}[2J",
            "a\nb\r\0c",
            "<script>",
            "'; DROP TABLE entry; --",
            "{{x}}",
            "\u{feff}\u{200b}",
            "PC-000001",
            long.as_str(),
            "%n%s",
            "../../etc/passwd",
            "\u{10ffff}",
        ];
        for text in texts {
            let all = read(&body(&json!({
                "labels": {"alertname": text, "severity": text, "protocol": text, text: text},
                "annotations": {"summary": text, text: text},
                "fingerprint": text,
            })))
            .unwrap();
            let alert = &all[0];
            assert_eq!(alert.fault(), None, "{text:?}: {alert:?}");
            assert_eq!(alert.severity, Severity::P4, "an unknown grade is no grave one");
            assert!(alert.sentence().chars().all(is_plain), "{alert:?}");
            assert!(
                alert.sentence().len() < 4 * ALERT_TEXT_CHARS_MAX,
                "{}",
                alert.sentence().len()
            );
        }
        let nameless = read(&body(&json!({"fingerprint": ""}))).unwrap();
        assert!(nameless[0].fault().is_some(), "without an identity it would be new every time");
    }
}
