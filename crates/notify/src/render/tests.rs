//! What goes out: fixed texts, limits under any input, and nothing of the team's for the public.

use portcullis_types::ids::{CaseId, Millis, Seq};
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::{
    notice::{Containment, Kind, Secrecy},
    public::{Impact, Service, Stage},
    severity::Severity,
    text,
};

const AT: Millis = Millis(1_788_221_100_000);

const HOSTILE: &str = "<!channel> @everyone https://evil.example/claim www.evil.example *b* _i_ `c` </b><script> \u{202e}dnes \x1b[2J [x](y)";

fn formats() -> Vec<(&'static str, Format)> {
    let source = || "sensor-1".to_owned();
    let chat = || "-100123".to_owned();
    vec![
        ("slack", Format::Slack),
        ("discord", Format::Discord),
        ("telegram-html", Format::Telegram { chat: chat(), markdown: false }),
        ("telegram-markdown", Format::Telegram { chat: chat(), markdown: true }),
        ("mail", Format::Mail),
        ("pagerduty", Format::PagerDuty { source: source() }),
        ("alertmanager", Format::Alertmanager { source: source() }),
        ("webhook", Format::Webhook),
    ]
}

fn case() -> CaseId {
    CaseId(Seq(42))
}

fn plain() -> Notice {
    Notice::new(
        Kind::Finding,
        Severity::P1,
        "PC-000042/findings",
        "vault: 4.2 m USDC left in one block",
        AT,
    )
    .of_case(case())
    .with("Loss so far", "$4,200,000.00", Secrecy::WhileContaining)
    .with("Transaction", "0xabc…", Secrecy::WhileContaining)
    .linked("https://ir.example/cases/PC-000042".parse().unwrap())
}

fn hostile() -> Notice {
    Notice::new(Kind::Finding, Severity::P2, HOSTILE, HOSTILE, AT)
        .with(HOSTILE, HOSTILE, Secrecy::WhileContaining)
        .with("Evidence", "one\ntwo", Secrecy::WhileContaining)
        .with("Evidence", "three", Secrecy::WhileContaining)
}

fn status() -> PublicStatus {
    let name = "Acme Vault".to_owned().try_into().unwrap();
    let mut status = PublicStatus::new(case(), name, Stage::Identified, AT);
    status.impact = Impact::Minor;
    status.service = Service::PartlyPaused;
    status.next_update_minutes = 60;
    status
}

fn team_envelope(notice: Notice, folded: u64) -> Envelope {
    let content = Content::Team(Box::new(notice));
    Envelope { id: "42.0/ops".to_owned(), content, folded, to: None }
}

fn public_envelope(status: PublicStatus) -> Envelope {
    let content = Content::Public(Box::new(status));
    Envelope { id: "42.0/status".to_owned(), content, folded: 0, to: None }
}

fn as_text(payload: &Payload) -> String {
    match payload {
        Payload::Json(value) => serde_json::to_string_pretty(value).unwrap(),
        Payload::Mail(mail) => {
            format!(
                "subject: {}\nmessage: {}\nthread: {}\n\n{}\n{}",
                mail.subject, mail.message, mail.thread, mail.text, mail.html
            )
        }
    }
}

#[test]
fn texts_are_as_they_were() {
    for (name, format) in formats() {
        let shown = as_text(&render(&format, &team_envelope(plain(), 4_312)).unwrap());
        insta::assert_snapshot!(format!("plain-{name}"), shown);
        let shown = as_text(&render(&format, &team_envelope(hostile(), 0)).unwrap());
        insta::assert_snapshot!(format!("hostile-{name}"), shown);
        match render(&format, &public_envelope(status())) {
            Ok(payload) => insta::assert_snapshot!(format!("public-{name}"), as_text(&payload)),
            Err(why) => assert!(name == "pagerduty" || name == "alertmanager", "{name}: {why}"),
        }
    }
}

