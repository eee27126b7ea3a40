//! The incident in the running program: people's words, playbooks that pull levers, calls; and the faults that must neither
//! lose anything nor do it twice.

pub(crate) mod clock;
mod kills;

use std::{io::Read as _, path::PathBuf, process::Command, time::Duration};

use portcullis::store::{Body, Journal, read_export};
use portcullis_case::{RunEvent, run::EffectKind};
use portcullis_engine::Event;
use portcullis_types::case_event::CaseEvent;
use serde_json::{Value as Json, json};

use crate::kit::{Rig, Story, Watcher, portcullis, root, run, texts, without_chain};

const SCENARIO: &str = "lending-spot-oracle";
const INTERVAL_MS: u64 = 150;
const SOON: Duration = Duration::from_secs(40);

const PLAYBOOK: &str = r#"
id: drain
title: Funds are leaving
version: 1
severity: P1
description: For tests.
triggers: {detectors: [gross-outflow]}
roles:
  - {role: incidentCommander, people: 1, duties: leads}
  - {role: protocolEngineer, people: 1, duties: builds}
undoApproval: {roles: [incidentCommander, protocolEngineer], quorum: 2}
steps:
  - {id: lead, title: Lead, owner: incidentCommander, clock: {minutes: 5, escalate: protocolEngineer}, instructions: go, kind: checklist, checklist: [go]}
  - id: pause
    title: Pause
    owner: protocolEngineer
    clock: {minutes: 5, escalate: incidentCommander}
    instructions: pause
    kind: action
    lever: stop
    undo: {instructions: the owner unpauses}
    postCondition: {address: funds, function: "paused()", expected: "true"}
    dependsOn: [lead]
"#;

const ROSTER: &str = r"
people:
  - {name: ada, roles: [incidentCommander]}
  - {name: ben, roles: [protocolEngineer]}
levers: {stop: pause-market}
addresses: {funds: market}
";

const WAR: &str = "war:\n  roster: roster.yaml\n  playbooks: [playbooks]\n\nresponder:\n";

/// No finding of a detector that is tried out pulls a lever: the machine looks on, and people act.
const TRIED_OUT: [(&str, &str); 2] = [
    (
        "      - detector: gross-outflow\n",
        "      - detector: gross-outflow\n        maturity: incubating\n",
    ),
    (
        "      - detector: invariant\n",
        "      - detector: invariant\n        maturity: incubating\n",
    ),
];

/// Watches with the section `war`, and plays the attack.
async fn attacked(more: &[(&str, &str)], environment: Vec<(String, PathBuf)>) -> (Rig, String) {
    let mut rig = with_war(environment).await;
    let node = rig.chain.http_url();
    let case = attacked_over(&mut rig, &node, more).await;
    (rig, case)
}

/// A world, a roster and a playbook.
async fn with_war(environment: Vec<(String, PathBuf)>) -> Rig {
    let mut rig = Rig::new(SCENARIO).await;
    for (name, value) in environment {
        rig.watcher.with(&name, &value.display().to_string());
    }
    std::fs::create_dir(rig.watcher.path("playbooks")).expect("made");
    std::fs::write(rig.watcher.path("playbooks/drain.yaml"), PLAYBOOK).expect("written");
    std::fs::write(rig.watcher.path("roster.yaml"), ROSTER).expect("written");
    rig
}

/// Watches over the node at `rpc`, plays the attack, and gives back its case.
async fn attacked_over(rig: &mut Rig, rpc: &str, more: &[(&str, &str)]) -> String {
    let mut replaced = vec![("responder:\n", WAR)];
    replaced.extend(more);
    rig.configure_with(rpc, &replaced);
    rig.watch().await;
    rig.play(true, 25, INTERVAL_MS).await;
    rig.caught_up(SOON).await;
    rig.story_so_far().engine.cases().next().expect("a case").id.to_string()
}

fn order(rig: &Rig, who: &str, order: &Json) -> Command {
    let mut command = portcullis();
    command.args(["case", "say", "--json", "--as", who, &order.to_string(), "--config"]);
    command.arg(rig.config());
    command
}

fn say(rig: &Rig, who: &str, what: &Json) -> (bool, String) {
    let (said, errors, code) = texts(&order(rig, who, what).output().expect("it runs"));
    assert!(matches!(code, Some(0 | 1)), "{said}{errors}\n{}", rig.watcher.log());
    (code == Some(0), said)
}

