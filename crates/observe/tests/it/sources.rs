//! Following a chain.

use std::time::Duration;

use alloy_primitives::B256;
use portcullis_observe::{Node, PendingSource, Resume, RpcSource, SourceOptions, Start};
use portcullis_types::chain::{BlindCause, BlockHead, BlockId, ChainEvent};
use serde_json::json;
use tokio::time::timeout;

use crate::anvil::{RICH, anvil, connect};

/// Longest wait for an event in a test.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn options() -> SourceOptions {
    SourceOptions { poll_interval: Duration::from_millis(50), ..SourceOptions::default() }
}

pub(crate) fn from_start(node: Node) -> RpcSource {
    let resume = Resume { recent: Vec::new(), start: Start::Number(0) };
    RpcSource::new(node, &resume, options())
}

/// The next event, confirmed.
pub(crate) async fn event(source: &mut RpcSource) -> ChainEvent {
    let event = timeout(PATIENCE, source.next()).await.expect("no event came").unwrap();
    source.acknowledge(&event);
    event
}

/// So many blocks, which must come one on top of the other.
pub(crate) async fn blocks(source: &mut RpcSource, count: usize) -> Vec<BlockHead> {
    let mut heads: Vec<BlockHead> = Vec::new();
    while heads.len() < count {
        let ChainEvent::Committed { head, .. } = event(source).await else {
            panic!("something else than a block after {:?}", heads.last());
        };
        if let Some(before) = heads.last() {
            assert_eq!((head.parent, head.id.number), (before.id.hash, before.id.number + 1));
        }
        heads.push(head);
    }
    heads
}

pub(crate) async fn nothing_comes(source: &mut RpcSource) {
    let waited = timeout(Duration::from_millis(400), source.next()).await;
    assert!(waited.is_err(), "unexpected {waited:?}");
}

#[tokio::test]
async fn blocks_are_followed_over_every_transport() {
    let anvil = anvil!();
    for url in [anvil.http(), anvil.ws(), anvil.ipc()] {
        let node = connect(&url).await;
        let first = node.head().await.unwrap();
        let resume = Resume { recent: Vec::new(), start: Start::Head };
        let mut source = RpcSource::new(node, &resume, options());
        assert_eq!(blocks(&mut source, 1).await, [first]);
        for _ in 0..3 {
            anvil.mine(1).await;
            blocks(&mut source, 1).await;
        }
        anvil.mine(20).await;
        blocks(&mut source, 20).await;
        nothing_comes(&mut source).await;
    }
}

#[tokio::test]
async fn a_subscription_is_faster_than_the_poll() {
    let anvil = anvil!();
    for url in [anvil.ws(), anvil.ipc()] {
        let mut options = options();
        options.poll_interval = Duration::from_hours(1);
        let resume = Resume { recent: Vec::new(), start: Start::Head };
        let mut source = RpcSource::new(connect(&url).await, &resume, options);
        blocks(&mut source, 1).await;
        // The first blocks may come before the subscription does.
        let mut is_found = false;
        for _ in 0..10 {
            anvil.mine(1).await;
            is_found = timeout(Duration::from_secs(1), source.next()).await.is_ok();
            if is_found {
                break;
            }
        }
        assert!(is_found, "nothing but the subscription can have told");
    }
}

#[tokio::test]
async fn an_event_comes_again_until_it_is_acknowledged() {
    let anvil = anvil!();
    anvil.mine(2).await;
    let mut source = from_start(anvil.node().await);
    let first = source.next().await.unwrap();
    assert_eq!(source.next().await.unwrap(), first);
    assert_eq!(source.tip(), None);
    source.acknowledge(&first);
    let second = source.next().await.unwrap();
    source.acknowledge(&first);
    assert_eq!(source.next().await.unwrap(), second, "a stale confirmation changes nothing");
    // A new source that resumes from what was confirmed gives the second again.
    let recent = vec![source.tip().unwrap()];
    let resume = Resume { recent, start: Start::Head };
    let mut resumed = RpcSource::new(anvil.node().await, &resume, options());
    assert_eq!(resumed.next().await.unwrap(), second);
}

#[tokio::test]
async fn gaps_are_filled() {
    let anvil = anvil!();
    let mut source = from_start(anvil.node().await);
    anvil.mine(3).await;
    let seen = blocks(&mut source, 4).await;
    anvil.mine(75).await;
    let more = blocks(&mut source, 75).await;
    assert_eq!((more[0].parent, more[74].id.number), (seen[3].id.hash, 78));
    // The same after a restart.
    anvil.mine(40).await;
    let recent = more.iter().map(|head| head.id).collect();
    let resume = Resume { recent, start: Start::Head };
    let mut resumed = RpcSource::new(anvil.node().await, &resume, options());
    assert_eq!(blocks(&mut resumed, 40).await[0].parent, more[74].id.hash);
}

#[tokio::test]
async fn a_gap_that_is_too_long_is_told_and_not_skipped_in_silence() {
    let anvil = anvil!();
    anvil.mine(50).await;
    let resume = Resume { recent: Vec::new(), start: Start::Number(0) };
    let few = SourceOptions { gap_blocks_max: 10, ..options() };
    let mut source = RpcSource::new(anvil.node().await, &resume, few);
    // The start was asked for; the limit is for what comes after it.
    let mut last = blocks(&mut source, 16).await[15].id.number;
    let ChainEvent::Blind { from, to, cause, .. } = event(&mut source).await else { panic!() };
    assert_eq!((from, to), (last + 1, 40));
    assert!(matches!(cause, BlindCause::Incomplete { .. }), "{cause}");
    last = to;
    let rest = blocks(&mut source, 10).await;
    assert_eq!((rest[0].id.number, rest[9].id.number), (last + 1, 50));
}

#[tokio::test]
async fn pending_transactions_come_before_their_block() {
    let anvil = anvil!("--no-mining");
    let over_http = PendingSource::new(anvil.node().await);
    let (ws, ipc) = (connect(&anvil.ws()).await, connect(&anvil.ipc()).await);
    for mut source in [PendingSource::new(ws), PendingSource::new(ipc), over_http] {
        // The first transactions may come before the subscription does.
        let mut is_open = false;
        for _ in 0..10 {
            anvil.send(json!({"from": RICH, "to": RICH})).await;
            is_open = timeout(Duration::from_secs(1), source.next()).await.is_ok();
            if is_open {
                break;
            }
        }
        assert!(is_open, "nothing pending");
        while timeout(Duration::from_millis(300), source.next()).await.is_ok() {}
        let mut sent: Vec<B256> = Vec::new();
        for value in 1..=5u8 {
            sent.push(anvil.send(json!({"from": RICH, "to": RICH, "value": value})).await);
        }
        for hash in sent {
            let next = timeout(PATIENCE, source.next()).await.expect("nothing pending").unwrap();
            let ChainEvent::Pending { transaction, .. } = next else { panic!() };
            assert_eq!((transaction.hash, transaction.from), (hash, RICH));
        }
        assert_eq!(source.dropped(), 0);
    }
}

/// Identities of heads.
pub(crate) fn ids(heads: &[BlockHead]) -> Vec<BlockId> {
    heads.iter().map(|head| head.id).collect()
}
