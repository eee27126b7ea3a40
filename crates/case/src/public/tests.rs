use portcullis_types::{
    action::Intent,
    ids::{Millis, Seq},
};
use proptest::prelude::*;

use super::*;
use crate::{
    CaseCommand, Severity,
    testing::{ID, MINUTE, action, case, finding, held, say},
};

#[test]
fn texts_that_hide_something_or_say_nothing_are_refused() {
    let long = "x".repeat(PUBLIC_TEXT_CHARS_MAX + 1);
    let cases = [
        ("", "empty"),
        (" \n ", "empty"),
        (long.as_str(), "more than 2000"),
        ("\u{202e}deniatnoc", "u{202e}"),
        ("a\u{1b}[2Jb", "u{1b}"),
        ("a\rb", "u{d}"),
        ("a\tb", "u{9}"),
        ("zero\u{200b}width", "u{200b}"),
    ];
    for (text, expected) in cases {
        let (why, remedy) = fault(text).unwrap();
        assert!(why.contains(expected) && !remedy.is_empty(), "{text:?}: {why}");
    }
    for good in ["All is well.", "Two\nlines", "<b>shown as it is</b>", "Zażółć 日本 שלום"]
    {
        assert_eq!(fault(good), None, "{good}");
    }
}

#[test]
fn what_is_released_is_kept_in_order_and_a_bad_text_changes_nothing() {
    let mut case = case();
    assert_eq!(latest(&case), None);
    say(&mut case, 14, 111, Command::Publish { text: "We know.\nMore soon.".into() });
    let before = case.clone();
    let at = Millis(112 * MINUTE);
    let what = Command::Publish { text: "a\u{202e}b".into() };
    let bad = CaseCommand { who: "ada".into(), when: at, what };
    assert!(case.command(Seq(15), at, &bad).unwrap_err().why.contains("does not show"));
    assert_eq!(case, before, "a refused text changes nothing");
    say(&mut case, 15, 113, Command::Publish { text: "It is contained.".into() });
    let found = latest(&case).unwrap();
    assert_eq!((found.seq, found.text.as_str()), (Seq(15), "It is contained."));
    assert_eq!((found.who.as_str(), found.protocol.as_str()), ("ada", "bank"));
    let lines: Vec<_> = case.timeline.iter().filter(|line| line.what == "publish").collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0].text, "ada: We know.\nMore soon.");
    let post = crate::postmortem::Postmortem::of(&case, &[], Millis(200 * MINUTE));
    assert_eq!(post.timeline.iter().filter(|line| line.what == "publish").count(), 2);
}

#[test]
fn the_draft_says_where_it_stands_and_no_more() {
    let mut case = Case::open(ID, "bank".into(), Millis(100 * MINUTE));
    case.apply(Seq(7), Millis(100 * MINUTE), &finding(10, 500, "500 USD left the vault"));
    let looking = draft(&case);
    assert!(looking.starts_with("We are looking into a report about bank."), "{looking}");
    case.apply(Seq(8), Millis(101 * MINUTE), &action(8, Intent::Pull));
    assert_eq!(case.life.stage(), Stage::Containing);
    assert_eq!(draft(&case), looking, "what is under way shows in nothing");
    case.apply(Seq(9), Millis(103 * MINUTE), &held(8));
    let stopped = draft(&case);
    assert!(stopped.contains("is contained") && stopped.contains("Some functions are stopped"));
    for secret in ["vault", "pause", "500", "0x", "gross"] {
        assert!(!stopped.contains(secret), "{secret}: {stopped}");
    }
    case.apply(Seq(10), Millis(104 * MINUTE), &action(10, Intent::Release));
    case.apply(Seq(11), Millis(105 * MINUTE), &held(10));
    assert!(!draft(&case).contains("stopped"), "it was let go");
    say(&mut case, 12, 106, Command::FalsePositive { why: "a test of ours".into() });
    assert_eq!(draft(&case), "What we looked into at bank was no attack.");
    let mut merged = Case::open(ID, "bank".into(), Millis(0));
    say(&mut merged, 8, 1, Command::Merge { into: CaseId(Seq(3)) });
    assert_eq!(draft(&merged), "");
    let mut declared = Case::open(ID, "bank".into(), Millis(0));
    say(&mut declared, 8, 1, Command::Declare { severity: Severity::P1, why: "x".into() });
    assert!(draft(&declared).starts_with("We are dealing with an incident at bank."));
}

proptest! {
    /// Nothing that a finding, a note or a plan says reaches the draft.
    #[test]
    fn no_word_of_the_record_reaches_the_draft(text in "(?s).{1,60}", loss in 1_i64..1_000_000) {
        let with = |text: &str, loss: i64| {
            let mut case = Case::open(ID, "bank".into(), Millis(0));
            case.apply(Seq(7), Millis(0), &finding(1, loss, text));
            say(&mut case, 8, 1, Command::Declare { severity: Severity::P2, why: text.to_owned() });
            say(&mut case, 9, 2, Command::Contain { how: text.to_owned() });
            say(&mut case, 10, 3, Command::Note { text: text.to_owned() });
            draft(&case)
        };
        prop_assert_eq!(with(&text, loss), with("x", 1));
    }

    #[test]
    fn a_hostile_name_is_made_plain(name in "(?s).{0,100}") {
        let case = Case::open(ID, name, Millis(0));
        let text = draft(&case);
        prop_assert_eq!(fault(&text), None);
        prop_assert!(!text.contains(['<', '>', '"']));
    }
}
