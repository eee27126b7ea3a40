use proptest::prelude::*;

use crate::{RuleSet, Settings, Source, json_schema, lint, run_tests, template, test_protocol};

const HEAD: &str =
    "id: t\ntitle: t\ndescription: d\nseverity: low\nfalseAlarms: none\nexplain: e\n";

/// All problems of a rule that has `rest` besides what must be there: `line:column problem | remedy`.
fn problems(rest: &str) -> String {
    let text = format!("{HEAD}{rest}");
    let source = Source { name: "t.yaml".into(), text };
    let (list, warned) = match RuleSet::compile(&[source], &test_protocol(), &Settings::default()) {
        Ok(set) => (set.warnings().to_vec(), "warning "),
        Err(list) => (list, ""),
    };
    let shown: Vec<String> = list
        .iter()
        .map(|d| format!("{warned}{}:{} {} | {}\n", d.line, d.column, d.problem, d.remedy))
        .collect();
    shown.concat()
}

const ROLE: &str = "on: {event: \"Set(bytes32 indexed role, uint8 level, int64 delta, address who, (address asset, uint256 amount)[] orders)\"}\n";

/// Conditions and a word of what is said about them; an empty word where all is well.
fn conditions(on: &str, cases: &[(&str, &str)]) {
    for (when, wanted) in cases {
        let said = problems(&format!("{on}when: |\n  {when}\n"));
        if wanted.is_empty() {
            assert_eq!(said, "", "{when}");
        } else {
            assert!(said.contains(wanted), "{when}: wanted `{wanted}`, said: {said}");
        }
    }
}

#[test]
fn types_are_checked_against_the_abi() {
    conditions(
        ROLE,
        &[
            ("args.level > 5", ""),
            ("args.levl > 5", "9:8 the signature has no argument `levl` | did you mean `level`?"),
            ("tx.form == args.who", "did you mean `from`?"),
            (
                "args.level == 300",
                "9:3 impossible comparison: a value of type uint8 lies between 0 and 255",
            ),
            ("args.level >= 0", "always true"),
            ("args.level < 0", "always false"),
            ("args.delta > 9223372036854775807", "always false"),
            ("args.delta > -5", ""),
            ("args.role == \"0x1234\"", "64 hexadecimal digits"),
            ("args.role == keccak(\"MINTER_ROLE\")", ""),
            ("args.who == \"0x5FbDB2315678afecb367f032d93F642f64180aa3\"", ""),
            ("args.who == \"0x5FbDB2315678afecb367f032d93F642f64180aA3\"", "checksum"),
            ("args.who == 5", "in quotes"),
            ("args.who == args.role", "impossible comparison of address with bytes32"),
            ("args.who == address(args.role)", ""),
            ("args.level + args.delta > 5", "signed and unsigned integers do not mix"),
            ("int(args.level) + args.delta > 5", ""),
            ("args.who > tx.from", "have no order"),
            ("args.orders.exists(o, o.amount > 10 && o.asset == args.who)", ""),
            ("args.orders.exists(o, o.amont > 10)", "did you mean `amount`?"),
            ("args.orders[0].amount > 5", ""),
            ("args.orders", "a condition must be true or false"),
            ("call.from == tx.from", "there is no single `call` here"),
            ("args.level > 1 == true", ""),
            ("foo(1)", "there is no function `foo`"),
            ("isProtokol(args.who)", "did you mean `isProtocol`?"),
            ("args.level / 0 > 1", "divides by 0"),
            ("contract(\"valt\") == args.who", "did you mean `vault`?"),
            ("usd(5) > 3", "usd(250000)"),
            ("transfers.map(t, t.usd).sum() > usd(\"5.5\")", ""),
            ("transfers.exists(t, t.amount > 5)", "amount(\"USDC\""),
            ("calls.exists(c, c.kind == \"delgatecall\")", "did you mean `delegatecall`?"),
            ("calls.exists(c, c.selector == selector(\"pause()\"))", ""),
            ("calls.exists(c, c.selector == keccak(\"pause()\"))", "never equal"),
            ("args.level in [1, 2, 300]", "impossible: 300 is no value of type uint8"),
            ("2 + 2 == 4", "always true"),
            (
                "115792089237316195423570985008687907853269984665640564039457584007913129639935 + 1 > tx.value",
                "can never be computed",
            ),
        ],
    );
}

#[test]
fn branches_that_are_never_taken_are_errors() {
    conditions(
        ROLE,
        &[
            ("args.level == 1 && args.level == 2", "9:22 unreachable branch: it contradicts"),
            ("args.level == 1 || args.level != 1", "always true"),
            ("args.level > 5 || args.level < 10", "always true"),
            ("args.level > 5 && args.level < 3", "contradicts"),
            ("args.level > 5 && args.level > 3", "always true"),
            ("args.level > 5 && args.level < 7", ""),
            ("tx.success && !tx.success", "contradicts"),
            ("tx.success && tx.success", "stands here twice"),
            ("true || tx.success", "always true"),
            ("args.level == 1 && (args.level == 2 || tx.success)", "contradicts"),
            ("args.level == 1 ? tx.success : args.level == 1", ""),
            ("args.level > 5 && (args.level < 3 ? tx.success : tx.index > 1)", "never true here"),
            ("tx.from == tx.from", "both sides are the same"),
            ("args.level != 1 && args.level != 2", ""),
            (
                "tx.to == \"0x5FbDB2315678afecb367f032d93F642f64180aa3\" && tx.to == contract(\"vault\")",
                "contradicts",
            ),
        ],
    );
}

