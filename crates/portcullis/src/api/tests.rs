//! The real server on a real socket, over a journal that the engine wrote.

mod records;
mod statements;

use std::{collections::BTreeMap, path::Path, time::Duration};

use alloy_primitives::{Address, eip191_hash_message};
use k256::ecdsa::SigningKey;
use portcullis_case::{Roster, playbook::Person};
use portcullis_engine::{ChainSettings, Config, Event};
use portcullis_types::{
    chain::{BlindCause, BlockHead, BlockId, ChainEvent},
    ids::Millis,
};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use super::{access::Need, routes::routes, siwe, *};
use crate::{
    runner::now,
    store::{Journal, StoreHealth},
};

struct World {
    server: Server,
    client: Client,
    folder: tempfile::TempDir,
}

fn key(byte: u8) -> SigningKey {
    SigningKey::from_slice(&[byte; 32]).unwrap()
}

fn address(byte: u8) -> Address {
    Address::from_public_key(key(byte).verifying_key())
}

fn sign(byte: u8, text: &str) -> String {
    let hash = eip191_hash_message(text.as_bytes());
    let (signature, recovery) = key(byte).sign_prehash_recoverable(hash.as_slice()).unwrap();
    let tail = 27 + recovery.to_byte();
    format!("0x{}{tail:02x}", alloy_primitives::hex::encode(signature.to_bytes()))
}

const LEVELS: [(&str, Access); 5] = [
    ("vera", Access::Viewer),
    ("ben", Access::Responder),
    ("ada", Access::Commander),
    ("root", Access::Admin),
    ("prometheus", Access::Alerts),
];

fn write_journal(path: &Path, blind: bool) {
    let mut journal = Journal::create_or_open(path).unwrap();
    let settings = ChainSettings {
        chain: 1,
        name: "main<script>\u{202e}".to_owned(),
        confirmed_depth: 2,
        finalised_depth: 64,
    };
    let config = Box::new(Config { chains: vec![settings], protocols: Vec::new() });
    journal.append(now(), &Event::Started { version: "0".to_owned(), config }).unwrap();
    let id = BlockId { number: 10, hash: alloy_primitives::B256::with_last_byte(1) };
    let parent = alloy_primitives::B256::ZERO;
    let head = BlockHead { id, parent, timestamp: 120, transactions: 0 };
    let head = ChainEvent::Committed { chain: 1, head };
    journal.append(now(), &Event::Chain(head)).unwrap();
    if blind {
        journal.append(now(), &blindness("x".repeat(1 << 20))).unwrap();
    }
}

fn blindness(detail: String) -> Event {
    let cause = BlindCause::Unreachable { detail };
    Event::Chain(ChainEvent::Blind { chain: 1, from: 11, to: 12, cause })
}

impl World {
    fn new(blind: bool, stale_seconds: Option<u64>) -> Self {
        Self::with(blind, |settings| settings.stale_seconds = stale_seconds)
    }

    fn with(blind: bool, change: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("j.sqlite");
        write_journal(&journal, blind);
        let person = |(n, (name, _)): (u8, &(&str, Access))| Person {
            name: (*name).to_owned(),
            roles: std::collections::BTreeSet::new(),
            signer: Some(address(n)),
        };
        let people = (1_u8..).zip(&LEVELS).map(person).collect();
        let access: BTreeMap<String, Access> =
            LEVELS.iter().map(|(name, access)| ((*name).to_owned(), *access)).collect();
        let mut settings = Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            origin: Origin::read("http://127.0.0.1:0").unwrap(),
            chain_id: 1,
            roster: Roster { people, ..Roster::default() },
            access,
            tokens: LEVELS
                .iter()
                .map(|(name, access)| Token::new(&format!("{name}-t"), &token(name), *access))
                .collect(),
            journal,
            notify: None,
            reports: vec![folder.path().join("reports")],
            drills: Vec::new(),
            evidence: folder.path().join("evidence"),
            stale_seconds: Some(3_600),
            playbooks: Vec::new(),
            desk: None,
            public_status: false,
            store: StoreHealth::default(),
            wallets: None,
        };
        change(&mut settings);
        let server = start(settings).unwrap();
        let client = Client::builder().build().unwrap();
        Self { server, client, folder }
    }

    fn origin(&self) -> String {
        format!("http://{}", self.server.address())
    }

    fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.origin()))
    }

    async fn json(response: Response) -> Value {
        serde_json::from_str(&response.text().await.unwrap()).unwrap()
    }

    async fn nonce(&self) -> Value {
        let response = self.ask(Method::POST, "/api/v1/session/nonce").send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        Self::json(response).await
    }

    fn message(nonce: &Value, who: Address) -> String {
        let text = |field: &str| nonce[field].as_str().unwrap().to_owned();
        let expected = siwe::Expected {
            domain: text("domain"),
            uri: text("uri"),
            statement: text("statement"),
            chain_id: nonce["chainId"].as_u64().unwrap(),
        };
        siwe::write(&expected, who, &text("nonce"), &text("issuedAt"))
    }

    async fn post_session(&self, message: &str, signature: &str) -> Response {
        let body = json!({ "message": message, "signature": signature }).to_string();
        let ask = self.ask(Method::POST, "/api/v1/session");
        ask.header("content-type", "application/json").body(body).send().await.unwrap()
    }

    /// The cookie and the token against forged requests.
    async fn sign_in(&self, byte: u8) -> (String, String) {
        let message = Self::message(&self.nonce().await, address(byte));
        let response = self.post_session(&message, &sign(byte, &message)).await;
        assert_eq!(response.status(), StatusCode::OK);
        let cookie = response.headers()["set-cookie"].to_str().unwrap().to_owned();
        for word in ["HttpOnly", "SameSite=Strict", "Path=/"] {
            assert!(cookie.contains(word), "{cookie}");
        }
        let cookie = cookie.split(';').next().unwrap().to_owned();
        let csrf = Self::json(response).await["csrf"].as_str().unwrap().to_owned();
        (cookie, csrf)
    }

    async fn until_read(&self) {
        self.until_seq(2).await;
    }

    async fn until_seq(&self, seq: u64) {
        for _ in 0..300 {
            let ask = self.ask(Method::GET, "/api/v1/overview");
            let response = ask.bearer_auth(token("vera")).send().await.unwrap();
            if Self::json(response).await["seq"].as_u64() >= Some(seq) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the journal was not read");
    }
}

