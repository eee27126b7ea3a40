//! The range against a real anvil. `PORTCULLIS_SKIP_CHAIN=1` skips these tests.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that finds nothing to unwrap has failed, and says so this way"
)]

mod chain;
mod proxies;
mod scenarios;
mod world;

use portcullis_range::{Chain, ChainOptions, Scenario, World};
use std::path::Path;

/// A chain, or `None` where the user asked to skip what needs one. A missing anvil is an error
/// that says how to install it: a test that silently does nothing proves nothing.
async fn chain() -> Option<Chain> {
    if std::env::var_os("PORTCULLIS_SKIP_CHAIN").is_some_and(|value| value == "1") {
        eprintln!("skipped: PORTCULLIS_SKIP_CHAIN=1");
        return None;
    }
    match Chain::spawn(ChainOptions::default()).await {
        Ok(chain) => Some(chain),
        Err(error) => panic!("{error}"),
    }
}

/// The tiny world of these tests: the real WETH, users who deposit and pay each other, a thief.
fn tiny() -> Scenario {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tiny");
    Scenario::load(&folder).unwrap_or_else(|error| panic!("{error}"))
}

async fn build(chain: &Chain, scenario: &Scenario) -> World {
    let seed = scenario.default_seed();
    World::build(chain, scenario, seed).await.unwrap_or_else(|error| panic!("{error}"))
}

/// Sends one JSON-RPC request or batch; gives status and body, or `None` without an answer.
async fn post(url: &str, body: &serde_json::Value) -> Option<(u16, serde_json::Value)> {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.post(url).header("content-type", "application/json").body(body.to_string());
    let answer = answer.send().await.ok()?;
    let status = answer.status().as_u16();
    let text = answer.text().await.ok()?;
    Some((status, serde_json::from_str(&text).unwrap_or(serde_json::Value::Null)))
}

/// The result of one request to a healthy node.
async fn ask(url: &str, method: &str, params: serde_json::Value) -> serde_json::Value {
    let body = serde_json::json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let (_, answer) = post(url, &body).await.unwrap();
    answer["result"].clone()
}
