//! Clocks that jump, and calls that wait for them.

use std::{path::PathBuf, process::Command, time::Duration};

use portcullis_case::run::EffectKind;
use serde_json::{Value as Json, json};

use super::{
    INTERVAL_MS, ROSTER, SCENARIO, SOON, TRIED_OUT, WAR, actions, attacked, attacked_over, begin,
    command, done, issued, lines, say, status, with_war,
};
use crate::{
    kit::{Rig, root, without_chain},
    telling::Receiver,
};

/// A library that moves the clock of whoever loads it, and the file that says by how much.
pub(crate) fn movable_clock(folder: &std::path::Path) -> Option<(Vec<(String, PathBuf)>, PathBuf)> {
    let (library, file) = (folder.join("offset.so"), folder.join("offset"));
    std::fs::write(&file, "0").expect("written");
    let source = root().join("crates/portcullis/tests/it/fixtures/offset.c");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&library, &source])
        .arg("-ldl")
        .status();
    if !built.is_ok_and(|status| status.success()) {
        eprintln!("skipped: no C compiler to move the clock with");
        return None;
    }
    let environment =
        vec![("LD_PRELOAD".to_owned(), library), ("CLOCK_OFFSET_FILE".to_owned(), file.clone())];
    Some((environment, file))
}

pub(crate) fn move_clock(file: &std::path::Path, seconds: i64) {
    let draft = file.with_extension("new");
    std::fs::write(&draft, seconds.to_string()).expect("written");
    std::fs::rename(&draft, file).expect("moved");
}

#[tokio::test]
async fn a_clock_that_jumps_forward_and_back_escalates_once_and_stops_nothing() {
    if without_chain() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let Some((environment, clock)) = movable_clock(folder.path()) else { return };
    let (mut rig, case) = attacked(&TRIED_OUT, environment).await;
    let run = begin(&rig, &case);
    rig.until("the page is issued", SOON, |_| issued(&rig, EffectKind::Page) == 1).await;
    move_clock(&clock, 301);
    rig.play(false, 2, INTERVAL_MS).await;
    rig.until("it is escalated", SOON, |story| !lines(story, "escalated").is_empty()).await;
    move_clock(&clock, -3_600);
    rig.play(false, 2, INTERVAL_MS).await;
    rig.caught_up(SOON).await;
    let (taken, said) = say(&rig, "ada", &command(&case, &json!({"command": "acknowledge"})));
    assert!(taken, "{said}");
    let (taken, said) = say(&rig, "ada", &done(&case, run, "lead", "ada"));
    assert!(taken, "{said}");
    rig.play(false, 6, INTERVAL_MS).await;
    rig.until("the step is done", SOON, |story| status(story, "pause") == "done").await;
    rig.watcher.kill();
    move_clock(&clock, 0);
    rig.watch().await;
    rig.caught_up(SOON).await;
    rig.watcher.stop().await;
    let story = rig.story();
    assert_eq!(lines(&story, "escalated").len(), 1, "{:?}", lines(&story, "escalated"));
    assert_eq!((actions(&story), rig.pauses().await.len()), (1, 1));
}

fn calling(hook: &str) -> String {
    format!(
        "notify:\n  channels:\n    - name: hook\n      via: {{webhook: {{url: {{file: hook.url}}, secret: {{file: \
         hook.secret}}}}}}\n      perMinute: 600\n      burst: 50\n  routes: [{{minSeverity: P5, channels: [{hook}]}}]\n  \
         roster:\n    people:\n      - {{name: ada, contacts: [{{channel: {hook}}}], roles: [responder], timezone: UTC}}\n      \
         - {{name: ben, contacts: [{{channel: {hook}}}], roles: [responder], timezone: UTC}}\n      - {{name: cleo, contacts: \
         [{{channel: {hook}}}], roles: [commander], timezone: UTC}}\n    rotations:\n      - {{role: responder, every: week, \
         start: 2026-01-05, handOver: \"09:00\", timezone: UTC, people: [ada, ben]}}\n    escalation:\n      - {{role: \
         responder, waitMinutes: 15}}\n      - {{role: responder, who: deputy, waitMinutes: 15}}\n      - {{role: commander, \
         who: everybody, waitMinutes: 15}}\n\nresponder:\n"
    )
}

/// Who was called, each as often as they were.
fn called(receiver: &Receiver) -> Vec<String> {
    let messages = receiver.messages();
    let pages =
        messages.values().map(Json::to_string).filter(|text| text.contains("you are called"));
    let mut names: Vec<String> = pages
        .filter_map(|text| {
            ["ada", "ben", "cleo"].into_iter().find(|name| {
                text.contains(&format!("page/{name}")) || text.contains(&format!("\"{name}\""))
            })
        })
        .map(str::to_owned)
        .collect();
    names.sort();
    names
}