fn command(case: &str, what: &Json) -> Json {
    json!({"order": "command", "case": case, "command": {"who": "", "when": 0, "what": what}})
}

/// Begins the playbook; gives back its run.
fn begin(rig: &Rig, case: &str) -> u64 {
    let (taken, said) =
        say(rig, "ada", &json!({"order": "startPlaybook", "case": case, "playbook": "drain"}));
    assert!(taken, "{said}");
    serde_json::from_str::<Json>(&said).expect("JSON")["seq"].as_u64().expect("a number")
}

fn done(case: &str, run: u64, step: &str, who: &str) -> Json {
    let event = json!({"run": "done", "step": step, "who": who, "note": "so"});
    json!({"order": "playbook", "case": case, "run": run, "event": event})
}

fn status(story: &Story, step: &str) -> &'static str {
    let case = story.engine.cases().next().expect("a case").id;
    let found = story.engine.runs(case).next().and_then(|(_, run)| run.step(step));
    found.map_or("none", |state| state.status.name())
}

fn lines(story: &Story, what: &str) -> Vec<String> {
    let case = story.engine.cases().next().expect("a case");
    case.timeline.iter().filter(|line| line.what == what).map(|line| line.text.clone()).collect()
}

/// Effects of one kind that were issued.
fn issued(rig: &Rig, wanted: EffectKind) -> usize {
    let mut n = 0;
    let journal = Journal::open_to_read(&rig.watcher.journal()).expect("a journal");
    let each = journal.each(|record| -> anyhow::Result<()> {
        if let Ok(Body::Event(event)) = record.parse()
            && let Event::Playbook { event: RunEvent::Issued { effect }, .. } = *event
            && effect.kind == wanted
        {
            n += 1;
        }
        Ok(())
    });
    each.expect("readable");
    n
}

fn actions(story: &Story) -> usize {
    let is_action = |event: &&CaseEvent| matches!(event, CaseEvent::ActionIssued { .. });
    story.events.iter().filter(is_action).count()
}

#[tokio::test]
async fn a_kill_in_the_middle_of_a_playbooks_action_loses_nothing_and_does_nothing_twice() {
    if without_chain() {
        return;
    }
    let (mut rig, case) = attacked(&TRIED_OUT, Vec::new()).await;
    assert!(!rig.is_paused("market").await, "the machine looked on\n{}", rig.watcher.log());
    let run = begin(&rig, &case);
    // Nothing is signed: the action begins, and does not end.
    let signer = rig.watcher.hold_signer();
    let (taken, said) = say(&rig, "ada", &done(&case, run, "lead", "ada"));
    assert!(taken, "{said}");
    rig.until("the lever is ordered", SOON, |story| actions(story) == 1).await;
    assert_eq!(status(&rig.story_so_far(), "pause"), "running");
    rig.watcher.kill();
    Watcher::release_signer(signer);
    assert!(rig.pauses().await.is_empty(), "it died before it was sent");

    rig.watch().await;
    rig.play(false, 6, INTERVAL_MS).await;
    rig.until("the step is done", SOON, |story| status(story, "pause") == "done").await;
    let (taken, said) = say(&rig, "ada", &done(&case, run, "lead", "ada"));
    assert!(!taken && said.contains("the step is done"), "{said}");
    rig.watcher.stop().await;
    let story = rig.story();
    assert_eq!((actions(&story), issued(&rig, EffectKind::StartAction)), (1, 1));
    assert_eq!(issued(&rig, EffectKind::CheckPostCondition), 1);
    assert_eq!(rig.pauses().await.len(), 1, "{}", rig.watcher.log());
    assert!(rig.is_paused("market").await);
    let checked = lines(&story, "checked");
    assert!(checked.iter().any(|line| line.contains("as it should be, says node")), "{checked:?}");
    whole_case_leaves_and_verifies(&rig, &case);
}

