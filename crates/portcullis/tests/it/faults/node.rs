//! Faults of a node over HTTP, each once in quiet times and once while the attack strikes.

use std::collections::BTreeSet;

use portcullis_range::{Fault, FaultProxy};
use portcullis_types::chain::BlindCause;

use super::{INTERVAL_MS, SCENARIO, STRIKE, contained};
use crate::kit::{Rig, without_chain};

/// Blocks before the first fault, under it, and from then to the block before the attack.
const QUIET: [u64; 3] = [4, 14, 1];
/// The exploit's deployment and its first strikes.
const STRUCK: u64 = 5;
/// Blocks after the last fault.
const AFTER: u64 = 16;

/// What Portcullis must say of a fault: why it could not look, or nothing where it could.
type Said = fn(&BlindCause) -> bool;

/// Plays the drill with a fault in quiet times and at the attack.
async fn check(fault: Fault, said: Option<Said>) {
    if without_chain() {
        return;
    }
    let mut rig = Rig::new(SCENARIO).await;
    let proxy = FaultProxy::spawn(&rig.chain.http_url()).await.expect("a proxy");
    // Where everything can be looked at, an answer may take as long as a busy machine needs for it.
    let patient = ("requestTimeoutMs: 1000", "requestTimeoutMs: 20000");
    let replaced: &[(&str, &str)] = if said.is_some() { &[] } else { &[patient] };
    rig.configure_with(&proxy.url(), replaced);
    rig.watch().await;
    rig.play(true, QUIET[0], INTERVAL_MS).await;
    proxy.set(fault.clone());
    rig.play(true, QUIET[1], INTERVAL_MS).await;
    proxy.clear();
    rig.play(true, QUIET[2], INTERVAL_MS).await;
    rig.caught_up(super::CATCH_UP).await;
    proxy.set(fault.clone());
    rig.play(true, STRUCK, INTERVAL_MS).await;
    proxy.clear();
    rig.play(true, AFTER, INTERVAL_MS).await;
    let story = contained(&mut rig).await;
    eprintln!(
        "{fault:?}: {} blocks inspected, could not look {} times, paused in {:?}, first strike in {}",
        story.inspected.len(),
        story.blind.len(),
        rig.pauses().await,
        rig.world.set_up_end_block() + STRIKE,
    );
    match said {
        Some(said) => {
            assert!(story.blind.iter().any(|(_, cause)| said(cause)), "{:?}", story.blind);
        }
        None => assert_eq!(story.blind, [], "everything could be looked at"),
    }
}

fn unreachable(cause: &BlindCause) -> bool {
    matches!(cause, BlindCause::Unreachable { .. })
}

fn node_error(cause: &BlindCause) -> bool {
    matches!(cause, BlindCause::NodeError { .. })
}

fn inconsistent(cause: &BlindCause) -> bool {
    matches!(cause, BlindCause::Inconsistent { .. })
}

fn error_for(method: &str) -> Fault {
    Fault::ErrorFor { method: method.to_owned() }
}

#[tokio::test]
async fn connections_that_drop() {
    check(Fault::DropConnection, Some(unreachable)).await;
}

#[tokio::test]
async fn a_node_that_hangs() {
    check(Fault::Hang, Some(unreachable)).await;
}

#[tokio::test]
async fn too_many_requests() {
    check(Fault::Http429, Some(node_error)).await;
}

#[tokio::test]
async fn errors_inside_http_200() {
    check(Fault::RpcErrorIn200, Some(node_error)).await;
}

/// The one strike that is enough must not pass as "nothing found".
#[tokio::test]
async fn no_logs_and_no_traces_once() {
    if without_chain() {
        return;
    }
    let mut rig = Rig::new(SCENARIO).await;
    let proxy = FaultProxy::spawn(&rig.chain.http_url()).await.expect("a proxy");
    rig.configure(&proxy.url());
    rig.watch().await;
    rig.play(true, STRIKE - 1, INTERVAL_MS).await;
    rig.caught_up(super::CATCH_UP).await;
    let mut struck = Vec::new();
    for _ in 0..3 {
        proxy.set(Fault::EmptyLogsOnce);
        rig.play(true, 1, INTERVAL_MS).await;
        struck.push(rig.head().await.id.number);
        rig.caught_up(super::CATCH_UP).await;
        assert_eq!(proxy.fault(), Fault::None, "the node has claimed that nothing happened");
    }
    rig.play(true, AFTER, INTERVAL_MS).await;
    let story = contained(&mut rig).await;
    let blind: Vec<u64> = story.blind.iter().map(|(block, _)| *block).collect();
    assert_eq!(blind, struck);
    assert!(story.blind.iter().all(|(_, cause)| inconsistent(cause)), "{:?}", story.blind);
    let found: BTreeSet<u64> = story.found_in();
    assert!(found.contains(&struck[0]), "the first strike is found all the same: {found:?}");
}

/// So short a lag is a lag and no blindness: what was not looked at yet is not known to be there.
#[tokio::test]
async fn a_head_that_is_stale() {
    check(Fault::StaleHead(4), None).await;
}

#[tokio::test]
async fn no_call_traces() {
    check(error_for("debug_traceBlockByHash"), Some(node_error)).await;
}

#[tokio::test]
async fn no_views() {
    check(error_for("eth_call"), None).await;
}

// Looking works, acting does not.

#[tokio::test]
async fn no_nonces() {
    check(error_for("eth_getTransactionCount"), None).await;
}

#[tokio::test]
async fn no_rehearsal() {
    check(error_for("eth_simulateV1"), None).await;
}

#[tokio::test]
async fn no_broadcast() {
    check(error_for("eth_sendRawTransaction"), None).await;
}

#[tokio::test]
async fn no_receipts() {
    check(error_for("eth_getTransactionReceipt"), None).await;
}
