//! Outages: told once, and nothing is lost.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use portcullis_observe::{ObserveError, Resume, RpcSource, SourceOptions, Start};
use portcullis_types::chain::{BlindCause, ChainEvent};
use serde_json::json;
use tokio::time::timeout;

use crate::{
    anvil::{anvil, connect},
    fake::{Fake, Reply},
    nodes::head,
    sources::{blocks, event, from_start, nothing_comes, options},
};

#[tokio::test]
async fn a_node_that_hangs_is_told_once_and_nothing_is_lost() {
    let anvil = anvil!();
    for url in [anvil.http(), anvil.ws(), anvil.ipc()] {
        let mut source = from_start(connect(&url).await);
        let height = connect(&url).await.head().await.unwrap().id.number;
        blocks(&mut source, height as usize + 1).await;
        anvil.freeze();
        // Whoever waits in a `select!` gives up and asks again all the time.
        let blind = loop {
            if let Ok(next) = timeout(Duration::from_millis(30), source.next()).await {
                break next.unwrap();
            }
        };
        source.acknowledge(&blind);
        let ChainEvent::Blind { from, cause, .. } = blind else { panic!("{blind:?}") };
        assert_eq!(from, height + 1);
        assert!(matches!(cause, BlindCause::Unreachable { .. }), "{cause}");
        let again = timeout(Duration::from_secs(3), source.next()).await;
        assert!(again.is_err(), "told twice: {again:?}");
        anvil.thaw();
        anvil.mine(30).await;
        blocks(&mut source, 30).await;
    }
}

#[tokio::test]
async fn a_node_that_is_gone_and_comes_back_as_another_chain_is_not_believed() {
    let anvil = anvil!();
    let port = anvil.port.to_string();
    let quick = SourceOptions { stale_after: Duration::from_millis(500), ..options() };
    let resume = Resume { recent: Vec::new(), start: Start::Number(0) };
    let mut source = RpcSource::new(connect(&anvil.ws()).await, &resume, quick);
    anvil.mine(20).await;
    blocks(&mut source, 21).await;
    drop(anvil);
    let ChainEvent::Blind { from: 21, cause, .. } = event(&mut source).await else { panic!() };
    assert!(matches!(cause, BlindCause::Unreachable { .. }), "{cause}");
    // The genesis of a new chain has another time and so another hash.
    let anvil = anvil!("--port", &port, "--timestamp", "1700000000");
    let ChainEvent::Reorged { old, new, .. } = event(&mut source).await else { panic!() };
    assert_eq!((old.len(), new.len()), (21, 1), "all 21 blocks fit into what was kept");
    drop(anvil);
}

#[tokio::test]
async fn a_node_that_changes_its_chain_id_is_an_error() {
    let anvil = anvil!();
    let port = anvil.port.to_string();
    let mut source = from_start(anvil.node().await);
    blocks(&mut source, 1).await;
    drop(anvil);
    let _other = anvil!("--port", &port, "--chain-id", "5");
    let error = loop {
        match timeout(Duration::from_secs(20), source.next()).await.expect("silence") {
            Ok(event) => source.acknowledge(&event),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, ObserveError::WrongChain { found: 5, .. }), "{error}");
}

/// A chain of empty blocks up to a height, with a fault that can be switched.
async fn scripted(height: u64) -> (Fake, Arc<Mutex<(u64, &'static str)>>) {
    let state = Arc::new(Mutex::new((height, "")));
    let shared = state.clone();
    let mut count = 0;
    let fake = Fake::start(move |method, parameters| {
        let (height, fault) = *shared.lock().unwrap();
        count += 1;
        match (method, fault) {
            ("eth_chainId", _) => Reply::Result(json!("0x7a69")),
            (_, "429") => Reply::Status(429),
            (_, "refusal") => Reply::Refusal(-32603, "internal error"),
            (_, "null") => Reply::Result(json!(null)),
            (_, "changing") if count % 2 == 0 => Reply::Status(503),
            (_, "changing") => Reply::Text(String::new()),
            ("eth_getBlockByNumber", fault) => {
                let asked = parameters[0].as_str().unwrap();
                let number = match asked.strip_prefix("0x") {
                    Some(digits) => u64::from_str_radix(digits, 16).unwrap(),
                    None => height,
                };
                let is_missing = number > height || (fault == "holes" && asked != "latest");
                Reply::Result(if is_missing { json!(null) } else { head(number) })
            }
            _ => Reply::Refusal(-32601, "method not found"),
        }
    })
    .await;
    (fake, state)
}

#[tokio::test]
async fn every_fault_is_survived_and_told_once() {
    let (fake, state) = scripted(5).await;
    let resume = Resume { recent: Vec::new(), start: Start::Number(5) };
    let mut source = RpcSource::new(connect(&fake.url()).await, &resume, options());
    blocks(&mut source, 1).await;
    let mut height = 5;
    for fault in ["429", "refusal", "null", "holes", "changing"] {
        height += 3;
        *state.lock().unwrap() = (height, fault);
        let ChainEvent::Blind { from, cause, .. } = event(&mut source).await else { panic!() };
        assert_eq!(from, height - 2, "{fault}");
        let is_contradiction = matches!(cause, BlindCause::Inconsistent { .. });
        assert_eq!(is_contradiction, fault == "holes", "{fault}: {cause}");
        assert!(!cause.to_string().contains("key0123456789"), "{cause}");
        nothing_comes(&mut source).await;
        state.lock().unwrap().1 = "";
        blocks(&mut source, 3).await;
    }
}

#[tokio::test]
async fn a_short_fault_is_only_retried() {
    let (fake, state) = scripted(5).await;
    let resume = Resume { recent: Vec::new(), start: Start::Number(5) };
    let mut source = RpcSource::new(connect(&fake.url()).await, &resume, options());
    blocks(&mut source, 1).await;
    *state.lock().unwrap() = (6, "429");
    nothing_comes(&mut source).await;
    state.lock().unwrap().1 = "";
    blocks(&mut source, 1).await;
}

#[tokio::test]
async fn a_chain_that_stands_still_is_told_if_asked_for() {
    let (fake, _state) = scripted(5).await;
    let resume = Resume { recent: Vec::new(), start: Start::Head };
    let mut stalling = options();
    stalling.stall_after = Some(Duration::from_millis(600));
    let mut source = RpcSource::new(connect(&fake.url()).await, &resume, stalling);
    blocks(&mut source, 1).await;
    let ChainEvent::Blind { from: 6, cause, .. } = event(&mut source).await else { panic!() };
    assert!(cause.to_string().contains("no new block"), "{cause}");
    nothing_comes(&mut source).await;
}