#[test]
fn fields_of_rules_and_windows_are_checked() {
    let cases = [
        ("on: transfr\n", "did you mean `transfer`?"),
        ("on: {event: \"Foo(uint256\"}\n", "no signature"),
        ("on: transfer\nwhn: tx.success\n", "8:1 a rule has no field `whn` | did you mean `when`?"),
        ("on: transfer\ncontracts: [valt]\n", "did you mean `vault`?"),
        ("on: transfer\nlet: {a: transfer.usd}\n", "warning 8:7 `a` is never used"),
        (
            "on: transfer\nparams: {a: transfer.usd}\nwhen: a > usd(1)\n",
            "there is no name `transfer`",
        ),
        (
            "on: transfer\nwindow: {measure: sum, of: transfer.usd, over: 10m, atLeast: 5}\n",
            "usd(250000)",
        ),
        ("on: transfer\nwindow: {measure: sum, over: 10m, atLeast: 5}\n", "`of` is missing"),
        (
            "on: transfer\nwindow: {measure: count, over: 10 weeks, atLeast: 5}\n",
            "no length of a window",
        ),
        ("on: transfer\nwindow: {measure: rate, over: 10m, atLeast: 5}\n", "a rate needs `per`"),
        (
            "on: transfer\nwindow: {measure: rate, over: 10m, per: 1 block, atLeast: 5}\n",
            "both be times",
        ),
        ("on: transfer\nproof: true\neValue: 5\n", "a proof has no e-value"),
        ("on: transfer\nloss: transfer.from\n", "a loss is an amount"),
        ("on: transfer\nlists: {a: [1, x]}\nwhen: 1 in a\n", "of type string"),
    ];
    for (rest, wanted) in cases {
        let said = problems(rest);
        assert!(said.contains(wanted), "{rest}: wanted `{wanted}`, said: {said}");
    }
}

#[test]
fn params_and_lists_are_replaced_by_a_configuration() {
    let text = format!(
        "{HEAD}on: transfer\nparams: {{limit: 'usd(\"10\")'}}\nlists: {{friends: []}}\n\
         when: transfer.usd >= limit && !(transfer.to in friends)\n"
    );
    let source = Source { name: "t.yaml".into(), text };
    let compile = |limit: &str, friend: &str| {
        let params = [("t.limit".to_owned(), limit.to_owned())].into();
        let lists = [("t.friends".to_owned(), vec![friend.to_owned()])].into();
        RuleSet::compile(
            std::slice::from_ref(&source),
            &test_protocol(),
            &Settings { params, lists },
        )
    };
    assert!(compile("usd(\"5000\")", "treasury").is_ok());
    let wrong = compile("5000", "treasury").unwrap_err();
    assert!(wrong[0].problem.contains("of type usd"), "{}", wrong[0]);
}

#[test]
fn the_template_passes_its_own_tests_and_has_nothing_to_be_said_about() {
    let source = Source { name: "rules/my-rule.yaml".into(), text: template("my-rule") };
    assert_eq!(lint(&source), []);
    let results = run_tests(&source).unwrap();
    for result in results {
        assert!(result.problem.is_none(), "{}", result.problem.unwrap());
    }
}

#[test]
fn the_schema_knows_every_field_and_no_other() {
    let schema = json_schema();
    let known: Vec<&str> =
        schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    let mut fields = crate::rule::FIELDS.to_vec();
    fields.sort_unstable();
    let mut sorted = known.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, fields);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn compiling_never_panics(text in "\\PC{0,200}") {
        let source = Source { name: "t".into(), text };
        let _ = RuleSet::compile(&[source], &test_protocol(), &Settings::default());
    }

    #[test]
    fn checking_words_never_panics(words in proptest::collection::vec(proptest::sample::select(vec![
        "args.level", "args.who", "args.role", "args.orders", ".exists(o, ", ".map(x, ", ")", "(", "tx.from", "transfers", "o.amount",
        " && ", " || ", "!", " == ", " > ", " - ", " / ", " in ", "[", "]", ", ", "1", "300", "0", "-1", "\"0x\"", "usd(", "uint(",
        "address(", "bytes32(", ".sum()", ".size()", " ? ", " : ", "tx.success", "true", "x", "native", "amount(", "\"USDC\"",
        "{", "}", ".usd", "keccak(", ".slice(", "99999999999999999999999999999",
    ]), 1..24)) {
        let _ = problems(&format!("{ROLE}when: |\n  {}\n", words.concat()));
    }
}
