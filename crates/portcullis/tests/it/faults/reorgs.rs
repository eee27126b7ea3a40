//! Re-organisations of one to six blocks: what they un-say is taken back, and the pause stands on the new chain.

use portcullis_types::action::Intent;

use super::{CATCH_UP, INTERVAL_MS, SCENARIO, STRIKE, contained};
use crate::kit::{Rig, without_chain};

/// Blocks from the world's end to the one before the exploit's deployment.
const QUIET: u64 = STRIKE - 2;

/// A world in which the attack was stopped a moment ago, the newest block being the one with the pause.
async fn just_paused() -> Rig {
    let mut rig = Rig::new(SCENARIO).await;
    rig.configure(&rig.chain.http_url());
    rig.watch().await;
    rig.play(true, QUIET + 1, INTERVAL_MS).await;
    while rig.pauses().await.is_empty() {
        rig.play(true, 1, INTERVAL_MS).await;
    }
    rig.until("a lever holds", CATCH_UP, |story| story.held_in().is_some()).await;
    rig
}

/// Un-says the newest blocks and waits until Portcullis has noticed.
async fn unsay(rig: &Rig, depth: u64) {
    let before = rig.story_so_far().unsaid.len();
    rig.chain.reorg(depth).await.expect("re-organised");
    rig.until("the blocks are taken back", CATCH_UP, |story| story.unsaid.len() > before).await;
}

/// Plays until the pause is back.
async fn paused_again(rig: &mut Rig) {
    let deadline = tokio::time::Instant::now() + CATCH_UP;
    while rig.pauses().await.is_empty() {
        assert!(tokio::time::Instant::now() < deadline, "no pause:\n{}", rig.watcher.log());
        rig.play(true, 1, INTERVAL_MS).await;
    }
    rig.play(true, 4, INTERVAL_MS).await;
}

#[tokio::test]
async fn honest_blocks_are_unsaid() {
    if without_chain() {
        return;
    }
    // Each takes back blocks that none took back before: the same empty blocks again would be no others.
    let unsaid = 1 + 2 + 3 + 4 + 5 + 6;
    let mut rig = Rig::with_attack_at(SCENARIO, unsaid + 2).await;
    rig.configure(&rig.chain.http_url());
    rig.watch().await;
    rig.play(true, 1, INTERVAL_MS).await;
    for depth in 1..=6 {
        rig.play(true, depth, INTERVAL_MS).await;
        rig.caught_up(CATCH_UP).await;
        unsay(&rig, depth).await;
    }
    rig.play(true, 15, INTERVAL_MS).await;
    let story = contained(&mut rig).await;
    assert_eq!(story.unsaid.len() as u64, unsaid);
    assert_eq!(story.findings().1, 0, "nothing was found that could be taken back");
    assert_eq!(story.actions().len(), 1, "nothing was to be re-asserted");
}

/// The pause goes, the strikes before it stay.
async fn only_the_pause_is_unsaid(depth: u64) {
    if without_chain() {
        return;
    }
    let mut rig = just_paused().await;
    if depth > 1 {
        rig.play(true, depth - 1, INTERVAL_MS).await;
    }
    rig.caught_up(CATCH_UP).await;
    let (standing, _) = rig.story_so_far().findings();
    assert!(standing > 0, "the attack was found");
    unsay(&rig, depth).await;
    assert!(!rig.is_paused(super::TARGET).await, "the pause is gone");
    paused_again(&mut rig).await;
    let story = contained(&mut rig).await;
    let intents: Vec<Intent> = story.actions().iter().map(|action| action.intent).collect();
    assert_eq!(intents, [Intent::Pull, Intent::Reassert], "{}", rig.watcher.log());
    assert_eq!(story.findings().1, 0, "the strikes before the pause stand");
}

/// The pause and every strike before it go.
async fn attack_and_pause_are_unsaid(depth: u64) {
    if without_chain() {
        return;
    }
    let mut rig = just_paused().await;
    let first_strike = rig.world.set_up_end_block() + STRIKE;
    let needed = rig.head().await.id.number + 1 - first_strike;
    if depth > needed {
        rig.play(true, depth - needed, INTERVAL_MS).await;
    }
    rig.caught_up(CATCH_UP).await;
    let before = rig.story_so_far();
    let (raised, _) = before.findings();
    assert!(raised > 0, "the attack was found");
    unsay(&rig, depth.max(needed)).await;
    let story = rig.story_so_far();
    assert_eq!(story.findings(), (0, raised), "what was un-said is taken back (DET-2)");
    assert!(story.engine.cases().all(|case| case.dissolved));
    paused_again(&mut rig).await;
    let story = contained(&mut rig).await;
    eprintln!(
        "depth {}: {raised} findings taken back, {} stand",
        depth.max(needed),
        story.findings().0
    );
    let reasserted = story.actions().iter().filter(|a| a.intent == Intent::Reassert).count();
    assert_eq!((story.actions().len(), reasserted), (2, 1), "{}", rig.watcher.log());
}

#[tokio::test]
async fn the_pause_is_unsaid_with_one_block() {
    only_the_pause_is_unsaid(1).await;
}

#[tokio::test]
async fn the_pause_is_unsaid_with_two_blocks() {
    only_the_pause_is_unsaid(2).await;
}

#[tokio::test]
async fn the_pause_is_unsaid_with_three_blocks() {
    only_the_pause_is_unsaid(3).await;
}

#[tokio::test]
async fn the_pause_is_unsaid_with_four_blocks() {
    only_the_pause_is_unsaid(4).await;
}

#[tokio::test]
async fn the_pause_is_unsaid_with_five_blocks() {
    only_the_pause_is_unsaid(5).await;
}

#[tokio::test]
async fn the_pause_is_unsaid_with_six_blocks() {
    only_the_pause_is_unsaid(6).await;
}

// One block is never enough for both: a pause comes after what it answers.

#[tokio::test]
async fn attack_and_pause_are_unsaid_with_two_blocks() {
    attack_and_pause_are_unsaid(2).await;
}

#[tokio::test]
async fn attack_and_pause_are_unsaid_with_three_blocks() {
    attack_and_pause_are_unsaid(3).await;
}

#[tokio::test]
async fn attack_and_pause_are_unsaid_with_four_blocks() {
    attack_and_pause_are_unsaid(4).await;
}

#[tokio::test]
async fn attack_and_pause_are_unsaid_with_five_blocks() {
    attack_and_pause_are_unsaid(5).await;
}

#[tokio::test]
async fn attack_and_pause_are_unsaid_with_six_blocks() {
    attack_and_pause_are_unsaid(6).await;
}

/// A second re-organisation, after the pause was brought back by the first.
#[tokio::test]
async fn the_pause_is_unsaid_again_and_again() {
    if without_chain() {
        return;
    }
    let mut rig = just_paused().await;
    rig.play(true, 1, INTERVAL_MS).await;
    for depth in [2, 4, 6] {
        rig.caught_up(CATCH_UP).await;
        rig.until("a lever holds", CATCH_UP, |story| story.held_in().is_some()).await;
        unsay(&rig, depth).await;
        paused_again(&mut rig).await;
    }
    let story = contained(&mut rig).await;
    assert!(story.actions().len() >= 2, "it was re-asserted");
}
