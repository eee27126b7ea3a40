//! Orders kept warm, and inclusions that are proven.

use std::{sync::Arc, time::Duration};

use portcullis_act::{ActSettings, PerformError};
use portcullis_types::action::{Intent, Outcome};

use super::{
    WHOLE_LIFE, head, mined_in, often, stop_mining,
    support::{
        chain::RESPONDER,
        journal::Journal,
        proxy::{self, Fault},
        scene::{Options, Scene, quick},
        warden::{WardenOptions, WardenScene, disarmCall},
    },
    why,
};

/// What was kept is never believed over the chain.
#[tokio::test]
async fn what_was_kept_and_is_not_so_any_more_costs_a_look_and_nothing_else() {
    let Some(scene) = WardenScene::start(WardenOptions::default()).await else { return };
    let actuator = scene.actuator(std::slice::from_ref(&scene.chain.url), quick(), &[]).await;
    let levers = [scene.lever.clone()];
    assert_eq!(actuator.keep_warm(&levers).await.unwrap()[0].trouble, None);
    let lever = scene.lever.warden.as_ref().unwrap().lever;
    scene.chain.call_as_owner(scene.warden, disarmCall { lever }).await;
    let journal = Journal::default();
    let action = scene.action(1, Intent::Pull);
    let end = actuator.perform(&action, &[], scene.now, &journal).await.unwrap();
    assert!(why(&end).contains("spent or disarmed"), "{end:?}");
    assert_eq!((journal.stages(), scene.chain.nonce(RESPONDER).await), (vec!["refused"], 0));
    let report = actuator.keep_warm(&levers).await.unwrap().remove(0);
    assert!(report.trouble.is_some_and(|why| why.contains("spent or disarmed")));
}

/// A plain lever without an attack to play, on the block that was looked at: the rehearsal is there already.
#[tokio::test]
async fn a_plain_lever_uses_the_rehearsal_of_its_own_block_and_of_no_other() {
    let Some(scene) = Scene::pausable(Options::default()).await else { return };
    let actuator = &scene.actuator;
    actuator.keep_warm(std::slice::from_ref(&scene.lever)).await.unwrap();
    scene.chain.mine(1).await;
    let journal = Journal::default();
    let action = scene.action(Intent::Pull, None);
    scene.perform(&action, &journal).await.unwrap();
    let Outcome::Rehearsed(rehearsal) = &journal.outcomes()[0] else { panic!() };
    assert_eq!(Some(rehearsal.block + 1), mined_in(&journal), "on the newest block");
    assert_eq!(journal.stages(), WHOLE_LIFE);
}

/// A node that says of a transaction what its block does not: with nobody else, nothing is believed; another node's
/// block is.
#[tokio::test]
async fn an_inclusion_is_believed_when_the_block_proves_it() {
    for fault in [Fault::Belies, Fault::Invents] {
        let Some(scene) = WardenScene::start(often(&[])).await else { return };
        stop_mining(&scene).await;
        let url = scene.chain.url.clone();
        let liar = proxy::start(url.clone(), "eth_getTransactionReceipt", fault).await;
        let settings = ActSettings { settle_time_limit: Duration::from_secs(2), ..quick() };
        let alone = scene.actuator(std::slice::from_ref(&liar), settings, &[]).await;
        let (action, journal) = (scene.action(1, Intent::Pull), Arc::new(Journal::default()));
        let (shared, now) = (Arc::clone(&journal), scene.now);
        let first = action.clone();
        let task = tokio::spawn(async move { alone.perform(&first, &[], now, &*shared).await });
        journal.wait_for("sent", 1).await;
        let seen = head(&scene).await;
        if matches!(fault, Fault::Belies) {
            scene.chain.mine(1).await;
        }
        let end = task.await.unwrap();
        assert!(matches!(end, Err(PerformError::Unsettled { .. })), "{end:?}");
        assert!(!journal.stages().contains(&"mined"), "{:?}", journal.stages());
        if matches!(fault, Fault::Invents) {
            scene.chain.mine(1).await;
        }
        let two = scene.actuator(&[liar, url], quick(), &[]).await;
        let (after, so_far) = (Journal::default(), journal.outcomes());
        let end = two.perform(&action, &so_far, scene.now, &after).await.unwrap();
        assert!(matches!(end, Outcome::Held { by_us: true, .. }), "{end:?}");
        assert_eq!(mined_in(&after), Some(seen + 1));
    }
}
