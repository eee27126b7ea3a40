//! The console of the running program, over HTTP as browsers and other programs use it: who is let in, what is taken once,
//! what is refused, and that a signature that comes this way pulls a lever.

mod client;
mod room;
mod wallet;

use std::time::Duration;

use portcullis_types::case_event::CaseEvent;
use serde_json::{Value as Json, json};

use self::client::{Door, Person};
use crate::kit::{Rig, Story, without_chain};

const SCENARIO: &str = "lending-spot-oracle";
const INTERVAL_MS: u64 = 150;
const SOON: Duration = Duration::from_secs(40);

/// The account of dora, which is a contract's.
const CONTRACT: &str = "0x00000000000000000000000000000000000C0dE1";

/// Accounts of the local chain that nobody in the scenario has.
const GUARDIAN: usize = 59;
const ADA: usize = 58;
const BEN: usize = 57;
const CLEO: usize = 56;
const STRANGER: usize = 55;

const ALERTS_TOKEN: &str = "alerts-0123456789abcdef0123456789abcdef";
const VIEWER_TOKEN: &str = "viewer-0123456789abcdef0123456789abcdef";

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
    approval: {roles: [signer], quorum: 1}
    postCondition: {address: funds, function: "paused()", expected: "true"}
    dependsOn: [lead]
"#;

/// Writes the configuration with a console, people and tokens, with these parts replaced besides; and watches.
async fn opened(replaced: &[(&str, &str)]) -> (Rig, Door) {
    let mut rig = Rig::new(SCENARIO).await;
    let door = Door::new();
    let account = |index| rig.chain.development_address(index).expect("an account").to_string();
    let (ada, ben, cleo) = (account(ADA), account(BEN), account(CLEO));
    let roster = format!(
        "people:\n  - {{name: ada, roles: [incidentCommander], signer: \"{ada}\"}}\n  - {{name: ben, roles: \
         [protocolEngineer], signer: \"{ben}\"}}\n  - {{name: cleo, roles: [communications], signer: \"{cleo}\"}}\n  - {{name: dora, \
         roles: [communications], signer: \"{CONTRACT}\"}}\nlevers: {{stop: pause-market}}\naddresses: {{funds: market}}\n"
    );
    std::fs::create_dir(rig.watcher.path("playbooks")).expect("made");
    for (name, text) in [
        ("playbooks/drain.yaml", PLAYBOOK),
        ("roster.yaml", roster.as_str()),
        ("alerts.token", ALERTS_TOKEN),
        ("viewer.token", VIEWER_TOKEN),
    ] {
        std::fs::write(rig.watcher.path(name), text).expect("written");
    }
    let sections = format!(
        "war:\n  roster: roster.yaml\n  playbooks: [playbooks]\n\nconsole:\n  listen: {0}\n  origin: http://{0}\n  access: \
         {{ada: commander, ben: commander}}\n  publicStatus: true\n  tokens:\n    - {{name: prometheus, file: alerts.token, \
         access: alerts}}\n    - {{name: grafana, file: viewer.token, access: viewer}}\n\nresponder:\n",
        door.address
    );
    let mut all = vec![("responder:\n", sections.as_str())];
    all.extend(replaced);
    rig.configure_with(&rig.chain.http_url(), &all);
    rig.watch().await;
    (rig, door)
}

/// The account's own key: what a wallet holds.
fn key(rig: &Rig, index: usize) -> alloy_primitives::B256 {
    rig.chain.development_key(index).expect("a key")
}

/// What a wallet answers to `eth_signTypedData_v4`.
async fn sign(rig: &Rig, index: usize, typed_data: &Json) -> String {
    let account = rig.chain.development_address(index).expect("an account");
    rig.chain.node().sign_typed_data(account, typed_data).await.expect("signed").to_string()
}

fn pulls(story: &Story) -> usize {
    let is_action = |event: &&CaseEvent| matches!(event, CaseEvent::ActionIssued { .. });
    story.events.iter().filter(is_action).count()
}

