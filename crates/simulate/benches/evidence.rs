//! What Evidence costs: a block executed with Evidence of all of its transactions, and with Evidence only of those that
//! touch something watched, against the same block in the bare EVM, in the same run.
//!
//! Skips where the chain data is not at hand. Loading state and looking through code for its jump targets are outside of
//! what is measured, for all three. Checking gas and logs against the header is inside for Evidence, and no part of the
//! bare EVM's work. Watched is whatever every twentieth transaction of the block calls.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench may fail by panicking")]

#[path = "../tests/it/data.rs"]
mod data;

use std::{
    collections::{BTreeMap, BTreeSet},
    hint::black_box,
    time::{Duration, Instant},
};

use alloy_primitives::{Address, U256, keccak256};
use criterion::{BatchSize, Criterion};
use portcullis_simulate::replay::Replayer;
use portcullis_types::wire::{BlockMaterial, WireTransaction};
use revm::{
    Context, ExecuteCommitEvm, MainBuilder, MainContext,
    bytecode::Bytecode,
    context::{BlockEnv, TxEnv},
    context_interface::{
        block::BlobExcessGasAndPrice,
        transaction::{AccessList, AccessListItem},
    },
    database::{CacheDB, EmptyDB},
    primitives::{TxKind, hardfork::SpecId},
    state::AccountInfo,
};

/// Blocks of different years, and the rules they follow.
const BLOCKS: [(u64, SpecId); 5] = [
    (8_889_776, SpecId::PETERSBURG),
    (11_743_952, SpecId::ISTANBUL),
    (12_459_406, SpecId::BERLIN),
    (15_537_394, SpecId::MERGE),
    (19_932_148, SpecId::CANCUN),
];

/// Every how many transactions one is taken whose callee is watched.
const WATCHED_EVERY: usize = 20;

const ROUNDS: usize = 31;

fn main() {
    let mut blocks: BTreeMap<u64, BlockMaterial> = data::benign_blocks()
        .into_iter()
        .map(|material| (material.block.number.to(), material))
        .collect();
    let chosen: Vec<(BlockMaterial, SpecId)> =
        BLOCKS.iter().filter_map(|(number, spec)| Some((blocks.remove(number)?, *spec))).collect();
    if chosen.is_empty() {
        return;
    }
    let mut criterion = Criterion::default().configure_from_args().sample_size(20);
    let mut ratios = (Vec::new(), Vec::new());
    for (material, spec) in &chosen {
        let (all, relevant) = compare(&mut criterion, material, *spec);
        ratios.0.push(all);
        ratios.1.push(relevant);
    }
    println!("ratio to the bare EVM, geometric mean:");
    println!("  Evidence of all transactions: {:.2}", geometric_mean(&ratios.0));
    println!("  Evidence of relevant transactions only: {:.2}", geometric_mean(&ratios.1));
    criterion.final_summary();
}

/// The ratios to the bare EVM of Evidence of all, and of relevant, transactions of a block.
fn compare(criterion: &mut Criterion, material: &BlockMaterial, spec: SpecId) -> (f64, f64) {
    let number = material.block.number;
    let state = bare_state(material);
    let prepared = Prepared::new(material);
    criterion.bench_function(&format!("{number}/all"), |bencher| {
        bencher.iter_batched(
            || prepared.replayer(),
            |loaded| prepared.all(loaded),
            BatchSize::LargeInput,
        );
    });
    criterion.bench_function(&format!("{number}/relevant"), |bencher| {
        bencher.iter_batched(
            || prepared.replayer(),
            |loaded| prepared.relevant(loaded),
            BatchSize::LargeInput,
        );
    });
    criterion.bench_function(&format!("{number}/bare"), |bencher| {
        bencher.iter_batched(
            || state.clone(),
            |state| run_bare(state, material, spec),
            BatchSize::LargeInput,
        );
    });
    // In turns, so that whatever else the machine does falls on all three.
    let mut times = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        let loaded = prepared.replayer();
        times[0].push(timed(|| prepared.all(loaded)));
        let loaded = prepared.replayer();
        times[1].push(timed(|| prepared.relevant(loaded)));
        let state = state.clone();
        times[2].push(timed(|| run_bare(state, material, spec)));
    }
    let [all, relevant, bare] = times.map(median);
    let gas = material.block.gas_used.to::<u64>() as f64;
    let speed = |time: Duration| gas / time.as_secs_f64() / 1e6;
    let ratio = |time: Duration| time.as_secs_f64() / bare.as_secs_f64();
    println!(
        "block {number}: {} transactions, bare {bare:?} ({:.0} Mgas/s)",
        material.block.transactions.len(),
        speed(bare),
    );
    println!("  all Evidence {all:?} ({:.0} Mgas/s), ratio {:.2}", speed(all), ratio(all));
    println!(
        "  relevant Evidence ({} transactions) {relevant:?} ({:.0} Mgas/s), ratio {:.2}",
        prepared.relevant(prepared.replayer()),
        speed(relevant),
        ratio(relevant),
    );
    (ratio(all), ratio(relevant))
}

