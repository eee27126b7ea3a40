//! Metrics as Prometheus reads them (text format 0.0.4).

use std::{fmt::Write as _, sync::Arc};

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};

use portcullis_types::ids::Millis;

use crate::{
    api::{App, replica::Picture, view},
    runner::now,
};

/// A page of metrics that is being written.
#[derive(Default)]
struct Text(String);

impl Text {
    fn begin(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        let labels: Vec<String> =
            labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escaped(value))).collect();
        let labels =
            if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
        self.begin(name, kind, help);
        self.line(name, &[], value);
    }
}

fn escaped(value: &str) -> String {
    let value = portcullis_types::text::printable(value);
    value.replace('\\', "\\\\").replace('"', "\\\"")
}

/// GET metrics.
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> Response {
    let mut text = Text::default();
    let now = now();
    {
        let picture = app.replica.look();
        let health = view::health(&picture, &app.settings, now);
        sight(&mut text, &health);
        writing(&mut text, &health.journal, now);
        incidents(&mut text, &picture);
        let asked = picture.engine.approvals_asked().count();
        text.one(
            "portcullis_approvals_asked",
            "gauge",
            "Requests for guardians' signatures.",
            asked,
        );
        text.one("portcullis_journal_records", "counter", "Records of the journal.", picture.seq);
        let behind = now.since(picture.looked_at) as f64 / 1_000.0;
        text.one(
            "portcullis_replica_age_seconds",
            "gauge",
            "Time since the journal was read.",
            behind,
        );
    }
    text.begin("portcullis_http_answers_total", "counter", "Answers by class of their status.");
    for (class, count) in app.counters.answers() {
        text.line("portcullis_http_answers_total", &[("class", class)], count);
    }
    let listeners = app.replica.changes().listeners();
    text.one("portcullis_event_streams", "gauge", "Streams of events that are open.", listeners);
    let resyncs = app.counters.resyncs();
    text.one(
        "portcullis_event_resyncs_total",
        "counter",
        "Streams whose reader was too slow.",
        resyncs,
    );
    let unaudited = app.counters.unaudited_so_far();
    let help = "Attempts of strangers beyond what the audit takes.";
    text.one("portcullis_unaudited_total", "counter", help, unaudited);
    let mut response = text.0.into_response();
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// How much is seen.
fn sight(text: &mut Text, health: &view::HealthView) {
    let name = "portcullis_sees";
    text.one(
        name,
        "gauge",
        "1 while everything is looked at, 0 when blind.",
        u8::from(health.sees),
    );
    text.begin("portcullis_chain_head", "gauge", "Newest block.");
    for chain in &health.chains {
        text.line("portcullis_chain_head", &[("chain", &chain.name)], chain.head.unwrap_or(0));
    }
    text.begin(
        "portcullis_chain_lag_seconds",
        "gauge",
        "Time since the newest block was journaled.",
    );
    for chain in &health.chains {
        if let Some(lag) = chain.lag_ms {
            let labels = [("chain", chain.name.as_str())];
            text.line("portcullis_chain_lag_seconds", &labels, lag as f64 / 1_000.0);
        }
    }
    text.begin("portcullis_blind_blocks", "gauge", "Blocks that nobody has looked into.");
    for chain in &health.chains {
        let n: u64 = chain.blind.iter().map(|blind| blind.to - blind.from + 1).sum();
        text.line("portcullis_blind_blocks", &[("chain", &chain.name)], n);
    }
    text.begin("portcullis_blocks_waiting", "gauge", "Blocks that wait to be looked into.");
    for chain in &health.chains {
        text.line("portcullis_blocks_waiting", &[("chain", &chain.name)], chain.waiting);
    }
}

/// Whether the journal can be written and read.
fn writing(text: &mut Text, journal: &view::JournalHealth, now: Millis) {
    let (writable, readable) = (u8::from(journal.writable), u8::from(journal.readable));
    let help = "1 while entries can be written, 0 while one waits for the database.";
    text.one("portcullis_journal_writable", "gauge", help, writable);
    let help = "1 while the console can read the journal.";
    text.one("portcullis_journal_readable", "gauge", help, readable);
    let waits = journal.since.map_or(0.0, |since| now.0.saturating_sub(since) as f64 / 1_000.0);
    let help = "How long an entry has waited to be written.";
    text.one("portcullis_journal_waits_seconds", "gauge", help, waits);
    let help = "How often it was tried to write the entry that waits.";
    text.one("portcullis_journal_attempts", "gauge", help, journal.attempts);
}

/// Cases, findings and brakes.
fn incidents(text: &mut Text, picture: &Picture) {
    text.begin("portcullis_cases_open", "gauge", "Open cases by grade, declared or suggested.");
    for grade in ["P1", "P2", "P3", "P4", "P5"] {
        let n = picture.lines().filter(|(_, line)| {
            line.open && line.severity.as_ref().unwrap_or(&line.suggested_severity) == grade
        });
        text.line("portcullis_cases_open", &[("severity", grade)], n.count());
    }
    let alerts = picture.engine.outside_alerts().count();
    let help = "Alerts of other programs that fire.";
    text.one("portcullis_outside_alerts", "gauge", help, alerts);
    text.begin("portcullis_findings_total", "counter", "Findings by protocol and detector.");
    for ((protocol, detector), spoken) in &picture.spoken {
        let labels = [("protocol", protocol.as_str()), ("detector", detector.as_str())];
        text.line("portcullis_findings_total", &labels, spoken.findings);
    }
    text.begin("portcullis_brake", "gauge", "1 for the standing of each part of the brakes.");
    for config in picture.engine.config().into_iter().flat_map(|config| &config.protocols) {
        let protocol = config.protocol.name.as_str();
        for brake in picture.engine.brakes(protocol) {
            let standing = format!("{:?}", brake.standing).to_lowercase();
            let labels = [("protocol", protocol), ("part", &brake.brake), ("standing", &standing)];
            text.line("portcullis_brake", &labels, 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_cannot_break_out() {
        let mut text = Text::default();
        text.line("a", &[("b", "x\"} 1\ny\\")], 2);
        assert_eq!(text.0, "a{b=\"x\\\"} 1\\\\u{a}y\\\\\"} 2\n");
    }
}
