//! Whatever goes wrong between Portcullis and a node: no block is unaccounted for, nothing alerts twice, and the pause
//! happens exactly once.

mod holds;
mod kills;
mod node;
mod reorgs;
mod skew;
mod socket;
mod stages;
mod storage;

use std::time::Duration;

use crate::kit::{Rig, Story};

const SCENARIO: &str = "lending-spot-oracle";
/// What the scenario's attack is against.
const TARGET: &str = "market";
/// The block of the first strike, counted from 1 after the set-up.
const STRIKE: u64 = 21;
/// Wall-clock time between two blocks, where a test needs no other.
const INTERVAL_MS: u64 = 150;
/// How long Portcullis may take to make up for everything it missed.
const CATCH_UP: Duration = Duration::from_mins(1);

/// Blocks that are played at most until a lever holds.
const FURTHER_BLOCKS_MAX: u64 = 100;

/// Waits until a lever holds. On a busy machine the pull may be sent after the blocks that the test has played, and nobody
/// else makes a block for it.
async fn held(rig: &mut Rig) {
    for _ in 0..FURTHER_BLOCKS_MAX {
        rig.caught_up(CATCH_UP).await;
        for _ in 0..10 {
            if rig.story_so_far().held_in().is_some() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        rig.play(true, 1, INTERVAL_MS).await;
    }
    panic!("no lever holds\n{}", rig.watcher.log());
}

/// Waits until everything was looked at and a lever holds, stops, and checks what must be so after every fault.
async fn contained(rig: &mut Rig) -> Story {
    held(rig).await;
    rig.caught_up(CATCH_UP).await;
    rig.watcher.stop().await;
    let story = rig.story();
    story.assert_whole();
    let pauses = rig.pauses().await;
    assert_eq!(pauses.len(), 1, "one pause, not in blocks {pauses:?}\n{}", rig.watcher.log());
    assert!(rig.is_paused(TARGET).await, "it is paused");
    story
}
