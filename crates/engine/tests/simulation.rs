//! The engine in a seeded, hostile world: blocks, re-organisations, answers late, twice or never, crashes at any moment.
//!
//! Laws: no effect is asked for twice and none is lost (ACT-3); the same journal gives the same answers, byte for byte;
//! every block is inspected, waiting or blind (DET-1); a lever has at most one action under way (ACT-1).

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256, Bytes, I256, U256};
use portcullis_engine::{
    ChainSettings, Config, Effect, Engine, Entry, Event, ProtocolConfig, StepOutput,
};
use portcullis_types::{
    action::{Call, Intent, Lever, Outcome, Rung, Undo, ViewCheck},
    case_event::CaseEvent,
    chain::{BlindCause, BlockHead, BlockId, ChainEvent},
    evidence::{CallKind, Evidence, Flow, Frame, Known, Method, Transfer},
    ids::{EffectId, Millis, Seq},
    money::{Asset, Usd},
    probe::{Probe, Reading},
    protocol::{AssetSpec, Contract, Protocol},
};
use proptest::prelude::*;

const CHAIN: u64 = 31_337;
const MARKET: Address = Address::repeat_byte(0x11);
const TOKEN: Address = Address::repeat_byte(0x22);
const THIEF: Address = Address::repeat_byte(0x33);

/// One move of the outside world.
#[derive(Debug, Clone)]
enum Move {
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

fn moves() -> impl Strategy<Value = Vec<Move>> {
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

struct World {
    engine: Engine,
    journal: Vec<(Entry, StepOutput)>,
    at: Millis,
    chain: Vec<(BlockHead, u32)>,
    fork: u8,
    /// Every effect ever asked for.
    asked: BTreeMap<EffectId, Effect>,
    /// Inspections and readings not answered yet, and those that were.
    open: Vec<EffectId>,
    done: Vec<EffectId>,
    stages: BTreeMap<EffectId, usize>,
    ended: BTreeSet<EffectId>,
    /// Whether the market is paused.
    paused: bool,
}

impl World {
    fn new() -> Self {
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
        self.engine.chain(CHAIN).map_or(Ok(()), |chain| chain.check()).expect("DET-1");
        let mut moving = BTreeMap::new();
        for (id, effect) in self.engine.outstanding() {
            assert!(self.asked.contains_key(&id), "effect {id} was never asked for");
            if let Effect::Act { action, .. } = effect {
                let other = moving.insert(action.lever.name.clone(), id);
                assert_eq!(other, None, "ACT-1: two actions of one lever under way");
            }
        }
        for (id, effect) in &self.asked {
            let lost = matches!(effect, Effect::Act { .. })
                && !self.ended.contains(id)
                && !self.engine.wants(*id);
            assert!(!lost, "action {id} was lost");
        }
    }

    fn play(&mut self, one: &Move) {
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
    fn crash(&mut self) {
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

fn config() -> Config {
    let view = |expect: u64| ViewCheck {
        to: MARKET,
        data: Bytes::from_static(&[0x5c, 0x97, 0x5a, 0xbb]),
        expect: U256::from(expect),
        meaning: "paused()".to_owned(),
    };
    let call = |selector: [u8; 4]| Call { to: MARKET, data: selector.into(), gas_limit: 100_000 };
    let lever = Lever {
        name: "pause-market".to_owned(),
        rung: Rung::Market,
        chain: CHAIN,
        covers: vec![MARKET],
        preflight: Vec::new(),
        call: call([0x84, 0x56, 0xcb, 0x59]),
        verify: view(1),
        undo: Undo::ByCall { call: call([0x3f, 0x4b, 0xa8, 0x3a]), verify: view(0) },
        hold_seconds: 600,
        false_stop_cost: Usd::dollars(1_000),
        traps: Vec::new(),
    };
    let detector = serde_json::from_value(serde_json::json!({
        "detector": "gross-outflow",
        "limits": [{ "asset": "USDC", "windowSeconds": 12, "maxAmount": "50000" }],
    }));
    let policy = serde_json::from_value(serde_json::json!({
        "autonomy": "act", "coolDownSeconds": 60, "pullsPerDayMax": 50,
    }));
    Config {
        chains: vec![ChainSettings {
            chain: CHAIN,
            name: "test".to_owned(),
            confirmed_depth: 2,
            finalised_depth: 8,
        }],
        protocols: vec![ProtocolConfig {
            protocol: Protocol {
                name: "market".to_owned(),
                chain: CHAIN,
                contracts: vec![Contract {
                    name: "market".to_owned(),
                    address: MARKET,
                    holds_value: true,
                }],
                assets: vec![AssetSpec {
                    symbol: "USDC".to_owned(),
                    asset: Asset::Token(TOKEN),
                    decimals: 6,
                    price_usd: Usd::dollars(1),
                }],
            },
            detectors: vec![detector.unwrap()],
            ladder: vec![lever],
            policy: policy.unwrap(),
        }],
    }
}

fn theft(block: BlockId, dollars: u32) -> Evidence {
    let amount = U256::from(dollars) * U256::from(1_000_000u64);
    let asset = Asset::Token(TOKEN);
    let (plus, minus) = (I256::from_raw(amount), -I256::from_raw(amount));
    let mut flows = vec![
        Flow { holder: MARKET, asset, delta: minus },
        Flow { holder: THIEF, asset, delta: plus },
    ];
    flows.retain(|flow| !flow.delta.is_zero());
    // A re-organisation may put the same transaction into another block: its hash depends on what it does only.
    let mut hash = B256::repeat_byte(0x55);
    hash.0[..8].copy_from_slice(&block.number.to_be_bytes());
    hash.0[8..12].copy_from_slice(&dollars.to_be_bytes());
    Evidence {
        chain: CHAIN,
        block,
        timestamp: block.number * 12,
        index: 0,
        hash,
        from: THIEF,
        to: Some(MARKET),
        value: U256::ZERO,
        gas_used: Some(100_000),
        success: true,
        known: Known { logs: true, state: true },
        frames: vec![Frame {
            parent: None,
            kind: CallKind::Call,
            from: THIEF,
            to: MARKET,
            context: MARKET,
            value: U256::ZERO,
            input: Bytes::from_static(&[1, 2, 3, 4]),
            input_length: 4,
            effective: true,
            failed: false,
        }],
        logs: Vec::new(),
        transfers: vec![Transfer { asset, from: MARKET, to: THIEF, amount, token_id: None }],
        flows,
        storage: Vec::new(),
        code: Vec::new(),
        created: Vec::new(),
        reentries: Vec::new(),
        call_tree_hash: B256::ZERO,
    }
}

fn reading(probe: Probe, paused: bool) -> Reading {
    let value = match &probe {
        Probe::Balance { .. } => Ok(U256::from(4_000_000u64) * U256::from(1_000_000u64)),
        _ => Ok(U256::from(u8::from(paused))),
    };
    Reading { probe, value, depends_on: vec![(MARKET, B256::ZERO)] }
}

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
            if *status == portcullis_types::finding::FindingStatus::Retracted)
    });
    assert!(retracted, "DET-2");
    let reasserted = output.effects.iter().any(
        |(_, effect)| matches!(effect, Effect::Act { action, .. } if action.intent == Intent::Reassert),
    );
    assert!(reasserted, "the block of our transaction is gone");
}
