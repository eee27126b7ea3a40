mod crash;

use std::collections::BTreeSet;

use super::*;
use crate::{
    playbook::{read, read_roster},
    severity::Severity,
};
use portcullis_types::money::Usd;

const PLAYBOOK: &str = r#"
id: small
title: A small one
version: 1
severity: P1
description: For tests.
triggers: {classes: [drain]}
roles:
  - {role: incidentCommander, people: 1, duties: leads}
  - {role: protocolEngineer, people: 1, duties: builds}
  - {role: scribe, people: 1, duties: writes}
undoApproval: {roles: [incidentCommander, protocolEngineer], quorum: 2}
steps:
  - {id: lead, title: Lead, owner: incidentCommander, clock: {minutes: 5, escalate: scribe}, instructions: go, kind: checklist, checklist: [go]}
  - id: agree
    title: Agree
    owner: incidentCommander
    clock: {minutes: 5, escalate: scribe}
    instructions: agree
    kind: approval
    approval: {roles: [signer], quorum: 2}
    dependsOn: [lead]
  - id: pause
    title: Pause
    owner: protocolEngineer
    clock: {minutes: 5, escalate: incidentCommander}
    instructions: pause
    kind: action
    lever: stop
    undo: release
    postCondition: {address: funds, function: "paused()", expected: "true"}
    dependsOn: [agree]
  - id: wider
    title: Pause all
    owner: protocolEngineer
    clock: {minutes: 5, escalate: incidentCommander}
    instructions: pause
    kind: action
    lever: all
    undo: release
    postCondition: {address: funds, function: "paused()", expected: "true"}
    dependsOn: [pause]
    when: {failed: pause}
  - id: tell
    title: Tell
    owner: scribe
    clock: {minutes: 60, escalate: incidentCommander}
    instructions: tell
    kind: message
    message: {audience: public, text: "we stopped"}
    undo: {instructions: say that it was wrong}
    dependsOn: [pause, wider]
  - id: report
    title: Report
    owner: scribe
    clock: {minutes: 60, escalate: incidentCommander}
    instructions: report
    kind: checklist
    checklist: [report]
    dependsOn: [lead]
    when: {severityAtLeast: P2, lossAtLeast: 1000}
"#;

const ROSTER: &str = r#"
people:
  - {name: ada, roles: [incidentCommander], signer: "0x00000000000000000000000000000000000000a1"}
  - {name: ben, roles: [protocolEngineer], signer: "0x00000000000000000000000000000000000000a2"}
  - {name: bea, roles: [protocolEngineer], signer: "0x00000000000000000000000000000000000000A2"}
  - {name: cleo, roles: [scribe]}
levers: {stop: vault-pause}
addresses: {funds: vault}
"#;

/// The program around a run: a journal, a clock, and a world that takes an id once.
struct Program {
    run: PlaybookRun,
    journal: Vec<RunEntry>,
    now: u64,
    performed: BTreeSet<RunEffectId>,
}

fn fresh() -> PlaybookRun {
    let playbook = read("small.yaml", PLAYBOOK).unwrap();
    let roster = read_roster("roster.yaml", ROSTER).unwrap();
    PlaybookRun::start((CaseId(Seq(1)), Seq(5), Millis(0)), playbook, roster, Facts::default())
}

impl Program {
    fn new() -> Self {
        Self { run: fresh(), journal: Vec::new(), now: 0, performed: BTreeSet::new() }
    }

    fn tell(&mut self, event: RunEvent) -> Result<(), RunRefusal> {
        let seq = Seq(6 + self.journal.len() as u64);
        let entry = RunEntry { seq, at: Millis(self.now), event };
        let before = self.run.clone();
        let answer = self.run.apply(&entry);
        if answer.is_ok() {
            self.journal.push(entry);
        } else {
            assert_eq!(self.run, before, "refused and changed");
        }
        answer
    }

    /// Issues what is due; performs it unless the program dies in between.
    fn drive(&mut self, dies: bool) {
        loop {
            let due = self.run.next(Millis(self.now));
            let Some((id, _)) = due.first().cloned() else { break };
            self.tell(RunEvent::Issued { effect: id.clone() }).unwrap();
            if dies {
                break;
            }
            self.performed.insert(id);
        }
    }

    fn restart(&mut self) {
        let mut again = fresh();
        let journal = serde_json::to_string(&self.journal).unwrap();
        for entry in serde_json::from_str::<Vec<RunEntry>>(&journal).unwrap() {
            again.apply(&entry).unwrap();
        }
        assert_eq!(again, self.run);
        let stored = serde_json::to_string(&again).unwrap();
        assert_eq!(serde_json::from_str::<PlaybookRun>(&stored).unwrap(), again);
        self.run = again;
        for (id, _) in self.run.outstanding() {
            self.performed.insert(id);
        }
    }

