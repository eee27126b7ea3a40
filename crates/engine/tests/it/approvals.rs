//! Rungs on which people have a say: signatures before a pull, ratification after one, and what silence leads to.

use crate::fixtures::{CHAIN, config, reading, theft};
use alloy_primitives::{Address, B256, Bytes};
use portcullis_decide::{Context, approval::signer};
use portcullis_engine::{Config, Effect, Engine, Entry, Event, StepOutput};
use portcullis_types::{
    action::{Action, Intent, Outcome, Rung},
    approval::{Approval, ApprovalKind, ApprovalRequest, NotApproved},
    case_event::CaseEvent,
    chain::{BlockHead, BlockId, ChainEvent},
    decision::ContextKind,
    evidence::{Evidence, Method},
    ids::{CaseId, EffectId, Millis, Seq},
};

/// Points of the curve as signatures: for every text each is somebody's, so that whose is known only once it is asked for.
const ONE: [u8; 65] = signature(0x10);
const OTHER: [u8; 65] = signature(0x12);

const fn signature(fill: u8) -> [u8; 65] {
    let mut bytes = [fill; 65];
    bytes[64] = 27;
    bytes
}

struct World {
    engine: Engine,
    /// What a second engine makes of the same entries.
    twin: Engine,
    seq: u64,
    height: u64,
    now: u64,
    said: Vec<CaseEvent>,
    actions: Vec<Action>,
    paused: bool,
}

fn block(number: u64) -> BlockId {
    let mut hash = B256::ZERO;
    hash.0[24..].copy_from_slice(&number.to_be_bytes());
    BlockId { number, hash }
}

fn policy(autonomy: &str, guardians: &[Address], signatures: u32) -> Config {
    let mut config = config();
    config.protocols[0].policy = serde_json::from_value(serde_json::json!({
        "autonomy": autonomy, "coolDownSeconds": 0, "pullsPerDayMax": 50,
        "guardians": {"addresses": guardians, "signatures": signatures, "approveSeconds": 120, "ratifySeconds": 180},
    }))
    .unwrap();
    config
}

impl World {
    fn new(config: Config) -> Self {
        let mut world = Self {
            engine: Engine::new(),
            twin: Engine::new(),
            seq: 0,
            height: 0,
            now: 0,
            said: Vec::new(),
            actions: Vec::new(),
            paused: false,
        };
        world.start(config);
        world.mine(&[]);
        world.mine(&[]);
        world
    }

    fn start(&mut self, config: Config) {
        let output = self.take(Event::Started { version: String::new(), config: Box::new(config) });
        self.answer(output, &[]);
    }

    fn take(&mut self, event: Event) -> StepOutput {
        self.seq += 1;
        let entry = Entry { seq: Seq(self.seq), at: Millis(self.now), event };
        let output = self.engine.step(&entry).unwrap();
        // Through the journal and back, and the same again.
        let read: Event =
            serde_json::from_str(&serde_json::to_string(&entry.event).unwrap()).unwrap();
        assert_eq!(read, entry.event);
        assert_eq!(self.twin.step(&Entry { event: read, ..entry }).unwrap(), output);
        self.said.extend(output.case_events.clone());
        self.engine.check().unwrap();
        output
    }

    /// Mines a block with these transactions, and answers all that is asked. What is pulled holds at once.
    fn mine(&mut self, evidence: &[Evidence]) {
        self.height += 1;
        self.now += 12_000;
        let (id, parent) = (block(self.height), block(self.height - 1).hash);
        let head = BlockHead { id, parent, timestamp: self.height * 12, transactions: 1 };
        let output = self.take(Event::Chain(ChainEvent::Committed { chain: CHAIN, head }));
        self.answer(output, evidence);
    }

    fn answer(&mut self, output: StepOutput, evidence: &[Evidence]) {
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
                    self.paused = action.intent != Intent::Release;
                    self.actions.push(*action);
                    let outcome = Outcome::Held { block: block(self.height), by_us: true };
                    Event::Acted { action: effect, outcome }
                }
            };
            asked.extend(self.take(answer).effects);
        }
    }

    fn steal(&mut self) {
        let next = block(self.height + 1);
        self.mine(&[theft(next, 300_000)]);
    }

    fn wait(&mut self, seconds: u64) {
        self.now += seconds * 1_000;
        let output = self.take(Event::Tick);
        self.answer(output, &[]);
    }

    fn asked(&self) -> Vec<ApprovalRequest> {
        self.engine.approvals_asked().map(|asked| asked.request.clone()).collect()
    }

    /// What is asked for, and nothing else is.
    fn request(&self) -> ApprovalRequest {
        let asked = self.asked();
        assert_eq!(asked.len(), 1, "{:#?}", self.said);
        asked[0].clone()
    }

    fn hand_in(&mut self, approval: &Approval) -> Result<Address, NotApproved> {
        let judged = self.engine.judge(approval, Millis(self.now)).map(|(who, _)| who);
        let output = self.take(Event::Approval { approval: approval.clone() });
        if judged.is_err() {
            assert_eq!(output.case_events, [], "what does not count changes nothing");
        }
        self.answer(output, &[]);
        judged
    }

    fn intents(&self) -> Vec<(Intent, u64)> {
        self.actions.iter().map(|action| (action.intent, action.lever.hold_seconds)).collect()
    }

    fn lapsed(&self) -> Vec<ApprovalKind> {
        let lapsed = self.said.iter().filter_map(|event| match event {
            CaseEvent::ApprovalLapsed { kind, .. } => Some(*kind),
            _ => None,
        });
        lapsed.collect()
    }
}

