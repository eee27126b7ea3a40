use proptest::prelude::*;

use super::*;
use crate::ast::print;

#[test]
fn expressions_are_read_with_their_places() {
    let cases = [
        ("tx.from == a", "tx.from == a"),
        ("1+2*3 -  4", "1 + 2 * 3 - 4"),
        ("(1+2)*3", "(1 + 2) * 3"),
        ("!(a && b) || c", "!(a && b) || c"),
        ("-5 < -x", "-5 < -x"),
        ("a ? b : c ? d : e", "a ? b : c ? d : e"),
        ("x.exists(v, v.y[0] in [1, 2])", "x.exists(v, v.y[0] in [1, 2])"),
        ("115792089237316195423570985008687907853269984665640564039457584007913129639935", ""),
        ("0xffffffffffffffffffffffff > a", "79228162514264337593543950335 > a"),
        ("{\"a\": 1}[\"a\"] == 1", "{\"a\": 1}[\"a\"] == 1"),
    ];
    for (text, wanted) in cases {
        let shown = print(&parse(text).unwrap_or_else(|e| panic!("{text}: {e:?}")));
        assert_eq!(shown, if wanted.is_empty() { text } else { wanted });
    }
    let text = "foo( bar.baz , 5 )";
    let ExprKind::Call { args, .. } = parse(text).unwrap().kind else { panic!("no call") };
    assert_eq!(&text[args[0].place.clone()], "bar.baz");
}

#[test]
fn what_is_no_expression_is_refused_where_it_stands() {
    let cases = [
        ("a = b", 2, "`==`"),
        ("1.5 > a", 0, "usd("),
        ("a == null", 5, "null"),
        ("a and b", 2, "`&&`"),
        ("", 0, "empty"),
        (
            "11579208923731619542357098500868790785326998466564056403945758400791312963993600",
            0,
            "256",
        ),
    ];
    for (text, at, word) in cases {
        let problem = parse(text).expect_err(text);
        assert_eq!(problem.place.start, at, "{text}: {problem:?}");
        let said = format!("{} {}", problem.what, problem.remedy);
        assert!(said.contains(word), "{text}: {said}");
    }
}

#[test]
fn nothing_nests_or_chains_without_end() {
    for part in [
        "-", "!", "(", "[", "{", "f(", "1+", "a.", "a?", "a?a:", "a&&", "\"", "x.map(v,", "a[",
        "//",
    ] {
        for length in [40, 70, 500, 4_096] {
            let text: String = part.repeat(length).chars().take(EXPRESSION_BYTES_MAX).collect();
            let _ = parse(&text);
            let _ = parse(&format!("{text}a"));
        }
    }
    assert!(parse(&format!("a{}", "[0]".repeat(100))).is_err());
}

/// Expressions in the normal form that printing gives: no sign follows on a sign of its kind (CEL drops pairs of them).
fn expression() -> impl Strategy<Value = Expr> {
    let of = |kind| Expr { kind, place: 0..0 };
    let leaf = prop_oneof![
        any::<bool>().prop_map(ExprKind::Bool),
        any::<[u64; 4]>().prop_map(|limbs| ExprKind::Int(U256::from_limbs(limbs))),
        any::<u8>().prop_map(|small| ExprKind::Int(U256::from(small))),
        "[a-z \\\\\"'{}\n\u{e9}\u{1f600}]{0,8}".prop_map(ExprKind::Text),
        proptest::collection::vec(any::<u8>(), 0..4).prop_map(ExprKind::Bytes),
        "(tx|args|foo_[a-z]{1,3})".prop_map(ExprKind::Name),
    ]
    .prop_map(of);
    leaf.prop_recursive(4, 24, 3, move |inner| {
        let boxed = inner.clone().prop_map(Box::new);
        let operators = proptest::sample::select(Operator::ALL.to_vec());
        prop_oneof![
            (boxed.clone(), "f[a-z]{1,3}_").prop_map(|(a, name)| ExprKind::Field(a, name)),
            (boxed.clone(), boxed.clone()).prop_map(|(a, b)| ExprKind::Index(a, b)),
            (operators, boxed.clone(), boxed.clone())
                .prop_map(|(o, a, b)| ExprKind::Binary(o, a, b)),
            boxed.clone().prop_map(|a| match a.kind {
                ExprKind::Not(_) => a.kind,
                _ => ExprKind::Not(a),
            }),
            boxed.prop_map(|a| match a.kind {
                ExprKind::Negate(_) => a.kind,
                ExprKind::Int(value) if value.is_zero() => a.kind,
                _ => ExprKind::Negate(a),
            }),
            [inner.clone(), inner.clone(), inner.clone()]
                .prop_map(|p| ExprKind::Choose(Box::new(p))),
            proptest::collection::vec(inner.clone(), 0..3).prop_map(ExprKind::List),
            proptest::collection::vec((inner.clone(), inner.clone()), 0..3).prop_map(ExprKind::Map),
            (proptest::option::of(inner.clone()), proptest::collection::vec(inner, 0..3)).prop_map(
                |(target, args)| ExprKind::Call {
                    name: "g_".to_owned(),
                    target: target.map(Box::new),
                    args
                }
            ),
        ]
        .prop_map(of)
    })
}

/// CEL makes `a && b && c` a balanced tree, so that the order of brackets of one operator is not kept.
fn flat(text: &str) -> String {
    text.replace(['(', ')'], "")
}

proptest! {
    #[test]
    fn printing_is_undone_by_reading(wanted in expression()) {
        let text = print(&wanted);
        prop_assume!(text.len() <= EXPRESSION_BYTES_MAX);
        let read = parse(&text).map_err(|e| TestCaseError::fail(format!("{text}: {e:?}")))?;
        if text.contains("&&") || text.contains("||") {
            prop_assert_eq!(flat(&print(&read)), flat(&text));
            let again = print(&parse(&print(&read)).unwrap());
            prop_assert_eq!(flat(&again), flat(&text));
        } else {
            prop_assert_eq!(&read, &wanted, "{}", text);
        }
    }

    #[test]
    fn reading_never_panics(text in "\\PC{0,60}") {
        let _ = parse(&text);
    }

    #[test]
    fn reading_words_never_panics(words in proptest::collection::vec(proptest::sample::select(vec![
        "a", ".", "(", ")", "[", "]", "{", "}", ",", "?", ":", "&&", "||", "!", "-", "+", "in", "==", "<", "0x", "1",
        "99999999999999999999", "'", "\"", "\"\"\"", "r'", "b\"", "\\", "//", "\n", "exists", "null", "1.5", "é", " ", "`a`",
    ]), 0..30)) {
        let _ = parse(&words.concat());
    }
}
