use alloy_primitives::keccak256;
use portcullis_types::evidence::CallKind;
use proptest::prelude::*;

use super::*;
use crate::testing::{
    ALICE, MARKET, ROUTER, THIEF, USDC, VAULT, With, block, detector, error, inspect, transaction,
    usdc,
};

const LEARNING: &str = r#"{"detector":"first-caller","learnBlocks":100}"#;
const CLOSED: &str = r#"{"detector":"first-caller","learnBlocks":0,"callers":["0x1111111111111111111111111111111111111111"]}"#;

fn input(signature: &str) -> Vec<u8> {
    keccak256(signature).0[..4].to_vec()
}

/// `from` calls `signature` of the market in block `number`.
fn call(number: u64, from: Address, signature: &str) -> Evidence {
    let mut evidence = transaction().at(number, 1_000 + number * 12).calls(
        None,
        CallKind::Call,
        from,
        MARKET,
        &input(signature),
    );
    evidence.from = from;
    evidence
}

#[test]
fn every_word_of_the_vocabulary_is_understood_and_stands_once() {
    let words = vocabulary::signatures();
    assert_eq!(words.len(), vocabulary::PRIVILEGED.len());
    let selectors: BTreeSet<[u8; 4]> = words.iter().map(|word| word.selector).collect();
    assert_eq!(selectors.len(), words.len());
    assert!(words.iter().all(|word| vocabulary::PRIVILEGED.contains(&word.text.as_str())));
}

#[test]
fn a_stranger_is_found_and_who_was_learned_is_not() {
    let mut detector = detector(LEARNING);
    let detector = detector.as_mut();
    for (name, evidence, expected) in [
        ("learned", call(1, ALICE, "upgradeTo(address)"), 0),
        ("learned too", call(50, ROUTER, "pause()"), 0),
        ("known after learning", call(101, ALICE, "upgradeTo(address)"), 0),
        ("a stranger", call(102, THIEF, "upgradeTo(address)"), 1),
        ("the same again", call(103, THIEF, "upgradeTo(address)"), 1),
        ("known for another function", call(104, ALICE, "pause()"), 1),
        ("anybody may call this", call(105, THIEF, "deposit(uint256)"), 0),
        ("own contracts call each other", call(106, VAULT, "pause()"), 0),
    ] {
        let found = inspect(detector, &evidence);
        assert_eq!(found.len(), expected, "{name}: {found:?}");
        assert!(found.iter().all(|finding| !finding.confidence.proof), "{name}");
    }
}

#[test]
fn a_finding_names_caller_function_and_loss_and_weighs_who_it_is() {
    let mut first = detector(CLOSED);
    let theft = call(5, THIEF, "mint(address,uint256)").moves(USDC, MARKET, THIEF, usdc(50));
    let found = inspect(first.as_mut(), &theft);
    let [finding] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(finding.outlook, Outlook::AllAtRisk);
    assert_eq!((finding.asset, finding.amount), (Some(USDC), Some(usdc(50))));
    assert!(finding.sentence.contains("called mint(address,uint256) of market for the first time"));
    assert!(finding.sentence.ends_with("50 USDC went in the same transaction"));
    assert!((finding.confidence.e_value - 10.0).abs() < 1e-9, "nothing learned: the lower bound");
    let mut learned = detector(LEARNING);
    for number in 1..=99 {
        inspect(learned.as_mut(), &call(number, ALICE, "pause()"));
    }
    for (caller, e_value) in [(THIEF, 100.0), (ALICE, 10.0)] {
        let found = inspect(learned.as_mut(), &call(200, caller, "unpause()"));
        assert!((found[0].confidence.e_value - e_value).abs() < 1e-9, "{:?}", found[0]);
    }
}

