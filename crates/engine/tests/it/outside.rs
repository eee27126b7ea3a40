//! Alerts of other programs: words in cases, which decide nothing.

use portcullis_case::{CaseCommand, Command, OutsideAlert, Severity, Stage};
use portcullis_engine::{Event, OUTSIDE_ALERTS_MAX, RefusalCode, StepOutput};
use portcullis_types::{
    case_event::CaseEvent,
    ids::{CaseId, Millis, Seq},
};

use crate::playbooks::kit::{World, with_autonomy};

fn alert(fingerprint: &str, severity: Severity, is_firing: bool) -> OutsideAlert {
    OutsideAlert {
        fingerprint: fingerprint.to_owned(),
        name: "DnsChanged".to_owned(),
        text: "app.example moved".to_owned(),
        severity,
        is_firing,
        protocol: None,
    }
}

fn said(world: &World, alert: OutsideAlert) -> CaseCommand {
    let when = Millis(world.now.saturating_sub(5_000));
    CaseCommand { who: "alertmanager".to_owned(), when, what: Command::Alert { alert } }
}

/// Hands one in as the program does: placed, judged, journaled.
fn hand_in(world: &mut World, alert: OutsideAlert) -> Result<StepOutput, RefusalCode> {
    let case = world.engine.case_of_alert(&alert, Seq(world.seq + 1));
    let command = said(world, alert);
    let now = Millis(world.now);
    world.engine.judge_command(case, &command, now).map_err(|refusal| refusal.code)?;
    Ok(world.take(Event::Command { case, command }))
}

fn cases(world: &World) -> usize {
    world.engine.cases().count()
}

#[test]
fn a_grave_alert_opens_a_declared_case_once_and_its_end_closes_the_alert_alone() {
    let mut world = World::new(with_autonomy("act", &[]));
    let output = hand_in(&mut world, alert("a", Severity::P2, true)).unwrap();
    let [CaseEvent::Opened { case, .. }] = output.case_events.as_slice() else {
        panic!("{output:?}")
    };
    assert!(output.effects.is_empty(), "nothing follows from it");
    let case = *case;
    assert_eq!(case, CaseId(Seq(world.seq)));
    let known = world.engine.case(case).unwrap();
    assert_eq!((known.life.stage(), known.severity()), (Stage::Declared, Some(Severity::P2)));
    let lines: Vec<&str> = known.timeline.iter().map(|line| line.what.as_str()).collect();
    assert_eq!(lines, ["opened", "alert", "declare, now declared"]);
    // The same again is known, in another grade too.
    let again = hand_in(&mut world, alert("a", Severity::P4, true));
    assert_eq!(again.unwrap_err(), RefusalCode::Conflict);
    // Another one goes to the open case.
    hand_in(&mut world, alert("b", Severity::P2, true)).unwrap();
    hand_in(&mut world, alert("c", Severity::P4, true)).unwrap();
    assert_eq!(cases(&world), 1);
    let all: Vec<_> = world.engine.outside_alerts().map(|one| one.case).collect();
    assert_eq!(all, [Some(case); 3]);
    hand_in(&mut world, alert("a", Severity::P2, false)).unwrap();
    assert_eq!(world.engine.outside_alerts().count(), 2);
    assert!(world.engine.case(case).unwrap().life.stage().is_open());
    let over = world.engine.case(case).unwrap().timeline.last().unwrap().text.clone();
    assert!(over.contains("is over"), "{over}");
    let unknown = hand_in(&mut world, alert("a", Severity::P2, false));
    assert_eq!(unknown.unwrap_err(), RefusalCode::NotFound);
    assert!(world.actions.is_empty());
    let twin = world.replay();
    let fires = |engine: &portcullis_engine::Engine| -> Vec<_> {
        engine.outside_alerts().cloned().collect()
    };
    assert_eq!(fires(&twin), fires(&world.engine));
}

#[test]
fn what_is_not_grave_or_concerns_no_protocol_opens_nothing() {
    let mut world = World::new(with_autonomy("act", &[]));
    hand_in(&mut world, alert("a", Severity::P3, true)).unwrap();
    let elsewhere =
        OutsideAlert { protocol: Some("other".to_owned()), ..alert("b", Severity::P2, true) };
    hand_in(&mut world, elsewhere).unwrap();
    assert_eq!((cases(&world), world.engine.outside_alerts().count()), (0, 2));
    // A case of its own id alone is opened: a journal that names another is no way to open two.
    let strange = said(&world, alert("c", Severity::P2, true));
    world.take(Event::Command { case: CaseId(Seq(9_999)), command: strange });
    assert_eq!(cases(&world), 0);
    let theirs =
        OutsideAlert { protocol: Some("market".to_owned()), ..alert("d", Severity::P2, true) };
    hand_in(&mut world, theirs).unwrap();
    assert_eq!(cases(&world), 1);
    world.replay();
}

#[test]
fn a_theft_is_answered_the_same_whatever_others_alert_of() {
    let (mut plain, mut noisy) =
        (World::new(with_autonomy("act", &[])), World::new(with_autonomy("act", &[])));
    hand_in(&mut noisy, alert("a", Severity::P2, true)).unwrap();
    let (one, other) = (plain.steal(300_000), noisy.steal(300_000));
    assert_ne!(Some(other), noisy.engine.cases().next().map(|case| case.id), "a case of its own");
    let what = |world: &World, case: CaseId| {
        let case = world.engine.case(case).unwrap();
        let decisions = case.decisions.iter().map(|one| (one.chosen.clone(), one.loss_ahead));
        let levers = case.actions.values().map(|one| one.action.lever.name.clone());
        (decisions.collect::<Vec<_>>(), levers.collect::<Vec<_>>())
    };
    assert_eq!(what(&plain, one), what(&noisy, other));
    assert!(!what(&noisy, other).1.is_empty(), "the lever is pulled");
    noisy.replay();
}

#[test]
fn only_so_many_fire_at_once_and_bad_ones_are_refused() {
    let mut world = World::new(with_autonomy("observe", &[]));
    for n in 0..OUTSIDE_ALERTS_MAX {
        hand_in(&mut world, alert(&format!("f{n}"), Severity::P4, true)).unwrap();
    }
    let beyond = hand_in(&mut world, alert("one more", Severity::P2, true));
    assert_eq!(beyond.unwrap_err(), RefusalCode::Invalid);
    hand_in(&mut world, alert("f7", Severity::P4, false)).unwrap();
    let hostile =
        OutsideAlert { text: "\u{202e}x".to_owned(), ..alert("hostile", Severity::P2, true) };
    assert_eq!(hand_in(&mut world, hostile).unwrap_err(), RefusalCode::Invalid);
    let worst = hand_in(&mut world, alert("worst", Severity::P1, true));
    assert_eq!(worst.unwrap_err(), RefusalCode::Invalid);
    let mut early = said(&world, alert("early", Severity::P4, true));
    early.when = Millis(world.now + 1);
    let refused = world.engine.judge_command(CaseId(Seq(1)), &early, Millis(world.now));
    assert_eq!(refused.unwrap_err().code, RefusalCode::Invalid);
    // A journal with such an entry is stepped without effect.
    world.take(Event::Command { case: CaseId(Seq(1)), command: early });
    assert_eq!(world.engine.outside_alerts().count(), OUTSIDE_ALERTS_MAX - 1);
    world.replay();
}
