//! What was said is un-said.

use std::time::Duration;

use portcullis_observe::{Resume, RpcSource, SourceOptions, Start};
use portcullis_types::chain::{BlindCause, ChainEvent};
use serde_json::json;

use crate::{
    anvil::{anvil, connect},
    sources::{blocks, event, from_start, ids, nothing_comes, options},
};

#[tokio::test]
async fn reorganisations_of_every_depth_are_told_exactly() {
    let anvil = anvil!();
    for url in [anvil.http(), anvil.ws(), anvil.ipc()] {
        let mut source = from_start(connect(&url).await);
        let height = connect(&url).await.head().await.unwrap().id.number;
        let mut known = ids(&blocks(&mut source, height as usize + 1).await);
        anvil.mine(8).await;
        known.extend(ids(&blocks(&mut source, 8).await));
        for depth in 1..=6 {
            anvil.reorg(depth).await;
            let ChainEvent::Reorged { old, new, .. } = event(&mut source).await else { panic!() };
            let stay = known.len() - depth as usize;
            assert_eq!(old, known[stay..], "depth {depth}");
            assert_eq!(new.len(), old.len());
            assert_eq!(new[0].parent, known[stay - 1].hash);
            for (old, new) in old.iter().zip(&new) {
                assert_eq!(old.number, new.id.number);
                assert_ne!(old.hash, new.id.hash);
            }
            known.truncate(stay);
            known.extend(ids(&new));
            anvil.mine(2).await;
            let next = blocks(&mut source, 2).await;
            assert_eq!(Some(next[0].parent), known.last().map(|id| id.hash));
            known.extend(ids(&next));
        }
        nothing_comes(&mut source).await;
    }
}

#[tokio::test]
async fn a_reorganisation_with_new_blocks_on_top_is_told_before_them() {
    let anvil = anvil!();
    let mut source = from_start(anvil.node().await);
    anvil.mine(9).await;
    let known = ids(&blocks(&mut source, 10).await);
    anvil.reorg(4).await;
    anvil.mine(30).await;
    let ChainEvent::Reorged { old, new, .. } = event(&mut source).await else { panic!() };
    assert_eq!((&old[..], new.len()), (&known[6..], 4));
    let next = blocks(&mut source, 30).await;
    assert_eq!(next[0].parent, new[3].id.hash);
}

#[tokio::test]
async fn a_reorganisation_while_we_were_away_is_told_first() {
    let anvil = anvil!();
    let mut source = from_start(anvil.node().await);
    anvil.mine(9).await;
    let known = ids(&blocks(&mut source, 10).await);
    drop(source);
    anvil.reorg(3).await;
    anvil.mine(5).await;
    let resume = Resume { recent: known.clone(), start: Start::Head };
    let mut source = RpcSource::new(anvil.node().await, &resume, options());
    let ChainEvent::Reorged { old, new, .. } = event(&mut source).await else { panic!() };
    assert_eq!((&old[..], new.len()), (&known[7..], 3));
    assert_eq!(blocks(&mut source, 5).await[0].parent, new[2].id.hash);
}

#[tokio::test]
async fn everything_that_was_given_can_be_taken_back() {
    let anvil = anvil!();
    anvil.mine(10).await;
    // Started at the head: the common ancestor was never given.
    let resume = Resume { recent: Vec::new(), start: Start::Head };
    let mut source = RpcSource::new(anvil.node().await, &resume, options());
    let known = ids(&blocks(&mut source, 1).await);
    anvil.reorg(4).await;
    let ChainEvent::Reorged { old, new, .. } = event(&mut source).await else { panic!() };
    assert_eq!((old, new[0].id.number), (known, 10));
}

#[tokio::test]
async fn a_reorganisation_that_is_too_deep_is_told_as_blind() {
    let anvil = anvil!();
    anvil.mine(12).await;
    let resume = Resume { recent: Vec::new(), start: Start::Number(0) };
    let shallow = SourceOptions { reorg_depth_max: 3, ..options() };
    let mut source = RpcSource::new(anvil.node().await, &resume, shallow);
    blocks(&mut source, 13).await;
    anvil.reorg(5).await;
    let ChainEvent::Blind { from, to, cause, .. } = event(&mut source).await else { panic!() };
    assert_eq!((from, to), (9, 12), "all that is kept, and what follows");
    assert!(cause.to_string().contains("shares none of the newest 3 blocks"), "{cause}");
    // Told once, and still not taken for the same chain.
    nothing_comes(&mut source).await;
    anvil.mine(1).await;
    nothing_comes(&mut source).await;
}

#[tokio::test]
async fn a_shorter_chain_is_behind_until_it_shows_other_blocks() {
    let anvil = anvil!();
    let patient = SourceOptions { stale_after: Duration::from_millis(700), ..options() };
    anvil.mine(5).await;
    let point = anvil.snapshot().await;
    anvil.mine(3).await;
    let resume = Resume { recent: Vec::new(), start: Start::Number(0) };
    let mut source = RpcSource::new(anvil.node().await, &resume, patient);
    let known = ids(&blocks(&mut source, 9).await);
    anvil.ask("evm_revert", json!([point])).await;
    // A lagging node looks the same: no re-organisation is told, but it does not stay silent.
    nothing_comes(&mut source).await;
    let ChainEvent::Blind { from, cause, .. } = event(&mut source).await else { panic!() };
    assert_eq!(from, 9);
    let BlindCause::Inconsistent { detail } = cause else { panic!("{cause}") };
    assert_eq!(detail, "the node is at block 5, behind block 8");
    anvil.ask("anvil_setCoinbase", json!([other_miner()])).await;
    anvil.mine(1).await;
    let ChainEvent::Reorged { old, new, .. } = event(&mut source).await else { panic!() };
    assert_eq!((&old[..], new[0].id.number), (&known[6..], 6));
}

fn other_miner() -> alloy_primitives::Address {
    alloy_primitives::Address::repeat_byte(0x77)
}
