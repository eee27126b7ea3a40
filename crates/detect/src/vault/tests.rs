use alloy_primitives::keccak256;
use portcullis_types::evidence::Log;
use proptest::prelude::*;

use super::*;
use crate::{
    detector::NOBODY,
    testing::{
        ALICE, MARKET, SAFE, THIEF, USDC, VAULT, With, block, detector, error, inspect,
        transaction, usdc,
    },
};

const SHARE: Asset = Asset::Token(VAULT);
const JSON: &str = r#"{"detector":"vault","vault":"vault","asset":"USDC"}"#;

fn n(number: u64) -> U256 {
    U256::from(number)
}

/// Readings of assets (dollars) and shares at a block; the findings.
fn read(detector: &mut dyn Detector, number: u64, dollars: u64, shares: U256) -> Vec<Finding> {
    let values = [usdc(dollars), shares];
    let answer =
        |(probe, value): (Probe, U256)| Reading { probe, value: Ok(value), depends_on: Vec::new() };
    let readings: Vec<Reading> = detector.probes().into_iter().zip(values).map(answer).collect();
    let mut out = Findings::default();
    detector.read(block(number, 1), &readings, &mut out);
    out.into_parts().0
}

/// An ERC-4626 deposit.
fn deposits(evidence: Evidence, from: Address, assets: U256, shares: U256) -> Evidence {
    let mut evidence = evidence.moves(USDC, from, VAULT, assets);
    if !shares.is_zero() {
        evidence = evidence.moves(SHARE, NOBODY, from, shares);
    }
    logs(evidence, "Deposit(address,address,uint256,uint256)", assets, shares)
}

fn withdraws(evidence: Evidence, to: Address, assets: U256, shares: U256) -> Evidence {
    let evidence = evidence.moves(USDC, VAULT, to, assets).moves(SHARE, to, NOBODY, shares);
    logs(evidence, "Withdraw(address,address,address,uint256,uint256)", assets, shares)
}

fn logs(mut evidence: Evidence, event: &str, assets: U256, shares: U256) -> Evidence {
    let data: Vec<u8> = [assets, shares].iter().flat_map(U256::to_be_bytes::<32>).collect();
    let topics = vec![keccak256(event)];
    evidence.logs.push(Log { address: VAULT, topics, data: data.into() });
    evidence
}

/// E-values after readings of assets in dollars and of shares.
fn check(name: &str, (dollars, shares): (u64, U256), evidence: &Evidence, expected: &[f64]) {
    let mut detector = detector(JSON);
    assert_eq!(read(detector.as_mut(), 0, dollars, shares), [], "{name}");
    let found = inspect(detector.as_mut(), evidence);
    let seen: Vec<f64> = found.iter().map(|finding| finding.confidence.e_value).collect();
    assert_eq!(seen, expected, "{name}");
}

#[test]
fn donations_and_inflation_are_found() {
    let full = (10_000, usdc(10_000));
    let gift = |dollars| transaction().moves(USDC, THIEF, VAULT, usdc(dollars));
    check("below the bound", full, &gift(99), &[]);
    check("at the bound", full, &gift(100), &[20.0]);
    check("ten times it", full, &gift(1_000), &[200.0]);
    let stolen = gift(200).moves(USDC, MARKET, ALICE, usdc(1));
    check("and something was lost", full, &stolen, &[200.0]);
    let first = deposits(transaction(), THIEF, n(1), n(1)).moves(USDC, THIEF, VAULT, usdc(500));
    check("the first depositor", (0, n(0)), &first, &[10_000.0]);
    check("before the first deposit", (0, n(0)), &gift(500), &[10_000.0]);
    check("dust in an empty vault", (0, n(0)), &gift(9), &[]);
    let emptied = withdraws(transaction(), THIEF, usdc(9_999), usdc(10_000) - n(2));
    let emptied = emptied.moves(USDC, THIEF, VAULT, usdc(5_000));
    check("emptied, then given to", full, &emptied, &[10_000.0]);
    let nothing = deposits(transaction(), ALICE, usdc(400), n(0));
    check("a deposit for nothing", (10_000, n(1)), &nothing, &[100_000.0]);
    let found = inspect(detector(JSON).as_mut(), &nothing);
    assert_eq!((found[0].loss, found[0].contract), (Usd::dollars(400), VAULT));
}

