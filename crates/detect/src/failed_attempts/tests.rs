use portcullis_types::evidence::Created;

use super::*;
use crate::testing::{
    ALICE, MARKET, ROUTER, THIEF, VAULT, With, block, detector, error, inspect, transaction,
};

const PLAIN: &str = r#"{"detector":"failed-attempts","freshBlocks":100}"#;
const BAD: Address = Address::repeat_byte(0xbb);
const OLD: Address = Address::repeat_byte(0x0d);

/// `sender` calls `through`, which calls the market, in block `number`.
fn attempt(number: u64, sender: Address, through: Address, works: bool) -> Evidence {
    let mut evidence = transaction()
        .at(number, number * 12)
        .calls(None, CallKind::Call, sender, through, &[])
        .calls(Some(0), CallKind::Call, through, MARKET, &[1, 2, 3, 4]);
    (evidence.from, evidence.success) = (sender, works);
    evidence.frames.iter_mut().for_each(|frame| frame.effective = works);
    evidence
}

fn creation(number: u64, sender: Address, address: Address) -> Evidence {
    let mut evidence = transaction().at(number, number * 12);
    evidence.from = sender;
    evidence.created.push(Created { address, creator: sender, features: None });
    evidence
}

#[test]
fn the_second_failure_from_a_new_contract_is_found_and_later_ones_weigh_more() {
    let mut detector = detector(PLAIN);
    inspect(detector.as_mut(), &creation(1, THIEF, BAD));
    for (number, e_value) in [(2, None), (10, Some(4.0)), (30, Some(16.0)), (40, Some(64.0))] {
        let found = inspect(detector.as_mut(), &attempt(number, THIEF, BAD, false));
        let values: Vec<f64> = found.iter().map(|finding| finding.confidence.e_value).collect();
        assert_eq!(values, Vec::from_iter(e_value), "block {number}");
        for finding in found {
            assert_eq!((finding.contract, finding.outlook), (MARKET, Outlook::AllAtRisk));
            assert!(finding.evidence[1].contains("created in block 1"), "{finding:?}");
        }
    }
}

#[test]
fn failures_are_laid_to_who_created_the_contract() {
    let mut detector = detector(PLAIN);
    inspect(detector.as_mut(), &creation(1, THIEF, BAD));
    inspect(detector.as_mut(), &creation(1, THIEF, OLD));
    assert_eq!(inspect(detector.as_mut(), &attempt(2, ALICE, BAD, false)), []);
    let found = inspect(detector.as_mut(), &attempt(3, ROUTER, OLD, false));
    assert_eq!(found.len(), 1, "other senders, another contract, the same creator");
    assert!(found[0].sentence.starts_with(&format!("{THIEF} failed 2 times")));
}

#[test]
fn a_contract_that_was_never_seen_is_new_once_ages_are_known() {
    let mut detector = detector(PLAIN);
    inspect(detector.as_mut(), &attempt(1, ALICE, OLD, true));
    for number in [2, 3, 4] {
        let found = inspect(detector.as_mut(), &attempt(number, ALICE, OLD, false));
        assert_eq!(found, [], "nothing is known of ages yet");
    }
    assert_eq!(inspect(detector.as_mut(), &attempt(200, THIEF, BAD, false)), []);
    assert_eq!(inspect(detector.as_mut(), &attempt(201, ALICE, OLD, false)), []);
    assert_eq!(inspect(detector.as_mut(), &attempt(202, ALICE, OLD, false)), []);
    let found = inspect(detector.as_mut(), &attempt(203, THIEF, BAD, false));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].evidence[1], "seen first in block 200");
}

