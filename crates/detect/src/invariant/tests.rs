use super::*;
use crate::testing::{
    ALICE, MARKET, THIEF, USDC, VAULT, With, block, detector, error, inspect, transaction, usdc,
};

const SOLVENT: &str = r#"{"detector":"invariant","name":"solvent","asset":"USDC",
    "left":{"balance":"USDC","of":"market"},"relation":">=",
    "right":{"call":"totalDeposits()","contract":"market"},"tolerance":"1000000"}"#;

/// Answers to the detector's probes, in its order, at a block; none for a failed reading.
fn read(detector: &mut dyn Detector, at: BlockId, values: &[Option<U256>]) -> Vec<Finding> {
    let answer = |(probe, value): (Probe, &Option<U256>)| Reading {
        probe,
        value: value.ok_or_else(|| "execution reverted".to_owned()),
        depends_on: vec![(MARKET, B256::ZERO)],
    };
    let readings: Vec<Reading> = detector.probes().into_iter().zip(values).map(answer).collect();
    let mut out = Findings::default();
    detector.read(at, &readings, &mut out);
    out.into_parts().0
}

fn dollars(amounts: [u64; 2]) -> [Option<U256>; 2] {
    amounts.map(|amount| Some(usdc(amount)))
}

/// Readings in dollars, block by block, and what was found lost in each.
fn check(name: &str, blocks: &[[u64; 2]], expected: &[Option<i64>]) {
    let mut detector = detector(SOLVENT);
    for (number, (values, expected)) in blocks.iter().zip(expected).enumerate() {
        let found = read(detector.as_mut(), block(number as u64, 1), &dollars(*values));
        let losses: Vec<Usd> = found.iter().map(|finding| finding.loss).collect();
        let expected: Vec<Usd> = expected.map(Usd::dollars).into_iter().collect();
        assert_eq!(losses, expected, "{name}, block {number}");
        assert!(found.iter().all(|finding| finding.confidence.proof), "{name}");
    }
}

#[test]
fn a_breach_is_raised_once_and_again_when_it_grows() {
    check("it holds", &[[100, 100], [150, 100], [99, 100]], &[None, None, None]);
    check("beyond the tolerance", &[[98, 100]], &[Some(2)]);
    check("it stays", &[[1_000, 2_000], [1_000, 2_000]], &[Some(1_000), None]);
    check(
        "it grows a little",
        &[[1_000, 2_000], [990, 2_000], [989, 2_000]],
        &[Some(1_000), None, Some(11)],
    );
    check(
        "it shrinks and grows back",
        &[[1_000, 2_000], [1_500, 2_000], [900, 2_000]],
        &[Some(1_000), None, Some(100)],
    );
    check("it heals and breaks", &[[50, 100], [100, 100], [40, 100]], &[Some(50), None, Some(60)]);
}

#[test]
fn a_breach_is_laid_to_what_took_most_or_to_the_only_one_or_to_nobody() {
    /// Who touched it in a block, what the market lost in it, and who is named.
    type Case = (&'static str, &'static [(Address, u64)], Option<Address>);
    let cases: [Case; 6] = [
        ("nobody", &[], None),
        ("one that took nothing", &[(THIEF, 0)], Some(THIEF)),
        ("an honest one after the attack", &[(THIEF, 90), (ALICE, 1)], Some(THIEF)),
        ("an honest one before it", &[(ALICE, 1), (THIEF, 90)], Some(THIEF)),
        ("two that took nothing", &[(ALICE, 0), (THIEF, 0)], None),
        ("one of three took something", &[(ALICE, 0), (THIEF, 1), (ALICE, 0)], Some(THIEF)),
    ];
    for (name, touched, named) in cases {
        let mut detector = detector(SOLVENT);
        for (hash, (from, lost)) in (1..).zip(touched) {
            let mut evidence = transaction().stores(MARKET, B256::ZERO, B256::ZERO, B256::ZERO);
            if *lost > 0 {
                evidence = evidence.moves(USDC, MARKET, *from, usdc(*lost));
            }
            (evidence.hash, evidence.from) = (B256::repeat_byte(hash), *from);
            inspect(detector.as_mut(), &evidence);
        }
        let found = read(detector.as_mut(), block(1, 1), &dollars([60, 100]));
        assert_eq!((found.len(), found[0].actor), (1, named), "{name}");
        assert_eq!(found[0].transaction.is_some(), named.is_some(), "{name}");
    }
}

