//! What is known of the brakes: self-tests, heartbeats, and holds of Wardens that this journal did not make. Kept for
//! people. No test can hold an action back; one that finds a lever working again ends the refusal that came of its not
//! working, and the lever may be tried at once instead of after a minute. It is rehearsed then like any other.
//!
//! **Promises.** One alert for each time that a part stops working, and one when it works again. "Could not look" is a
//! standing of its own: it neither raises that alert nor clears it.

use std::collections::BTreeMap;

use alloy_primitives::{Address, U256};
use portcullis_types::{
    action::Lever,
    brake::{
        BRAKE_CHECKS_MAX, BeatNews, BeatState, BrakeAlert, BrakeCheck, HoldNews, HoldState,
        Standing,
    },
    case_event::CaseEvent,
    ids::{ChainId, Millis},
};
use serde::Serialize;

use crate::{
    event::Config,
    guard::Guard,
    incident::LeverStatus,
    step::{Engine, Step},
};

/// Most holds of Wardens by others that are kept in mind at once.
pub const STRANGE_HOLDS_MAX: usize = 1_000;

/// How the self-test calls a lever: this and its name.
pub const LEVER: &str = "lever ";

/// One part of a protocol's brakes, as it was last told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Brake {
    /// Which part.
    pub brake: String,
    /// Where it stands.
    pub standing: Standing,
    /// Why, where it does not work or could not be looked at.
    pub why: String,
    /// Since when it stands there.
    pub since: Millis,
    /// Told as broken, and not seen working since.
    #[serde(skip)]
    alarmed: bool,
}

/// A protocol's name, and the name of a part.
type Place = (String, String);

/// Everything that is known of brakes.
#[derive(Debug, Default)]
pub(crate) struct Brakes {
    tested: BTreeMap<Place, Brake>,
    beats: BTreeMap<(ChainId, Address, Address), BeatState>,
    heard: BTreeMap<Place, Brake>,
    holds: BTreeMap<(ChainId, Address, U256), HoldNews>,
}

impl Brakes {
    /// Forgets protocols that are no longer configured.
    pub(crate) fn keep(&mut self, config: &Config) {
        let is_known =
            |name: &String| config.protocols.iter().any(|one| one.protocol.name == *name);
        self.tested.retain(|(protocol, _), _| is_known(protocol));
        self.heard.retain(|(protocol, _), _| is_known(protocol));
    }
}

/// Notes where a part stands now, and what to tell of it.
fn note(
    known: &mut BTreeMap<Place, Brake>,
    protocol: &str,
    check: &BrakeCheck,
    now: Millis,
) -> Option<BrakeAlert> {
    let place = (protocol.to_owned(), check.brake.clone());
    let before = known.get(&place);
    let was = before.map(|brake| brake.standing);
    let alarmed = before.is_some_and(|brake| brake.alarmed);
    let tells = match check.standing {
        Standing::Broken => !alarmed,
        Standing::Works => alarmed || was == Some(Standing::Unseen),
        Standing::Unseen => was != Some(Standing::Unseen),
        Standing::Held => false,
    };
    let since = before.filter(|brake| brake.standing == check.standing);
    let brake = Brake {
        brake: check.brake.clone(),
        standing: check.standing,
        why: check.why.clone(),
        since: since.map_or(now, |brake| brake.since),
        alarmed: check.standing == Standing::Broken
            || (alarmed && check.standing != Standing::Works),
    };
    known.insert(place, brake);
    tells.then(|| BrakeAlert {
        protocol: protocol.to_owned(),
        brake: check.brake.clone(),
        standing: check.standing,
        why: check.why.clone(),
    })
}

/// How a heartbeat is called among the parts of the brakes.
fn beat_name(news: &BeatNews) -> String {
    format!("heartbeat of {} at Warden {}", news.sentinel, news.warden)
}

impl Engine {
    pub(crate) fn self_tested(&mut self, step: &mut Step, protocol: &str, checks: &[BrakeCheck]) {
        let checks = checks.get(..BRAKE_CHECKS_MAX).unwrap_or(checks);
        let is_there = |brake: &str| checks.iter().any(|check| check.brake == brake);
        self.brakes.tested.retain(|(of, brake), _| of != protocol || is_there(brake));
        for check in checks {
            if let Some(alert) = note(&mut self.brakes.tested, protocol, check, step.at) {
                if alert.standing == Standing::Works {
                    self.try_again(protocol, &alert.brake);
                }
                self.alert(step, alert);
            }
        }
    }

    /// A lever that works again is not held to what was refused while it did not.
    fn try_again(&mut self, protocol: &str, brake: &str) {
        let Some(lever) = brake.strip_prefix(LEVER) else { return };
        let ours = |guard: &&mut Guard| guard.config.protocol.name == protocol;
        if let Some(guard) = self.guards.iter_mut().find(ours) {
            guard.incidents.lift_refusal(lever);
        }
    }

