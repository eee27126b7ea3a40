//! What all detectors, the rules of `rules/` and the scan cost on real blocks of Ethereum, already decoded, on one core.
//!
//! The "protocol" is made of the contracts that the blocks enter most and the tokens that move most: so busy is nobody's.
//! The blocks are played again and again, each time as later ones, so that windows move and books fill. Baselines in the
//! same run: writing the same Evidence as JSON, which is what the journal does, and each detector alone. `slowest` is the
//! median over the rounds of the block that takes longest. Also said is the memory held after the first and the last round.
#![allow(
    clippy::cast_precision_loss,
    clippy::print_stdout,
    reason = "a bench prints figures, and exact they are not"
)]

use std::{
    collections::BTreeMap,
    env, fs,
    hint::black_box,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use alloy_primitives::{Address, B256, U256};
use portcullis_backtest::Footage;
use portcullis_detect::{Detector, DetectorConfig, Findings, build};
use portcullis_observe::Recording;
use portcullis_scan::Scanner;
use portcullis_types::{
    chain::BlockId,
    evidence::Evidence,
    money::{Asset, Usd},
    protocol::{AssetSpec, Contract, Protocol},
};
use serde_json::{Value, json};

const CONTRACTS: usize = 40;
const ASSETS: usize = 20;
const ROUNDS: u64 = 40;

type Block = Vec<Evidence>;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = env::var_os("PORTCULLIS_SHARED").map_or(beside, PathBuf::from);
    let folder = shared.join("data/benign/blocks");
    if !folder.is_dir() {
        println!("skipped: no chain data at {}; set PORTCULLIS_SHARED", folder.display());
        return Ok(());
    }
    let blocks = load(&folder)?;
    let transactions: usize = blocks.iter().map(Vec::len).sum();
    let protocol = protocol(&blocks);
    println!("{} blocks, {transactions} transactions, {ROUNDS} rounds", blocks.len());

    let mut all = Vec::new();
    for config in configs(&protocol)? {
        all.push(build(&protocol, &config)?);
    }
    let mut alone = Vec::new();
    for config in configs(&protocol)? {
        let tag = serde_json::to_value(&config)?;
        let name =
            format!("  {} alone", tag.get("detector").and_then(Value::as_str).unwrap_or_default());
        alone.push((name, vec![build(&protocol, &config)?]));
    }
    let mut scanner = Scanner::new();
    let mut times: BTreeMap<String, Vec<Duration>> = BTreeMap::new();
    let mut memory = Vec::new();
    for round in 0..ROUNDS {
        for block in later(&blocks, round) {
            let mut time = |name: &str, work: &mut dyn FnMut()| {
                let started = Instant::now();
                work();
                times.entry(name.to_owned()).or_default().push(started.elapsed());
            };
            time("all detectors and rules", &mut || inspect(&mut all, &block));
            for (name, detector) in &mut alone {
                time(name, &mut || inspect(detector, &block));
            }
            time("scan", &mut || {
                for one in &block {
                    black_box(scanner.inspect(one));
                }
            });
            time("writing as JSON", &mut || {
                black_box(serde_json::to_string(&block).unwrap_or_default());
            });
        }
        memory.push(resident());
    }
    show(times, blocks.len(), transactions as u64 * ROUNDS, &memory);
    Ok(())
}

fn inspect(detectors: &mut [Box<dyn Detector>], block: &Block) {
    for one in block {
        for detector in detectors.iter_mut() {
            let mut out = Findings::default();
            detector.inspect(one, &mut out);
            black_box(out);
        }
    }
}

fn show(times: BTreeMap<String, Vec<Duration>>, blocks: usize, transactions: u64, memory: &[u64]) {
    let json: Duration = times.get("writing as JSON").into_iter().flatten().sum();
    for (name, mut taken) in times {
        let fullest = slowest(&taken, blocks).as_micros();
        taken.sort_unstable();
        let at = |percent: usize| {
            taken.get(taken.len() * percent / 100).copied().unwrap_or_default().as_micros()
        };
        let sum: Duration = taken.iter().sum();
        println!(
            "{name:32} p50 {:>6} µs, p99 {:>6} µs, slowest {fullest:>6} µs a block; {:>9.0} transactions/s; {:.2} of writing as JSON",
            at(50),
            at(99),
            transactions as f64 / sum.as_secs_f64(),
            sum.as_secs_f64() / json.as_secs_f64()
        );
    }
    let (first, last) = (memory.first().copied(), memory.last().copied());
    println!(
        "memory held: {} MiB after the first round, {} after the tenth, {} after the last",
        first.unwrap_or(0) / 1_024,
        memory.get(9).copied().unwrap_or(0) / 1_024,
        last.unwrap_or(0) / 1_024
    );
}

/// The median over the rounds of the block that takes longest: what else the machine does falls on some rounds only.
fn slowest(taken: &[Duration], blocks: usize) -> Duration {
    let of_block = |block: usize| {
        let mut rounds: Vec<Duration> = taken.iter().skip(block).step_by(blocks).copied().collect();
        rounds.sort_unstable();
        rounds.get(rounds.len() / 2).copied().unwrap_or_default()
    };
    (0..blocks).map(of_block).max().unwrap_or_default()
}