#[test]
fn a_finding_names_contract_asset_amount_and_transaction() {
    let mut detector = detector(SOLVENT);
    let touching = |hash: u8, from| {
        let mut evidence = transaction().stores(MARKET, B256::ZERO, B256::ZERO, B256::ZERO);
        (evidence.hash, evidence.from) = (B256::repeat_byte(hash), from);
        evidence
    };
    assert_eq!(inspect(detector.as_mut(), &touching(2, THIEF)), []);
    let elsewhere = transaction().stores(VAULT, B256::ZERO, B256::ZERO, B256::ZERO);
    inspect(detector.as_mut(), &elsewhere);
    let found = read(detector.as_mut(), block(1, 1), &dollars([60, 100]));
    let [finding] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((finding.transaction, finding.actor), (Some(B256::repeat_byte(2)), Some(THIEF)));
    assert_eq!(
        (finding.contract, finding.asset, finding.amount),
        (MARKET, Some(USDC), Some(usdc(40)))
    );
    assert_eq!(
        finding.sentence,
        "solvent is broken: USDC of market >= market.totalDeposits() does not hold, by 40 USDC"
    );
    let later = read(detector.as_mut(), block(2, 1), &dollars([0, 100]));
    assert_eq!(
        (later[0].transaction, later[0].actor),
        (None, None),
        "no transaction known in block 2"
    );
    assert_ne!(later[0].key, finding.key);
}

#[test]
fn unknown_is_neither_fine_nor_broken() {
    let mut detector = detector(SOLVENT);
    assert_eq!(read(detector.as_mut(), block(1, 1), &[None, Some(usdc(100))]), []);
    assert_eq!(
        read(detector.as_mut(), block(2, 1), &[Some(usdc(50))]).len(),
        1,
        "both are known now"
    );
    assert_eq!(read(detector.as_mut(), block(3, 1), &[None, Some(usdc(900))]), []);
    assert_eq!(read(detector.as_mut(), block(4, 1), &[]), []);
}

#[test]
fn a_retracted_breach_is_raised_again_with_the_same_key() {
    let mut detector = detector(SOLVENT);
    read(detector.as_mut(), block(1, 1), &dollars([100, 100]));
    let mut attack = transaction().at(2, 1_012).stores(MARKET, B256::ZERO, B256::ZERO, B256::ZERO);
    inspect(detector.as_mut(), &attack);
    let first = read(detector.as_mut(), block(2, 1), &dollars([50, 100]));
    detector.retract(&[block(2, 1)]);
    attack.block = block(2, 2);
    inspect(detector.as_mut(), &attack);
    let second = read(detector.as_mut(), block(2, 2), &dollars([50, 100]));
    assert_eq!((second.len(), second[0].key), (1, first[0].key));
    assert_ne!(second[0].block, first[0].block);
}

