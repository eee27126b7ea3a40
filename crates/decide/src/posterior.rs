//! How likely an attack is, given what the detectors said.
//!
//! `odds = prior / (1 − prior) × E`, where `E` is the average over the protocol's detectors of the largest e-value that
//! each has raised in the case. The average of e-values is an e-value whatever the dependence between them (Vovk and
//! Wang 2021; methods, §2), which the product is not: detectors that look at the same transaction are anything but
//! independent.
//!
//! A detector that said nothing counts as 1, and so does one that is not stable. No finding counts for less than 1: that
//! a detector raised something is never taken as a sign that all is well.
//!
//! A detector that the policy names in `sequential` counts with [`Running`](crate::running::Running) instead of its
//! largest e-value. Context may raise the prior ([`crate::context`]).

use std::collections::BTreeMap;

use portcullis_types::{
    finding::{Confidence, Finding, PROOF_E_VALUE},
    ids::ChainId,
};

use crate::{
    policy::{MINIMUM_MATURITY, PRIOR_MAX, Policy},
    running,
};

/// What the probability is taken from.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'a> {
    /// Findings of the case that are not retracted.
    pub findings: &'a [Finding],
    /// Detectors at work for the protocol.
    pub detectors_configured: usize,
    /// The prior with what the context made of it; none for the policy's own.
    pub raised: Option<f64>,
    /// The protocol's chain and its newest block, for evidence that is forgotten as blocks pass.
    pub newest: Option<(ChainId, u64)>,
}

/// The probability that the protocol is being attacked, in `[0, 1)`.
///
/// `detectors_configured` is the number of detectors at work for the protocol; adding one that stays silent lowers the
/// probability. If more have raised something than are said to be configured, their own number is taken.
pub fn posterior(policy: &Policy, findings: &[Finding], detectors_configured: usize) -> f64 {
    posterior_of(policy, Sight { findings, detectors_configured, raised: None, newest: None })
}

/// The same, with context and with evidence that adds up over blocks.
pub fn posterior_of(policy: &Policy, sight: Sight<'_>) -> f64 {
    let prior = policy.prior();
    // Context raises and never lowers, whoever hands it in.
    let prior = f64::min(f64::max(sight.raised.unwrap_or(prior), prior), PRIOR_MAX);
    let mature = || sight.findings.iter().filter(|finding| finding.maturity >= MINIMUM_MATURITY);
    let running = running::values(policy, mature(), sight.newest);
    let mut largest: BTreeMap<&str, f64> = BTreeMap::new();
    for finding in mature() {
        let e_value = counted(finding.confidence);
        let entry = largest.entry(&finding.detector).or_insert(1.0);
        if let Some(value) = running.get(finding.detector.as_str()) {
            *entry = *value;
        } else if e_value > *entry {
            *entry = e_value;
        }
    }
    let detectors = sight.detectors_configured.max(largest.len());
    if detectors == 0 {
        return prior;
    }
    // Sorted by the map, so that every machine adds in the same order.
    let mut sum = (detectors - largest.len()) as f64;
    for e_value in largest.values() {
        sum += e_value;
    }
    let average = sum / detectors as f64;
    let odds = prior / (1.0 - prior) * average;
    odds / (1.0 + odds)
}

fn counted(confidence: Confidence) -> f64 {
    let e_value = confidence.e_value;
    if confidence.proof || e_value > PROOF_E_VALUE {
        PROOF_E_VALUE
    } else if e_value > 1.0 {
        e_value
    } else {
        // Also what is not a number.
        1.0
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Address, B256};
    use portcullis_types::{
        chain::BlockId,
        finding::{Maturity, Outlook},
        ids::FindingKey,
        money::Usd,
    };

    use super::*;

    fn finding(detector: &str, maturity: Maturity, confidence: Confidence) -> Finding {
        Finding {
            key: FindingKey(B256::ZERO),
            detector: detector.to_owned(),
            maturity,
            protocol: "test".to_owned(),
            chain: 1,
            block: BlockId { number: 1, hash: B256::ZERO },
            transaction: None,
            actor: None,
            contract: Address::ZERO,
            asset: None,
            amount: None,
            loss: Usd::ZERO,
            outlook: Outlook::Continues,
            confidence,
            evidence: Vec::new(),
            sentence: String::new(),
        }
    }

    /// Findings as (detector, e-value), all stable, of `detectors`; the average e-value that must come out.
    fn check(name: &str, findings: &[(&str, f64)], detectors: usize, average: f64) {
        let stable = |(detector, e_value): &(&str, f64)| {
            finding(detector, Maturity::Stable, Confidence::evidence(*e_value))
        };
        let findings: Vec<Finding> = findings.iter().map(stable).collect();
        let p =
            posterior(&Policy { prior_per_block: 0.5, ..Policy::default() }, &findings, detectors);
        assert!((p / (1.0 - p) - average).abs() <= average * 1e-6, "{name}: {p}");
    }

    #[test]
    fn e_values_are_averaged_over_detectors() {
        check("nothing seen", &[], 4, 1.0);
        check("no detectors", &[], 0, 1.0);
        check("one of four", &[("a", 97.0)], 4, 25.0);
        check("the largest of each", &[("a", 3.0), ("a", 9.0), ("a", 5.0), ("b", 1.0)], 2, 5.0);
        check("what is below one counts as silence", &[("a", 0.0), ("b", -5.0)], 2, 1.0);
        check("what is no number too", &[("a", f64::NAN)], 1, 1.0);
        check("nothing exceeds a proof", &[("a", f64::INFINITY)], 1, 1e9);
        check("more than configured", &[("a", 3.0), ("b", 5.0)], 1, 4.0);
    }

    #[test]
    fn proofs_are_near_certain_and_the_immature_do_not_count() {
        let policy = Policy::default();
        let proof = finding("a", Maturity::Stable, Confidence::PROOF);
        let p = posterior(&policy, std::slice::from_ref(&proof), 10);
        assert!(p > 0.99 && p < 1.0, "{p}");
        for maturity in [Maturity::Sandbox, Maturity::Incubating] {
            let young = Finding { maturity, ..proof.clone() };
            let (with, without) = (posterior(&policy, &[young], 10), posterior(&policy, &[], 10));
            assert_eq!(with.to_bits(), without.to_bits());
        }
    }
}
