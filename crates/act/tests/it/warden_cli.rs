//! The program itself before a Warden: `harm`, `readiness`, and the heartbeats of `run`.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use crate::support::{
    chain::{RESPONDER, RESPONDER_KEY},
    journal::Journal,
    warden::{HOLD, SENTINEL_KEYS, WardenOptions, WardenScene},
};
use alloy_primitives::U256;
use portcullis_types::action::Intent;
use serde_json::Value as Json;

/// The program, which `cargo test --workspace` puts beside the tests.
fn program() -> Option<PathBuf> {
    let here = std::env::current_exe().unwrap();
    let path = here.parent()?.parent()?.join("portcullis");
    if !path.exists() {
        eprintln!("skipped: {} is not built; run: cargo build -p portcullis", path.display());
        return None;
    }
    Some(path)
}

fn configuration(scene: &WardenScene, hold_seconds: u64) -> String {
    let lever = scene.lever.warden.as_ref().unwrap().lever;
    let mut keys = String::new();
    for (place, one) in scene.sentinels.iter().enumerate() {
        let address = one.address();
        keys += &format!(
            "    - {{name: s{place}, address: \"{address}\", key: {{environment: SENTINEL_{place}}}}}\n"
        );
    }
    format!(
        r#"chains:
  - {{name: local, id: 31337, nodes: ["{url}"], pollMs: 50}}
protocols:
  - name: vault
    chain: local
    contracts:
      - {{name: vault, address: "{vault}", holdsValue: true}}
      - {{name: till, address: "{lens}", holdsValue: true}}
    assets:
      - {{symbol: ETH, decimals: 18, priceUsd: 3000}}
    detectors:
      - detector: gross-outflow
        limits:
          - {{asset: ETH, windowSeconds: 60, maxAmount: "1"}}
    ladder:
      - {{kind: warden, name: stop, warden: "{warden}", lever: "{lever}", target: "{vault}", rung: market,
         holdSeconds: {hold_seconds}, falseStopCostUsd: 1000}}
    policy: {{autonomy: act}}
responder:
  address: "{RESPONDER}"
  key: {{environment: RESPONDER_KEY}}
sentinels:
  keys:
{keys}"#,
        url = scene.chain.url,
        vault = scene.vault,
        lens = scene.lens,
        warden = scene.warden,
    )
}

fn run(program: &Path, config: &Path, arguments: &[&str]) -> (Json, String, i32) {
    let mut command = Command::new(program);
    command.args(arguments).arg("--config").arg(config);
    let Output { status, stdout, stderr } = command.output().unwrap();
    let json = serde_json::from_slice(&stdout).unwrap_or_default();
    let errors = String::from_utf8_lossy(&stderr).into_owned();
    (json, format!("{}{errors}", String::from_utf8_lossy(&stdout)), status.code().unwrap())
}

/// Starts `run` until every sentinel counts.
async fn run_until_heard(program: &Path, config: &Path, scene: &WardenScene) {
    let heard = async || scene.harm(0).await.sentinels.iter().all(|one| one.counts);
    run_until((program, config), heard).await;
}

