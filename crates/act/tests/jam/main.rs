//! Nothing jams a pause: lanes, private relays, a full pool, an attacker who outbids, nodes that swallow and hang. All on
//! a real anvil with a real Warden.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail by panicking"
)]

mod figures;
mod lanes;
mod pressure;
mod relays;
#[path = "../support/mod.rs"]
mod support;
mod warm;

use portcullis_types::action::Outcome;
use support::{
    journal::Journal,
    warden::{WardenOptions, WardenScene},
};

const WHOLE_LIFE: [&str; 5] = ["rehearsed", "prepared", "sent", "mined", "held"];
/// Keys and accounts of further lanes: development accounts six and seven.
const LANE_KEYS: [&str; 2] = [
    "92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e",
    "4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356",
];
const SECOND: alloy_primitives::Address =
    alloy_primitives::address!("976EA74026E726554dB657fA54763abd0C3a0aa9");

/// A Warden whose lever can be pulled again and again.
fn often(anvil: &[&'static str]) -> WardenOptions {
    let anvil = anvil.to_vec();
    WardenOptions { cooldown: 0, pulls_per_arming: 200, anvil, ..WardenOptions::default() }
}

fn why(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Refused { why } | Outcome::Failed { why } => why,
        other => panic!("it came off: {other:?}"),
    }
}

/// The block in which the journal's transaction was included.
fn mined_in(journal: &Journal) -> Option<u64> {
    journal.outcomes().into_iter().find_map(|outcome| match outcome {
        Outcome::Mined { block, success: true, .. } => Some(block.number),
        _ => None,
    })
}

/// The newest block.
async fn head(scene: &WardenScene) -> u64 {
    let number: alloy_primitives::U64 =
        scene.chain.request("eth_blockNumber", serde_json::json!([])).await;
    number.to()
}

/// From now on blocks come only when they are asked for.
async fn stop_mining(scene: &WardenScene) {
    let _: serde_json::Value =
        scene.chain.request("evm_setAutomine", serde_json::json!([false])).await;
}
