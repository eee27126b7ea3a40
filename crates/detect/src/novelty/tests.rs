use std::collections::BTreeMap;

use alloy_primitives::{B256, FixedBytes, U256};
use portcullis_types::{
    evidence::CallKind,
    money::{Asset, Usd},
};
use proptest::prelude::*;

use super::*;
use crate::{
    build,
    config::DetectorConfig,
    detector::NOBODY,
    testing::{
        ALICE, MARKET, ROUTER, THIEF, USDC, VAULT, With, error, inspect, protocol, transaction,
        usdc,
    },
};

const BOT: Address = Address::repeat_byte(0xb0);
const DEPOSIT: [u8; 4] = [1; 4];
const BORROW: [u8; 4] = [2; 4];
const REPAY: [u8; 4] = [3; 4];
const TRANSFER: [u8; 4] = [0xa9, 0x05, 0x9c, 0xbb];

fn own() -> BTreeSet<Address> {
    protocol().contracts.iter().map(|contract| contract.address).collect()
}

/// A transaction of `BOT`, whom `THIEF` called, that calls these functions one after the other.
fn by_bot(calls: &[(Address, [u8; 4])]) -> Evidence {
    let mut evidence = transaction().calls(None, CallKind::Call, THIEF, BOT, &[9; 4]);
    evidence.to = Some(BOT);
    for (to, selector) in calls {
        evidence = evidence.calls(Some(0), CallKind::Call, BOT, *to, selector);
    }
    evidence
}

fn learned(past: &[Evidence]) -> Learned {
    let mut learned = Learned::empty(2);
    for evidence in past {
        learned.add(evidence.block.number, &Form::of(evidence, &own()));
    }
    learned
}

/// Knows deposit, then borrow, and repay alone, from 1,000 transactions without an alarm.
fn reference() -> Learned {
    let mut learned =
        learned(&[by_bot(&[(MARKET, DEPOSIT), (MARKET, BORROW)]), by_bot(&[(MARKET, REPAY)])]);
    learned.false_alarms = FalseAlarms { alarms: 0, of: 1_000 };
    learned
}

fn detector(learned: Learned) -> Box<dyn Detector> {
    let learned = LearnedSource::Inline(Box::new(learned));
    let config = NoveltyConfig { maturity: None, contracts: Vec::new(), learned };
    build(&protocol(), &DetectorConfig::Novelty(config)).unwrap_or_else(|error| panic!("{error}"))
}

fn pays(evidence: Evidence) -> Evidence {
    evidence.moves(USDC, MARKET, THIEF, usdc(5_000))
}

#[test]
fn a_new_way_by_which_money_leaves_is_found_and_explained() {
    let mut detector = detector(reference());
    let attack = pays(by_bot(&[(MARKET, BORROW), (MARKET, DEPOSIT), (VAULT, DEPOSIT)]));
    let found = inspect(detector.as_mut(), &attack);
    let [finding] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((finding.contract, finding.actor), (VAULT, Some(THIEF)));
    assert_eq!((finding.asset, finding.amount), (Some(USDC), Some(usdc(5_000))));
    assert_eq!(finding.loss, Usd::dollars(5_000));
    assert!(!finding.confidence.proof && finding.maturity == Maturity::Incubating);
    assert!((finding.confidence.e_value - E_VALUE_MAX).abs() < 1e-9);
    assert_eq!(
        finding.sentence,
        "a contract took a way through test that none of 2 transactions took before; 5,000 USDC left the protocol"
    );
    let form = Form::of(&attack, &own()).hash();
    assert_eq!(
        finding.evidence,
        [
            "vault.0x01010101 was never entered".to_owned(),
            "market.0x01010101 never came right after market.0x02020202".to_owned(),
            "outsiders gained 5,000 USDC".to_owned(),
            format!("form {form}"),
            "1 of the last 1 composed transactions took a form that is not in the reference"
                .to_owned(),
        ]
    );
    let mut allowed = reference();
    allowed.forms.insert(form);
    assert_eq!(inspect(self::detector(allowed).as_mut(), &attack), [], "people may allow a form");
}

#[test]
fn what_is_known_own_unpaid_or_failed_is_silent() {
    let new = || by_bot(&[(VAULT, BORROW)]);
    let mut failed = pays(new());
    failed.success = false;
    let own_call = transaction().calls(None, CallKind::Call, ALICE, VAULT, &BORROW);
    let flash = new().moves(USDC, VAULT, BOT, usdc(100)).moves(USDC, BOT, VAULT, usdc(101));
    for (name, evidence, expected) in [
        ("new and paid", pays(new()), 1),
        (
            "new and paid in an asset nobody listed",
            { new().moves(Asset::Token(Address::repeat_byte(0xee)), VAULT, THIEF, U256::from(1)) },
            1,
        ),
        ("a known way", pays(by_bot(&[(MARKET, DEPOSIT), (MARKET, BORROW)])), 0),
        ("a part of a known way", pays(by_bot(&[(MARKET, BORROW)])), 0),
        ("known twice over", pays(by_bot(&[(MARKET, REPAY), (VAULT, TRANSFER)])), 0),
        ("nobody gained", new(), 0),
        ("a flash loan paid back", flash, 0),
        (
            "somebody else paid it back",
            { new().moves(USDC, VAULT, THIEF, usdc(100)).moves(USDC, ALICE, VAULT, usdc(100)) },
            1,
        ),
        ("failed", failed, 0),
        ("a sender's own call", pays(own_call.clone()), 0),
        (
            "a sender's own call that comes back through another",
            {
                let out = own_call.calls(Some(0), CallKind::Call, VAULT, BOT, &[9; 4]);
                pays(out.calls(Some(1), CallKind::Call, BOT, MARKET, &BORROW))
            },
            1,
        ),
        ("twice as often", pays(by_bot(&[(MARKET, REPAY)])), 0),
    ] {
        let found = inspect(detector(reference()).as_mut(), &evidence);
        assert_eq!(found.len(), expected, "{name}: {found:?}");
    }
}