#[tokio::test]
async fn harm_and_readiness_say_what_the_chain_says() {
    let Some(program) = program() else { return };
    let options = WardenOptions { beats: false, ..WardenOptions::default() };
    let Some(scene) = WardenScene::start(options).await else { return };
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("portcullis.yaml");
    std::fs::write(&config, configuration(&scene, HOLD)).unwrap();

    let (report, said, code) = run(&program, &config, &["readiness", "--json"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("has not sent its first heartbeat"), "{said}");
    assert_eq!(report["protocols"][0]["levers"][0]["works"], false, "{said}");
    let uncovered = report["protocols"][0]["uncovered"].as_array().unwrap();
    assert!(uncovered.len() == 1 && uncovered[0].as_str().unwrap().contains("till"), "{said}");

    run_until_heard(&program, &config, &scene).await;
    let (report, said, code) = run(&program, &config, &["readiness", "--json"]);
    assert_eq!(code, 1, "a contract is still uncovered: {said}");
    assert_eq!(report["protocols"][0]["levers"][0]["works"], true, "{said}");
    let checks = report["protocols"][0]["levers"][0]["checks"].to_string();
    assert!(checks.contains("undone as the Warden's call, paused() of"), "{said}");
    assert_eq!(report["purses"].as_array().unwrap().len(), 4, "{said}");
    let (_, said, _) = run(&program, &config, &["readiness"]);
    assert!(said.contains("ok stop (Market)") && said.contains("no lever covers it"), "{said}");

    let (report, said, code) = run(&program, &config, &["harm", "--json"]);
    assert_eq!(code, 0, "{said}");
    let total = &report["wardens"][0]["total"];
    let ours = scene.harm(86_400).await.total;
    let number = |name: &str| serde_json::from_value::<U256>(total[name].clone()).unwrap();
    assert_eq!((number("pulls"), number("holdSeconds")), (ours.pulls, ours.hold_seconds));
    // One pull of at most four hours, at 1,000 dollars for the configured hour.
    assert_eq!(report["wardens"][0]["worstCostUsd"].to_string(), "4000", "{said}");

    let (before, journal) = (number("holdSeconds"), Journal::default());
    scene.perform(&scene.action(1, Intent::Pull), &journal).await;
    assert!(scene.is_paused().await && before >= U256::from(HOLD));
    let (_, said, code) = run(&program, &config, &["harm"]);
    assert!(code == 0 && said.contains("at most 0 pulls") && said.contains("not armed"), "{said}");
}

/// Runs `run` until `done`, and gives back what it said.
async fn run_until((program, config): (&Path, &Path), done: impl AsyncFn() -> bool) -> String {
    let log = config.with_file_name("log");
    let mut command = Command::new(program);
    command.args(["run", "--stop-with-stdin", "--config"]).arg(config);
    command.env("RESPONDER_KEY", RESPONDER_KEY).stdin(Stdio::piped());
    for (place, key) in SENTINEL_KEYS.iter().enumerate() {
        command.env(format!("SENTINEL_{place}"), key);
    }
    let mut child = command.stderr(std::fs::File::create(&log).unwrap()).spawn().unwrap();
    let said = || std::fs::read_to_string(&log).unwrap();
    let deadline = Instant::now() + Duration::from_mins(1);
    while !done().await {
        assert!(child.try_wait().unwrap().is_none(), "it ended: {}", said());
        assert!(Instant::now() < deadline, "it does not come about: {}", said());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    said()
}

#[tokio::test]
async fn a_hold_that_the_journal_does_not_know_is_told_and_released_after_its_time() {
    let Some(program) = program() else { return };
    let Some(scene) = WardenScene::start(WardenOptions::default()).await else { return };
    // The same sentinels order a pull that no journal of the program knows.
    scene.perform(&scene.action(7, Intent::Pull), &Journal::default()).await;
    assert!(scene.is_paused().await);
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("portcullis.yaml");
    std::fs::write(&config, configuration(&scene, HOLD)).unwrap();

    let (report, said, _) = run(&program, &config, &["readiness", "--json"]);
    let checks = report["protocols"][0]["levers"][0]["checks"].as_array().unwrap().clone();
    for words in ["can release it early", "anybody can release it from"] {
        let of = |one: &&Json| one["what"].as_str().is_some_and(|what| what.contains(words));
        assert_eq!(checks.iter().find(of).unwrap()["ok"], true, "{words}: {said}");
    }

    let seen = async || {
        let (report, ..) = run(&program, &config, &["case", "list", "--json"]);
        let brakes = report["brakes"]["vault"].as_array().map_or(0, Vec::len);
        let (_, said, _) = run(&program, &config, &["case", "list"]);
        brakes > 3 && said.contains("by an order that this journal did not make")
    };
    let said = run_until((&program, &config), seen).await;
    assert!(said.contains("is held: by an order that this journal did not make"), "{said}");
    assert!(scene.is_paused().await, "its time is not over");

    // After its time and the grace that is left to whoever ordered it.
    scene.pass(HOLD + 120).await;
    let said = run_until((&program, &config), async || !scene.is_paused().await).await;
    assert!(scene.open_holds().await.is_empty(), "{said}");
    let (_, said, code) = run(&program, &config, &["journal", "verify"]);
    assert_eq!(code, 0, "{said}");
}

#[tokio::test]
async fn harm_names_levers_that_are_not_registered_or_are_others() {
    let Some(program) = program() else { return };
    let options = WardenOptions { beats: false, ..WardenOptions::default() };
    let Some(scene) = WardenScene::start(options).await else { return };
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("portcullis.yaml");
    let text = configuration(&scene, HOLD);
    let lever = scene.lever.warden.as_ref().unwrap().lever.to_string();
    let target = format!("target: \"{}\"", scene.vault);
    let other_target = format!("target: \"{}\"", scene.lens);
    let other_function = format!("{target}, function: \"stop()\"");
    for (from, to, words) in [
        (lever.as_str(), format!("0x{}", "11".repeat(32)), "is not registered at"),
        (target.as_str(), other_target, "in the configuration: correct one"),
        (target.as_str(), other_function, "another function in the configuration"),
    ] {
        let changed = text.replace(from, &to);
        assert_ne!(text, changed);
        std::fs::write(&config, changed).unwrap();
        let (report, said, code) = run(&program, &config, &["harm", "--json"]);
        assert!(code == 1 && report["ok"] == false && said.contains(words), "{words}: {said}");
        let differences = report["wardens"][0]["differences"].as_array().unwrap().len();
        assert_eq!(differences, 1, "{said}");
    }
}

#[tokio::test]
async fn a_difference_and_a_silence_have_exit_codes_of_their_own() {
    let Some(program) = program() else { return };
    let options = WardenOptions { beats: false, ..WardenOptions::default() };
    let Some(scene) = WardenScene::start(options).await else { return };
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("portcullis.yaml");
    std::fs::write(&config, configuration(&scene, 20_000)).unwrap();
    let (report, said, code) = run(&program, &config, &["harm", "--json"]);
    assert!(code == 1 && report["ok"] == false, "{said}");
    assert!(said.contains("may hold for 600 to 14400 s"), "{said}");

    let text = configuration(&scene, HOLD);
    let warden = format!("warden: \"{}\"", scene.warden);
    let elsewhere = text.replace(&warden, &format!("warden: \"{}\"", scene.vault));
    assert_ne!(text, elsewhere);
    std::fs::write(&config, elsewhere).unwrap();
    let (report, said, code) = run(&program, &config, &["harm", "--json"]);
    assert_eq!(code, 3, "{said}");
    assert_eq!(report["couldNotLook"].as_array().unwrap().len(), 1, "{said}");
}