async fn until_called(receiver: &Receiver, n: usize, rig: &Rig) {
    let deadline = std::time::Instant::now() + SOON;
    while called(receiver).len() < n {
        let all = receiver.messages();
        assert!(
            std::time::Instant::now() < deadline,
            "{:?}\n{all:#?}\n{}",
            called(receiver),
            rig.watcher.log()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn who_is_on_call_is_called_then_the_next_then_the_commander_until_somebody_answers() {
    if without_chain() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let Some((environment, clock)) = movable_clock(folder.path()) else { return };
    let receiver = Receiver::start();
    let mut rig = Rig::new(SCENARIO).await;
    for (name, value) in environment {
        rig.watcher.with(&name, &value.display().to_string());
    }
    std::fs::write(rig.watcher.path("hook.url"), &receiver.url).expect("written");
    std::fs::write(rig.watcher.path("hook.secret"), "0123456789abcdef0123456789abcdef")
        .expect("written");
    std::fs::create_dir(rig.watcher.path("playbooks")).expect("made");
    std::fs::write(rig.watcher.path("roster.yaml"), ROSTER).expect("written");
    let war = WAR.replace("responder:\n", &calling("hook"));
    rig.configure_with(&rig.chain.http_url(), &[("responder:\n", &war)]);
    rig.watch().await;
    rig.play(true, 25, INTERVAL_MS).await;
    rig.caught_up(SOON).await;
    until_called(&receiver, 1, &rig).await;
    move_clock(&clock, 15 * 60 + 5);
    rig.play(false, 1, INTERVAL_MS).await;
    until_called(&receiver, 2, &rig).await;
    // The next step comes due while the program is dead.
    rig.watcher.kill();
    move_clock(&clock, 30 * 60 + 10);
    rig.watch().await;
    until_called(&receiver, 3, &rig).await;
    let case = rig.story_so_far().engine.cases().next().expect("a case").id.to_string();
    let (taken, said) = say(&rig, "ada", &command(&case, &json!({"command": "acknowledge"})));
    assert!(taken, "{said}");
    move_clock(&clock, 50 * 60);
    rig.play(false, 2, INTERVAL_MS).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut all = called(&receiver);
    assert_eq!(all.len(), 3, "nobody is called after an answer: {all:?}");
    all.dedup();
    assert_eq!(all, ["ada", "ben", "cleo"], "each once");
    rig.watcher.stop().await;
    rig.story();
}

/// The clock is put an hour ahead, back, and passes the same hour again: every call of that hour is made once.
#[tokio::test]
async fn an_hour_that_passes_twice_calls_nobody_twice_and_forgets_nobody() {
    if without_chain() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let Some((environment, clock)) = movable_clock(folder.path()) else { return };
    let receiver = Receiver::start();
    let mut rig = with_war(environment).await;
    std::fs::write(rig.watcher.path("hook.url"), &receiver.url).expect("written");
    std::fs::write(rig.watcher.path("hook.secret"), "0123456789abcdef0123456789abcdef")
        .expect("written");
    let (node, people) = (rig.chain.http_url(), calling("hook"));
    // The roster of calls goes in front of the responder, behind the section `war`.
    let case = attacked_over(&mut rig, &node, &[("responder:\n", &people)]).await;
    until_called(&receiver, 1, &rig).await;
    move_clock(&clock, 3_600);
    rig.play(false, 2, INTERVAL_MS).await;
    until_called(&receiver, 3, &rig).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let of_the_hour = called(&receiver);
    assert!(["ada", "ben", "cleo"].iter().all(|name| of_the_hour.iter().any(|one| one == name)));
    for seconds in [0, 16 * 60, 31 * 60, 58 * 60] {
        move_clock(&clock, seconds);
        rig.play(false, 2, INTERVAL_MS).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(called(&receiver), of_the_hour, "that hour was told");
    let mut ids: Vec<_> =
        receiver.arrivals().iter().map(|one| one.body["id"].to_string()).collect();
    let n_all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), n_all, "no message twice");
    let (taken, said) = say(&rig, "ada", &command(&case, &json!({"command": "acknowledge"})));
    assert!(taken, "{said}");
    // Who took it on is called again after an hour only.
    move_clock(&clock, (58 + 50) * 60);
    rig.play(false, 2, INTERVAL_MS).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(called(&receiver), of_the_hour, "nobody is called after an answer");
    rig.caught_up(SOON).await;
    rig.watcher.stop().await;
    rig.story().assert_whole();
}
