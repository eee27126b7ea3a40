use super::{ask, build, chain, tiny};
use portcullis_range::{PlayOptions, PlayReport, RangeError, Scenario, Value, World};
use serde_json::json;
use std::{
    path::Path,
    time::{Duration, Instant},
};

fn options(attack: bool, blocks: u64, seed: u64) -> PlayOptions {
    PlayOptions { attack, traffic: true, blocks, block_interval: Duration::ZERO, seed }
}

async fn play(attack: bool, seed: u64) -> Option<(PlayReport, Vec<serde_json::Value>)> {
    let chain = chain().await?;
    let scenario = tiny();
    let mut world = build(&chain, &scenario).await;
    let report = world.play(options(attack, scenario.blocks(), seed), |_| {}).await.unwrap();
    let thief = ask(&chain.http_url(), "eth_accounts", json!([])).await[3].clone();
    let mut honest = Vec::new();
    for number in report.first_block..=report.last_block {
        let params = json!([format!("{number:#x}"), true]);
        let block = ask(&chain.http_url(), "eth_getBlockByNumber", params).await;
        for sent in block["transactions"].as_array().unwrap() {
            if sent["from"] != thief {
                honest.push(sent["hash"].clone());
            }
        }
    }
    Some((report, honest))
}

#[tokio::test]
async fn honest_traffic_is_the_same_with_and_without_the_attack() {
    let Some((quiet, quiet_honest)) = play(false, 7).await else { return };
    let (attacked, attacked_honest) = play(true, 7).await.unwrap();
    // A hash holds sender, nonce, content and fees: the same hashes are the same transactions.
    assert_eq!(quiet_honest, attacked_honest);
    assert!(!quiet_honest.is_empty());
    assert_ne!(play(false, 8).await.unwrap().1, quiet_honest);
    // Nobody steals, nobody pays fees: nothing is lost.
    assert_eq!((quiet.loss_micro_usd, quiet.attack.len()), (0, 0));
    let sent = attacked.honest_before.sent + attacked.honest_after.sent;
    assert_eq!(sent, attacked_honest.len() as u64);
    assert!(attacked.honest_after.failed > 0, "who was robbed cannot pay");
}

#[tokio::test]
async fn the_attack_and_the_loss_are_reported() {
    let Some((report, _)) = play(true, 7).await else { return };
    let labels: Vec<(&str, bool)> =
        report.attack.iter().map(|outcome| (outcome.label.as_str(), outcome.success)).collect();
    let robs = [("robs everybody", true); 4];
    let expect = [&[("deploys a vault", true)], &robs[..], &[("robs nobody", false); 2]].concat();
    assert_eq!(labels, expect);
    let token = &report.loss_by_asset[0];
    // Four users with ten each, minted in the set-up; what they paid each other stays among them.
    assert_eq!(token.token, "weth");
    assert!(token.micro_usd > 70_000_000_000, "{token:?}");
    assert!(report.loss_by_asset[1].micro_usd < 0, "the thief pays the fees: {report:?}");
    assert_eq!(report.blocks_played, tiny().blocks());
    assert_eq!(report.responder_transactions, []);
    let json = serde_json::to_value(&report).unwrap();
    assert!(json["lossMicroUsd"].is_i64() && json["honestBefore"]["sent"].is_u64(), "{json}");
}

#[tokio::test]
async fn a_play_goes_on_after_a_reorganisation() {
    let Some(chain) = chain().await else { return };
    let mut world = build(&chain, &tiny()).await;
    let first = world.play(options(true, 6, 7), |_| {}).await.unwrap();
    let robbed = world.loss().await.unwrap().micro_usd;
    assert_eq!(first.loss_micro_usd, robbed);
    chain.reorg(2).await.unwrap();
    let mut indexes = Vec::new();
    let second =
        world.play(options(true, 4, 7), |block| indexes.push((block.index, block.number))).await;
    let second = second.unwrap();
    assert_eq!(second.first_block, first.last_block + 1);
    assert_eq!(indexes[0], (7, second.first_block));
}

