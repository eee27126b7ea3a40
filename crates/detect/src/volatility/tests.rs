use proptest::prelude::*;

use super::*;
use crate::testing::{
    ALICE, MARKET, THIEF, USDC, With, block, detector, error, inspect, transaction, usdc,
};

const READ: &str = r#"{"detector":"volatility","name":"x","price":{"call":"price()","contract":"market"},
    "short":{"blocks":10,"maxMove":"5"},"long":{"blocks":100,"maxMove":"20"},"softShare":70}"#;
const SWAPS: &str = r#"{"detector":"volatility","name":"eth","short":{"blocks":10,"maxMove":"5"},
    "swaps":{"pool":"market","base":"ETH","quote":"USDC","minBase":"0.01"},
    "long":{"blocks":100,"maxMove":"20"}}"#;

fn read(detector: &mut dyn Detector, number: u64, price: Option<u64>) -> Vec<Finding> {
    let value = price.map(U256::from).ok_or_else(|| "reverted".to_owned());
    let answer = |probe| Reading { probe, value: value.clone(), depends_on: Vec::new() };
    let readings: Vec<Reading> = detector.probes().into_iter().map(answer).collect();
    let mut out = Findings::default();
    detector.read(block(number, 1), &readings, &mut out);
    out.into_parts().0
}

/// Prices by block, and in which of the blocks what was said: `s`oft, `h`ard.
fn check(json: &str, prices: &[(u64, u64)], expected: &str) {
    let mut detector = detector(json);
    let mut said = String::new();
    for (number, price) in prices {
        let found = read(detector.as_mut(), *number, Some(*price));
        said.push(match found.as_slice() {
            [] => '.',
            [one] if one.outlook == Outlook::AllAtRisk => 'h',
            [_] => 's',
            more => panic!("{more:?}"),
        });
    }
    assert_eq!(said, expected, "{prices:?}");
}

