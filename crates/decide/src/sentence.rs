//! A decision in one sentence with its numbers, for people.

use std::collections::BTreeSet;

use portcullis_types::{
    decision::{RungWeighed, Verdict},
    money::Usd,
};

/// Why a lever that is worth pulling is not pulled where the policy only observes.
pub(crate) const RECOMMENDED: &str = "autonomy is observe: recommended only; pull it by hand, or \
                                      write `autonomy: act` in the policy";

/// The sentence for what was weighed: `concerned` is what has to be stopped, `open` what of it no pulled lever covers.
pub(crate) fn of<T>(
    probability: f64,
    rungs: &[RungWeighed],
    concerned: &BTreeSet<T>,
    open: &BTreeSet<T>,
) -> String {
    if concerned.is_empty() {
        return format!("p = {}: nothing was found that has to be stopped", shown(probability));
    }
    let first = |wanted: &dyn Fn(&Verdict) -> bool| rungs.iter().find(|r| wanted(&r.verdict));
    let recommended =
        |verdict: &Verdict| matches!(verdict, Verdict::Forbidden { why } if why == RECOMMENDED);
    if let Some(rung) = first(&|verdict| *verdict == Verdict::Act) {
        return format!("{}: pull {}", compared(probability, rung), rung.lever);
    }
    if let Some(rung) = first(&recommended) {
        return format!(
            "{}: recommend {} (autonomy is observe)",
            compared(probability, rung),
            rung.lever
        );
    }
    if open.is_empty()
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
