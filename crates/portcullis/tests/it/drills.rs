//! The three drills, and a thousand honest blocks.

use std::{path::Path, process::Stdio, time::Duration};

use serde_json::Value;

use crate::kit::{portcullis, run, texts, without_chain};

/// Chains of which one has to last: anvil 1.7 stops answering now and then on a busy machine.
const CHAINS_MAX: u32 = 3;

fn drill(scenario: &str, more: &[&str]) -> Value {
    for chain in 1.. {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().to_string_lossy().into_owned();
        let mut args = vec!["drill", scenario, "--json", "--out", &out];
        args.extend(more);
        let output = run(&args);
        let (text, errors, code) = texts(&output);
        if chain < CHAINS_MAX && errors.contains("no usable answer to") {
            eprintln!(
                "{scenario}: the chain stopped answering, and another one is tried: {errors}"
            );
            continue;
        }
        let value: Value =
            serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}\n{errors}"));
        assert_eq!(code, Some(0), "{value:#}\n{errors}");
        return value;
    }
    unreachable!("the last chain is judged")
}

#[track_caller]
fn check(scenario: &str) {
    if without_chain() {
        return;
    }
    let drilled = drill(scenario, &[]);
    let number =
        |name: &str| drilled[name].as_f64().unwrap_or_else(|| panic!("{name}: {drilled:#}"));
    assert!(number("lossUnprotectedUsd") > 1_000_000.0, "{drilled:#}");
    assert!(number("lossProtectedUsd") <= number("lossUnprotectedUsd") / 4.0, "{drilled:#}");
    assert_eq!(drilled["falsePauses"], 0);
    assert_eq!(drilled["pausesOnChain"], 1);
    assert_eq!(drilled["journalVerified"], true);
    assert!(drilled["caseId"].is_string());
}

#[test]
fn a_market_that_trusts_a_spot_price_is_paused_after_the_first_strikes() {
    check("lending-spot-oracle");
}

#[test]
fn a_swapped_safe_singleton_leads_to_a_pause_before_the_sweep() {
    check("safe-singleton-swap");
}

#[test]
fn a_bridge_that_pays_for_an_unproven_message_is_paused_before_the_crowd_comes() {
    check("bridge-unproven-message");
}

/// One world after the other: three at once are more than a small machine's chains bear.
#[test]
fn a_thousand_honest_blocks_of_each_world_lead_to_no_pause() {
    if without_chain() {
        return;
    }
    for scenario in ["lending-spot-oracle", "safe-singleton-swap", "bridge-unproven-message"] {
        let honest = drill(scenario, &["--honest-only", "--blocks", "1000", "--interval-ms", "25"]);
        assert_eq!(honest["falsePauses"], 0, "{honest:#}");
        assert_eq!(honest["findings"], 0, "{honest:#}");
        assert_eq!(honest["blind"], serde_json::json!([]), "{honest:#}");
        assert!(honest["inspected"].as_u64() >= Some(1_000), "{honest:#}");
        assert!(honest["honest"]["succeeded"].as_u64() > Some(1_500), "{honest:#}");
    }
}

/// An address that nobody listens at.
fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").to_string()
}

/// What the console beside a drill answers, by its visitor's token; none while it does not.
async fn asked(address: &str, out: &Path, path: &str) -> Option<Value> {
    let token = std::fs::read_to_string(out.join("visitor.token")).ok()?;
    let request = reqwest::Client::new().get(format!("http://{address}/api/v1/{path}"));
    let answer = request.bearer_auth(token.trim()).send().await.ok()?;
    answer.error_for_status().ok()?.json().await.ok()
}

#[tokio::test]
async fn a_visitor_watches_a_drill_in_the_console() {
    if without_chain() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let address = free_address();
    let mut child = tokio::process::Command::from(portcullis())
        .args(["drill", "lending-spot-oracle", "--json", "--console", &address, "--out"])
        .arg(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("it starts");
    let mut contained = None;
    let mut page = None;
    while contained.is_none() || page.is_none() {
        if let Some(status) = child.try_wait().expect("its state") {
            panic!("the drill ended with {status} and no case was shown as contained");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        let cases = asked(&address, folder.path(), "cases").await;
        let is_contained = |case: &&Value| case["phase"] == "contained";
        let one =
            cases.iter().filter_map(|all| all["items"].as_array()).flatten().find(is_contained);
        if let Some(id) = one.and_then(|one| one["id"].as_str()) {
            contained = asked(&address, folder.path(), &format!("cases/{id}")).await;
            page = asked(&address, folder.path(), &format!("cases/{id}/playbooks")).await;
        }
    }
    let (case, playbooks) = (contained.expect("a case"), page.expect("its playbooks"));
    // What is prevented is not at risk; nobody of the team has looked yet; it is not taken for nothing first.
    let dollars = |name: &str| -> f64 { case[name].as_str().expect(name).parse().expect(name) };
    assert!(dollars("savedUsd") > 0.0 && dollars("atRiskUsd") < dollars("savedUsd"), "{case:#}");
    assert_eq!(case["allowed"][0], "acknowledge", "{case:#}");
    assert_eq!(playbooks["offered"][0]["id"], "market-is-drained", "{playbooks:#}");
    // Only the thief's own account stands there, not whoever came last in the block.
    assert_eq!(case["attackers"].as_array().map(Vec::len), Some(1), "{case:#}");
    assert!(child.wait().await.expect("it ends").success());
}
