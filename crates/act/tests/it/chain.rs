//! Actions on a real anvil with real OpenZeppelin contracts.

use std::time::Duration;

use crate::support::{
    chain::{RESPONDER, THIEF},
    journal::Journal,
    proxy::{self, Fault},
    scene::{
        EXPIRES, NOW, Options, Scene, actuator, attack, manager, quick, quick_bumps,
        setTargetClosedCall, stealCall, takeCall, takeUnguardedCall,
    },
};
use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall as _;
use portcullis_act::{ActSettings, PerformError, lever::readiness};
use portcullis_types::action::{Intent, Outcome};
use serde_json::{Value as Json, json};

const WHOLE_LIFE: [&str; 5] = ["rehearsed", "prepared", "sent", "mined", "held"];

fn why(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Refused { why } | Outcome::Failed { why } => why,
        other => panic!("it came off: {other:?}"),
    }
}

#[tokio::test]
async fn a_pull_is_rehearsed_sent_and_holds() {
    let Some(scene) = Scene::pausable(Options::default()).await else { return };
    let journal = Journal::default();
    let end = scene.perform(&scene.pull(), &journal).await.unwrap();
    assert_eq!(journal.stages(), WHOLE_LIFE);
    assert!(scene.is_paused().await);
    let Outcome::Rehearsed(rehearsal) = &journal.outcomes()[0] else { panic!() };
    assert!(rehearsal.sticks, "{rehearsal:?}");
    assert_eq!(
        (rehearsal.attack_works_without, rehearsal.attack_works_with),
        (Some(true), Some(false))
    );

    // ACT-3: performing it again does nothing.
    assert_eq!(scene.perform(&scene.pull(), &journal).await.unwrap(), end);
    assert_eq!((journal.stages().len(), scene.chain.nonce(RESPONDER).await), (5, 1));
}

#[tokio::test]
async fn what_holds_already_is_not_pulled() {
    let Some(scene) = Scene::pausable(Options::default()).await else { return };
    scene.perform(&scene.pull(), &Journal::default()).await.unwrap();
    let journal = Journal::default();
    scene.perform(&scene.pull(), &journal).await.unwrap();
    assert_eq!(journal.stages(), ["held by others"]);
    assert_eq!(scene.chain.nonce(RESPONDER).await, 1);
}

#[tokio::test]
async fn without_the_role_the_rehearsal_refuses() {
    let options = Options { has_role: false, ..Options::default() };
    let Some(scene) = Scene::pausable(options).await else { return };
    let journal = Journal::default();
    let end = scene.perform(&scene.pull(), &journal).await.unwrap();
    assert_eq!(journal.stages(), ["rehearsed", "refused"]);
    assert!(why(&end).contains("does not stick"), "{end:?}");
    assert_eq!(scene.chain.nonce(RESPONDER).await, 0);

    let checks = readiness(&scene.lever, RESPONDER, scene.actuator.nodes()).await;
    let failing = checks.iter().filter(|check| check.ok != Ok(true));
    let failing: Vec<_> = failing.map(|check| check.what.as_str()).collect();
    assert_eq!(failing.len(), 3, "{checks:#?}");
    assert!(failing[0].contains("can pull it"), "{failing:?}");
}

#[tokio::test]
async fn a_ready_lever_passes_every_check() {
    let Some(scene) = Scene::pausable(Options::default()).await else { return };
    let checks = readiness(&scene.lever, RESPONDER, scene.actuator.nodes()).await;
    assert!(checks.len() >= 8 && checks.iter().all(|check| check.ok == Ok(true)), "{checks:#?}");
}