/// Kibibytes, as Linux counts them; 0 elsewhere.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn load(folder: &Path) -> Result<Vec<Block>, Box<dyn std::error::Error>> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder)?.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.to_string_lossy().ends_with(".jsonl.gz"));
    paths.sort();
    let mut blocks = Vec::new();
    for path in paths {
        let mut footage = Footage::new();
        for line in Recording::open(&path)?.lines() {
            if let Ok(block) = footage.evidence(line?.1)
                && !block.is_empty()
            {
                blocks.push(block);
            }
        }
    }
    Ok(blocks)
}

/// The blocks as others, later ones.
fn later(blocks: &[Block], round: u64) -> impl Iterator<Item = Block> {
    (0..).zip(blocks).map(move |(place, block)| {
        let number = 20_000_000 + round * blocks.len() as u64 + place;
        let mut block = block.clone();
        for one in &mut block {
            one.block = BlockId { number, hash: B256::from(U256::from(number)) };
            one.timestamp = number * 12;
            let hash = U256::from_be_bytes(one.hash.0).wrapping_add(U256::from(round));
            one.hash = B256::from(hash);
        }
        block
    })
}

fn most<T: Ord + Copy>(of: impl Iterator<Item = T>, count: usize) -> Vec<T> {
    let mut counts: BTreeMap<T, u64> = BTreeMap::new();
    of.for_each(|one| *counts.entry(one).or_default() += 1);
    let mut sorted: Vec<(T, u64)> = counts.into_iter().collect();
    sorted.sort_by_key(|(_, count)| u64::MAX - count);
    sorted.into_iter().take(count).map(|(one, _)| one).collect()
}

fn protocol(blocks: &[Block]) -> Protocol {
    let all = || blocks.iter().flatten();
    let entered = all().flat_map(|one| one.frames.iter().map(|frame| frame.to));
    let moved = all().flat_map(|one| one.transfers.iter().map(|transfer| transfer.asset));
    let contract = |(number, address): (usize, Address)| Contract {
        name: format!("contract-{number}"),
        address,
        holds_value: true,
    };
    let asset = |(number, asset)| AssetSpec {
        symbol: format!("ASSET-{number}"),
        asset,
        decimals: 18,
        price_usd: Usd::dollars(1),
    };
    Protocol {
        name: "busiest".to_owned(),
        chain: 1,
        contracts: (0..).zip(most(entered, CONTRACTS)).map(contract).collect(),
        assets: (0..).zip(most(moved, ASSETS)).map(asset).collect(),
    }
}

fn outflow(protocol: &Protocol) -> Value {
    let limits: Vec<Value> = protocol
        .assets
        .iter()
        .flat_map(|spec| {
            [12, 3_600, 86_400].map(|window| {
                json!({"asset": spec.symbol, "windowSeconds": window, "maxAmount": "1000000"})
            })
        })
        .collect();
    json!({"detector": "gross-outflow", "limits": limits, "hardFactor": "100"})
}

/// Every detector that can be described without knowing what the contracts are.
fn configs(protocol: &Protocol) -> Result<Vec<DetectorConfig>, Box<dyn std::error::Error>> {
    let tokens = protocol.assets.iter().filter_map(|spec| match spec.asset {
        Asset::Token(token) => Some(token),
        Asset::Native => None,
    });
    let tokens: Vec<Address> = tokens.take(3).collect();
    let first = protocol.contracts.first().map(|contract| contract.name.clone());
    let pair: Vec<&str> = protocol.assets.iter().take(2).map(|spec| spec.symbol.as_str()).collect();
    let pools: Vec<Value> = protocol
        .contracts
        .iter()
        .take(10)
        .map(|pool| json!({"pool": pool.name, "kind": "balances", "assets": pair}))
        .collect();
    let mut texts = Vec::new();
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules");
    for entry in fs::read_dir(rules)? {
        let path = entry?.path();
        texts.push(json!({"name": path.to_string_lossy(), "text": fs::read_to_string(&path)?}));
    }
    let all = [
        outflow(protocol),
        json!({"detector": "control-plane"}),
        json!({"detector": "reentrancy"}),
        json!({"detector": "first-caller", "vocabulary": true, "learnBlocks": 100}),
        json!({"detector": "failed-attempts"}),
        json!({"detector": "adversarial-deployment"}),
        json!({"detector": "governance", "governors": [first], "votingTokens": tokens}),
        json!({"detector": "net-loss", "limits": [{"maxLossUsd": 20_000}]}),
        json!({"detector": "price-manipulation", "pools": pools}),
        json!({"detector": "market-or-theft", "venues": pools}),
        json!({"detector": "rules", "rules": texts}),
    ];
    Ok(all.into_iter().map(serde_json::from_value).collect::<Result<_, _>>()?)
}
