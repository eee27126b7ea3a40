//! The order is in the next block whatever presses on the pool. Each has a control that shows the pressure to be real.

use std::time::{Duration, Instant};

use alloy_primitives::{B256, U64};
use portcullis_act::{ActSettings, Actuator, PerformError, Route, relay::RelayKind};
use portcullis_types::action::{Intent, Outcome};
use serde_json::{Value as Json, json};

use super::{
    head, mined_in, often, stop_mining,
    support::{
        chain::{OWNER, RESPONDER},
        journal::Journal,
        pressure::{BUSY_CHAIN, GWEI, Stuffer, crowd, pending},
        proxy::{self, Fault},
        relay::{LocalRelay, Manner, Miner, lines},
        scene::quick,
        warden::{WardenScene, releaseCall},
    },
};

async fn pull(scene: &WardenScene, actuator: &Actuator, case: u64) -> (Outcome, Journal) {
    let journal = Journal::default();
    let action = scene.action(case, Intent::Pull);
    let end = actuator.perform(&action, &[], scene.now, &journal).await.unwrap();
    (end, journal)
}

/// Waits for a new block, so that a whole interval is left.
async fn next_block(scene: &WardenScene) -> u64 {
    let before = head(scene).await;
    loop {
        let now = head(scene).await;
        if now > before {
            return now;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// (a) Ten thousand transactions wait, and the blocks before were full of dear ones.
#[tokio::test]
async fn an_order_is_in_the_next_block_past_ten_thousand_others() {
    let Some(scene) = WardenScene::start(often(&BUSY_CHAIN)).await else { return };
    stop_mining(&scene).await;
    let actuator = scene.actuator(std::slice::from_ref(&scene.chain.url), quick(), &[]).await;
    crowd(&scene.chain, 11_600).await;
    let _miner = Miner::start(&scene.chain.url, Duration::from_secs(2), vec![]);
    let seen = next_block(&scene).await;
    let waiting = pending(&scene.chain).await;
    assert!(waiting >= 10_000, "{waiting}");
    // The control: what pays as one of the crowd does.
    let ordinary = json!([{
        "from": OWNER, "to": RESPONDER, "value": "0x1", "gas": "0x5208",
        "maxFeePerGas": U64::from(45 * GWEI), "maxPriorityFeePerGas": U64::from(5 * GWEI),
    }]);
    let ordinary: B256 = scene.chain.request("eth_sendTransaction", ordinary).await;
    let start = Instant::now();
    let (end, journal) = pull(&scene, &actuator, 1).await;
    assert!(matches!(end, Outcome::Held { by_us: true, .. }), "{end:?}");
    let control: Option<Json> =
        scene.chain.request("eth_getTransactionReceipt", json!([ordinary])).await;
    println!("{waiting} waited; mined and verified after {:?}", start.elapsed());
    assert_eq!(mined_in(&journal), Some(seen + 1), "{:?}", journal.outcomes());
    assert!(control.is_none(), "an ordinary transaction waits, so the pool was full: {control:?}");
}

/// (b) An attacker buys the whole next block above whatever he sees of ours. The public copy alone is kept out; with
/// the dearer copy that he does not see, the order is in the next block.
#[tokio::test]
async fn an_order_is_in_the_next_block_though_an_attacker_outbids_what_he_sees() {
    let Some(scene) = WardenScene::start(often(&BUSY_CHAIN)).await else { return };
    stop_mining(&scene).await;
    let interval = Duration::from_secs(1);
    let relay = LocalRelay::start(Manner::Honest).await;
    let _miner = Miner::start(&scene.chain.url, interval, vec![relay.clone()]);
    let urls = [scene.chain.url.clone()];

    let attacker = Stuffer::start(&scene.chain, RESPONDER).await;
    let open = ActSettings { route: Route::Public, ..quick() };
    let open = scene.actuator(&urls, open, &[]).await;
    let seen = next_block(&scene).await;
    let ((end, journal), ()) = tokio::join!(pull(&scene, &open, 1), async {
        tokio::time::sleep(interval * 5 / 2).await;
        drop(attacker);
    });
    assert!(matches!(end, Outcome::Held { by_us: true, .. }), "{end:?}");
    let late = mined_in(&journal).unwrap() - seen;
    assert!(late >= 3, "the attack works against a public copy: {late} blocks");

    let hold = scene.open_holds().await[0];
    scene.chain.call_as_owner(scene.warden, releaseCall { holdId: hold }).await;
    let attacker = Stuffer::start(&scene.chain, RESPONDER).await;
    let both = scene.actuator(&urls, quick(), &[]).await;
    let both = both.with_relays(lines(&[(&relay, RelayKind::Bundle)]));
    let seen = next_block(&scene).await;
    let (end, journal) = pull(&scene, &both, 2).await;
    assert!(matches!(end, Outcome::Held { by_us: true, .. }), "{end:?}");
    println!(
        "public copy alone: {late} blocks late; he bid {} times against both",
        attacker.bids()
    );
    assert_eq!(mined_in(&journal), Some(seen + 1), "{:?}", journal.outcomes());
    assert!(attacker.bids() >= 1, "he saw the public copy and bid");
}

/// (c) The first endpoint swallows transactions, or hangs altogether.
#[tokio::test]
async fn an_order_is_in_the_next_block_though_the_first_endpoint_swallows_or_hangs() {
    let Some(scene) = WardenScene::start(often(&[])).await else { return };
    stop_mining(&scene).await;
    let url = scene.chain.url.clone();
    let _miner = Miner::start(&url, Duration::from_millis(1_500), vec![]);
    let send = "eth_sendRawTransaction";
    let slow = Fault::Slow(Duration::from_secs(30));
    let faults = [(send, Fault::Swallows), (send, slow), ("eth_simulateV1", slow)];
    for (case, (method, fault)) in (1..).zip(faults) {
        let first = proxy::start(url.clone(), method, fault).await;
        if case == 1 {
            // The control: nothing but the endpoint that swallows.
            let settle_time_limit = Duration::from_secs(2);
            let settings = ActSettings { settle_time_limit, ..quick() };
            let alone = scene.actuator(std::slice::from_ref(&first), settings, &[]).await;
            let action = scene.action(9, Intent::Pull);
            let end = alone.perform(&action, &[], scene.now, &Journal::default()).await;
            assert!(matches!(end, Err(PerformError::Unsettled { .. })), "{end:?}");
        }
        let actuator = scene.actuator(&[first, url.clone()], quick(), &[]).await;
        let seen = next_block(&scene).await;
        let start = Instant::now();
        let (end, journal) = pull(&scene, &actuator, case).await;
        assert!(matches!(end, Outcome::Held { by_us: true, .. }), "{method}: {end:?}");
        println!("{method} faulty: mined and verified after {:?}", start.elapsed());
        assert_eq!(mined_in(&journal), Some(seen + 1), "{method}: {:?}", journal.outcomes());
        let hold = scene.open_holds().await[0];
        scene.chain.call_as_owner(scene.warden, releaseCall { holdId: hold }).await;
    }
}