#[test]
fn pagers_are_told_when_it_is_taken_and_when_it_is_over() {
    let pager = Format::PagerDuty { source: "s".to_owned() };
    for (kind, action) in [
        (Kind::Finding, "trigger"),
        (Kind::Acknowledged, "acknowledge"),
        (Kind::Resolved, "resolve"),
    ] {
        let notice = Notice { kind, ..plain() };
        let Payload::Json(event) = render(&pager, &team_envelope(notice, 0)).unwrap() else {
            panic!()
        };
        assert_eq!(
            (event["event_action"].as_str(), event["dedup_key"].as_str()),
            (Some(action), Some("PC-000042"))
        );
        assert_eq!(event.get("payload").is_some(), action == "trigger");
    }
    let alertmanager = Format::Alertmanager { source: "s".to_owned() };
    let fired = render(&alertmanager, &team_envelope(plain(), 0)).unwrap();
    let over = render(&alertmanager, &team_envelope(Notice { kind: Kind::Resolved, ..plain() }, 0))
        .unwrap();
    let (Payload::Json(fired), Payload::Json(over)) = (fired, over) else { panic!() };
    let ended: Vec<&Value> =
        over.as_array().unwrap().iter().map(|alert| &alert["labels"]).collect();
    assert!(ended.contains(&&fired[0]["labels"]), "its identity there is its labels");
    assert!(over.as_array().unwrap().iter().all(|alert| alert["endsAt"] == text::timestamp(AT)));
}

#[test]
fn mentions_are_ids_and_nothing_else() {
    for (to, is_taken) in [("U0123ABC", true), ("!channel", false), ("x> <!here", false)] {
        let envelope = Envelope { to: Some(to.to_owned()), ..team_envelope(plain(), 0) };
        let shown = as_text(&render(&Format::Slack, &envelope).unwrap());
        assert_eq!(shown.contains(&format!("<@{to}>")), is_taken, "{to}");
    }
    let envelope = Envelope { to: Some("1234".to_owned()), ..team_envelope(plain(), 0) };
    let Payload::Json(body) = render(&Format::Discord, &envelope).unwrap() else { panic!() };
    assert_eq!(body["allowed_mentions"], serde_json::json!({"parse": [], "users": ["1234"]}));
}

/// Every limit that the services publish, on any payload.
fn check_limits(format: &Format, payload: &Payload) {
    let length = |value: &Value| value.as_str().map_or(0, text::units);
    let Payload::Json(body) = payload else {
        let Payload::Mail(mail) = payload else { panic!() };
        assert!(text::units(&mail.subject) <= 150 && !mail.subject.contains(['\r', '\n']));
        return;
    };
    match format {
        Format::Slack => {
            let blocks = body["blocks"].as_array().unwrap();
            assert!(blocks.len() <= 50 && length(&body["text"]) <= 1_024);
            for block in blocks {
                assert!(block["type"] != "header" || length(&block["text"]["text"]) <= 150);
                let fields = block["fields"].as_array().cloned().unwrap_or_default();
                assert!(fields.len() <= 10);
                assert!(
                    fields.iter().all(|f| f["type"] == "plain_text" && length(&f["text"]) <= 2_000)
                );
            }
        }
        Format::Discord => {
            let embed = &body["embeds"][0];
            let (title, description) = (length(&embed["title"]), length(&embed["description"]));
            let footer = length(&embed["footer"]["text"]);
            assert!(length(&body["content"]) <= 2_000 && title <= 256 && description <= 4_096);
            assert!(title + description + footer <= 6_000);
            assert_eq!(body["allowed_mentions"]["parse"], serde_json::json!([]));
        }
        Format::Telegram { .. } => assert!(length(&body["text"]) <= 4_096),
        Format::PagerDuty { .. } => {
            assert!(body.to_string().len() <= 512_000 && length(&body["dedup_key"]) <= 255);
            assert!(length(&body["payload"]["summary"]) <= 1_024);
        }
        Format::Alertmanager { .. } | Format::Webhook | Format::Mail => {
            assert!(body.to_string().len() <= 512_000);
        }
    }
}

