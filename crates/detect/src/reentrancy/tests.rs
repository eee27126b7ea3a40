use portcullis_types::{evidence::CallKind, money::Usd};

use super::*;
use crate::testing::{
    ALICE, MARKET, ROUTER, THIEF, USDC, VAULT, With, detector, error, inspect, transaction, usdc,
};

const PLAIN: &str = r#"{"detector":"reentrancy"}"#;

/// A transaction in which `contract` was entered again through `through`.
fn reentry(contract: Address, through: &[Address], write_after: WriteAfter) -> Evidence {
    let mut evidence = transaction()
        .calls(None, CallKind::Call, THIEF, contract, b"")
        .calls(Some(0), CallKind::Call, contract, THIEF, b"")
        .calls(Some(1), CallKind::Call, THIEF, contract, b"");
    let through = through.to_vec();
    evidence.reentries.push(Reentry { contract, outer: 0, inner: 2, through, write_after });
    evidence
}

fn check(name: &str, json: &str, evidence: &Evidence, e_value: Option<f64>) {
    let found = inspect(detector(json).as_mut(), evidence);
    let values: Vec<f64> = found.iter().map(|finding| finding.confidence.e_value).collect();
    assert_eq!(values, Vec::from_iter(e_value), "{name}: {found:?}");
    assert!(found.iter().all(|finding| !finding.confidence.proof), "{name}: never a proof");
}

#[test]
fn writes_after_a_foreign_call_back_are_found() {
    let slots = || WriteAfter::Slots(vec![B256::ZERO]);
    let drained = reentry(MARKET, &[THIEF], slots()).moves(USDC, MARKET, THIEF, usdc(100));
    check("with a loss", PLAIN, &drained, Some(1_000.0));
    check("without", PLAIN, &reentry(MARKET, &[THIEF], slots()), Some(100.0));
    check("order unknown", PLAIN, &reentry(MARKET, &[THIEF], WriteAfter::Unknown), Some(1.0));
    check("nothing written", PLAIN, &reentry(MARKET, &[THIEF], WriteAfter::Nothing), None);
    check("through own contracts", PLAIN, &reentry(MARKET, &[VAULT, ROUTER], slots()), None);
    check("through nobody", PLAIN, &reentry(MARKET, &[], slots()), None);
    check("somebody else's contract", PLAIN, &reentry(ALICE, &[THIEF], slots()), None);
    let allowed = format!(r#"{{"detector":"reentrancy","allowThrough":["{THIEF}"]}}"#);
    check("through who may", &allowed, &reentry(MARKET, &[VAULT, THIEF], slots()), None);
    let only = r#"{"detector":"reentrancy","contracts":["vault"]}"#;
    check("not protected", only, &reentry(MARKET, &[THIEF], slots()), None);
    let mut failed = reentry(MARKET, &[THIEF], slots());
    failed.frames[2].effective = false;
    check("without effect", PLAIN, &failed, None);

    let found = inspect(detector(PLAIN).as_mut(), &drained);
    assert_eq!(
        (found[0].contract, found[0].asset, found[0].amount),
        (MARKET, Some(USDC), Some(usdc(100)))
    );
    assert_eq!((found[0].loss, found[0].maturity), (Usd::dollars(100), Maturity::Incubating));
    assert_eq!(
        found[0].sentence,
        "market was entered again 1 times from outside and wrote 1 slots only afterwards; 100 USDC left the protocol"
    );
}

#[test]
fn maturity_is_lowered_and_never_raised() {
    let error = error(r#"{"detector":"reentrancy","maturity":"stable"}"#);
    assert!(error.contains("`maturity`") && error.contains("lower"), "{error}");
    detector(r#"{"detector":"reentrancy","maturity":"sandbox"}"#);
}
