use alloy_primitives::U256;
use portcullis_types::money::Asset;
use proptest::prelude::*;

use super::*;
use crate::testing::{
    ALICE, LAND, MARKET, THIEF, USDC, With, block, detector, error, inspect, transaction, usdc,
};

const PAIR: Address = Address::repeat_byte(0xb1);
const SYNC: &str = "Sync(uint112,uint112)";

fn json(rest: &str) -> String {
    format!(
        r#"{{"detector":"price-manipulation","maxDeviationBps":1000,
        "pools":[{{"pool":"{PAIR}","kind":"uniswap-v2","assets":["LAND","USDC"]}}]{rest}}}"#
    )
}

/// The pair's reserves, in dollars for 100 of the other.
fn sync(evidence: Evidence, dollars: u64) -> Evidence {
    evidence.says(PAIR, SYNC, &[U256::from(100), usdc(dollars)])
}

/// The e-value and the loss in dollars of the one finding.
fn check(name: &str, evidence: &Evidence, expected: Option<(f64, i64)>) {
    let found = inspect(detector(&json("")).as_mut(), evidence);
    let seen: Vec<(f64, Usd)> =
        found.iter().map(|finding| (finding.confidence.e_value, finding.loss)).collect();
    let expected: Vec<(f64, Usd)> =
        expected.map(|(e_value, dollars)| (e_value, Usd::dollars(dollars))).into_iter().collect();
    assert_eq!(seen, expected, "{name}");
}

#[test]
fn a_use_at_a_moved_price_is_found() {
    let start = || sync(transaction(), 1_000);
    let harvest = sync(start(), 1_500).sends(USDC, THIEF, MARKET, usdc(5_000));
    let harvest = sync(harvest, 1_010).sends(USDC, MARKET, THIEF, usdc(5_300));
    check("deposit at a moved price, withdrawal at the old", &harvest, Some((5_000.0, 300)));
    let loan = sync(sync(start(), 3_000).sends(USDC, MARKET, THIEF, usdc(900)), 1_000);
    check("a loan at a price that came back", &loan, Some((20_000.0, 900)));
    let stayed = sync(start(), 3_000).sends(USDC, MARKET, THIEF, usdc(900));
    check("a loan at a price that stayed", &stayed, Some((20.0, 900)));
    let mint = sync(
        sync(start(), 3_000).sends(Asset::Token(LAND), Address::ZERO, THIEF, U256::from(1)),
        1_000,
    );
    check("something minted, nothing lost", &mint, Some((2_000.0, 0)));
    let down = sync(sync(start(), 500).sends(USDC, MARKET, THIEF, usdc(900)), 1_000);
    check("downwards as upwards", &down, Some((10_000.0, 900)));

    let found = inspect(detector(&json("")).as_mut(), &loan);
    assert_eq!((found[0].contract, found[0].asset), (MARKET, Some(USDC)));
    assert!(found[0].sentence.starts_with("market was used while the price"), "{found:?}");
    assert!(found[0].sentence.contains("200.00 %"), "{}", found[0].sentence);
}

#[test]
fn honest_transactions_are_silent() {
    let start = || sync(transaction(), 1_000);
    check("a swap", &sync(start(), 1_500), None);
    check("there and back without the protocol", &sync(sync(start(), 1_500), 1_000), None);
    let before = sync(start().sends(USDC, MARKET, ALICE, usdc(900)), 1_500);
    check("a loan, then a swap", &before, None);
    let small = sync(sync(start(), 1_090).sends(USDC, MARKET, ALICE, usdc(900)), 1_000);
    check("within the bound", &small, None);
    let zap = sync(start(), 1_500).sends(USDC, ALICE, MARKET, usdc(900));
    check("a large swap, then a deposit", &zap, None);
    let arbitrage = transaction().sends(USDC, MARKET, ALICE, usdc(100_000));
    let arbitrage = sync(sync(arbitrage, 1_000), 1_300).sends(USDC, ALICE, MARKET, usdc(100_090));
    check("a flash loan for an arbitrage", &arbitrage, None);
    let liquidation = start().sends(USDC, ALICE, MARKET, usdc(900));
    let liquidation = sync(liquidation.moves(Asset::Native, MARKET, ALICE, U256::from(1)), 1_200);
    check("a liquidation, then its sale", &liquidation, None);
    let other = sync(transaction(), 1_000).says(THIEF, SYNC, &[U256::from(1), U256::from(9)]);
    check("somebody else's pair", &other.sends(USDC, MARKET, ALICE, usdc(9)), None);
}

#[test]
fn transfers_tell_what_logs_would() {
    let land = Asset::Token(LAND);
    let trade = |evidence: Evidence, dollars, lands| {
        evidence.moves(USDC, THIEF, PAIR, usdc(dollars)).moves(land, PAIR, THIEF, U256::from(lands))
    };
    let mut evidence = trade(transaction(), 100, 10);
    evidence = trade(evidence, 100, 5).moves(USDC, MARKET, THIEF, usdc(50));
    evidence =
        evidence.moves(land, THIEF, PAIR, U256::from(10)).moves(USDC, PAIR, THIEF, usdc(100));
    evidence.known.logs = false;
    check("trade by trade", &evidence, Some((10_000.0, 50)));
}