fn any_notice() -> impl Strategy<Value = Notice> {
    let word = "(\\PC|[\\x00-\\x1f<>&*_`~|@:\\[\\]()\u{202e}\u{200b}\u{1f980}]){0,300}";
    let parts = proptest::collection::vec((word, word), 0..60);
    (word, word, parts, 0usize..Kind::ALL.len(), 0usize..5).prop_map(
        |(title, group, parts, kind, severity)| {
            let title = title.repeat(4);
            let mut notice =
                Notice::new(Kind::ALL[kind], Severity::ALL[severity], &group, &title, AT);
            for (label, text) in parts {
                notice = notice.with(&label, &text.repeat(7), Secrecy::WhileContaining);
            }
            notice
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn limits_hold_and_hostile_text_is_harmless(notice in any_notice(), folded in 0u64..1_000_000) {
        for (_, format) in formats() {
            let payload = render(&format, &team_envelope(notice.clone(), folded)).unwrap();
            check_limits(&format, &payload);
            // No control, direction or invisible character but the line breaks that are ours.
            let strings = match &payload {
                Payload::Json(value) => strings_of(value),
                Payload::Mail(mail) => vec![mail.subject.clone(), mail.text.clone(), mail.html.clone()],
            };
            for text in strings {
                prop_assert!(text.chars().all(|c| c == '\n' || portcullis_types::text::is_plain(c)), "{text:?}");
                prop_assert!(!text.contains("://"), "{text:?}");
            }
        }
    }

    /// Whatever the team is told, and whatever state the incident is in: no character of it gets to the public but what
    /// was released, and while it is open nothing is released that must wait.
    #[test]
    fn nothing_of_the_team_reaches_the_public(secrets in proptest::collection::vec("[a-z]{24}", 4), stage in 0usize..4) {
        let stage = [Stage::Investigating, Stage::Identified, Stage::Monitoring, Stage::Resolved][stage];
        let mut status = status();
        status.stage = stage;
        let notice = Notice::new(Kind::Decision, Severity::P1, &secrets[0], &secrets[1], AT)
            .with("lever", &secrets[2], Secrecy::WhileContaining)
            .with("responder", &secrets[3], Secrecy::Team)
            .linked(format!("https://ir.example/{}", secrets[0]).parse().unwrap());
        for part in &notice.parts {
            prop_assert!(part.release(Containment::Open).is_none());
        }
        // Afterwards a person may say which lever it was; who responded, never.
        prop_assert!(notice.parts[0].release(Containment::Closed).is_some());
        prop_assert!(notice.parts[1].release(Containment::Closed).is_none());
        let open = notice.clone().with("all", "deposits are safe", Secrecy::Open);
        status = status.with(open.parts[2].release(Containment::Open).unwrap());
        let plan = crate::plan::tests::both_audiences();
        let told = Notice { public: Some(status), ..notice };
        for (name, content) in crate::outbox::contents_for_tests(&plan, &told) {
            if name != "status" { continue }
            let stored = serde_json::to_string(&content).unwrap();
            let envelope = Envelope { id: "42.0/status".to_owned(), content, folded: 0, to: None };
            let mut shown = vec![stored];
            shown.extend(formats().iter().filter_map(|(_, format)| Some(as_text(&render(format, &envelope).ok()?))));
            prop_assert!(shown.len() > 5);
            for text in shown {
                prop_assert!(secrets.iter().all(|secret| !text.contains(secret.as_str())), "{text}");
                prop_assert!(text.contains("deposits are safe"));
            }
        }
    }
}

fn strings_of(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(strings_of).collect(),
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| strings_of(value).into_iter().chain([name.clone()]))
            .collect(),
        _ => Vec::new(),
    }
}
