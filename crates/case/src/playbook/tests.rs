use proptest::prelude::*;

use super::*;

const GOOD: &str = r#"id: small
title: A small one
version: 1
severity: P1
description: For tests.
triggers: {classes: [drain]}
roles:
  - {role: incidentCommander, people: 1, duties: leads}
  - {role: protocolEngineer, people: 1, duties: builds}
undoApproval: {roles: [incidentCommander, protocolEngineer], quorum: 2}
steps:
  - id: pause
    title: Pause
    owner: protocolEngineer
    clock: {minutes: 5, escalate: incidentCommander}
    instructions: pause
    kind: action
    lever: stop
    undo: release
    postCondition: {address: funds, function: "paused()", expected: "true"}
  - id: wider
    title: Pause all
    owner: protocolEngineer
    clock: {minutes: 5, escalate: incidentCommander}
    instructions: pause
    kind: checklist
    checklist: [call the owners]
    dependsOn: [pause]
    when: {failed: pause}
"#;

const ROSTER: &str = r#"
people:
  - {name: ada, roles: [incidentCommander], signer: "0x00000000000000000000000000000000000000a1"}
  - {name: ben, roles: [protocolEngineer], signer: "0x00000000000000000000000000000000000000a2"}
levers: {stop: vault-pause}
addresses: {funds: vault}
"#;

fn means() -> Means {
    Means {
        levers: [("vault-pause".to_owned(), true), ("cancel".to_owned(), false)].into(),
        queries: ["loss".to_owned()].into(),
        addresses: ["vault".to_owned()].into(),
    }
}

