use proptest::prelude::*;

use super::*;
use crate::testing::{
    ALICE, LAND, MARKET, THIEF, USDC, With, block, detector, error, inspect, transaction, usdc,
};

/// A token of 0 decimals at 9,000 dollars that the protocol issues.
const TOKEN: Asset = Asset::Token(LAND);
const DEBT: Address = Address::repeat_byte(0xd2);

fn json(rest: &str) -> String {
    format!(r#"{{"detector":"supply","asset":"LAND"{rest}}}"#)
}

fn backed() -> String {
    json(&format!(
        r#","backing":{{"assets":["USDC","ETH"],"debts":[{{"token":"{DEBT}","asset":"USDC"}}]}},
        "expectedRecipients":["treasury"]"#
    ))
}

fn n(number: u64) -> U256 {
    U256::from(number)
}

fn mint(to: Address, amount: u64) -> Evidence {
    transaction().moves(TOKEN, NOBODY, to, n(amount))
}

/// The loss in dollars of the one finding, its e-value and whether it is a proof.
fn check(name: &str, json: &str, evidence: &Evidence, expected: Option<(i64, f64, bool)>) {
    let found = inspect(detector(json).as_mut(), evidence);
    let seen: Vec<(Usd, f64, bool)> =
        found.iter().map(|f| (f.loss, f.confidence.e_value, f.confidence.proof)).collect();
    let expected: Vec<(Usd, f64, bool)> =
        expected.map(|(loss, e, proof)| (Usd::dollars(loss), e, proof)).into_iter().collect();
    assert_eq!(seen, expected, "{name}");
}

#[test]
fn a_mint_needs_its_collateral() {
    let json = backed();
    check("from nothing", &json, &mint(THIEF, 10), Some((90_000, 1e9, true)));
    let paid = mint(ALICE, 10).moves(USDC, ALICE, MARKET, usdc(90_000));
    check("paid for", &json, &paid, None);
    let elsewhere = mint(ALICE, 10).moves(USDC, ALICE, THIEF, usdc(90_000));
    check("paid to somebody else", &json, &elsewhere, Some((90_000, 1e9, true)));
    let short = mint(ALICE, 10).moves(USDC, ALICE, MARKET, usdc(85_500));
    check("a little short", &json, &short, Some((4_500, 100.0, false)));
    let lent = paid.clone().moves(USDC, MARKET, ALICE, usdc(90_000));
    check("with money that went back", &json, &lent, Some((90_000, 1e9, true)));
    let debt = mint(ALICE, 10).moves(Asset::Token(DEBT), NOBODY, ALICE, usdc(90_000));
    check("against a debt", &json, &debt, None);
    check("fees", &json, &mint(crate::testing::SAFE, 10), None);
    let bridged = mint(ALICE, 10).moves(TOKEN, ALICE, NOBODY, n(10));
    check("minted and burnt", &json, &bridged, None);
    check("moved", &json, &transaction().moves(TOKEN, ALICE, THIEF, n(10)), None);
    check("burnt", &json, &transaction().moves(TOKEN, ALICE, NOBODY, n(10)), None);
    let most = json.replace(r#""debts""#, r#""minShare":"50","debts""#);
    check("half is enough", &most, &mint(ALICE, 10).moves(USDC, ALICE, MARKET, usdc(45_000)), None);
}

fn read(detector: &mut dyn Detector, number: u64, supply: u64) -> Vec<Finding> {
    let probe = detector.probes().pop().unwrap();
    let readings = [Reading { probe, value: Ok(n(supply)), depends_on: Vec::new() }];
    let mut out = Findings::default();
    detector.read(block(number, 1), &readings, &mut out);
    out.into_parts().0
}

#[test]
fn mints_are_bounded_in_a_window() {
    let json = json(
        r#","hardFactor":"4","limits":[{"windowSeconds":60,"maxAmount":"100"},
        {"windowSeconds":60,"maxShare":"10"}]"#,
    );
    check("up to the bound", &json, &mint(THIEF, 100), None);
    check("above it", &json, &mint(THIEF, 200), Some((1_800_000, 200.0, false)));
    check("without end", &json, &mint(THIEF, 400), Some((3_600_000, 1e9, true)));
    let mut detector = detector(&json);
    read(detector.as_mut(), 0, 500);
    let later = |number, second, amount| {
        transaction().at(number, second).moves(TOKEN, NOBODY, THIEF, n(amount))
    };
    assert_eq!(inspect(detector.as_mut(), &later(1, 1_000, 50)), [], "a tenth of what there was");
    let found = inspect(detector.as_mut(), &later(2, 1_059, 25));
    assert_eq!(found[0].confidence, Confidence::evidence(150.0), "{found:?}");
    detector.retract(&[block(2, 1)]);
    assert_eq!(inspect(detector.as_mut(), &later(2, 1_059, 25))[0].key, found[0].key);
    assert_eq!(inspect(detector.as_mut(), &later(3, 1_200, 50)), [], "the window has passed");
}

#[test]
fn growth_without_a_mint_is_found() {
    let json = json("");
    let mut detector = detector(&json);
    assert_eq!(read(detector.as_mut(), 1, 500), [], "nothing to compare with");
    inspect(detector.as_mut(), &mint(ALICE, 30).at(2, 1_000).moves(TOKEN, NOBODY, ALICE, n(30)));
    assert_eq!(read(detector.as_mut(), 2, 560), []);
    let found = read(detector.as_mut(), 3, 1_560);
    assert_eq!(found.iter().map(|f| f.amount).collect::<Vec<_>>(), [Some(n(1_000))]);
    assert_eq!((found[0].confidence.e_value, found[0].transaction), (1_000.0, None));
    assert_eq!(read(detector.as_mut(), 4, 1_560), [], "raised once");
    detector.retract(&[block(4, 1), block(3, 1)]);
    assert_eq!(read(detector.as_mut(), 3, 1_560)[0].key, found[0].key);
    assert_eq!(read(detector.as_mut(), 4, 100), [], "less is no growth");
    let mut unclear = transaction().at(5, 1_060);
    unclear.known.logs = false;
    inspect(detector.as_mut(), &unclear);
    assert_eq!(read(detector.as_mut(), 5, 900), [], "logs were unknown");
    let mut rebasing =
        crate::testing::detector(&json.replace("\"LAND\"", "\"LAND\",\"rebasing\":true"));
    read(rebasing.as_mut(), 1, 500);
    assert_eq!(read(rebasing.as_mut(), 2, 900), []);
}

#[test]
fn mistakes_in_the_configuration_name_field_and_remedy() {
    for (json, parts) in [
        (json("").replace("LAND", "ETH"), ["`asset`", "native coin"]),
        (json("").replace("LAND", "USDC"), ["`asset`", "protocol's contracts"]),
        (json(r#","backing":{}"#), ["`backing.assets`", "nothing can back"]),
        (
            json(r#","backing":{"assets":["USDC"],"minShare":"0"}"#),
            ["`backing.minShare`", "percent"],
        ),
        (json(r#","limits":[{"windowSeconds":1}]"#), ["`limits[0].maxShare`", "no bound"]),
        (
            json(r#","limits":[{"windowSeconds":0,"maxAmount":1}]"#),
            ["`limits[0].windowSeconds`", "31"],
        ),
        (
            json(r#","limits":[{"windowSeconds":1,"maxAmount":"0.5"}]"#),
            ["`limits[0].maxAmount`", "whole"],
        ),
        (json(r#","hardFactor":101"#), ["`hardFactor`", "leave it out"]),
    ] {
        let error = error(&json);
        assert!(parts.iter().all(|part| error.contains(part)), "{json}: {error}");
    }
}

proptest! {
    /// A mint split into parts of one transaction is as short of collateral as the whole.
    #[test]
    fn splitting_a_mint_changes_nothing(parts in prop::collection::vec(1u64..1_000, 1..8), paid in 0u64..100) {
        let whole: u64 = parts.iter().sum();
        let pay = |evidence: Evidence| evidence.moves(USDC, ALICE, MARKET, usdc(paid + 1));
        let one = inspect(detector(&backed()).as_mut(), &pay(mint(ALICE, whole)));
        let split = parts.iter().fold(transaction(), |e, part| e.moves(TOKEN, NOBODY, ALICE, n(*part)));
        let two = inspect(detector(&backed()).as_mut(), &pay(split));
        prop_assert_eq!(one, two);
    }
}
