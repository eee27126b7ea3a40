//! What a sentinel does by itself at the Wardens of a chain: heartbeats, and looking after holds that no journal may know
//! of. Both from its own account, so that neither ever stands before a pull.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use alloy_primitives::{Address, U256};
use portcullis_act::{
    Nodes,
    signer::Sentinel,
    warden::{
        Beat, BeatError, HeartbeatSettings, StrangeHold, beat, counts, release_hold, strange_holds,
    },
};
use portcullis_types::{
    brake::{BeatNews, BeatState, HoldNews, HoldState},
    ids::ChainId,
    text::printable,
};
use tokio::sync::mpsc;

use super::{heartbeats::tell, self_test::News};

/// Time between two looks at the holds of a Warden.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// Seconds after a hold's end that are left to whoever ordered it to release it.
const GRACE_SECONDS: u64 = 60;

/// One sentinel and what it looks after.
pub(crate) struct Keeper {
    pub(crate) nodes: Nodes,
    pub(crate) chain: ChainId,
    pub(crate) wardens: Vec<Address>,
    pub(crate) sentinel: Arc<dyn Sentinel>,
    pub(crate) settings: HeartbeatSettings,
    pub(crate) news: mpsc::Sender<News>,
    /// Whether it looks after holds too.
    pub(crate) releases: bool,
    /// The open holds of the last look.
    pub(crate) seen: BTreeMap<(Address, U256), StrangeHold>,
}

impl Keeper {
    /// Goes on until the program ends.
    pub(crate) async fn keep(mut self) {
        let period = self.settings.period_seconds;
        let mut next_beat = Instant::now();
        loop {
            if Instant::now() >= next_beat {
                let mut pause = Duration::from_secs(period);
                for warden in self.wardens.clone() {
                    let account = self.sentinel.address();
                    let beaten =
                        beat(&self.nodes, self.chain, warden, &*self.sentinel, self.settings).await;
                    pause = pause.min(tell(warden, account, &beaten, period));
                    if !self.beat_news(warden, beaten).await {
                        return;
                    }
                }
                next_beat = Instant::now() + pause;
            }
            let mut pause = next_beat.saturating_duration_since(Instant::now());
            if self.releases {
                pause = pause.min(LOOK_EVERY);
                for warden in self.wardens.clone() {
                    if !self.look_at_holds(warden).await {
                        return;
                    }
                }
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Tells how a heartbeat went; false where nobody listens any more.
    async fn beat_news(&self, warden: Address, beaten: Result<Beat, BeatError>) -> bool {
        let sentinel = self.sentinel.address();
        let (state, why) = match beaten {
            Ok(_) => (BeatState::Fresh, String::new()),
            Err(error) => {
                // Where even that cannot be asked, only the failure is known.
                let late = counts(&self.nodes, warden, sentinel).await == Ok(false);
                let state = if late { BeatState::Late } else { BeatState::Failed };
                (state, printable(&error.to_string()))
            }
        };
        let news = BeatNews { chain: self.chain, warden, sentinel, state, why };
        self.news.send(News::Beat(news)).await.is_ok()
    }

    /// Looks at a Warden's holds, and releases those whose time is long enough over; false where nobody listens any more.
    async fn look_at_holds(&mut self, warden: Address) -> bool {
        let (time, open) = match strange_holds(&self.nodes, warden).await {
            Ok(read) => read,
            Err(error) => {
                tracing::warn!(%warden, %error, "the Warden's holds could not be looked at");
                return true;
            }
        };
        let mut told = true;
        let before = std::mem::take(&mut self.seen);
        for hold in &open {
            let is_over = hold.ends_at <= time;
            let state = if is_over { HoldState::Over } else { HoldState::Open };
            told &= self.tell_hold(warden, hold, state).await;
            if is_over && hold.ends_at.saturating_add(GRACE_SECONDS) <= time {
                told &= self.release(warden, hold).await;
            } else {
                self.seen.insert((warden, hold.id), *hold);
            }
        }
        for ((of, id), hold) in before {
            if of != warden {
                self.seen.insert((of, id), hold);
            } else if !open.iter().any(|one| one.id == id) {
                told &= self.tell_hold(warden, &hold, HoldState::Gone).await;
            }
        }
        told
    }

    async fn release(&mut self, warden: Address, hold: &StrangeHold) -> bool {
        let by = (&*self.sentinel, self.settings);
        match release_hold(&self.nodes, self.chain, warden, hold.id, by).await {
            Ok(()) => self.tell_hold(warden, hold, HoldState::Released).await,
            Err(error) => {
                tracing::error!(
                    %warden, hold = %hold.id, %error,
                    "ALERT: a hold whose time is over could not be released; anybody may try"
                );
                self.seen.insert((warden, hold.id), *hold);
                true
            }
        }
    }

    async fn tell_hold(&self, warden: Address, hold: &StrangeHold, state: HoldState) -> bool {
        let StrangeHold { id, lever, incident, ends_at } = *hold;
        let news =
            HoldNews { chain: self.chain, warden, lever, hold: id, incident, ends_at, state };
        self.news.send(News::Hold(news)).await.is_ok()
    }
}
