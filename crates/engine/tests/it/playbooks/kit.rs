//! What the tests of playbooks have in common: a playbook, people, and an engine that is told what happens.

use crate::fixtures::{CHAIN, config, reading, theft};
use alloy_primitives::{Address, B256, Bytes};
use portcullis_case::{
    CaseCommand, Command, Playbook, Roster, RunEvent,
    playbook::{read, read_roster},
    run::{EffectKind, RunEffectId},
};
use portcullis_engine::{Config, Effect, Engine, Entry, Event, StepOutput};
use portcullis_types::{
    action::{Action, Intent, Outcome},
    chain::{BlockHead, BlockId, ChainEvent},
    evidence::{Evidence, Method},
    ids::{CaseId, EffectId, Millis, Seq},
};

pub(crate) const PLAYBOOK: &str = r#"
id: drain
title: Funds are leaving
version: 1
severity: P1
description: For tests.
triggers: {detectors: [gross-outflow]}
roles:
  - {role: incidentCommander, people: 1, duties: leads}
  - {role: protocolEngineer, people: 1, duties: builds}
undoApproval: {roles: [incidentCommander, protocolEngineer], quorum: 2}
steps:
  - {id: lead, title: Lead, owner: incidentCommander, clock: {minutes: 5, escalate: protocolEngineer}, instructions: go, kind: checklist, checklist: [go]}
  - id: pause
    title: Pause
    owner: protocolEngineer
    clock: {minutes: 5, escalate: incidentCommander}
    instructions: pause
    kind: action
    lever: stop
    undo: release
    postCondition: {address: funds, function: "paused()", expected: "true"}
    dependsOn: [lead]
  - id: where
    title: Where are the funds
    owner: protocolEngineer
    clock: {minutes: 5, escalate: incidentCommander}
    instructions: look
    kind: action
    query: attacker-holdings
    dependsOn: [lead]
  - id: report
    title: Report
    owner: incidentCommander
    clock: {minutes: 60, escalate: protocolEngineer}
    instructions: report
    kind: checklist
    checklist: [report]
    dependsOn: [lead]
    when: {lossAtLeast: 500000}
"#;

pub(crate) const AGREED: &str =
    "    approval: {roles: [signer], quorum: 1}\n    dependsOn: [lead]\n  - id: where";

pub(crate) fn roster(signer: Address) -> Roster {
    let text = format!(
        "people:\n  - {{name: ada, roles: [incidentCommander], signer: \"{signer}\"}}\n  - {{name: ben, roles: \
         [protocolEngineer]}}\nlevers: {{stop: pause-market}}\naddresses: {{funds: market}}\n"
    );
    read_roster("roster.yaml", &text).unwrap()
}

pub(crate) fn playbook() -> Playbook {
    read("drain.yaml", PLAYBOOK).unwrap()
}

/// The same, where a signer must agree to the pause.
pub(crate) fn agreed() -> Playbook {
    let text = PLAYBOOK.replace("    dependsOn: [lead]\n  - id: where", AGREED);
    read("drain.yaml", &text).unwrap()
}

pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) journal: Vec<Entry>,
    pub(crate) seq: u64,
    pub(crate) height: u64,
    pub(crate) now: u64,
    pub(crate) actions: Vec<Action>,
    /// Actions that are under way and that nobody has answered.
    pub(crate) open: Vec<EffectId>,
    pub(crate) paused: bool,
    pub(crate) holds_at_once: bool,
}

pub(crate) fn block(number: u64) -> BlockId {
    let mut hash = B256::ZERO;
    hash.0[24..].copy_from_slice(&number.to_be_bytes());
    BlockId { number, hash }
}

pub(crate) fn with_autonomy(autonomy: &str, guardians: &[Address]) -> Config {
    let mut config = config();
    let mut policy =
        serde_json::json!({"autonomy": autonomy, "coolDownSeconds": 0, "pullsPerDayMax": 50});
    if !guardians.is_empty() {
        policy["guardians"] = serde_json::json!({
            "addresses": guardians, "signatures": 1, "approveSeconds": 120, "ratifySeconds": 180,
        });
    }
    config.protocols[0].policy = serde_json::from_value(policy).unwrap();
    config
}

impl World {
    pub(crate) fn new(config: Config) -> Self {
        let mut world = Self {
            engine: Engine::new(),
            journal: Vec::new(),
            seq: 0,
            height: 0,
            now: 0,
            actions: Vec::new(),
            open: Vec::new(),
            paused: false,
            holds_at_once: true,
        };
        let started = Event::Started { version: String::new(), config: Box::new(config) };
        let output = world.take(started);
        world.answer(output, &[]);
        world.mine(&[]);
        world.mine(&[]);
        world
    }

    pub(crate) fn take(&mut self, event: Event) -> StepOutput {
        self.seq += 1;
        let text = serde_json::to_string(&event).unwrap();
        let read: Event = serde_json::from_str(&text).unwrap();
        assert_eq!(read, event, "{text}");
        let entry = Entry { seq: Seq(self.seq), at: Millis(self.now), event };
        let output = self.engine.step(&entry).unwrap();
        self.journal.push(entry);
        self.engine.check().unwrap();
        output
    }

