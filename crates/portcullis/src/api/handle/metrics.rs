//! Metrics as Prometheus reads them (text format 0.0.4).

use std::{fmt::Write as _, sync::Arc};

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};

use portcullis_types::ids::Millis;

use super::system;
use crate::{
    api::{
        App,
        replica::Picture,
        view::{self, ChannelView},
    },
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
    telling(&mut text, system::channels_now(&app).await.as_deref(), now);
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
    let help = "Findings that were never journaled, because their block had too many.";
    let name = "portcullis_findings_over_limit_total";
    text.one(name, "counter", help, picture.engine.findings_dropped());
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

/// Whether people can be reached. A channel's name is not in it where the outbox could not be read.
fn telling<E>(text: &mut Text, channels: Result<&[ChannelView], E>, now: Millis) {
    let help = "1 while the outbox can be read; if 0, nothing is known of the channels.";
    text.one("portcullis_outbox_readable", "gauge", help, u8::from(channels.is_ok()));
    let channels = channels.unwrap_or_default();
    let mut of_each =
        |name: &str, kind: &str, help: &str, value: fn(&ChannelView, Millis) -> f64| {
            text.begin(name, kind, help);
            for channel in channels {
                text.line(name, &[("channel", &channel.name)], value(channel, now));
            }
        };
    of_each("portcullis_channel_up", "gauge", "1 while the channel takes messages.", |one, _| {
        f64::from(u8::from(one.healthy))
    });
    let help = "How long the channel has taken none.";
    of_each("portcullis_channel_down_seconds", "gauge", help, |one, now| {
        one.failing_since.map_or(0.0, |since| now.0.saturating_sub(since) as f64 / 1_000.0)
    });
    let help = "Messages that wait.";
    of_each("portcullis_channel_waiting", "gauge", help, |one, _| f64::from(one.queued));
    let help = "Messages that the channel took.";
    of_each("portcullis_channel_sent_total", "counter", help, |one, _| one.sent as f64);
    let help = "Messages that were given up.";
    of_each("portcullis_channel_undeliverable_total", "counter", help, |one, _| {
        one.undeliverable as f64
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_that_is_down_is_told_from_an_outbox_that_cannot_be_read() {
        let channel = |name: &str, failing_since: Option<u64>| ChannelView {
            name: name.to_owned(),
            healthy: failing_since.is_none(),
            queued: 3,
            last_error: None,
            last_sent_at: None,
            failing_since,
            sent: 7,
            undeliverable: 1,
        };
        let page = |channels: Result<&[ChannelView], ()>| {
            let mut text = Text::default();
            telling(&mut text, channels, Millis(61_000));
            let lines = text.0.lines().filter(|line| !line.starts_with('#'));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(page(Err(())), ["portcullis_outbox_readable 0"]);
        assert_eq!(
            page(Ok(&[channel("pager", None), channel("chat", Some(1_000))])),
            [
                "portcullis_outbox_readable 1",
                "portcullis_channel_up{channel=\"pager\"} 1",
                "portcullis_channel_up{channel=\"chat\"} 0",
                "portcullis_channel_down_seconds{channel=\"pager\"} 0",
                "portcullis_channel_down_seconds{channel=\"chat\"} 60",
                "portcullis_channel_waiting{channel=\"pager\"} 3",
                "portcullis_channel_waiting{channel=\"chat\"} 3",
                "portcullis_channel_sent_total{channel=\"pager\"} 7",
                "portcullis_channel_sent_total{channel=\"chat\"} 7",
                "portcullis_channel_undeliverable_total{channel=\"pager\"} 1",
                "portcullis_channel_undeliverable_total{channel=\"chat\"} 1",
            ]
        );
    }

    #[test]
    fn labels_cannot_break_out() {
        let mut text = Text::default();
        text.line("a", &[("b", "x\"} 1\ny\\")], 2);
        assert_eq!(text.0, "a{b=\"x\\\"} 1\\\\u{a}y\\\\\"} 2\n");
    }
}
