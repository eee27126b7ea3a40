//! A decision in one sentence with its numbers, for people.

use portcullis_types::{
    decision::{Decision, RungWeighed, Verdict},
    money::Usd,
};

use crate::{autonomy::Autonomy, need::Need};

/// Why a lever that is worth pulling is not pulled where the policy only observes.
pub(crate) const RECOMMENDED: &str = "autonomy is observe: recommended only; pull it by hand, or \
                                      write `autonomy: act` in the policy";

/// Whether a lever stands in the place of those after it: it is pulled, or waits for people.
pub(crate) fn is_taken(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Act | Verdict::Recommended | Verdict::AwaitsSignature => true,
        Verdict::Forbidden { why } => why == RECOMMENDED,
        _ => false,
    }
}

/// The sentence for what was weighed.
pub(crate) fn of(need: &Need<'_>, probability: f64, rungs: &[RungWeighed]) -> String {
    if need.concerned.is_empty() {
        return format!("p = {}: nothing was found that has to be stopped", shown(probability));
    }
    if let Some(text) = taken(need, probability, rungs) {
        return text;
    }
    let first = |wanted: &dyn Fn(&Verdict) -> bool| rungs.iter().find(|r| wanted(&r.verdict));
    if need.open.is_empty()
        && let Some(rung) = first(&|verdict| *verdict == Verdict::AlreadyPulled)
    {
        return format!(
            "p = {}: {} is pulled already and nothing is left uncovered",
            shown(probability),
            rung.lever
        );
    }
    for rung in rungs {
        if let Verdict::Forbidden { why } = &rung.verdict {
            return format!("{}: {} is not pulled: {why}", compared(probability, rung), rung.lever);
        }
    }
    if let Some(rung) = first(&|verdict| *verdict == Verdict::BelowThreshold) {
        return format!("{}: nothing is pulled", compared(probability, rung));
    }
    format!("p = {}: no lever stops this, people must act", shown(probability))
}

/// What is pulled, or waits for people; what is pulled first.
fn taken(need: &Need<'_>, probability: f64, rungs: &[RungWeighed]) -> Option<String> {
    let pulled = rungs.iter().find(|rung| rung.verdict == Verdict::Act);
    let rung = pulled.or_else(|| rungs.iter().find(|rung| is_taken(&rung.verdict)))?;
    let (compared, lever, name) = (compared(probability, rung), &rung.lever, rung.rung.name());
    let is_ratified = || {
        need.facts.approved != Some(lever.as_str())
            && need.policy.autonomy.of(rung.rung) == Autonomy::Ratify
    };
    Some(match &rung.verdict {
        Verdict::Act if need.facts.approved == Some(lever.as_str()) => {
            format!("{compared}: pull {lever}, as guardians have signed")
        }
        Verdict::Act if is_ratified() => {
            let seconds = need.policy.guardians.as_ref().map_or(0, |all| all.ratify_seconds);
            format!("{compared}: pull {lever}, to be ratified within {seconds} s")
        }
        Verdict::Act => format!("{compared}: pull {lever}"),
        Verdict::AwaitsSignature => {
            let barred = need.facts.barred.is_some_and(|barred| rung.rung >= barred);
            let why = if barred { "a pull was not ratified" } else { "autonomy is signature" };
            format!("{compared}: {lever} waits for guardians to sign ({name}: {why})")
        }
        Verdict::Recommended => {
            format!("{compared}: recommend {lever} (autonomy of {name} is recommend)")
        }
        _ => format!("{compared}: recommend {lever} (autonomy is observe)"),
    })
}

/// Adds what the numbers are made of, where a policy says more than before.
pub(crate) fn explain(decision: &mut Decision) {
    let mut more = String::new();
    let named = decision.rungs.iter().find(|rung| decision.chosen.as_ref() == Some(&rung.lever));
    let named = named.or_else(|| decision.rungs.iter().find(|rung| is_taken(&rung.verdict)));
    let named = named.or(decision.rungs.first());
    if let Some((rung, parts)) = named.and_then(|r| r.false_stop_parts.as_ref().map(|p| (r, p))) {
        let parts: Vec<String> =
            parts.lines().iter().map(|(name, usd)| format!("{} {name}", dollars(*usd))).collect();
        more += &format!(
            "; a stop by {} without need costs {} = {}",
            rung.lever,
            dollars(rung.false_stop_cost),
            parts.join(" + ")
        );
    }
    if let Some(context) = &decision.context {
        let facts: Vec<String> = context
            .facts
            .iter()
            .map(|fact| format!("{} (×{})", fact.kind.words(), fact.factor))
            .collect();
        more += &format!(
            "; the prior {} is raised ×{} to {}: {}",
            shown(context.prior),
            context.factor,
            shown(context.raised),
            facts.join(", ")
        );
    }
    if let Some(attacker) = &decision.attacker {
        more += &format!(
            "; left to the attacker from here on {} USD, with levers {}",
            dollars(attacker.utility),
            dollars(attacker.utility_with_levers)
        );
    }
    decision.sentence += &more;
}

/// `p = 0.9990 > 0.0123 = 20,000 / (20,000 + 1,600,000)`.
fn compared(probability: f64, rung: &RungWeighed) -> String {
    let sign = if probability > rung.threshold { '>' } else { '≤' };
    let (cost, prevented) = (dollars(rung.false_stop_cost), dollars(rung.loss_prevented));
    format!(
        "p = {} {sign} {} = {cost} / ({cost} + {prevented})",
        shown(probability),
        shown(rung.threshold)
    )
}

/// Four places, cut and not rounded, so that 0.99999 does not become a certainty; small ones with an exponent.
fn shown(probability: f64) -> String {
    if probability > 0.0 && probability < 0.001 {
        return format!("{probability:.2e}");
    }
    let ten_thousandths = (probability * 10_000.0) as u64;
    format!("{}.{:04}", ten_thousandths / 10_000, ten_thousandths % 10_000)
}

fn dollars(usd: Usd) -> String {
    let text = usd.to_string();
    text.strip_suffix(".00").map_or(text.clone(), str::to_owned)
}
