//! Every brake of the catalogue, pulled on a local chain, on the real contracts where a package ships them.

mod aave;
mod governance;
mod lending;
mod ours;
mod pause;
mod rollup;
mod world;

use std::{collections::BTreeSet, path::Path};

use portcullis_act::lever::{catalogue, readiness};
use portcullis_types::action::{Intent, Outcome};

use self::world::{End, Scene, Then, Trap, World};
use crate::support::{self, chain::RESPONDER};

const WHOLE_LIFE: [&str; 5] = ["rehearsed", "prepared", "sent", "mined", "held"];
/// Rows whose conformance is shown by tests of their own.
const ELSEWHERE: [&str; 1] = ["warden"];

#[tokio::test]
async fn every_brake_conforms() {
    let Some(world) = World::start().await else { return };
    let mut played = BTreeSet::new();
    println!("{:<20} {:>7} {:>6} {:<34} {:>5}", "kind", "stopped", "keeps", "ends", "traps");
    let only = std::env::var("PORTCULLIS_KIND").unwrap_or_default();
    let mut snapshot = world.snapshot().await;
    for group in ["pause", "governance", "aave", "lending", "rollup", "ours"] {
        if !only.is_empty() && only != group {
            continue;
        }
        let scenes = match group {
            "pause" => pause::scenes(&world).await,
            "governance" => governance::scenes(&world).await,
            "aave" => aave::scenes(&world).await,
            "lending" => lending::scenes(&world).await,
            "rollup" => rollup::scenes(&world).await,
            _ => ours::scenes(&world).await,
        };
        let mut ready = world.snapshot().await;
        for scene in scenes {
            let ends = Box::pin(play(&world, &scene)).await;
            println!(
                "{:<20} {:>7} {:>6} {ends:<34} {:>5}",
                scene.kind,
                scene.stopped.len(),
                scene.keeps.len(),
                scene.traps.len()
            );
            played.insert(scene.kind);
            world.revert(&ready).await;
            ready = world.snapshot().await;
        }
        world.revert(&snapshot).await;
        snapshot = world.snapshot().await;
    }
    if only.is_empty() {
        let rows: BTreeSet<&str> = catalogue::rows()
            .map(|row| row.kind)
            .filter(|kind| !ELSEWHERE.contains(kind))
            .collect();
        assert_eq!(played, rows, "every row has a scene, and every scene a row");
    }
}

/// One brake, from its conditions to its end; how it ended.
async fn play(world: &World, scene: &Scene) -> &'static str {
    let (kind, lever) = (scene.kind, scene.lever());
    for view in &lever.preflight {
        assert!(world.holds(view).await, "{kind}: before the pull: {}", view.meaning);
    }
    assert!(!world.holds(&lever.verify).await, "{kind}: it holds before it is pulled");
    for (n, act) in scene.stopped.iter().chain(&scene.keeps).enumerate() {
        assert!(world.works(act).await, "{kind}: act {n} does not work before");
    }
    let checks = readiness(&lever, RESPONDER, world.nodes()).await;
    let failing: Vec<_> = checks.iter().filter(|check| check.ok != Ok(true)).collect();
    assert!(failing.is_empty(), "{kind}: {failing:#?}");

    let attack = Some(scene.attack());
    if !scene.for_anybody {
        let stranger = world.actuator(&lever, true);
        let (journal, end) = world.perform(&stranger, &lever, Intent::Pull, None).await;
        assert!(why(&end).contains("does not stick"), "{kind}: a stranger: {end:?}");
        assert_eq!(journal.stages(), ["rehearsed", "refused"], "{kind}: a stranger");
    }
    let before = world.snapshot().await;
    let responder = world.actuator(&lever, false);
    let (journal, end) = world.perform(&responder, &lever, Intent::Pull, attack.clone()).await;
    assert_eq!(journal.stages(), WHOLE_LIFE, "{kind}: {end:?}");
    let Outcome::Rehearsed(rehearsal) = &journal.outcomes()[0] else { panic!("{kind}") };
    let seen = (rehearsal.attack_works_without, rehearsal.attack_works_with);
    assert_eq!(seen, (Some(true), Some(false)), "{kind}: {rehearsal:?}");
    assert!(rehearsal.sticks, "{kind}: {rehearsal:?}");
    for (n, act) in scene.stopped.iter().enumerate() {
        assert!(!world.works(act).await, "{kind}: act {n} is not stopped");
    }
    for (n, act) in scene.keeps.iter().enumerate() {
        assert!(world.works(act).await, "{kind}: kept act {n} is stopped");
    }
    let (journal, _) = world.perform(&responder, &lever, Intent::Pull, attack).await;
    assert_eq!(journal.stages(), ["held by others"], "{kind}: a second pull");

    let ends = finish(world, scene).await;
    let mut snapshot = before;
    for trap in &scene.traps {
        world.revert(&snapshot).await;
        snapshot = world.snapshot().await;
        spring(world, scene, trap).await;
    }
    ends
}

