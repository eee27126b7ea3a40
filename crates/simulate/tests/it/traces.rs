//! A node's answers, and what is wrong with them.

use alloy_primitives::{B256, Bytes, U64};
use portcullis_simulate::{
    builder::{self, LogSource},
    error::SimulateError,
    traces::evidence_from_traces,
};
use portcullis_types::{
    chain::BlindCause,
    wire::{
        BlockMaterial, TraceFrame, TracedTransaction, WireBlock, WireLog, WireReceipt,
        WireTransaction,
    },
};

use crate::{
    common::{With, call, input, sent, who},
    data,
};

fn traced<T>(result: T) -> TracedTransaction<T> {
    TracedTransaction { tx_hash: None, result: Some(result), error: None }
}

fn receipt(number: u8, logs: Vec<WireLog>) -> WireReceipt {
    let logs = logs.into_iter().map(|log| WireLog { position: None, ..log }).collect();
    WireReceipt {
        transaction_hash: B256::with_last_byte(number),
        status: Some(U64::from(1)),
        gas_used: U64::from(21_000),
        logs,
    }
}

/// A block with one transaction per tree.
fn block(trees: Vec<TraceFrame>) -> BlockMaterial {
    let transactions = (0u8..).zip(&trees).map(|(number, tree)| WireTransaction {
        hash: B256::with_last_byte(number),
        from: who(1),
        to: tree.to,
        ..WireTransaction::default()
    });
    BlockMaterial {
        chain_id: 1,
        block: WireBlock { transactions: transactions.collect(), ..WireBlock::default() },
        traces: Some(trees.into_iter().map(|tree| traced(tree.from(1))).collect()),
        ..BlockMaterial::default()
    }
}

fn fails(material: &BlockMaterial, words: &str) {
    let error = evidence_from_traces(material).unwrap_err();
    assert!(error.to_string().contains(words), "{error}");
}

/// A bloom filter that is not empty.
fn some_logs() -> Bytes {
    vec![1; 256].into()
}

#[test]
fn logs_are_known_by_what_the_block_says_of_them() {
    let with_log = || call(2, vec![]).logs(vec![sent(9, 0, 1, 2, 5)]);
    let bare = || call(2, vec![]);
    let known = |material: &BlockMaterial| {
        let evidence = evidence_from_traces(material).unwrap();
        evidence.iter().map(|e| (e.known.logs, e.logs.len())).collect::<Vec<_>>()
    };
    assert_eq!(known(&block(vec![bare()])), [(false, 0)], "nobody said");
    assert_eq!(known(&block(vec![with_log(), bare()])), [(true, 1), (true, 0)]);
    let mut material = block(vec![bare()]);
    material.block.logs_bloom = Some(vec![0; 256].into());
    assert_eq!(known(&material), [(true, 0)], "the header says that there are none");
    let mut material = block(vec![bare()]);
    material.receipts = Some(vec![receipt(0, vec![sent(9, 0, 1, 2, 5)])]);
    let evidence = evidence_from_traces(&material).unwrap();
    assert!(evidence[0].known.logs && evidence[0].flows.len() == 2);
    assert_eq!(evidence[0].gas_used, Some(21_000));
    material.receipts = Some(vec![receipt(0, vec![])]);
    assert_eq!(known(&material), [(true, 0)]);
}

#[test]
fn the_receipt_orders_logs_that_the_trace_does_not_place() {
    let unplaced = WireLog { position: None, ..sent(8, 0, 1, 2, 5) };
    let inner = call(3, vec![]).logs(vec![sent(9, 0, 1, 2, 5)]);
    let mut material = block(vec![call(2, vec![inner]).logs(vec![unplaced])]);
    let emitters = |material: &BlockMaterial| -> Vec<u8> {
        let evidence = evidence_from_traces(material).unwrap();
        evidence[0].logs.iter().map(|log| log.address.0[19]).collect()
    };
    assert_eq!(emitters(&material), [9, 8]);
    material.receipts = Some(vec![receipt(0, vec![sent(8, 0, 1, 2, 5), sent(9, 0, 1, 2, 5)])]);
    assert_eq!(emitters(&material), [8, 9]);
}

