//! An attack that is seen in the pool, before it is in a block.

use std::time::Duration;

use portcullis_types::{case_event::CaseEvent, finding::FindingStatus};

use crate::kit::{Rig, Story, without_chain};

const SCENARIO: &str = "lending-spot-oracle";
/// The block of the first strike, counted from 1 after the set-up.
const STRIKE: u64 = 21;
/// How long a transaction waits for its block while the strike comes: as on a real chain, some seconds.
const SLOW_MS: u64 = 3_000;

const WATCH_POOL: (&str, &str) =
    ("    confirmedDepth: 2\n", "    confirmedDepth: 2\n    pending: true\n");
const RACE: (&str, &str) = ("      autonomy: act\n", "      autonomy: act\n      onPending: act\n");

/// Plays up to the strike quickly, and from there on slowly.
async fn play(rig: &mut Rig, replaced: &[(&str, &str)], attack: bool) {
    rig.configure_with(&rig.chain.http_url(), replaced);
    rig.watch().await;
    rig.play(attack, STRIKE - 2, 150).await;
    rig.caught_up(Duration::from_secs(20)).await;
    rig.play(attack, 5, SLOW_MS).await;
}

/// Where the first event of a kind stands.
fn place(story: &Story, is_it: impl Fn(&CaseEvent) -> bool) -> Option<usize> {
    story.events.iter().position(is_it)
}

fn is_foreseen(event: &CaseEvent) -> bool {
    matches!(event, CaseEvent::FindingForeseen { .. })
}

#[tokio::test]
async fn a_pending_attack_is_raced_where_the_policy_says_so() {
    if without_chain() {
        return;
    }
    let mut rig = Rig::new(SCENARIO).await;
    play(&mut rig, &[WATCH_POOL, RACE], true).await;
    rig.until("a lever holds", Duration::from_secs(20), |story| story.held_in().is_some()).await;
    rig.caught_up(Duration::from_secs(20)).await;
    rig.watcher.stop().await;
    let story = rig.story();
    let strike = rig.world.set_up_end_block() + STRIKE;
    let pauses = rig.pauses().await;
    println!(
        "strike due in block {strike}, pause in {pauses:?}, thefts found in {:?}",
        story.found_in()
    );
    let foreseen = place(&story, is_foreseen).unwrap_or_else(|| panic!("{}", rig.watcher.log()));
    let issued = place(&story, |event| matches!(event, CaseEvent::ActionIssued { .. })).unwrap();
    let raised = place(&story, |event| matches!(event, CaseEvent::FindingRaised { .. }));
    assert!(
        foreseen < issued && raised.is_none_or(|raised| issued < raised),
        "{:#?}",
        story.events
    );
    // The pause pays more and stands before the strike in its block: nothing was taken.
    assert_eq!(pauses, [strike], "{}", rig.watcher.log());
    assert!(story.found_in().is_empty(), "{:?}", story.found_in());
    assert!(rig.is_paused("market").await);
    // What never happened goes away after a while.
    let mut rig = rig;
    rig.watch().await;
    rig.play(false, 26, 150).await;
    rig.caught_up(Duration::from_secs(20)).await;
    rig.watcher.stop().await;
    for case in rig.story().engine.cases() {
        assert_eq!(case.pending_findings().count(), 0, "{:#?}", case.timeline);
    }
}

#[tokio::test]
async fn a_pending_attack_is_told_and_counts_once_it_happened() {
    if without_chain() {
        return;
    }
    let mut rig = Rig::new(SCENARIO).await;
    play(&mut rig, &[WATCH_POOL], true).await;
    rig.until("a lever holds", Duration::from_secs(20), |story| story.held_in().is_some()).await;
    rig.caught_up(Duration::from_secs(20)).await;
    rig.watcher.stop().await;
    let story = rig.story();
    story.assert_whole();
    let keys =
        |wanted: &dyn Fn(&CaseEvent) -> Option<portcullis_types::ids::FindingKey>| -> Vec<_> {
            story.events.iter().filter_map(wanted).collect()
        };
    let foreseen = keys(&|event| match event {
        CaseEvent::FindingForeseen { finding, .. } => Some(finding.key),
        _ => None,
    });
    let raised = keys(&|event| match event {
        CaseEvent::FindingRaised { finding, .. } => Some(finding.key),
        _ => None,
    });
    assert!(!foreseen.is_empty(), "{}", rig.watcher.log());
    assert!(raised.contains(&foreseen[0]), "the same fact: {foreseen:?} {raised:?}");
    let first = place(&story, is_foreseen).unwrap();
    let next = place(&story, |event| matches!(event, CaseEvent::FindingRaised { .. })).unwrap();
    let issued = place(&story, |event| matches!(event, CaseEvent::ActionIssued { .. })).unwrap();
    assert!(first < next && next < issued, "told before, acted on after");
    let advice = story.events.iter().find_map(|event| match event {
        CaseEvent::Decided { decision, .. } => Some(decision),
        _ => None,
    });
    let advice = advice.unwrap();
    assert!(advice.chosen.is_none() && advice.sentence.contains("onPending: recommend"));
    assert_eq!(advice.loss_so_far.0, 0, "what did not happen is no loss");
    let case = story.engine.cases().next().unwrap();
    let record = &case.findings[&foreseen[0]];
    assert!(record.status > FindingStatus::Pending, "{record:#?}");
    assert!(case.timeline.iter().any(|line| line.what == "pending"));
}

#[tokio::test]
async fn honest_pending_transactions_say_nothing() {
    if without_chain() {
        return;
    }
    let mut rig = Rig::new(SCENARIO).await;
    play(&mut rig, &[WATCH_POOL, RACE], false).await;
    rig.play(false, 30, 500).await;
    rig.caught_up(Duration::from_secs(20)).await;
    rig.watcher.stop().await;
    let story = rig.story();
    assert!(story.events.is_empty(), "{:#?}", story.events);
    let log = rig.watcher.log();
    assert!(!log.contains("could not be looked at"), "{log}");
}
