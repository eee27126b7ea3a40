//! The brakes are tested beside detection: what stops working is told once, and told again when it is back.

use std::time::Duration;

use alloy_primitives::{Bytes, keccak256};
use portcullis_engine::Event;
use portcullis_types::brake::{BrakeAlert, Standing};

use serde_json::json;

use crate::kit::{Rig, ask, run, texts, without_chain};

const SCENARIO: &str = "lending-spot-oracle";
const EVERY: (&str, &str) = ("responder:\n", "selfTest: {everySeconds: 1}\n\nresponder:\n");
const LEVER: &str = "lever pause-market";

/// What the journal told of the lever, in order.
fn told(rig: &Rig) -> Vec<Standing> {
    let alerts = rig.story_so_far().brakes;
    alerts.iter().filter(|one| one.brake == LEVER).map(|one: &BrakeAlert| one.standing).collect()
}

/// Grants the responder's role, or revokes it, as the market's admin.
async fn change_role(rig: &Rig, function: &str) {
    let admin = rig.chain.development_address(0).expect("an account");
    let address =
        |name: &str| rig.world.value(name).expect("a name").address().expect("an address");
    let role = keccak256("PAUSER_ROLE");
    let selector = keccak256(function);
    let account = rig.world.responder().expect("a responder").into_word();
    let data = Bytes::from([&selector[..4], &role[..], &account[..]].concat());
    let fields = json!([{"from": admin, "to": address("market"), "data": data, "gas": "0x30d40"}]);
    ask(rig.chain.address(), "eth_sendTransaction", &fields);
    rig.chain.mine(None).await.expect("mined");
}

/// Stops the chain's process, or lets it go on.
fn signal(rig: &Rig, signal: &str) {
    let pid = rig.chain.pid().to_string();
    let sent = std::process::Command::new("kill").args([signal, &pid]).status().expect("kill");
    assert!(sent.success());
}

async fn until(rig: &mut Rig, expect: &[Standing]) {
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while told(rig) != expect {
        rig.watcher.assert_running();
        let log = rig.watcher.log();
        assert!(std::time::Instant::now() < deadline, "{:?}, not {expect:?}\n{log}", told(rig));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_role_that_is_taken_away_is_told_once_and_again_when_it_is_back() {
    if without_chain() {
        return;
    }
    let mut rig = Rig::new(SCENARIO).await;
    rig.configure_with(&rig.chain.http_url(), &[EVERY]);
    rig.watch().await;
    rig.until("it was tested", Duration::from_secs(20), |story| story.self_tests == 1).await;
    assert_eq!(told(&rig), []);

    change_role(&rig, "revokeRole(bytes32,address)").await;
    until(&mut rig, &[Standing::Broken]).await;
    // Some more tests of the same standing say nothing new.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!((told(&rig), rig.story_so_far().self_tests), (vec![Standing::Broken], 2));
    let config = rig.config().display().to_string();
    let (said, _, code) = texts(&run(&["case", "list", "--config", &config]));
    assert!(code == Some(0) && said.contains("NO lever pause-market since"), "{said}");
    let (json, _, _) = texts(&run(&["case", "list", "--json", "--config", &config]));
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let brakes = json["brakes"]["lending-market"].as_array().expect("brakes");
    let lever = brakes.iter().find(|one| one["brake"] == LEVER).expect("the lever");
    assert_eq!(lever["standing"], "broken", "{json}");

    change_role(&rig, "grantRole(bytes32,address)").await;
    until(&mut rig, &[Standing::Broken, Standing::Works]).await;
    let log = rig.watcher.log();
    assert!(
        log.contains("ALERT: brakes: lever pause-market of lending-market does not work"),
        "{log}"
    );
    assert!(log.contains("brakes: lever pause-market of lending-market works again"), "{log}");

    // The pull was refused while the role was gone. It is not held to that: the attack comes, and the lever is pulled.
    rig.play_until_held(35, 50).await;
    assert!(rig.is_paused("market").await);
    rig.watcher.stop().await;
    // Reading it whole checks that the journal gives the same answers again.
    let story = rig.story();
    let alerts: Vec<_> = story.brakes.iter().filter(|one| one.brake == LEVER).collect();
    assert_eq!(alerts.len(), 2, "{alerts:?}");
}

#[tokio::test]
async fn a_node_that_is_gone_is_neither_works_nor_broken() {
    if without_chain() {
        return;
    }
    let mut rig = Rig::new(SCENARIO).await;
    rig.configure_with(&rig.chain.http_url(), &[EVERY]);
    rig.watch().await;
    rig.until("it was tested", Duration::from_secs(20), |story| story.self_tests == 1).await;
    signal(&rig, "-STOP");
    until(&mut rig, &[Standing::Unseen]).await;
    signal(&rig, "-CONT");
    until(&mut rig, &[Standing::Unseen, Standing::Works]).await;
    rig.watcher.stop().await;
    assert!(rig.story().brakes.iter().all(|one| one.standing != Standing::Broken));
}

/// Journals of before know nothing of it.
#[test]
fn an_old_answer_reads_as_before() {
    let old = r#"{"caseEvents":[],"effects":[]}"#;
    let output: portcullis_engine::StepOutput = serde_json::from_str(old).expect("read");
    assert_eq!(serde_json::to_string(&output).expect("written"), old);
    let event = Event::SelfTested { protocol: "bank".to_owned(), checks: Vec::new() };
    let text = serde_json::to_string(&event).expect("written");
    assert_eq!(text, r#"{"event":"selfTested","protocol":"bank","checks":[]}"#);
}