#[test]
fn relations_scales_and_extremes_are_exact() {
    let json = |relation: &str, constant: &str, rest: &str| {
        format!(
            r#"{{"detector":"invariant","name":"x","left":{{"slot":"0x1","contract":"vault"}},
            "relation":"{relation}","right":{{"constant":"{constant}"}}{rest}}}"#
        )
    };
    let scale = r#","scale":{"numerator":3,"denominator":2}"#;
    let max = U256::MAX.to_string();
    for (json, left, short) in [
        (json("<=", "0", ""), U256::from(7), Some(7)),
        (json("<=", "0", r#","tolerance":7"#), U256::from(7), None),
        (json("<=", "0", r#","tolerance":7"#), U256::from(8), Some(8)),
        (json("==", "10", ""), U256::from(10), None),
        (json("==", "10", ""), U256::from(12), Some(2)),
        (json("==", "10", ""), U256::from(8), Some(2)),
        (json(">=", "101", scale), U256::from(151), Some(1)),
        (json(">=", "101", scale), U256::from(152), None),
        (json(">=", &max, ""), U256::MAX, None),
        (json("<=", &max, scale), U256::MAX, None),
    ] {
        let found = read(detector(&json).as_mut(), block(1, 1), &[Some(left)]);
        let shown: Vec<bool> = found
            .iter()
            .map(|f| {
                short.is_some_and(|short| f.evidence[2].starts_with(&format!("short by {short} ")))
            })
            .collect();
        assert_eq!(shown, Vec::from_iter(short.map(|_| true)), "{json} {left}: {found:?}");
        assert!(
            found.iter().all(|f| f.asset.is_none() && f.outlook == Outlook::AllAtRisk),
            "what cannot be counted in an asset may be everything"
        );
    }
    let huge = json(">=", &max, r#","scale":{"numerator":18446744073709551615,"denominator":1}"#);
    assert_eq!(read(detector(&huge).as_mut(), block(1, 1), &[Some(U256::ZERO)]).len(), 1);
}

#[test]
fn mistakes_in_the_configuration_name_field_and_remedy() {
    let json = |left: &str, rest: &str| {
        format!(
            r#"{{"detector":"invariant","name":"x","left":{left},"relation":">=","right":{{"constant":0}}{rest}}}"#
        )
    };
    let call = r#"{"call":"f()","contract":"market"}"#;
    for (json, parts) in [
        (
            json(r#"{"call":"f()","slot":1,"contract":"market"}"#, ""),
            ["`left`", "{slot, contract}"],
        ),
        (json(r#"{"call":"f()","of":"market"}"#, ""), ["`left`", "one kind"]),
        (json(r#"{"call":"f()"}"#, ""), ["`left.contract`", "market"]),
        (json(r#"{"call":"f","contract":"market"}"#, ""), ["`left.call`", "parentheses"]),
        (
            json(r#"{"call":"f(uint256)","contract":"market"}"#, ""),
            ["`left.args`", "takes 1 arguments"],
        ),
        (
            json(r#"{"call":"f(uint8)","contract":"market","args":["256"]}"#, ""),
            ["`left.args`", "uint8"],
        ),
        (json(r#"{"balance":"USDC","of":"markt"}"#, ""), ["`left.of`", "market"]),
        (json(r#"{"constant":1}"#, ""), ["`right`", "both sides are constants"]),
        (
            json(call, r#","scale":{"numerator":1,"denominator":0}"#),
            ["`scale.denominator`", "1 or more"],
        ),
        (json(call, r#","asset":"FREE""#), ["`asset`", "no price"]),
        (json(call, "").replace(">=", ">"), ["unknown variant `>`", "`>=`"]),
    ] {
        let error = error(&json);
        assert!(parts.iter().all(|part| error.contains(part)), "{json}: {error}");
    }
}

#[test]
fn calls_are_encoded_with_names_resolved() {
    let json = r#"{"detector":"invariant","name":"x","relation":"==","right":{"constant":1},
        "left":{"call":"balanceOf(address)","contract":"vault","args":["market"],"word":1}}"#;
    let probes = detector(json).probes();
    let [Probe::Call { to, data, word }] = probes.as_slice() else { panic!("{probes:?}") };
    assert_eq!((*to, *word, data.len()), (VAULT, 1, 36));
    assert_eq!(Address::from_slice(&data[16..]), MARKET);
}
