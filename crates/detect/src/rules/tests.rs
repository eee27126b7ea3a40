use portcullis_types::{
    finding::{Confidence, Finding, Maturity},
    money::Usd,
};

use crate::testing::{
    ALICE, MARKET, THIEF, USDC, VAULT, With, block, detector, error, inspect, transaction, usdc,
};

const RULE: &str = "id: big\\ntitle: t\\ndescription: d\\nseverity: high\\nmaturity: MATURITY\\nfalseAlarms: f\\non: transfer\\n\
     contracts: holders\\nparams: {limit: 'usd(\\\"1000\\\")'}\\nlists: {friends: []}\\neValue: 50\\nloss: transfer.amount\\n\
     when: transfer.usd >= limit && isHolder(transfer.from) && !(transfer.to in friends)\\n\
     explain: '{transfer.amount} left {transfer.from}'\\n";
const WINDOW: &str = "---\\nid: often\\ntitle: t\\ndescription: d\\nseverity: low\\nfalseAlarms: f\\non: transfer\\neValue: 10\\n\
     window: {measure: count, over: 5 blocks, by: transfer.to, atLeast: 3}\\nexplain: '{key} {measure}'\\n";

fn config(rules: &str, more: &str) -> String {
    format!(
        "{{\"detector\": \"rules\", \"rules\": [{{\"name\": \"a.yaml\", \"text\": \"{rules}\"}}]{more}}}"
    )
}

#[test]
fn a_rule_becomes_a_finding_of_its_own_name() {
    let rule = RULE.replace("MATURITY", "stable");
    let mut rules = detector(&config(&format!("{rule}{WINDOW}"), ""));
    let evidence = transaction()
        .moves(USDC, VAULT, THIEF, usdc(1_500))
        .moves(USDC, VAULT, THIEF, usdc(2_000))
        .moves(USDC, MARKET, THIEF, usdc(10));
    let found = inspect(rules.as_mut(), &evidence);
    let [big, often] = &found[..] else { panic!("{found:?}") };
    assert_eq!(
        (big.detector.as_str(), big.contract, big.maturity),
        ("rules/big", VAULT, Maturity::Stable)
    );
    assert_eq!(big.loss, Usd::dollars(3_500));
    assert_eq!(big.sentence, "1,500 USDC left vault (and 1 more)");
    assert_eq!(big.confidence, Confidence::evidence(25.0), "two rules share the weight");
    assert_eq!((often.detector.as_str(), often.maturity), ("rules/often", Maturity::Sandbox));
    assert_ne!(big.key, often.key);
    let other = transaction().at(2, 24).moves(USDC, VAULT, THIEF, usdc(5));
    assert_eq!(inspect(rules.as_mut(), &other), Vec::<Finding>::new(), "the window has spoken");
}

#[test]
fn windows_are_taken_back() {
    let mut rules = detector(&config(WINDOW.trim_start_matches("---\\n"), ""));
    let at = |number| transaction().at(number, number * 12).moves(USDC, VAULT, ALICE, usdc(1));
    assert_eq!(inspect(rules.as_mut(), &at(1)).len() + inspect(rules.as_mut(), &at(2)).len(), 0);
    rules.retract(&[block(2, 1)]);
    assert_eq!(inspect(rules.as_mut(), &at(3)).len(), 0);
    assert_eq!(inspect(rules.as_mut(), &at(4)).len(), 1);
}

#[test]
fn maturity_is_only_lowered_and_settings_are_taken() {
    let rule = RULE.replace("MATURITY", "stable");
    let evidence = transaction().moves(USDC, VAULT, ALICE, usdc(1_500));
    let found = |more: &str| inspect(detector(&config(&rule, more)).as_mut(), &evidence);
    assert_eq!(found(", \"maturity\": \"incubating\"")[0].maturity, Maturity::Incubating);
    assert_eq!(found(", \"params\": {\"big.limit\": \"usd(2000)\"}").len(), 0);
    assert_eq!(found(&format!(", \"lists\": {{\"big.friends\": [\"{ALICE}\"]}}")).len(), 0);
    let cases = [
        (config(&rule, ", \"params\": {\"big.limt\": \"usd(2000)\"}"), "no rule has this setting"),
        (config(&rule, ", \"params\": {\"big.limit\": \"2000\"}"), "of type usd"),
        (
            config(&rule.replace("transfer.usd", "transfer.us"), ""),
            "a.yaml:13:16: `transfer` has no field `us`; did you mean `usd`?",
        ),
        ("{\"detector\": \"rules\", \"rules\": [\"rules/a.yaml\"]}".into(), "was not read"),
        ("{\"detector\": \"rules\", \"rules\": []}".into(), "there are no rules"),
    ];
    for (json, wanted) in cases {
        let said = error(&json);
        assert!(said.contains(wanted), "{json}: {said}");
    }
}

#[test]
fn a_missing_answer_is_said_and_not_repeated() {
    let rule = RULE
        .replace("MATURITY", "sandbox")
        .replace("transfer.usd >= limit", "transfer.usd > limit && 5 / transfer.amount.raw > 2");
    let mut rules = detector(&config(&rule, ""));
    let mut counts = Vec::new();
    for number in 1..=8 {
        let mut evidence = transaction().at(number, 12);
        evidence = evidence.moves(USDC, VAULT, ALICE, usdc(2_000));
        evidence.known.logs = number % 2 == 0;
        counts.push(inspect(rules.as_mut(), &evidence).len());
    }
    assert_eq!(counts, [1, 0, 1, 0, 0, 0, 1, 0], "at 1, 2 and 4 unseen transactions");
}
