//! A channel that is away for ten minutes of the program's clock.

use std::time::{Duration, Instant};

use serde_json::Value as Json;

use super::{Receiver, rig_with};
use crate::{
    kit::{Rig, without_chain},
    storm::visitor::{TOKEN, free_port, see},
    war::clock::{movable_clock, move_clock},
};

const SOON: Duration = Duration::from_mins(1);
/// Longest wait between two tries, seconds: by then the channel is tried again.
const BACKOFF_SECONDS: i64 = 61;

async fn channel(api: std::net::SocketAddr, rig: &Rig, is_so: impl Fn(&Json) -> bool) -> Json {
    let deadline = Instant::now() + SOON;
    loop {
        let channel = see(api, "/api/v1/overview")["channels"][0].clone();
        if is_so(&channel) {
            return channel;
        }
        assert!(Instant::now() < deadline, "{channel:#}\n{}", rig.watcher.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The minutes pass on the clock that the program reads; the receiver is down all the time, and the attack begins then.
#[tokio::test(flavor = "multi_thread")]
async fn ten_minutes_without_the_channel_lose_nothing_and_are_shown() {
    if without_chain() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let Some((environment, clock)) = movable_clock(folder.path()) else { return };
    let (receiver, api) = (Receiver::start(), free_port());
    let console = format!(
        "console:\n  listen: {api}\n  tokens: [{{name: watcher, environment: STORM_TOKEN, access: viewer}}]\n\nresponder:\n"
    );
    let mut rig = rig_with(&receiver, &[("responder:\n", &console)]).await;
    rig.watcher.with("STORM_TOKEN", TOKEN);
    for (name, value) in environment {
        rig.watcher.with(&name, &value.display().to_string());
    }
    rig.watch().await;
    receiver.set_down(true);
    rig.play_until_held(25, 50).await;
    for minute in 1..=10 {
        move_clock(&clock, minute * 60);
        rig.play(false, 1, 300).await;
    }
    rig.caught_up(SOON).await;
    let down = channel(api, &rig, |one| one["healthy"] == false).await;
    let since = down["failingSince"].as_u64().expect("since when");
    let now = crate::storm::visitor::unix_millis(std::time::SystemTime::now()) + 600_000;
    assert!(now - since >= 9 * 60_000, "{down}");
    let waiting = usize::try_from(down["queued"].as_u64().expect("a number")).expect("few");
    assert!(
        waiting > 3 && down["lastError"].as_str().is_some_and(|why| why.contains("503")),
        "{down}"
    );
    assert_eq!(receiver.arrivals().len(), 0);

    receiver.set_down(false);
    move_clock(&clock, 600 + BACKOFF_SECONDS);
    let up = channel(api, &rig, |one| one["queued"] == 0).await;
    assert!(up["healthy"] == true && up["failingSince"].is_null(), "{up}");
    assert_eq!(up["undeliverable"], 0);
    rig.watcher.stop().await;
    let arrivals = receiver.arrivals();
    let mut ids: Vec<_> = arrivals.iter().map(|one| one.body["id"].to_string()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), arrivals.len(), "no message twice");
    // What waited comes the worst first, and of one grade in the order in which it happened.
    let order: Vec<(String, u64)> = arrivals
        .iter()
        .take(waiting)
        .map(|one| (one.body["severity"].as_str().unwrap_or_default().to_owned(), step(&one.body)))
        .collect();
    assert!(order.is_sorted(), "{order:#?}");
    assert_eq!(order[0].0, "P1");
    let kinds: Vec<&str> = arrivals.iter().filter_map(|one| one.body["kind"].as_str()).collect();
    for kind in ["finding", "declared", "decision", "action"] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    rig.story().assert_whole();
}

/// The journal entry that a message is about, from its id `SEQ.PLACE/channel`.
fn step(body: &Json) -> u64 {
    let id = body["id"].as_str().unwrap_or_default();
    id.split(['.', '/']).next().and_then(|seq| seq.parse().ok()).unwrap_or(u64::MAX)
}