#[test]
fn windows_are_broken_beyond_their_bounds() {
    let both = READ.replace(r#""softShare":70"#, r#""softShare":100,"require":"all""#);
    let hard = READ.replace(r#""softShare":70"#, r#""softShare":100"#);
    check(READ, &[(1, 1_000), (2, 1_035), (3, 1_036)], "..s");
    check(READ, &[(1, 1_000), (2, 1_050), (3, 1_051)], ".sh");
    check(&hard, &[(1, 1_000), (2, 1_050), (3, 1_051)], "..h");
    check(&hard, &[(1, 1_000), (2, 950), (3, 949)], "..h");
    // Slow: never five percent within ten blocks, but twenty within a hundred.
    let slow: Vec<(u64, u64)> = (0..8).map(|n| (1 + 11 * n, 1_000 + 30 * n)).collect();
    check(&hard, &slow, ".......h");
    check(&both, &slow, "........");
    check(&both, &[(1, 1_000), (2, 1_190), (3, 1_201)], "..h");
    check(&hard, &[(1, 1_000), (500, 1_100), (900, 1_000)], ".hh");
    check(&hard, &[(1, 0), (2, 1)], ".h");
}

#[test]
fn a_breach_is_raised_when_it_begins_and_when_it_doubles() {
    check(READ, &[(1, 1_000), (2, 1_060), (3, 1_061), (4, 1_119), (5, 1_121)], ".h..h");
    check(READ, &[(1, 1_000), (2, 1_060), (200, 1_060), (400, 1_061), (401, 1_130)], ".h..h");
}

#[test]
fn unknown_is_no_price_and_what_is_retracted_was_none() {
    let mut detector = detector(READ);
    assert_eq!(read(detector.as_mut(), 1, Some(1_000)), []);
    assert_eq!(read(detector.as_mut(), 2, None), []);
    let first = read(detector.as_mut(), 3, Some(2_000));
    assert_eq!(first.len(), 1);
    detector.retract(&[block(3, 1)]);
    let again = read(detector.as_mut(), 3, Some(2_000));
    assert_eq!(again, first);
    assert!((first[0].confidence.e_value - HARD_MAX).abs() < 1e-9);
    detector.retract(&[block(3, 1)]);
    assert_eq!(read(detector.as_mut(), 4, Some(1_001)), []);
}

/// Swaps of ether against dollars in one transaction: dollars a coin.
fn swaps(number: u64, prices: &[u64]) -> Evidence {
    let mut evidence = transaction().at(number, number * 12);
    let coin = U256::from(10).pow(U256::from(18));
    for (n, price) in prices.iter().enumerate() {
        let native = portcullis_types::money::Asset::Native;
        evidence = if n % 2 == 0 {
            evidence.moves(USDC, THIEF, MARKET, usdc(*price)).moves(native, MARKET, THIEF, coin)
        } else {
            // As in pools that pay first.
            evidence.moves(USDC, MARKET, THIEF, usdc(*price)).moves(native, THIEF, MARKET, coin)
        };
    }
    evidence
}

#[test]
fn a_price_that_goes_and_comes_back_in_one_transaction_is_seen() {
    let mut detector = detector(SWAPS);
    assert_eq!(inspect(detector.as_mut(), &swaps(1, &[2_000, 2_010])), []);
    let found = inspect(detector.as_mut(), &swaps(2, &[2_005, 3_000, 2_000]));
    let [finding] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((finding.actor, finding.outlook), (Some(THIEF), Outlook::AllAtRisk));
    assert_eq!(finding.evidence[0], "price 3000000000");
    assert_eq!(finding.sentence, "eth left the bounds of its recent past");
    let mut failed = swaps(3, &[9_000]);
    failed.success = false;
    assert_eq!(inspect(detector.as_mut(), &failed), []);
}

#[test]
fn liquidity_dust_and_other_pools_are_no_swaps() {
    let mut detector = detector(SWAPS);
    inspect(detector.as_mut(), &swaps(1, &[2_000]));
    let native = portcullis_types::money::Asset::Native;
    let coin = U256::from(10).pow(U256::from(18));
    let liquidity = transaction()
        .at(2, 24)
        .moves(USDC, ALICE, MARKET, usdc(9))
        .moves(native, ALICE, MARKET, coin);
    let dust = transaction().at(3, 36).moves(USDC, ALICE, MARKET, usdc(9)).moves(
        native,
        MARKET,
        ALICE,
        U256::from(7),
    );
    let elsewhere = transaction()
        .at(4, 48)
        .moves(USDC, ALICE, THIEF, usdc(9))
        .moves(native, THIEF, ALICE, coin);
    for evidence in [liquidity, dust, elsewhere] {
        assert_eq!(inspect(detector.as_mut(), &evidence), []);
    }
}

#[test]
fn jitter_lowers_bounds_by_no_more_than_it_may() {
    let json = READ.replace(
        r#""softShare":70"#,
        r#""softShare":100,"jitter":{"seed":"0x5eed","maxShare":"20"}"#,
    );
    let mut said = Vec::new();
    for epoch in 0..40u64 {
        let mut detector = detector(&json);
        let first = epoch * JITTER_BLOCKS;
        // Five percent lowered by a fifth is four: below it nothing, above five always.
        let mut at =
            |number, price| !read(detector.as_mut(), first + number, Some(price)).is_empty();
        assert!(!at(1, 100_000) && !at(2, 104_000));
        said.push(at(3, 104_500));
        assert!(at(4, 105_001) || said.last() == Some(&true));
    }
    assert!(said.contains(&true) && said.contains(&false), "the bound is not the same for ever");
}

#[test]
fn mistakes_in_the_configuration_name_field_and_remedy() {
    for (from, to, parts) in [
        (r#""name":"x""#, r#""name":"""#, ["`name`", "eth-usd"]),
        (r#""price":{"call":"price()","contract":"market"},"#, "", ["`price`", "one of"]),
        (r#"{"call":"price()","contract":"market"}"#, r#"{"constant":1}"#, ["`price`", "constant"]),
        (r#""blocks":10,"#, r#""blocks":100,"#, ["`short.blocks`", "long.blocks"]),
        (r#""blocks":100,"#, r#""blocks":50401,"#, ["`long.blocks`", "50400"]),
        (r#""maxMove":"5""#, r#""maxMove":"0""#, ["`short.maxMove`", "percent"]),
        (r#""maxMove":"5""#, r#""maxMove":"0.001""#, ["`short.maxMove`", "percent"]),
        (r#""softShare":70"#, r#""softShare":0"#, ["`softShare`", "leave it out"]),
        (
            r#""softShare":70"#,
            r#""jitter":{"seed":1,"maxShare":"51"}"#,
            ["`jitter.maxShare`", "50 percent"],
        ),
    ] {
        let json = READ.replace(from, to);
        assert_ne!(json, READ);
        let error = error(&json);
        assert!(parts.iter().all(|part| error.contains(part)), "{json}: {error}");
    }
    for (from, to, part) in [
        (r#""quote":"USDC""#, r#""quote":"ETH""#, "`swaps.quote`"),
        (r#""minBase":"0.01""#, r#""minBase":"0""#, "`swaps.minBase`"),
        (r#""pool":"market""#, r#""pool":"m""#, "`swaps.pool`"),
    ] {
        assert!(error(&SWAPS.replace(from, to)).contains(part));
    }
}

proptest! {
    /// A price within its window's range is never a move; beyond it the larger of both distances counts; nothing panics.
    #[test]
    fn moves_are_measured_from_the_far_end(low: u64, span: u32, price: u64) {
        let (low, high) = (U256::from(low), U256::from(low) + U256::from(span));
        let points = move_of(U256::from(price), Range { low, high });
        if low == high && U256::from(price) == low {
            prop_assert_eq!(points, 0);
        }
        let up = U256::from(price).saturating_sub(low);
        if !low.is_zero() && U256::from(price) >= high {
            prop_assert_eq!(U256::from(points).min(U256::from(u32::MAX)), (up * U256::from(WHOLE) / low).min(U256::from(u32::MAX)));
        }
        let huge = move_of(U256::MAX, Range { low: U256::from(1), high: U256::MAX });
        prop_assert!(huge > WHOLE);
    }

    /// The range of a window is that of its prices, and of the one that stood when it began.
    #[test]
    fn ranges_are_those_of_a_plain_search(
        prices in prop::collection::vec((1u64..5, 1u64..1_000), 1..40),
        blocks in 1u64..30,
    ) {
        let mut past = Past::new(30);
        let (mut seen, mut number) = (Vec::new(), 0);
        for (step, price) in prices {
            number += step;
            past.add(block(number, 1), U256::from(price));
            seen.push((number, price));
        }
        let begin = number.saturating_sub(blocks);
        let first = seen.iter().position(|(n, _)| *n >= begin).unwrap().saturating_sub(1);
        let inside: Vec<u64> = seen[first..].iter().map(|(_, price)| *price).collect();
        let expected = Range {
            low: U256::from(*inside.iter().min().unwrap()),
            high: U256::from(*inside.iter().max().unwrap()),
        };
        prop_assert_eq!(past.range(block(number, 1), blocks), Some(expected));
    }
}
