use super::{build, chain};
use portcullis_range::{PlayOptions, Scenario, project_root};
use std::time::Duration;

/// Plays a scenario without Portcullis: the attack must pay, and honest users must be served.
async fn check(name: &str) {
    let Some(chain) = chain().await else { return };
    let folder = project_root().unwrap().join("scenarios").join(name);
    let scenario = Scenario::load(&folder).unwrap_or_else(|error| panic!("{error}"));
    let mut world = build(&chain, &scenario).await;
    let options = PlayOptions {
        attack: true,
        traffic: true,
        blocks: scenario.blocks(),
        block_interval: Duration::ZERO,
        seed: scenario.default_seed(),
    };
    let report = world.play(options, |_| {}).await.unwrap();
    assert!(report.attack.iter().all(|outcome| outcome.success), "{:#?}", report.attack);
    assert!(report.loss_micro_usd > 0, "{report:#?}");
    let before = report.honest_before;
    assert!(before.sent > 0, "{report:#?}");
    assert!(before.failed * 10 <= before.sent, "one in ten fails unattacked: {before:?}");
    if let Some(template) = scenario.configuration() {
        world.render(template, &[("rpc", "http://node"), ("journal", "x.sqlite")]).unwrap();
    }
}

#[tokio::test]
async fn lending_spot_oracle_loses_money_unprotected() {
    check("lending-spot-oracle").await;
}

#[tokio::test]
async fn safe_singleton_swap_loses_money_unprotected() {
    check("safe-singleton-swap").await;
}

#[tokio::test]
async fn bridge_unproven_message_loses_money_unprotected() {
    check("bridge-unproven-message").await;
}
