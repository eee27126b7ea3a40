//! Which lever to pull, if any.
//!
//! A lever is worth pulling when the loss it prevents, times the probability of an attack, exceeds what pulling it for
//! nothing would cost, times the probability that there is no attack: `p > C_fp / (C_fp + ΔL)` (methods, §3). Levers are
//! weighed gentlest first, and the first that stops the loss, is worth it and meets no guardrail is chosen. A harsher one
//! is chosen only where every gentler one cannot stop it, is not worth it or is forbidden.
//!
//! **What has to be stopped.** Every contract with a finding that counts and that no pulled lever covers already. Levers
//! that cover all of them come first. Only where none of those can be pulled are the others tried, the one that covers the
//! largest part of the loss first; the rest is left to the next decision, in which this lever counts as pulled.
//!
//! **Who must agree.** What the policy says of the lever's rung ([`Autonomy`]). A lever that waits for people keeps harsher
//! ones back; it does not keep back one that may act at once on a part of the loss.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use portcullis_types::{
    action::{Lever, Rung},
    chain::BlockId,
    decision::{Decision, RungWeighed, Verdict},
    finding::Finding,
    ids::{CaseId, ChainId, Millis},
    money::Usd,
    text::printable,
};

use crate::{
    attacker,
    autonomy::Autonomy,
    context::{ContextSeen, weigh_context},
    limits::Spending,
    need::{Need, Place, Reach},
    policy::Policy,
    posterior::{Sight, posterior_of},
    sentence,
};

/// Milliseconds of the 24 hours over which pulls and their costs are counted.
pub const DAY_MILLIS: u64 = 24 * 60 * 60 * 1_000;

/// Everything a decision is taken from.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// Case.
    pub case: CaseId,
    /// Protocol.
    pub protocol: &'a str,
    /// Block whose findings led to it.
    pub block: BlockId,
    /// When it is taken.
    pub now: Millis,
    /// The case's findings that are not retracted.
    pub findings: &'a [Finding],
    /// Lost so far in the case.
    pub loss_so_far: Usd,
    /// What the protocol still holds.
    pub value_left: Usd,
    /// When the case's first finding was made.
    pub first_seen: Millis,
    /// All levers of the protocol and how they stand.
    pub levers: &'a [LeverState],
    /// False-stop costs of the pulls of the last 24 hours for this protocol, let go since or not.
    pub spent_today: Usd,
    /// How many pulls those were.
    pub pulls_today: u32,
    /// Detectors at work for the protocol.
    pub detectors_configured: usize,
    /// Chain of the protocol, which `block` is of.
    pub chain: ChainId,
    /// Facts that raise the prior, and when they were last seen.
    pub context: &'a [ContextSeen],
    /// The lever whose pull enough guardians have signed for, in this case, and not long ago.
    pub approved: Option<&'a str>,
    /// The gentlest rung on which a pull was not ratified: it and harsher ones wait for people.
    pub barred: Option<Rung>,
}

/// A lever and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeverState {
    /// The lever.
    pub lever: Lever,
    /// How it stands.
    pub state: State,
    /// When it was last asked for; none if never.
    pub pulled_at: Option<Millis>,
}

/// How a lever stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Not pulled.
    Idle,
    /// Asked for; the outcome is not known yet.
    Pulling,
    /// Verified.
    Held,
    /// Asked for, and not sent, without effect, or held while the loss goes on. It covers nothing.
    Refused {
        /// Why.
        why: String,
    },
}

impl LeverState {
    /// Whether it is pulled or about to be.
    pub(crate) fn is_live(&self) -> bool {
        matches!(self.state, State::Pulling | State::Held)
    }

    /// Those of `places` that it covers.
    pub(crate) fn covered(&self, places: &BTreeSet<Place>) -> BTreeSet<Place> {
        let covers =
            |place: &&Place| self.lever.chain == place.0 && self.lever.covers.contains(&place.1);
        places.iter().filter(covers).copied().collect()
    }
}

/// A lever that was taken, and whether that happens before anybody has agreed.
#[derive(Debug, Clone, Copy)]
struct Taken {
    reach: Reach,
    is_unattended: bool,
}

/// Weighs every lever and says which one to pull.
pub fn weigh(policy: &Policy, facts: &Facts<'_>) -> Decision {
    let need = Need::of(policy, facts);
    let context = weigh_context(policy, facts.context, facts.now);
    let probability = posterior_of(
        policy,
        Sight {
            findings: facts.findings,
            detectors_configured: facts.detectors_configured,
            raised: context.as_ref().map(|context| context.raised),
            newest: Some((facts.chain, facts.block.number)),
        },
    );
    let rungs = need.rungs(probability);
    let chosen = rungs.iter().find(|rung| rung.verdict == Verdict::Act);
    let mut decision = Decision {
        case: facts.case,
        protocol: facts.protocol.to_owned(),
        block: facts.block,
        findings: facts.findings.iter().map(|finding| finding.key).collect(),
        probability,
        loss_ahead: need.loss_ahead(&need.concerned),
        loss_so_far: facts.loss_so_far,
        chosen: chosen.map(|rung| rung.lever.clone()),
        sentence: sentence::of(&need, probability, &rungs),
        rungs,
        context,
        attacker: attacker::view(policy, facts.value_left),
    };
    sentence::explain(&mut decision);
    decision
}

