use alloy_primitives::{U256, b256, hex, keccak256};
use portcullis_types::{
    evidence::Created,
    money::{Asset, Usd},
};

use super::*;
use crate::{
    detector::NOBODY,
    testing::{
        ALICE, LAND, MARKET, ROUTER, SAFE, THIEF, USDC, VAULT, With, detector, error, inspect,
        transaction, usdc,
    },
};

const IMPLEMENTATION: B256 =
    b256!("360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc");

/// What a transaction is found to be: contract, whether a proof, and a part of the sentence.
fn check(name: &str, json: &str, evidence: &Evidence, expected: &[(Address, bool, &str)]) {
    let found = inspect(detector(json).as_mut(), evidence);
    assert_eq!(found.len(), expected.len(), "{name}: {found:?}");
    for (finding, (contract, proof, sentence)) in found.iter().zip(expected) {
        assert_eq!((finding.contract, finding.confidence.proof), (*contract, *proof), "{name}");
        assert!(finding.sentence.contains(sentence), "{name}: {}", finding.sentence);
        let outlook = if *proof { Outlook::AllAtRisk } else { Outlook::Continues };
        assert_eq!(finding.outlook, outlook, "{name}");
    }
}

const PLAIN: &str = r#"{"detector":"control-plane","safes":["treasury"]}"#;

fn word(address: Address) -> B256 {
    address.into_word()
}

fn number(value: u64) -> B256 {
    B256::from(U256::from(value))
}

#[test]
fn changes_of_control_are_seen_and_others_are_not() {
    let old = word(ALICE);
    let new = word(THIEF);
    let owner_event = keccak256("OwnershipTransferred(address,address)");
    for (name, evidence, expected) in [
        (
            "an upgrade",
            transaction().stores(MARKET, IMPLEMENTATION, old, new),
            Some((MARKET, "ERC-1967 implementation")),
        ),
        (
            "an event",
            transaction().logs(MARKET, vec![owner_event, old, new]),
            Some((MARKET, "OwnershipTransferred")),
        ),
        ("ordinary storage", transaction().stores(MARKET, number(7), old, new), None),
        (
            "an ordinary event",
            transaction().logs(MARKET, vec![keccak256("Transfer(address,address,uint256)")]),
            None,
        ),
        ("somebody else's upgrade", transaction().stores(ALICE, IMPLEMENTATION, old, new), None),
        ("slot 0 of what is no Safe", transaction().stores(MARKET, B256::ZERO, old, new), None),
        (
            "a Safe's singleton",
            transaction().stores(SAFE, B256::ZERO, old, new),
            Some((SAFE, "Safe singleton")),
        ),
        (
            "a Safe's threshold",
            transaction().stores(SAFE, number(4), number(3), number(1)),
            Some((SAFE, "Safe threshold")),
        ),
        ("a Safe's nonce", transaction().stores(SAFE, number(5), number(3), number(4)), None),
    ] {
        let expected: Vec<_> =
            expected.map(|(contract, what)| (contract, true, what)).into_iter().collect();
        check(name, PLAIN, &evidence, &expected);
    }
    let mut failed = transaction().stores(MARKET, IMPLEMENTATION, old, new);
    failed.success = false;
    check("a failed transaction", PLAIN, &failed, &[]);
}

#[test]
fn a_safes_lists_are_seen_through_their_links() {
    let slot = |key: Address, list: u64| keccak256([word(key).0, number(list).0].concat());
    let add = transaction().stores(SAFE, slot(SAFE_SENTINEL, 2), word(ALICE), word(THIEF)).stores(
        SAFE,
        slot(THIEF, 2),
        B256::ZERO,
        word(ALICE),
    );
    check("an owner", PLAIN, &add, &[(SAFE, true, "Safe owners")]);
    let enable = transaction().stores(SAFE, slot(SAFE_SENTINEL, 1), B256::ZERO, word(THIEF));
    check("a module", PLAIN, &enable, &[(SAFE, true, "Safe modules")]);
    // swapOwner in the middle of the list: the entry of the one before holds the one who goes.
    let swap = transaction()
        .stores(SAFE, slot(VAULT, 2), word(ALICE), word(THIEF))
        .stores(SAFE, slot(ALICE, 2), word(MARKET), B256::ZERO)
        .stores(SAFE, slot(THIEF, 2), B256::ZERO, word(MARKET));
    check("a swap", PLAIN, &swap, &[(SAFE, true, "Safe owners")]);
}

#[test]
fn code_changes_but_births_do_not() {
    let code = |before, after, delegate| CodeChange { address: MARKET, before, after, delegate };
    let hash = Some(B256::repeat_byte(9));
    for (name, change, created, expected) in [
        ("destroyed", code(hash, None, None), false, Some("code removed")),
        ("delegated", code(None, hash, Some(THIEF)), false, Some("EIP-7702")),
        ("born", code(None, hash, None), true, None),
        ("replaced in one transaction", code(hash, Some(B256::ZERO), None), true, Some("code")),
    ] {
        let mut evidence = transaction();
        evidence.code.push(change);
        if created {
            evidence.created.push(Created { address: MARKET, creator: ALICE, features: None });
        }
        let expected: Vec<_> = expected.map(|what| (MARKET, true, what)).into_iter().collect();
        check(name, PLAIN, &evidence, &expected);
    }
}