/// Post-mortem, exports and bundle of a real case.
fn whole_case_leaves_and_verifies(rig: &Rig, case: &str) {
    let (out, file) = (rig.watcher.path("out"), rig.watcher.path("case.tar"));
    let config = rig.config().display().to_string();
    let at = |args: &[&str]| {
        let all: Vec<&str> = args.iter().copied().chain(["--config", &config]).collect();
        let (said, errors, code) = texts(&run(&all));
        assert_eq!(code, Some(0), "{args:?}: {said}{errors}");
        said
    };
    let text = |path: &std::path::Path| path.display().to_string();
    at(&["case", "postmortem", case, "--out", &text(&out)]);
    let page = std::fs::read_to_string(out.join(format!("{case}.html"))).expect("written");
    assert!(page.contains("Five whys") && page.contains("<table>") && !page.contains("<script"));
    for format in ["cacao", "stix", "ocsf"] {
        let said = at(&["case", "export", case, "--format", format]);
        assert!(serde_json::from_str::<Json>(&said).is_ok(), "{format}: {said}");
    }
    let shown = at(&["case", "show", case]);
    assert!(shown.contains("playbook drain") && shown.contains("done"), "{shown}");
    let listed = at(&["case", "list"]);
    assert!(
        listed.contains("stage") && listed.contains("containing") || listed.contains("contained"),
        "{listed}"
    );
    for whole in [&["--whole"][..], &[]] {
        let made: Vec<&str> = ["case", "bundle", case, "--out"].into_iter().collect();
        let path = text(&file);
        let made: Vec<&str> =
            made.into_iter().chain([path.as_str()]).chain(whole.iter().copied()).collect();
        let said = at(&made);
        let head =
            said.lines().find_map(|line| line.strip_prefix("head: ")).expect("a head").to_owned();
        let (said, errors, code) =
            texts(&self::run(&["case", "verify", &path, "--expect-head", &head]));
        assert_eq!(code, Some(0), "{said}{errors}");
        let mut bytes = std::fs::read(&file).expect("readable");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&file, bytes).expect("written");
        let (said, _, code) = texts(&self::run(&["case", "verify", &path]));
        assert!(code == Some(1) && said.starts_with("NOT verified: "), "{said}");
    }
    let (said, errors, code) = texts(&self::run(&["playbook", "check", "--config", &config]));
    assert_eq!(code, Some(0), "{said}{errors}");
    assert!(
        said.contains("1 playbooks checked (against people, levers and addresses): 0 problems"),
        "{said}"
    );
}

#[tokio::test]
async fn of_two_people_at_once_one_is_taken_and_the_other_is_told() {
    if without_chain() {
        return;
    }
    let (mut rig, case) = attacked(&TRIED_OUT, Vec::new()).await;
    // What does not fit people, levers and times is refused, and the record stays as it is.
    let nonsense = [
        (json!({"command": "began", "at": 4_102_444_800_000_u64, "how": "?"}), "cannot have begun"),
        (json!({"command": "blocked", "lever": "foo", "users": 40}), "name one of: pause-market"),
        (json!({"command": "assign", "role": "scribe", "to": "eve"}), "nobody in the roster"),
    ];
    for (what, why) in nonsense {
        let (taken, said) = say(&rig, "ada", &command(&case, &what));
        assert!(!taken && said.contains(why), "{said}");
    }
    let words = [
        ("ada", json!({"command": "falsePositive", "why": "a drill"})),
        ("ben", json!({"command": "falsePositive", "why": "a test"})),
    ];
    let children: Vec<_> = words
        .iter()
        .map(|(who, what)| {
            let mut command = order(&rig, who, &command(&case, what));
            command.stdout(std::process::Stdio::piped()).spawn().expect("it runs")
        })
        .collect();
    let said: Vec<_> = children
        .into_iter()
        .map(|child| texts(&child.wait_with_output().expect("it ends")))
        .collect();
    let mut codes: Vec<_> = said.iter().map(|(_, _, code)| *code).collect();
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(1)], "{said:?}");
    let refused = said.iter().find(|(_, _, code)| *code == Some(1)).expect("one");
    assert!(refused.0.contains("the case is falsePositive"), "{}", refused.0);
    let (taken, said) = say(&rig, "eve", &command(&case, &json!({"command": "acknowledge"})));
    assert!(!taken && said.contains("not in the roster"), "{said}");
    rig.watcher.stop().await;
    let story = rig.story();
    assert_eq!(lines(&story, "falsePositive, now falsePositive").len(), 1);
}

#[test]
fn a_journal_from_before_there_were_commands_still_leads_to_the_same_decisions() {
    let path = root().join("crates/portcullis/tests/it/fixtures/journal-before-commands.jsonl.gz");
    let file = std::fs::File::open(path).expect("the fixture");
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).expect("readable");
    let verified = read_export(text.as_bytes()).expect("it is in order");
    assert!(verified.outputs >= 5 && verified.decisions >= 1, "{verified:?}");
}