/// Verdicts and guardrails.
impl Need<'_> {
    /// Every lever with its verdict, gentlest first.
    fn rungs(&self, probability: f64) -> Vec<RungWeighed> {
        let mut ladder: Vec<&LeverState> = self.facts.levers.iter().collect();
        ladder.sort_by_key(|state| {
            (state.lever.rung, state.lever.false_stop_cost, state.lever.name.as_str())
        });
        // The order in which they are tried: what covers more first, and among equals the gentlest.
        let mut order: Vec<usize> = (0..ladder.len()).collect();
        order.sort_by_key(|index| {
            (Reverse(ladder.get(*index).map(|state| self.reach(state))), *index)
        });
        let mut taken: Option<Taken> = None;
        let mut rungs: BTreeMap<usize, RungWeighed> = BTreeMap::new();
        for index in order {
            let Some(state) = ladder.get(index) else { continue };
            let loss_prevented = self.prevented(state);
            let threshold = threshold(state.lever.false_stop_cost, loss_prevented);
            let verdict = self.verdict(state, probability, threshold, taken);
            if sentence::is_taken(&verdict) {
                let is_unattended = verdict == Verdict::Act;
                taken = Some(Taken { reach: self.reach(state), is_unattended });
            }
            rungs.insert(
                index,
                RungWeighed {
                    rung: state.lever.rung,
                    lever: state.lever.name.clone(),
                    false_stop_cost: state.lever.false_stop_cost,
                    loss_prevented,
                    threshold,
                    verdict,
                    false_stop_parts: state.lever.false_stop_parts.clone(),
                },
            );
        }
        rungs.into_values().collect()
    }

    /// How far the program may go with a lever now.
    pub(crate) fn level(&self, lever: &Lever) -> Autonomy {
        let allowed = self.policy.autonomy.of(lever.rung);
        if self.facts.approved == Some(lever.name.as_str()) && allowed >= Autonomy::Signature {
            return Autonomy::Act;
        }
        match self.facts.barred {
            Some(barred) if lever.rung >= barred => allowed.min(Autonomy::Signature),
            _ => allowed,
        }
    }

    fn verdict(
        &self,
        state: &LeverState,
        probability: f64,
        threshold: f64,
        taken: Option<Taken>,
    ) -> Verdict {
        if state.covered(&self.concerned).is_empty() {
            return Verdict::DoesNotStopIt;
        }
        if state.is_live() {
            return Verdict::AlreadyPulled;
        }
        let level = self.level(&state.lever);
        // One that waits for people does not keep from acting what may act: it stops a part meanwhile.
        let taken = taken.filter(|taken| taken.is_unattended || !level.is_unattended());
        if self.open.is_empty() || taken.is_some_and(|taken| taken.reach == self.reach(state)) {
            return Verdict::NotNeeded;
        }
        // Where a lever was taken, it reaches further than this one.
        if taken.is_some() || state.covered(&self.open).is_empty() {
            return Verdict::DoesNotStopIt;
        }
        if self.counts && probability <= threshold {
            return Verdict::BelowThreshold;
        }
        match self.forbidden(state) {
            Some(why) => Verdict::Forbidden { why },
            None => match level {
                Autonomy::Observe => Verdict::Forbidden { why: sentence::RECOMMENDED.to_owned() },
                Autonomy::Recommend => Verdict::Recommended,
                Autonomy::Signature => Verdict::AwaitsSignature,
                Autonomy::Ratify | Autonomy::Act => Verdict::Act,
            },
        }
    }

    /// The first guardrail that says no, and the remedy.
    fn forbidden(&self, state: &LeverState) -> Option<String> {
        let (policy, facts) = (self.policy, self.facts);
        if !self.counts {
            return Some(
                "maturity: no detector that is stable has raised anything (DEC-1); a person must decide"
                    .to_owned(),
            );
        }
        if let State::Refused { why } = &state.state {
            return Some(format!("refused before: {}", printable(why)));
        }
        let spending = Spending {
            now: facts.now,
            spent_today: facts.spent_today,
            pulls_today: facts.pulls_today,
            levers: facts.levers,
        };
        spending.forbids(policy, state)
    }
}

/// Act above this probability: `C_fp / (C_fp + ΔL)`. 1, which no probability exceeds, where nothing is prevented.
fn threshold(false_stop_cost: Usd, loss_prevented: Usd) -> f64 {
    let cost = false_stop_cost.max_zero().as_ratio_operand();
    let prevented = loss_prevented.max_zero().as_ratio_operand();
    if prevented > 0.0 { cost / (cost + prevented) } else { 1.0 }
}

#[cfg(test)]
mod people;
#[cfg(test)]
mod tests;
