//! The outside world: a chain that forks, answers late, twice or never, and a process that dies.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{B256, Bytes};
use portcullis_engine::{Effect, Engine, Entry, Event, StepOutput};
use portcullis_types::{
    action::{Intent, Outcome},
    chain::{BlindCause, BlockHead, BlockId, ChainEvent},
    evidence::Method,
    ids::{EffectId, Millis, Seq},
};
use proptest::prelude::*;

use crate::fixtures::{CHAIN, config, reading, theft};

/// One move of the outside world.
#[derive(Debug, Clone)]
pub(crate) enum Move {
    /// A block with a transaction that takes this many dollars.
    Block(u32),
    /// The last so many blocks are replaced by as many others, and one more.
    Reorg(u8),
    /// The oldest unanswered inspection or reading is answered.
    Answer,
    /// The newest unanswered one is answered: late answers overtake.
    AnswerNewest,
    /// An answer that was given already is given again.
    AnswerAgain,
    /// A block cannot be looked at for now.
    Blind,
    /// The oldest action under way comes one stage further.
    Advance,
    /// It ends badly.
    Fail,
    /// So many seconds pass.
    Wait(u16),
    /// The process dies and starts again from its journal.
    Crash,
}

pub(crate) fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        6 => (0u32..400_000).prop_map(Move::Block),
        2 => (1u8..6).prop_map(Move::Reorg),
        10 => Just(Move::Answer),
        2 => Just(Move::AnswerNewest),
        2 => Just(Move::AnswerAgain),
        1 => Just(Move::Blind),
        8 => Just(Move::Advance),
        1 => Just(Move::Fail),
        2 => (0u16..2_000).prop_map(Move::Wait),
        2 => Just(Move::Crash),
    ];
    prop::collection::vec(one, 1..120)
}

pub(crate) struct World {
    engine: Engine,
    pub(crate) journal: Vec<(Entry, StepOutput)>,
    at: Millis,
    chain: Vec<(BlockHead, u32)>,
    fork: u8,
    /// Every effect ever asked for.
    pub(crate) asked: BTreeMap<EffectId, Effect>,
    /// Inspections and readings not answered yet, and those that were.
    open: Vec<EffectId>,
    done: Vec<EffectId>,
    stages: BTreeMap<EffectId, usize>,
    ended: BTreeSet<EffectId>,
    /// Whether the market is paused.
    paused: bool,
}

impl World {
    pub(crate) fn new() -> Self {
        let mut world = Self {
            engine: Engine::new(),
            journal: Vec::new(),
            at: Millis(1_700_000_000_000),
            chain: Vec::new(),
            fork: 0,
            asked: BTreeMap::new(),
            open: Vec::new(),
            done: Vec::new(),
            stages: BTreeMap::new(),
            ended: BTreeSet::new(),
            paused: false,
        };
        let config = Box::new(config());
        world.take(Event::Started { version: "test".to_owned(), config });
        world
    }

    fn take(&mut self, event: Event) {
        self.at.0 += 1;
        let seq = Seq(self.journal.len() as u64 + 1);
        let entry = Entry { seq, at: self.at, event };
        let output = self.engine.step(&entry).expect("the configuration is fine");
        for (id, effect) in &output.effects {
            assert_eq!(id.seq, seq, "an effect is named after its event");
            let twice = self.asked.insert(*id, effect.clone());
            assert!(twice.is_none(), "effect {id} was asked for twice");
            if !matches!(effect, Effect::Act { .. }) {
                self.open.push(*id);
            }
        }
        self.journal.push((entry, output));
        self.check();
    }

    fn check(&self) {
        self.engine.check().expect("DET-1 and ACT-1");
        for (id, _) in self.engine.outstanding() {
            assert!(self.asked.contains_key(&id), "effect {id} was never asked for");
        }
        for (id, effect) in &self.asked {
            let lost = matches!(effect, Effect::Act { .. })
                && !self.ended.contains(id)
                && !self.engine.wants(*id);
            assert!(!lost, "action {id} was lost");
        }
    }

    pub(crate) fn play(&mut self, one: &Move) {
        match one {
            Move::Block(dollars) => {
                let head = self.grow(*dollars);
                self.take(Event::Chain(ChainEvent::Committed { chain: CHAIN, head }));
            }
            Move::Reorg(depth) => self.reorg(usize::from(*depth)),
            Move::Answer => {
                if !self.open.is_empty() {
                    let id = self.open.remove(0);
                    self.answer(id);
                }
            }
            Move::AnswerNewest => {
                if let Some(id) = self.open.pop() {
                    self.answer(id);
                }
            }
            Move::AnswerAgain => {
                if let Some(id) = self.done.last().copied() {
                    self.answer(id);
                }
            }
            Move::Blind => {
                if let Some((head, _)) = self.chain.last() {
                    let (from, to) = (head.id.number, head.id.number);
                    let cause = BlindCause::Unreachable { detail: "test".to_owned() };
                    self.take(Event::Chain(ChainEvent::Blind { chain: CHAIN, from, to, cause }));
                }
            }
            Move::Advance => self.advance(false),
            Move::Fail => self.advance(true),
            Move::Wait(seconds) => {
                self.at = self.at.plus_seconds(u64::from(*seconds));
                self.take(Event::Tick);
            }
            Move::Crash => self.crash(),
        }
    }

