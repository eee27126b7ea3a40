//! What rules cost: 1, 10, 100 and 1,000 rules over the same block of 200 transactions, each with three transfers, a
//! call and a change of storage.
//!
//! Two kinds of sets: `other` are rules about contracts and topics that the block does not touch, beside one that it
//! does (what an index is for); `same` are rules that are all asked about every transfer.

use std::hint::black_box;

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use portcullis_rules::{RuleSet, Settings, Source, test_protocol};
use portcullis_types::{
    chain::BlockId,
    evidence::{CallKind, Evidence, Frame, Known, Log, StorageChange, Transfer},
    money::Asset,
    protocol::Protocol,
};

const TRANSACTIONS: u64 = 200;

fn word(number: u64) -> Address {
    Address::from_word(B256::from(U256::from(number + 1)))
}

fn transaction(protocol: &Protocol, number: u64) -> Evidence {
    let vault = protocol.holders().next().map(|contract| contract.address).unwrap_or_default();
    let usdc = protocol.assets.iter().find(|spec| spec.symbol == "USDC").map(|spec| spec.asset);
    let usdc = usdc.unwrap_or(Asset::Native);
    let token = match usdc {
        Asset::Token(token) => token,
        Asset::Native => Address::ZERO,
    };
    let to = word(number % 17);
    let amount = U256::from(number * 1_000_000);
    let moved = |from, to| Transfer { asset: usdc, from, to, amount, token_id: None };
    let topic = keccak256("Transfer(address,address,uint256)");
    let log = |from: Address, to: Address| Log {
        address: token,
        topics: vec![topic, from.into_word(), to.into_word()],
        data: Bytes::copy_from_slice(&amount.to_be_bytes::<32>()),
    };
    let legs = [(vault, to), (to, word(99)), (word(99), word(100))];
    Evidence {
        chain: 1,
        block: BlockId { number: 1, hash: B256::ZERO },
        timestamp: 12,
        index: number as u32,
        hash: B256::from(U256::from(number)),
        from: to,
        to: Some(vault),
        value: U256::ZERO,
        gas_used: None,
        success: true,
        known: Known { logs: true, state: true, callers: true },
        frames: vec![Frame {
            parent: None,
            kind: CallKind::Call,
            from: to,
            to: vault,
            context: vault,
            value: U256::ZERO,
            input: Bytes::copy_from_slice(keccak256("withdraw(uint256)").as_slice()),
            input_length: 32,
            effective: true,
            failed: false,
        }],
        logs: legs.iter().map(|(a, b)| log(*a, *b)).collect(),
        transfers: legs.iter().map(|(a, b)| moved(*a, *b)).collect(),
        flows: Vec::new(),
        storage: vec![StorageChange {
            address: vault,
            slot: B256::from(U256::from(number)),
            before: B256::ZERO,
            after: B256::from(U256::from(1)),
        }],
        code: Vec::new(),
        created: Vec::new(),
        reentries: Vec::new(),
        call_tree_hash: B256::ZERO,
    }
}

const HEAD: &str =
    "title: t\ndescription: d\nseverity: low\nfalseAlarms: none\nexplain: \"{transfer.amount}\"\n";

/// Rules that are all asked about every transfer of the protocol.
fn same(n: usize) -> RuleSet {
    let rule = |i: usize| {
        format!(
            "id: r{i}\n{HEAD}on: transfer\nwhen: isHolder(transfer.from) && transfer.usd > usd(\"{}\") && transfer.to != tx.to\n",
            1_000_000 + i
        )
    };
    compile(n, rule)
}

/// One rule that is asked about every transfer of the protocol; the others are about events of other names.
fn other(n: usize) -> RuleSet {
    let head = HEAD.replace("{transfer.amount}", "{event.address}");
    let rule = |i: usize| match i {
        0 => format!(
            "id: r0\n{HEAD}on: transfer\nwhen: isHolder(transfer.from) && transfer.usd > usd(\"1000000\") && transfer.to != tx.to\n"
        ),
        i => format!(
            "id: r{i}\n{head}on: {{event: \"Name{i}(address indexed who, uint256 value)\"}}\nwhen: args.value > {i} && args.who != tx.from\n"
        ),
    };
    compile(n, rule)
}

fn compile(n: usize, rule: impl Fn(usize) -> String) -> RuleSet {
    let sources: Vec<Source> =
        (0..n).map(|i| Source { name: format!("r{i}.yaml"), text: rule(i) }).collect();
    RuleSet::compile(&sources, &test_protocol(), &Settings::default()).unwrap_or_else(|list| {
        for problem in list {
            eprintln!("{problem}");
        }
        std::process::exit(2)
    })
}

fn bench(criterion: &mut Criterion) {
    let protocol = test_protocol();
    let block: Vec<Evidence> = (0..TRANSACTIONS).map(|n| transaction(&protocol, n)).collect();
    let mut group = criterion.benchmark_group("rules");
    group.sample_size(30).throughput(Throughput::Elements(TRANSACTIONS));
    for n in [1usize, 10, 100, 1_000] {
        for (name, mut set) in [("other", other(n)), ("same", same(n))] {
            group.bench_function(BenchmarkId::new(name, n), |bencher| {
                bencher.iter(|| {
                    for evidence in &block {
                        black_box(set.inspect(evidence));
                    }
                });
            });
        }
    }
    group.finish();
    ratios(&block);
}

/// The best of many passes over the block, as a multiple of one rule's.
fn ratios(block: &[Evidence]) {
    let best = |mut set: RuleSet| {
        let pass = || {
            let start = std::time::Instant::now();
            for evidence in block {
                black_box(set.inspect(evidence));
            }
            start.elapsed()
        };
        std::iter::repeat_with(pass).take(50).min().unwrap_or_default()
    };
    for (name, make) in [("other", other as fn(usize) -> RuleSet), ("same", same)] {
        let one = best(make(1));
        for n in [1usize, 10, 100, 1_000] {
            let time = best(make(n));
            let ratio = time.as_secs_f64() / one.as_secs_f64();
            println!(
                "{name} {n:>5} rules: {time:>12.2?} a block of {TRANSACTIONS}, {ratio:.2} times one rule"
            );
        }
    }
    let start = std::time::Instant::now();
    black_box(other(1_000));
    println!("1000 rules compile in {:.2?}", start.elapsed());
}

criterion_group!(benches, bench);
criterion_main!(benches);