    fn say(&mut self, event: impl Into<RunEvent>) -> Result<(), RunRefusal> {
        let answer = self.tell(event.into());
        self.drive(false);
        answer
    }

    fn status(&self, step: &str) -> &'static str {
        self.run.step(step).unwrap().status.name()
    }

    fn open(&self, kind: EffectKind) -> RunEffectId {
        let found = self.run.outstanding().into_iter().find(|(id, _)| id.kind == kind);
        found.unwrap_or_else(|| panic!("no open {kind:?}: {:?}", self.run.outstanding())).0
    }

    fn ended(&mut self, kind: EffectKind, failure: Option<&str>) -> Result<(), RunRefusal> {
        let (effect, by) = (self.open(kind), "0xwarden".to_owned());
        let failure = failure.map(str::to_owned);
        self.say(RunEvent::Ended { effect, by, failure, note: String::new() })
    }

    fn checked(&mut self, by: &str, answer: Answer) -> Result<(), RunRefusal> {
        let effect = self.open(EffectKind::CheckPostCondition);
        self.say(RunEvent::Checked { effect, by: by.into(), answer })
    }
}

fn done(step: &str, who: &str) -> RunEvent {
    RunEvent::Done { step: step.into(), who: who.into(), note: "so".into() }
}

fn approved(step: &str, who: &str) -> RunEvent {
    RunEvent::Approved { step: step.into(), who: who.into() }
}

/// Up to the lever that is being pulled.
fn pulling() -> Program {
    let mut program = Program::new();
    program.drive(false);
    program.say(done("lead", "ada")).unwrap();
    program.say(approved("agree", "ada")).unwrap();
    program.say(approved("agree", "ben")).unwrap();
    program
}

#[test]
fn a_run_goes_its_way() {
    let mut program = pulling();
    assert_eq!(program.status("agree"), "done");
    let lever = program.run.outstanding().into_iter().find_map(|(_, effect)| match effect {
        Effect::PullLever { lever } => Some(lever),
        _ => None,
    });
    assert_eq!(lever.as_deref(), Some("vault-pause"), "by its name in the configuration");
    program.ended(EffectKind::StartAction, None).unwrap();
    assert_eq!(program.status("pause"), "checking");
    let refusal = program.checked("0xwarden", Answer::Holds).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "pause: whoever did it does not say whether it worked; let somebody else look"
    );
    program.checked("node b", Answer::CouldNotLook { why: "no answer".into() }).unwrap();
    assert_eq!(program.status("pause"), "checking", "that was no answer");
    program.checked("node b", Answer::Holds).unwrap();
    assert_eq!(program.status("wider"), "skipped");
    program.say(done("tell", "cleo")).unwrap();
    program.say(done("report", "cleo")).unwrap();
    assert!(program.run.is_over());
    program.restart();
}

#[test]
fn nobody_counts_twice_and_strangers_do_not_count() {
    let mut program = Program::new();
    assert!(program.say(approved("agree", "ada")).is_err(), "not asked yet");
    program.say(done("lead", "ada")).unwrap();
    program.say(approved("agree", "ben")).unwrap();
    for (who, why) in [
        ("ben", "counted already"),
        ("bea", "counted already"),
        ("cleo", "none of the roles"),
        ("eve", "not in the roster"),
    ] {
        let refusal = program.say(approved("agree", who)).unwrap_err();
        assert!(refusal.to_string().contains(why), "{refusal}");
    }
    assert_eq!(program.status("agree"), "awaitingApproval");
    let withdrawn = RunEvent::ApprovalWithdrawn { step: "agree".into(), who: "ben".into() };
    program.say(withdrawn).unwrap();
    program.say(approved("agree", "ada")).unwrap();
    assert_eq!(program.status("agree"), "awaitingApproval");
    program.say(approved("agree", "bea")).unwrap();
    assert_eq!(program.status("pause"), "running");
}

#[test]
fn objections_end_a_quorum_and_a_skipped_approval_stops_the_lever() {
    let mut program = Program::new();
    program.say(done("lead", "ada")).unwrap();
    let no = |who: &str| RunEvent::Objected {
        step: "agree".into(),
        who: who.into(),
        why: "costs more".into(),
    };
    program.say(no("ada")).unwrap();
    assert_eq!(program.status("agree"), "failed");
    let skip = |who: &str, why: &str| RunEvent::Skipped {
        step: "agree".into(),
        who: who.into(),
        why: why.into(),
    };
    assert!(program.say(skip("ada", " ")).is_err(), "a reason is needed");
    program.say(skip("ada", "false alarm")).unwrap();
    assert_eq!((program.status("pause"), program.status("wider")), ("skipped", "skipped"));
    assert_eq!(program.status("tell"), "ready");
}

