//! Which limit to change first: where a little more of honest flow held back takes most from an attacker.

use portcullis_types::money::Usd;

use super::{Breaker, Defence, Model};

/// To how many percent of itself a limit is tightened to see what comes of it.
pub const STEP_PERCENT: u64 = 90;

/// How often honest outflows break a limit, as far as a history says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Throttle {
    /// Share of honest outflows that it would have held back, 0 to 1.
    pub share: f64,
    /// Of how many.
    pub outflows: u64,
}

/// What may be done, best first.
#[derive(Debug, Clone, PartialEq)]
pub enum Advice {
    /// The asset has no limit that covers all that holds value.
    AddLimit {
        /// Symbol.
        asset: String,
        /// By how much the attacker's utility is above that of a protocol without the asset.
        worth: Option<Usd>,
    },
    /// Tighten a limit to [`STEP_PERCENT`].
    Tighten {
        /// The limit as it is.
        breaker: Breaker,
        /// By how much the attacker's utility falls, with the limits enforced.
        fall: Usd,
        /// How much more of honest outflow is held back; none where no history is known.
        rise: Option<f64>,
        /// The fall over the rise, where the rise is at least what the history can tell apart (`1/(n+1)`). For ranking.
        score: Option<f64>,
    },
}

/// Everything that may be done, best first. `throttle` says how often honest outflows break a limit.
///
/// An asset without a limit comes first, the one with most to take before the others; then limits by the fall of the
/// attacker's utility for each outflow held back, and where no history is known by the fall alone. Limits whose
/// tightening takes nothing from him come last: another limit binds.
pub fn advise(model: &Model, throttle: impl Fn(&Breaker) -> Option<Throttle>) -> Vec<Advice> {
    let utility = |model: &Model| Some(model.outcome(Defence::Gate)?.utility.utility);
    let now = utility(model);
    let (mut missing, mut limits) = (Vec::new(), Vec::new());
    for (place, holding) in model.holdings.iter().enumerate() {
        if !holding.breakers.iter().any(|breaker| breaker.covers_all) {
            let mut without = model.clone();
            if let Some(holding) = without.holdings.get_mut(place) {
                holding.held = Some(Usd::ZERO);
            }
            let worth = now.zip(utility(&without)).map(|(now, without)| now - without);
            missing.push((worth, Advice::AddLimit { asset: holding.asset.clone(), worth }));
        }
        for (at, breaker) in holding.breakers.iter().enumerate() {
            let tighter = breaker.scaled(STEP_PERCENT);
            let mut changed = model.clone();
            let slot = changed.holdings.get_mut(place).and_then(|h| h.breakers.get_mut(at));
            if let Some(slot) = slot {
                *slot = tighter.clone();
            }
            let Some((now, changed)) = now.zip(utility(&changed)) else { continue };
            let fall = (now - changed).max_zero();
            let rise = throttle(breaker).zip(throttle(&tighter));
            let rise = rise.map(|(was, is)| ((is.share - was.share).max(0.0), was.outflows));
            let score = rise.map(|(rise, n)| {
                fall.as_ratio_operand() / Usd::ONE_MICROS as f64 / rise.max(1.0 / (n as f64 + 1.0))
            });
            limits.push(Advice::Tighten {
                breaker: breaker.clone(),
                fall,
                rise: rise.map(|(rise, _)| rise),
                score,
            });
        }
    }
    missing.sort_by_key(|(worth, _)| std::cmp::Reverse(*worth));
    // Scores are finite: both parts are, and no divisor is zero. The order of equals is that of the configuration.
    limits.sort_by(|a, b| order(b).partial_cmp(&order(a)).unwrap_or(std::cmp::Ordering::Equal));
    missing.into_iter().map(|(_, advice)| advice).chain(limits).collect()
}

fn order(advice: &Advice) -> (f64, Usd) {
    match advice {
        Advice::AddLimit { .. } => (f64::MAX, Usd::ZERO),
        Advice::Tighten { fall, score, .. } => (score.unwrap_or(0.0), *fall),
    }
}
