//! Several accounts for one chain.

use std::{sync::Arc, time::Duration};

use alloy_consensus::{SignableTransaction as _, TxEnvelope};
use alloy_eips::eip2718::Decodable2718 as _;
use alloy_primitives::Address;
use portcullis_act::{Actuator, LaneHealth};
use portcullis_types::action::{Action, Intent, Outcome};
use serde_json::{Value as Json, json};

use super::{
    LANE_KEYS, SECOND, WHOLE_LIFE, often, stop_mining,
    support::{
        chain::{RESPONDER, THIEF},
        journal::Journal,
        scene::{NOW, Options, Scene, grantRoleCall, quick},
        warden::{WardenOptions, WardenScene},
    },
    why,
};

/// Who signed what the journal holds.
fn senders(journal: &Journal) -> Vec<Address> {
    let of = |outcome: Outcome| match outcome {
        Outcome::Prepared { raw, .. } => {
            let TxEnvelope::Eip1559(signed) = TxEnvelope::decode_2718_exact(&raw).unwrap() else {
                panic!("another kind of transaction");
            };
            let prehash = signed.tx().signature_hash();
            Some(signed.signature().recover_address_from_prehash(&prehash).unwrap())
        }
        _ => None,
    };
    journal.outcomes().into_iter().filter_map(of).collect()
}

/// A transaction of an account that nobody of us knows, which no block takes.
async fn stuck(scene: &WardenScene, account: Address) {
    let fields = json!([{"from": account, "to": THIEF, "value": "0x1", "gas": "0x5208"}]);
    scene.chain.request::<Json>("eth_sendTransaction", fields).await;
}

async fn pull(scene: &WardenScene, actuator: &Actuator, case: u64) -> (Outcome, Journal) {
    let journal = Journal::default();
    let action = scene.action(case, Intent::Pull);
    let end = actuator.perform(&action, &[], scene.now, &journal).await.unwrap();
    (end, journal)
}

/// Performs beside the test.
fn perform(
    actuator: &Arc<Actuator>,
    action: Action,
    now: portcullis_types::ids::Millis,
) -> (Arc<Journal>, tokio::task::JoinHandle<Outcome>) {
    let (actuator, journal) = (Arc::clone(actuator), Arc::new(Journal::default()));
    let shared = Arc::clone(&journal);
    let task =
        tokio::spawn(async move { actuator.perform(&action, &[], now, &*shared).await.unwrap() });
    (journal, task)
}

#[tokio::test]
async fn a_lane_with_a_strangers_transaction_is_passed_over() {
    let Some(scene) = WardenScene::start(often(&[])).await else { return };
    let actuator =
        scene.actuator(std::slice::from_ref(&scene.chain.url), quick(), &LANE_KEYS).await;
    stop_mining(&scene).await;
    stuck(&scene, RESPONDER).await;
    let actuator = Arc::new(actuator);
    let (journal, task) = perform(&actuator, scene.action(1, Intent::Pull), scene.now);
    journal.wait_for("sent", 1).await;
    assert_eq!(senders(&journal), [SECOND]);
    let trouble = |lanes: Vec<LaneHealth>| lanes[0].trouble.clone().unwrap_or_default();
    assert!(trouble(actuator.lane_health()).contains("not ours"));
    scene.chain.mine(1).await;
    assert!(matches!(task.await.unwrap(), Outcome::Held { by_us: true, .. }));
    assert_eq!(journal.stages(), WHOLE_LIFE);
    assert!(scene.is_paused().await);
}

#[tokio::test]
async fn where_all_lanes_are_jammed_it_is_refused_with_every_reason() {
    let Some(scene) = WardenScene::start(WardenOptions::default()).await else { return };
    let actuator =
        scene.actuator(std::slice::from_ref(&scene.chain.url), quick(), &LANE_KEYS[..1]).await;
    scene.chain.request::<Json>("anvil_setBalance", json!([RESPONDER, "0x0"])).await;
    stop_mining(&scene).await;
    stuck(&scene, SECOND).await;
    let (end, journal) = pull(&scene, &actuator, 1).await;
    assert!(why(&end).contains("fund it") && why(&end).contains("not ours"), "{end:?}");
    assert_eq!(journal.prepared(), []);
}

#[tokio::test]
async fn a_lane_without_gas_is_passed_over() {
    let Some(scene) = WardenScene::start(WardenOptions::default()).await else { return };
    let actuator =
        scene.actuator(std::slice::from_ref(&scene.chain.url), quick(), &LANE_KEYS).await;
    scene.chain.request::<Json>("anvil_setBalance", json!([RESPONDER, "0x1"])).await;
    let (end, journal) = pull(&scene, &actuator, 1).await;
    assert!(matches!(end, Outcome::Held { by_us: true, .. }), "{end:?}");
    assert_eq!(senders(&journal), [SECOND]);
}

