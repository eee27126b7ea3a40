//! Lanes and relays of a configuration, as `portcullis run` wires them: where the responder's own account cannot act, the pull
//! is signed by a lane and reaches the chain by a relay alone.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use alloy_primitives::{Address, B256, Bytes, keccak256};
use axum::{Json, Router, extract::State, http::HeaderMap, routing::post};
use portcullis_types::action::Outcome;
use serde_json::{Value, json};

use crate::kit::{Rig, ask, portcullis, texts, without_chain};

const SCENARIO: &str = "lending-spot-oracle";
const INTERVAL_MS: u64 = 150;
/// Accounts of the local chain that nobody in the scenario has.
const LANE_INDEX: usize = 57;
const IDENTITY_INDEX: usize = 58;

/// A stand-in for a builder's relay: what it is given goes into the pool of the local chain, as no other road leads there.
#[derive(Clone)]
struct Relay {
    node: std::net::SocketAddr,
    taken: Arc<Mutex<Vec<(String, Bytes)>>>,
}

impl Relay {
    async fn start(node: std::net::SocketAddr) -> (Self, String) {
        let relay = Self { node, taken: Arc::default() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let router = Router::new().route("/", post(answer)).with_state(relay.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.expect("served") });
        (relay, url)
    }

    /// Who asked, and the transactions.
    fn taken(&self) -> Vec<(String, Bytes)> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn answer(
    State(relay): State<Relay>,
    headers: HeaderMap,
    Json(question): Json<Value>,
) -> Json<Value> {
    let (id, param) = (question["id"].clone(), &question["params"][0]);
    let signed = headers.get("x-flashbots-signature").and_then(|value| value.to_str().ok());
    let asker =
        signed.and_then(|text| text.split_once(':')).map_or("", |(asker, _)| asker).to_owned();
    if question["method"] != "eth_sendPrivateTransaction" {
        return Json(json!({"jsonrpc": "2.0", "id": id, "result": true}));
    }
    let raw: Bytes = param["tx"].as_str().unwrap_or_default().parse().unwrap_or_default();
    let hash = keccak256(&raw);
    relay.taken.lock().unwrap_or_else(PoisonError::into_inner).push((asker, raw.clone()));
    let node = relay.node;
    let handing = tokio::task::spawn_blocking(move || {
        // It may be there already: a replacement of itself.
        std::panic::catch_unwind(|| ask(node, "eth_sendRawTransaction", &json!([raw])))
    });
    let _known = handing.await;
    Json(json!({"jsonrpc": "2.0", "id": id, "result": hash}))
}

/// Lets `account` do what the responder may.
async fn grant(rig: &Rig, account: Address) {
    let role: B256 =
        rig.world.value("pauserRole").expect("a name").to_string().parse().expect("a role");
    let market = rig.world.value("market").expect("a name").address().expect("an address");
    let admin = rig.chain.development_address(0).expect("an account");
    let mut data = keccak256("grantRole(bytes32,address)")[..4].to_vec();
    data.extend(role);
    data.extend(account.into_word());
    let fields =
        json!([{"from": admin, "to": market, "data": Bytes::from(data), "gas": "0x30d40"}]);
    ask(rig.chain.address(), "eth_sendTransaction", &fields);
    rig.chain.mine(None).await.expect("a block");
}

#[tokio::test]
async fn a_pull_goes_over_the_lane_and_the_relay_of_the_configuration() {
    if without_chain() {
        return;
    }
    let mut rig = Rig::new(SCENARIO).await;
    let account = |index| rig.chain.development_address(index).expect("an account");
    let (lane, identity) = (account(LANE_INDEX), account(IDENTITY_INDEX));
    grant(&rig, lane).await;
    let (relay, url) = Relay::start(rig.chain.address()).await;
    for (name, index) in
        [("PORTCULLIS_LANE_KEY", LANE_INDEX), ("PORTCULLIS_IDENTITY_KEY", IDENTITY_INDEX)]
    {
        let key = rig.chain.development_key(index).expect("a key").to_string();
        rig.watcher.with(name, &key);
    }
    let lanes = format!(
        "  tipGwei: 50\n  lanes: [{{address: \"{lane}\", key: {{environment: PORTCULLIS_LANE_KEY}}}}]\n  \
         relayIdentity: {{environment: PORTCULLIS_IDENTITY_KEY}}\n"
    );
    let relays = format!(
        "    finalisedDepth: 12\n    relays: [{{url: \"{url}\", kind: privateTransaction, blocks: 25}}]\n    route: private\n"
    );
    let replaced =
        [("  tipGwei: 50\n", lanes.as_str()), ("    finalisedDepth: 12\n", relays.as_str())];
    rig.configure_with(&rig.chain.http_url(), &replaced);
    // The responder's own account cannot pay.
    let responder = rig.world.responder().expect("a responder");
    ask(rig.chain.address(), "anvil_setBalance", &json!([responder, "0x1"]));
    // `lever lanes` sees that, and that the relay answers.
    let look = |rig: &Rig| {
        let mut command = portcullis();
        command.args(["lever", "lanes", "--json", "--wait", "1", "--config"]).arg(rig.config());
        command.env(
            "PORTCULLIS_IDENTITY_KEY",
            rig.chain.development_key(IDENTITY_INDEX).expect("a key").to_string(),
        );
        let running =
            tokio::task::spawn_blocking(move || command.output().expect("the program starts"));
        async move {
            let (text, errors, code) = texts(&running.await.expect("it ends"));
            let report: Value =
                serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}{errors}"));
            (report["chains"][0].clone(), code)
        }
    };
    let (report, code) = look(&rig).await;
    assert_eq!((code, &report["relays"][0]["reachable"]), (Some(1), &json!(true)), "{report:#}");
    let [poor, rich] = [0, 1].map(|place| report["lanes"][place]["problems"].to_string());
    assert!(poor.contains("fund it") && rich == "[]", "{report:#}");
    // Something that a stranger sent from the lane's account waits, and nobody mines.
    let stuck = json!([{"from": lane, "to": responder, "value": "0x1", "gas": "0x5208"}]);
    ask(rig.chain.address(), "eth_sendTransaction", &stuck);
    let (report, _) = look(&rig).await;
    assert_eq!(report["lanes"][1]["stuck"], json!(true), "{report:#}");
    rig.chain.mine(None).await.expect("a block");
    let (report, _) = look(&rig).await;
    assert_eq!(report["lanes"][1]["stuck"], json!(false), "{report:#}");
    ask(rig.chain.address(), "anvil_setBalance", &json!([responder, "0x1"]));