#[test]
fn what_fails_is_replaced_retried_or_undone() {
    let mut program = pulling();
    program.ended(EffectKind::StartAction, Some("reverted")).unwrap();
    assert_eq!((program.status("pause"), program.status("wider")), ("failed", "running"));
    program.ended(EffectKind::StartAction, None).unwrap();
    program.checked("node b", Answer::DoesNotHold { found: "false".into() }).unwrap();
    assert_eq!(program.status("wider"), "failed");
    let retry = RunEvent::Retried { step: "pause".into(), who: "ben".into() };
    program.say(retry).unwrap();
    assert_eq!(program.open(EffectKind::StartAction).attempt, 2);
    program.ended(EffectKind::StartAction, None).unwrap();
    program.checked("node b", Answer::Holds).unwrap();
    assert_eq!(program.status("tell"), "waiting", "the other one has failed");
    let order = |who: &str| RunEvent::UndoOrdered { who: who.into(), why: "wrong".into() };
    program.say(order("ben")).unwrap();
    assert!(program.say(order("bea")).is_err(), "one key, one voice");
    program.say(order("ada")).unwrap();
    // `pause` took effect last and goes first; `wider` was pulled although its view said no.
    assert_eq!((program.status("pause"), program.status("wider")), ("undoing", "failed"));
    program.ended(EffectKind::StartUndo, Some("reverted")).unwrap();
    assert_eq!(program.status("pause"), "undoFailed");
    program.say(RunEvent::Retried { step: "pause".into(), who: "ada".into() }).unwrap();
    program.ended(EffectKind::StartUndo, None).unwrap();
    assert_eq!((program.status("pause"), program.status("wider")), ("undone", "undoing"));
    program.ended(EffectKind::StartUndo, None).unwrap();
    assert!(program.run.is_over());
    program.restart();
}

#[test]
fn a_fallback_makes_good_and_undo_waits_for_the_machine() {
    let mut program = pulling();
    let order = |who: &str| RunEvent::UndoOrdered { who: who.into(), why: "wrong".into() };
    program.say(order("ada")).unwrap();
    program.say(order("ben")).unwrap();
    assert_eq!(program.status("pause"), "running", "its outcome is not known");
    assert!(program.run.outstanding().iter().any(|(id, _)| id.kind == EffectKind::StartAction));
    program.ended(EffectKind::StartAction, None).unwrap();
    assert_eq!(program.status("pause"), "undoing");
    let mut program = pulling();
    program.ended(EffectKind::StartAction, Some("reverted")).unwrap();
    program.ended(EffectKind::StartAction, None).unwrap();
    program.checked("ada", Answer::Holds).unwrap();
    assert_eq!((program.status("wider"), program.status("tell")), ("done", "ready"));
}

#[test]
fn clocks_escalate_once_and_further() {
    let mut program = Program::new();
    program.drive(false);
    let mut seen = Vec::new();
    for minute in 0..12 {
        program.now = minute * 60_000;
        for (id, _) in program.run.next(Millis(program.now)) {
            seen.push((minute, id.kind));
        }
        program.drive(false);
    }
    assert_eq!(seen, [(5, EffectKind::Escalate), (10, EffectKind::EscalateFurther)]);
    let page = program.open(EffectKind::Page);
    program.say(RunEvent::Undelivered { effect: page.clone(), why: "no channel".into() }).unwrap();
    assert_eq!(program.open(EffectKind::Page).delivery, 1, "told again under a new id");
    assert!(program.say(RunEvent::Delivered { effect: page }).is_err(), "answered once");
}

#[test]
fn a_new_grade_brings_back_what_it_had_skipped() {
    let mut program = Program::new();
    let facts = |severity, dollars| RunEvent::FactsChanged {
        facts: Facts { severity, classes: None, loss: Some(Usd::dollars(dollars)) },
    };
    program.say(facts(Some(Severity::P3), 5_000)).unwrap();
    program.say(done("lead", "ada")).unwrap();
    assert_eq!(program.status("report"), "skipped");
    program.say(facts(Some(Severity::P1), 999)).unwrap();
    assert_eq!(program.status("report"), "skipped");
    program.say(facts(None, 1_000)).unwrap();
    assert_eq!(program.status("report"), "ready", "in doubt it is done");
}
