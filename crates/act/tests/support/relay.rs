//! A stand-in for builders and their relays. It is a real HTTP server that checks the signature of each request, keeps
//! what it is given, and hands it to anvil's pool just before the block for which it is, where the highest fee comes
//! first. It is no builder: it makes no bids, pays no validator, and every block is its own.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use alloy_consensus::TxEnvelope;
use alloy_eips::eip2718::Decodable2718 as _;
use alloy_primitives::{Address, Bytes, Signature, keccak256};
use axum::{Json as Body, Router, extract::State, http::HeaderMap, routing::post};
use portcullis_act::relay::{BLOCKS_MIN, Identity, RelayConfig, RelayKind, Relays};
use serde_json::{Value as Json, json};
use tokio::{net::TcpListener, task::JoinHandle};
use url::Url;

use super::scene::keystore_of;

/// The key of our identity at relays: development account nine.
pub const IDENTITY_KEY: &str = "2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6";

/// What the relay does with what it is given.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    Honest,
    Refuses,
    /// Says yes and forgets.
    Swallows,
    /// Does not answer.
    Hangs,
}

#[derive(Default)]
struct Kept {
    /// By block and name.
    bundles: BTreeMap<(u64, String), Vec<Bytes>>,
    /// By hash, with the last block.
    private: BTreeMap<String, (u64, Bytes)>,
    senders: Vec<Address>,
    methods: Vec<String>,
}

#[derive(Clone)]
pub struct LocalRelay {
    kept: Arc<Mutex<Kept>>,
    manner: Manner,
    pub url: Url,
}

impl LocalRelay {
    /// Lives as long as the test's runtime.
    pub async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let relay = Self { kept: Arc::default(), manner, url };
        let router = Router::new().route("/", post(answer)).with_state(relay.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        relay
    }

    /// What was asked, in order.
    pub fn methods(&self) -> Vec<String> {
        self.kept.lock().unwrap().methods.clone()
    }

    /// Who signed the requests.
    pub fn senders(&self) -> Vec<Address> {
        self.kept.lock().unwrap().senders.clone()
    }

    /// How many bundles and private transactions wait.
    pub fn waiting(&self) -> usize {
        let kept = self.kept.lock().unwrap();
        kept.bundles.len() + kept.private.len()
    }

    pub async fn wait_until_waiting(&self, wanted: usize) {
        for _ in 0..200 {
            if self.waiting() == wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{} wait, not {wanted}: {:?}", self.waiting(), self.methods());
    }

    /// What is to go into `block`.
    fn for_block(&self, block: u64) -> Vec<Bytes> {
        let mut kept = self.kept.lock().unwrap();
        kept.bundles.retain(|(target, _), _| *target >= block);
        kept.private.retain(|_, (until, _)| *until >= block);
        let bundles = kept.bundles.iter().filter(|((target, _), _)| *target == block);
        let mut all: Vec<Bytes> = bundles.flat_map(|(_, txs)| txs.clone()).collect();
        all.extend(kept.private.values().map(|(_, raw)| raw.clone()));
        all
    }

    fn take(&self, method: &str, param: &Json) -> Result<Json, String> {
        let number = |field: &str| {
            let text =
                param[field].as_str().unwrap_or_default().trim_start_matches("0x").to_owned();
            u64::from_str_radix(&text, 16).map_err(|_| format!("{field} is no number"))
        };
        let raw = |value: &Json| -> Result<Bytes, String> {
            let raw: Bytes = value.as_str().unwrap_or_default().parse().map_err(|_| "no bytes")?;
            TxEnvelope::decode_2718_exact(&raw).map_err(|_| "not a signed transaction")?;
            Ok(raw)
        };
        let text = |field: &str| param[field].as_str().unwrap_or_default().to_owned();
        let mut kept = self.kept.lock().unwrap();
        kept.methods.push(method.to_owned());
        match (self.manner, method) {
            (Manner::Refuses, _) => Err("no builder is connected".to_owned()),
            (Manner::Swallows, _) => Ok(json!({"bundleHash": keccak256(param.to_string())})),
            (_, "eth_sendBundle") => {
                let txs = param["txs"].as_array().ok_or("no txs")?.iter().map(raw);
                let txs: Vec<Bytes> = txs.collect::<Result<_, _>>()?;
                let hash = keccak256(txs.concat());
                kept.bundles.insert((number("blockNumber")?, text("replacementUuid")), txs);
                Ok(json!({"bundleHash": hash}))
            }
            (_, "eth_cancelBundle") => {
                let uuid = text("replacementUuid");
                kept.bundles.retain(|(_, one), _| *one != uuid);
                Ok(Json::Null)
            }
            (_, "eth_sendPrivateTransaction") => {
                let raw = raw(&param["tx"])?;
                let hash = keccak256(&raw).to_string();
                kept.private.insert(hash.clone(), (number("maxBlockNumber")?, raw));
                Ok(json!(hash))
            }
            (_, "eth_cancelPrivateTransaction") => {
                Ok(json!(kept.private.remove(&text("txHash")).is_some()))
            }
            _ => Err(format!("the method {method} does not exist")),
        }
    }
}

async fn answer(State(relay): State<LocalRelay>, headers: HeaderMap, body: String) -> Body<Json> {
    if relay.manner == Manner::Hangs {
        tokio::time::sleep(Duration::from_mins(1)).await;
    }
    let result = signer_of(&headers, &body).and_then(|signer| {
        relay.kept.lock().unwrap().senders.push(signer);
        let request: Json = serde_json::from_str(&body).map_err(|error| error.to_string())?;
        relay.take(request["method"].as_str().unwrap_or_default(), &request["params"][0])
    });
    Body(match result {
        Ok(result) => json!({"jsonrpc": "2.0", "id": 1, "result": result}),
        Err(why) => json!({"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": why}}),
    })
}