#[test]
fn entering_a_function_more_often_than_ever_is_new() {
    let once = learned(&[by_bot(&[(MARKET, REPAY), (MARKET, REPAY)])]);
    for (times, expected) in [(1, 0), (4, 0), (5, 1), (50, 1)] {
        let evidence = pays(by_bot(&vec![(MARKET, REPAY); times]));
        let found = inspect(detector(once.clone()).as_mut(), &evidence);
        assert_eq!(found.len(), expected, "{times} times: {found:?}");
    }
}

#[test]
fn without_callers_only_the_first_entry_tells_who_composed() {
    let mut evidence = pays(transaction().calls(None, CallKind::Call, NOBODY, VAULT, &BORROW));
    evidence.known.callers = false;
    evidence.from = NOBODY;
    evidence.to = Some(VAULT);
    assert_eq!(inspect(detector(reference()).as_mut(), &evidence), []);
    evidence.to = None;
    let found = inspect(detector(reference()).as_mut(), &evidence);
    assert_eq!(found.iter().map(|finding| finding.actor).collect::<Vec<_>>(), [None]);
}

#[test]
fn the_count_of_unseen_forms_forgets_retracted_blocks_and_the_reference_never_learns() {
    let mut detector = detector(reference());
    let new = |number: u64| pays(by_bot(&[(VAULT, BORROW)]).at(number, number * 12));
    let last = |detector: &mut dyn Detector, number| {
        let found = inspect(detector, &new(number));
        found.first().and_then(|finding| finding.evidence.last().cloned()).expect("a finding")
    };
    assert!(last(detector.as_mut(), 1).starts_with("1 of the last 1 "));
    assert!(last(detector.as_mut(), 2).starts_with("2 of the last 2 "), "still new");
    detector.retract(&[new(2).block]);
    assert!(last(detector.as_mut(), 3).starts_with("2 of the last 2 "));
}

#[test]
fn the_e_value_follows_the_past() {
    for (alarms, of, expected) in
        [(0, 0, 1.0), (0, 50, 51.0), (10, 50, 51.0 / 11.0), (0, 10_000, E_VALUE_MAX), (9, 3, 1.0)]
    {
        let value = e_value(FalseAlarms { alarms, of });
        assert!((value - expected).abs() < 1e-9, "{alarms} of {of}: {value}");
    }
}

