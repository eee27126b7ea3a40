use portcullis_types::{finding::Finding, money::Usd};

use super::*;
use crate::testing::{
    ALICE, MARKET, ROUTER, THIEF, USDC, VAULT, With, block, detector, error, inspect, protocol,
    transaction, usdc,
};

fn amount_limits() -> Box<dyn Detector> {
    detector(
        r#"{"detector":"gross-outflow","limits":[
            {"asset":"USDC","windowSeconds":12,"maxAmount":"1000"},
            {"asset":"USDC","windowSeconds":3600,"maxAmount":"3000"}]}"#,
    )
}

fn share_limit() -> Box<dyn Detector> {
    detector(
        r#"{"detector":"gross-outflow","contracts":["market"],
            "limits":[{"asset":"USDC","windowSeconds":60,"maxShare":10}]}"#,
    )
}

fn read(detector: &mut dyn Detector, number: u64, dollars: u64) {
    let probe = Probe::Balance { asset: USDC, holder: MARKET };
    let reading = Reading { probe, value: Ok(usdc(dollars)), depends_on: Vec::new() };
    detector.read(block(number, 1), &[reading], &mut Findings::default());
}

/// Withdrawals as (block, second, dollars) in order; the last one's finding, as (dollars, windows broken, e-value, proof).
fn check(name: &str, withdrawals: &[(u64, u64, u64)], expected: Option<(u64, usize, f64, bool)>) {
    let mut detector = amount_limits();
    let mut last = Vec::new();
    for (number, second, dollars) in withdrawals {
        let evidence =
            transaction().at(*number, *second).moves(USDC, MARKET, ALICE, usdc(*dollars));
        last = inspect(detector.as_mut(), &evidence);
    }
    let seen = |finding: &Finding| {
        let windows = finding.evidence.iter().filter(|line| line.contains("within")).count();
        let dollars = (finding.loss.0 / Usd::ONE_MICROS) as u64;
        assert_eq!(finding.amount, Some(usdc(dollars)), "{name}");
        assert_eq!((finding.contract, finding.asset), (MARKET, Some(USDC)), "{name}");
        (dollars, windows, finding.confidence.e_value, finding.confidence.proof)
    };
    assert_eq!(last.iter().map(seen).collect::<Vec<_>>(), Vec::from_iter(expected), "{name}");
}

#[test]
fn bounds_fire_above_and_are_silent_up_to_themselves() {
    check("nothing", &[(1, 1_000, 0)], None);
    check("up to the bound", &[(1, 1_000, 1_000)], None);
    check("above it", &[(1, 1_000, 1_500)], Some((1_500, 1, 42.25, false)));
    check("twice the bound is a proof", &[(1, 1_000, 2_000)], Some((2_000, 1, 1e9, true)));
    check("in small steps", &[(1, 1_000, 900), (2, 1_011, 600)], Some((600, 1, 42.25, false)));
    check("slowly enough", &[(1, 1_000, 900), (2, 1_012, 600)], None);
    check(
        "the long window remembers",
        &[(1, 1_000, 1_000), (2, 1_012, 1_000), (3, 1_024, 1_000), (4, 1_036, 750)],
        Some((750, 1, 19.5625, false)),
    );
    check("an honest user after a thief", &[(1, 1_000, 1_500), (2, 1_001, 99)], None);
    check(
        "a thief after a thief",
        &[(1, 1_000, 1_500), (2, 1_001, 100)],
        Some((100, 1, 52.48, false)),
    );
    check(
        "drop by drop over twice the bound",
        &[(1, 1_000, 1_990), (2, 1_001, 11)],
        Some((11, 1, 1e9, true)),
    );
    check(
        "both windows",
        &[(1, 1_000, 1_000), (2, 1_012, 1_000), (3, 1_024, 1_500)],
        Some((1_500, 2, 42.25, false)),
    );
}

#[test]
fn what_is_no_outflow_is_silent() {
    for (name, evidence) in [
        (
            "flash loan",
            transaction().moves(USDC, MARKET, THIEF, usdc(9_000)).moves(
                USDC,
                THIEF,
                MARKET,
                usdc(9_000),
            ),
        ),
        ("internal", transaction().moves(USDC, MARKET, VAULT, usdc(9_000))),
        ("another asset", transaction().moves(Asset::Native, MARKET, THIEF, U256::MAX >> 1)),
        ("a router's own", transaction().moves(USDC, ROUTER, THIEF, usdc(9_000))),
    ] {
        assert_eq!(inspect(amount_limits().as_mut(), &evidence), [], "{name}");
    }
}

#[test]
fn a_finding_names_who_lost_most_and_keeps_its_key() {
    let evidence = transaction().moves(USDC, MARKET, THIEF, usdc(1_000)).moves(
        USDC,
        VAULT,
        THIEF,
        usdc(5_000),
    );
    let found = inspect(amount_limits().as_mut(), &evidence);
    let [finding] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((finding.contract, finding.loss), (VAULT, Usd::dollars(6_000)));
    assert_eq!(
        finding.sentence,
        "6,000 USDC (6,000.00 USD) left vault in a transaction that breaks 2 of 2 limits on USDC, one by 6.00 times"
    );
    let mut tighter = detector(
        r#"{"detector":"gross-outflow","maturity":"sandbox","limits":[{"asset":"USDC","windowSeconds":1,"maxAmount":"1"}]}"#,
    );
    let again = inspect(tighter.as_mut(), &evidence);
    assert_eq!(again[0].key, finding.key, "the key does not depend on the window");
    assert_eq!(again[0].maturity, Maturity::Sandbox);
}

