//! `kill -9` at random moments of a drill, and a new start at once.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::{SCENARIO, contained};
use crate::kit::{Rig, Story, Watcher, without_chain};

const KILLS: usize = 50;
/// Block in which the attack starts, counted from 1 after the set-up: in the middle.
const ATTACK_START: u64 = 50;
const BLOCKS: u64 = 100;
const INTERVAL_MS: u64 = 400;
/// Longest life of a process, milliseconds. A start takes a few hundred, so some die while they start.
const LIFE_MS_MAX: u64 = 2_000;
/// The same around the first strikes, so that many kills fall where most happens.
const LIFE_UNDER_ATTACK_MS_MAX: u64 = 500;
/// Those blocks.
const STRUCK: std::ops::RangeInclusive<u64> = ATTACK_START..=ATTACK_START + 9;
/// What decides the moments, unless the environment says otherwise (`PORTCULLIS_KILL_SEED`).
const SEED: u64 = 11;

/// The next number of a sequence that a seed decides (splitmix64).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// How far the action had come.
fn moment(story: &Story) -> &'static str {
    match (story.actions().is_empty(), story.held_in()) {
        (true, _) => "before the action",
        (false, None) => "during the action",
        (false, Some(_)) => "after the action",
    }
}

/// Kills and starts again; says how many kills fell when.
async fn kill_again_and_again(
    watcher: &mut Watcher,
    played: &AtomicU64,
) -> BTreeMap<&'static str, usize> {
    let seed = std::env::var("PORTCULLIS_KILL_SEED").ok().and_then(|seed| seed.parse().ok());
    let (mut state, mut kills) = (seed.unwrap_or(SEED), BTreeMap::new());
    for _ in 0..KILLS {
        let under_attack = STRUCK.contains(&(played.load(Ordering::Relaxed) + 1));
        let longest = if under_attack { LIFE_UNDER_ATTACK_MS_MAX } else { LIFE_MS_MAX };
        tokio::time::sleep(Duration::from_millis(next(&mut state) % longest)).await;
        watcher.assert_running();
        let starting = !watcher.is_ready();
        watcher.kill();
        *kills.entry(moment(&Story::fold(&watcher.journal()))).or_default() += 1;
        if starting {
            *kills.entry("of all, while it started").or_default() += 1;
        }
        if played.load(Ordering::Relaxed) == BLOCKS {
            *kills.entry("of all, after the play").or_default() += 1;
        }
        watcher.start();
    }
    kills
}

#[tokio::test]
async fn fifty_kills_at_random_moments() {
    if without_chain() {
        return;
    }
    let mut rig = Rig::with_attack_at(SCENARIO, ATTACK_START).await;
    rig.configure(&rig.chain.http_url());
    rig.watch().await;
    let played = AtomicU64::new(0);
    let options = rig.options(true, BLOCKS, INTERVAL_MS);
    let Rig { world, watcher, .. } = &mut rig;
    let play = world.play(options, |block| played.store(block.index, Ordering::Relaxed));
    let (report, kills) = tokio::join!(play, kill_again_and_again(watcher, &played));
    report.expect("played");
    let story = contained(&mut rig).await;
    eprintln!(
        "kills: {kills:?}; {} blocks inspected, paused in {:?}, first strike in {}",
        story.inspected.len(),
        rig.pauses().await,
        rig.world.set_up_end_block() + ATTACK_START + 1,
    );
    assert_eq!(story.actions().len(), 1, "one decision, one action");
}
