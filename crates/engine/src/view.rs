//! What people are shown of the engine's state. Nothing here changes it.

use portcullis_types::{
    ids::{CaseId, EffectId, Millis},
    money::Usd,
};
use serde::Serialize;

use crate::{incident::LeverStatus, step::Engine};

/// What a lever is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LeverView {
    /// `idle`, `moving`, `held` or `refused`.
    pub standing: &'static str,
    /// The action that moves or holds it.
    pub action: Option<EffectId>,
    /// The case for which it is held.
    pub case: Option<CaseId>,
    /// When it is let go, where it is held.
    pub held_until: Option<Millis>,
    /// Whether a transaction of ours holds it.
    pub by_us: Option<bool>,
    /// Whether value still leaves what it covers.
    pub leaks: bool,
    /// Why it did not work, where it was refused.
    pub why: Option<String>,
    /// When it was last asked for.
    pub pulled_at: Option<Millis>,
}

/// What a protocol holds and spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProtocolView {
    /// What its value-holding contracts own, at reference prices.
    pub value: Usd,
    /// What pulls of the last 24 hours may have cost honest users.
    pub spent: Usd,
    /// How many pulls that were.
    pub pulls: u32,
    /// Whether its state was read at least once.
    pub is_informed: bool,
}

impl Engine {
    /// What a lever of a protocol is doing; none if there is no such lever.
    pub fn lever(&self, protocol: &str, lever: &str) -> Option<LeverView> {
        let guard = self.guards.iter().find(|guard| guard.config.protocol.name == protocol)?;
        guard.config.ladder.iter().find(|one| one.name == lever)?;
        let mut view = LeverView {
            standing: "idle",
            action: None,
            case: None,
            held_until: None,
            by_us: None,
            leaks: false,
            why: None,
            pulled_at: guard.incidents.pulled_at(lever),
        };
        match guard.incidents.status(lever) {
            None | Some(LeverStatus::Idle) => {}
            Some(LeverStatus::Moving(action)) => {
                (view.standing, view.action) = ("moving", Some(*action));
            }
            Some(LeverStatus::Held(hold)) => {
                (view.standing, view.action) = ("held", Some(hold.action));
                (view.case, view.held_until) = (Some(hold.case), Some(hold.expires));
                (view.by_us, view.leaks) = (Some(hold.by_us), hold.leaks);
            }
            Some(LeverStatus::Refused { why, .. }) => {
                (view.standing, view.why) = ("refused", Some(why.clone()));
            }
        }
        Some(view)
    }

    /// What a protocol holds and what pulling cost it as of a time; none if it is not configured.
    pub fn protocol(&self, name: &str, now: Millis) -> Option<ProtocolView> {
        let guard = self.guards.iter().find(|guard| guard.config.protocol.name == name)?;
        let (spent, pulls) = guard.incidents.spent(now);
        let is_informed = guard.has_readings();
        Some(ProtocolView { value: guard.value_left(), spent, pulls, is_informed })
    }

    /// One case; none if there is no such.
    pub fn case(&self, id: CaseId) -> Option<&portcullis_case::Case> {
        self.cases.get(&id)
    }
}
