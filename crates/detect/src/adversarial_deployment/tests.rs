use alloy_primitives::{U256, keccak256};
use portcullis_types::{
    evidence::{EMBEDDED_MAX, SELECTORS_MAX},
    money::Asset,
};
use proptest::prelude::*;

use super::*;
use crate::testing::{
    ALICE, MARKET, ROUTER, THIEF, USDC, VAULT, With, block, detector, error, inspect, transaction,
};

const MIXER: Address = Address::repeat_byte(0x3a);
const BAD: Address = Address::repeat_byte(0xbb);
const OTHER: Address = Address::repeat_byte(0xe1);

const PLAIN: &str = r#"{"detector":"adversarial-deployment","functions":["withdraw(uint256)"],
    "funding":[{"label":"mixer","accounts":["0x3a3a3a3a3a3a3a3a3a3a3a3a3a3a3a3a3a3a3a3a"]}],
    "deployers":[{"label":"dex","accounts":["0xe1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1",
        "0xe2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2"]}],
    "ignore":["0x1111111111111111111111111111111111111111"]}"#;

fn selector(signature: &str) -> Selector {
    Selector::from_slice(&keccak256(signature)[..4])
}

/// A deployment of `BAD` by `sender` in block `number`.
fn deployment(number: u64, sender: Address, features: CodeFeatures) -> Evidence {
    let mut evidence = transaction().at(number, number * 12);
    evidence.from = sender;
    let features = Some(Box::new(features));
    evidence.created.push(Created { address: BAD, creator: sender, features });
    evidence
}

fn code(embedded: &[Address], functions: &[&str], calls: &[&str]) -> CodeFeatures {
    CodeFeatures {
        length: 5_000,
        creation_length: 5_200,
        embedded: embedded.to_vec(),
        functions: functions.iter().map(|text| selector(text)).collect(),
        calls: calls.iter().map(|text| selector(text)).collect(),
        ..CodeFeatures::default()
    }
}

const FLASH: &str = "onFlashLoan(address,address,uint256,uint256,bytes)";

#[test]
fn callbacks_are_understood() {
    assert_eq!(callbacks::selectors().len(), callbacks::CALLBACKS.len());
}

#[test]
fn signs_are_counted() {
    let dex = [OTHER, Address::repeat_byte(0xe2)];
    let Asset::Token(usdc) = USDC else { panic!("USDC is a token") };
    let destructible = CodeFeatures { self_destruct: true, ..code(&[MARKET], &[], &[]) };
    let in_constructor = CodeFeatures { length: 0, ..code(&[MARKET], &[FLASH], &[]) };
    for (name, features, sender, e_value) in [
        ("no address of ours", code(&[OTHER], &[FLASH], &["withdraw(uint256)"]), THIEF, None),
        ("our address alone", code(&[MARKET], &[], &[]), THIEF, None),
        ("a flash loan", code(&[MARKET], &[FLASH], &[]), THIEF, Some(4.0)),
        ("and a function", code(&[MARKET], &[FLASH], &["withdraw(uint256)"]), THIEF, Some(16.0)),
        ("it can destroy itself", destructible, THIEF, Some(4.0)),
        ("it left no code", in_constructor, THIEF, Some(16.0)),
        ("others dominate", code(&[MARKET, dex[0], dex[1]], &[FLASH], &[]), THIEF, None),
        ("a tie is ours", code(&[MARKET, VAULT, dex[0], dex[1]], &[FLASH], &[]), THIEF, Some(4.0)),
        ("assets say nothing", code(&[usdc, MARKET], &[FLASH], &[]), THIEF, Some(4.0)),
        ("a deployer that is trusted", code(&[MARKET], &[FLASH], &[]), ALICE, None),
    ] {
        let found = inspect(detector(PLAIN).as_mut(), &deployment(1, sender, features));
        let values: Vec<f64> = found.iter().map(|finding| finding.confidence.e_value).collect();
        assert_eq!(values, Vec::from_iter(e_value), "{name}: {found:?}");
        for finding in found {
            assert_eq!((finding.contract, finding.actor), (MARKET, Some(THIEF)), "{name}");
            assert_eq!(finding.outlook, Outlook::AllAtRisk);
        }
    }
}

