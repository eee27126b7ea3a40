//! Transactions that are in no block yet: told, raced where the policy says so, never counted, and gone if they do not come.

use crate::fixtures::{CHAIN, config, reading, theft};
use alloy_primitives::B256;
use portcullis_decide::OnPending;
use portcullis_engine::{Effect, Engine, Entry, Event, PENDING_STANDS_BLOCKS, StepOutput};
use portcullis_types::{
    case_event::CaseEvent,
    chain::{BlockHead, BlockId, ChainEvent},
    evidence::{Evidence, Method},
    finding::FindingStatus,
    ids::{EffectId, Millis, Seq},
    money::Usd,
};

pub(crate) struct World {
    pub(crate) engine: Engine,
    seq: u64,
    height: u64,
    pub(crate) said: Vec<CaseEvent>,
}

pub(crate) fn block(number: u64) -> BlockId {
    let mut hash = B256::ZERO;
    hash.0[24..].copy_from_slice(&number.to_be_bytes());
    BlockId { number, hash }
}

impl World {
    pub(crate) fn new(on_pending: OnPending) -> Self {
        let mut world = Self { engine: Engine::new(), seq: 0, height: 0, said: Vec::new() };
        let mut config = config();
        config.protocols[0].policy.on_pending = on_pending;
        world.take(Event::Started { version: String::new(), config: Box::new(config) });
        world.mine(&[]);
        world.mine(&[]);
        world
    }

    fn take(&mut self, event: Event) -> StepOutput {
        self.seq += 1;
        let at = Millis(self.height * 12_000);
        let output = self.engine.step(&Entry { seq: Seq(self.seq), at, event }).unwrap();
        self.said.extend(output.case_events.clone());
        self.engine.check().unwrap();
        output
    }

    /// Mines a block with these transactions, and answers all that is asked.
    pub(crate) fn mine(&mut self, evidence: &[Evidence]) {
        self.height += 1;
        let (id, parent) = (block(self.height), block(self.height - 1).hash);
        let head = BlockHead { id, parent, timestamp: self.height * 12, transactions: 1 };
        let event = Event::Chain(ChainEvent::Committed { chain: CHAIN, head });
        let mut asked: Vec<(EffectId, Effect)> = self.take(event).effects;
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
                    let readings = probes.into_iter().map(|probe| reading(probe, false)).collect();
                    Event::Read { effect, chain, block, readings }
                }
                Effect::Act { .. } => continue,
            };
            asked.extend(self.take(answer).effects);
        }
    }

    /// A theft in the pool, as if in the next block.
    fn pending(&mut self, dollars: u32) -> (Evidence, StepOutput) {
        let evidence = theft(block(self.height + 1), dollars);
        let mut foreseen = evidence.clone();
        foreseen.block.hash = B256::repeat_byte(0xee);
        let output = self.take(Event::Pending { evidence: Box::new(foreseen) });
        (evidence, output)
    }

    fn n_actions(&self) -> usize {
        self.said.iter().filter(|event| matches!(event, CaseEvent::ActionIssued { .. })).count()
    }
}

#[test]
fn what_is_pending_is_told_and_not_acted_on_unless_the_policy_says_race() {
    for (on_pending, actions) in [(OnPending::Recommend, 0), (OnPending::Act, 1)] {
        let mut world = World::new(on_pending);
        let (evidence, output) = world.pending(200_000);
        assert!(world.engine.foresees(&evidence));
        let foreseen = |event: &CaseEvent| matches!(event, CaseEvent::FindingForeseen { .. });
        assert!(output.case_events.iter().any(foreseen), "{output:#?}");
        assert_eq!(world.n_actions(), actions, "{output:#?}");
        let case = world.engine.cases().next().unwrap();
        assert_eq!((case.loss(), case.live_findings().count()), (Usd::ZERO, 0));
        assert_eq!(case.pending_findings().count(), 1);
        let decision = case.decisions.last().unwrap();
        assert_eq!(decision.chosen.is_some(), on_pending == OnPending::Act);
        // The same transaction, told again, is no news.
        assert!(world.pending(200_000).1.case_events.is_empty());
    }
}

#[test]
fn once_it_is_mined_the_same_fact_counts() {
    let mut world = World::new(OnPending::Recommend);
    let (evidence, _) = world.pending(200_000);
    world.mine(&[evidence]);
    let case = world.engine.cases().next().unwrap();
    assert_eq!(world.engine.cases().count(), 1);
    assert_eq!(case.findings.len(), 1, "one fact, not two");
    let record = case.findings.values().next().unwrap();
    assert_eq!((record.status, record.block), (FindingStatus::Seen, block(world.height)));
    assert_eq!(case.loss(), Usd::dollars(200_000));
    assert_eq!(world.n_actions(), 1);
}

#[test]
fn what_never_comes_leaves_no_case_open() {
    let mut world = World::new(OnPending::Recommend);
    world.pending(200_000);
    for _ in 0..PENDING_STANDS_BLOCKS {
        assert!(!world.engine.cases().next().unwrap().dissolved);
        world.mine(&[]);
    }
    world.mine(&[]);
    let case = world.engine.cases().next().unwrap();
    assert!(case.dissolved && case.is_bare(), "{:#?}", case.timeline);
    assert_eq!((world.n_actions(), case.loss()), (0, Usd::ZERO));
}

/// 40,000 dollars are within the bound; twice as much within its window is not. What is pending is not in the sum.
#[test]
fn what_is_pending_changes_no_book() {
    let (mut one, mut other) = (World::new(OnPending::Act), World::new(OnPending::Act));
    for _ in 0..5 {
        let (evidence, output) = one.pending(40_000);
        assert!(!one.engine.foresees(&evidence) && output == StepOutput::default(), "{output:#?}");
    }
    for world in [&mut one, &mut other] {
        let next = block(world.height + 1);
        world.mine(&[theft(next, 40_000)]);
    }
    assert_eq!(one.said, other.said);
    assert_eq!(one.said, []);
}