    fn grow(&mut self, dollars: u32) -> BlockHead {
        let (number, parent) = self
            .chain
            .last()
            .map_or((100, B256::repeat_byte(9)), |(head, _)| (head.id.number + 1, head.id.hash));
        let mut hash = B256::with_last_byte(self.fork);
        hash.0[..8].copy_from_slice(&number.to_be_bytes());
        let head = BlockHead {
            id: BlockId { number, hash },
            parent,
            timestamp: number * 12,
            transactions: 1,
        };
        self.chain.push((head.clone(), dollars));
        head
    }

    fn reorg(&mut self, depth: usize) {
        let depth = depth.min(self.chain.len());
        if depth == 0 {
            return;
        }
        let gone = self.chain.split_off(self.chain.len() - depth);
        self.fork = self.fork.wrapping_add(1);
        // Half of the transactions come back in the new blocks.
        let new = gone.iter().map(|(_, dollars)| self.grow(dollars & !1)).collect();
        let old = gone.iter().map(|(head, _)| head.id).collect();
        self.take(Event::Chain(ChainEvent::Reorged { chain: CHAIN, old, new }));
    }

    fn answer(&mut self, id: EffectId) {
        let event = match self.asked.get(&id).cloned() {
            Some(Effect::Inspect { chain, block }) => {
                let dollars = self.chain.iter().find(|(head, _)| head.id == block).map(|(_, d)| *d);
                // A node does not answer for a block that is gone.
                let Some(dollars) = dollars else { return };
                let evidence = vec![theft(block, dollars)];
                let method = Method::NodeTraces;
                Event::Inspected { effect: id, chain, block, transactions: 1, method, evidence }
            }
            Some(Effect::Read { chain, block, probes }) => {
                let readings =
                    probes.into_iter().map(|probe| reading(probe, self.paused)).collect();
                Event::Read { effect: id, chain, block, readings }
            }
            _ => return,
        };
        self.done.push(id);
        self.take(event);
    }

    fn advance(&mut self, fail: bool) {
        let Some((id, intent)) = self.engine.outstanding().find_map(|(id, effect)| match effect {
            Effect::Act { action, .. } => Some((id, action.intent)),
            _ => None,
        }) else {
            return;
        };
        let stage = self.stages.entry(id).or_default();
        *stage += 1;
        let block =
            self.chain.last().map_or(BlockId { number: 0, hash: B256::ZERO }, |(h, _)| h.id);
        let hash = B256::repeat_byte(0x77);
        let outcome = match *stage {
            _ if fail => Outcome::Failed { why: "test".to_owned() },
            1 if intent == Intent::Pull => Outcome::Prepared {
                hash,
                nonce: 0,
                raw: Bytes::new(),
                max_fee_per_gas: 1,
                max_priority_fee_per_gas: 1,
            },
            1 | 2 => Outcome::Sent { hash },
            3 => Outcome::Mined { hash, block, success: true },
            _ => Outcome::Held { block, by_us: true },
        };
        if outcome.is_final() {
            self.ended.insert(id);
        }
        if matches!(outcome, Outcome::Held { .. }) {
            self.paused = intent != Intent::Release;
        }
        self.take(Event::Acted { action: id, outcome });
    }

    /// Starts again from the journal: the answers must be the same bytes, and nothing may be forgotten.
    pub(crate) fn crash(&mut self) {
        let mut engine = Engine::new();
        for (entry, output) in &self.journal {
            let text = serde_json::to_string(entry).expect("entries are JSON");
            let entry: Entry = serde_json::from_str(&text).expect("and are read back");
            let again = engine.step(&entry).expect("as before");
            let (again, before) =
                (serde_json::to_string(&again).unwrap(), serde_json::to_string(output).unwrap());
            assert_eq!(again, before, "the same journal gives the same answers");
        }
        let before: Vec<EffectId> = self.engine.outstanding().map(|(id, _)| id).collect();
        let after: Vec<EffectId> = engine.outstanding().map(|(id, _)| id).collect();
        assert_eq!(before, after, "a restart knows what is still to be done");
        self.engine = engine;
        self.open.retain(|id| self.engine.wants(*id));
    }
}