#[test]
fn announced_changes_are_no_proof() {
    let upgrade = transaction().stores(MARKET, IMPLEMENTATION, word(ALICE), word(VAULT));
    let json =
        |rest: &str| format!(r#"{{"detector":"control-plane","safes":["treasury"],{rest}}}"#);
    let by_sender = json(&format!(r#""expectedActors":["{THIEF}"]"#));
    check("by its sender", &by_sender, &upgrade, &[(MARKET, false, "expected to")]);
    let singleton = transaction().stores(SAFE, B256::ZERO, word(ALICE), word(VAULT));
    check("but never a singleton", &by_sender, &singleton, &[(SAFE, true, "")]);

    let through = json(r#""through":["router"]"#);
    let call = CallKind::Call;
    let timelocked = upgrade
        .clone()
        .calls(None, call, ALICE, ROUTER, b"")
        .calls(Some(0), call, ROUTER, LAND, b"")
        .calls(Some(1), call, LAND, MARKET, b"");
    check("through a timelock", &through, &timelocked, &[(MARKET, false, "expected to")]);
    let beside = timelocked.calls(Some(0), call, THIEF, MARKET, b"");
    check("with another call to it beside", &through, &beside, &[(MARKET, true, "")]);
    check("not through it", &through, &upgrade, &[(MARKET, true, "")]);
}

#[test]
fn strangers_are_found_and_what_they_took_is_named() {
    let json = r#"{"detector":"control-plane","functions":[
        {"contract":"land","signature":"_burn(address,address,uint256)"},
        {"contract":"market","signature":"exit(address)","callers":["router","0x1111111111111111111111111111111111111111"]}]}"#;
    let burn = hex!("6ee678ae");
    let exit: [u8; 4] = crate::abi::Signature::parse("exit(address)").unwrap().selector;
    let call = CallKind::Call;
    let mut burned = transaction().calls(None, call, THIEF, LAND, &burn).moves(
        Asset::Token(LAND),
        ALICE,
        NOBODY,
        U256::from(1),
    );
    burned.transfers[0].token_id = Some(U256::from(3_738));
    check("a public burn", json, &burned, &[(LAND, true, "1 LAND went")]);
    let finding = &inspect(detector(json).as_mut(), &burned)[0];
    assert_eq!((finding.loss, finding.amount), (Usd::dollars(9_000), Some(U256::from(1))));
    assert!(finding.evidence.iter().any(|line| line.contains("LAND 3738 went")), "{finding:?}");

    let exits = |from| transaction().calls(None, call, from, MARKET, &exit);
    let drained = exits(THIEF).moves(USDC, MARKET, THIEF, usdc(5_760_000));
    check("an exit", json, &drained, &[(MARKET, true, "5,760,000 USDC went")]);
    check("by those who may", json, &exits(ROUTER), &[]);
    check("by an address that may", json, &exits(ALICE), &[]);
    check("another function", json, &transaction().calls(None, call, THIEF, MARKET, &burn), &[]);
    check("too short for one", json, &transaction().calls(None, call, THIEF, MARKET, b"abc"), &[]);
    check(
        "a view",
        json,
        &transaction().calls(None, CallKind::StaticCall, THIEF, MARKET, &exit),
        &[],
    );
    let mut reverted = exits(THIEF);
    reverted.frames[0].effective = false;
    check("without effect", json, &reverted, &[]);
    let proxy = exits(ROUTER).calls(Some(0), CallKind::DelegateCall, MARKET, VAULT, &exit);
    check("a proxy at work", json, &proxy, &[]);
}

#[test]
fn configured_slots_are_watched() {
    let json = r#"{"detector":"control-plane","contracts":["vault"],
        "slots":[{"contract":"market","slot":"0x7","name":"keepers"}]}"#;
    let change = transaction().stores(MARKET, number(7), number(1), number(2));
    check("keepers", json, &change, &[(MARKET, true, "keepers")]);
}

#[test]
fn mistakes_in_the_configuration_name_field_and_remedy() {
    let json = |rest: &str| format!(r#"{{"detector":"control-plane",{rest}}}"#);
    for (rest, parts) in [
        (r#""safes":["safe"]"#, ["`safes[0]`", "treasury"]),
        (r#""through":["0x12"]"#, ["`through[0]`", "40 hexadecimal digits"]),
        (
            r#""functions":[{"contract":"land","signature":"burn"}]"#,
            ["`functions[0].signature`", "parentheses"],
        ),
        (
            r#""functions":[{"contract":"land","signature":"burn(adress)"}]"#,
            ["`functions[0].signature`", "not understood"],
        ),
        (r#""slots":[{"contract":"lan","slot":1,"name":"x"}]"#, ["`slots[0].contract`", "land"]),
        (r#""maturity":"stabel""#, ["stabel", "stable"]),
        (r#""expectedActor":[]"#, ["expectedActor", "unknown field"]),
    ] {
        let error = error(&json(rest));
        assert!(parts.iter().all(|part| error.contains(part)), "{rest}: {error}");
    }
}
