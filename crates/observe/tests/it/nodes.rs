//! What a node is asked, and what its answers mean.

use std::time::Duration;

use alloy_primitives::{Address, B256, U256};
use portcullis_observe::{EvidenceMethod, Node, ObserveError, Remedy};
use portcullis_types::{
    chain::{BlindCause, BlockId},
    money::Asset,
    probe::Probe,
};
use serde_json::json;

use crate::{
    anvil::{CHAIN, RICH, anvil, connect, quick},
    fake::{Fake, Reply},
};

#[tokio::test]
async fn capabilities_are_found_by_asking() {
    let anvil = anvil!();
    anvil.counter().await;
    for url in [anvil.ws(), anvil.ipc()] {
        let can = connect(&url).await.capabilities().await.unwrap();
        assert!(can.debug_trace_block && can.call_tracer_with_logs && can.prestate_tracer);
        assert!(can.simulate_v1 && can.block_receipts, "{can:?}");
        assert!(can.pending_subscription && can.new_heads_subscription, "{can:?}");
        assert_eq!(can.evidence_method(), EvidenceMethod::Traces);
    }
    let can = anvil.node().await.capabilities().await.unwrap();
    assert!(!can.pending_subscription && !can.new_heads_subscription);
    assert_eq!(can.evidence_method(), EvidenceMethod::Traces);
}

#[tokio::test]
async fn a_node_without_debug_methods_is_told_apart() {
    let fake = Fake::start(|method, _| match method {
        "eth_chainId" => Reply::Result(json!("0x7a69")),
        "eth_getBlockByNumber" => Reply::Result(head(5)),
        _ => Reply::Refusal(-32601, "the method does not exist/is not available"),
    })
    .await;
    let can = connect(&fake.url()).await.capabilities().await.unwrap();
    assert_eq!(can, portcullis_observe::Capabilities::default());
    assert_eq!(can.evidence_method(), EvidenceMethod::LogsOnly);
    assert!(can.evidence_method().to_string().contains("use a node with the debug methods"));
}

#[tokio::test]
async fn a_block_is_seen_whole() {
    let anvil = anvil!();
    let counter = anvil.counter().await;
    let (hash, _) = anvil.execute(json!({"from": RICH, "to": counter, "data": "0x12345678"})).await;
    for url in [anvil.http(), anvil.ws(), anvil.ipc()] {
        let node = connect(&url).await;
        let head = node.head().await.unwrap();
        assert_eq!((head.id.number, head.transactions), (2, 1));
        let material = node.material(&head.id).await.unwrap();
        assert_eq!(material.block.id(), head.id);
        assert_eq!(material.block.transactions[0].hash, hash);
        assert_eq!(material.receipts.as_ref().unwrap()[0].logs.len(), 1);
        let trace = material.traces.as_ref().unwrap()[0].result.as_ref().unwrap();
        assert_eq!((trace.to, trace.logs.as_ref().unwrap().len()), (Some(counter), 1));
        let diff = material.state_diffs.as_ref().unwrap()[0].result.as_ref().unwrap();
        assert_eq!(diff.post[&counter].storage[&B256::ZERO], B256::with_last_byte(1));
        let prestate = node.block_prestate(&material).await.unwrap();
        assert_eq!(prestate[&counter].storage[&B256::ZERO], B256::ZERO);
        let mut alone = node.transaction_prestate(hash).await.unwrap();
        // Tracers leave out a nonce of 0; before a block it is said.
        for account in alone.values_mut() {
            account.nonce = account.nonce.or(Some(0));
        }
        assert_eq!(alone, prestate);
    }
}

#[tokio::test]
async fn empty_and_unknown_blocks_are_different() {
    let anvil = anvil!();
    anvil.mine(1).await;
    for url in [anvil.http(), anvil.ws(), anvil.ipc()] {
        unknown_is_not_empty(&connect(&url).await).await;
    }
}

