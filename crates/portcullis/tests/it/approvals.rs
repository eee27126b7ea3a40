//! Guardians, end to end: a wallet signs what the program prints, and the running program pulls, or holds on.

use std::{path::Path, time::Duration};

use portcullis_types::{
    action::Intent,
    approval::{ApprovalKind, ApprovalRequest},
    case_event::CaseEvent,
};

use crate::kit::{Rig, Story, portcullis, texts, without_chain};

const SCENARIO: &str = "lending-spot-oracle";
const INTERVAL_MS: u64 = 150;
/// An account of the local chain that nobody in the scenario has.
const GUARDIAN_INDEX: usize = 59;

fn asked(story: &Story, kind: ApprovalKind) -> Option<ApprovalRequest> {
    let mut asked = story.engine.approvals_asked().map(|asked| asked.request.clone());
    asked.find(|request| request.kind == kind)
}

/// What a wallet does: `eth_signTypedData_v4` of the local chain.
async fn sign(rig: &Rig, guardian: &str, typed_data: &str) -> String {
    let data: serde_json::Value = serde_json::from_str(typed_data).expect("typed data is JSON");
    let guardian = guardian.parse().expect("an address");
    rig.chain.node().sign_typed_data(guardian, &data).await.expect("signed").to_string()
}

fn approve(rig: &Rig, request: &ApprovalRequest, more: &[&str]) -> std::process::Output {
    portcullis()
        .args(["approve", "--config"])
        .arg(rig.config())
        .args(["--case", &request.case.to_string(), "--lever", &request.lever])
        .args(more)
        .output()
        .expect("the program starts")
}

fn as_text(path: &Path) -> &str {
    path.to_str().expect("a path")
}

async fn attacked(autonomy: &str) -> (Rig, String) {
    let mut rig = Rig::new(SCENARIO).await;
    let guardian = rig.chain.development_address(GUARDIAN_INDEX).expect("an account").to_string();
    let policy = format!(
        "      autonomy: {autonomy}\n      guardians: {{addresses: [\"{guardian}\"], ratifySeconds: 60}}\n"
    );
    rig.configure_with(&rig.chain.http_url(), &[("      autonomy: act\n", &policy)]);
    rig.watch().await;
    rig.play(true, 24, INTERVAL_MS).await;
    (rig, guardian)
}

#[tokio::test]
async fn a_guardians_signature_pulls_the_lever_of_a_running_program() {
    if without_chain() {
        return;
    }
    let (mut rig, guardian) = attacked("signature").await;
    rig.until("a guardian is asked", Duration::from_secs(20), |story| {
        asked(story, ApprovalKind::Pull).is_some()
    })
    .await;
    assert!(rig.pauses().await.is_empty(), "nothing is pulled unattended");
    let request = asked(&rig.story_so_far(), ApprovalKind::Pull).expect("asked");
    let (typed_data, errors, code) = texts(&approve(&rig, &request, &["--typed-data"]));
    assert_eq!(code, Some(0), "{errors}");
    let file = rig.watcher.path("signature");
    // Another account's signature is refused before it is handed over.
    let stranger =
        rig.chain.development_address(GUARDIAN_INDEX - 1).expect("an account").to_string();
    std::fs::write(&file, sign(&rig, &stranger, &typed_data).await).expect("written");
    let (_, errors, code) = texts(&approve(&rig, &request, &["--signature", as_text(&file)]));
    assert!(code == Some(2) && errors.contains("no guardian"), "{errors}");
    std::fs::write(&file, sign(&rig, &guardian, &typed_data).await).expect("written");
    let (said, errors, code) = texts(&approve(&rig, &request, &["--signature", as_text(&file)]));
    assert!(code == Some(0) && said.contains("taken"), "{said}{errors}{}", rig.watcher.log());
    rig.play(true, 6, INTERVAL_MS).await;
    rig.until("a lever holds", Duration::from_secs(20), |story| story.held_in().is_some()).await;
    // The same signature once more is worth nothing.
    let (_, errors, code) = texts(&approve(&rig, &request, &["--signature", as_text(&file)]));
    assert!(code == Some(2) && errors.contains("nobody is asked"), "{errors}");
    rig.watcher.stop().await;
    let story = rig.story();
    assert_eq!(story.actions().len(), 1);
    let given = |event: &CaseEvent| matches!(event, CaseEvent::ApprovalGiven { missing: 0, .. });
    assert!(story.events.iter().any(given));
    assert!(rig.is_paused("market").await);
}

#[tokio::test]
async fn a_pull_is_ratified_while_the_program_runs() {
    if without_chain() {
        return;
    }
    let (mut rig, guardian) = attacked("ratify").await;
    rig.until("a lever holds", Duration::from_secs(20), |story| story.held_in().is_some()).await;
    let request = asked(&rig.story_so_far(), ApprovalKind::Ratify).expect("asked");
    let (typed_data, _, _) = texts(&approve(&rig, &request, &["--typed-data"]));
    let file = rig.watcher.path("signature");
    std::fs::write(&file, sign(&rig, &guardian, &typed_data).await).expect("written");
    // A crash between the hand-over and the journal loses nothing.
    rig.watcher.kill();
    let (said, _, code) = texts(&approve(&rig, &request, &["--signature", as_text(&file)]));
    assert!(code == Some(1) && said.contains("nothing runs"), "{said}");
    rig.watch().await;
    rig.until("it is ratified", Duration::from_secs(20), |story| {
        asked(story, ApprovalKind::Ratify).is_none()
    })
    .await;
    rig.watcher.stop().await;
    let story = rig.story();
    let action = story.actions()[0];
    assert_eq!((action.intent, action.lever.hold_seconds), (Intent::Pull, 60));
    let end = story.engine.next_expiry().expect("it holds");
    assert_eq!(end.0 - action.expires.0, (3_600 - 60) * 1_000, "to the end of its time");
}
