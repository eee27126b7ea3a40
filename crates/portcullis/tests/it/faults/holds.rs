//! The end of a hold that only people may end.

use std::time::Duration;

use portcullis_types::action::Intent;

use super::{INTERVAL_MS, SCENARIO, contained};
use crate::kit::{Rig, without_chain};

/// Shorter than the play after the pause.
const HOLD: &str = "holdSeconds: 2";

#[tokio::test]
async fn a_hold_that_people_end_is_not_ended_by_the_machine() {
    if without_chain() {
        return;
    }
    let mut rig = Rig::new(SCENARIO).await;
    rig.configure_with(&rig.chain.http_url(), &[("holdSeconds: 3600", HOLD)]);
    rig.watch().await;
    rig.play(true, 45, INTERVAL_MS).await;
    rig.until("the hold is over", Duration::from_secs(5), |story| {
        story.engine.next_expiry().is_none()
    })
    .await;
    rig.play(true, 5, INTERVAL_MS).await;
    let story = contained(&mut rig).await;
    let intents: Vec<Intent> = story.actions().iter().map(|action| action.intent).collect();
    assert_eq!(intents, [Intent::Pull], "nothing is let go, and nothing is pulled again");
}
