use alloy_primitives::{B256, U256, keccak256};

use super::*;
use crate::testing::{MARKET, VAULT, With, block, detector, error, inspect, transaction};

const BRIDGE: Address = Address::repeat_byte(0xb1);

/// The market holds 5 million on the vault of others, which owes 10 million, bears half a million and holds 8 million of
/// a token; the protocol's own vault holds one million of it. A bridge carries another million of the market's.
const PLAIN: &str = r#"{"detector":"contagion","minUsd":1000,
    "upstream":[
        {"name":"usdx",
         "peg":{"price":{"contract":"0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","call":"price()"},
                "at":"1000000","maxBelow":"2"},
         "supply":{"total":{"contract":"0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                "call":"totalSupply()"},"maxGrowth":"5"}},
        {"name":"bridge","account":"0xb1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1","severity":50,
         "paused":{"contract":"0xb1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1","call":"paused()"}}],
    "nodes":[{"name":"their-vault","valueUsd":10000000,"bufferUsd":500000}],
    "exposures":[
        {"holder":"their-vault","on":"usdx","amountUsd":8000000},
        {"holder":"market","on":"their-vault","amountUsd":5000000},
        {"holder":"vault","on":"usdx","amountUsd":1000000},
        {"holder":"market","on":"bridge","amountUsd":1000000}]}"#;

/// Answers by signature; what is not named is not read anew.
fn read(detector: &mut dyn Detector, number: u64, answers: &[(&str, Option<u64>)]) -> Vec<Finding> {
    let mut readings = Vec::new();
    for probe in detector.probes() {
        let Probe::Call { data, .. } = &probe else { panic!("{probe:?}") };
        for (call, value) in answers {
            if data[..4] == keccak256(call)[..4] {
                let value = value.map(U256::from).ok_or_else(|| "reverted".to_owned());
                readings.push(Reading { probe: probe.clone(), value, depends_on: Vec::new() });
            }
        }
    }
    assert_eq!(readings.len(), answers.len());
    let mut out = Findings::default();
    detector.read(block(number, 1), &readings, &mut out);
    out.into_parts().0
}

fn event(number: u64, text: &str) -> Evidence {
    let topics = vec![keccak256(text), B256::repeat_byte(7)];
    transaction().at(number, number * 12).logs(BRIDGE, topics)
}

#[test]
fn a_lost_peg_is_passed_on_beyond_buffers() {
    for (price, expected) in [
        (1_000_000, None),
        (980_000, None),
        // 10 %: their vault loses 0.8 million, 0.3 beyond its buffer, 3 %; the market 150,000 and our vault 100,000.
        (900_000, Some(("up to 250,000.00 ", "usdx → their-vault → market", MARKET))),
        // 5 %: their vault bears it; our vault loses 50,000.
        (950_000, Some(("up to 50,000.00 ", "usdx → vault", VAULT))),
        (0, Some(("up to 4,750,000.00 ", "usdx → their-vault → market", MARKET))),
    ] {
        let found = read(detector(PLAIN).as_mut(), 1, &[("price()", Some(price))]);
        let told: Vec<(&str, Address)> =
            found.iter().map(|one| (one.sentence.as_str(), one.contract)).collect();
        assert_eq!(told.len(), usize::from(expected.is_some()), "{price}: {told:?}");
        for ((sentence, contract), (amount, path, worst)) in told.into_iter().zip(expected) {
            assert!(sentence.starts_with(amount) && sentence.ends_with(path), "{sentence}");
            assert_eq!(contract, worst);
        }
        assert!(found.iter().all(|one| one.loss == Usd::ZERO && !one.confidence.proof));
    }
}

#[test]
fn a_threat_is_raised_once_again_when_it_grows_and_after_it_was_over() {
    let mut detector = detector(PLAIN);
    let prices = [950_000, 950_000, 949_900, 940_000, 990_000, 950_000];
    let mut told = Vec::new();
    for (number, price) in (1..).zip(prices) {
        told.push(read(detector.as_mut(), number, &[("price()", Some(price))]).len());
    }
    assert_eq!(told, [1, 0, 0, 1, 0, 1]);
    assert_eq!(read(detector.as_mut(), 9, &[("price()", None)]), [], "unknown is no change");
}

#[test]
fn a_supply_that_jumps_and_a_pause_are_failures() {
    let mut detector = detector(PLAIN);
    assert_eq!(read(detector.as_mut(), 1, &[("totalSupply()", Some(1_000))]), []);
    assert_eq!(read(detector.as_mut(), 2, &[("totalSupply()", Some(1_050))]), []);
    let jumped = read(detector.as_mut(), 3, &[("totalSupply()", Some(2_100))]);
    assert_eq!(jumped.len(), 1);
    assert!(jumped[0].evidence[0].contains("from 1050 to 2100; 50 %"), "{jumped:?}");
    detector.retract(&[block(3, 1)]);
    assert_eq!(read(detector.as_mut(), 4, &[("paused()", Some(0))]), []);
    let paused = read(detector.as_mut(), 5, &[("paused()", Some(1))]);
    assert!(paused[0].sentence.starts_with("up to 500,000.00 "), "{paused:?}");
    assert!(paused[0].sentence.ends_with("bridge → market"));
}

#[test]
fn events_count_until_they_are_over() {
    let mut detector = detector(PLAIN);
    assert_eq!(detector.watches(), [(1, Address::repeat_byte(0xaa)), (1, BRIDGE)]);
    assert_eq!(inspect(detector.as_mut(), &event(1, "Transfer(address,address,uint256)")), []);
    let paused = inspect(detector.as_mut(), &event(2, "Paused(address)"));
    assert_eq!(paused.len(), 1);
    assert!((paused[0].confidence.e_value - OF_EVENT).abs() < 1e-9);
    assert_eq!(inspect(detector.as_mut(), &event(3, "Paused(address)")), [], "no news");
    assert_eq!(inspect(detector.as_mut(), &event(4, "Unpaused(address)")), []);
    assert_eq!(inspect(detector.as_mut(), &event(5, "Upgraded(address)")).len(), 1);
    assert_eq!(read(detector.as_mut(), 5 + upstream::EVENT_BLOCKS, &[("paused()", Some(0))]), []);
    let again = event(6 + upstream::EVENT_BLOCKS, "Upgraded(address)");
    assert_eq!(inspect(detector.as_mut(), &again).len(), 1, "the first one was over");
    let mut failed = event(7, "Upgraded(address)");
    failed.success = false;
    assert_eq!(inspect(detector.as_mut(), &failed), []);
}

#[test]
fn a_retracted_block_leaves_no_trace() {
    let mut detector = detector(PLAIN);
    let first = inspect(detector.as_mut(), &event(2, "Paused(address)"));
    detector.retract(&[block(2, 1)]);
    assert_eq!(read(detector.as_mut(), 3, &[("paused()", Some(0))]), []);
    detector.retract(&[block(3, 1)]);
    assert_eq!(inspect(detector.as_mut(), &event(2, "Paused(address)")), first);
}

#[test]
fn mistakes_in_the_configuration_name_field_and_remedy() {
    for (from, to, parts) in [
        (r#""on":"bridge""#, r#""on":"x""#, ["`exposures[3].on`", "their-vault"]),
        (r#""holder":"vault""#, r#""holder":"x""#, ["`exposures[2].holder`", "market"]),
        (r#""holder":"vault""#, r#""holder":"usdx""#, ["`exposures[2].holder`", "their-vault"]),
        (r#""valueUsd":10000000"#, r#""valueUsd":0"#, ["`nodes[0].valueUsd`", "leave the node"]),
        (r#""name":"bridge""#, r#""name":"usdx""#, ["`upstream[1].name`", "twice"]),
        (r#""at":"1000000""#, r#""at":"0""#, ["`upstream[0].peg.at`", "par"]),
        (r#""maxBelow":"2""#, r#""maxBelow":"0""#, ["`upstream[0].peg.maxBelow`", "percent"]),
        (r#""severity":50"#, r#""severity":0"#, ["`upstream[1].severity`", "leave it out"]),
        (r#""call":"price()""#, r#""call":"price""#, ["`upstream[0].peg.price.call`", "paren"]),
        (
            r#""call":"price()""#,
            r#""call":"price(uint8)""#,
            ["`upstream[0].peg.price.args`", "takes 1"],
        ),
    ] {
        let json = PLAIN.replace(from, to);
        assert_ne!(json, PLAIN);
        let error = error(&json);
        assert!(parts.iter().all(|part| error.contains(part)), "{json}: {error}");
    }
    let bare = r#"{"detector":"contagion","upstream":[{"name":"x"}],
        "exposures":[{"holder":"market","on":"x","amountUsd":1}]}"#;
    assert!(error(bare).contains("nothing of it is watched"));
    let foreign = PLAIN.replace(r#""holder":"market""#, r#""holder":"their-vault""#);
    let foreign = foreign.replace(r#""holder":"vault""#, r#""holder":"their-vault""#);
    assert!(error(&foreign).contains("none of them is the protocol's"));
}
