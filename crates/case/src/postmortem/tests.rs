use portcullis_types::{action::Intent, ids::Seq};
use proptest::prelude::*;

use super::{markdown::escape, *};
use crate::{
    numbers::mean,
    testing::{ID, MINUTE, action, case, finding, held, say},
};

#[test]
fn numbers_come_from_the_record_or_not_at_all() {
    let mut case = case();
    let as_of = Millis(200 * MINUTE);
    let early = numbers::of(&case, as_of);
    assert_eq!(early.time_to_detect, None, "nobody said when it began");
    assert_eq!(early.time_to_acknowledge, Some(4 * MINUTE));
    assert_eq!(early.time_to_contain, Some(10 * MINUTE), "what leaked was no containment");
    assert_eq!((early.time_to_resolve, early.returned), (None, None));
    assert_eq!(early.held["vault-pause"], 97 * MINUTE);
    assert_eq!(early.collateral_user_minutes, None, "nobody said how many users");
    assert_eq!(early.loss, Usd::dollars(520));
    case.apply(Seq(14), Millis(113 * MINUTE), &action(14, Intent::Release));
    case.apply(Seq(15), Millis(113 * MINUTE), &held(14));
    assert_eq!(numbers::of(&case, as_of).time_to_contain, None, "let go: not contained");
    say(&mut case, 16, 114, Command::Contained { how: "patched".into() });
    say(&mut case, 17, 115, Command::Blocked { lever: "vault-pause".into(), users: 30 });
    say(&mut case, 18, 115, Command::Began { at: Millis(97 * MINUTE), how: "0x01".into() });
    say(&mut case, 19, 116, Command::Returned { amount: Usd::dollars(100), how: "kept".into() });
    say(&mut case, 20, 117, Command::Monitor);
    let early_end = Command::Resolve { summary: "over".into(), early: Some("drill".into()) };
    say(&mut case, 21, 118, early_end);
    let late = numbers::of(&case, as_of);
    assert_eq!(late.time_to_detect, Some(3 * MINUTE));
    assert_eq!(late.time_to_contain, Some(14 * MINUTE));
    assert_eq!(late.time_to_resolve, Some(18 * MINUTE));
    assert_eq!((late.held["vault-pause"], late.still_held.len()), (10 * MINUTE, 0));
    assert_eq!(late.collateral_user_minutes, Some(300));
    assert_eq!(late.returned, Some(Usd::dollars(100)));
    say(&mut case, 22, 119, Command::Began { at: Millis(500 * MINUTE), how: "wrong".into() });
    assert_eq!(numbers::of(&case, as_of).time_to_detect, None, "after it was seen: a wrong time");
    let both = [early, late];
    let found = mean(&both, |numbers| numbers.time_to_detect);
    assert_eq!((found.mean, found.cases, found.unknown), (Some(3 * MINUTE), 1, 1));
    assert_eq!(mean(&[], |numbers| numbers.time_to_detect).mean, None);
}

#[test]
fn a_case_without_levers_blocked_nobody() {
    let case = Case::open(ID, "bank".into(), Millis(1));
    assert_eq!(numbers::of(&case, Millis(2)).collateral_user_minutes, Some(0));
}

#[test]
fn the_page_says_what_is_known_and_leaves_the_rest_to_people() {
    let post = Postmortem::of(&case(), &[], Millis(200 * MINUTE));
    let page = post.markdown();
    for wanted in [
        "# Post-mortem of PC-000007",
        "| lost | 520.00 USD |",
        "| came back | not in the record |",
        "| the attack began | first finding | not in the record |",
        "| first finding | contained | 10 min 00 s |",
        "| lost when it was first seen | 500.00 USD |",
        "1. *to be written by people*",
        "enter when the attack began",
        "&#60;script&#62;alert&#40;1&#41;",
    ] {
        assert!(page.contains(wanted), "{wanted}: {page}");
    }
    assert!(!page.contains("<script") && !page.contains("](javascript"));
    let json = post.json();
    assert_eq!(json["impact"]["returned"], serde_json::Value::Null);
    assert_eq!(json["numbers"]["timeToContain"], 600_000);
    assert_eq!(json["stage"], "contained");
}

#[test]
fn a_flood_of_findings_does_not_hide_what_people_did() {
    let mut case = Case::open(ID, "bank".into(), Millis(0));
    for number in 0..3 * TIMELINE_LINES_MAX as u64 {
        case.apply(Seq(7 + number), Millis(number), &finding(number, 1, "again"));
    }
    say(&mut case, 90_000, 900, Command::Acknowledge);
    let post = Postmortem::of(&case, &[], Millis(1_000 * MINUTE));
    assert_eq!(post.timeline.len(), TIMELINE_LINES_MAX / 2 + 1);
    assert_eq!(post.timeline.last().unwrap().what, "acknowledge");
    assert_eq!(post.timeline_left_out, 3 * TIMELINE_LINES_MAX - TIMELINE_LINES_MAX / 2);
}

proptest! {
    #[test]
    fn no_text_leaves_its_cell(text in "(?s).{0,80}") {
        let shown = escape(&text);
        let signs = ['<', '>', '|', '[', ']', '(', '*', '_', '`', '\n', '\r', '\\', '.', '\u{202e}'];
        prop_assert!(!shown.contains(signs), "{}", shown);
        let page = |text: &str| {
            let mut case = Case::open(ID, text.to_owned(), Millis(0));
            case.apply(Seq(7), Millis(0), &finding(1, 1, text));
            Postmortem::of(&case, &[], Millis(1)).markdown()
        };
        let (hostile, plain) = (page(&text), page("x"));
        prop_assert_eq!(hostile.lines().count(), plain.lines().count());
        prop_assert_eq!(hostile.matches('|').count(), plain.matches('|').count());
    }
}
