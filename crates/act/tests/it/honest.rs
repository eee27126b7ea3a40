//! What a rehearsal records of honest transactions, on a real anvil.

use std::time::Duration;

use crate::support::{
    chain::{OWNER, RESPONDER, THIEF},
    journal::Journal,
    proxy::{self, Fault},
    scene::{EXPIRES, NOW, Options, Scene, actuator, grantRoleCall, quick},
};
use alloy_primitives::{FixedBytes, U256, keccak256};
use alloy_sol_types::{SolCall as _, sol};
use portcullis_act::ActSettings;
use portcullis_types::action::{HonestImpact, Intent, Outcome};

sol! {
    function deposit() external payable;
}

/// Three deposits of the owner, a role grant, and one deposit of the thief.
async fn busy() -> Option<Scene> {
    let scene = Scene::pausable(Options::default()).await?;
    for from in [OWNER, OWNER, OWNER, THIEF] {
        scene.chain.send(from, Some(scene.vault), U256::from(5), depositCall {}.abi_encode()).await;
    }
    let grant = grantRoleCall { role: keccak256("OTHER_ROLE"), account: RESPONDER };
    scene.chain.call_as_owner(scene.vault, grant).await;
    Some(scene)
}

fn impact(journal: &Journal) -> Option<HonestImpact> {
    let Outcome::Rehearsed(rehearsal) = &journal.outcomes()[0] else { panic!() };
    rehearsal.honest.clone()
}

#[tokio::test]
async fn honest_transactions_are_played_with_the_lever_pulled() {
    let Some(scene) = busy().await else { return };
    let journal = Journal::default();
    scene.perform(&scene.pull(), &journal).await.unwrap();
    let seen = impact(&journal).unwrap();
    // Three role grants, two of which the scene made, go on; three deposits do not. The thief's does not count.
    assert_eq!((seen.tried, seen.broken, seen.not_seen.clone()), (6, 3, None), "{seen:?}");
    let deposit = &seen.functions[0];
    assert_eq!(deposit.selector, FixedBytes(depositCall::SELECTOR));
    assert_eq!((deposit.to, deposit.tried, deposit.broken), (scene.vault, 3, 3));
    assert_eq!((seen.functions[1].tried, seen.functions[1].broken), (3, 0));

    let release = scene.action(Intent::Release, None);
    let journal = Journal::default();
    scene.actuator.perform(&release, &[], EXPIRES, &journal).await.unwrap();
    assert_eq!(impact(&journal), None, "letting go breaks nothing");
}

#[tokio::test]
async fn what_could_not_be_looked_at_is_said_and_does_not_hold_up_the_pull() {
    for (method, fault, words) in [
        ("eth_getLogs", Fault::Missing, "eth_getLogs"),
        ("eth_getLogs", Fault::Slow(Duration::from_secs(8)), "no result within 500 ms"),
        ("eth_simulateV1", Fault::Missing, "eth_simulateV1"),
    ] {
        let Some(scene) = busy().await else { return };
        let node = proxy::start(scene.chain.url.clone(), method, fault).await;
        let settings =
            ActSettings { rehearsal_time_limit: Duration::from_millis(1_500), ..quick() };
        let actuator = actuator(&[node], &scene.lever, settings).await;
        let journal = Journal::default();
        actuator.perform(&scene.pull(), &[], NOW, &journal).await.unwrap();
        assert_eq!(journal.stages().last(), Some(&"held"), "{method}: {:?}", journal.outcomes());
        let seen = impact(&journal).unwrap();
        assert_eq!((seen.tried, seen.blocks), (0, None), "{method}: {seen:?}");
        assert!(seen.in_words().contains(words), "{method}: {}", seen.in_words());
    }
}

#[tokio::test]
async fn without_transactions_nothing_breaks_and_the_blocks_are_named() {
    let Some(scene) = Scene::pausable(Options::default()).await else { return };
    // The deployment and the grants are long ago.
    scene.chain.mine(100).await;
    let journal = Journal::default();
    scene.perform(&scene.pull(), &journal).await.unwrap();
    let seen = impact(&journal).unwrap();
    assert_eq!((seen.tried, seen.broken, seen.not_seen.is_none()), (0, 0, true), "{seen:?}");
    let (first, last) = seen.blocks.unwrap();
    assert_eq!(last - first, 63);
}
