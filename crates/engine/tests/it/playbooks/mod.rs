//! Playbooks and people's words in the engine: what is judged, what follows from the journal, and what a crash leaves.

pub(crate) mod kit;

use alloy_primitives::{Address, Bytes, Signature};
use kit::*;
use portcullis_case::{
    Command, RunEvent, Severity, Stage,
    playbook::read,
    run::{Answer, EffectKind},
};
use portcullis_decide::approval::step::{signing_hash, typed_data};
use portcullis_engine::{Effect, Event, RefusalCode};
use portcullis_types::{
    action::Outcome,
    approval::{Approval, ApprovalKind},
    ids::Millis,
};

#[test]
fn a_playbook_pulls_a_lever_by_the_policy_and_looks_whether_it_holds() {
    let mut world = World::new(with_autonomy("act", &[]));
    // 60 thousand in one block is over the limit and below what makes the lever worth pulling by itself.
    let case = world.steal(60_000);
    world.actions.clear();
    let before = world.actions.len();
    let run = world.begin(case, playbook(), roster(Address::repeat_byte(9)));
    assert_eq!(world.status(case, "lead"), "ready");
    assert_eq!(world.status(case, "pause"), "waiting");
    let page = world.open_errand(EffectKind::Page).unwrap();
    world.say(case, run, RunEvent::Delivered { effect: page }, None).unwrap();
    world.say(case, run, done("lead", "ada"), None).unwrap();
    assert!(world.actions.len() <= before + 1);
    assert_eq!(world.status(case, "pause"), "checking", "{:#?}", world.lines(case));
    assert_eq!(world.status(case, "where"), "done");
    assert_eq!(world.status(case, "report"), "skipped", "60,000 is less than 500,000");
    let check = world.open_errand(EffectKind::CheckPostCondition).unwrap();
    let answer = RunEvent::Checked { effect: check, by: "a node".into(), answer: Answer::Holds };
    world.say(case, run, answer, None).unwrap();
    assert_eq!(world.status(case, "pause"), "done");
    world.replay();
    let lines = world.lines(case);
    for wanted in
        ["playbook: ada began: Funds are leaving", "step done: ada: Lead: so", "checked: Pause"]
    {
        assert!(lines.iter().any(|line| line.starts_with(wanted)), "{wanted}: {lines:#?}");
    }
    assert!(lines.iter().any(|line| line.contains("took 60,000.00 USD")), "{lines:#?}");
}

#[test]
fn facts_of_the_case_reach_the_run() {
    let mut world = World::new(with_autonomy("observe", &[]));
    let case = world.steal(60_000);
    let run = world.begin(case, playbook(), roster(Address::repeat_byte(9)));
    world.say(case, run, done("lead", "ada"), None).unwrap();
    assert_eq!(world.status(case, "report"), "skipped");
    let again = world.steal(900_000);
    assert_eq!(again, case);
    assert_eq!(world.status(case, "report"), "ready", "now there is something to report");
    world.replay();
}

#[test]
fn where_the_policy_does_not_act_guardians_are_asked_and_letting_go_is_theirs_too() {
    let mut trial = World::new(with_autonomy("observe", &[Address::repeat_byte(1)]));
    let journey = |world: &mut World| {
        let case = world.steal(60_000);
        let run = world.begin(case, playbook(), roster(Address::repeat_byte(9)));
        world.say(case, run, done("lead", "ada"), None).unwrap();
        (case, run)
    };
    let who_signs = |world: &World| {
        let request = world.engine.approvals_asked().next().unwrap().request.clone();
        let approval = Approval {
            kind: request.kind,
            case: request.case,
            lever: request.lever.clone(),
            decision: request.decision,
            signature: signature(),
        };
        let hash = portcullis_decide::approval::signing_hash(&request);
        let signed = Signature::from_raw(&signature()).unwrap();
        (approval, signed.recover_address_from_prehash(&hash).unwrap())
    };
    journey(&mut trial);
    let (_, guardian) = who_signs(&trial);
    let mut world = World::new(with_autonomy("observe", &[guardian]));
    let (case, run) = journey(&mut world);
    assert_eq!(world.status(case, "pause"), "running");
    assert!(world.actions.is_empty(), "nobody has signed");
    let (approval, who) = who_signs(&world);
    assert_eq!((approval.kind, who), (ApprovalKind::Pull, guardian));
    let output = world.take(Event::Approval { approval });
    world.answer(output, &[]);
    world.drive();
    assert_eq!(world.actions.len(), 1, "guardians have signed: it is pulled");
    assert_eq!(world.status(case, "pause"), "checking", "{:#?}", world.lines(case));
    // Taking back: two people order it, and then a guardian is asked.
    for who in ["ada", "ben"] {
        let order = RunEvent::UndoOrdered { who: who.into(), why: "false alarm".into() };
        world.say(case, run, order, None).unwrap();
    }
    assert_eq!(world.status(case, "pause"), "undoing", "{:#?}", world.lines(case));
    let request = world.engine.approvals_asked().next().unwrap().request.clone();
    assert_eq!(request.kind, ApprovalKind::Release);
    assert_eq!(world.actions.len(), 1, "nothing is let go by itself");
    world.now += 121_000;
    let output = world.take(Event::Tick);
    world.answer(output, &[]);
    world.drive();
    assert_eq!(world.status(case, "pause"), "undoFailed", "they did not sign in time");
    world.replay();
}

