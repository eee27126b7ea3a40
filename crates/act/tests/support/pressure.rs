//! What stands between an order and the next block: a full pool, and an attacker who outbids what he sees.

use std::{sync::Arc, time::Duration};

use alloy_primitives::{Address, U64, U256, address};
use serde_json::{Value as Json, json};
use tokio::task::JoinHandle;
use url::Url;

use super::{
    chain::{Chain, OWNER, THIEF},
    relay::ask,
};

/// Gas of a block, that of mainnet in 2024.
pub const BLOCK_GAS: u64 = 30_000_000;
/// A chain with blocks of mainnet's size at 20 gwei, ordered by fees, with accounts for a crowd.
pub const BUSY_CHAIN: [&str; 8] =
    ["--order", "fees", "--gas-limit", "30000000", "--base-fee", "20000000000", "--accounts", "70"];
pub const GWEI: u64 = 1_000_000_000;
/// Requests of one batch.
const BATCH: usize = 500;
/// Where gas is burnt: its code is a loop.
const BURNER: Address = address!("00000000000000000000000000000000000b0b0b");

/// Fills the pool with transfers that tip from 1 to 20 gwei over twice the base fee, each account as many.
pub async fn crowd(chain: &Chain, transactions: usize) {
    let accounts: Vec<Address> = chain.request("eth_accounts", json!([])).await;
    let crowd = &accounts[10..];
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    // It sank while the scene was set.
    let fee = json!([U64::from(20 * GWEI)]);
    chain.request::<Json>("anvil_setNextBlockBaseFeePerGas", fee).await;
    chain.mine(1).await;
    let base = chain.request::<Json>("eth_getBlockByNumber", json!(["latest", false])).await;
    let base: U256 = serde_json::from_value(base["baseFeePerGas"].clone()).unwrap();
    let requests: Vec<Json> = (0..transactions)
        .map(|place| {
            let tip = U256::from((1 + place as u64 % 20) * GWEI);
            let (from, nonce) = (crowd[place % crowd.len()], place / crowd.len());
            let fields = json!({
                "from": from, "to": OWNER, "value": "0x1", "gas": "0x5208", "nonce": U64::from(nonce),
                "maxFeePerGas": base * U256::from(2) + tip, "maxPriorityFeePerGas": tip,
            });
            json!({"jsonrpc": "2.0", "id": place, "method": "eth_sendTransaction", "params": [fields]})
        })
        .collect();
    for batch in requests.chunks(BATCH) {
        let answer: Json =
            http.post(chain.url.clone()).json(batch).send().await.unwrap().json().await.unwrap();
        assert!(answer.as_array().unwrap().iter().all(|one| one["result"].is_string()));
    }
}

/// Transactions in the pool that could be in the next block as far as nonces go.
pub async fn pending(chain: &Chain) -> u64 {
    let status: Json = chain.request("txpool_status", json!([])).await;
    serde_json::from_value::<U64>(status["pending"].clone()).unwrap().to()
}

/// An attacker who watches the pool and buys the whole next block for a quarter more than any transaction of `victim`
/// that he sees. Ends when dropped.
pub struct Stuffer(JoinHandle<()>, Arc<std::sync::atomic::AtomicU64>);

impl Stuffer {
    pub async fn start(chain: &Chain, victim: Address) -> Self {
        chain.request::<Json>("anvil_setCode", json!([BURNER, "0x5b5f56"])).await;
        let rich = U256::from(10).pow(U256::from(24));
        chain.request::<Json>("anvil_setBalance", json!([THIEF, rich])).await;
        let node = chain.url.clone();
        let bids: Arc<std::sync::atomic::AtomicU64> = Arc::default();
        let count = Arc::clone(&bids);
        let task = tokio::spawn(async move {
            let http = reqwest::Client::builder().no_proxy().build().unwrap();
            let mut last = (U256::ZERO, U64::ZERO);
            loop {
                tokio::time::sleep(Duration::from_millis(15)).await;
                let Some((seen, nonce)) = look(&http, &node, victim).await else { continue };
                if (seen, nonce) == last {
                    continue;
                }
                last = (seen, nonce);
                let fee = seen * U256::from(5) / U256::from(4);
                for place in 0..3_u64 {
                    let fields = json!({
                        "from": THIEF, "to": BURNER, "gas": U64::from(BLOCK_GAS / 3),
                        "nonce": nonce + U64::from(place), "maxFeePerGas": fee, "maxPriorityFeePerGas": fee,
                    });
                    ask(&http, &node, "eth_sendTransaction", json!([fields])).await;
                }
                count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        });
        Self(task, bids)
    }

    /// How often he bid.
    pub fn bids(&self) -> u64 {
        self.1.load(std::sync::atomic::Ordering::Relaxed)
    }
}

/// The highest fee of the victim's in the pool, and the attacker's next nonce on the chain.
async fn look(http: &reqwest::Client, node: &Url, victim: Address) -> Option<(U256, U64)> {
    let pool = ask(http, node, "txpool_content", json!([])).await;
    let of = |list: &Json| -> Vec<U256> {
        let Some(senders) = list.as_object() else { return Vec::new() };
        let own = senders.iter().filter(|(sender, _)| sender.parse() == Ok(victim));
        own.filter_map(|(_, by_nonce)| by_nonce.as_object())
            .flat_map(|by_nonce| by_nonce.values())
            .filter_map(|one| serde_json::from_value(one["maxFeePerGas"].clone()).ok())
            .collect()
    };
    let seen = of(&pool["pending"]).into_iter().chain(of(&pool["queued"])).max()?;
    let nonce = ask(http, node, "eth_getTransactionCount", json!([THIEF, "latest"])).await;
    Some((seen, serde_json::from_value(nonce).ok()?))
}

impl Drop for Stuffer {
    fn drop(&mut self) {
        self.0.abort();
    }
}