/// A pull is out and in no block; another lever is pulled through the next lane.
#[tokio::test]
async fn a_pull_that_is_stuck_does_not_hold_up_the_next() {
    let Some(scene) = WardenScene::start(often(&[])).await else { return };
    let actuator =
        scene.actuator(std::slice::from_ref(&scene.chain.url), quick(), &LANE_KEYS).await;
    let actuator = Arc::new(actuator);
    stop_mining(&scene).await;
    let (first, one) = perform(&actuator, scene.action(1, Intent::Pull), scene.now);
    first.wait_for("sent", 1).await;
    let mut other = scene.action(2, Intent::Pull);
    other.lever.name = "the same under another name".to_owned();
    let (second, two) = perform(&actuator, other, scene.now);
    second.wait_for("sent", 1).await;
    assert_eq!((senders(&first)[0], senders(&second)[0]), (RESPONDER, SECOND));
    scene.chain.mine(1).await;
    // One lever, not concurrent: the second order finds it done.
    let ends = [one.await.unwrap(), two.await.unwrap()];
    assert!(ends.iter().all(|end| matches!(end, Outcome::Held { .. })), "{ends:?}");
    assert_eq!(scene.holds_ever().await, 1);
}

/// ACT-1 over lanes: what was signed on the second is taken up on the second, though the first is clear again.
#[tokio::test]
async fn after_a_restart_an_action_is_on_its_own_lane() {
    for stage in ["prepared", "sent", "mined"] {
        let Some(scene) = WardenScene::start(often(&[])).await else { return };
        let urls = [scene.chain.url.clone()];
        scene.chain.request::<Json>("anvil_setBalance", json!([RESPONDER, "0x0"])).await;
        let before = Journal::crashing_after(stage);
        let action = scene.action(1, Intent::Pull);
        let actuator = scene.actuator(&urls, quick(), &LANE_KEYS).await;
        actuator.perform(&action, &[], scene.now, &before).await.unwrap_err();
        let rich = alloy_primitives::U256::from(10).pow(alloy_primitives::U256::from(20));
        scene.chain.request::<Json>("anvil_setBalance", json!([RESPONDER, rich])).await;

        // A new program, whose configuration has the lanes in another order, or has lost that one.
        for lanes in [&[LANE_KEYS[1], LANE_KEYS[0]][..], &[]] {
            let (after, so_far) = (Journal::default(), before.outcomes());
            let actuator = scene.actuator(&urls, quick(), lanes).await;
            actuator.perform(&action, &so_far, scene.now, &after).await.unwrap();
            assert_eq!(after.stages().last(), Some(&"held"), "{stage}: {:?}", after.outcomes());
            assert_eq!((senders(&before), senders(&after)), (vec![SECOND], vec![]), "{stage}");
        }
        assert_eq!(scene.chain.nonce(RESPONDER).await, 0);
        assert_eq!((scene.chain.nonce(SECOND).await, scene.holds_ever().await), (1, 1));
    }
}

#[tokio::test]
async fn a_release_waits_until_a_lane_is_left_for_a_pull() {
    let Some(scene) = WardenScene::start(often(&[])).await else { return };
    let urls = [scene.chain.url.clone()];
    let actuator = Arc::new(scene.actuator(&urls, quick(), &LANE_KEYS[..1]).await);
    let (end, _) = pull(&scene, &actuator, 1).await;
    assert!(matches!(end, Outcome::Held { .. }), "{end:?}");
    scene.pass(super::support::warden::HOLD).await;
    stop_mining(&scene).await;
    let mut busy = scene.action(2, Intent::Release);
    busy.case = scene.action(1, Intent::Release).case;
    busy.lever.name = "the same under another name".to_owned();
    let (first, one) = perform(&actuator, busy, scene.now);
    first.wait_for("sent", 1).await;
    assert_eq!(senders(&first), [SECOND], "a release takes the last lane");

    let (second, two) = perform(&actuator, scene.action(1, Intent::Release), scene.now);
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(second.stages(), [""; 0], "the other lane is for pulls");
    scene.chain.mine(1).await;
    let ends = (one.await.unwrap(), two.await.unwrap());
    assert!(matches!(ends.0, Outcome::Held { by_us: true, .. }), "{ends:?}");
    let hold = scene.open_holds().await;
    assert!(hold.is_empty(), "{hold:?}");
}

/// A lever that wants a role: only the second account has it, and the rehearsal finds that out.
#[tokio::test]
async fn a_lever_that_wants_a_role_goes_through_the_account_that_has_it() {
    let options = Options { has_role: false, ..Options::default() };
    let Some(scene) = Scene::pausable(options).await else { return };
    let role = alloy_primitives::keccak256("PAUSER_ROLE");
    scene.chain.call_as_owner(scene.vault, grantRoleCall { role, account: SECOND }).await;
    let urls = [scene.chain.url.clone()];
    let settings = quick();
    let actuator =
        super::support::scene::actuator_with(&urls, &scene.lever, settings, &LANE_KEYS).await;
    let journal = Journal::default();
    actuator.perform(&scene.pull(), &[], NOW, &journal).await.unwrap();
    assert_eq!(journal.stages(), ["rehearsed", "rehearsed", "prepared", "sent", "mined", "held"]);
    assert_eq!(senders(&journal), [SECOND]);
}
