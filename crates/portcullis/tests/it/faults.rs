//! Whatever goes wrong between Portcullis and a node: no block is unaccounted for, nothing alerts twice, and the pause
//! happens exactly once.

mod holds;
mod kills;
mod node;
mod reorgs;
mod socket;
mod stages;

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

/// Waits until everything was looked at and a lever holds, stops, and checks what must be so after every fault.
async fn contained(rig: &mut Rig) -> Story {
    rig.until("a lever holds", CATCH_UP, |story| story.held_in().is_some()).await;
    rig.caught_up(CATCH_UP).await;
    rig.watcher.stop().await;
    let story = rig.story();
    story.assert_whole();
    let pauses = rig.pauses().await;
    assert_eq!(pauses.len(), 1, "one pause, not in blocks {pauses:?}\n{}", rig.watcher.log());
    assert!(rig.is_paused(TARGET).await, "it is paused");
    story
}
