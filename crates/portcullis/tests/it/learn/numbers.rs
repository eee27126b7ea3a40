//! Numbers of rules, from the past to the lines of the configuration.

use std::fs;

use serde_json::{Value, json};

use super::{CONFIG, Stage, checks_offline, learn};

const RULE: &str = r#"id: payment
title: Much is paid
description: Much is paid out of the pool.
severity: low
falseAlarms: none
on: transfer
params: {limit: 'usd("10")'}
when: isHolder(transfer.from) && transfer.usd > limit
explain: "{transfer.usd} left"
tests:
  - {name: much, fires: true, evidence: {transfer: {asset: USDC, from: vault, to: $a, amount: "50"}}}
  - {name: little, fires: false, evidence: {transfer: {asset: USDC, from: vault, to: $a, amount: "5"}}}
"#;

#[test]
fn numbers_of_rules_are_proposed_where_the_rules_are_configured() {
    let stage = Stage::set();
    fs::create_dir(stage.path("rules")).unwrap();
    let silent =
        RULE.replace("id: payment", "id: silent").replace("usd(\"10\")", "usd(\"1000000\")");
    fs::write(stage.path("rules/payment.yaml"), format!("{RULE}---\n{silent}")).unwrap();
    let rules = "      - detector: rules\n        rules: [rules]\n        params:\n          payment.limit: 'usd(\"20\")'\n";
    let config = CONFIG.replace("    policy: {}", &format!("{rules}    policy: {{}}"));
    fs::write(stage.path("portcullis.yaml"), &config).unwrap();
    let (past, path, out) =
        (stage.text("past.jsonl"), stage.text("portcullis.yaml"), stage.text("proposed"));
    let learnt = learn(&["--recording", &past, "--config", &path, "--until", "80", "--out", &out]);
    let [limit, silent] = learnt["thresholds"].as_array().unwrap().as_slice() else {
        panic!("{learnt}")
    };
    // All of them pay 100 dollars: 100 is quiet, 200 is proposed.
    assert_eq!(
        limit["falseAlarmsNow"],
        "80 of 80 (100.00 %, at most 100.00 % with 95 % confidence)"
    );
    assert_eq!(
        (&limit["now"], &limit["proposed"]),
        (&json!("usd(\"20\")"), &json!("usd(\"200\")"))
    );
    assert_eq!(silent["proposed"], Value::Null, "{silent}");
    assert_eq!(silent["reason"], "the rule never spoke, whatever the value");
    assert_eq!(learnt["rest"]["alarmed"], 0, "{learnt}");

    let diff = fs::read_to_string(stage.path("proposed/proposal.diff")).unwrap();
    let proposed = fs::read_to_string(stage.path("proposed/portcullis.yaml")).unwrap();
    for part in [
        "-          payment.limit: 'usd(\"20\")'\n+          payment.limit: 'usd(\"200\")'\n",
        "# Rule payment, limit = usd(\"20\"), spoke of 80 of 80",
        "#   usd(\"200\") is proposed; false alarms of numbers chosen so: 0 of 64",
        "#   No other value is proposed: the rule never spoke",
    ] {
        assert!(diff.contains(part), "{part} is not in\n{diff}");
    }
    assert_eq!(learnt["thresholdsLeftOut"], 0);

    // Where the text cannot be changed, the diff says so instead of leaving it out.
    let inline = config.replace(
        "params:\n          payment.limit: 'usd(\"20\")'\n",
        "params: {payment.limit: 'usd(\"20\")'}\n",
    );
    assert_ne!(inline, config);
    fs::write(stage.path("portcullis.yaml"), inline).unwrap();
    learn(&["--recording", &past, "--config", &path, "--until", "80", "--out", &out]);
    let diff = fs::read_to_string(stage.path("proposed/proposal.diff")).unwrap();
    assert!(diff.contains("# Not set,") && diff.contains("one a line: payment.limit;"), "{diff}");

    fs::write(stage.path("portcullis.yaml"), proposed).unwrap();
    fs::rename(stage.path("proposed/learned"), stage.path("learned")).unwrap();
    checks_offline(&stage.path("portcullis.yaml"));
}