#[tokio::test]
async fn the_responders_transactions_are_read_from_the_chain() {
    let Some(chain) = chain().await else { return };
    let mut world = build(&chain, &tiny()).await;
    let weth = world.value("weth").unwrap().address().unwrap();
    let responder = world.responder().unwrap();
    assert_eq!(chain.development_address(world.responder_index().unwrap()).unwrap(), responder);
    let call = json!([{"from": responder, "to": weth, "data": "0xd0e30db0", "value": "0x5",
        "gas": "0x186a0", "maxFeePerGas": "0x77359400", "maxPriorityFeePerGas": "0x3b9aca00"}]);
    let hash = ask(&chain.http_url(), "eth_sendTransaction", call).await;
    let report = world.play(options(false, 2, 7), |_| {}).await.unwrap();
    assert_eq!(
        serde_json::to_value(&report.responder_transactions).unwrap(),
        json!([{"block": report.first_block, "hash": hash,
            "to": weth.to_string().to_lowercase(), "selector": "0xd0e30db0", "success": true}])
    );
}

#[tokio::test]
async fn transactions_wait_in_the_pool_for_the_block_interval() {
    let Some(chain) = chain().await else { return };
    let mut world = build(&chain, &tiny()).await;
    let block_interval = Duration::from_millis(150);
    let started = Instant::now();
    let mut times = Vec::new();
    let options = PlayOptions { block_interval, ..options(false, 3, 7) };
    world.play(options, |_| times.push(started.elapsed())).await.unwrap();
    assert_eq!(times.len(), 3);
    assert!(block_interval * 3 <= times[2], "{times:?}");
}

#[tokio::test]
async fn names_are_rendered() {
    let Some(chain) = chain().await else { return };
    let world = build(&chain, &tiny()).await;
    let Ok(Value::Address(weth)) = world.value("weth") else { panic!("weth is a contract") };
    let text = world.render("{{weth}} {{rpc}} {{decimals}}", &[("rpc", "http://node")]).unwrap();
    assert_eq!(text, format!("{weth} http://node 18"));
    assert!(matches!(world.render("{{vault}}", &[]), Err(RangeError::UnknownName { .. })));
}

/// Changes the tiny world; building it must then fail with that message.
async fn check(from: &str, to: &str, part: &str) {
    let Some(chain) = chain().await else { return };
    let tiny = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tiny/world.yaml");
    let text = std::fs::read_to_string(tiny).unwrap();
    assert!(text.contains(from), "{from}");
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("tiny");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("world.yaml"), text.replacen(from, to, 1)).unwrap();
    let scenario = Scenario::load(&folder).unwrap();
    let error = World::build(&chain, &scenario, 7).await.unwrap_err().to_string();
    assert!(error.contains(part), "{error}");
    assert!(error.contains("world.yaml:"), "{error}");
}

#[tokio::test]
async fn mistakes_in_a_set_up_are_named() {
    let deposit = "call: \"weth.deposit()\"";
    check(
        deposit,
        "call: \"weth.withdraw(uint256)\"\n    args: [1]",
        "step 1 (call weth.withdraw(uint256)) failed: execution reverted, without",
    )
    .await;
    let overdraft = "call: \"pool.transfer(address,uint256)\"";
    check(overdraft, "call: \"pool.transferFrom(address,address,uint256)\"", "takes 3 arguments")
        .await;
    check(
        "rand(1e18, 2e18)",
        "1e24",
        "(call pool.transfer(address,uint256)) failed: revert: ds-math",
    )
    .await;
    check(deposit, "call: \"weth.depozit()\"", "weth has no depozit(): it has").await;
    check(deposit, "call: \"eth.deposit()\"", "unknown name {{eth}}").await;
    check("args: [\"{{users}}\", \"rand(", "args: [\"{{user}}\", \"rand(", "unknown name {{user}}")
        .await;
    check("view: \"weth.decimals()\"", "view: \"token.decimals()(uint8)\"", "unknown name").await;
    check("pool.transfer", "pol.transfer", "unknown name {{pol}}").await;
}