#[test]
fn a_pool_left_far_from_the_reference_is_found() {
    // 100 LAND at 9,000 dollars.
    let json = json(r#","maxReferenceBps":2000"#);
    let left = |from, to| sync(sync(transaction(), from), to).sends(USDC, MARKET, THIEF, usdc(10));
    for (name, evidence, e_value) in [
        ("left off", left(900_000, 1_100_000), Some(20.0)),
        ("found off", left(1_500_000, 1_600_000), None),
        ("brought back", left(1_100_000, 905_000), None),
    ] {
        let json = json.replace("1000,", "900000,");
        let found = inspect(detector(&json).as_mut(), &evidence);
        let seen: Vec<f64> = found.iter().map(|finding| finding.confidence.e_value).collect();
        assert_eq!(seen, Vec::from_iter(e_value), "{name}");
    }
}

fn read(detector: &mut dyn Detector, number: u64, values: &[u64]) -> Vec<f64> {
    let answer = |(probe, value): (Probe, &u64)| Reading {
        probe,
        value: Ok(U256::from(*value)),
        depends_on: Vec::new(),
    };
    let readings: Vec<Reading> = detector.probes().into_iter().zip(values).map(answer).collect();
    let mut out = Findings::default();
    detector.read(block(number, 1), &readings, &mut out);
    out.as_slice().iter().map(|finding| finding.confidence.e_value).collect()
}

#[test]
fn oracles_are_watched_between_blocks() {
    let call = r#""value":{"call":"latestAnswer()","contract":"market"}"#;
    let json = |rest: &str| {
        format!(
            r#"{{"detector":"price-manipulation","watchedOracles":[{{"name":"ether price",
            {call},"maxDeviationBps":1000{rest}}}]}}"#
        )
    };
    let mut own = detector(&json(""));
    assert_eq!(read(own.as_mut(), 1, &[1_000]), [0.0; 0]);
    assert_eq!(read(own.as_mut(), 2, &[1_100]), [0.0; 0], "up to the bound");
    assert_eq!(read(own.as_mut(), 3, &[2_200]), [200.0]);
    assert_eq!(read(own.as_mut(), 4, &[2_200]), [0.0; 0]);
    own.retract(&[block(4, 1), block(3, 1)]);
    assert_eq!(read(own.as_mut(), 3, &[550]), [200.0], "down as up");
    assert_eq!(read(own.as_mut(), 4, &[0]), [1_000.0], "nothing is as far off as can be");

    let against = json(
        r#","against":{"slot":1,"contract":"vault"},"scale":{"numerator":10,"denominator":1}"#,
    );
    let mut two = detector(&against);
    assert_eq!(read(two.as_mut(), 1, &[1_000, 100]), [0.0; 0]);
    assert_eq!(read(two.as_mut(), 2, &[2_000, 100]), [200.0]);
    assert_eq!(read(two.as_mut(), 3, &[2_100, 100]), [0.0; 0], "raised once");
    assert_eq!(read(two.as_mut(), 4, &[1_000, 100]), [0.0; 0]);
    assert_eq!(read(two.as_mut(), 5, &[1_000, 200]), [200.0], "and again after it healed");
}

#[test]
fn mistakes_in_the_configuration_name_field_and_remedy() {
    for (json, parts) in [
        (r#"{"detector":"price-manipulation"}"#.to_owned(), ["`pools`", "1 to 64"]),
        (json("").replace(":1000,", ":0,"), ["`maxDeviationBps`", "500 is 5 %"]),
        (json("").replace(r#""USDC""#, r#""LAND""#), ["`pools[0].assets`", "two different"]),
        (json("").replace("uniswap-v2", "curve"), ["unknown variant `curve`", "balances"]),
        (
            json(r#","maxReferenceBps":9"#).replace(r#","assets":["LAND","USDC"]"#, ""),
            ["`maxReferenceBps`", "assets"],
        ),
        (
            json(r#","watchedOracles":[{"name":"x","value":{"constant":1},"maxDeviationBps":1}]"#),
            ["`watchedOracles[0].value`", "constant"],
        ),
    ] {
        let error = error(&json);
        assert!(parts.iter().all(|part| error.contains(part)), "{json}: {error}");
    }
}

proptest! {
    /// It does not matter in which of the two assets a pair counts, nor how large it is.
    #[test]
    fn the_side_and_the_size_of_a_pair_do_not_matter(moved in 1_101u64..1_000_000, scale in 1u64..1_000_000) {
        let run = |pair: &dyn Fn(u64) -> [U256; 2]| {
            let at = |evidence: Evidence, dollars| evidence.says(PAIR, SYNC, &pair(dollars));
            let evidence = at(transaction(), 1_000);
            let evidence = at(evidence, moved).sends(USDC, MARKET, THIEF, usdc(1));
            inspect(detector(&json("")).as_mut(), &at(evidence, 1_000))[0].confidence
        };
        let one = run(&|dollars| [U256::from(scale), U256::from(dollars * scale)]);
        let two = run(&|dollars| [U256::from(dollars), U256::from(1)]);
        prop_assert_eq!(one, two);
    }
}