/// How many of two answers were taken; the other must say who or what was faster.
fn one_of_two(answers: &[(u16, Json)]) {
    let taken = answers.iter().filter(|(status, _)| *status == 200).count();
    let refused = answers.iter().find(|(status, _)| *status == 409);
    assert!(taken == 1 && refused.is_some(), "{answers:#?}");
    let (_, body) = refused.expect("one was refused");
    assert_eq!(body["error"]["code"], "conflict", "{body:#}");
    assert!(body["error"]["message"].as_str().is_some_and(|why| !why.is_empty()), "{body:#}");
}

async fn case_of(door: &Door) -> String {
    for _ in 0..300 {
        let (status, cases) = door.as_viewer("cases").await;
        assert_eq!(status, 200, "{cases:#}");
        if let Some(id) = cases["items"][0]["id"].as_str() {
            return id.to_owned();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no case is shown");
}

#[tokio::test]
async fn a_guardians_signature_over_http_pulls_the_lever_once() {
    if without_chain() {
        return;
    }
    let guardian = {
        let chain = portcullis_range::Chain::spawn(portcullis_range::ChainOptions::default());
        let chain = chain.await.expect("anvil; run: make setup");
        chain.development_address(GUARDIAN).expect("an account").to_string()
    };
    let policy = format!(
        "      autonomy: signature\n      guardians: {{addresses: [\"{guardian}\"], ratifySeconds: 60}}\n"
    );
    let (mut rig, door) = opened(&[("      autonomy: act\n", &policy)]).await;
    rig.play(true, 24, INTERVAL_MS).await;
    rig.until("a guardian is asked", SOON, |story| story.engine.approvals_asked().count() > 0)
        .await;
    let case = case_of(&door).await;
    let ada = Person::sign_in(&door, key(&rig, ADA)).await.expect("she is in the roster");
    let ben = Person::sign_in(&door, key(&rig, BEN)).await.expect("he is in the roster");
    let (status, said) = ada.command(&case, &json!({"command": "acknowledge"})).await;
    assert_eq!(status, 200, "{said:#}");
    let (status, asked) = ada.get(&format!("cases/{case}/approvals")).await;
    assert_eq!((status, asked["items"].as_array().map(Vec::len)), (200, Some(1)), "{asked:#}");
    let request = &asked["items"][0];
    let body = |signature: String| {
        json!({
            "kind": request["kind"], "case": case, "lever": request["lever"],
            "decision": request["decision"], "signature": signature,
        })
    };
    let path = format!("cases/{case}/approvals");
    // Whatever is no guardian's signature over exactly this counts for nothing.
    let strange = body(sign(&rig, STRANGER, &request["typedData"]).await);
    assert_eq!(ada.post(&path, &strange).await.0, 403);
    let own = body(sign(&rig, ADA, &request["typedData"]).await);
    assert_eq!(ada.post(&path, &own).await.0, 403, "a commander's session is no guardian");
    let mut other = request["typedData"].clone();
    other["message"]["decision"] = json!("999999");
    assert_eq!(ada.post(&path, &body(sign(&rig, GUARDIAN, &other).await)).await.0, 403);
    assert_eq!(ada.post(&path, &body("0x00".to_owned())).await.0, 400);
    assert!(rig.pauses().await.is_empty(), "nothing was pulled so far");
    // Two operators hand the same signature in at the same time.
    let good = body(sign(&rig, GUARDIAN, &request["typedData"]).await);
    one_of_two(&<[_; 2]>::from(tokio::join!(ada.post(&path, &good), ben.post(&path, &good))));
    rig.play(true, 6, INTERVAL_MS).await;
    rig.until("a lever holds", SOON, |story| story.held_in().is_some()).await;
    let (status, again) = ben.post(&path, &good).await;
    assert_eq!(status, 409, "a signature is worth something once: {again:#}");
    rig.watcher.stop().await;
    let story = rig.story();
    assert_eq!((pulls(&story), rig.pauses().await.len()), (1, 1));
    let given = |event: &&CaseEvent| matches!(event, CaseEvent::ApprovalGiven { .. });
    assert_eq!(story.events.iter().filter(given).count(), 1);
    assert!(rig.is_paused("market").await);
}

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

fn step<'a>(playbooks: &'a Json, id: &str) -> &'a Json {
    let steps = playbooks["runs"][0]["steps"].as_array().expect("steps");
    steps.iter().find(|step| step["id"] == id).expect("the step")
}