fn geometric_mean(ratios: &[f64]) -> f64 {
    (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp()
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    let result = work();
    let elapsed = start.elapsed();
    drop(black_box(result));
    elapsed
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// A block whose state is loaded apart from it.
struct Prepared {
    material: BlockMaterial,
    without_state: BlockMaterial,
    watched: BTreeSet<Address>,
}

impl Prepared {
    fn new(material: &BlockMaterial) -> Self {
        let without_state = BlockMaterial { prestate: None, ..material.clone() };
        let transactions = material.block.transactions.iter().step_by(WATCHED_EVERY);
        let watched = transactions.filter_map(|transaction| transaction.to).collect();
        Self { material: material.clone(), without_state, watched }
    }

    fn replayer(&self) -> Replayer {
        let mut replayer = Replayer::new(1);
        let prestate = self.material.prestate.as_ref().unwrap();
        replayer.load(prestate, &self.material.block_hashes).unwrap();
        replayer
    }

    fn all(&self, mut replayer: Replayer) -> usize {
        replayer.execute_block(&self.without_state).unwrap().len()
    }

    fn relevant(&self, mut replayer: Replayer) -> usize {
        let watched = |address: &Address| self.watched.contains(address);
        replayer.execute_block_for(&self.without_state, &watched).unwrap().len()
    }
}

fn bare_state(material: &BlockMaterial) -> CacheDB<EmptyDB> {
    let mut state = CacheDB::new(EmptyDB::new());
    for (address, account) in material.prestate.iter().flatten() {
        let code = account.code.clone().unwrap_or_default();
        let info = AccountInfo {
            balance: account.balance.unwrap_or_default(),
            nonce: account.nonce.unwrap_or_default(),
            code_hash: keccak256(&code),
            account_id: None,
            code: Some(Bytecode::new_raw(code)),
        };
        state.insert_account_info(*address, info);
        for (slot, value) in &account.storage {
            state.insert_account_storage(*address, (*slot).into(), (*value).into()).unwrap();
        }
    }
    for (number, hash) in &material.block_hashes {
        state.cache.block_hashes.insert(U256::from(*number), *hash);
    }
    state
}

fn run_bare(mut state: CacheDB<EmptyDB>, material: &BlockMaterial, spec: SpecId) -> u64 {
    let block = &material.block;
    let excess = block.excess_blob_gas.map_or(0, |gas| gas.to());
    let environment = BlockEnv {
        number: U256::from(block.number),
        beneficiary: block.beneficiary,
        timestamp: U256::from(block.timestamp),
        gas_limit: block.gas_limit.to(),
        basefee: block.base_fee_per_gas.map_or(0, |fee| fee.to()),
        difficulty: block.difficulty,
        prevrandao: block.mix_hash,
        blob_excess_gas_and_price: Some(BlobExcessGasAndPrice::new_with_spec(excess, spec)),
        slot_num: 0,
    };
    let mut evm = Context::mainnet()
        .with_db(&mut state)
        .modify_cfg_chained(|cfg| cfg.set_spec_and_mainnet_gas_params(spec))
        .with_block(environment)
        .build_mainnet();
    let transactions = block.transactions.iter().map(transaction);
    let gas = transactions.map(|tx| evm.transact_commit(tx).unwrap().tx_gas_used()).sum();
    assert_eq!(gas, block.gas_used.to::<u64>(), "the bare EVM follows other rules");
    gas
}

fn transaction(wire: &WireTransaction) -> TxEnv {
    let tx_type = wire.transaction_type.map_or(0, |kind| kind.to::<u8>());
    let fee = wire.max_fee_per_gas.filter(|_| tx_type >= 2).or(wire.gas_price);
    let items = wire.access_list.iter().flatten().map(|entry| AccessListItem {
        address: entry.address,
        storage_keys: entry.storage_keys.clone(),
    });
    TxEnv {
        tx_type,
        caller: wire.from,
        gas_limit: wire.gas.to(),
        gas_price: fee.map_or(0, |fee| fee.to()),
        kind: wire.to.map_or(TxKind::Create, TxKind::Call),
        value: wire.value,
        data: wire.input.clone(),
        nonce: wire.nonce.to(),
        chain_id: (tx_type > 0).then_some(1),
        access_list: AccessList(items.collect()),
        gas_priority_fee: wire.max_priority_fee_per_gas.filter(|_| tx_type >= 2).map(|f| f.to()),
        blob_hashes: wire.blob_versioned_hashes.clone().unwrap_or_default(),
        max_fee_per_blob_gas: wire.max_fee_per_blob_gas.map_or(0, |fee| fee.to()),
        authorization_list: Vec::new(),
    }
}
