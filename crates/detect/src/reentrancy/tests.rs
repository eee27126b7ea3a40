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

const POOL: Address = Address::repeat_byte(0xb7);
const LENDER: Address = Address::repeat_byte(0xb8);
const GROUP: &str = r#"{"detector":"reentrancy","group":["market","vault"]}"#;

/// A chain of calls, each from within the one before: the first from the sender.
fn chain(calls: &[(CallKind, Address)]) -> Evidence {
    let mut evidence = transaction();
    let (mut parent, mut from) = (None, THIEF);
    for (kind, to) in calls {
        evidence = evidence.calls(parent, *kind, from, *to, b"");
        (parent, from) = (Some(evidence.frames.len() as u32 - 1), *to);
    }
    evidence
}

fn calls(accounts: &[Address]) -> Evidence {
    chain(&accounts.iter().map(|account| (CallKind::Call, *account)).collect::<Vec<_>>())
}

#[test]
fn a_group_has_one_lock() {
    let slot = B256::ZERO;
    let written = |evidence: Evidence| evidence.stores(MARKET, slot, slot, B256::repeat_byte(1));
    let taken = |evidence: Evidence| evidence.moves(USDC, VAULT, THIEF, usdc(100));
    let through = written(calls(&[MARKET, THIEF, VAULT]));
    check("with a loss", GROUP, &taken(through.clone()), Some(10.0));
    check("without", GROUP, &through, Some(1.0));
    check("no group", PLAIN, &taken(through.clone()), None);
    check("unchanged", GROUP, &taken(calls(&[MARKET, THIEF, VAULT])), None);
    check("own contracts between", GROUP, &taken(written(calls(&[MARKET, ROUTER, VAULT]))), None);
    check("directly", GROUP, &taken(written(calls(&[MARKET, VAULT]))), None);
    check(
        "one after the other",
        GROUP,
        &taken(written(calls(&[THIEF, MARKET]))).calls(Some(0), CallKind::Call, THIEF, VAULT, b""),
        None,
    );
    let viewed =
        chain(&[(CallKind::Call, MARKET), (CallKind::Call, THIEF), (CallKind::StaticCall, VAULT)]);
    check("a view", GROUP, &taken(written(viewed)), None);
    let mut failed = taken(through.clone());
    failed.frames[2].effective = false;
    check("without effect", GROUP, &failed, None);
    let callback = GROUP.replace(
        r#"["market","vault"]"#,
        r#"["market","vault"],"callbacks":[{"contract":"market","signature":"flashLoan(uint256)"}]"#,
    );
    let selector = crate::abi::Signature::parse("flashLoan(uint256)").unwrap().selector;
    let mut lent = taken(through.clone());
    lent.frames[0].input = selector.to_vec().into();
    check("a flash loan", &callback, &lent, None);
    check("nobody allowed that", GROUP, &lent, Some(10.0));

    let found = inspect(detector(GROUP).as_mut(), &taken(through.clone()));
    assert_eq!((found[0].contract, found[0].loss), (MARKET, Usd::dollars(100)));
    assert!(found[0].sentence.starts_with("vault was entered from outside while market ran"));
    // With a re-entry into one contract beside it the loss is counted once, and the keys are two.
    let mut both = taken(through);
    both.reentries.push(Reentry {
        contract: MARKET,
        outer: 0,
        inner: 2,
        through: vec![THIEF],
        write_after: WriteAfter::Slots(vec![slot]),
    });
    let found = inspect(detector(GROUP).as_mut(), &both);
    assert_eq!((found[0].loss, found[1].loss), (Usd::dollars(100), Usd::ZERO));
    assert_ne!(found[0].key, found[1].key);
}

