//! `Engine::step` on full blocks: 300 transactions, every one of them relevant to a protocol with all four detectors.
//!
//! The baseline, measured in the same run, is writing the same entry as JSON: what the journal has to do anyway.

use std::time::{Duration, Instant};

use alloy_primitives::{Address, B256, Bytes, I256, U256};
use portcullis_engine::{ChainSettings, Config, Effect, Engine, Entry, Event, ProtocolConfig};
use portcullis_types::{
    chain::{BlockHead, BlockId, ChainEvent},
    evidence::{CallKind, Evidence, Flow, Frame, Known, Log, Method, StorageChange, Transfer},
    ids::{Millis, Seq},
    money::{Asset, Usd},
    probe::Reading,
    protocol::{AssetSpec, Contract, Protocol},
};

const CHAIN: u64 = 1;
const TRANSACTIONS: u32 = 300;
const BLOCKS: u64 = 1_000;
const MARKET: Address = Address::repeat_byte(0x11);
const TOKEN: Address = Address::repeat_byte(0x22);
const USER: Address = Address::repeat_byte(0x33);

fn main() {
    let Some(mut engine) = started() else {
        eprintln!("the configuration of this bench does not work");
        std::process::exit(1);
    };
    let (mut steps, mut baseline) = (Vec::new(), Vec::new());
    let mut seq = 1;
    for number in 1..=BLOCKS {
        seq += 1;
        let effects = step(&mut engine, seq, committed(number)).1;
        for (id, effect) in effects {
            seq += 1;
            match effect {
                Effect::Inspect { chain, block } => {
                    let evidence =
                        (0..TRANSACTIONS).map(|index| withdrawal(block, index)).collect();
                    let event = Event::Inspected {
                        effect: id,
                        chain,
                        block,
                        transactions: TRANSACTIONS,
                        method: Method::NodeTraces,
                        evidence,
                    };
                    let started = Instant::now();
                    let text = serde_json::to_string(&event).unwrap_or_default();
                    baseline.push(started.elapsed());
                    assert!(!text.is_empty(), "the baseline did its work");
                    steps.push(step(&mut engine, seq, event).0);
                }
                Effect::Read { chain, block, probes } => {
                    let read = |probe| Reading {
                        probe,
                        value: Ok(U256::from(10).pow(U256::from(15))),
                        depends_on: vec![(MARKET, B256::with_last_byte(1))],
                    };
                    let readings = probes.into_iter().map(read).collect();
                    step(&mut engine, seq, Event::Read { effect: id, chain, block, readings });
                }
                Effect::Act { .. } => {}
            }
        }
    }
    show(&mut steps, &mut baseline);
}

fn show(steps: &mut [Duration], baseline: &mut [Duration]) {
    steps.sort_unstable();
    baseline.sort_unstable();
    let at = |sorted: &[Duration], percent: usize| {
        sorted.get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1))).copied()
    };
    let micros = |time: Option<Duration>| time.unwrap_or_default().as_micros();
    let (p50, p99) = (micros(at(steps, 50)), micros(at(steps, 99)));
    let base = micros(at(baseline, 50)).max(1);
    println!("step, {TRANSACTIONS} relevant transactions a block: p50 {p50} µs, p99 {p99} µs");
    println!(
        "writing the same entry as JSON: p50 {base} µs; step / JSON = {:.2}",
        p50 as f64 / base as f64
    );
}

fn step(
    engine: &mut Engine,
    seq: u64,
    event: Event,
) -> (Duration, Vec<(portcullis_types::ids::EffectId, Effect)>) {
    let entry = Entry { seq: Seq(seq), at: Millis(seq * 10), event };
    let started = Instant::now();
    let output = engine.step(&entry);
    let took = started.elapsed();
    (took, output.map(|output| output.effects).unwrap_or_default())
}

fn started() -> Option<Engine> {
    let detectors = [
        serde_json::json!({"detector": "gross-outflow", "limits": [
            {"asset": "USDC", "windowSeconds": 12, "maxShare": "50"},
            {"asset": "USDC", "windowSeconds": 3600, "maxShare": "90"}]}),
        serde_json::json!({"detector": "control-plane"}),
        serde_json::json!({"detector": "invariant", "name": "solvent", "relation": ">=",
            "left": {"balance": "USDC", "of": "market"}, "right": {"constant": "1"}}),
        serde_json::json!({"detector": "reentrancy"}),
    ];
    let detectors =
        detectors.into_iter().map(serde_json::from_value).collect::<Result<_, _>>().ok()?;
    let protocol = Protocol {
        name: "market".to_owned(),
        chain: CHAIN,
        contracts: vec![Contract { name: "market".to_owned(), address: MARKET, holds_value: true }],
        assets: vec![AssetSpec {
            symbol: "USDC".to_owned(),
            asset: Asset::Token(TOKEN),
            decimals: 6,
            price_usd: Usd::dollars(1),
        }],
    };
    let policy = serde_json::from_value(serde_json::json!({})).ok()?;
    let config = Config {
        chains: vec![ChainSettings {
            chain: CHAIN,
            name: "bench".to_owned(),
            confirmed_depth: 2,
            finalised_depth: 64,
        }],
        protocols: vec![ProtocolConfig { protocol, detectors, ladder: Vec::new(), policy }],
    };
    let mut engine = Engine::new();
    let event = Event::Started { version: "bench".to_owned(), config: Box::new(config) };
    engine.step(&Entry { seq: Seq(1), at: Millis(1), event }).ok()?;
    Some(engine)
}

fn committed(number: u64) -> Event {
    let hash = |number: u64| B256::from(U256::from(number + 1));
    let id = BlockId { number, hash: hash(number) };
    let parent = hash(number.wrapping_sub(1));
    let head = BlockHead { id, parent, timestamp: number * 12, transactions: TRANSACTIONS };
    Event::Chain(ChainEvent::Committed { chain: CHAIN, head })
}

fn withdrawal(block: BlockId, index: u32) -> Evidence {
    let (asset, amount) = (Asset::Token(TOKEN), U256::from(1_000_000u64));
    let frame = |parent, to| Frame {
        parent,
        kind: CallKind::Call,
        from: USER,
        to,
        context: to,
        value: U256::ZERO,
        input: Bytes::from_static(&[0x2e, 0x1a, 0x7d, 0x4d, 0, 0, 0, 1]),
        input_length: 8,
        effective: true,
        failed: false,
    };
    let slot = B256::from(U256::from(index));
    let delta = I256::from_raw(amount);
    Evidence {
        chain: CHAIN,
        block,
        timestamp: block.number * 12,
        index,
        hash: B256::from(U256::from(block.number) << 32 | U256::from(index)),
        from: USER,
        to: Some(MARKET),
        value: U256::ZERO,
        gas_used: Some(100_000),
        success: true,
        known: Known { logs: true, state: true, callers: true },
        frames: vec![frame(None, MARKET), frame(Some(0), TOKEN)],
        logs: vec![Log { address: TOKEN, topics: vec![slot; 3], data: Bytes::from(vec![0; 32]) }],
        transfers: vec![Transfer { asset, from: MARKET, to: USER, amount, token_id: None }],
        flows: vec![
            Flow { holder: MARKET, asset, delta: -delta },
            Flow { holder: USER, asset, delta },
        ],
        storage: vec![StorageChange { address: MARKET, slot, before: slot, after: B256::ZERO }],
        code: Vec::new(),
        created: Vec::new(),
        reentries: Vec::new(),
        call_tree_hash: slot,
    }
}