async fn unknown_is_not_empty(node: &Node) {
    let head = node.head().await.unwrap();
    let empty = node.material(&head.id).await.unwrap();
    assert_eq!(empty.receipts.unwrap().len() + empty.traces.unwrap().len(), 0);
    let unknown = BlockId { number: 1, hash: B256::repeat_byte(7) };
    assert!(matches!(node.material(&unknown).await, Err(BlindCause::Inconsistent { .. })));
    let wrong = BlockId { number: 7, hash: head.id.hash };
    assert!(matches!(node.material(&wrong).await, Err(BlindCause::Inconsistent { .. })));
    assert_eq!(node.head_by_number(99).await.unwrap(), None);
    assert_eq!(node.head_by_hash(B256::repeat_byte(7)).await.unwrap(), None);
    assert!(node.transaction_prestate(B256::repeat_byte(7)).await.is_err());
}

#[tokio::test]
async fn probes_are_answered_at_a_block() {
    let anvil = anvil!();
    let counter = anvil.counter().await;
    let node = anvil.node().await;
    let before = node.head().await.unwrap().id;
    anvil.execute(json!({"from": RICH, "to": counter})).await;
    let after = node.head().await.unwrap().id;
    let slot = B256::ZERO;
    let probes = [
        Probe::Call { to: counter, data: "0x12".parse().unwrap(), word: 0 },
        Probe::Storage { address: counter, slot },
        Probe::Balance { asset: Asset::Token(counter), holder: RICH },
        Probe::Balance { asset: Asset::Native, holder: counter },
        Probe::Call { to: counter, data: "0x".parse().unwrap(), word: 1 },
        Probe::Call { to: Address::repeat_byte(9), data: "0x".parse().unwrap(), word: 0 },
        Probe::Call { to: anvil.deploy("60006000fd").await, data: "0x".parse().unwrap(), word: 0 },
    ];
    for (block, count) in [(before, 0), (after, 1)] {
        let read = node.read(&probes, &block).await;
        let asked: Vec<_> = read.iter().map(|reading| reading.probe.clone()).collect();
        assert_eq!(asked, probes, "answers are in the order of the questions");
        assert_eq!(read[0].value, Ok(U256::from(count + 1)));
        assert_eq!(read[0].depends_on, [(counter, slot)]);
        assert_eq!(read[1].value, Ok(U256::from(count)));
        assert_eq!(read[1].depends_on, [(counter, slot)]);
        assert_eq!(read[2].value, Ok(U256::from(count + 1)));
        assert_eq!(read[3].value, Ok(U256::ZERO));
        assert!(read[4].value.as_ref().unwrap_err().contains("too few for word 1"));
        assert!(read[5].value.as_ref().unwrap_err().contains("no contract"));
    }
    let reverted = node.read(&probes[6..], &node.head().await.unwrap().id).await;
    assert!(reverted[0].value.as_ref().unwrap_err().contains("revert"), "{reverted:?}");
    let gone = BlockId { number: 1, hash: B256::repeat_byte(7) };
    assert!(node.read(&probes[..2], &gone).await.iter().all(|reading| reading.value.is_err()));
}

#[tokio::test]
async fn wrong_chains_and_dead_nodes_are_told_at_once() {
    let anvil = anvil!();
    for url in [anvil.http(), anvil.ws(), anvil.ipc()] {
        let error = Node::connect(&[url], 1).await.unwrap_err();
        assert_eq!(error.remedy(), Remedy::FixConfig);
        assert!(error.to_string().contains("is of chain 31337, not of chain 1"), "{error}");
    }
    let dead = ["http://127.0.0.1:1/SECRET", "ws://u:SECRET@127.0.0.1:1", "/nowhere/no-such.ipc"];
    for url in dead {
        let error = Node::connect(&[url.to_owned()], 1).await.unwrap_err();
        assert_eq!(error.remedy(), Remedy::Retry, "{error}");
        assert!(!error.to_string().contains("SECRET"), "{error}");
    }
    assert!(matches!(Node::connect(&[], 1).await, Err(ObserveError::NoNodes { chain: 1 })));
}