#[test]
fn views_of_what_is_running_are_not_believed() {
    use CallKind::{Call, StaticCall};
    let reads = format!(r#"{{"detector":"reentrancy","reads":["{POOL}"]}}"#);
    let taken = |evidence: Evidence| evidence.moves(USDC, MARKET, THIEF, usdc(100));
    let oracle = Address::repeat_byte(0xb9);
    let attack =
        [(Call, POOL), (Call, THIEF), (Call, MARKET), (StaticCall, oracle), (StaticCall, POOL)];
    check("a half-written pool", &reads, &taken(chain(&attack)), Some(1_000.0));
    check("nothing taken", &reads, &chain(&attack), Some(100.0));
    check("not relied on", PLAIN, &taken(chain(&attack)), None);
    let at_rest = [(Call, THIEF), (Call, MARKET), (StaticCall, oracle), (StaticCall, POOL)];
    check("a pool at rest", &reads, &taken(chain(&at_rest)), None);
    let by_agreement = [(Call, POOL), (Call, MARKET), (StaticCall, oracle), (StaticCall, POOL)];
    check("called by the pool itself", &reads, &taken(chain(&by_agreement)), None);
    let own = [(Call, POOL), (Call, THIEF), (StaticCall, POOL)];
    check("read by the attacker", &reads, &taken(chain(&own)), None);
    let quoted =
        [(StaticCall, POOL), (StaticCall, THIEF), (StaticCall, MARKET), (StaticCall, POOL)];
    check("a view within a view", &reads, &taken(chain(&quoted)), None);

    let consumers = format!(r#"{{"detector":"reentrancy","consumers":["{LENDER}"]}}"#);
    let view = [(Call, MARKET), (Call, THIEF), (Call, LENDER), (StaticCall, MARKET)];
    check("a consumer reads", &consumers, &chain(&view), Some(100.0));
    let robbed = chain(&view).moves(USDC, LENDER, THIEF, usdc(5));
    check("and pays", &consumers, &robbed, Some(1_000.0));
    let curious = [(Call, MARKET), (Call, THIEF), (StaticCall, MARKET)];
    check("a borrower looks", &consumers, &chain(&curious), None);
    let found = inspect(detector(&consumers).as_mut(), &robbed);
    assert!(found[0].sentence.contains("read market while market was running"), "{found:?}");
}

#[test]
fn another_function_is_named() {
    let mut evidence = reentry(MARKET, &[THIEF], WriteAfter::Slots(vec![B256::ZERO]));
    evidence.frames[0].input = [1, 2, 3, 4].to_vec().into();
    evidence.frames[2].input = [5, 6, 7, 8].to_vec().into();
    let found = inspect(detector(PLAIN).as_mut(), &evidence);
    assert!(found[0].sentence.ends_with("by another function than the one that was running"));
    assert!(found[0].evidence[0].starts_with("0x05060708 entered while 0x01020304 ran"));
}

#[test]
fn mistakes_about_groups_and_views_name_field_and_remedy() {
    let json = |rest: &str| PLAIN.replace('}', &format!(",{rest}}}"));
    for (json, parts) in [
        (json(r#""group":["market"]"#), ["`group`", "two or more"]),
        (json(r#""group":["market","x"]"#), ["`group[1]`", "vault"]),
        (json(r#""reads":["market"]"#), ["`reads`", "`group`"]),
        (json(r#""consumers":["vault"]"#), ["`consumers`", "protocol's own"]),
        (
            json(r#""callbacks":[{"contract":"market","signature":"f"}]"#),
            ["`callbacks[0].signature`", "parentheses"],
        ),
    ] {
        let error = error(&json);
        assert!(parts.iter().all(|part| error.contains(part)), "{json}: {error}");
    }
}

proptest::proptest! {
    /// Whatever the parents of frames say, looking at them ends, and without an outsider nothing is found.
    #[test]
    fn any_tree_is_looked_at(parents in proptest::collection::vec((0u32..40, 0usize..4), 1..40)) {
        let own = [MARKET, VAULT, ROUTER, POOL];
        let mut evidence = transaction();
        for (parent, who) in parents {
            evidence = evidence.calls(Some(parent), CallKind::Call, MARKET, own[who], b"");
        }
        let json = format!(r#"{{"detector":"reentrancy","group":["market","vault"],"allowThrough":["{POOL}"]}}"#);
        proptest::prop_assert_eq!(inspect(detector(&json).as_mut(), &evidence), []);
    }
}
