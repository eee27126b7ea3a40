//! Decisions with their numbers.

use portcullis_case::{Case, TimelineEntry};
use portcullis_types::decision::{Decision, RungWeighed, Verdict};
use serde::Serialize;
use utoipa::ToSchema;

use super::money::usd;

/// What was decided, and why.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DecisionView {
    /// The journal entry that led to it; null where the timeline was full by then.
    pub(crate) seq: Option<u64>,
    pub(crate) at: Option<u64>,
    pub(crate) block: u64,
    /// That the protocol is being robbed.
    pub(crate) probability: f64,
    pub(crate) loss_ahead_usd: String,
    pub(crate) loss_so_far_usd: String,
    /// The lever to pull; null if nothing was to be done.
    pub(crate) chosen: Option<String>,
    pub(crate) sentence: String,
    /// Every rung that was weighed, gentlest first.
    pub(crate) rungs: Vec<RungView>,
    /// What raised the prior.
    pub(crate) context: Vec<ContextView>,
    pub(crate) attacker: Option<AttackerView>,
    /// How many findings were weighed.
    pub(crate) findings: u64,
}

/// A rung as it was weighed.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RungView {
    pub(crate) rung: String,
    pub(crate) lever: String,
    pub(crate) false_stop_usd: String,
    pub(crate) loss_prevented_usd: String,
    /// Act above this probability.
    pub(crate) threshold: f64,
    /// `act`, `notNeeded`, `doesNotStopIt`, `belowThreshold`, `alreadyPulled`, `forbidden`, `recommended`,
    /// `awaitsSignature`.
    pub(crate) verdict: String,
    /// Which guardrail said no.
    pub(crate) why: Option<String>,
    /// What the cost is made of, where the configuration says so.
    pub(crate) parts: Vec<CostPart>,
}

/// A part of a cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct CostPart {
    pub(crate) name: String,
    pub(crate) usd: String,
}

/// A fact that raised the prior.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct ContextView {
    pub(crate) words: String,
    pub(crate) factor: f64,
}

/// What is left to the attacker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct AttackerView {
    #[serde(rename = "gainUsd")]
    pub(crate) gain: String,
    #[serde(rename = "utilityUsd")]
    pub(crate) utility: String,
    #[serde(rename = "utilityWithLeversUsd")]
    pub(crate) utility_with_levers: String,
}

/// All decisions of a case, oldest first.
pub(crate) fn decisions(case: &Case) -> Vec<DecisionView> {
    let lines: Vec<_> = case.timeline.iter().filter(|entry| entry.what == "decision").collect();
    let mut at_line = 0;
    let view = |decision: &Decision| {
        // Neither of the two is whole where there were too many: a line has its decision's block and words.
        let is_its = |line: &TimelineEntry| {
            line.block == Some(decision.block.number) && line.text == decision.sentence
        };
        let found = lines.iter().skip(at_line).position(|line| is_its(line));
        let line = found.and_then(|further| lines.get(at_line + further));
        at_line += found.map_or(0, |further| further + 1);
        DecisionView {
            seq: line.map(|entry| entry.seq.0),
            at: line.map(|entry| entry.at.0),
            block: decision.block.number,
            probability: decision.probability,
            loss_ahead_usd: usd(decision.loss_ahead),
            loss_so_far_usd: usd(decision.loss_so_far),
            chosen: decision.chosen.clone(),
            sentence: decision.sentence.clone(),
            rungs: decision.rungs.iter().map(rung).collect(),
            context: decision
                .context
                .iter()
                .flat_map(|context| &context.facts)
                .map(|fact| ContextView {
                    words: fact.kind.words().to_owned(),
                    factor: fact.factor,
                })
                .collect(),
            attacker: decision.attacker.map(|view| AttackerView {
                gain: usd(view.gain),
                utility: usd(view.utility),
                utility_with_levers: usd(view.utility_with_levers),
            }),
            findings: decision.findings.len() as u64,
        }
    };
    case.decisions.iter().map(view).collect()
}

fn rung(rung: &RungWeighed) -> RungView {
    let verdict = match &rung.verdict {
        Verdict::Act => "act",
        Verdict::NotNeeded => "notNeeded",
        Verdict::DoesNotStopIt => "doesNotStopIt",
        Verdict::BelowThreshold => "belowThreshold",
        Verdict::AlreadyPulled => "alreadyPulled",
        Verdict::Forbidden { .. } => "forbidden",
        Verdict::Recommended => "recommended",
        Verdict::AwaitsSignature => "awaitsSignature",
    };
    let why = match &rung.verdict {
        Verdict::Forbidden { why } => Some(why.clone()),
        _ => None,
    };
    // The parts as they are written in configurations; each is a sum of dollars.
    let parts = serde_json::to_value(&rung.false_stop_parts).unwrap_or_default();
    let parts = parts.as_object().into_iter().flatten().filter_map(|(name, value)| {
        let sum: portcullis_types::money::Usd = value.as_str()?.parse().ok()?;
        Some(CostPart { name: name.clone(), usd: usd(sum) })
    });
    RungView {
        rung: rung.rung.name().to_owned(),
        lever: rung.lever.clone(),
        false_stop_usd: usd(rung.false_stop_cost),
        loss_prevented_usd: usd(rung.loss_prevented),
        threshold: rung.threshold,
        verdict: verdict.to_owned(),
        why,
        parts: parts.collect(),
    }
}