fn approval(request: &ApprovalRequest, signature: [u8; 65]) -> Approval {
    Approval {
        kind: request.kind,
        case: request.case,
        lever: request.lever.clone(),
        decision: request.decision,
        signature: Bytes::copy_from_slice(&signature),
    }
}

fn who(request: &ApprovalRequest, signature: [u8; 65]) -> Address {
    match signer(request, &approval(request, signature), &[]) {
        Err(NotApproved::NotAGuardian(who)) => who,
        other => panic!("{other:?}"),
    }
}

/// A world where `steps` lead to one request, with guardians who are those that sign it: found out in a world without them.
fn with_guardians(
    autonomy: &str,
    signatures: u32,
    steps: impl Fn(&mut World),
) -> (World, ApprovalRequest) {
    let nobody = [Address::repeat_byte(1), Address::repeat_byte(2)];
    let mut trial = World::new(policy(autonomy, &nobody, signatures));
    steps(&mut trial);
    let request = trial.request();
    let guardians = [who(&request, ONE), who(&request, OTHER)];
    let mut world = World::new(policy(autonomy, &guardians, signatures));
    steps(&mut world);
    assert_eq!(world.request(), request, "guardians are no part of what is signed");
    (world, request)
}

#[test]
fn a_lever_is_pulled_once_enough_guardians_have_signed() {
    let (mut world, request) = with_guardians("signature", 2, World::steal);
    assert_eq!((request.kind, request.signatures), (ApprovalKind::Pull, 2));
    assert!(world.actions.is_empty());
    assert_eq!(world.engine.next_expiry(), Some(request.deadline));
    let sentence = &world.engine.cases().next().unwrap().decisions[0].sentence;
    assert!(sentence.contains("waits for guardians to sign"), "{sentence}");
    let (one, other) = (approval(&request, ONE), approval(&request, OTHER));
    let first = world.hand_in(&one).unwrap();
    assert_eq!(world.hand_in(&one), Err(NotApproved::Again(first)));
    assert!(world.actions.is_empty(), "one of two");
    world.hand_in(&other).unwrap();
    assert_eq!(world.intents(), [(Intent::Pull, 600)]);
    // Used up: neither counts again.
    assert_eq!(world.hand_in(&one), Err(NotApproved::NotAsked));
    assert_eq!(world.hand_in(&other), Err(NotApproved::NotAsked));
    assert_eq!(world.actions.len(), 1);
    let last = world.engine.cases().next().unwrap().decisions.last().unwrap().sentence.clone();
    assert!(last.ends_with("as guardians have signed"), "{last}");
}

#[test]
fn what_is_not_signed_in_time_is_asked_anew_and_the_old_signature_is_worthless() {
    let (mut world, request) = with_guardians("signature", 1, World::steal);
    let stranger = approval(&request, signature(0x15));
    assert!(matches!(world.hand_in(&stranger), Err(NotApproved::NotAGuardian(_))));
    let elsewhere = Approval { case: CaseId(Seq(999)), ..approval(&request, ONE) };
    assert_eq!(world.hand_in(&elsewhere), Err(NotApproved::NotAsked));
    world.wait(119);
    assert_eq!(world.request(), request);
    // At the deadline itself it is late, even before anybody has noticed.
    world.now = request.deadline.0;
    assert_eq!(
        world.engine.judge(&approval(&request, ONE), Millis(world.now)).map(|_| ()),
        Err(NotApproved::TooLate)
    );
    world.wait(0);
    assert_eq!(world.lapsed(), [ApprovalKind::Pull]);
    let anew = world.request();
    assert!(anew.decision > request.decision && anew.deadline > request.deadline);
    assert_eq!(world.hand_in(&approval(&request, ONE)), Err(NotApproved::NotAsked));
    let replayed = Approval { decision: anew.decision, ..approval(&request, ONE) };
    assert!(world.hand_in(&replayed).is_err(), "signed for the number before");
    assert!(world.actions.is_empty());
    // More thefts do not make more requests; days later nobody is asked any more.
    world.steal();
    assert_eq!(world.request(), anew);
    for _ in 0..1_000 {
        world.wait(120);
    }
    assert_eq!(world.asked(), [], "the case is over");
}

