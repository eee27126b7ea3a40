//! The acting side against a real Warden on a real anvil: two of three sentinels, an OpenZeppelin `Pausable` vault.

use std::time::Instant;

use crate::support::{
    chain::RESPONDER,
    journal::Journal,
    warden::{
        HOLD, WINDOW, WardenOptions, WardenScene, disarmCall, harmBoundCall, leverHarmBoundCall,
        releaseCall, wall_clock,
    },
};
use alloy_primitives::U256;
use portcullis_act::{
    PerformError,
    warden::{BeatError, HarmLimit},
};
use portcullis_types::action::{Intent, Outcome};

const WHOLE_LIFE: [&str; 5] = ["rehearsed", "prepared", "sent", "mined", "held"];
const DAY: u64 = 86_400;

fn why(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Refused { why } | Outcome::Failed { why } => why,
        other => panic!("it came off: {other:?}"),
    }
}

/// The figures of the contract's own lens.
async fn harm_agrees_with_the_lens(scene: &WardenScene, horizon: u64) {
    let ours = scene.harm(horizon).await;
    let horizon = U256::from(horizon);
    let call = harmBoundCall { warden: scene.warden, horizon };
    let lens = scene.chain.view(scene.lens, call).await;
    let total = ours.total;
    assert_eq!(
        (total.pulls, total.hold_seconds, total.units),
        (lens.pulls, lens.holdSeconds, lens.units)
    );
    let id = ours.levers[0].id;
    let call = leverHarmBoundCall { warden: scene.warden, id, horizon };
    let lens = scene.chain.view(scene.lens, call).await;
    let one = ours.levers[0].harm;
    assert_eq!(
        (one.pulls, one.hold_seconds, one.units),
        (lens.pulls, lens.holdSeconds, lens.units)
    );
}

#[tokio::test]
async fn an_order_is_mined_in_the_next_block_holds_and_is_released_at_its_end() {
    let Some(scene) = WardenScene::start(WardenOptions::default()).await else { return };
    let before = scene.harm(DAY).await;
    for horizon in [0, 1, 600, DAY, 30 * DAY] {
        harm_agrees_with_the_lens(&scene, horizon).await;
    }
    let journal = Journal::default();
    let end = scene.perform(&scene.action(1, Intent::Pull), &journal).await;
    assert_eq!(journal.stages(), WHOLE_LIFE, "{end:?}");
    let Outcome::Mined { block, .. } = &journal.outcomes()[3] else { panic!() };
    assert_eq!(block.number, before.block.number + 1, "the next block");
    assert!(scene.is_paused().await);
    let held = U256::from(HOLD);
    assert!(before.total.pulls >= U256::ONE && before.total.hold_seconds >= held, "{before:?}");
    assert!(before.total.units >= U256::from(1_000 + HOLD), "{before:?}");
    harm_agrees_with_the_lens(&scene, DAY).await;

    let release = scene.action(1, Intent::Release);
    let early = scene.perform(&release, &Journal::default()).await;
    assert!(why(&early).contains("lasts another"), "{early:?}");
    assert!(scene.is_paused().await);

    scene.pass(HOLD).await;
    let journal = Journal::default();
    scene.perform(&release, &journal).await;
    assert_eq!(journal.stages(), WHOLE_LIFE);
    assert!(!scene.is_paused().await && scene.open_holds().await.is_empty());

    let end = scene.perform(&scene.action(2, Intent::Pull), &Journal::default()).await;
    assert!(why(&end).contains("spent"), "{end:?}");
    let after = scene.harm(DAY).await;
    assert_eq!((after.total.pulls, after.levers[0].limited_by), (U256::ZERO, HarmLimit::NotArmed));
    scene.arm().await;
    let end = scene.perform(&scene.action(2, Intent::Pull), &Journal::default()).await;
    assert!(why(&end).contains("cooling down"), "{end:?}");
    harm_agrees_with_the_lens(&scene, DAY).await;
}

#[tokio::test]
async fn without_fresh_heartbeats_nothing_is_signed() {
    let options = WardenOptions { beats: false, ..WardenOptions::default() };
    let Some(scene) = WardenScene::start(options).await else { return };
    let end = scene.perform(&scene.action(1, Intent::Pull), &Journal::default()).await;
    assert!(why(&end).contains("has not sent its first heartbeat"), "{end:?}");
    for sentinel in 0..2 {
        scene.beat(sentinel).await.unwrap();
    }
    scene.pass(WINDOW + 1).await;
    let end = scene.perform(&scene.action(1, Intent::Pull), &Journal::default()).await;
    assert!(why(&end).contains("no fresh heartbeat") && why(&end).contains("revive"), "{end:?}");
    let lapsed = scene.beat(0).await.unwrap_err();
    assert!(matches!(lapsed, BeatError::Out { .. }), "{lapsed}");
    assert_eq!(scene.chain.nonce(RESPONDER).await, 0);
}

