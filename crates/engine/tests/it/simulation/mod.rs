//! The engine in a seeded, hostile world: blocks, re-organisations, answers late, twice or never, crashes at any moment.
//!
//! Laws: no effect is asked for twice and none is lost (ACT-3); the same journal gives the same answers, byte for byte;
//! every block is inspected, waiting or blind (DET-1); a lever has at most one action under way (ACT-1).

mod world;

use alloy_primitives::{Address, B256, U256};
use portcullis_engine::{Effect, Engine, Entry, Event};
use portcullis_types::{
    action::Intent,
    case_event::CaseEvent,
    chain::{BlockHead, BlockId, ChainEvent},
    evidence::{Method, StorageChange},
    finding::FindingStatus,
    ids::{EffectId, Millis, Seq},
    probe::{Probe, Reading},
};
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

/// Two slots that must be equal are written in two blocks; the first of the blocks cannot be looked into at once.
#[test]
fn what_was_read_before_an_unseen_block_is_read_again_with_what_comes_after() {
    let mut config = crate::fixtures::config();
    let slot = |number: u64| serde_json::json!({"slot": number.to_string(), "contract": "market"});
    let invariant = serde_json::json!({"detector": "invariant", "name": "balanced",
        "left": slot(1), "relation": "==", "right": slot(2)});
    config.protocols[0].detectors = vec![serde_json::from_value(invariant).unwrap()];
    let mut engine = Engine::new();
    let mut seq = 0;
    let mut step = |event: Event| {
        seq += 1;
        let at = Millis(seq);
        let entry = Entry { seq: Seq(seq), at, event };
        engine.step(&entry).unwrap().effects
    };
    let id = |number: u64| BlockId { number, hash: B256::with_last_byte(number as u8) };
    let commit = |number: u64| {
        let head = BlockHead {
            id: id(number),
            parent: id(number - 1).hash,
            timestamp: 12 * number,
            transactions: 1,
        };
        Event::Chain(ChainEvent::Committed { chain: crate::fixtures::CHAIN, head })
    };
    let inspected = |effect: EffectId, number: u64, slot: Option<u8>| {
        let mut evidence = crate::fixtures::theft(id(number), 0);
        let market = evidence.frames[0].to;
        evidence.storage = Vec::from_iter(slot.map(|slot| StorageChange {
            address: market,
            slot: B256::with_last_byte(slot),
            before: B256::ZERO,
            after: B256::repeat_byte(1),
        }));
        Event::Inspected {
            effect,
            chain: crate::fixtures::CHAIN,
            block: id(number),
            transactions: 1,
            method: Method::NodeTraces,
            evidence: vec![evidence],
        }
    };
    let slots = |probes: &[Probe]| {
        probes.iter().filter(|probe| matches!(probe, Probe::Storage { .. })).count()
    };
    let answer = |probe: &Probe| {
        let value = Ok(U256::ZERO);
        let depends_on = match probe {
            Probe::Storage { address, slot } => vec![(*address, *slot)],
            _ => vec![(Address::ZERO, B256::ZERO)],
        };
        Reading { probe: probe.clone(), value, depends_on }
    };

    let version = "test".to_owned();
    step(Event::Started { version, config: Box::new(config) });
    let first = step(commit(1));
    let Some((effect, Effect::Read { block, probes, .. })) = first.first() else {
        panic!("the state before the first block is read: {first:?}")
    };
    let readings = probes.iter().map(answer).collect();
    step(Event::Read { effect: *effect, chain: crate::fixtures::CHAIN, block: *block, readings });
    let inspect = first[1].0;
    step(inspected(inspect, 1, None));
    let (missed, seen) = (step(commit(2))[0].0, step(commit(3))[0].0);
    let asked = step(inspected(seen, 3, Some(2)));
    let Some((_, Effect::Read { block, probes, .. })) = asked.first() else {
        panic!("the slot that changed is read: {asked:?}")
    };
    assert_eq!(*block, id(3));
    assert_eq!(
        slots(probes),
        2,
        "the other one may have changed in block 2, which nobody has seen"
    );
    let asked = step(inspected(missed, 2, Some(1)));
    let Some((_, Effect::Read { block, .. })) = asked.first() else {
        panic!("the slot that changed is read: {asked:?}")
    };
    assert_eq!(*block, id(3), "as of the newest block");
}
