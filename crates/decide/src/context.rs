//! What makes an attack more likely without being one: facts that raise the prior.
//!
//! A stale oracle, an upstream that was hit, a contract that looks as if it were made for an attack, attempts that failed:
//! none of them is a theft, and each is seen before many thefts. Each kind that was seen lately multiplies the prior by
//! the policy's factor, all together by at most the policy's limit. Factors are at least 1: **context tightens, and
//! nothing loosens.** When it expires, or its finding is retracted, the prior is what it was.
//!
//! **DEC-1 stands.** Context comes from findings of incubating detectors. It moves the prior and is no evidence: without a
//! finding of a stable detector nothing is pulled, whatever the prior. A finding of a stable detector is evidence and is
//! not counted as context too.
//!
//! The factors are beliefs, not measurements. The default ones are below what was measured for the most telling of
//! them: one in 600 for `LookAhead`'s alarms on deployments against one attack in a million blocks (methods, §1.3).

use std::collections::BTreeMap;

use portcullis_types::{
    decision::{ContextFact, ContextKind, ContextWeighed},
    finding::{Finding, Maturity},
    ids::Millis,
};
use serde::{Deserialize, Serialize};

use crate::policy::{MINIMUM_MATURITY, PRIOR_MAX, Policy};

/// Largest limit that a policy may set.
pub const FACTOR_MAX: f64 = 100.0;
/// Most detectors that are named beside the ones known here.
pub const SOURCES_MAX: usize = 64;

/// `policy: context: {…}`. Every field may be left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Context {
    /// Factor while an oracle is stale. Default 3.
    pub stale_oracle: f64,
    /// Factor after an upstream was hit. Default 10.
    pub upstream_hit: f64,
    /// Factor after a hostile deployment. Default 10.
    pub hostile_deployment: f64,
    /// Factor after failed attempts. Default 5.
    pub failed_attempts: f64,
    /// Most that all together may make of the prior, at most [`FACTOR_MAX`]. Default 30.
    pub limit: f64,
    /// How long a fact counts after it was last seen, seconds. Default 7200: most attacks follow the deployment within an
    /// hour (`LookAhead`: 390 s in the median; the rescue windows of methods, §0).
    pub seconds: u64,
    /// Detectors and rules (`rules/NAME`) that stand for a kind, beside `contagion` (upstream hit),
    /// `adversarial-deployment` (hostile deployment) and `failed-attempts`. No detector here stands for a stale oracle:
    /// name a rule.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sources: BTreeMap<ContextKind, Vec<String>>,
}

impl Default for Context {
    fn default() -> Self {
        Self {
            stale_oracle: 3.0,
            upstream_hit: 10.0,
            hostile_deployment: 10.0,
            failed_attempts: 5.0,
            limit: 30.0,
            seconds: 7_200,
            sources: BTreeMap::new(),
        }
    }
}

/// A fact and when it was last seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContextSeen {
    /// Which.
    pub kind: ContextKind,
    /// When.
    pub at: Millis,
}

impl Context {
    /// What a finding says of the context. None where it says nothing, is too young to count for anything, or is evidence.
    pub fn kind_of(&self, finding: &Finding) -> Option<ContextKind> {
        if finding.maturity < Maturity::Incubating || finding.maturity >= MINIMUM_MATURITY {
            return None;
        }
        let named =
            self.sources.iter().find(|(_, detectors)| detectors.contains(&finding.detector));
        if let Some((kind, _)) = named {
            return Some(*kind);
        }
        match finding.detector.as_str() {
            "stale-oracle" => Some(ContextKind::StaleOracle),
            "contagion" => Some(ContextKind::UpstreamHit),
            "adversarial-deployment" => Some(ContextKind::HostileDeployment),
            "failed-attempts" => Some(ContextKind::FailedAttempts),
            _ => None,
        }
    }

    fn factor(&self, kind: ContextKind) -> f64 {
        let factor = match kind {
            ContextKind::StaleOracle => self.stale_oracle,
            ContextKind::UpstreamHit => self.upstream_hit,
            ContextKind::HostileDeployment => self.hostile_deployment,
            ContextKind::FailedAttempts => self.failed_attempts,
        };
        tightening(factor)
    }

    /// What is wrong with it, and the remedy.
    ///
    /// # Errors
    /// A factor below 1 or above the most, no time.
    pub fn validate(&self) -> Result<(), String> {
        let factors = [
            ("staleOracle", self.stale_oracle),
            ("upstreamHit", self.upstream_hit),
            ("hostileDeployment", self.hostile_deployment),
            ("failedAttempts", self.failed_attempts),
            ("limit", self.limit),
        ];
        for (name, factor) in factors {
            if !(1.0..=FACTOR_MAX).contains(&factor) {
                return Err(format!(
                    "`{name}` is {factor}: write a number from 1, which changes nothing, to {FACTOR_MAX}; context never \
                     loosens"
                ));
            }
        }
        if self.seconds == 0 {
            return Err("`seconds` of `context` is 0: write how long a fact counts, for instance \
                        7200, or leave `context` out"
                .to_owned());
        }
        if self.sources.values().map(Vec::len).sum::<usize>() > SOURCES_MAX {
            return Err(format!("`sources` names more than {SOURCES_MAX} detectors: name fewer"));
        }
        Ok(())
    }
}

/// A factor that cannot loosen, whatever stands in a policy that nobody validated.
fn tightening(factor: f64) -> f64 {
    if factor > 1.0 { factor.min(FACTOR_MAX) } else { 1.0 }
}

/// What the context makes of the prior now. None where nothing of it counts.
pub fn weigh_context(policy: &Policy, seen: &[ContextSeen], now: Millis) -> Option<ContextWeighed> {
    let context = policy.context.as_ref()?;
    let mut newest: BTreeMap<ContextKind, Millis> = BTreeMap::new();
    for fact in seen {
        let at = newest.entry(fact.kind).or_insert(fact.at);
        *at = (*at).max(fact.at);
    }
    let (mut product, mut facts) = (1.0, Vec::new());
    for (kind, at) in newest {
        let (factor, until) = (context.factor(kind), at.plus_seconds(context.seconds));
        if until > now && factor > 1.0 {
            product *= factor;
            facts.push(ContextFact { kind, factor, until });
        }
    }
    if facts.is_empty() {
        return None;
    }
    let factor = f64::min(product, tightening(context.limit));
    let prior = policy.prior();
    Some(ContextWeighed { facts, factor, prior, raised: f64::min(prior * factor, PRIOR_MAX) })
}

#[cfg(test)]
mod tests;
