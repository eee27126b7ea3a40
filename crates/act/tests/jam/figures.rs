//! How long it takes from a block to a mined order. Measured and printed, with no claim on the clock; run it by
//! `cargo test --workspace --test jam -- --ignored --nocapture figures`.

use std::time::{Duration, Instant};

use portcullis_act::Actuator;
use portcullis_types::action::{Intent, Outcome};

use super::{
    head, mined_in, often, stop_mining,
    support::{
        journal::Journal,
        proxy::{self, Fault},
        relay::Miner,
        scene::quick,
        warden::{WardenScene, releaseCall, wall_clock},
    },
};

/// What one pull took.
struct Lap {
    sent: Duration,
    mined: Duration,
    blocks: u64,
}

/// Waits for a block, pulls, and lets go again.
async fn lap(scene: &WardenScene, actuator: &Actuator, case: u64) -> Lap {
    let before = head(scene).await;
    let seen = loop {
        match head(scene).await {
            now if now > before => break now,
            _ => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    };
    let (start, journal) = (Instant::now(), Journal::default());
    let action = scene.action(case, Intent::Pull);
    let end = actuator.perform(&action, &[], wall_clock(), &journal).await.unwrap();
    assert!(matches!(end, Outcome::Held { by_us: true, .. }), "{end:?}");
    let since = |stage: &str| journal.when(stage).unwrap() - start;
    let lap = Lap {
        sent: since("sent"),
        mined: since("mined"),
        blocks: mined_in(&journal).unwrap() - seen,
    };
    let hold = scene.open_holds().await[0];
    scene.chain.call_as_owner(scene.warden, releaseCall { holdId: hold }).await;
    lap
}

/// The value below which so many of a hundred are.
fn at<T: Copy + Ord>(values: &mut [T], percent: usize) -> T {
    values.sort_unstable();
    values[(values.len() * percent).div_ceil(100) - 1]
}

/// Cold and warm in turn, so that both see the same machine; the medians of cold and warm, in seconds.
async fn race(name: &str, rounds: u64, delay: Option<Duration>, interval: Duration) -> (f64, f64) {
    let scene = WardenScene::start(often(&[])).await.unwrap();
    stop_mining(&scene).await;
    let _miner = Miner::start(&scene.chain.url, interval, vec![]);
    let url = match delay {
        None => scene.chain.url.clone(),
        Some(delay) => proxy::start(scene.chain.url.clone(), "*", Fault::Slow(delay)).await,
    };
    let cold = scene.actuator(std::slice::from_ref(&url), quick(), &[]).await;
    let warm = scene.actuator(&[url], quick(), &[]).await;
    let levers = [scene.lever.clone()];
    let (mut laps, mut medians) = ([Vec::new(), Vec::new()], [0.0, 0.0]);
    for case in 1..=2 * rounds {
        let is_warm = case % 2 == 0;
        // On the block before the one that matters, as it is when an attack comes.
        let reports = if is_warm { warm.keep_warm(&levers).await.unwrap() } else { Vec::new() };
        assert!(reports.iter().all(|report| report.trouble.is_none()), "{reports:?}");
        let actuator = if is_warm { &warm } else { &cold };
        laps[usize::from(is_warm)].push(Box::pin(lap(&scene, actuator, case)).await);
        if case % 90 == 0 {
            scene.arm().await;
        }
    }
    for (place, kind) in ["cold", "warm"].into_iter().enumerate() {
        let mut sent: Vec<Duration> = laps[place].iter().map(|lap| lap.sent).collect();
        let mut mined: Vec<Duration> = laps[place].iter().map(|lap| lap.mined).collect();
        let mut blocks: Vec<u64> = laps[place].iter().map(|lap| lap.blocks).collect();
        println!(
            "{name}, {kind}, {rounds} pulls: block seen to sent p50 {:?} p99 {:?}; to mined p50 {:?} p99 {:?}; blocks p50 \
             {} p99 {}",
            at(&mut sent, 50),
            at(&mut sent, 99),
            at(&mut mined, 50),
            at(&mut mined, 99),
            at(&mut blocks, 50),
            at(&mut blocks, 99)
        );
        medians[place] = at(&mut sent, 50).as_secs_f64();
    }
    (medians[0], medians[1])
}

#[tokio::test]
#[ignore = "a measurement of minutes"]
async fn figures() {
    let interval = Duration::from_millis(400);
    let (cold, warm) = Box::pin(race("node beside us", 100, None, interval)).await;
    println!("cold to warm: {:.2}", cold / warm);
    let far = Some(Duration::from_millis(20));
    let (cold, warm) = Box::pin(race("node 20 ms away", 30, far, Duration::from_secs(1))).await;
    println!("cold to warm: {:.2}", cold / warm);
}