    pub(crate) fn heard(&mut self, step: &mut Step, news: &BeatNews) {
        self.brakes.beats.insert((news.chain, news.warden, news.sentinel), news.state);
        let standing = match news.state {
            BeatState::Fresh => Standing::Works,
            BeatState::Failed | BeatState::Late => Standing::Broken,
        };
        let check = BrakeCheck { brake: beat_name(news), standing, why: news.why.clone() };
        for protocol in self.behind(news.chain, news.warden) {
            if let Some(alert) = note(&mut self.brakes.heard, &protocol, &check, step.at) {
                self.alert(step, alert);
            }
        }
    }

    pub(crate) fn saw_hold(&mut self, step: &mut Step, news: &HoldNews) {
        let place = (news.chain, news.warden, news.hold);
        match news.state {
            HoldState::Released | HoldState::Gone => {
                self.brakes.holds.remove(&place);
            }
            HoldState::Open | HoldState::Over => {
                if self.brakes.holds.len() >= STRANGE_HOLDS_MAX
                    && !self.brakes.holds.contains_key(&place)
                {
                    return;
                }
                self.brakes.holds.insert(place, news.clone());
            }
        }
        let ends = news.ends_at;
        let (standing, why) = match news.state {
            HoldState::Open => (
                Standing::Held,
                format!("by an order that this journal did not make, until {ends} (Unix seconds)"),
            ),
            HoldState::Over => (
                Standing::Held,
                format!("though its time was over at {ends} (Unix seconds); it is being released"),
            ),
            HoldState::Released => (Standing::Works, "released, its time was over".to_owned()),
            HoldState::Gone => (Standing::Works, "released by somebody else".to_owned()),
        };
        let brake = format!("hold {} of lever {} at Warden {}", news.hold, news.lever, news.warden);
        for protocol in self.behind(news.chain, news.warden) {
            let (brake, why) = (brake.clone(), why.clone());
            self.alert(step, BrakeAlert { protocol, brake, standing, why });
        }
    }

    /// Protocols with a lever through a Warden.
    fn behind(&self, chain: ChainId, warden: Address) -> Vec<String> {
        let through = |lever: &Lever| {
            lever.chain == chain && lever.warden.as_ref().is_some_and(|pull| pull.warden == warden)
        };
        let guards = self.guards.iter().filter(|guard| guard.config.ladder.iter().any(through));
        guards.map(|guard| guard.config.protocol.name.clone()).collect()
    }

    fn alert(&mut self, step: &mut Step, alert: BrakeAlert) {
        let guard = self.guards.iter().find(|one| one.config.protocol.name == alert.protocol);
        if let Some(case) = guard.and_then(|guard| guard.incidents.current(step.at)) {
            self.write(step, CaseEvent::BrakeMoved { case, alert: alert.clone() });
        }
        step.out.brakes.push(alert);
    }

    /// Whether a self-test says anything new of where parts stand. Another reason for the same standing is not new: it
    /// holds numbers that change with every block.
    pub fn is_news(&self, protocol: &str, checks: &[BrakeCheck]) -> bool {
        let stands = |check: &BrakeCheck| {
            let place = (protocol.to_owned(), check.brake.clone());
            self.brakes.tested.get(&place).is_some_and(|known| known.standing == check.standing)
        };
        let known = self.brakes.tested.keys().filter(|(of, _)| of == protocol).count();
        known != checks.len() || !checks.iter().all(stands)
    }

    /// Whether a heartbeat stands elsewhere than before.
    pub fn is_new_beat(&self, news: &BeatNews) -> bool {
        let place = (news.chain, news.warden, news.sentinel);
        self.brakes.beats.get(&place) != Some(&news.state)
    }

    /// Whether a hold by others is not known in this state. One that was never told cannot be gone.
    pub fn is_new_hold(&self, news: &HoldNews) -> bool {
        let known = self.brakes.holds.get(&(news.chain, news.warden, news.hold));
        match news.state {
            HoldState::Open | HoldState::Over => {
                known.is_none_or(|known| known.state != news.state || known.ends_at != news.ends_at)
            }
            HoldState::Released | HoldState::Gone => known.is_some(),
        }
    }

    /// Whether a lever is held by an action of ours, or one is under way.
    pub fn is_lever_busy(&self, protocol: &str, lever: &str) -> bool {
        let guard = self.guards.iter().find(|guard| guard.config.protocol.name == protocol);
        let status = guard.and_then(|guard| guard.incidents.status(lever));
        matches!(status, Some(LeverStatus::Moving(_) | LeverStatus::Held(_)))
    }

    /// Every part of a protocol's brakes that was ever told, by name: self-tests first, then heartbeats.
    pub fn brakes(&self, protocol: &str) -> impl Iterator<Item = &Brake> {
        let of = move |entry: &(&Place, &Brake)| entry.0.0 == protocol;
        let all = self.brakes.tested.iter().filter(of).chain(self.brakes.heard.iter().filter(of));
        all.map(|(_, brake)| brake)
    }

    /// Open holds of Wardens that no action of this journal made.
    pub fn strange_holds(&self) -> impl Iterator<Item = &HoldNews> {
        self.brakes.holds.values()
    }
}

#[cfg(test)]
mod tests;