#[test]
fn references_are_read_back_and_refused_where_they_cannot_work() {
    let known = reference();
    let text = serde_json::to_string(&known).expect("JSON");
    let again: LearnedSource = serde_json::from_str(&text).expect("a reference");
    assert_eq!(again, LearnedSource::Inline(Box::new(known.clone())));
    let config = |learned: &Learned| {
        let learned = serde_json::to_string(learned).expect("JSON");
        format!(r#"{{"detector":"novelty","learned":{learned}}}"#)
    };
    let odd = Learned { format: "x".to_owned(), ..known.clone() };
    let idle = Learned { repeat_factor: 0, ..known.clone() };
    let large = Learned {
        functions: (0..=learned::FUNCTIONS_MAX)
            .map(|n| {
                (
                    Function {
                        contract: Address::from_word(B256::from(U256::from(n))),
                        selector: None,
                    },
                    1,
                )
            })
            .collect::<BTreeMap<_, _>>(),
        ..known
    };
    for (json, part) in [
        (
            r#"{"detector":"novelty","learned":"learned/x.json"}"#.to_owned(),
            "`learned/x.json` was not read",
        ),
        (config(&odd), "format"),
        (config(&idle), "repeatFactor"),
        (config(&large), "10001 entries"),
    ] {
        let problem = error(&json);
        assert!(problem.contains(part), "{problem}");
    }
    for text in ["0x12:0x01020304", "x", "0x0000000000000000000000000000000000000001:0x12"] {
        assert!(text.parse::<Function>().is_err(), "{text}");
    }
}

/// What honest and other transactions consist of: own functions, and what the form leaves out.
#[derive(Debug, Clone, Copy)]
enum Part {
    Own(u8),
    Foreign,
    View,
    Token,
    Failed,
    Passed,
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    let part = prop_oneof![
        4 => (0u8..4).prop_map(Part::Own),
        1 => Just(Part::Foreign),
        1 => Just(Part::View),
        1 => Just(Part::Token),
        1 => Just(Part::Failed),
        1 => Just(Part::Passed),
    ];
    prop::collection::vec(part, 0..24)
}

/// A transaction of `sender` through `bot`, with `noise` in the arguments and amounts.
fn played(parts: &[Part], sender: Address, bot: Address, noise: u8) -> Evidence {
    let mut evidence = transaction().calls(None, CallKind::Call, sender, bot, &[noise; 36]);
    (evidence.from, evidence.to) = (sender, Some(bot));
    for part in parts {
        let mut input = vec![7; 4];
        let (kind, from, to) = match part {
            Part::Own(n) => {
                input = vec![n % 2; 4];
                (CallKind::Call, bot, if *n < 2 { MARKET } else { ROUTER })
            }
            Part::Foreign => (CallKind::Call, bot, Address::repeat_byte(0xfe)),
            Part::View => (CallKind::StaticCall, bot, MARKET),
            Part::Token => {
                input = TRANSFER.to_vec();
                (CallKind::Call, bot, VAULT)
            }
            Part::Failed => (CallKind::Call, bot, MARKET),
            Part::Passed => (CallKind::DelegateCall, MARKET, VAULT),
        };
        input.extend([noise; 32]);
        evidence = evidence.calls(Some(0), kind, from, to, &input);
        let last = evidence.frames.len() as u32 - 1;
        match part {
            // What a view calls is part of the view.
            Part::View => {
                evidence = evidence.calls(Some(last), CallKind::Call, MARKET, ROUTER, &[8; 4]);
            }
            Part::Failed => {
                if let Some(frame) = evidence.frames.last_mut() {
                    (frame.effective, frame.failed) = (false, true);
                }
            }
            _ => {}
        }
    }
    evidence
}

fn hash_of(parts: &[Part], noise: u8) -> B256 {
    Form::of(&played(parts, THIEF, BOT, noise), &own()).hash()
}

proptest! {
    /// Senders, bots, arguments and all that cannot write or is seen elsewhere make no difference.
    #[test]
    fn a_form_is_the_way_through_the_protocol_alone(parts in parts(), noise in any::<u8>()) {
        let plain: Vec<Part> =
            parts.iter().copied().filter(|part| matches!(part, Part::Own(_))).collect();
        let form = Form::of(&played(&parts, THIEF, BOT, noise), &own());
        let bare = Form::of(&played(&plain, ALICE, Address::repeat_byte(0xb1), 0), &own());
        prop_assert_eq!(&form, &bare);
        prop_assert_eq!(form.hash(), bare.hash());
        prop_assert_eq!(form.composed, !plain.is_empty());
    }

    /// A loop that turns twice and one that turns any number of times more are one form.
    #[test]
    fn turns_of_a_loop_do_not_count(before in parts(), turn in parts(), after in parts(), more in 0usize..5) {
        let looped = |turns: usize| {
            let mut all = before.clone();
            all.extend(std::iter::repeat_n(turn.clone(), turns).flatten());
            all.extend(after.clone());
            hash_of(&all, 0)
        };
        prop_assert_eq!(looped(2), looped(2 + more));
    }

    /// The form does not hang on how much is known of the tree.
    #[test]
    fn a_list_of_entries_has_the_form_of_the_trace(parts in parts()) {
        let parts: Vec<Part> =
            parts.into_iter().filter(|part| !matches!(part, Part::View)).collect();
        let traced = played(&parts, THIEF, BOT, 0);
        let mut listed = traced.clone();
        listed.known.callers = false;
        listed.to = None;
        listed.frames.remove(0);
        for frame in &mut listed.frames {
            (frame.parent, frame.from) = (None, NOBODY);
        }
        prop_assert_eq!(Form::of(&traced, &own()), Form::of(&listed, &own()));
    }

    /// Nothing that was learned is new, and text and function are one.
    #[test]
    fn what_was_learned_is_no_news(parts in parts()) {
        let evidence = played(&parts, THIEF, BOT, 0);
        let known = learned(std::slice::from_ref(&evidence));
        prop_assert_eq!(known.news(&Form::of(&evidence, &own())), []);
        for function in known.functions.keys() {
            prop_assert_eq!(function.to_string().parse::<Function>(), Ok(*function));
        }
    }
}

#[test]
fn a_hash_depends_on_order_functions_and_contracts() {
    use Part::Own;
    let all = [
        hash_of(&[], 0),
        hash_of(&[Own(0)], 0),
        hash_of(&[Own(1)], 0),
        hash_of(&[Own(2)], 0),
        hash_of(&[Own(0), Own(1)], 0),
        hash_of(&[Own(1), Own(0)], 0),
        hash_of(&[Own(0), Own(0)], 0),
        hash_of(&[Own(0), Own(1), Own(0)], 0),
    ];
    let different: BTreeSet<B256> = all.into_iter().collect();
    assert_eq!(different.len(), all.len());
    let none = Function { contract: MARKET, selector: None };
    let zero = Function { contract: MARKET, selector: Some(FixedBytes::ZERO) };
    assert_ne!(none.to_string(), zero.to_string());
}
