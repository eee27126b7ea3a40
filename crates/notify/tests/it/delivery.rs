//! Over HTTP: what arrives, what is tried again, and what a restart in the middle does.

use std::time::Duration;

use portcullis_notify::{
    DELIVERY_HEADER, Kind, Notice, NoticeKey, PublicStatus, SIGNATURE_HEADER, Secret, Severity,
    Stage, verify,
};
use portcullis_types::ids::{Millis, Seq};

use super::support::{Bench, START, Server, case, notice};

const SHARED: &str = "a secret of more than thirty-two characters";

const ALL: &str = r#"
channels:
  - {name: slack, via: {slack: {url: {file: slack}}}}
  - {name: discord, via: {discord: {url: {file: discord}}}}
  - {name: telegram, via: {telegram: {token: {file: token}, chat: "-100", server: "SERVER"}}}
  - {name: pager, via: {pagerDuty: {routingKey: {file: key}, url: "SERVER/v2/enqueue"}}}
  - {name: prom, via: {alertmanager: {url: {file: prom}}}}
  - {name: hook, via: {webhook: {url: {file: hook}, secret: {file: shared}}}}
  - {name: status, audience: public, via: {discord: {url: {file: status}}}}
routes:
  - {minSeverity: P5, channels: [slack, discord, telegram, pager, prom, hook, status]}
"#;

fn bench(server: &str) -> Bench {
    let at = |path: &str| format!("{server}/{path}");
    let secrets = [
        ("slack", at("slack/T0KEN")),
        ("discord", at("discord")),
        ("token", "123:T0KEN".to_owned()),
        ("key", "R0UTING".to_owned()),
        ("prom", format!("{server}/")),
        ("hook", at("hook")),
        ("shared", SHARED.to_owned()),
        ("status", at("status")),
    ];
    Bench::new(&ALL.replace("SERVER", server), &secrets)
}

#[tokio::test]
async fn every_channel_gets_its_own_form() {
    let (server, address) = Server::start().await;
    let bench = bench(&format!("http://{address}"));
    let outbox = bench.outbox();
    let dispatcher = bench.dispatcher(&outbox);
    let mut told = notice(Severity::P1, "theft");
    let name = "Acme Vault".to_owned().try_into().unwrap();
    told.public = Some(PublicStatus::new(case(), name, Stage::Investigating, Millis(START)));
    outbox.enqueue(Millis(START), &told, &NoticeKey::of_step(Seq(42), 0)).unwrap();
    assert_eq!(dispatcher.tick(Millis(START)).await.unwrap().sent, 7);
    let mut requests = server.taken();
    requests.sort_by(|a, b| a.path.cmp(&b.path));
    let paths: Vec<&str> = requests.iter().map(|request| request.path.as_str()).collect();
    let expected = [
        "/api/v2/alerts",
        "/bot123:T0KEN/sendMessage",
        "/discord?wait=true",
        "/hook",
        "/slack/T0KEN",
        "/status?wait=true",
        "/v2/enqueue",
    ];
    assert_eq!(paths, expected);
    assert!(requests.iter().all(|request| request.headers["content-type"] == "application/json"));
    let [prom, telegram, _, hook, slack, status, pager] = requests.as_slice() else { panic!() };
    assert_eq!(prom.json()[0]["labels"]["incident"], "PC-000042");
    assert_eq!(telegram.json()["chat_id"], "-100");
    assert_eq!(slack.json()["blocks"][0]["text"]["text"], "P1 PC-000042 theft <@everyone>");
    assert_eq!(
        (&pager.json()["routing_key"], &pager.json()["payload"]["severity"]),
        (&"R0UTING".into(), &"critical".into())
    );
    let public = String::from_utf8_lossy(&status.body).into_owned();
    assert!(
        public.contains("Acme Vault") && !public.contains("theft") && !public.contains("4,200,000")
    );
    // The signature is over the bytes that came, at the time they were sent.
    let header = hook.headers[SIGNATURE_HEADER].to_str().unwrap();
    let secret = Secret::new(SHARED.to_owned());
    verify(&secret, START / 1000 + 299, header, &hook.body).unwrap();
    verify(&secret, START / 1000 + 301, header, &hook.body).unwrap_err();
    assert_eq!(hook.headers[DELIVERY_HEADER], "42.0/hook");
    assert_eq!(hook.json()["id"], "42.0/hook");
}

const TWO: &str = r"
channels:
  - {name: one, timeoutSeconds: 1, via: {webhook: {url: {file: one}, secret: {file: shared}}}}
  - {name: two, via: {webhook: {url: {file: two}, secret: {file: shared}}}}
routes: [{minSeverity: P5, channels: [one, two]}]
";

fn two(one: &str, other: &str) -> Bench {
    let secrets = [
        ("one", format!("http://{one}/one")),
        ("two", format!("http://{other}/two")),
        ("shared", SHARED.to_owned()),
    ];
    Bench::new(TWO, &secrets)
}

