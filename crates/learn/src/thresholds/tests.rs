use alloy_primitives::{Address, B256};
use portcullis_types::{
    chain::BlockId,
    evidence::{Evidence, Known, Transfer},
};

use super::*;
use crate::testing::{POOL, USDC, protocol};

const HEAD: &str = "title: t\ndescription: d\nseverity: low\nfalseAlarms: none\n";

/// Of a transaction that pays so many dollars out of the pool.
fn paid(number: u64, dollars: u64, logs: bool) -> Evidence {
    let (to, amount) = (Address::repeat_byte(9), U256::from(dollars) * U256::from(1_000_000));
    let transfer = Transfer { asset: USDC, from: POOL, to, amount, token_id: None };
    Evidence {
        chain: 1,
        block: BlockId { number, hash: B256::from(U256::from(number)) },
        timestamp: number * 12,
        index: 0,
        hash: B256::from(U256::from(number)),
        from: to,
        to: Some(POOL),
        value: U256::ZERO,
        gas_used: None,
        success: true,
        known: Known { logs, state: true, callers: true },
        frames: Vec::new(),
        logs: Vec::new(),
        transfers: vec![transfer],
        flows: Vec::new(),
        storage: Vec::new(),
        code: Vec::new(),
        created: Vec::new(),
        reentries: Vec::new(),
        call_tree_hash: B256::ZERO,
    }
}

/// What is learned of one rule from payments of so many dollars each.
fn learn(rule: &str, payments: impl Iterator<Item = u64>, logs: bool) -> Vec<Threshold> {
    let source = Source { name: "r.yaml".to_owned(), text: format!("id: r\n{HEAD}{rule}") };
    let payments: Vec<u64> = payments.collect();
    let mut sweep = Sweep::new(&protocol(), &[source], &Settings::default(), payments.len());
    for (number, dollars) in (1..).zip(payments) {
        sweep.see(&paid(number, dollars, logs));
    }
    sweep.finish()
}

const ABOVE: &str = "on: transfer\nparams: {limit: 'usd(\"100\")'}\nwhen: transfer.usd > limit\nexplain: \"{transfer.usd}\"\n";
const BELOW: &str = "on: transfer\nparams: {least: 'usd(\"100\")'}\nwhen: transfer.usd < least\nexplain: \"{transfer.usd}\"\n";

fn advice(rule: &str, payments: impl Iterator<Item = u64>) -> Advice {
    let found = learn(rule, payments, true);
    let [one] = found.as_slice() else { panic!("{found:?}") };
    one.advice.clone()
}

#[test]
fn a_number_is_set_one_step_looser_than_the_strictest_quiet_one() {
    let quiet = |to: &str, of| Advice::Change {
        to: to.to_owned(),
        false_alarms: FalseAlarms { alarms: 0, of },
    };
    // Up to 150 dollars leave: 200 is quiet, 500 is proposed, and was quiet in all later parts.
    assert_eq!(advice(ABOVE, (0..2_000).map(|n| n % 151)), quiet("usd(\"500\")", 1_600));
    // From the other side: at least 30 dollars leave; 20 is quiet, 10 is proposed.
    assert_eq!(advice(BELOW, (0..2_000).map(|n| 30 + n % 151)), quiet("usd(\"10\")", 1_600));
    // What is quiet at 10 dollars is tightened to 20.
    assert_eq!(advice(ABOVE, (0..2_000).map(|n| n % 10)), quiet("usd(\"20\")", 1_600));
    assert_eq!(advice(ABOVE, (0..2_000).map(|n| n % 45)), Advice::Keep);
}

#[test]
fn where_the_past_does_not_say_nothing_is_proposed_and_why() {
    let none = Advice::None;
    assert_eq!(advice(ABOVE, (0..2_000).map(|_| 1)), none(Reason::Silent));
    assert_eq!(advice(ABOVE, (0..2_000).map(|_| 1_000_000)), none(Reason::NoOrder));
    assert_eq!(advice(ABOVE, (0..2_000).map(|n| 100 * n)), none(Reason::Loud));
    assert_eq!(advice(ABOVE, (0..500).map(|n| n % 10)), none(Reason::Short));
    let blind = learn(ABOVE, (0..50).map(|n| n % 10), false);
    assert_eq!(blind.first().map(|one| &one.advice), Some(&none(Reason::Blind(50))));
    assert_eq!(blind.first().map(|one| one.now_alarms), Some(FalseAlarms { alarms: 0, of: 50 }));
}

#[test]
fn the_rate_is_that_of_choosing_before_looking() {
    // Quiet for four parts, then larger: the choice from the parts before is broken by the last.
    let payments = (0..2_000_u64).map(|n| if n < 1_600 { n % 40 } else { 90 + n % 40 });
    let found = learn(ABOVE, payments, true);
    let Some(Advice::Change { to, false_alarms }) = found.first().map(|one| one.advice.clone())
    else {
        panic!("{found:?}")
    };
    assert_eq!((to.as_str(), false_alarms.of), ("usd(\"500\")", 1_600));
    assert_eq!(false_alarms.alarms, 290, "those above 100, the value of before, in the last part");
}

#[test]
fn the_first_number_of_an_expression_is_scaled() {
    for (text, factor, expected) in [
        ("20", (1, 2), Some("10")),
        ("usd(\"100000\")", (5, 1), Some("usd(\"500000\")")),
        ("units(\"1000\", 18)", (1, 10), Some("units(\"100\", 18)")),
        ("uint(7)", (1, 2), Some("uint(4)")),
        ("uint8(7)", (2, 1), Some("uint8(14)")),
        ("3", (1, 20), Some("1")),
        ("0", (2, 1), None),
        ("0x10", (2, 1), None),
        ("usd(\"1.5\")", (2, 1), None),
        ("usd(\"1.5\")", (1, 1), Some("usd(\"1.5\")")),
        ("other", (2, 1), None),
    ] {
        assert_eq!(scaled(text, factor).as_deref(), expected, "{text} × {factor:?}");
    }
}
