use portcullis_types::money::Asset;
use proptest::prelude::*;

use super::*;
use crate::testing::{
    ALICE, LAND, MARKET, THIEF, USDC, VAULT, With, block, detector, error, inspect, transaction,
    usdc,
};

const POOL: Address = VAULT;
const TOKEN: Asset = Asset::Token(LAND);
const SYNC: &str = "Sync(uint112,uint112)";
const SWAP: &str = "Swap(address,uint256,uint256,uint256,uint256,address)";

fn json(rest: &str) -> String {
    format!(
        r#"{{"detector":"market-or-theft",
        "venues":[{{"pool":"{POOL}","kind":"uniswap-v2","assets":["USDC","LAND"]}}]{rest}}}"#
    )
}

/// What a pool of `lands` against `dollars` did: paid `out` of the one for `paid` dollars.
fn buys((lands, dollars): (u64, u64), out: u64, paid: u64) -> Evidence {
    let n = U256::from;
    transaction()
        .moves(USDC, THIEF, POOL, usdc(paid))
        .moves(TOKEN, POOL, THIEF, n(out))
        .says(POOL, SYNC, &[n(lands - out), usdc(dollars + paid)])
        .says(POOL, SWAP, &[n(0), usdc(paid), n(out), n(0)])
}

fn check(name: &str, evidence: &Evidence, expected: Option<(i64, f64)>) {
    let found = inspect(detector(&json("")).as_mut(), evidence);
    let seen: Vec<(Usd, f64)> =
        found.iter().map(|finding| (finding.loss, finding.confidence.e_value.round())).collect();
    let expected: Vec<(Usd, f64)> =
        expected.map(|(dollars, e_value)| (Usd::dollars(dollars), e_value)).into_iter().collect();
    assert_eq!(seen, expected, "{name}");
}

#[test]
fn trading_is_silent_and_theft_is_not() {
    // A LAND is 9,000 dollars elsewhere.
    let fair = (1_000, 9_000_000);
    check("a swap at the reference", &buys(fair, 100, 1_000_000), None);
    let cheap = (1_000, 6_000_000);
    check("an arbitrage towards it", &buys(cheap, 150, 1_060_000), None);
    check("one that goes too far", &buys(cheap, 300, 2_580_000), None);
    check("for nothing", &buys(fair, 100, 0), Some((900_000, 100_000.0)));
    check("for half", &buys(fair, 100, 450_000), Some((450_000, 100_000.0)));
    check("for less than its price was off", &buys(cheap, 150, 100_000), Some((1_250_000, 183.0)));
    check("a small one", &buys((1_000_000, 9_000_000_000), 1, 8_500), None);
    let unfair =
        buys(fair, 100, 450_000).moves(Asset::Token(POOL), Address::ZERO, ALICE, U256::from(1));
    check("with liquidity in between", &unfair, None);
    let free = Asset::Token(Address::repeat_byte(0xc9));
    check(
        "with an asset without a price",
        &buys(fair, 100, 0).moves(free, POOL, THIEF, U256::from(1)),
        None,
    );
    let mut elsewhere = buys(fair, 100, 0);
    elsewhere.flows.retain(|flow| flow.holder == POOL);
    check("where the sender gained nothing", &elsewhere, Some((900_000, 10_000.0)));
    let flash = buys(fair, 100, 0).moves(USDC, POOL, THIEF, usdc(8_000_000)).moves(
        USDC,
        THIEF,
        POOL,
        usdc(8_000_000),
    );
    check("behind a flash loan", &flash, Some((900_000, 100_000.0)));
    check("another's pool", &transaction().moves(USDC, MARKET, THIEF, usdc(9_000)), None);

    let found = inspect(detector(&json("")).as_mut(), &buys(fair, 100, 450_000));
    assert_eq!((found[0].contract, found[0].asset), (POOL, Some(TOKEN)));
    assert!(
        found[0].sentence.contains("lost 50.00 % of what it paid out"),
        "{}",
        found[0].sentence
    );
    assert!(found[0].evidence[3].contains("100.00 % of what was paid in"), "{found:?}");
}

#[test]
fn what_a_retracted_block_said_of_the_price_is_forgotten() {
    let mut detector = detector(&json(""));
    let n = U256::from;
    // LAND has the lower address: its reserve is the first.
    let at = |dollars, number| {
        transaction().at(number, 1_000).says(POOL, SYNC, &[n(1_000), usdc(dollars)])
    };
    inspect(detector.as_mut(), &at(9_000_000, 1));
    inspect(detector.as_mut(), &at(4_500_000, 2));
    let theft = transaction()
        .at(3, 1_012)
        .moves(TOKEN, POOL, THIEF, n(10))
        .moves(USDC, THIEF, POOL, usdc(45_000))
        .says(POOL, SYNC, &[n(990), usdc(4_545_000)]);
    assert_eq!(inspect(detector.as_mut(), &theft), [], "a price half off explains half");
    detector.retract(&[block(2, 1), block(3, 1)]);
    assert_eq!(inspect(detector.as_mut(), &theft).len(), 1);
}

#[test]
fn mistakes_in_the_configuration_name_field_and_remedy() {
    for (json, parts) in [
        (r#"{"detector":"market-or-theft","venues":[]}"#.to_owned(), ["`venues`", "1 to 64"]),
        (
            json("").replace(r#","assets":["USDC","LAND"]"#, ""),
            ["`venues[0].assets`", "[WETH, USDC]"],
        ),
        (json("").replace("LAND", "FREE"), ["`venues[0].assets`", "no price"]),
        (json(r#","maturity":"stable""#), ["`maturity`", "lower"]),
    ] {
        let error = error(&json);
        assert!(parts.iter().all(|part| error.contains(part)), "{json}: {error}");
    }
}

proptest! {
    /// No trade with a constant-product pool, of whatever size at whatever price, is a theft; what its law demands is rounded
    /// up for the pool, and a fee of nothing is the worst case.
    #[test]
    fn constant_product_trades_are_never_theft(
        lands in 1_000u64..100_000, price in 1u64..100_000, share in 1u64..900,
    ) {
        let dollars = lands * price;
        let out = lands * share / 1_000;
        prop_assume!(out > 0);
        let paid = (dollars * out).div_ceil(lands - out);
        let found = inspect(detector(&json("")).as_mut(), &buys((lands, dollars), out, paid));
        prop_assert_eq!(found, []);
    }
}
