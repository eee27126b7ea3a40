use super::*;
use crate::testing::{
    ALICE, LAND, MARKET, ROUTER, THIEF, USDC, VAULT, With, protocol, transaction, usdc,
};

/// Moves in order as (from, to, dollars), and what each holder lost.
fn check(name: &str, moves: &[(Address, Address, u64)], expected: &[(Address, u64)]) {
    let protocol = protocol();
    let holders = BTreeSet::from([MARKET, VAULT]);
    let mut evidence = transaction();
    for (from, to, amount) in moves {
        evidence = evidence.moves(USDC, *from, *to, usdc(*amount));
    }
    let found = outflows(&protocol, &holders, &evidence);
    let lost: BTreeMap<Address, U256> =
        found.into_iter().flat_map(|outflow| outflow.by_holder).collect();
    let expected = expected.iter().map(|(holder, amount)| (*holder, usdc(*amount))).collect();
    assert_eq!(lost, expected, "{name}");
}

#[test]
fn only_what_leaves_for_good_is_an_outflow() {
    check("a withdrawal", &[(MARKET, ALICE, 100)], &[(MARKET, 100)]);
    check("a deposit", &[(ALICE, MARKET, 100)], &[]);
    check("a flash loan", &[(MARKET, THIEF, 100), (THIEF, MARKET, 101)], &[]);
    check(
        "a flash loan half paid back",
        &[(MARKET, THIEF, 100), (THIEF, MARKET, 40)],
        &[(MARKET, 60)],
    );
    check("between own contracts", &[(MARKET, VAULT, 100)], &[]);
    check(
        "between own contracts by way of a router",
        &[(MARKET, ROUTER, 100), (ROUTER, VAULT, 100)],
        &[],
    );
    check("out through a router", &[(MARKET, ROUTER, 100), (ROUTER, ALICE, 100)], &[(MARKET, 100)]);
    check(
        "a flash loan paid back through a router",
        &[(MARKET, THIEF, 100), (THIEF, ROUTER, 100), (ROUTER, MARKET, 100)],
        &[],
    );
    check("the router's own money", &[(ROUTER, ALICE, 100)], &[]);
    check(
        "one market's gain is no other's",
        &[(MARKET, THIEF, 100), (THIEF, VAULT, 100)],
        &[(MARKET, 100)],
    );
    check("one holder for another", &[(MARKET, VAULT, 100), (VAULT, ALICE, 100)], &[(VAULT, 100)]);
    check("a burn by a holder", &[(MARKET, NOBODY, 5)], &[(MARKET, 5)]);
    check("other people's business", &[(ALICE, THIEF, 100)], &[]);
    check("to itself", &[(MARKET, MARKET, 100)], &[]);
}

#[test]
fn the_largest_part_by_value_is_named_and_all_parts_are_counted() {
    let protocol = protocol();
    let ether = U256::from(10).pow(U256::from(18));
    let evidence = transaction()
        .moves(USDC, MARKET, THIEF, usdc(1_500))
        .moves(Asset::Native, VAULT, THIEF, ether)
        .moves(Asset::Token(LAND), ALICE, NOBODY, U256::from(1));
    let drained = lost(&protocol, &evidence).unwrap();
    assert_eq!((drained.spec.symbol.as_str(), drained.amount), ("ETH", ether));
    assert_eq!(drained.value, Usd::dollars(3_500));
    let burned = lost_or_burned(&protocol, &evidence).unwrap();
    assert_eq!((burned.spec.symbol.as_str(), burned.value), ("LAND", Usd::dollars(12_500)));

    let by_owner = transaction().moves(Asset::Token(LAND), THIEF, NOBODY, U256::from(1));
    assert_eq!(lost_or_burned(&protocol, &by_owner), None, "owners may burn what is theirs");
    assert_eq!(lost(&protocol, &transaction()), None);
}

#[test]
fn absurd_amounts_neither_panic_nor_wrap() {
    let mut evidence = transaction();
    for to in [THIEF, ALICE] {
        let (from, amount) = (MARKET, U256::MAX);
        evidence.transfers.push(Transfer { asset: USDC, from, to, amount, token_id: None });
    }
    let protocol = protocol();
    let lost = lost(&protocol, &evidence).unwrap();
    assert_eq!((lost.amount, lost.value), (U256::MAX, Usd(i128::MAX)));
}