#[test]
fn addresses_are_grouped_by_who_was_seen_to_deploy_them() {
    let mut detector = detector(PLAIN);
    let [a, b] = [Address::repeat_byte(0x71), Address::repeat_byte(0x72)];
    let features = code(&[MARKET, a, b], &[FLASH], &[]);
    let found = inspect(detector.as_mut(), &deployment(1, THIEF, features.clone()));
    assert_eq!(found.len(), 1, "one of ours against one each");
    let mut seen = transaction().at(2, 24);
    seen.from = ROUTER;
    for address in [a, b] {
        seen.created.push(Created { address, creator: ROUTER, features: None });
    }
    assert_eq!(inspect(detector.as_mut(), &seen), []);
    let again = deployment(3, THIEF, features.clone());
    assert_eq!(inspect(detector.as_mut(), &again), [], "one of ours against two of another");
    detector.retract(&[block(2, 1)]);
    assert_eq!(inspect(detector.as_mut(), &again).len(), 1);
}

#[test]
fn who_was_paid_by_a_mixer_is_known_until_the_block_goes() {
    let mut detector = detector(PLAIN);
    assert_eq!(detector.watches(), [(1, MIXER)]);
    let paid = transaction().at(1, 12).moves(Asset::Native, MIXER, THIEF, U256::from(10));
    inspect(detector.as_mut(), &paid);
    let attack = deployment(2, THIEF, code(&[MARKET], &[], &[]));
    let found = inspect(detector.as_mut(), &attack);
    assert_eq!(found.len(), 1);
    assert!(found[0].evidence[1].ends_with("was paid by mixer"), "{found:?}");
    detector.retract(&[block(1, 1), block(2, 1)]);
    assert_eq!(inspect(detector.as_mut(), &attack), []);
}

#[test]
fn a_deployment_that_embeds_an_address_concerns_it() {
    let evidence = deployment(1, THIEF, code(&[MARKET], &[], &[]));
    assert!(evidence.touches(|address| *address == MARKET));
    assert!(!evidence.touches(|address| *address == VAULT));
    let json = serde_json::to_string(&evidence.created).unwrap();
    assert!(json.contains(&format!("\"embedded\":[\"{MARKET:?}\"]")), "{json}");
    let old = r#"{"address":"0xbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","creator":"0x6666666666666666666666666666666666666666"}"#;
    let created: Created = serde_json::from_str(old).unwrap();
    assert_eq!(serde_json::to_string(&created).unwrap(), old, "old journals keep their bytes");
}

#[test]
fn mistakes_in_the_configuration_name_field_and_remedy() {
    let json = |rest: &str| format!(r#"{{"detector":"adversarial-deployment"{rest}}}"#);
    for (json, parts) in [
        (json(r#","signs":0"#), ["`signs`", "between 1 and 5"]),
        (json(r#","signs":6"#), ["`signs`", "between 1 and 5"]),
        (json(r#","functions":["withdraw"]"#), ["`functions[0]`", "parentheses"]),
        (json(r#","funding":[{"label":"","accounts":["market"]}]"#), ["`funding[0]`", "label"]),
        (
            json(r#","deployers":[{"label":"x","accounts":["y"]}]"#),
            ["`deployers[0].accounts[0]`", "neither an address"],
        ),
        (json(r#","common":["y"]"#), ["`common[0]`", "neither an address"]),
        (json(r#","contracts":["y"]"#), ["`contracts[0]`", "market"]),
    ] {
        let error = error(&json);
        assert!(parts.iter().all(|part| error.contains(part)), "{json}: {error}");
    }
}

proptest! {
    /// Code without an address of the protocol is nothing, whatever else it holds.
    #[test]
    fn without_our_address_there_is_no_finding(
        embedded in prop::collection::vec(0u8..0x60, 0..EMBEDDED_MAX),
        calls in prop::collection::vec(any::<[u8; 4]>(), 0..SELECTORS_MAX),
        self_destruct: bool,
        length in 0u32..10,
    ) {
        let features = CodeFeatures {
            length,
            embedded: embedded.into_iter().map(Address::repeat_byte).collect(),
            calls: calls.into_iter().map(Selector::new).collect(),
            functions: vec![selector(FLASH)],
            self_destruct,
            ..CodeFeatures::default()
        };
        prop_assert_eq!(inspect(detector(PLAIN).as_mut(), &deployment(1, THIEF, features)), []);
    }
}