#[tokio::test]
async fn another_address_stands_in_for_one_that_fails() {
    let anvil = anvil!();
    anvil.mine(3).await;
    let mut calls = 0;
    let fake = Fake::start(move |method, _| {
        calls += 1;
        match (method, calls % 5) {
            ("eth_chainId", _) => Reply::Result(json!("0x7a69")),
            (_, 0) => Reply::Status(429),
            (_, 1) => Reply::Status(503),
            (_, 2) => Reply::Refusal(-32005, "daily request count exceeded"),
            (_, 3) => Reply::Text("<html>sorry</html>".to_owned()),
            _ => Reply::Hang,
        }
    })
    .await;
    let urls = [fake.url(), "http://127.0.0.1:1".to_owned(), anvil.ws()];
    let node = Node::connect_with(&urls, CHAIN, quick()).await.unwrap();
    for _ in 0..12 {
        assert_eq!(node.head().await.unwrap().id.number, 3);
    }
    assert_eq!(node.shown(), anvil.ws(), "the one that answers is asked first");
}

#[tokio::test]
async fn failures_keep_their_kind_and_no_key_is_shown() {
    let answers = [
        Reply::Status(429),
        Reply::Refusal(-32000, "no key0123456789 \u{1b}[2J\u{202e}"),
        Reply::Text("{\"result\":{\"number\":\"0x1\"}}".to_owned()),
        Reply::Text("x".repeat(2 << 20)),
        Reply::Result(serde_json::Value::Null),
        Reply::Hang,
    ];
    let mut answers = answers.into_iter();
    let fake = Fake::start(move |method, _| match method {
        "eth_chainId" => Reply::Result(json!("0x7a69")),
        _ => answers.next().unwrap(),
    })
    .await;
    let mut options = quick();
    options.answer_bytes_max = 1 << 20;
    options.request_time_limit = Duration::from_millis(300);
    let node = Node::connect_with(&[fake.url()], CHAIN, options).await.unwrap();
    let mut told = Vec::new();
    for _ in 0..6 {
        told.push(node.head().await.unwrap_err().to_string().replace(&fake.port.to_string(), "P"));
    }
    insta::assert_snapshot!(told.join("\n"));
}

#[tokio::test]
async fn receipts_and_numbers_are_fallen_back_to() {
    let anvil = anvil!();
    let counter = anvil.counter().await;
    anvil.execute(json!({"from": RICH, "to": counter})).await;
    let real = anvil.node().await;
    let head = real.head().await.unwrap();
    let whole = real.material(&head.id).await.unwrap();
    let (block, receipt) = (whole.block.clone(), whole.receipts.as_ref().unwrap()[0].clone());
    let fake = Fake::start(move |method, parameters| match method {
        "eth_chainId" => Reply::Result(json!("0x7a69")),
        "eth_getBlockByHash" | "eth_getBlockByNumber" => Reply::Result(json!(block)),
        "eth_getTransactionReceipt" => Reply::Result(json!(receipt)),
        "eth_getBalance" if parameters[1].is_object() => Reply::Refusal(-32602, "invalid argument"),
        "eth_getBalance" => Reply::Result(json!("0x7")),
        _ => Reply::Refusal(-32601, "method not found"),
    })
    .await;
    let node = connect(&fake.url()).await;
    let material = node.material(&head.id).await.unwrap();
    assert_eq!((&material.block, &material.receipts), (&whole.block, &whole.receipts));
    assert_eq!((material.traces, material.state_diffs), (None, None), "unknown, not empty");
    let probe = [Probe::Balance { asset: Asset::Native, holder: RICH }];
    assert_eq!(node.read(&probe, &head.id).await[0].value, Ok(U256::from(7)));
    let other = BlockId { number: head.id.number, hash: B256::repeat_byte(1) };
    let error = node.read(&probe, &other).await[0].value.clone().unwrap_err();
    assert!(error.contains("not part of the chain any more"), "{error}");
}