#[tokio::test]
async fn a_crash_after_any_stage_leads_to_one_order() {
    let options = WardenOptions { cooldown: 0, pulls_per_arming: 200, ..WardenOptions::default() };
    let Some(scene) = WardenScene::start(options).await else { return };
    for (case, stage) in (1..).zip(["rehearsed", "prepared", "sent", "mined"]) {
        let before = Journal::crashing_after(stage);
        let action = scene.action(case, Intent::Pull);
        let crash = scene.actuator.perform(&action, &[], scene.now, &before).await.unwrap_err();
        assert!(matches!(crash, PerformError::Stopped(_)), "{crash}");
        let after = Journal::default();
        let so_far = before.outcomes();
        scene.actuator.perform(&action, &so_far, scene.now, &after).await.unwrap();
        assert_eq!(after.stages().last(), Some(&"held"), "{stage}: {:?}", after.outcomes());
        assert_eq!(before.prepared().len() + after.prepared().len(), 1, "{stage}");
        assert_eq!((scene.holds_ever().await, scene.chain.nonce(RESPONDER).await), (case, case));
        let hold = scene.open_holds().await[0];
        scene.chain.call_as_owner(scene.warden, releaseCall { holdId: hold }).await;
    }
}

#[tokio::test]
async fn a_pull_that_a_reorganisation_took_away_comes_back_with_the_same_order() {
    let Some(scene) = WardenScene::start(WardenOptions::default()).await else { return };
    let pull = Journal::default();
    scene.perform(&scene.action(1, Intent::Pull), &pull).await;
    scene.chain.reorg(1).await;
    assert!(!scene.is_paused().await);
    let again = Journal::default();
    let reassert = scene.action(1, Intent::Reassert);
    scene.actuator.perform(&reassert, &pull.outcomes(), scene.now, &again).await.unwrap();
    assert_eq!(again.stages(), WHOLE_LIFE, "{:?}", again.outcomes());
    assert_eq!(pull.prepared(), again.prepared(), "the same transaction");
    assert!(scene.is_paused().await);
}

#[tokio::test]
async fn one_sentinel_that_refuses_is_replaced_and_two_are_not() {
    let options = WardenOptions { knowing: 2, ..WardenOptions::default() };
    let Some(scene) = WardenScene::start(options).await else { return };
    let journal = Journal::default();
    scene.perform(&scene.action(1, Intent::Pull), &journal).await;
    assert_eq!(journal.stages(), WHOLE_LIFE, "{:?}", journal.outcomes());

    let options = WardenOptions { knowing: 1, ..WardenOptions::default() };
    let Some(scene) = WardenScene::start(options).await else { return };
    let end = scene.perform(&scene.action(1, Intent::Pull), &Journal::default()).await;
    assert!(why(&end).contains("1 of 2 sentinels signed"), "{end:?}");
    assert!(why(&end).contains("not in the policy"), "{end:?}");
    assert_eq!((scene.holds_ever().await, scene.chain.nonce(RESPONDER).await), (0, 0));
}

#[tokio::test]
async fn a_lever_that_is_disarmed_or_unknown_is_named() {
    let Some(scene) = WardenScene::start(WardenOptions::default()).await else { return };
    let lever = scene.lever.warden.as_ref().unwrap().lever;
    scene.chain.call_as_owner(scene.warden, disarmCall { lever }).await;
    let end = scene.perform(&scene.action(1, Intent::Pull), &Journal::default()).await;
    assert!(why(&end).contains("spent or disarmed"), "{end:?}");
    let mut action = scene.action(1, Intent::Pull);
    action.lever.warden.as_mut().unwrap().lever.0[0] ^= 1;
    let end = scene.perform(&action, &Journal::default()).await;
    assert!(why(&end).contains("has no lever"), "{end:?}");
    let mut action = scene.action(1, Intent::Pull);
    action.lever.hold_seconds = 5 * 3_600;
    let end = scene.perform(&action, &Journal::default()).await;
    assert!(why(&end).contains("holds for 600 to 14400 s"), "{end:?}");
}

/// How long it takes from a block to the order in the next one, on a chain that mines at once.
#[tokio::test]
async fn the_way_from_a_block_to_a_mined_order_is_measured() {
    const ROUNDS: u64 = 40;
    let options = WardenOptions { cooldown: 0, pulls_per_arming: 1, ..WardenOptions::default() };
    let Some(scene) = WardenScene::start(options).await else { return };
    let (mut times, mut blocks) = (Vec::new(), Vec::new());
    for case in 1..=ROUNDS {
        let seen = scene.harm(0).await.block.number;
        let journal = Journal::default();
        let action = scene.action(case, Intent::Pull);
        let start = Instant::now();
        scene.actuator.perform(&action, &[], wall_clock(), &journal).await.unwrap();
        times.push(start.elapsed());
        let at = journal.outcomes().into_iter().find_map(|outcome| match outcome {
            Outcome::Mined { block, .. } => Some(block.number),
            _ => None,
        });
        blocks.push(at.unwrap() - seen);
        let hold = scene.open_holds().await[0];
        scene.chain.call_as_owner(scene.warden, releaseCall { holdId: hold }).await;
        scene.arm().await;
    }
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent).div_ceil(100) - 1];
    println!(
        "{ROUNDS} rounds, decision to mined and verified: p50 {:?}, p99 {:?}; blocks: at most {}",
        at(50),
        at(99),
        blocks.iter().max().unwrap()
    );
    assert!(blocks.iter().all(|&blocks| blocks == 1), "{blocks:?}");
}
