//! The engine in a seeded, hostile world: blocks, re-organisations, answers late, twice or never, crashes at any moment.
//!
//! Laws: no effect is asked for twice and none is lost (ACT-3); the same journal gives the same answers, byte for byte;
//! every block is inspected, waiting or blind (DET-1); a lever has at most one action under way (ACT-1).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that finds nothing to unwrap has failed, and says so this way"
)]

mod fixtures;
mod world;

use portcullis_engine::Effect;
use portcullis_types::{action::Intent, case_event::CaseEvent, finding::FindingStatus};
use proptest::prelude::*;
use world::{Move, World, moves};

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn no_effect_is_issued_twice_and_none_is_lost(moves in moves()) {
        let mut world = World::new();
        for one in &moves {
            world.play(one);
        }
        world.crash();
    }
}

/// The law above would hold for an engine that never does anything.
#[test]
fn a_theft_leads_to_one_action_and_a_restart_repeats_nothing() {
    let mut world = World::new();
    world.play(&Move::Block(0));
    for _ in 0..3 {
        world.play(&Move::Answer);
    }
    world.play(&Move::Block(300_000));
    world.play(&Move::Answer);
    let actions = |world: &World| {
        let is_act = |effect: &&Effect| matches!(effect, Effect::Act { .. });
        world.asked.values().filter(is_act).count()
    };
    assert_eq!(actions(&world), 1, "a theft of six times the bound is acted on at once");
    world.crash();
    world.play(&Move::Block(300_000));
    for _ in 0..4 {
        world.play(&Move::Answer);
    }
    for _ in 0..4 {
        world.play(&Move::Advance);
    }
    assert_eq!(actions(&world), 1, "while a lever is being pulled it is not pulled again");
    world.play(&Move::Wait(1_000));
    assert_eq!(actions(&world), 2, "the hold ends by itself");
    let released = world.asked.values().any(
        |effect| matches!(effect, Effect::Act { action, .. } if action.intent == Intent::Release),
    );
    assert!(released);
}

#[test]
fn a_re_organisation_retracts_findings_and_re_asserts_the_pause() {
    let mut world = World::new();
    for one in [
        Move::Block(0),
        Move::Answer,
        Move::Answer,
        Move::Answer,
        Move::Block(300_000),
        Move::Answer,
    ] {
        world.play(&one);
    }
    for _ in 0..4 {
        world.play(&Move::Advance);
    }
    world.play(&Move::Reorg(1));
    let (_, output) = world.journal.last().unwrap();
    let retracted = output.case_events.iter().any(|event| {
        matches!(event, CaseEvent::FindingMoved { status, .. }
            if *status == FindingStatus::Retracted)
    });
    assert!(retracted, "DET-2");
    let reasserted = output.effects.iter().any(
        |(_, effect)| matches!(effect, Effect::Act { action, .. } if action.intent == Intent::Reassert),
    );
    assert!(reasserted, "the block of our transaction is gone");
}
