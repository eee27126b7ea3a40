//! `safe exec` when blocks are full or something of the same account is stuck: one nonce, replaced by dearer ones.

use std::time::Duration;

use alloy_primitives::U256;
use alloy_sol_types::SolCall as _;
use serde_json::{Value, json};

use super::world::{SafeWorld, abi};
use crate::kit::{texts, without_chain};

/// A proposal with both signatures, ready to be carried out.
async fn ready(world: &SafeWorld) -> [String; 3] {
    let pay = abi::transferCall { to: world.at("shop"), amount: U256::from(5) };
    let file = world.propose("pay.json", world.at("token"), &pay.abi_encode(), 0);
    let mut files = vec![file.clone()];
    for owner in [4, 5] {
        world.configure(owner, "");
        let out = world.path(&format!("signature-{owner}.json"));
        let (report, code) = world.json(&["safe", "sign", &file, "--out", &out]).await;
        assert_eq!(code, Some(0), "{report:#}");
        files.push(out);
    }
    files.try_into().expect("three")
}

/// Waits until something is in the pool that is not `known`.
async fn pooled(world: &SafeWorld, known: &[String]) -> String {
    for _ in 0..600 {
        let pool = world.request("txpool_content", json!([])).await;
        let senders = pool["pending"].as_object().cloned().unwrap_or_default();
        let hashes = senders.values().filter_map(Value::as_object).flat_map(|by_nonce| {
            by_nonce.values().filter_map(|one| one["hash"].as_str().map(str::to_owned))
        });
        if let Some(hash) = hashes.into_iter().find(|hash| !known.contains(hash)) {
            return hash;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("nothing came into the pool");
}

#[tokio::test]
async fn a_fee_that_the_market_overtakes_is_raised_until_it_is_mined() {
    if without_chain() {
        return;
    }
    let world = SafeWorld::new("").await;
    let [file, a, b] = ready(&world).await;
    let running = world.start(&["safe", "exec", &file, "--signatures", &a, &b, "--json"]);
    let first = pooled(&world, &[]).await;
    let sent = world.request("eth_getTransactionByHash", json!([first])).await;
    let cap =
        sent["maxFeePerGas"].as_str().and_then(|text| text.parse::<U256>().ok()).expect("a cap");
    // From here on a block costs three times what was offered.
    let base = cap * U256::from(3);
    world.request("anvil_setNextBlockBaseFeePerGas", json!([base])).await;
    // By hand: the range's own blocks fix the base fee again.
    let newest = world.request("eth_getBlockByNumber", json!(["latest", false])).await;
    let time: U256 =
        newest["timestamp"].as_str().and_then(|text| text.parse().ok()).expect("a time");
    world.request("evm_mine", json!([time + U256::from(1)])).await;
    let gone = world.request("eth_getTransactionReceipt", json!([first])).await;
    assert!(gone.is_null(), "it was not included at that price: {gone}");
    let second = pooled(&world, std::slice::from_ref(&first)).await;
    let replaced = world.request("eth_getTransactionByHash", json!([second])).await;
    assert_eq!((&replaced["nonce"], &replaced["from"]), (&sent["nonce"], &sent["from"]));
    let output = world.until_done(running).await;
    let (text, errors, code) = texts(&output);
    assert_eq!(code, Some(0), "{text}\n{errors}");
    let report: Value = serde_json::from_str(&text).expect("JSON");
    let executed = &report["executed"];
    assert_eq!(executed["success"], json!(true), "{report:#}");
    assert!(executed["replacements"].as_u64() >= Some(1), "{executed}");
    assert!(
        U256::from(executed["maxFeePerGas"].as_u64().expect("a cap")) > cap * U256::from(2),
        "{executed}"
    );
}

#[tokio::test]
async fn what_is_stuck_in_the_pool_is_replaced_and_a_ceiling_is_kept() {
    if without_chain() {
        return;
    }
    let world = SafeWorld::new("").await;
    let [file, a, b] = ready(&world).await;
    // Something of the executor's waits with its next nonce, and nobody mines.
    let fee = U256::from(3_000_000_000_u64);
    let stuck = json!([{"from": world.account(2), "to": world.account(7), "value": "0x1", "gas": "0x5208",
        "maxFeePerGas": fee, "maxPriorityFeePerGas": fee}]);
    let stuck = world.request("eth_sendTransaction", stuck).await;
    let stuck = stuck.as_str().expect("a hash").to_owned();
    let running = world.start(&["safe", "exec", &file, "--signatures", &a, &b, "--json"]);
    let instead = pooled(&world, std::slice::from_ref(&stuck)).await;
    let sent = world.request("eth_getTransactionByHash", json!([instead])).await;
    assert_eq!(
        sent["nonce"],
        world.request("eth_getTransactionCount", json!([world.account(2), "latest"])).await
    );
    let (text, errors, code) = texts(&world.until_done(running).await);
    assert_eq!(code, Some(0), "{text}\n{errors}");
    assert!(world.request("eth_getTransactionReceipt", json!([stuck])).await.is_null());

    // A ceiling below what the newest block costs: nothing is sent.
    let pay = abi::transferCall { to: world.at("shop"), amount: U256::from(6) };
    let next = world.propose("next.json", world.at("token"), &pay.abi_encode(), 0);
    let next = world.edited(&next, "nonce", json!("2"));
    let mut signatures = Vec::new();
    for owner in [4, 5] {
        world.configure(owner, "");
        let out = world.path(&format!("next-{owner}.json"));
        let (report, code) = world.json(&["safe", "sign", &next, "--out", &out]).await;
        assert_eq!(code, Some(0), "{report:#}");
        signatures.push(out);
    }
    let path = world.path("safe.yaml");
    let text = std::fs::read_to_string(&path).expect("read");
    let low = text.replace("executor: {", "executor: {feeWeiMax: 1000, ");
    std::fs::write(&path, low).expect("written");
    let nonce =
        world.request("eth_getTransactionCount", json!([world.account(2), "pending"])).await;
    let exec = ["safe", "exec", &next, "--signatures", &signatures[0], &signatures[1]];
    let (_, errors, code) = texts(&world.run(&exec).await);
    assert!(code == Some(3) && errors.contains("raise `executor.feeWeiMax`"), "{errors}");
    assert_eq!(
        nonce,
        world.request("eth_getTransactionCount", json!([world.account(2), "pending"])).await
    );
}
