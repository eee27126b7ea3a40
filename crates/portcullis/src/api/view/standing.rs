//! What follows from a case for whoever looks at it: what can be said, what a lever saved.

use portcullis_case::{Case, Phase, life::Verb};
use portcullis_types::money::Usd;

/// What the newest decision that pulled a lever which holds was to prevent.
pub(super) fn saved(case: &Case) -> Option<Usd> {
    if case.phase() != Phase::Contained {
        return None;
    }
    let decision = case.decisions.iter().rev().find(|decision| decision.chosen.is_some())?;
    let chosen = decision.chosen.as_deref()?;
    let rung = decision.rungs.iter().find(|rung| rung.lever == chosen)?;
    Some(rung.loss_prevented)
}

/// What can be said of the case now: what changes its stage, and that somebody looks, until somebody does.
pub(super) fn allowed(case: &Case) -> Vec<String> {
    let mut verbs = case.life.allowed();
    let nobody = case.life.stage().is_open() && !case.life.is_acknowledged();
    if nobody && !verbs.contains(&Verb::Acknowledge) {
        verbs.insert(0, Verb::Acknowledge);
    }
    verbs.into_iter().map(|verb| verb.name().to_owned()).collect()
}
