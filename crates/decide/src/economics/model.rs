//! A protocol, its attacker and its defence.

use portcullis_types::money::Usd;

use super::{
    bound::{Holding, loss_bound},
    gain::Drain,
    part,
    response::{Response, window_at_least},
    settings::Economics,
    utility::{Utility, is_deterred},
};

/// What stands between an attacker and the money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Defence {
    /// People alone.
    People,
    /// People, and Portcullis as it is configured: levers where it may act, limits that are enforced where they are.
    Configured,
    /// The same, acting, with all limits of `gross-outflow` enforced on chain.
    Gate,
}

/// Everything that a protocol's economics are computed from.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Beliefs.
    pub economics: Economics,
    /// What it holds, and its limits.
    pub holdings: Vec<Holding>,
    /// How long people need.
    pub people: Response,
    /// Whether Portcullis may pull a lever, and has one.
    pub acts: bool,
}

/// What comes of an attack under a defence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// Which.
    pub defence: Defence,
    /// For the attacker.
    pub utility: Utility,
    /// Most that leaves through limited paths until people have stopped it in nine of ten cases; none where no limit is
    /// enforced.
    pub most: Option<Usd>,
    /// Whether even that does not pay; none where nothing bounds it.
    pub is_deterred: Option<bool>,
}

/// Share of responses that may take longer than the one for which [`Outcome::most`] is said.
const SLOW_RESPONSES: f64 = 0.1;

impl Model {
    /// Everything the protocol holds; none while an asset's holding is not known.
    pub fn value(&self) -> Option<Usd> {
        self.holdings.iter().map(|holding| holding.held).sum()
    }

    /// The time in which people have stopped it in nine of ten cases, seconds.
    pub fn slow_response(&self) -> u64 {
        self.people.quantile(SLOW_RESPONSES)
    }

    /// What comes of an attack; none while what the protocol holds is not known.
    pub fn outcome(&self, defence: Defence) -> Option<Outcome> {
        let economics = &self.economics;
        let is_enforced = match defence {
            Defence::People => false,
            Defence::Configured => economics.limits_on_chain,
            Defence::Gate => true,
        };
        let acts = match defence {
            Defence::People => false,
            Defence::Configured => self.acts,
            Defence::Gate => true,
        };
        let drain = Drain {
            value: self.value()?,
            seconds: economics.drain_seconds,
            enforced: is_enforced.then_some(&self.holdings),
        };
        let found = if acts { economics.detection_probability } else { 0.0 };
        let reaction = Response::Fixed(economics.reaction_seconds);
        let stopped_soon = part(drain.expected(&reaction), found);
        let stopped_late = part(drain.expected(&self.people), 1.0 - found);
        // What happens in one transaction is over before anybody can do anything.
        let gain = part(drain.at_once(), economics.atomic_share)
            + part(stopped_soon + stopped_late, 1.0 - economics.atomic_share);
        let early = if acts { economics.pre_attack_share } else { 0.0 };
        let in_time = early * window_at_least(economics.reaction_seconds);
        let execution = economics.execution_probability * (1.0 - in_time);
        let most =
            if is_enforced { loss_bound(&self.holdings, self.slow_response()) } else { None };
        Some(Outcome {
            defence,
            utility: Utility::of(economics, execution, gain),
            most,
            is_deterred: most.map(|most| is_deterred(economics, most)),
        })
    }
}
