//! The three drills, and a thousand honest blocks.

use serde_json::Value;

use crate::kit::{run, texts, without_chain};

fn drill(scenario: &str, more: &[&str]) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().to_string_lossy().into_owned();
    let mut args = vec!["drill", scenario, "--json", "--out", &out];
    args.extend(more);
    let output = run(&args);
    let (text, errors, code) = texts(&output);
    let value: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}\n{errors}"));
    assert_eq!(code, Some(0), "{value:#}\n{errors}");
    value
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
