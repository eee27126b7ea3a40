//! Private relays beside the public pool.

use std::time::{Duration, Instant};

use portcullis_act::{ActSettings, Actuator, Route, relay::RelayKind};
use portcullis_types::action::{Intent, Outcome};

use super::{
    head, mined_in, often, stop_mining,
    support::{
        chain::RESPONDER,
        journal::Journal,
        relay::{LocalRelay, Manner, Miner, lines},
        scene::quick,
        warden::WardenScene,
    },
    why,
};

const BLOCK: Duration = Duration::from_millis(500);

async fn with(
    scene: &WardenScene,
    route: Route,
    to: &[(&LocalRelay, RelayKind)],
    reach: Duration,
) -> Actuator {
    let settings = ActSettings { route, reach_time_limit: reach, ..quick() };
    let actuator = scene.actuator(std::slice::from_ref(&scene.chain.url), settings, &[]).await;
    actuator.with_relays(lines(to))
}

async fn pull(scene: &WardenScene, actuator: &Actuator, journal: &Journal) -> Outcome {
    let action = scene.action(1, Intent::Pull);
    actuator.perform(&action, &[], scene.now, journal).await.unwrap()
}

/// The private route alone: the pool never sees the order, and it is in the next block all the same. What is left is
/// taken back.
#[tokio::test]
async fn an_order_goes_through_relays_without_being_seen_and_the_rest_is_cancelled() {
    for kind in [RelayKind::Bundle, RelayKind::PrivateTransaction] {
        let Some(scene) = WardenScene::start(often(&[])).await else { return };
        stop_mining(&scene).await;
        let relay = LocalRelay::start(Manner::Honest).await;
        let actuator = with(&scene, Route::Private, &[(&relay, kind)], BLOCK).await;
        let miner = Miner::start(&scene.chain.url, BLOCK, vec![relay.clone()]);
        let (journal, seen) = (Journal::default(), head(&scene).await);
        let end = pull(&scene, &actuator, &journal).await;
        assert!(matches!(end, Outcome::Held { by_us: true, .. }), "{end:?}");
        assert_eq!(mined_in(&journal), Some(seen + 1), "{kind:?}");
        relay.wait_until_waiting(0).await;
        let identity = relay.senders()[0];
        assert!(relay.senders().iter().all(|one| *one == identity) && identity != RESPONDER);
        let (send, cancel) = match kind {
            RelayKind::Bundle => ("eth_sendBundle", "eth_cancelBundle"),
            RelayKind::PrivateTransaction => {
                ("eth_sendPrivateTransaction", "eth_cancelPrivateTransaction")
            }
        };
        let methods = relay.methods();
        assert!(methods.iter().all(|one| one == send || one == cancel), "{methods:?}");
        assert!(methods.iter().any(|one| one == cancel), "{methods:?}");
        let health = actuator.relay_health().remove(0);
        assert_eq!((health.failed, health.passed_by), (0, 0), "{health:?}");
        drop(miner);
    }
}

/// Relays that hang, refuse or swallow cost the public copy nothing, and are named.
#[tokio::test]
async fn bad_relays_delay_nobody_and_are_reported() {
    let Some(scene) = WardenScene::start(often(&[])).await else { return };
    stop_mining(&scene).await;
    let mut relays = Vec::new();
    for manner in [Manner::Hangs, Manner::Refuses, Manner::Swallows] {
        relays.push(LocalRelay::start(manner).await);
    }
    let to: Vec<_> = relays.iter().map(|relay| (relay, RelayKind::Bundle)).collect();
    let actuator = with(&scene, Route::Both, &to, BLOCK).await;
    let _miner = Miner::start(&scene.chain.url, BLOCK, vec![]);
    let (journal, seen, start) = (Journal::default(), head(&scene).await, Instant::now());
    let end = pull(&scene, &actuator, &journal).await;
    assert!(matches!(end, Outcome::Held { by_us: true, .. }), "{end:?}");
    assert_eq!(mined_in(&journal), Some(seen + 1));
    // A relay may take two seconds for an answer.
    assert!(start.elapsed() < Duration::from_millis(1_900), "{:?}", start.elapsed());
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    let health = actuator.relay_health();
    assert_eq!((health[0].taken, health[0].failed), (0, 1), "{health:?}");
    assert!(health[1].trouble.as_deref().is_some_and(|why| why.contains("no builder")));
    assert_eq!((health[2].taken, health[2].failed), (1, 0), "{health:?}");
}

/// The private route with nothing but relays that refuse: nothing is out, and it says so.
#[tokio::test]
async fn a_private_route_that_nobody_takes_fails_in_words() {
    let Some(scene) = WardenScene::start(often(&[])).await else { return };
    let relay = LocalRelay::start(Manner::Refuses).await;
    let actuator = with(&scene, Route::Private, &[(&relay, RelayKind::Bundle)], BLOCK).await;
    let journal = Journal::default();
    let end = pull(&scene, &actuator, &journal).await;
    assert!(why(&end).contains("no relay takes") && why(&end).contains("no builder"), "{end:?}");
    assert_eq!((journal.stages().last(), scene.chain.nonce(RESPONDER).await), (Some(&"failed"), 0));
}

/// Both ways: two copies with one nonce, of which the hidden one pays more, and one of them is included.
#[tokio::test]
async fn both_ways_are_one_nonce() {
    let Some(scene) = WardenScene::start(often(&[])).await else { return };
    stop_mining(&scene).await;
    let relay = LocalRelay::start(Manner::Honest).await;
    let actuator = with(&scene, Route::Both, &[(&relay, RelayKind::Bundle)], BLOCK).await;
    let _miner = Miner::start(&scene.chain.url, BLOCK, vec![relay.clone()]);
    let journal = Journal::default();
    let end = pull(&scene, &actuator, &journal).await;
    assert!(matches!(end, Outcome::Held { by_us: true, .. }), "{end:?}");
    let fees: Vec<u128> = journal
        .outcomes()
        .iter()
        .filter_map(|outcome| match outcome {
            Outcome::Prepared { max_fee_per_gas, nonce: 0, .. } => Some(*max_fee_per_gas),
            _ => None,
        })
        .collect();
    assert_eq!((fees.len(), fees[0] * 4), (2, fees[1]), "{fees:?}");
    assert_eq!((scene.chain.nonce(RESPONDER).await, scene.holds_ever().await), (1, 1));
    relay.wait_until_waiting(0).await;
}