#[tokio::test]
async fn fees_rise_until_it_is_included() {
    let settings = quick_bumps(quick());
    let options = Options { anvil: vec!["--no-mining"], settings, ..Options::default() };
    let Some(scene) = Scene::pausable(options).await else { return };
    let (actuator, action) = (scene.actuator.clone(), scene.pull());
    let journal = std::sync::Arc::new(Journal::default());
    let shared = journal.clone();
    let task = tokio::spawn(async move { actuator.perform(&action, &[], NOW, &*shared).await });

    journal.wait_for("sent", 2).await;
    // A base fee above what was offered so far: no block takes it until it pays more.
    let base_fee = U256::from(60_000_000_000_u64);
    while !task.is_finished() {
        scene.chain.request::<Json>("anvil_setNextBlockBaseFeePerGas", json!([base_fee])).await;
        scene.chain.mine(1).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let end = task.await.unwrap().unwrap();
    assert!(matches!(end, Outcome::Held { by_us: true, .. }), "{end:?}");
    let prepared = journal.prepared();
    assert!(prepared.len() >= 3, "{prepared:?}");
    assert!(prepared.iter().all(|(nonce, _)| *nonce == 0), "{prepared:?}");
    assert_eq!(scene.chain.nonce(RESPONDER).await, 1);
}

#[tokio::test]
async fn a_crash_after_any_stage_leads_to_one_transaction() {
    for stage in ["rehearsed", "prepared", "sent", "mined"] {
        let Some(scene) = Scene::pausable(Options::default()).await else { return };
        let before = Journal::crashing_after(stage);
        let crash = scene.perform(&scene.pull(), &before).await.unwrap_err();
        assert!(matches!(crash, PerformError::Stopped(_)), "{crash}");

        let after = Journal::default();
        let so_far = before.outcomes();
        scene.actuator.perform(&scene.pull(), &so_far, NOW, &after).await.unwrap();
        assert_eq!(after.stages().last(), Some(&"held"), "{stage}: {:?}", after.outcomes());
        assert!(scene.is_paused().await, "{stage}");
        assert_eq!(scene.chain.nonce(RESPONDER).await, 1, "{stage}");
        let signed = before.prepared().len() + after.prepared().len();
        assert_eq!(signed, 1, "{stage}");
    }
}

#[tokio::test]
async fn a_crash_between_sending_and_its_record_leads_to_one_transaction() {
    let Some(scene) = Scene::pausable(Options::default()).await else { return };
    let before = Journal::crashing_after("sent");
    scene.perform(&scene.pull(), &before).await.unwrap_err();
    let mut so_far = before.outcomes();
    let Some(Outcome::Sent { hash }) = so_far.pop() else { panic!("it was not sent") };
    // The chain has taken it; until its block is made, sending it again is right too.
    scene.chain.included(hash).await;
    let after = Journal::default();
    scene.actuator.perform(&scene.pull(), &so_far, NOW, &after).await.unwrap();
    assert_eq!(after.stages(), ["mined", "held"]);
    assert_eq!(scene.chain.nonce(RESPONDER).await, 1);
}

#[tokio::test]
async fn a_nonce_that_somebody_else_used_is_not_replaced() {
    let Some(scene) = Scene::pausable(Options::default()).await else { return };
    let before = Journal::crashing_after("prepared");
    scene.perform(&scene.pull(), &before).await.unwrap_err();
    scene.chain.send(RESPONDER, Some(THIEF), U256::ONE, vec![]).await;

    let after = Journal::default();
    let end = scene.actuator.perform(&scene.pull(), &before.outcomes(), NOW, &after).await.unwrap();
    assert!(why(&end).contains("nonce 0"), "{end:?}");
    assert_eq!((after.stages(), after.prepared().len()), (vec!["failed"], 0));
}

#[tokio::test]
async fn what_was_never_sent_is_not_sent_after_its_time() {
    let Some(scene) = Scene::pausable(Options::default()).await else { return };
    let before = Journal::crashing_after("prepared");
    scene.perform(&scene.pull(), &before).await.unwrap_err();
    let after = Journal::default();
    let end =
        scene.actuator.perform(&scene.pull(), &before.outcomes(), EXPIRES, &after).await.unwrap();
    assert!(why(&end).contains("by hand"), "{end:?}");
    assert_eq!(scene.chain.nonce(RESPONDER).await, 0);
}

#[tokio::test]
async fn a_transaction_that_the_journal_does_not_know_is_waited_for() {
    let options = Options { anvil: vec!["--no-mining"], ..Options::default() };
    let Some(scene) = Scene::pausable(options).await else { return };
    let foreign = json!([{"from": RESPONDER, "to": THIEF, "value": "0x1"}]);
    scene.chain.request::<Json>("eth_sendTransaction", foreign).await;
    let journal = Journal::default();
    let end = scene.perform(&scene.pull(), &journal).await.unwrap();
    assert!(why(&end).contains("not ours"), "{end:?}");
    assert_eq!(journal.stages(), ["refused"]);
}

#[tokio::test]
async fn a_hold_ends_at_its_time_and_not_before() {
    let Some(scene) = Scene::pausable(Options::default()).await else { return };
    scene.perform(&scene.pull(), &Journal::default()).await.unwrap();
    let release = scene.action(Intent::Release, None);

    let early = Journal::default();
    let end = scene.perform(&release, &early).await.unwrap();
    assert!(why(&end).contains("another 1000 s"), "{end:?}");
    assert!(scene.is_paused().await);

    let due = Journal::default();
    scene.actuator.perform(&release, &[], EXPIRES, &due).await.unwrap();
    assert_eq!(due.stages(), WHOLE_LIFE);
    assert!(!scene.is_paused().await);

    let late =
        scene.actuator.perform(&scene.pull(), &[], EXPIRES, &Journal::default()).await.unwrap();
    assert!(why(&late).contains("over before it began"), "{late:?}");
}

#[tokio::test]
async fn a_lever_that_does_not_stop_the_attack_is_not_pulled() {
    let Some(scene) = Scene::pausable(Options::default()).await else { return };
    let unguarded = attack(scene.vault, takeUnguardedCall {}.abi_encode());
    let journal = Journal::default();
    let end = scene.perform(&scene.action(Intent::Pull, Some(unguarded)), &journal).await.unwrap();
    assert_eq!(journal.stages(), ["rehearsed", "refused"]);
    assert!(why(&end).contains("another lever"), "{end:?}");
    assert!(!scene.is_paused().await);
}

#[tokio::test]
async fn an_attack_that_swallows_its_failure_is_seen_through() {
    let Some(scene) = Scene::pausable(Options::default()).await else { return };
    let thief =
        scene.chain.deploy("out/PausableFixture.sol/QuietThief.json", vec![], U256::ZERO).await;
    let quiet = attack(thief, stealCall { vault: scene.vault }.abi_encode());
    let journal = Journal::default();
    scene.perform(&scene.action(Intent::Pull, Some(quiet)), &journal).await.unwrap();
    assert_eq!(journal.stages(), WHOLE_LIFE, "{:?}", journal.outcomes());
}

#[tokio::test]
async fn an_attack_that_cannot_be_played_is_no_reason_to_wait() {
    let Some(scene) = Scene::pausable(Options::default()).await else { return };
    let reverting = attack(scene.vault, vec![1, 2, 3, 4]);
    let mut penniless = attack(scene.vault, takeCall {}.abi_encode());
    penniless.from = Address::repeat_byte(0x99);
    penniless.value = U256::MAX >> 8;
    for (index, sample) in [reverting, penniless].into_iter().enumerate() {
        let journal = Journal::default();
        scene.perform(&scene.action(Intent::Pull, Some(sample)), &journal).await.unwrap();
        assert_eq!(journal.stages(), WHOLE_LIFE, "{index}: {:?}", journal.outcomes());
        let release = scene.action(Intent::Release, None);
        scene.actuator.perform(&release, &[], EXPIRES, &Journal::default()).await.unwrap();
    }
}

#[tokio::test]
async fn a_pull_that_a_reorganisation_took_away_comes_back() {
    let Some(scene) = Scene::pausable(Options::default()).await else { return };
    let pull = Journal::default();
    scene.perform(&scene.pull(), &pull).await.unwrap();
    let reassert = scene.action(Intent::Reassert, None);

    let standing = Journal::default();
    scene.actuator.perform(&reassert, &pull.outcomes(), NOW, &standing).await.unwrap();
    assert_eq!(standing.stages(), ["held"], "nothing to do while it stands");

    scene.chain.reorg(1).await;
    assert!(!scene.is_paused().await);
    let again = Journal::default();
    scene.actuator.perform(&reassert, &pull.outcomes(), NOW, &again).await.unwrap();
    assert_eq!(again.stages(), WHOLE_LIFE);
    assert!(scene.is_paused().await);
    assert_eq!(pull.prepared(), again.prepared(), "the same transaction");
}

#[tokio::test]
async fn a_pull_whose_nonce_is_gone_is_signed_anew() {
    let Some(scene) = Scene::pausable(Options::default()).await else { return };
    let pull = Journal::default();
    scene.perform(&scene.pull(), &pull).await.unwrap();
    scene.chain.reorg(1).await;
    scene.chain.send(RESPONDER, Some(THIEF), U256::ONE, vec![]).await;
    let again = Journal::default();
    let reassert = scene.action(Intent::Reassert, None);
    scene.actuator.perform(&reassert, &pull.outcomes(), NOW, &again).await.unwrap();
    assert_eq!(again.stages(), WHOLE_LIFE);
    assert_eq!(again.prepared()[0].0, 1);
}

#[tokio::test]
async fn a_block_that_goes_before_it_is_confirmed_does_not_count() {
    let settings = ActSettings { confirmations: 3, ..quick() };
    let options = Options { anvil: vec!["--no-mining"], settings, ..Options::default() };
    let Some(scene) = Scene::pausable(options).await else { return };
    let (actuator, action) = (scene.actuator.clone(), scene.pull());
    let journal = std::sync::Arc::new(Journal::default());
    let shared = journal.clone();
    let task = tokio::spawn(async move { actuator.perform(&action, &[], NOW, &*shared).await });

    journal.wait_for("sent", 1).await;
    scene.chain.mine(1).await;
    journal.wait_for("mined", 1).await;
    scene.chain.reorg(1).await;
    assert!(!task.is_finished());
    while !task.is_finished() {
        tokio::time::sleep(Duration::from_millis(200)).await;
        scene.chain.mine(1).await;
    }
    let end = task.await.unwrap().unwrap();
    assert!(matches!(end, Outcome::Held { by_us: true, .. }), "{end:?}");
    let mined = journal.stages().iter().filter(|stage| **stage == "mined").count();
    assert_eq!(mined, 2, "{:?}", journal.outcomes());
    assert_eq!(scene.chain.nonce(RESPONDER).await, 1);
}

#[tokio::test]
async fn an_access_managed_pause_is_pulled() {
    let Some(scene) = Scene::access_managed(0).await else { return };
    let checks = readiness(&scene.lever, RESPONDER, scene.actuator.nodes()).await;
    assert!(checks.iter().all(|check| check.ok == Ok(true)), "{checks:#?}");
    let journal = Journal::default();
    scene.perform(&scene.pull(), &journal).await.unwrap();
    assert_eq!(journal.stages(), WHOLE_LIFE);
    assert!(scene.is_paused().await);
    let release = scene.action(Intent::Release, None);
    let end = scene.actuator.perform(&release, &[], EXPIRES, &Journal::default()).await.unwrap();
    assert!(why(&end).contains("only people"), "{end:?}");
}

#[tokio::test]
async fn a_role_with_a_delay_or_a_closed_target_stops_before_the_call() {
    let Some(scene) = Scene::access_managed(86_400).await else { return };
    let checks = readiness(&scene.lever, RESPONDER, scene.actuator.nodes()).await;
    assert!(checks.iter().any(|check| check.what.contains("86400 s")), "{checks:#?}");
    let journal = Journal::default();
    let end = scene.perform(&scene.pull(), &journal).await.unwrap();
    assert!(why(&end).contains("at once"), "{end:?}");
    assert_eq!(journal.stages(), ["refused"]);

    let authority = scene.lever.preflight[1].to;
    let grant = manager::grantRoleCall { roleId: 7, account: RESPONDER, executionDelay: 0 };
    scene.chain.call_as_owner(authority, grant).await;
    let close = setTargetClosedCall { target: scene.vault, closed: true };
    scene.chain.call_as_owner(authority, close).await;
    let end = scene.perform(&scene.pull(), &Journal::default()).await.unwrap();
    assert!(why(&end).contains("at once"), "{end:?}");
}

#[tokio::test]
async fn a_node_that_cannot_simulate_is_named_in_the_record() {
    let Some(scene) = Scene::pausable(Options::default()).await else { return };
    let node = proxy::start(scene.chain.url.clone(), "eth_simulateV1", Fault::Missing).await;
    let actuator = actuator(&[node], &scene.lever, quick()).await;
    let journal = Journal::default();
    actuator.perform(&scene.pull(), &[], NOW, &journal).await.unwrap();
    assert_eq!(journal.stages(), WHOLE_LIFE);
    let Outcome::Rehearsed(rehearsal) = &journal.outcomes()[0] else { panic!() };
    assert!(rehearsal.detail.contains("no eth_simulateV1"), "{rehearsal:?}");
    assert_eq!((rehearsal.attack_works_without, rehearsal.attack_works_with), (Some(true), None));
}

#[tokio::test]
async fn a_rehearsal_that_takes_too_long_refuses_unless_the_policy_says_race() {
    let Some(scene) = Scene::pausable(Options::default()).await else { return };
    let slow = Fault::Slow(Duration::from_secs(3));
    let node = proxy::start(scene.chain.url.clone(), "eth_simulateV1", slow).await;
    let rehearsal_time_limit = Duration::from_millis(200);
    let reach_time_limit = Duration::from_millis(500);
    let careful = ActSettings { rehearsal_time_limit, reach_time_limit, ..quick() };
    let journal = Journal::default();
    let by_the_book = actuator(std::slice::from_ref(&node), &scene.lever, careful).await;
    let end = by_the_book.perform(&scene.pull(), &[], NOW, &journal).await.unwrap();
    assert!(why(&end).contains("200 ms") && why(&end).contains("ACT-4"), "{end:?}");
    assert_eq!(journal.stages(), ["refused"]);

    let journal = Journal::default();
    let racing = ActSettings { rehearsal_required: false, ..careful };
    let racing = actuator(&[node], &scene.lever, racing).await;
    racing.perform(&scene.pull(), &[], NOW, &journal).await.unwrap();
    assert_eq!(journal.stages(), WHOLE_LIFE);
    let Outcome::Rehearsed(rehearsal) = &journal.outcomes()[0] else { panic!() };
    assert!(rehearsal.detail.contains("not rehearsed"), "{rehearsal:?}");
}

#[tokio::test]
async fn a_second_node_helps_where_the_first_is_silent() {
    let Some(scene) = Scene::pausable(Options::default()).await else { return };
    // Port 1 of loopback: nothing listens there.
    let dead = "http://127.0.0.1:1/".parse().unwrap();
    let nodes = [dead, scene.chain.url.clone()];
    let journal = Journal::default();
    let actuator = actuator(&nodes, &scene.lever, quick()).await;
    actuator.perform(&scene.pull(), &[], NOW, &journal).await.unwrap();
    assert_eq!(journal.stages(), WHOLE_LIFE);
}

#[tokio::test]
async fn two_actions_at_once_take_their_turns() {
    let Some(scene) = Scene::pausable(Options::default()).await else { return };
    let (first, second) = (Journal::default(), Journal::default());
    let pull = scene.pull();
    let (one, two) = tokio::join!(scene.perform(&pull, &first), scene.perform(&pull, &second));
    assert!(one.is_ok() && two.is_ok(), "{one:?} {two:?}");
    assert_eq!(first.stages(), WHOLE_LIFE);
    assert_eq!(second.stages(), ["held by others"]);
    assert_eq!(scene.chain.nonce(RESPONDER).await, 1);
}
