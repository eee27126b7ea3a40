//! A node whose clock is not ours. In every other test it is months behind: the chain's first block is of the first of
//! January 2026.

use std::time::{SystemTime, UNIX_EPOCH};

use super::{INTERVAL_MS, SCENARIO, contained};
use crate::kit::{Rig, without_chain};

/// How far ahead, seconds.
const AHEAD: u64 = 3_600;

#[tokio::test]
async fn a_node_whose_clock_is_an_hour_ahead() {
    if without_chain() {
        return;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let mut rig = Rig::on_chain_of(SCENARIO, now + AHEAD).await;
    rig.configure(&rig.chain.http_url());
    rig.watch().await;
    rig.play(true, 40, INTERVAL_MS).await;
    assert!(rig.head().await.timestamp > now + AHEAD);
    let story = contained(&mut rig).await;
    assert_eq!(story.actions().len(), 1, "one pull, and nothing is let go before its time");
    assert_eq!(story.engine.cases().count(), 1);
}
