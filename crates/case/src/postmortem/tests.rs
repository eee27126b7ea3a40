use portcullis_types::{action::Intent, ids::Seq};
use proptest::prelude::*;

use super::{
    markdown::{escape, plain, unescaped},
    *,
};
use crate::{
    numbers::mean,
    testing::{ID, MINUTE, action, case, finding, held, say},
};

mod record;

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
        "&lt;script>alert(1)&lt;/script> \\[x\\](javascript:y)",
        "- gross-outflow: 2 findings\n",
    ] {
        assert!(page.contains(wanted), "{wanted}: {page}");
    }
    assert!(!page.contains("<script") && !page.contains("[x]("));
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

#[test]
fn only_what_would_be_interpreted_is_escaped() {
    let untouched = [
        "p = 0.9960 > 0.0043 = 20,000 / (20,000 + 4,605,889.59): pull pause-market",
        "debt-is-covered is broken: market.shortfall() <= 0 does not hold, by 287,870.46 RUSD",
        "one & the other; max_share; Zażółć 日本; 1.5 of 2; #7 of a row; it's \"so\"; {a}; a/b!",
        "2026-11-21T23:19:22.307Z",
        "1.5 million",
    ];
    for text in untouched {
        assert_eq!(escape(text), text);
    }
    let escaped = [
        ("<b>bold</b>", "&lt;b>bold&lt;/b>"),
        ("<!-- -->", "&lt;!-- -->"),
        ("&lt; &#60; AT&T", "&amp;lt; &amp;#60; AT&amp;T"),
        ("a|b", "a&#124;b"),
        ("[x](javascript:y) ![i](z)", "\\[x\\](javascript:y) !\\[i\\](z)"),
        ("**b** _i_ a__b `c` ~~s~~", "\\*\\*b\\*\\* \\_i\\_ a\\_\\_b \\`c\\` \\~\\~s\\~\\~"),
        ("# head", "\\# head"),
        ("> quote", "\\> quote"),
        ("- item", "\\- item"),
        ("   + item", "\\+ item"),
        ("12. item", "12\\. item"),
        ("12) item", "12\\) item"),
        ("---", "\\---"),
        ("http://a.b HTTPS://a WWW.a.b", "http\\://a.b HTTPS\\://a WWW\\.a.b"),
        ("mailto:a@b.c", "mailto\\:a\\@b.c"),
        ("{{ 7*7 }} $x$", "\\{{ 7\\*7 }} \\$x\\$"),
        ("a\\*b\\", "a\\\\\\*b\\\\"),
        ("a\nb\tc", "a b c"),
        ("\u{202e}drawkcab\u{1b}[2J", "\\\\u{202e}drawkcab\\\\u{1b}\\[2J"),
    ];
    for (text, wanted) in escaped {
        assert_eq!(escape(text), wanted);
    }
    let long = escape(&"|".repeat(5_000));
    assert!(long.ends_with("&#124;… \\[cut\\]") && long.matches("&#124;").count() == 1_000);
}

/// Pieces of which somebody could put an escape out of its place, and any characters.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "\\", "|", "\n", "\r", "*", "_", "`", "<", "</td>", "<script>", "&", "&lt;", "&#124;",
            "amp;", "[", "](", ")", "![", "#", " ", "-", "- ", "1. ", "---", ">", "=", "~~", "$",
            "{{", "%}", "http", "://", "www", ".", "mailto:", "@", "\u{202e}", "\u{0}", "a", "7",
        ])
        .prop_map(str::to_owned),
        "(?s).{0,4}",
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// Signs that Markdown would interpret, read as a reader of Markdown does: an escaped one is skipped.
fn interpreted(markdown: &str) -> Vec<String> {
    let mut found = Vec::new();
    let chars: Vec<char> = markdown.chars().collect();
    let mut skipped = String::new();
    let mut at = 0;
    while let Some(c) = chars.get(at).copied() {
        let next = chars.get(at + 1).copied();
        let is_escape = c == '\\' && next.is_some_and(|next| next.is_ascii_punctuation());
        if is_escape {
            skipped.push_str("..");
            at += 2;
            continue;
        }
        let rest: String = chars[at..].iter().take(6).collect();
        let is_ours = ["&lt;", "&amp;", "&#124;"].iter().any(|entity| rest.starts_with(entity));
        let before = skipped.chars().last();
        let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let bad = match c {
            '*' | '`' | '[' | ']' | '~' | '|' | '$' | '@' | '\n' | '\r' => true,
            '_' => !(is_word(before) && is_word(next)),
            '<' => !matches!(next, Some(' ' | '=')),
            '&' => !is_ours && next.is_some_and(|next| next.is_ascii_alphanumeric() || next == '#'),
            ':' => rest.starts_with("://"),
            '.' => skipped.to_ascii_lowercase().ends_with("www"),
            '#' | '>' | '-' | '+' | ' ' => at == 0,
            '{' => next == Some('{'),
            c => !portcullis_types::text::is_plain(c),
        };
        if bad {
            found.push(format!("{c:?} at {at}"));
        }
        skipped.push(c);
        at += 1;
    }
    found
}

proptest! {
    #[test]
    fn no_text_leaves_its_cell(text in hostile()) {
        let shown = escape(&text);
        prop_assert_eq!(interpreted(&shown), Vec::<String>::new(), "{}", shown);
        prop_assert_eq!(unescaped(&shown), plain(&text), "{}", shown);
        let post = |text: &str| {
            let mut case = Case::open(ID, text.to_owned(), Millis(0));
            case.apply(Seq(7), Millis(0), &finding(1, 1, text));
            Postmortem::of(&case, &[], Millis(1)).with_names(|_, _| Some(text.to_owned()))
        };
        let (hostile, harmless) = (post(&text), post("x"));
        let (page, plain_page) = (hostile.markdown(), harmless.markdown());
        prop_assert_eq!(page.lines().count(), plain_page.lines().count());
        prop_assert_eq!(page.matches('|').count(), plain_page.matches('|').count());
        // Element by element the page is the same: only words differ, and the width of columns.
        let tags = |html: &str| -> Vec<String> {
            let tags = html.split('<').skip(1).filter_map(|part| part.split_once('>'));
            tags.map(|(tag, _)| tag.replace("wide", "narrow").replace("rest", "narrow")).collect()
        };
        prop_assert_eq!(tags(&hostile.html()), tags(&harmless.html()));
    }
}
