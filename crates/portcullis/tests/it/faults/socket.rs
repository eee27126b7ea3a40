//! A WebSocket that is cut, and one that stays away for a while.

use std::time::Duration;

use portcullis_range::TcpProxy;
use portcullis_types::chain::BlindCause;

use super::{INTERVAL_MS, SCENARIO, contained};
use crate::kit::{Rig, without_chain};

#[tokio::test]
async fn a_socket_that_is_cut_and_refused() {
    if without_chain() {
        return;
    }
    let mut rig = Rig::new(SCENARIO).await;
    let proxy = TcpProxy::spawn(rig.chain.address()).await.expect("a proxy");
    rig.configure(&proxy.ws_url());
    rig.watch().await;
    let before = proxy.accepted();
    for _ in 0..4 {
        rig.play(true, 2, INTERVAL_MS).await;
        proxy.cut();
    }
    // Longer than a second: that must be said.
    proxy.refuse_for(Duration::from_millis(1_800));
    rig.play(true, 11, INTERVAL_MS).await;
    proxy.refuse_for(Duration::from_millis(900));
    // The attack starts while nobody can look.
    rig.play(true, 4, INTERVAL_MS).await;
    proxy.cut();
    rig.play(true, 20, INTERVAL_MS).await;
    let story = contained(&mut rig).await;
    assert!(proxy.refused() > 0 && proxy.accepted() > before, "it tried again");
    let unreachable =
        |(_, cause): &(u64, BlindCause)| matches!(cause, BlindCause::Unreachable { .. });
    assert!(story.blind.iter().any(unreachable), "{:?}", story.blind);
    eprintln!(
        "{} blocks inspected, {} connections, {} refused, paused in {:?}",
        story.inspected.len(),
        proxy.accepted(),
        proxy.refused(),
        rig.pauses().await
    );
}