#[test]
fn honest_failures_are_silent() {
    let mut detector = detector(
        r#"{"detector":"failed-attempts","freshBlocks":10,
        "ignore":["0x0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d"]}"#,
    );
    inspect(detector.as_mut(), &creation(100, ALICE, BAD));
    let direct = |number| {
        let mut evidence =
            transaction().at(number, number).calls(None, CallKind::Call, ALICE, MARKET, &[]);
        (evidence.success, evidence.frames[0].effective) = (false, false);
        evidence
    };
    for number in 200..210 {
        for (name, evidence) in [
            ("a plain account", direct(number)),
            ("a contract that is not new any more", attempt(number, ALICE, BAD, false)),
            ("one that is ignored", attempt(number, ALICE, OLD, false)),
            ("one of our own", attempt(number, ALICE, VAULT, false)),
            ("it worked", attempt(number, ALICE, ROUTER, true)),
        ] {
            assert_eq!(inspect(detector.as_mut(), &evidence), [], "{name}");
        }
    }
}

#[test]
fn a_call_that_was_caught_and_one_from_a_constructor_are_attempts() {
    let mut caught = attempt(2, THIEF, BAD, true);
    caught.frames[1].effective = false;
    let mut constructor = attempt(2, THIEF, BAD, false);
    constructor.frames[0].kind = CallKind::Create;
    for evidence in [caught, constructor] {
        let mut detector = detector(r#"{"detector":"failed-attempts","attempts":1}"#);
        inspect(detector.as_mut(), &creation(1, THIEF, BAD));
        assert_eq!(inspect(detector.as_mut(), &evidence).len(), 1);
    }
}

#[test]
fn the_window_ends_and_what_is_retracted_did_not_happen() {
    let short = r#"{"detector":"failed-attempts","freshBlocks":100,"windowSeconds":60}"#;
    let mut first = detector(short);
    inspect(first.as_mut(), &creation(1, THIEF, BAD));
    inspect(first.as_mut(), &attempt(2, THIEF, BAD, false));
    assert_eq!(inspect(first.as_mut(), &attempt(7, THIEF, BAD, false)), [], "60 seconds later");
    assert_eq!(inspect(first.as_mut(), &attempt(8, THIEF, BAD, false)).len(), 1);
    let mut second = detector(PLAIN);
    inspect(second.as_mut(), &creation(1, THIEF, BAD));
    inspect(second.as_mut(), &attempt(2, THIEF, BAD, false));
    second.retract(&[block(2, 1)]);
    assert_eq!(inspect(second.as_mut(), &attempt(3, THIEF, BAD, false)), []);
    assert_eq!(inspect(second.as_mut(), &attempt(4, THIEF, BAD, false)).len(), 1);
}

#[test]
fn failures_are_bounded() {
    let mut detector = detector(PLAIN);
    inspect(detector.as_mut(), &attempt(0, ALICE, OLD, true));
    for n in 0..(ACTORS_MAX as u64 + 10) {
        let sender = Address::from_word(B256::from(alloy_primitives::U256::from(n + 1)));
        assert_eq!(inspect(detector.as_mut(), &attempt(200 + n, sender, sender, false)), []);
    }
    for n in 0..100 {
        let found = inspect(detector.as_mut(), &attempt(9_000 + n, THIEF, BAD, false));
        assert!(found.iter().all(|finding| finding.confidence.e_value <= E_VALUE_MAX));
    }
}

#[test]
fn mistakes_in_the_configuration_name_field_and_remedy() {
    let json = |rest: &str| format!(r#"{{"detector":"failed-attempts"{rest}}}"#);
    for (json, parts) in [
        (json(r#","freshBlocks":0"#), ["`freshBlocks`", "7200"]),
        (json(r#","attempts":0"#), ["`attempts`", "between 1 and 64"]),
        (json(r#","attempts":65"#), ["`attempts`", "between 1 and 64"]),
        (json(r#","windowSeconds":0"#), ["`windowSeconds`", "7200"]),
        (json(r#","ignore":["x"]"#), ["`ignore[0]`", "neither an address"]),
        (json(r#","contracts":["x"]"#), ["`contracts[0]`", "market"]),
    ] {
        let error = error(&json);
        assert!(parts.iter().all(|part| error.contains(part)), "{json}: {error}");
    }
}