#[test]
fn a_pull_that_is_ratified_is_held_to_the_end_of_its_time() {
    let (mut world, request) = with_guardians("ratify", 1, World::steal);
    assert_eq!(request.kind, ApprovalKind::Ratify);
    assert_eq!(world.intents(), [(Intent::Pull, 180)], "pulled, and held for less");
    assert_eq!(world.engine.next_expiry(), Some(request.deadline));
    world.hand_in(&approval(&request, ONE)).unwrap();
    let pulled_at = request.deadline.0 - 180_000;
    assert_eq!(world.engine.next_expiry(), Some(Millis(pulled_at + 600_000)));
    world.wait(300);
    assert_eq!(world.actions.len(), 1, "it is not let go");
    world.wait(300);
    assert_eq!(world.intents()[1].0, Intent::Release);
    assert_eq!(world.lapsed(), []);
}

#[test]
fn a_pull_that_is_not_ratified_is_let_go_and_its_rung_waits_for_people() {
    let silence = |world: &mut World| {
        world.steal();
        world.wait(180);
    };
    let (mut world, resume) = with_guardians("ratify", 1, silence);
    assert_eq!(world.lapsed(), [ApprovalKind::Ratify]);
    let intents: Vec<Intent> = world.actions.iter().map(|action| action.intent).collect();
    assert_eq!(intents, [Intent::Pull, Intent::Release]);
    assert_eq!((resume.kind, resume.rung), (ApprovalKind::Resume, Rung::Market));
    // The attack goes on, and nothing is pulled unattended.
    world.steal();
    assert_eq!(world.actions.len(), 2);
    let kinds: Vec<ApprovalKind> = world.asked().iter().map(|request| request.kind).collect();
    assert_eq!(kinds, [ApprovalKind::Pull, ApprovalKind::Resume]);
    let last = world.engine.cases().next().unwrap().decisions.last().unwrap().sentence.clone();
    assert!(last.contains("a pull was not ratified"), "{last}");
    // Until people decide.
    world.hand_in(&approval(&resume, ONE)).unwrap();
    world.steal();
    assert_eq!(world.actions.len(), 3, "{last}");
}

#[test]
fn a_change_of_the_policy_is_a_decision_of_people_and_any_other_change_is_not() {
    let silence = |world: &mut World| {
        world.steal();
        world.wait(180);
    };
    let (mut world, _) = with_guardians("ratify", 1, silence);
    let mut changed = world.engine.config().unwrap().clone();
    changed.chains[0].confirmed_depth = 3;
    world.start(changed.clone());
    assert_eq!(world.request().kind, ApprovalKind::Resume, "still barred");
    changed.protocols[0].policy.autonomy = portcullis_decide::Autonomy::Act.into();
    world.start(changed);
    assert_eq!(world.asked(), []);
    world.steal();
    assert_eq!(world.actions.last().map(|action| action.intent), Some(Intent::Pull));
}

#[test]
fn context_raises_the_prior_and_pulls_nothing_by_itself() {
    let decided = |with: bool, steal: bool| {
        let mut config = config();
        config.protocols[0].policy.context = with.then(|| Context {
            sources: [(ContextKind::FailedAttempts, vec!["gross-outflow".to_owned()])].into(),
            ..Context::default()
        });
        // A second limit, far below the first, of which nothing is known yet.
        let young = serde_json::json!({
            "detector": "gross-outflow", "maturity": "incubating",
            "limits": [{ "asset": "USDC", "windowSeconds": 12, "maxAmount": "1000" }],
        });
        config.protocols[0].detectors.push(serde_json::from_value(young).unwrap());
        let mut world = World::new(config);
        let next = block(world.height + 1);
        world.mine(&[theft(next, 10_000)]);
        if steal {
            world.steal();
        }
        let case = world.engine.cases().next().expect("a case").clone();
        (case.decisions.last().unwrap().clone(), world.actions.len())
    };
    let (quiet, actions) = decided(true, false);
    assert_eq!(actions, 0, "DEC-1: {}", quiet.sentence);
    let context = quiet.context.clone().expect("context");
    assert_eq!(context.facts[0].kind, ContextKind::FailedAttempts);
    assert!(quiet.sentence.contains("attempts failed (×5)"), "{}", quiet.sentence);
    let (plain, _) = decided(false, false);
    assert!(plain.context.is_none() && plain.probability < quiet.probability);
    let (attacked, actions) = decided(true, true);
    assert!(actions == 1 && attacked.probability > decided(false, true).0.probability);
}
