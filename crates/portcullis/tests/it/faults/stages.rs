//! `kill -9` while an action is in each of its stages.

use std::time::{Duration, Instant};

use portcullis_range::{Fault, FaultProxy};
use portcullis_types::action::Outcome;

use super::{INTERVAL_MS, SCENARIO, STRIKE, contained};
use crate::kit::{Rig, Story, Watcher, without_chain};

/// A world just before the first strike. No further block comes until the test plays one.
async fn before_the_strike() -> (Rig, FaultProxy) {
    let mut rig = Rig::new(SCENARIO).await;
    let proxy = FaultProxy::spawn(&rig.chain.http_url()).await.expect("a proxy");
    rig.configure(&proxy.url());
    rig.watch().await;
    rig.play(true, STRIKE - 1, INTERVAL_MS).await;
    rig.caught_up(super::CATCH_UP).await;
    (rig, proxy)
}

/// Plays one strike after the other until an action was asked for.
async fn until_asked(rig: &mut Rig) {
    loop {
        rig.play(true, 1, 0).await;
        rig.caught_up(super::CATCH_UP).await;
        if !rig.story_so_far().actions().is_empty() {
            return;
        }
    }
}

/// Kills as soon as the journal says so, and starts again.
async fn kill_when(rig: &mut Rig, what: &str, is_so: impl Fn(&Story) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !is_so(&rig.story_so_far()) {
        assert!(Instant::now() < deadline, "it is not so that {what}:\n{}", rig.watcher.log());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    rig.watcher.kill();
    let story = rig.story_so_far();
    eprintln!("killed as {what}: the journal ends with {:?}", stage(story.outcomes().last()));
    assert!(story.held_in().is_none(), "not too late");
}

fn stage(outcome: Option<&&Outcome>) -> String {
    let words = format!("{outcome:?}");
    words.replace("Some(", "").split([' ', '(', ')']).next().unwrap_or_default().to_owned()
}

fn is_at(story: &Story, stage: fn(&Outcome) -> bool) -> bool {
    story.outcomes().last().is_some_and(|outcome| stage(outcome))
}

async fn go_on(rig: &mut Rig) {
    rig.watch().await;
    rig.play(true, 10, INTERVAL_MS).await;
    let story = contained(rig).await;
    assert_eq!(story.actions().len(), 1, "one action");
    let nonces = story.outcomes().into_iter().filter_map(|outcome| match outcome {
        Outcome::Prepared { nonce, .. } => Some(*nonce),
        _ => None,
    });
    let mut nonces: Vec<u64> = nonces.collect();
    nonces.dedup();
    assert_eq!(nonces.len(), 1, "one nonce (ACT-1)");
}

#[tokio::test]
async fn killed_when_asked() {
    if without_chain() {
        return;
    }
    let (mut rig, proxy) = before_the_strike().await;
    // Without nonces the action cannot begin.
    proxy.set(Fault::ErrorFor { method: "eth_getTransactionCount".to_owned() });
    until_asked(&mut rig).await;
    kill_when(&mut rig, "asked for", |story| !story.actions().is_empty()).await;
    assert_eq!(rig.story_so_far().outcomes(), [] as [&Outcome; 0], "nothing was begun");
    proxy.clear();
    go_on(&mut rig).await;
}

#[tokio::test]
async fn killed_when_rehearsed() {
    if without_chain() {
        return;
    }
    let (mut rig, _proxy) = before_the_strike().await;
    let signer = rig.watcher.hold_signer();
    until_asked(&mut rig).await;
    let rehearsed = |story: &Story| is_at(story, |one| matches!(one, Outcome::Rehearsed(_)));
    kill_when(&mut rig, "rehearsed", rehearsed).await;
    // It signs for nobody now, and ends.
    Watcher::release_signer(signer);
    go_on(&mut rig).await;
}

#[tokio::test]
async fn killed_when_prepared() {
    if without_chain() {
        return;
    }
    let (mut rig, proxy) = before_the_strike().await;
    proxy.set(Fault::ErrorFor { method: "eth_sendRawTransaction".to_owned() });
    until_asked(&mut rig).await;
    let prepared = |story: &Story| is_at(story, |one| matches!(one, Outcome::Prepared { .. }));
    kill_when(&mut rig, "prepared", prepared).await;
    proxy.clear();
    go_on(&mut rig).await;
}

#[tokio::test]
async fn killed_when_sent() {
    if without_chain() {
        return;
    }
    let (mut rig, _proxy) = before_the_strike().await;
    until_asked(&mut rig).await;
    let sent = |story: &Story| is_at(story, |one| matches!(one, Outcome::Sent { .. }));
    kill_when(&mut rig, "sent", sent).await;
    // It is mined while nobody looks.
    rig.play(true, 2, INTERVAL_MS).await;
    go_on(&mut rig).await;
}

#[tokio::test]
async fn killed_when_mined() {
    if without_chain() {
        return;
    }
    let (mut rig, proxy) = before_the_strike().await;
    until_asked(&mut rig).await;
    rig.until("it is sent", super::CATCH_UP, |story| {
        is_at(story, |one| matches!(one, Outcome::Sent { .. }))
    })
    .await;
    // Without views nobody can say whether it holds.
    proxy.set(Fault::ErrorFor { method: "eth_call".to_owned() });
    rig.play(true, 1, 0).await;
    let mined = |story: &Story| is_at(story, |one| matches!(one, Outcome::Mined { .. }));
    kill_when(&mut rig, "mined", mined).await;
    proxy.clear();
    go_on(&mut rig).await;
}

/// The strikes go while the pause is on its way: it is let through, once.
#[tokio::test]
async fn the_attack_is_unsaid_when_the_pause_is_sent() {
    if without_chain() {
        return;
    }
    let (mut rig, _proxy) = before_the_strike().await;
    until_asked(&mut rig).await;
    rig.until("it is sent", super::CATCH_UP, |story| {
        is_at(story, |one| matches!(one, Outcome::Sent { .. }))
    })
    .await;
    let strikes = rig.head().await.id.number + 1 - rig.world.set_up_end_block() - STRIKE;
    rig.chain.reorg(strikes).await.expect("re-organised");
    rig.until("the strikes are taken back", super::CATCH_UP, |story| story.findings().0 == 0).await;
    rig.play(true, 12, INTERVAL_MS).await;
    let story = contained(&mut rig).await;
    assert!(story.findings().1 > 0, "what was un-said is taken back (DET-2)");
}