#[test]
fn a_lever_is_not_agreed_to_by_a_click() {
    let journey = |signer: Address| {
        let mut world = World::new(with_autonomy("act", &[]));
        let case = world.steal(60_000);
        let run = world.begin(case, agreed(), roster(signer));
        world.say(case, run, done("lead", "ada"), None).unwrap();
        (world, case, run)
    };
    let (trial, case, run) = journey(Address::repeat_byte(9));
    assert_eq!(trial.engine.step_request(case, run, "lead"), None);
    let request = trial.engine.step_request(case, run, "pause").unwrap();
    let signed = Signature::from_raw(&signature()).unwrap();
    let ada = signed.recover_address_from_prehash(&signing_hash(&request)).unwrap();
    let shown = serde_json::to_string(&typed_data(&request)).unwrap();
    assert!(shown.contains(r#""lever":"pause-market""#), "{shown}");

    let (mut world, case, run) = journey(ada);
    let yes = || RunEvent::Approved { step: "pause".into(), who: "ada".into() };
    let refused = world.say(case, run, yes(), None).unwrap_err();
    assert_eq!(refused.code, RefusalCode::Invalid);
    assert!(refused.why.contains("a click is not enough"), "{refused}");
    let refused = world.say(case, run, yes(), Some(Bytes::from_static(&[0; 65]))).unwrap_err();
    assert_eq!(refused.code, RefusalCode::Invalid, "{refused}");
    world.say(case, run, yes(), Some(signature())).unwrap();
    assert_eq!(world.status(case, "pause"), "checking");
    let refused = world.say(case, run, yes(), Some(signature())).unwrap_err();
    assert_eq!(refused.code, RefusalCode::Conflict, "{refused}");
}

#[test]
fn a_restart_in_the_middle_of_an_action_neither_loses_nor_repeats_it() {
    let mut world = World::new(with_autonomy("act", &[]));
    let case = world.steal(60_000);
    let (n_before, was_held) = (world.actions.len(), world.paused);
    assert!(!was_held, "the machine did not find it worth a stop");
    world.holds_at_once = false;
    let run = world.begin(case, playbook(), roster(Address::repeat_byte(9)));
    world.say(case, run, done("lead", "ada"), None).unwrap();
    assert_eq!((world.actions.len(), world.status(case, "pause")), (n_before + 1, "running"));
    // The process dies here. What comes back has the action under way, and issues nothing anew.
    let mut after = world.replay();
    assert_eq!(after.outstanding().filter(|(_, e)| matches!(e, Effect::Act { .. })).count(), 1);
    assert_eq!(after.follow_up(Millis(world.now)), None, "nothing is done twice");
    let action = world.open[0];
    let outcome = Outcome::Held { block: block(world.height), by_us: true };
    world.take(Event::Acted { action, outcome });
    world.drive();
    assert_eq!(world.status(case, "pause"), "checking");
    assert_eq!(world.actions.len(), n_before + 1);
}

#[test]
fn a_clock_that_jumps_back_undoes_nothing_and_asks_nothing_twice() {
    let mut world = World::new(with_autonomy("observe", &[]));
    let case = world.steal(60_000);
    let run = world.begin(case, playbook(), roster(Address::repeat_byte(9)));
    let begun = world.now;
    world.now += 6 * 60_000;
    assert!(world.engine.next_expiry().is_some_and(|due| due.0 <= world.now));
    world.take(Event::Tick);
    world.drive();
    assert!(world.open_errand(EffectKind::Escalate).is_some(), "the first clock has run out");
    let n_entries = world.journal.len();
    world.now = begun - 3_600_000_u64.min(begun);
    world.drive();
    assert_eq!(world.journal.len(), n_entries, "nothing is due in the past");
    world.say(case, run, done("lead", "ada"), None).unwrap();
    assert_eq!(world.status(case, "lead"), "done");
    world.now = begun + 7 * 60_000;
    world.drive();
    let escalated = world.lines(case).iter().filter(|line| line.starts_with("escalated")).count();
    assert!(escalated >= 1, "{:#?}", world.lines(case));
    world.replay();
}

#[test]
fn the_second_of_two_people_is_told_what_the_first_did() {
    let mut world = World::new(with_autonomy("observe", &[]));
    let case = world.steal(60_000);
    let now = world.now;
    let alarm = command("ada", now, Command::FalsePositive { why: "a test".into() });
    world.engine.judge_command(case, &alarm, Millis(now)).unwrap();
    world.take(Event::Command { case, command: alarm });
    let contain = command("ben", now, Command::Contain { how: "by hand".into() });
    let refused = world.engine.judge_command(case, &contain, Millis(now)).unwrap_err();
    assert_eq!(refused.code, RefusalCode::Conflict);
    assert!(refused.why.contains("the case is falsePositive"), "{refused}");
    assert!(!refused.allowed.is_empty(), "{refused}");
    assert!(world.engine.judge_start(case, "ben", &playbook()).is_err(), "the case is closed");
    let known = world.engine.cases().next().unwrap();
    assert_eq!(known.life.stage(), Stage::FalsePositive);
    assert!(
        world
            .lines(case)
            .iter()
            .any(|line| line.contains("falsePositive") && line.contains("a test"))
    );
    // One playbook is begun once.
    let again = command("ben", now, Command::ReOpen { why: "no test".into() });
    world.take(Event::Command { case, command: again });
    world.begin(case, playbook(), roster(Address::repeat_byte(9)));
    let refused = world.engine.judge_start(case, "ben", &playbook()).unwrap_err();
    assert!(refused.why.contains("at work"), "{refused}");
    world.replay();
}

#[test]
fn playbooks_are_offered_where_their_triggers_match() {
    let mut world = World::new(with_autonomy("observe", &[]));
    let case = world.steal(60_000);
    let (all, people) = ([playbook()], roster(Address::repeat_byte(9)));
    let offers = world.engine.offers(case, &all, &people);
    assert_eq!(offers.len(), 1);
    assert!(offers[0].why.contains("gross-outflow"), "{offers:?}");
    assert_eq!(offers[0].faults, Vec::<String>::new());
    let other = PLAYBOOK.replace("gross-outflow", "bridge");
    let other = [read("other.yaml", &other).unwrap()];
    assert_eq!(world.engine.offers(case, &other, &people), []);
    world.begin(case, playbook(), people.clone());
    assert_eq!(world.engine.offers(case, &all, &people), [], "it is at work already");
    assert_eq!(world.engine.cases().next().unwrap().severity(), Some(Severity::P2));
}

#[test]
fn cases_of_one_thief_belong_together_and_findings_stay_where_they_are() {
    let mut world = World::new(with_autonomy("observe", &[]));
    let first = world.steal(60_000);
    world.now += 2 * 24 * 3_600_000;
    let second = world.steal(70_000);
    assert_ne!(first, second, "a day of quiet opens another case");
    assert_eq!(world.engine.group(second), [first, second].into());
    let line = format!("belongs with: {first}, because of the same sender");
    assert!(
        world.lines(second).iter().any(|one| one.starts_with(&line)),
        "{:#?}",
        world.lines(second)
    );
    assert!(world.lines(first).iter().any(|one| one.contains(&second.to_string())));
    let n_findings: Vec<usize> = world.engine.cases().map(|case| case.findings.len()).collect();
    assert_eq!(n_findings, [1, 1]);
    world.replay();
}