/// Who signed the body, as the header says and the signature proves.
fn signer_of(headers: &HeaderMap, body: &str) -> Result<Address, String> {
    let header = headers.get("X-Flashbots-Signature").ok_or("no signature")?;
    let (address, signature) = header.to_str().unwrap().split_once(':').ok_or("no colon")?;
    let address: Address = address.parse().map_err(|_| "no address")?;
    let signature: Signature = signature.parse().map_err(|_| "no signature")?;
    let found = signature.recover_address_from_msg(keccak256(body).to_string());
    if found.ok() == Some(address) { Ok(address) } else { Err("the signature is wrong".to_owned()) }
}

/// Lines to relays, with an identity of its own.
pub fn lines(to: &[(&LocalRelay, RelayKind)]) -> Relays {
    let folder = tempfile::tempdir().unwrap();
    let identity = Identity::load(&keystore_of(folder.path(), IDENTITY_KEY)).unwrap();
    let configs: Vec<RelayConfig> = to
        .iter()
        .map(|(relay, kind)| RelayConfig {
            url: relay.url.clone(),
            kind: *kind,
            blocks: BLOCKS_MIN,
        })
        .collect();
    Relays::new(&configs, identity, Duration::from_secs(2)).unwrap()
}

/// Makes a block every `interval`, with what the relays have for it. Ends when dropped.
pub struct Miner(JoinHandle<()>);

impl Miner {
    pub fn start(node: &Url, interval: Duration, relays: Vec<LocalRelay>) -> Self {
        let node = node.clone();
        Self(tokio::spawn(async move {
            let http = reqwest::Client::builder().no_proxy().build().unwrap();
            let mut ticks = tokio::time::interval(interval);
            ticks.tick().await;
            loop {
                ticks.tick().await;
                let head = ask(&http, &node, "eth_blockNumber", json!([])).await;
                let head = head.as_str().unwrap_or("0x0").trim_start_matches("0x").to_owned();
                let next = u64::from_str_radix(&head, 16).unwrap() + 1;
                for raw in relays.iter().flat_map(|relay| relay.for_block(next)) {
                    ask(&http, &node, "eth_sendRawTransaction", json!([raw])).await;
                }
                ask(&http, &node, "evm_mine", json!([])).await;
            }
        }))
    }
}

impl Drop for Miner {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A question whose error is an answer too.
pub async fn ask(http: &reqwest::Client, node: &Url, method: &str, params: Json) -> Json {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let answer = http.post(node.clone()).json(&body).send().await.unwrap();
    let mut answer: Json = answer.json().await.unwrap();
    answer["result"].take()
}