#[test]
fn logs_that_went_missing_are_not_nothing() {
    // From the traces, with and without receipts that went missing too.
    let mut material = block(vec![call(2, vec![])]);
    material.block.logs_bloom = Some(some_logs());
    fails(&material, "neither its traces nor its receipts hold one");
    material.receipts = Some(vec![receipt(0, vec![])]);
    fails(&material, "neither its traces nor its receipts hold one");
    // From one of several.
    let with_log = call(2, vec![]).logs(vec![sent(9, 0, 1, 2, 5)]);
    let mut material = block(vec![with_log.clone(), call(2, vec![])]);
    material.block.logs_bloom = Some(some_logs());
    fails(&material, "logs by its bloom filter that are not in its traces");
    // From a receipt, or replaced there.
    let mut material = block(vec![with_log]);
    for logs in [vec![], vec![sent(9, 0, 1, 2, 6)]] {
        material.receipts = Some(vec![receipt(0, logs)]);
        fails(&material, "by its receipt");
    }
}

#[test]
fn a_block_is_seen_whole_or_not_at_all() {
    let good = || block(vec![call(2, vec![]), call(3, vec![])]);
    let mut material = good();
    material.traces.as_mut().unwrap().pop();
    fails(&material, "2 transactions and 1 traces");
    let mut material = good();
    material.state_diffs = Some(vec![]);
    fails(&material, "2 transactions and 0 state diffs");
    let mut material = good();
    material.traces.as_mut().unwrap()[1].tx_hash = Some(B256::with_last_byte(7));
    fails(&material, "stands where that of");
    let mut material = good();
    material.receipts = Some(vec![receipt(0, vec![]), receipt(0, vec![])]);
    fails(&material, "the receipt of transaction");
    let mut material = good();
    material.traces = None;
    fails(&material, "no traces");
    let mut material = good();
    let broken =
        TracedTransaction { result: None, error: Some("time\u{7}out".to_owned()), tx_hash: None };
    material.traces.as_mut().unwrap()[1] = broken;
    let error = evidence_from_traces(&material).unwrap_err();
    assert!(matches!(&error, SimulateError::Node { detail, .. } if detail == "time\\u{7}out"));
    assert!(matches!(BlindCause::from(error), BlindCause::NodeError { .. }));
}

/// Every recorded exploit can be read, and the ones with logs move something.
#[test]
fn recorded_exploits_become_evidence() {
    let (mut count, mut too_deep) = (0, 0);
    for under in ["exploits/traces", "exploits/replays"] {
        let Some(folder) = data::folder(under) else { return };
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "gz") {
                continue;
            }
            for line in data::lines(&path) {
                let value: serde_json::Value = match serde_json::from_str(&line) {
                    Ok(value) => value,
                    Err(error) => {
                        // The reader of JSON allows 128 levels, which is some 60 calls.
                        assert!(error.to_string().contains("recursion limit"), "{error}");
                        too_deep += 1;
                        continue;
                    }
                };
                let Some(trace) = value.get("trace") else { continue };
                let trace: TraceFrame = serde::Deserialize::deserialize(trace).unwrap();
                let transaction = WireTransaction {
                    from: trace.from,
                    to: trace.to,
                    ..WireTransaction::default()
                };
                let mut with = input(&transaction, &trace);
                with.logs = LogSource::of_trace(&trace);
                let evidence = builder::build(&with).unwrap();
                assert!(!evidence.frames.is_empty(), "{}", path.display());
                count += 1;
            }
        }
    }
    assert!(too_deep <= 1);
    eprintln!("{count} exploits and phases, {too_deep} too deep to read");
}