/// Nodes answer out of another block's state: anvil while it makes the next one, a pool of nodes when one is behind.
#[tokio::test]
async fn what_contradicts_a_blocks_traces_is_asked_again_and_never_believed() {
    let anvil = anvil!();
    let counter = anvil.counter().await;
    anvil.execute(json!({"from": RICH, "to": counter})).await;
    let real = anvil.node().await;
    let id = real.head().await.unwrap().id;
    let whole = real.material(&id).await.unwrap();
    let written = whole.state_diffs.as_ref().unwrap()[0].result.as_ref().unwrap();
    let (slot, word) = written.post[&counter].storage.first_key_value().unwrap();
    let (slot, word, before) = (*slot, *word, written.pre[&counter].storage.get(slot).copied());
    let before = before.unwrap_or_default();
    for (wrong_answers, is_read) in [(0, true), (1, true), (3, true), (usize::MAX, false)] {
        let (block, receipts) = (whole.block.clone(), whole.receipts.clone());
        let (traces, diffs) = (whole.traces.clone(), whole.state_diffs.clone());
        let mut asked = 0;
        let fake = Fake::start(move |method, parameters| match method {
            "eth_chainId" => Reply::Result(json!("0x7a69")),
            "eth_getBlockByHash" | "eth_getBlockByNumber" => Reply::Result(json!(block)),
            "eth_getBlockReceipts" => Reply::Result(json!(receipts)),
            "debug_traceBlockByHash" if parameters[1]["tracer"] == "callTracer" => {
                Reply::Result(json!(traces))
            }
            "debug_traceBlockByHash" => Reply::Result(json!(diffs)),
            "eth_getStorageAt" => {
                asked += 1;
                Reply::Result(json!(if asked > wrong_answers { word } else { before }))
            }
            _ => Reply::Refusal(-32601, "method not found"),
        })
        .await;
        let node = connect(&fake.url()).await;
        let probe = [Probe::Storage { address: counter, slot }];
        assert!(node.material(&id).await.is_ok());
        let value = node.read(&probe, &id).await.remove(0).value;
        if is_read {
            assert_eq!(value, Ok(word.into()), "after {wrong_answers} wrong answers");
        } else {
            assert!(value.unwrap_err().contains("another block's state"));
        }
    }
}

/// An empty block as a node tells it.
pub(crate) fn head(number: u64) -> serde_json::Value {
    json!({
        "number": format!("0x{number:x}"), "hash": B256::with_last_byte(number as u8),
        "parentHash": B256::with_last_byte(number as u8 - 1), "timestamp": "0x1",
        "transactions": [],
    })
}

/// Not run: it compiles only if what a program awaits may move between threads.
#[allow(dead_code)]
fn everything_can_be_spawned(
    node: &'static Node,
    source: &'static mut portcullis_observe::RpcSource,
) {
    fn spawned<T: Send>(_: T) {}
    let id = BlockId { number: 0, hash: B256::ZERO };
    spawned(async move { node.material(&id).await });
    spawned(async move { node.read(&[], &id).await });
    spawned(
        async move { node.block_prestate(&portcullis_types::wire::BlockMaterial::default()).await },
    );
    spawned(async move { node.transaction_prestate(B256::ZERO).await });
    spawned(async move { node.capabilities().await });
    spawned(async move { Node::connect(&[], 1).await });
    spawned(async move { source.next().await });
    spawned(async move {
        let mut pending = portcullis_observe::PendingSource::new(node.clone());
        pending.next().await
    });
    spawned(async move {
        let path = std::path::Path::new("a.jsonl");
        portcullis_observe::record(node, 0..=1, path, "", |_| {}).await
    });
}
