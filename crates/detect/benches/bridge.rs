//! Throughput of the streaming book over the whole history of Nomad's Moonbeam lane, both directions, beside a batch
//! hash join of the same rows in memory. Where the data is absent a made-up history of the same size is used and named so.
//!
//! Published beside it, measured elsewhere and on another machine: `XChainWatcher` (arXiv 2410.02029) evaluates its Datalog
//! rules over the whole Nomad history in 0.40 s (its repository's Soufflé profile, one thread, facts already extracted).

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench that finds nothing to unwrap has nothing to measure"
)]

#[path = "../tests/nomad/data.rs"]
#[allow(dead_code, reason = "the bench needs the loading only")]
mod data;

use std::{collections::HashMap, hint::black_box, time::Instant};

use alloy_primitives::{Address, B256, U256};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use data::{Fact, Lane, play};
use portcullis_detect::bridge::terms::{BridgeTerms, Lock, Release};
use portcullis_types::{chain::BlockId, money::Usd};

/// The batch baseline: the same comparison once everything is known. Gives how many releases do not fit.
fn hash_join(lane: &Lane) -> usize {
    let mut locks: HashMap<B256, (&Lock, bool)> = HashMap::with_capacity(lane.facts.len());
    for fact in &lane.facts {
        if let Fact::Lock(lock) = fact {
            locks.entry(lock.id.unwrap()).or_insert((lock, false));
        }
    }
    let mut broken = 0;
    for fact in &lane.facts {
        let Fact::Release(release) = fact else { continue };
        let Some((lock, released)) = locks.get_mut(&release.id.unwrap()) else {
            broken += 1;
            continue;
        };
        let token = lane.terms.tokens.get(&lock.token.unwrap()).map(|pair| pair.destination);
        let fits = !*released
            && token.is_none_or(|token| Some(token) == release.token)
            && lock.amount == release.amount
            && lock.beneficiary == release.beneficiary
            && release.timestamp >= lock.final_at;
        *released |= fits;
        broken += usize::from(!fits);
    }
    broken
}

fn streamed(lanes: &[Lane]) -> usize {
    lanes.iter().map(|lane| play(lane).1.len()).sum()
}

fn joined(lanes: &[Lane]) -> usize {
    lanes.iter().map(hash_join).sum()
}

/// As many honest pairs as Nomad had events.
fn made_up() -> Vec<Lane> {
    let mut facts = Vec::new();
    for n in 0..17_000_u64 {
        let (id, block) = (
            Some(B256::from(U256::from(n))),
            BlockId { number: n, hash: B256::from(U256::from(n)) },
        );
        let (amount, beneficiary) = (Some(U256::from(n)), Some(B256::ZERO));
        let token = Some(Address::ZERO);
        facts.push(Fact::Lock(Lock {
            id,
            block,
            timestamp: n,
            final_at: n,
            token,
            amount,
            beneficiary,
        }));
        facts.push(Fact::Release(Release {
            id,
            block,
            timestamp: n,
            token,
            amount,
            beneficiary,
            transaction: block.hash,
            ordinal: 0,
            sender: Address::ZERO,
            value: Usd::ZERO,
        }));
    }
    vec![Lane {
        terms: BridgeTerms::default(),
        facts,
        source_ends: u64::MAX,
        timeless: Vec::new(),
        later: std::collections::BTreeSet::new(),
    }]
}

fn bench(criterion: &mut Criterion) {
    let (name, lanes) = match data::folder() {
        Some(folder) => ("nomad", data::lanes(&folder).into()),
        None => ("made-up", made_up()),
    };
    let events: usize = lanes.iter().map(|lane| lane.facts.len()).sum();
    let mut group = criterion.benchmark_group(format!("bridge/{name}"));
    group.throughput(Throughput::Elements(events as u64)).sample_size(20);
    group.bench_function("streaming-book", |b| b.iter(|| streamed(black_box(&lanes))));
    group.bench_function("batch-hash-join", |b| b.iter(|| joined(black_box(&lanes))));
    group.finish();

    // The two in turns, so that what else the machine does falls on both.
    let (mut book, mut join) = (Vec::new(), Vec::new());
    for _ in 0..15 {
        let start = Instant::now();
        black_box(streamed(black_box(&lanes)));
        book.push(start.elapsed());
        let start = Instant::now();
        black_box(joined(black_box(&lanes)));
        join.push(start.elapsed());
    }
    book.sort();
    join.sort();
    let (book, join) = (book[book.len() / 2], join[join.len() / 2]);
    println!(
        "{name}: {events} events; streaming book {:.1} ms = {:.0} events/s; batch hash join {:.1} ms; ratio {:.1}; \
         XChainWatcher, published, batch: 400 ms",
        book.as_secs_f64() * 1e3,
        events as f64 / book.as_secs_f64(),
        join.as_secs_f64() * 1e3,
        book.as_secs_f64() / join.as_secs_f64(),
    );
}

criterion_group!(benches, bench);
criterion_main!(benches);