fn token(name: &str) -> String {
    format!("{name}-0123456789abcdef0123456789abcdef")
}

/// A path with something in the place of each name.
fn filled(path: &str) -> String {
    path.replace("{id}", "PC-000001")
        .replace("{hash}", &format!("0x{}", "0".repeat(64)))
        .replace("{sha256}", &"0".repeat(64))
        .replace("{run}", "1")
        .replace("{step}", "s")
        .replace("{name}", "nobody")
}

/// Whether the guard let the request through: what comes behind it may refuse for its own reasons.
async fn verdict(request: RequestBuilder) -> (u16, String) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    if response.headers()["content-type"] == "text/event-stream" {
        return (status, String::new());
    }
    let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default();
    (status, body["error"]["code"].as_str().unwrap_or("").to_owned())
}

/// Every route of the table, for everybody. What is expected follows from the row alone.
#[tokio::test(flavor = "multi_thread")]
async fn who_may_do_what() {
    let world = World::new(false, Some(3_600));
    world.until_read().await;
    let mut sessions = Vec::new();
    for (byte, (_, access)) in (1_u8..).zip(LEVELS) {
        sessions.push((access, world.sign_in(byte).await));
    }
    let passed = |code: &str| {
        !matches!(code, "unauthenticated" | "forbidden" | "csrf" | "origin" | "tooMany")
    };
    for route in routes() {
        if matches!(route.id, "signIn" | "signOut" | "nonce") {
            // These have tests of their own: each would end or begin sessions here.
            continue;
        }
        let path = filled(route.path);
        let ask = || world.ask(route.method.clone(), &path);
        if route.need == Need::Nothing {
            let (status, code) = verdict(ask()).await;
            assert!(passed(&code), "{} for nobody: {status} {code}", route.id);
            continue;
        }
        let (status, _) = verdict(ask()).await;
        assert_eq!(status, 401, "{} for nobody", route.id);
        let forged = ask().header("cookie", format!("portcullis-session={}", "0".repeat(64)));
        assert_eq!(verdict(forged).await.0, 401, "{} with a forged cookie", route.id);
        let strange = ask().bearer_auth("no such token");
        assert_eq!(verdict(strange).await.0, 401, "{} with a forged token", route.id);
        for (name, access) in LEVELS {
            tokio::time::sleep(Duration::from_millis(if route.is_unsafe() { 210 } else { 0 }))
                .await;
            let (status, code) = verdict(ask().bearer_auth(token(name))).await;
            let what =
                format!("{} for the token of a {}: {status} {code}", route.id, access.name());
            assert_eq!(passed(&code), route.need.admits(Some(access)), "{what}");
        }
        for (access, (cookie, csrf)) in &sessions {
            tokio::time::sleep(Duration::from_millis(if route.is_unsafe() { 210 } else { 0 }))
                .await;
            let with = || ask().header("cookie", cookie);
            let (status, code) = verdict(with().header("x-csrf-token", csrf)).await;
            let what = format!("{} for a {}: {status} {code}", route.id, access.name());
            assert_eq!(passed(&code), route.need.admits(Some(*access)), "{what}");
            if !route.is_unsafe() {
                continue;
            }
            assert_eq!(verdict(with()).await, (403, "csrf".to_owned()), "{}", route.id);
            let wrong = with().header("x-csrf-token", "0".repeat(64));
            assert_eq!(verdict(wrong).await, (403, "csrf".to_owned()), "{}", route.id);
            for (header, value) in [
                ("origin", "https://evil.example"),
                ("origin", "null"),
                ("sec-fetch-site", "cross-site"),
                ("host", "evil.example"),
            ] {
                let foreign = with().header("x-csrf-token", csrf).header(header, value);
                let found = verdict(foreign).await;
                assert_eq!(found, (403, "origin".to_owned()), "{} {header}", route.id);
            }
        }
    }
    let audit = std::fs::read_to_string(world.folder.path().join("j.sqlite.audit.jsonl")).unwrap();
    assert!(audit.contains("\"outcome\":\"csrf\"") && audit.contains("\"who\":\"ada\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_signs_in_once_and_a_session_ends() {
    let world = World::new(false, Some(3_600));
    let message = World::message(&world.nonce().await, address(1));
    let signature = sign(1, &message);
    assert_eq!(world.post_session(&message, &signature).await.status(), StatusCode::OK);
    let again = world.post_session(&message, &signature).await;
    assert_eq!(again.status(), StatusCode::UNAUTHORIZED);
    assert!(World::json(again).await["error"]["message"].as_str().unwrap().contains("used before"));
    // A stranger's good signature opens nothing.
    let message = World::message(&world.nonce().await, address(9));
    let stranger = world.post_session(&message, &sign(9, &message)).await;
    assert_eq!(stranger.status(), StatusCode::FORBIDDEN);
    // A wrong signature uses the nonce up.
    let message = World::message(&world.nonce().await, address(1));
    assert_eq!(world.post_session(&message, &sign(2, &message)).await.status(), 401);
    assert_eq!(world.post_session(&message, &sign(1, &message)).await.status(), 401);
    let huge = world.post_session(&"x".repeat(100_000), "0x").await;
    assert_eq!(huge.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let (cookie, csrf) = world.sign_in(1).await;
    let ask = |method| world.ask(method, "/api/v1/session").header("cookie", &cookie);
    let who = World::json(ask(Method::GET).send().await.unwrap()).await;
    assert_eq!((who["name"].as_str(), who["access"].as_str()), (Some("vera"), Some("viewer")));
    let out = ask(Method::DELETE).header("x-csrf-token", &csrf).send().await.unwrap();
    assert_eq!(out.status(), StatusCode::NO_CONTENT);
    let who = World::json(ask(Method::GET).send().await.unwrap()).await;
    assert_eq!(who["signedIn"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_false_when_blind_or_stale_and_hostile_texts_are_harmless() {
    let world = World::new(false, Some(3_600));
    world.until_read().await;
    let health = |world: &World| world.ask(Method::GET, "/health").send();
    assert_eq!(health(&world).await.unwrap().status(), StatusCode::OK);
    let blind = World::new(true, Some(3_600));
    blind.until_read().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(health(&blind).await.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
    let ask = blind.ask(Method::GET, "/api/v1/overview").bearer_auth(token("vera"));
    let response = ask.send().await.unwrap();
    let headers = response.headers().clone();
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(headers["content-type"], "application/json");
    assert!(headers["content-security-policy"].to_str().unwrap().contains("default-src 'self'"));
    let text = response.text().await.unwrap();
    assert!(!text.contains('\u{202e}') && text.len() < 10_000, "{}", text.len());
    let chain = &serde_json::from_str::<Value>(&text).unwrap()["health"]["chains"][0];
    assert_eq!(chain["name"], "main<script>\\u{202e}");
    assert!(chain["blind"][0]["cause"].as_str().unwrap().ends_with("[cut]"));
    let stale = World::new(false, Some(1));
    stale.until_read().await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(health(&stale).await.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test(flavor = "multi_thread")]
async fn news_go_on_where_somebody_left_off() {
    let world = World::new(true, Some(3_600));
    world.until_read().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let open = |last: &'static str| {
        let ask = world.ask(Method::GET, "/api/v1/events").bearer_auth(token("vera"));
        ask.header("last-event-id", last).send()
    };
    let first = async |last| {
        let mut response = open(last).await.unwrap();
        let mut text = String::new();
        while !text.contains("data:") {
            let chunk = tokio::time::timeout(Duration::from_secs(5), response.chunk());
            text += &String::from_utf8_lossy(&chunk.await.unwrap().unwrap().unwrap());
        }
        text
    };
    let missed = first("2").await;
    assert!(missed.contains("event: change\nid: 3\n") && missed.contains("\"blind\""), "{missed}");
    assert!(first("999").await.contains("event: resync"), "of another journal");
    assert!(first("x").await.contains("event: resync"), "no id of ours");
    let path = world.folder.path().join("j.sqlite");
    let mut response = open("3").await.unwrap();
    let mut journal = Journal::create_or_open(&path).unwrap();
    journal.append(Millis(now().0), &blindness("again".to_owned())).unwrap();
    let mut text = String::new();
    while !text.contains("id: 4\n") {
        let chunk = tokio::time::timeout(Duration::from_secs(5), response.chunk());
        text += &String::from_utf8_lossy(&chunk.await.unwrap().unwrap().unwrap());
    }
}