#[test]
fn shares_are_of_what_was_there() {
    let withdraw = |number, dollars| {
        transaction().at(number, 1_000 + number).moves(USDC, MARKET, ALICE, usdc(dollars))
    };
    let mut detector = share_limit();
    assert_eq!(
        inspect(detector.as_mut(), &withdraw(1, 999)),
        [],
        "unknown holdings are not judged"
    );
    detector.retract(&[block(1, 1)]);
    read(detector.as_mut(), 1, 1_000);
    assert_eq!(inspect(detector.as_mut(), &withdraw(2, 100)), []);
    let found = inspect(detector.as_mut(), &withdraw(3, 1));
    assert!(found[0].evidence.iter().any(|line| line.contains("10 % of 1,000 USDC")), "{found:?}");
    // A deposit raises what was there only by itself.
    let deposit = transaction().at(4, 1_010).moves(USDC, ALICE, MARKET, usdc(1_000));
    assert_eq!(inspect(detector.as_mut(), &deposit), []);
    assert_eq!(inspect(detector.as_mut(), &withdraw(5, 99)), [], "200 of 2,000");
    assert_eq!(inspect(detector.as_mut(), &withdraw(6, 1)).len(), 1, "201 of 2,000");
}

#[test]
fn a_retracted_block_leaves_no_trace() {
    let first = transaction().at(1, 1_000).moves(USDC, MARKET, ALICE, usdc(900));
    let second = transaction().at(2, 1_005).moves(USDC, MARKET, ALICE, usdc(600));
    let mut detector = amount_limits();
    inspect(detector.as_mut(), &first);
    let before = inspect(detector.as_mut(), &second);
    detector.retract(&[second.block]);
    let mut other = second.clone();
    other.block = block(2, 2);
    let after = inspect(detector.as_mut(), &other);
    assert_eq!((after.len(), after[0].key), (1, before[0].key), "the same fact in another block");
    detector.retract(&[first.block, other.block]);
    assert_eq!(inspect(detector.as_mut(), &second), []);
}

#[test]
fn mistakes_in_the_configuration_name_field_and_remedy() {
    let limit = |limit: &str| format!(r#"{{"detector":"gross-outflow","limits":[{limit}]}}"#);
    for (json, parts) in [
        (limit(""), ["`limits`", "windowSeconds"]),
        (
            limit(r#"{"asset":"USDX","windowSeconds":1,"maxAmount":1}"#),
            ["`limits[0].asset`", "USDC, ETH"],
        ),
        (
            limit(r#"{"asset":"FREE","windowSeconds":1,"maxAmount":1}"#),
            ["`limits[0].asset`", "priceUsd"],
        ),
        (
            limit(r#"{"asset":"USDC","windowSeconds":0,"maxAmount":1}"#),
            ["`limits[0].windowSeconds`", "31 days"],
        ),
        (limit(r#"{"asset":"USDC","windowSeconds":1}"#), ["`limits[0].maxAmount`", "maxShare"]),
        (
            limit(r#"{"asset":"USDC","windowSeconds":1,"maxAmount":"0.0000001"}"#),
            ["6 places", "whole units"],
        ),
        (
            limit(r#"{"asset":"USDC","windowSeconds":1,"maxShare":"101"}"#),
            ["`limits[0].maxShare`", "percent"],
        ),
        (limit(r#"{"asset":"USDC","windowSeconds":1,"maxShare":-1}"#), ["-1", "decimal number"]),
        (
            limit(r#"{"asset":"USDC","windowSeconds":1,"maxamount":1}"#),
            ["maxamount", "unknown field"],
        ),
        (
            r#"{"detector":"gross-outflow","contracts":["markt"],"limits":[]}"#.to_owned(),
            ["`contracts[0]`", "market, vault"],
        ),
        (
            r#"{"detector":"gross-outflow","hardFactor":"0.5","limits":[]}"#.to_owned(),
            ["`hardFactor`", "leave it out"],
        ),
        (
            r#"{"detector":"gross-outflo","limits":[]}"#.to_owned(),
            ["gross-outflo", "unknown variant"],
        ),
    ] {
        let error = error(&json);
        assert!(parts.iter().all(|part| error.contains(part)), "{json}: {error}");
    }
    assert!(
        GrossOutflow::new(&Protocol { contracts: Vec::new(), ..protocol() }, &config()).is_err()
    );
}

fn config() -> GrossOutflowConfig {
    let limit = crate::config::OutflowLimit {
        asset: "USDC".to_owned(),
        window_seconds: 1,
        max_amount: Some(Decimal::whole(1)),
        max_share: None,
    };
    GrossOutflowConfig {
        maturity: None,
        contracts: Vec::new(),
        limits: vec![limit],
        hard_factor: None,
    }
}