/// Down for ten minutes, and the program is killed twice meanwhile: nothing is lost, what comes twice has the same id
/// and the same text, and the other channel hears of it once.
#[tokio::test]
async fn nothing_is_lost_over_an_outage_and_restarts() {
    let (one, one_at) = Server::start().await;
    let (other, other_at) = Server::start().await;
    let bench = two(&one_at.to_string(), &other_at.to_string());
    *one.status.lock().unwrap() = 503;
    let mut tried = Vec::new();
    for life in 0..3u64 {
        let outbox = bench.outbox();
        let dispatcher = bench.dispatcher(&outbox);
        for n in 0..=life * 2 + 1 {
            // The steps of the lives before are told again, as after a restart.
            let told = notice(Severity::P2, &format!("g{n}"));
            outbox.enqueue(Millis(START), &told, &NoticeKey::of_step(Seq(n), 0)).unwrap();
        }
        for second in life * 200..(life + 1) * 200 {
            dispatcher.tick(Millis(START + second * 1000)).await.unwrap();
        }
        tried.extend(one.taken());
        // Killed after the message was taken out: whether it arrived is not known.
        if let Some(claimed) =
            outbox.claim(Millis(START + (life + 1) * 200_000 + 60_000), "one").unwrap()
        {
            assert!(!claimed.envelope.id.is_empty());
        }
    }
    let outbox = bench.outbox();
    let dispatcher = bench.dispatcher(&outbox);
    *one.status.lock().unwrap() = 200;
    for second in 700..900 {
        dispatcher.tick(Millis(START + second * 1000)).await.unwrap();
    }
    let arrived = one.taken();
    let mut ids: Vec<_> =
        arrived.iter().map(|request| request.json()["id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    assert_eq!(
        ids,
        ["0.0/one", "1.0/one", "2.0/one", "3.0/one", "4.0/one", "5.0/one"],
        "each once"
    );
    assert!(!tried.is_empty() && tried.len() < 40, "{} tries in ten minutes", tried.len());
    for request in &tried {
        let same = arrived.iter().find(|other| other.json()["id"] == request.json()["id"]).unwrap();
        assert_eq!(same.body, request.body, "the same text under the same id");
    }
    let titles: Vec<_> = other
        .taken()
        .iter()
        .map(|request| request.json()["title"].as_str().unwrap().to_owned())
        .collect();
    let n = |words: &str| titles.iter().filter(|title| title.contains(words)).count();
    assert_eq!((n("does not deliver"), n("works again"), titles.len()), (1, 1, 8), "{titles:?}");
}

#[tokio::test]
async fn a_service_that_asks_to_wait_is_left_alone() {
    let (one, one_at) = Server::start().await;
    let bench = two(&one_at.to_string(), &one_at.to_string());
    let outbox = bench.outbox();
    let dispatcher = bench.dispatcher(&outbox);
    one.answers.lock().unwrap().push_back((429, Some("120"), ""));
    outbox
        .enqueue(Millis(START), &notice(Severity::P1, "g"), &NoticeKey::of_step(Seq(1), 0))
        .unwrap();
    assert_eq!(dispatcher.tick_channel(Millis(START), "one").await.unwrap().failed, 1);
    for second in 1..120 {
        dispatcher.tick_channel(Millis(START + second * 1000), "one").await.unwrap();
    }
    assert_eq!(one.taken().len(), 1);
    assert_eq!(dispatcher.tick_channel(Millis(START + 120_000), "one").await.unwrap().sent, 1);
    assert!(dispatcher.tick_channel(Millis(START), "three").await.is_err());
}

#[tokio::test]
async fn a_channel_that_hangs_does_not_hold_up_the_others() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (other, other_at) = Server::start().await;
    let bench = two(&silent.local_addr().unwrap().to_string(), &other_at.to_string());
    let outbox = bench.outbox();
    let dispatcher = bench.dispatcher(&outbox);
    let told = Notice::new(Kind::Declared, Severity::P1, "g", "t", Millis(START));
    outbox.enqueue(Millis(START), &told, &NoticeKey::of_step(Seq(1), 0)).unwrap();
    let (slow, fast) = tokio::join!(
        sendable(dispatcher.tick_channel(Millis(START), "one")),
        tokio::time::timeout(
            Duration::from_millis(900),
            dispatcher.tick_channel(Millis(START), "two")
        ),
    );
    assert_eq!((slow.unwrap().failed, fast.unwrap().unwrap().sent, other.taken().len()), (1, 1, 1));
    let health = dispatcher.health().unwrap();
    assert_eq!(health.channel("one").unwrap().failing_since, Some(Millis(START)));
    assert!(!health.is_mute());
}

/// The program gives each channel a task of its own.
fn sendable<T: Send>(task: T) -> T {
    task
}