    rig.watch().await;
    rig.play(true, 24, INTERVAL_MS).await;
    // Blocks go on until it is in one, however slow this machine is.
    for _ in 0..60 {
        if rig.story_so_far().held_in().is_some() {
            break;
        }
        rig.chain.mine(None).await.expect("a block");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    rig.until("a lever holds", Duration::from_secs(10), |story| story.held_in().is_some()).await;
    rig.watcher.stop().await;

    assert!(rig.is_paused("market").await);
    assert!(rig.pauses().await.is_empty(), "nothing came from the responder's own account");
    let story = rig.story();
    let outcomes = story.outcomes();
    let mined = outcomes.iter().find_map(|outcome| match outcome {
        Outcome::Mined { hash, .. } => Some(*hash),
        _ => None,
    });
    let mined = mined.expect("mined");
    let found = ask(rig.chain.address(), "eth_getTransactionByHash", &json!([mined]));
    let sender: Address =
        found["from"].as_str().and_then(|text| text.parse().ok()).expect("a sender");
    assert_eq!(sender, lane, "the lane signed it");
    let taken = relay.taken();
    assert!(taken.iter().any(|(_, raw)| keccak256(raw) == mined), "the relay had it: {taken:?}");
    for (asker, _) in &taken {
        assert_eq!(
            asker.parse::<Address>().ok(),
            Some(identity),
            "requests are signed by the identity"
        );
    }
}