#[test]
fn honest_use_is_silent() {
    let full = (10_000, usdc(10_000));
    check("a deposit", full, &deposits(transaction(), ALICE, usdc(9_000), usdc(9_000)), &[]);
    check("the first deposit", (0, n(0)), &deposits(transaction(), ALICE, usdc(9), usdc(9)), &[]);
    check("a withdrawal", full, &withdraws(transaction(), ALICE, usdc(9_000), usdc(9_000)), &[]);
    check("the last one", full, &withdraws(transaction(), ALICE, usdc(10_000), usdc(10_000)), &[]);
    let flash =
        transaction().moves(USDC, VAULT, THIEF, usdc(9_000)).moves(USDC, THIEF, VAULT, usdc(9_009));
    check("a flash loan", full, &flash, &[]);
    check("own strategy", full, &transaction().moves(USDC, SAFE, VAULT, usdc(900)), &[]);
    let other =
        transaction().moves(USDC, ALICE, VAULT, usdc(900)).moves(SHARE, NOBODY, ALICE, n(9));
    check("a deposit that logs otherwise", full, &other, &[]);
    let words = |a: u64, b: u64| [n(1), usdc(a), n(b), n(0), n(0)];
    let compound = transaction()
        .moves(USDC, ALICE, VAULT, usdc(700))
        .moves(SHARE, NOBODY, ALICE, n(9))
        .says(VAULT, "Mint(address,uint256,uint256)", &words(700, 9)[..3]);
    check("a Compound deposit", full, &compound, &[]);
    let repaid = transaction().moves(USDC, ALICE, VAULT, usdc(700)).says(
        VAULT,
        "RepayBorrow(address,address,uint256,uint256,uint256)",
        &[n(1), n(1), usdc(700), n(0), n(0)],
    );
    check("a repayment", full, &repaid, &[]);
    assert_eq!(
        inspect(detector(JSON).as_mut(), &transaction().moves(USDC, THIEF, VAULT, usdc(9))),
        []
    );
}

#[test]
fn jumps_between_blocks_are_found_and_taken_back() {
    let mut detector = detector(JSON);
    let shares = usdc(10_000);
    assert_eq!(read(detector.as_mut(), 1, 10_000, shares), []);
    assert_eq!(read(detector.as_mut(), 2, 20_100, usdc(20_000)), [], "a deposit and some yield");
    let touched = deposits(transaction().at(3, 1_036), THIEF, n(1), n(1));
    inspect(detector.as_mut(), &touched);
    let fell = read(detector.as_mut(), 3, 18_090, usdc(20_000));
    assert_eq!(fell[0].confidence, Confidence::evidence(1_000.0));
    assert_eq!((fell[0].loss, fell[0].transaction), (Usd::dollars(2_010), Some(touched.hash)));
    assert!(fell[0].sentence.contains("fell by 11.11 %"), "{}", fell[0].sentence);
    detector.retract(&[block(3, 1)]);
    inspect(detector.as_mut(), &touched);
    assert_eq!(read(detector.as_mut(), 3, 18_090, usdc(20_000))[0].key, fell[0].key);
    let rose = read(detector.as_mut(), 4, 18_090 * 2, usdc(20_000));
    assert_eq!((rose[0].confidence.e_value, rose[0].loss), (1_000.0, Usd::ZERO));
    assert_eq!(read(detector.as_mut(), 5, 0, n(0)), [], "everybody left");
    assert_eq!(read(detector.as_mut(), 6, 5, usdc(1)), [], "and somebody came");
}

#[test]
fn a_vault_may_say_its_price_itself() {
    let json = JSON.replace('}', r#","price":{"call":"exchangeRateStored()","contract":"vault"}}"#);
    let mut detector = detector(&json);
    let probes = detector.probes();
    assert!(matches!(probes[0], Probe::Balance { asset: USDC, holder: VAULT }), "{probes:?}");
    let mut rate = |number, rate| {
        let reading = Reading { probe: probes[2].clone(), value: Ok(n(rate)), depends_on: vec![] };
        let mut out = Findings::default();
        detector.read(block(number, 1), &[reading], &mut out);
        out.into_parts().0
    };
    assert_eq!(rate(1, 10_000), []);
    assert_eq!(rate(2, 10_099), []);
    let found = rate(3, 20_198);
    assert_eq!((found[0].confidence.e_value, found[0].amount), (1_000.0, None));
}

#[test]
fn mistakes_in_the_configuration_name_field_and_remedy() {
    let json = |rest: &str| JSON.replace('}', &format!("{rest}}}"));
    for (json, parts) in [
        (JSON.replace("\"vault\":\"vault\"", "\"vault\":\"valt\""), ["`vault`", "market"]),
        (JSON.replace("USDC", "FREE"), ["`asset`", "no price"]),
        (json(r#","maxJumpBps":0"#), ["`maxJumpBps`", "100 is 1 %"]),
        (json(r#","donors":["x"]"#), ["`donors[0]`", "neither"]),
        (
            json(r#","price":{"constant":1},"totalAssets":{"constant":1}"#),
            ["`price`", "totalAssets"],
        ),
    ] {
        let error = error(&json);
        assert!(parts.iter().all(|part| error.contains(part)), "{json}: {error}");
    }
}

proptest! {
    /// Deposits and withdrawals around a donation do not hide it and do not make one.
    #[test]
    fn what_logs_explain_is_no_donation(
        moves in prop::collection::vec((any::<bool>(), 1u64..100), 0..6),
        donated in prop::option::of(5_000u64..9_000),
    ) {
        let mut detector = detector(JSON);
        read(detector.as_mut(), 0, 10_000, usdc(10_000));
        let mut evidence = transaction();
        for (comes, dollars) in moves {
            let step = if comes { deposits } else { withdraws };
            evidence = step(evidence, ALICE, usdc(dollars), usdc(dollars));
        }
        if let Some(dollars) = donated {
            evidence = evidence.moves(USDC, THIEF, VAULT, usdc(dollars));
        }
        prop_assert_eq!(inspect(detector.as_mut(), &evidence).len(), usize::from(donated.is_some()));
    }
}