#[test]
fn calls_without_effect_are_no_calls() {
    let mut detector = detector(CLOSED);
    let privileged = || call(3, THIEF, "pause()");
    let mut failed = privileged();
    failed.success = false;
    failed.frames[0].effective = false;
    let mut caught = privileged();
    caught.frames[0].effective = false;
    let mut looked = privileged();
    looked.frames[0].kind = CallKind::StaticCall;
    let mut passed_on = privileged();
    passed_on.frames[0].kind = CallKind::DelegateCall;
    passed_on.frames[0].from = VAULT;
    for evidence in [failed, caught, looked, passed_on] {
        assert_eq!(inspect(detector.as_mut(), &evidence), []);
    }
}

#[test]
fn what_everybody_calls_is_open_unless_it_was_named() {
    let named = r#"{"detector":"first-caller","learnBlocks":100,"vocabulary":false,
        "functions":[{"contract":"market","signature":"mint(address,uint256)"}]}"#;
    for (json, expected) in [(LEARNING, 0), (named, 1)] {
        let mut detector = detector(json);
        for n in 0..=OPEN_CALLERS as u8 {
            let user = Address::with_last_byte(n + 1);
            inspect(detector.as_mut(), &call(1, user, "mint(address,uint256)"));
        }
        let found = inspect(detector.as_mut(), &call(101, THIEF, "mint(address,uint256)"));
        assert_eq!(found.len(), expected, "{json}");
    }
}

#[test]
fn what_was_learned_in_a_block_goes_with_it() {
    let mut detector = detector(LEARNING);
    inspect(detector.as_mut(), &call(1, ALICE, "pause()"));
    inspect(detector.as_mut(), &call(2, THIEF, "pause()"));
    detector.retract(&[block(2, 1)]);
    assert_eq!(inspect(detector.as_mut(), &call(200, THIEF, "pause()")).len(), 1);
    assert_eq!(inspect(detector.as_mut(), &call(201, ALICE, "pause()")), []);
}

#[test]
fn mistakes_in_the_configuration_name_field_and_remedy() {
    let json = |rest: &str| format!(r#"{{"detector":"first-caller"{rest}}}"#);
    for (json, parts) in [
        (json(r#","learnBlocks":3000000"#), ["`learnBlocks`", "2628000"]),
        (json(r#","vocabulary":false"#), ["`functions`", "leave `vocabulary` out"]),
        (
            json(r#","functions":[{"contract":"market","signature":"pause"}]"#),
            ["`functions[0].signature`", "parentheses"],
        ),
        (
            json(r#","functions":[{"contract":"markt","signature":"pause()"}]"#),
            ["`functions[0].contract`", "market"],
        ),
        (json(r#","callers":["bob"]"#), ["`callers[0]`", "bob"]),
        (json(r#","maturity":"stable""#), ["`maturity`", "Incubating"]),
        (json(r#","learnblocks":1"#), ["unknown field", "learnBlocks"]),
    ] {
        let error = error(&json);
        assert!(parts.iter().all(|part| error.contains(part)), "{json}: {error}");
    }
}

proptest! {
    /// A detector from which blocks were retracted answers like one that never saw them.
    #[test]
    fn retraction_is_exact(
        kept in prop::collection::vec(0u8..6, 1..20),
        gone in prop::collection::vec(0u8..6, 0..10),
        later in 0u8..6,
    ) {
        let (mut a, mut b) = (detector(LEARNING), detector(LEARNING));
        let caller = |n: &u8| Address::with_last_byte(n + 1);
        for (number, n) in (1..).zip(&kept) {
            inspect(a.as_mut(), &call(number, caller(n), "pause()"));
            inspect(b.as_mut(), &call(number, caller(n), "pause()"));
        }
        let mut blocks = Vec::new();
        for (number, n) in (50..).zip(&gone) {
            inspect(b.as_mut(), &call(number, caller(n), "pause()"));
            blocks.push(block(number, 1));
        }
        b.retract(&blocks);
        let last = call(300, caller(&later), "pause()");
        prop_assert_eq!(inspect(a.as_mut(), &last), inspect(b.as_mut(), &last));
    }
}