fn problems(text: &str) -> Vec<String> {
    match read("small.yaml", text) {
        Ok(_) => Vec::new(),
        Err(list) => list.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn a_good_playbook_is_read_and_passes() {
    let playbook = read("small.yaml", GOOD).unwrap();
    assert_eq!(playbook.steps.len(), 2);
    assert_eq!(playbook.steps[1].line, 21);
    let roster = read_roster("roster.yaml", ROSTER).unwrap();
    assert_eq!(check(&playbook, &roster, &means()), []);
    assert!(playbook.is_for("any", "drain", crate::Severity::P4));
    assert!(!playbook.is_for("any", "dust", crate::Severity::P1));
    let stored = serde_json::to_string(&playbook).unwrap();
    assert_eq!(serde_json::from_str::<Playbook>(&stored).unwrap(), playbook);
}

#[test]
fn problems_name_file_line_column_field_and_remedy() {
    let cases = [
        (
            "owner: protocolEngineer\n    clock: {minutes: 5, escalate: incidentCommander}\n    instructions: pause\n    kind: action",
            "owner: protocolEnginer\n    clock: {minutes: 0, escalate: incidentCommander}\n    instructions: pause\n    kind: acton",
            vec![
                "small.yaml:14:12: steps[0].owner: `protocolEnginer` is not known here; did you mean `protocolEngineer`?",
                "small.yaml:15:22: steps[0].clock.minutes: `0` is no whole number from 1 to 43200; write one",
                "small.yaml:17:11: steps[0].kind: `acton` is not known here; did you mean `action`?",
            ],
        ),
        ("version: 1\n", "", vec!["small.yaml:1:1: version: is missing; add `version: …`"]),
        (
            "title: A small one",
            "titel: A small one",
            vec![
                "small.yaml:1:1: title: is missing; add `title: …`",
                "small.yaml:2:1: titel: there is no such field; did you mean `title`?",
            ],
        ),
        (
            "id: small",
            "id: Small one",
            vec![
                "small.yaml:1:5: id: this is no id; write at most 80 of a to z, 0 to 9 and dashes, as in `pause-withdrawals`",
            ],
        ),
        (
            "undo: release",
            "undo: {}",
            vec![
                "small.yaml:19:11: steps[0].undo: there is one way to undo, or none; write `release`, `{instructions: how}` or `{impossible: why}`",
            ],
        ),
        (
            "function: \"paused()\"",
            "function: paused",
            vec![
                "small.yaml:20:20: steps[0].postCondition.function: this is no view call; write the name and its arguments in brackets, as in `paused()`",
            ],
        ),
        (
            "severity: P1",
            "severity: &a P1",
            vec![
                "small.yaml:4:14: file: anchors, aliases and tags are no part of a playbook; write the value out, in quotes if it begins with `&`, `*` or `!`",
            ],
        ),
        (
            "version: 1",
            "version: 1\nversion: 2",
            vec!["small.yaml:4:1: file: `version` stands here twice; remove one of them"],
        ),
        (
            "triggers: {classes: [drain]}",
            "triggers: []",
            vec!["small.yaml:6:11: triggers: the list is empty; write at least one element"],
        ),
    ];
    for (good, bad, wanted) in cases {
        assert!(GOOD.contains(good), "{good}");
        assert_eq!(problems(&GOOD.replacen(good, bad, 1)), wanted, "{bad}");
    }
}

#[test]
fn what_cannot_be_carried_out_is_told() {
    let cases = [
        (
            "  - {role: protocolEngineer, people: 1, duties: builds}\n",
            "",
            "owner: protocolEngineer is not among",
        ),
        ("people: 1, duties: builds", "people: 2, duties: builds", "needs 2 people, 1 are there"),
        ("quorum: 2", "quorum: 3", "3 must agree and only 2 can"),
        ("lever: stop", "lever: stopp", "there is no lever `stopp`"),
        ("    undo: release\n", "", "a lever without a way back"),
        ("lever: stop", "lever: cancel", "the machine cannot let it go"),
        (
            "    postCondition: {address: funds, function: \"paused()\", expected: \"true\"}\n",
            "",
            "nobody looks whether it worked",
        ),
        ("address: funds", "address: fund", "there is no address `fund`"),
        ("minutes: 5", "minutes: 16", "a first step of a P1 or P2 has 16 minutes"),
        (
            "escalate: incidentCommander}\n    instructions: pause\n    kind: action",
            "escalate: protocolEngineer}\n    instructions: pause\n    kind: action",
            "whoever did not answer",
        ),
        (
            "dependsOn: [pause]",
            "dependsOn: [pauze, pause]",
            "there is no step `pauze`; did you mean `pause`?",
        ),
        ("    postCondition:", "    dependsOn: [wider]\n    postCondition:", "a circle"),
        ("failed: pause", "failed: wider", "add `wider` to `dependsOn`"),
        ("failed: pause", "classes: [dust]", "no trigger leads to class `dust`"),
        ("- id: wider", "- id: pause", "two steps have this id"),
        ("kind: checklist\n    checklist: [call the owners]", "kind: approval", "nobody is asked"),
        ("lever: stop\n    undo: release", "query: gain", "nothing answers `gain`"),
    ];
    let roster = read_roster("roster.yaml", ROSTER).unwrap();
    for (good, bad, wanted) in cases {
        assert!(GOOD.contains(good), "{good}");
        let playbook = read("small.yaml", &GOOD.replacen(good, bad, 1)).unwrap();
        let faults = check(&playbook, &roster, &means());
        let shown: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert!(shown.iter().any(|fault| fault.contains(wanted)), "{wanted}: {shown:#?}");
    }
}

#[test]
fn a_step_that_can_never_come_about_is_told() {
    let stuck = GOOD.replacen("dependsOn: [pause]\n", "dependsOn: [pause, between]\n", 1)
        + "  - id: between\n    title: Between\n    owner: protocolEngineer\n    clock: {minutes: 5, escalate: incidentCommander}\n    instructions: wait\n    kind: checklist\n    checklist: [wait]\n    dependsOn: [pause]\n";
    let roster = read_roster("roster.yaml", ROSTER).unwrap();
    let faults = check(&read("small.yaml", &stuck).unwrap(), &roster, &means());
    assert_eq!(
        faults.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "small:21: step wider: dependsOn: `between` never comes about when `pause` fails; do not depend on `between`"
        ]
    );
}

#[test]
fn rosters_name_their_problems_and_count_keys() {
    let twice = ROSTER.replace("00a2", "00a1");
    let roster = read_roster("roster.yaml", &twice).unwrap();
    let approval = Approval { roles: vec![Role::Signer], quorum: 2 };
    assert_eq!(roster.voices(&approval), 1, "one key is one voice");
    for (good, bad, wanted) in [
        ("name: ben", "name: ada", "the name stands here twice"),
        ("[protocolEngineer]", "[signer]", "a key makes a signer"),
        ("0x00000000000000000000000000000000000000a2", "0xa2", "this is no address"),
        ("levers: {stop: vault-pause}", "levers: [stop]", "a map is needed"),
    ] {
        let problems = read_roster("roster.yaml", &ROSTER.replacen(good, bad, 1)).unwrap_err();
        assert!(problems.iter().any(|one| one.to_string().contains(wanted)), "{problems:?}");
    }
}

/// Whether a value fits a schema, as far as this schema language goes.
fn fits(value: &serde_json::Value, schema: &serde_json::Value) -> bool {
    if let Some(options) = schema["oneOf"].as_array() {
        return options.iter().filter(|option| fits(value, option)).count() == 1;
    }
    if let Some(words) = schema["enum"].as_array() {
        return words.contains(value);
    }
    if let Some(constant) = schema.get("const") {
        return value == constant;
    }
    let required = schema["required"].as_array().into_iter().flatten();
    match value {
        serde_json::Value::Object(map) => {
            required.into_iter().all(|key| map.contains_key(key.as_str().unwrap_or("")))
                && map.iter().all(|(key, value)| {
                    schema["properties"].get(key).is_some_and(|schema| fits(value, schema))
                })
        }
        serde_json::Value::Array(list) => {
            schema["type"] == "array" && list.iter().all(|value| fits(value, &schema["items"]))
        }
        serde_json::Value::Number(_) => {
            schema["type"] == "integer" || schema["type"].as_array().is_some()
        }
        _ => schema["type"] == "string" || schema["type"].as_array().is_some(),
    }
}

/// What a YAML reader that knows numbers makes of a file.
fn json(tree: &yaml::Tree) -> serde_json::Value {
    match &tree.value {
        yaml::Yaml::Scalar { text, plain } => match text.parse::<u64>() {
            Ok(number) if *plain => number.into(),
            _ => text.clone().into(),
        },
        yaml::Yaml::List(list) => list.iter().map(json).collect(),
        yaml::Yaml::Map(entries) => entries
            .iter()
            .map(|(key, value)| (key.text.clone(), json(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}

#[test]
fn the_schema_and_the_reader_agree() {
    let schema = json_schema();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../playbooks");
    let mut texts = vec![GOOD.to_owned()];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            texts.push(std::fs::read_to_string(path).unwrap());
        }
    }
    assert!(texts.len() >= 9);
    for text in texts {
        let value = json(&yaml::read(&text).unwrap());
        assert!(fits(&value, &schema), "{}", value["id"]);
    }
    for bad in [
        GOOD.replacen("kind: action", "kind: act", 1),
        GOOD.replacen("version: 1\n", "", 1),
        GOOD.replacen("undo: release", "undo: {how: so}", 1),
        GOOD.replacen("lever: stop", "levr: stop", 1),
    ] {
        assert!(!fits(&json(&yaml::read(&bad).unwrap()), &schema));
        assert!(read("small.yaml", &bad).is_err());
    }
}

proptest! {
    #[test]
    fn hostile_files_are_refused_without_harm(text in "(?s).{0,200}", cut in 0_usize..1_500, word in "[ -~é\u{202e}\u{1b}]{0,12}") {
        let _ = read("a", &text);
        let _ = read_roster("a", &text);
        // A good file that is broken somewhere.
        let mut at = cut.min(GOOD.len());
        while !GOOD.is_char_boundary(at) {
            at -= 1;
        }
        let broken = format!("{}{word}{}", &GOOD[..at], &GOOD[at..]);
        if let Err(list) = read("a\u{1b}", &broken) {
            prop_assert!(!list.is_empty() && list.len() <= PROBLEMS_MAX);
            for one in list {
                let shown = one.to_string();
                prop_assert!(one.line >= 1 && one.column >= 1 && !one.remedy.is_empty());
                prop_assert!(!shown.contains('\u{1b}') && !shown.contains('\u{202e}'), "{shown:?}");
            }
        }
    }
}
