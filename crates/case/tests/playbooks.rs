//! The playbooks of the repository can be carried out with the sample roster.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail by panicking")]

use std::path::PathBuf;

use portcullis_case::playbook::{Means, Playbook, Roster, check, json_schema, read, read_roster};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn roster() -> Roster {
    let text = std::fs::read_to_string(root().join("playbooks/sample/roster.yaml")).unwrap();
    read_roster("roster.yaml", &text).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn playbooks() -> Vec<Playbook> {
    let mut playbooks = Vec::new();
    for entry in std::fs::read_dir(root().join("playbooks")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            let read = read(&name, &text);
            let playbook = read.unwrap_or_else(|problems| {
                let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
                panic!("{shown:#?}")
            });
            assert_eq!(name, format!("{}.yaml", playbook.id), "named after its id");
            playbooks.push(playbook);
        }
    }
    playbooks.sort_by(|a, b| a.id.cmp(&b.id));
    playbooks
}

/// What a configuration with these levers offers.
fn means() -> Means {
    let levers = [
        ("vault-throttle", true),
        ("vault-pause", true),
        ("market-pause", true),
        ("bridge-pause", true),
        ("protocol-pause", true),
        ("timelock-cancel", false),
    ];
    let queries = [
        "attacker-allowances",
        "attacker-holdings",
        "bridge-accounting",
        "control-plane",
        "oracle-prices",
    ];
    let addresses = ["vault", "market", "bridge", "timelock", "treasury-safe"];
    Means {
        levers: levers.map(|(name, releases)| (name.to_owned(), releases)).into(),
        queries: queries.map(str::to_owned).into(),
        addresses: addresses.map(str::to_owned).into(),
    }
}

#[test]
fn all_eight_pass_with_the_sample_roster() {
    let (playbooks, roster, means) = (playbooks(), roster(), means());
    let ids: Vec<&str> = playbooks.iter().map(|playbook| playbook.id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "bridge-forgery",
            "dependency-failure",
            "drain-in-progress",
            "false-alarm",
            "front-end-compromise",
            "key-compromise",
            "malicious-proposal",
            "oracle-manipulation"
        ]
    );
    for playbook in &playbooks {
        let faults: Vec<String> =
            check(playbook, &roster, &means).iter().map(ToString::to_string).collect();
        assert_eq!(faults, Vec::<String>::new());
        assert!(playbook.steps.len() >= 8, "{}", playbook.id);
    }
}

#[test]
fn every_playbook_needs_the_people_it_names() {
    let (mut roster, means) = (roster(), means());
    roster.people.retain(|person| person.name == "ada");
    for playbook in playbooks() {
        assert!(!check(&playbook, &roster, &means).is_empty(), "{}", playbook.id);
    }
}

/// `PORTCULLIS_BLESS=1 cargo test -p portcullis-case` writes it anew.
#[test]
fn the_schema_in_the_documentation_is_the_present_one() {
    let path = root().join("docs/playbook.schema.json");
    let wanted = serde_json::to_string_pretty(&json_schema()).unwrap() + "\n";
    if std::env::var_os("PORTCULLIS_BLESS").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), wanted);
}
