//! The playbooks of the repository can be carried out with the sample roster.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests may fail by panicking"
)]

use std::path::PathBuf;

use portcullis_case::{
    PlaybookRun, RunEntry, RunEvent,
    playbook::{Means, Playbook, Roster, check, json_schema, read, read_roster},
    run::{Answer, EffectKind, Facts, Status},
};
use portcullis_types::ids::{CaseId, Millis, Seq};

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

/// Everybody does what is asked; levers whose step is in `broken` do not work.
fn play(playbook: &Playbook, roster: &Roster, broken: &[&str]) -> PlaybookRun {
    let place = (CaseId(Seq(1)), Seq(1), Millis(0));
    let mut run = PlaybookRun::start(place, playbook.clone(), roster.clone(), Facts::default());
    let mut seq = 1;
    let mut tell = |run: &mut PlaybookRun, event: RunEvent| {
        seq += 1;
        let entry = RunEntry { seq: Seq(seq), at: Millis(seq), event };
        run.apply(&entry).unwrap_or_else(|refusal| panic!("{refusal}"));
    };
    for _ in 0..200 {
        for (effect, _) in run.next(Millis(0)) {
            tell(&mut run, RunEvent::Issued { effect: effect.clone() });
            let by = "machine".to_owned();
            match effect.kind {
                EffectKind::StartAction => {
                    let is_broken = broken.contains(&effect.step.as_str());
                    let failure = is_broken.then(|| "it reverted".to_owned());
                    tell(&mut run, RunEvent::Ended { effect, by, failure, note: String::new() });
                }
                EffectKind::CheckPostCondition => {
                    let by = "another node".to_owned();
                    tell(&mut run, RunEvent::Checked { effect, by, answer: Answer::Holds });
                }
                _ => tell(&mut run, RunEvent::Delivered { effect }),
            }
        }
        let todo: Vec<_> = run.steps().map(|(step, state)| (step.clone(), state.clone())).collect();
        for (step, state) in todo {
            let id = step.id.clone();
            match state.status {
                Status::Ready => {
                    let who = roster.with_any(&[step.owner]).first().unwrap().name.clone();
                    tell(&mut run, RunEvent::Done { step: id, who, note: String::new() });
                }
                Status::AwaitingApproval => {
                    let approval = step.approval.unwrap();
                    let voices = roster.with_any(&approval.roles);
                    for voice in voices.into_iter().take(approval.quorum as usize) {
                        let (step, who) = (id.clone(), voice.name.clone());
                        tell(&mut run, RunEvent::Approved { step, who });
                    }
                }
                _ => {}
            }
        }
    }
    run
}

#[test]
fn every_playbook_comes_to_an_end() {
    let roster = roster();
    for playbook in playbooks() {
        let run = play(&playbook, &roster, &[]);
        assert!(run.is_over(), "{}", playbook.id);
        for (step, state) in run.steps() {
            let is_fallback = step.when.failed.is_some();
            let wanted = if is_fallback { "skipped" } else { "done" };
            assert_eq!(state.status.name(), wanted, "{}: {}", playbook.id, step.id);
        }
    }
}

#[test]
fn where_a_lever_fails_its_stand_in_takes_over() {
    let roster = roster();
    let mut n_stand_ins = 0;
    for playbook in playbooks() {
        for stand_in in playbook.steps.iter().filter(|step| step.when.failed.is_some()) {
            let failed = stand_in.when.failed.clone().unwrap();
            let run = play(&playbook, &roster, &[&failed]);
            for (step, state) in run.steps() {
                let wanted = if step.id == failed { "failed" } else { "done" };
                assert_eq!(state.status.name(), wanted, "{}: {}", playbook.id, step.id);
            }
            assert!(run.is_over(), "{}", playbook.id);
            n_stand_ins += 1;
        }
    }
    assert!(n_stand_ins >= 5, "{n_stand_ins}");
}

#[test]
fn the_example_of_the_documentation_can_be_carried_out() {
    let text = std::fs::read_to_string(root().join("docs/playbooks.md")).unwrap();
    let blocks: Vec<&str> =
        text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.len(), 2);
    let playbook = read("docs/playbooks.md", blocks[0]).unwrap_or_else(|list| panic!("{list:#?}"));
    read_roster("docs/playbooks.md", blocks[1]).unwrap_or_else(|list| panic!("{list:#?}"));
    assert_eq!(check(&playbook, &roster(), &means()), []);
}

/// `PORTCULLIS_BLESS=1 cargo test -p portcullis-case` writes it anew.
#[test]
fn the_schema_in_the_documentation_is_the_present_one() {
    let path = root().join("docs/playbook.schema.json");
    if std::env::var_os("PORTCULLIS_BLESS").is_some() {
        let text = serde_json::to_string_pretty(&json_schema()).unwrap() + "\n";
        std::fs::write(&path, text).unwrap();
    }
    // As values: in which order fields are written depends on what else is built beside it.
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    let written: serde_json::Value = serde_json::from_str(&written).unwrap();
    assert_eq!(written, json_schema());
}