async fn finish(world: &World, scene: &Scene) -> &'static str {
    let (kind, lever) = (scene.kind, scene.lever());
    let responder = world.actuator(&lever, false);
    let (journal, released) = world.perform(&responder, &lever, Intent::Release, None).await;
    let ends = match &scene.end {
        End::Undo => {
            assert_eq!(journal.stages(), WHOLE_LIFE, "{kind}: {released:?}");
            "undone by the responder"
        }
        End::Expiry(seconds) => {
            assert!(why(&released).contains("by itself"), "{kind}: {released:?}");
            assert!(world.holds(&lever.verify).await, "{kind}: it ended before its time");
            world.pass(*seconds).await;
            "by itself, after its time"
        }
        End::Others(act) => {
            assert!(why(&released).contains("only people"), "{kind}: {released:?}");
            assert!(
                !world.works(&world::Act { from: world::STRANGER, ..act.clone() }).await,
                "{kind}"
            );
            world.send(act).await;
            "undone by others, a stranger not"
        }
        End::Never => {
            assert!(why(&released).contains("only people"), "{kind}: {released:?}");
            return "not: it must be made anew";
        }
    };
    assert!(!world.holds(&lever.verify).await, "{kind}: it still holds after its end");
    for (n, act) in scene.stopped.iter().enumerate() {
        assert!(world.works(act).await, "{kind}: act {n} does not work after the end");
    }
    ends
}

async fn spring(world: &World, scene: &Scene, trap: &Trap) {
    let (kind, lever) = (scene.kind, scene.lever());
    for act in &trap.before {
        world.send(act).await;
    }
    if trap.pass > 0 {
        world.pass(trap.pass).await;
    }
    let responder = world.actuator(&lever, false);
    let (journal, end) = world.perform(&responder, &lever, Intent::Pull, None).await;
    match &trap.then {
        Then::Refused(words) => {
            assert!(why(&end).contains(words), "{kind}: {}: {end:?}", trap.name);
        }
        Then::Held { works, fails } => {
            assert_eq!(journal.stages(), WHOLE_LIFE, "{kind}: {}: {end:?}", trap.name);
            for act in works {
                assert!(world.works(act).await, "{kind}: {}", trap.name);
            }
            for act in fails {
                assert!(!world.works(act).await, "{kind}: {}", trap.name);
            }
        }
    }
}

fn why(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Refused { why } | Outcome::Failed { why } => why,
        other => panic!("it came off: {other:?}"),
    }
}

#[test]
fn the_page_is_what_the_catalogue_says() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/levers.md");
    let page = catalogue::page();
    if std::env::var_os("PORTCULLIS_BLESS").is_some() {
        std::fs::write(&file, &page).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    let remedy = "run: PORTCULLIS_BLESS=1 cargo test -p portcullis-act --test conformance";
    assert!(written == page, "docs/levers.md is out of date: {remedy}");
}
