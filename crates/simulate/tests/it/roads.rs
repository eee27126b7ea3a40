//! Both roads lead to the same Evidence.

use alloy_primitives::Address;
use portcullis_simulate::{
    replay::{MissingState, Replayer, complete_reentries},
    traces::evidence_from_traces,
};
use portcullis_types::{
    evidence::{Evidence, WriteAfter},
    wire::{BlockMaterial, Prestate},
};

use crate::{data, states};

/// What the traces of a node say, after a way through JSON in which nodes leave out what is empty.
fn over_the_wire(material: &BlockMaterial) -> BlockMaterial {
    let mut value = serde_json::to_value(material).unwrap();
    leave_out_empty(&mut value["traces"]);
    serde_json::from_value(value).unwrap()
}

fn leave_out_empty(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(fields) => {
            fields.retain(|_, field| {
                !field.is_null() && field.as_array().is_none_or(|a| !a.is_empty())
            });
            fields.values_mut().for_each(leave_out_empty);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(leave_out_empty),
        _ => {}
    }
}

fn without_order(evidence: &[Evidence]) -> Vec<Evidence> {
    let mut evidence = evidence.to_vec();
    for reentry in evidence.iter_mut().flat_map(|transaction| &mut transaction.reentries) {
        reentry.write_after = WriteAfter::Unknown;
    }
    evidence
}

/// Evidence only of what touches some tenth of all addresses is Evidence of all, without the rest.
fn check_relevant(replayer: &mut Replayer, material: &BlockMaterial, executed: &[Evidence]) {
    let watched = |address: &Address| address.0[19].is_multiple_of(10);
    let relevant = replayer.execute_block_for(material, &watched).unwrap();
    let expected: Vec<&Evidence> = executed.iter().filter(|one| one.touches(watched)).collect();
    let indexes = |all: &[&Evidence]| all.iter().map(|one| one.index).collect::<Vec<_>>();
    let relevant: Vec<&Evidence> = relevant.iter().collect();
    assert_eq!(indexes(&relevant), indexes(&expected), "{}", material.block.number);
    assert!(relevant == expected, "{}", material.block.number);
    assert!(replayer.execute_block_for(material, &|_| false).unwrap().is_empty());
}

/// Compares the roads; returns how many transactions and re-entries there were.
pub(crate) fn check(replayer: &mut Replayer, material: &BlockMaterial) -> (usize, usize) {
    let number = material.block.number;
    let executed = replayer.execute_block(material).unwrap();
    check_relevant(replayer, material, &executed);
    let recorded = replayer.record_block(material).unwrap();
    // Of a block without any log, and without a filter that says so, a node's traces say nothing about logs.
    let logs_show =
        material.block.logs_bloom.is_some() || executed.iter().any(|e| !e.logs.is_empty());
    let without_receipts = logs_show.then_some(None);
    for receipts in [Some(recorded.receipts.clone()), without_receipts].into_iter().flatten() {
        let node = BlockMaterial { receipts, prestate: None, ..over_the_wire(&recorded) };
        let traced = evidence_from_traces(&node).unwrap();
        let expected = without_order(&executed);
        for (traced, executed) in traced.iter().zip(&expected) {
            assert_eq!(traced, executed, "{number}");
        }
        assert_eq!(traced.len(), executed.len());
    }
    let created = executed.iter().flat_map(|transaction| &transaction.created);
    assert!(created.clone().all(|one| one.features.is_some()), "{number}");
    let reentries = executed.iter().map(|transaction| transaction.reentries.len()).sum();
    (executed.len(), reentries)
}

#[test]
fn traces_and_execution_agree_on_mainnet_blocks() {
    let mut replayer = Replayer::new(1);
    let (mut transactions, mut reentries) = (0, 0);
    for material in data::benign_blocks() {
        let (more_transactions, more_reentries) = check(&mut replayer, &material);
        transactions += more_transactions;
        reentries += more_reentries;
    }
    eprintln!("{transactions} transactions, {reentries} re-entries");
}

#[test]
fn traces_and_execution_agree_on_exploits() {
    for case in ["daomaker", "nomad", "polynetwork", "ronin", "sandbox"] {
        let Some(material) = states::material(case) else { return };
        check(&mut Replayer::new(1).with_missing(MissingState::Zero), &material);
    }
}

/// The first transaction of a block stands on the state before the block, as `prestateTracer` would answer it.
#[test]
fn writes_after_a_reentry_are_filled_in() {
    let mut completed = 0;
    for mut material in data::benign_blocks() {
        let prestate: Prestate = material.prestate.clone().unwrap();
        material.block.transactions.truncate(1);
        material.block.gas_used = alloy_primitives::U64::ZERO;
        material.block.logs_bloom = None;
        let executed = Replayer::new(1).execute_block(&material).unwrap();
        let Some(seen) = executed.first() else { continue };
        let mut evidence = without_order(&executed).remove(0);
        let transaction = &material.block.transactions[0];
        complete_reentries(&mut evidence, transaction, &material.block, 1, &prestate).unwrap();
        assert_eq!(&evidence, seen);
        completed += evidence.reentries.len();
        if let Some(first) = evidence.reentries.first_mut() {
            first.write_after = WriteAfter::Unknown;
            evidence.call_tree_hash = alloy_primitives::B256::ZERO;
            let before = evidence.clone();
            let error =
                complete_reentries(&mut evidence, transaction, &material.block, 1, &prestate);
            assert!(error.unwrap_err().to_string().contains("another way"));
            assert_eq!(evidence, before);
        }
    }
    eprintln!("{completed} re-entries completed");
}