    pub(crate) fn mine(&mut self, evidence: &[Evidence]) {
        self.height += 1;
        self.now += 12_000;
        let (id, parent) = (block(self.height), block(self.height - 1).hash);
        let head = BlockHead { id, parent, timestamp: self.height * 12, transactions: 1 };
        let output = self.take(Event::Chain(ChainEvent::Committed { chain: CHAIN, head }));
        self.answer(output, evidence);
    }

    pub(crate) fn answer(&mut self, output: StepOutput, evidence: &[Evidence]) {
        let mut asked: Vec<(EffectId, Effect)> = output.effects;
        while let Some((effect, what)) = asked.pop() {
            let answer = match what {
                Effect::Inspect { chain, block } => Event::Inspected {
                    effect,
                    chain,
                    block,
                    transactions: 1,
                    method: Method::NodeTraces,
                    evidence: evidence.to_vec(),
                },
                Effect::Read { chain, block, probes } => {
                    let paused = self.paused;
                    let readings = probes.into_iter().map(|probe| reading(probe, paused)).collect();
                    Event::Read { effect, chain, block, readings }
                }
                Effect::Act { action, .. } => {
                    self.actions.push(*action.clone());
                    if !self.holds_at_once {
                        self.open.push(effect);
                        continue;
                    }
                    self.paused = action.intent != Intent::Release;
                    let outcome = Outcome::Held { block: block(self.height), by_us: true };
                    Event::Acted { action: effect, outcome }
                }
            };
            asked.extend(self.take(answer).effects);
        }
    }

    pub(crate) fn steal(&mut self, dollars: u32) -> CaseId {
        let next = block(self.height + 1);
        self.mine(&[theft(next, dollars)]);
        self.drive();
        self.engine.cases().next_back().unwrap().id
    }

    /// What the program does after every entry.
    pub(crate) fn drive(&mut self) {
        for _ in 0..1_000 {
            let Some(event) = self.engine.follow_up(Millis(self.now)) else { return };
            let output = self.take(event);
            self.answer(output, &[]);
        }
        panic!("it goes on for ever: {:#?}", &self.journal[self.journal.len() - 5..]);
    }

    pub(crate) fn begin(&mut self, case: CaseId, playbook: Playbook, roster: Roster) -> Seq {
        self.engine.judge_start(case, "ada", &playbook).unwrap();
        let (playbook, roster) = (Box::new(playbook), Box::new(roster));
        self.take(Event::PlaybookStarted { case, by: "ada".into(), playbook, roster });
        let run = Seq(self.seq);
        self.drive();
        run
    }

    pub(crate) fn say(
        &mut self,
        case: CaseId,
        run: Seq,
        event: RunEvent,
        signature: Option<Bytes>,
    ) -> Result<(), portcullis_engine::Refusal> {
        let now = Millis(self.now);
        let judged = self.engine.judge_playbook(case, run, &event, signature.as_ref(), now);
        let before = format!("{:?}", self.engine.runs(case).collect::<Vec<_>>());
        if judged.is_err() {
            // Journaled all the same it changes nothing.
            self.take(Event::Playbook { case, run, event, signature });
            let after = format!("{:?}", self.engine.runs(case).collect::<Vec<_>>());
            assert_eq!(before, after);
            return judged;
        }
        let output = self.take(Event::Playbook { case, run, event, signature });
        self.answer(output, &[]);
        self.drive();
        judged
    }

    pub(crate) fn status(&self, case: CaseId, step: &str) -> &'static str {
        let (_, run) = self.engine.runs(case).last().unwrap();
        run.step(step).unwrap().status.name()
    }

    pub(crate) fn open_errand(&self, kind: EffectKind) -> Option<RunEffectId> {
        self.engine.errands().into_iter().map(|errand| errand.id).find(|id| id.kind == kind)
    }

    pub(crate) fn lines(&self, case: CaseId) -> Vec<String> {
        let case = self.engine.cases().find(|one| one.id == case).unwrap();
        case.timeline.iter().map(|line| format!("{}: {}", line.what, line.text)).collect()
    }

    /// A second engine over the same entries is in the same state, and has the same things left to do.
    pub(crate) fn replay(&self) -> Engine {
        let mut other = Engine::new();
        for entry in &self.journal {
            other.step(entry).unwrap();
        }
        for case in self.engine.cases() {
            let twin = other.cases().find(|one| one.id == case.id).unwrap();
            assert_eq!(twin, case);
            let runs: Vec<_> = self.engine.runs(case.id).collect();
            assert_eq!(other.runs(case.id).collect::<Vec<_>>(), runs);
        }
        assert_eq!(other.errands(), self.engine.errands());
        assert_eq!(other.next_expiry(), self.engine.next_expiry());
        other
    }
}

pub(crate) fn done(step: &str, who: &str) -> RunEvent {
    RunEvent::Done { step: step.into(), who: who.into(), note: "so".into() }
}

pub(crate) fn command(who: &str, when: u64, what: Command) -> CaseCommand {
    CaseCommand { who: who.into(), when: Millis(when), what }
}

/// A point of the curve as a signature: for every text it is somebody's.
pub(crate) fn signature() -> Bytes {
    let mut bytes = [0x10; 65];
    bytes[64] = 27;
    Bytes::copy_from_slice(&bytes)
}
