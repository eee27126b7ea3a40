use std::path::Path;

use super::*;
use crate::config;

const CONFIG: &str = r#"
chains: [{name: local, id: 31337}]
protocols:
  - name: bridge
    chain: local
    contracts:
      - {name: vault, address: "0x00000000000000000000000000000000000000a1", holdsValue: true}
      - {name: other, address: "0x00000000000000000000000000000000000000a2", holdsValue: true}
    assets:
      - {symbol: RUSD, token: "0x00000000000000000000000000000000000000b1", decimals: 6, priceUsd: 1}
      - {symbol: ETH, decimals: 18, priceUsd: 2000}
    detectors:
      - detector: gross-outflow
        limits:
          - {asset: RUSD, windowSeconds: 12, maxAmount: "150000"}
          - {asset: RUSD, windowSeconds: 3600, maxShare: "10"}
          - {asset: ETH, windowSeconds: 3600, maxAmount: "50"}
      - detector: gross-outflow
        contracts: [vault]
        limits:
          - {asset: RUSD, windowSeconds: 1, maxAmount: "1"}
POLICY
"#;

fn report(policy: &str) -> Result<Report, String> {
    let text = CONFIG.replace("POLICY", policy);
    let compiled = config::parse(Path::new("portcullis.yaml"), &text);
    let compiled = compiled.map_err(|problem| problem.to_string())?;
    Ok(Report::new(&compiled.engine.protocols, &[]))
}

const HELD: &str = "    policy: {economics: {holdingsUsd: {RUSD: 10000000, ETH: 500000}}}";

#[test]
fn bounds_are_those_of_the_limits() {
    let report = serde_json::to_value(report(HELD).unwrap()).unwrap();
    let bridge = &report["protocols"][0];
    let limits = bridge["limits"].as_array().unwrap();
    let bounds = |at: usize| {
        ["1block", "1", "5", "30", "60"].map(|time| limits[at]["boundsUsd"][time].as_i64().unwrap())
    };
    // A window of 12 seconds fits twice into a block of twelve, both ends included, and six times into a minute.
    assert_eq!(bounds(0), [300_000, 900_000, 3_900_000, 10_000_000, 10_000_000]);
    assert_eq!(bounds(1), [1_000_000, 1_000_000, 1_000_000, 1_000_000, 1_900_000]);
    // A dollar a second, of one contract of two: it bounds nothing for the protocol.
    assert_eq!((bounds(2)[0], &limits[2]["coversAll"]), (13, &serde_json::json!(false)));
    assert_eq!(bounds(3), [100_000, 100_000, 100_000, 100_000, 200_000]);
    let all = ["1block", "60"].map(|time| bridge["boundsUsd"][time].as_i64().unwrap());
    assert_eq!(all, [400_000, 2_100_000]);
    assert_eq!(limits[0]["honestNotKnown"], "not known: give --recording");
    assert!(limits[0]["honest"].is_null());
    assert_eq!(bridge["attacks"].as_array().unwrap().len(), 3);
    assert!(bridge["attacks"][0]["profitable"].as_bool().unwrap());
}

#[test]
fn what_is_not_known_is_not_said() {
    let report = report("").unwrap();
    let shown = text::text(&report, Paint::stdout());
    assert!(
        shown.contains("not known: write policy.economics.holdingsUsd for RUSD, ETH"),
        "{shown}"
    );
    let value = serde_json::to_value(&report).unwrap();
    let bridge = &value["protocols"][0];
    assert!(bridge["attacks"].as_array().unwrap().is_empty());
    assert!(bridge["limits"][1]["boundsUsd"]["1"].is_null(), "a share of what is not known");
    assert_eq!(bridge["limits"][0]["boundsUsd"]["1"].as_i64(), Some(900_000));
    assert!(bridge["advice"].as_array().unwrap().is_empty());
}

#[test]
fn a_wrong_configuration_is_refused_with_its_line() {
    let policy = "    policy: {economics: {holdingsUsd: {RUST: 10}}}";
    let error = report(policy).unwrap_err();
    assert!(error.contains("portcullis.yaml:") && error.contains("RUST"), "{error}");
    let error = report("    policy: {economics: {haircut: 2}}").unwrap_err();
    assert!(error.contains("`haircut` is 2"), "{error}");
}

#[test]
fn the_cost_of_a_false_stop_is_drawn_part_by_part() {
    const LEVERS: &str = r#"    ladder:
      - {kind: pausable, name: "gate<", target: "0x00000000000000000000000000000000000000a1", rung: market, holdSeconds: 3600,
         falseStopCost: {perMinuteUsd: 100, reputationUsd: 2000, fixedUsd: 500}}
      - {kind: pausable, name: all, target: "0x00000000000000000000000000000000000000a2", rung: protocol, holdSeconds: 60,
         falseStopCostUsd: "17000"}
    policy: {economics: {holdingsUsd: {RUSD: 10000000, ETH: 500000}}}
responder: {address: "0x00000000000000000000000000000000000000c1", key: {environment: PORTCULLIS_TEST_KEY}}"#;
    let report = report(LEVERS).unwrap();
    let bars = costs::bars(&report.protocols[0].levers);
    // 616 points are 17,000 dollars: 6,000 for blocked users, 2,000 and 500.
    for words in [
        "width=\"217.4\"",
        "width=\"72.5\"",
        "width=\"18.1\"",
        "width=\"616.0\"",
        "gate&lt; (market",
        "8,500 USD",
    ] {
        assert!(bars.contains(words), "{words}: {bars}");
    }
    assert!(
        bars.contains("sum alone is configured") && !bars.contains("missed liquidations</span>")
    );
    assert!(costs::bars(&[]).is_empty());
    assert_eq!(page::page(&report).matches("<figure>").count(), 3);
}

#[test]
fn the_page_loads_nothing_and_escapes_names() {
    let mut report = report(HELD).unwrap();
    report.protocols[0].protocol = "<script>alert(1)</script>".to_owned();
    let page = page::page(&report);
    assert!(!page.contains("<script>alert"));
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("src="));
    // Two plots without a recording: bounds and gains.
    assert_eq!(page.matches("<figure>").count(), 2);
    assert!(page.contains("watched, not enforced"));
}