#[tokio::test]
async fn of_two_operators_at_once_one_is_taken_and_nothing_is_done_twice() {
    if without_chain() {
        return;
    }
    let (mut rig, door) = opened(&TRIED_OUT).await;
    rig.play(true, 25, INTERVAL_MS).await;
    rig.caught_up(SOON).await;
    assert!(!rig.is_paused("market").await, "the machine looked on");
    let case = case_of(&door).await;
    let ada = Person::sign_in(&door, key(&rig, ADA)).await.expect("signed in");
    // The same person twice is two sessions.
    let also_ada = Person::sign_in(&door, key(&rig, ADA)).await.expect("signed in");
    let ben = Person::sign_in(&door, key(&rig, BEN)).await.expect("signed in");
    let triage = json!({"command": "triage", "note": "it is real"});
    let both = tokio::join!(ada.command(&case, &triage), ben.command(&case, &triage));
    one_of_two(&<[_; 2]>::from(both.clone()));
    let refused = if both.0.0 == 409 { &both.0.1 } else { &both.1.1 };
    let allowed = refused["error"]["allowed"].to_string();
    assert!(allowed.contains("declare") && !allowed.contains("triage"), "{refused:#}");
    let (path, begin) = (format!("cases/{case}/playbooks"), json!({"playbook": "drain"}));
    let both = tokio::join!(ada.post(&path, &begin), ben.post(&path, &begin));
    one_of_two(&<[_; 2]>::from(both.clone()));
    let taken = if both.0.0 == 200 { both.0.1 } else { both.1.1 };
    let run = taken["seq"].as_u64().expect("a number");
    let at = |step: &str| format!("cases/{case}/playbooks/{run}/steps/{step}");
    let (lead, pause) = (at("lead"), at("pause"));
    let done = json!({"do": "done", "text": "so"});
    one_of_two(&<[_; 2]>::from(tokio::join!(ada.post(&lead, &done), ben.post(&lead, &done))));
    let ready = |story: &Story| {
        let case = story.engine.cases().next().expect("a case").id;
        let run = story.engine.runs(case).next().expect("a run").1;
        run.step("pause").expect("the step").status.name() == "awaitingApproval"
    };
    rig.until("it waits for agreement", SOON, ready).await;
    let asked = ada.until(&path, |found| step(found, "pause")["typedData"].is_object()).await;
    let typed = &step(&asked, "pause")["typedData"];
    assert_eq!(ada.post(&pause, &json!({"do": "approve"})).await.0, 400, "a click is not enough");
    let agree = |signature: String| json!({"do": "approve", "signature": signature});
    let strange = agree(sign(&rig, BEN, typed).await);
    assert_eq!(ada.post(&pause, &strange).await.0, 400, "signed by somebody else");
    let good = agree(sign(&rig, ADA, typed).await);
    assert_ne!(ben.post(&pause, &good).await.0, 200, "he is no signer, whoever signed");
    let both = tokio::join!(ada.post(&pause, &good), also_ada.post(&pause, &good));
    one_of_two(&<[_; 2]>::from(both));
    rig.play(false, 6, INTERVAL_MS).await;
    let is_done = |story: &Story| {
        let case = story.engine.cases().next().expect("a case").id;
        let run = story.engine.runs(case).next().expect("a run").1;
        run.step("pause").expect("the step").status.name() == "done"
    };
    rig.until("the step is done", SOON, is_done).await;
    assert_eq!(ada.post(&pause, &good).await.0, 409, "a signature is worth something once");
    rig.watcher.stop().await;
    let story = rig.story();
    assert_eq!((pulls(&story), rig.pauses().await.len()), (1, 1));
    let case = story.engine.cases().next().expect("a case");
    let count = |what: &str| case.timeline.iter().filter(|line| line.what == what).count();
    assert_eq!(count("triage, now triaged"), 1);
    assert_eq!(story.engine.runs(case.id).count(), 1);
}
