//! How likely an attack is, given what the detectors said.
//!
//! `odds = prior / (1 − prior) × E`, where `E` is the average over the protocol's detectors of the largest e-value that
//! each has raised in the case. The average of e-values is an e-value whatever the dependence between them (Vovk and
//! Wang 2021; methods, §2), which the product is not: detectors that look at the same transaction are anything but
//! independent.
//!
//! A detector that said nothing counts as 1, and so does one that is not stable. No finding counts for less than 1: that
//! a detector raised something is never taken as a sign that all is well.

use std::collections::BTreeMap;

use portcullis_types::finding::{Confidence, Finding, PROOF_E_VALUE};

use crate::policy::{MINIMUM_MATURITY, PRIOR_MAX, Policy};

/// The probability that the protocol is being attacked, in `[0, 1)`.
///
/// `detectors_configured` is the number of detectors at work for the protocol; adding one that stays silent lowers the
/// probability. If more have raised something than are said to be configured, their own number is taken.
pub fn posterior(policy: &Policy, findings: &[Finding], detectors_configured: usize) -> f64 {
    let mut largest: BTreeMap<&str, f64> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| finding.maturity >= MINIMUM_MATURITY) {
        let e_value = counted(finding.confidence);
        let entry = largest.entry(&finding.detector).or_insert(1.0);
        if e_value > *entry {
            *entry = e_value;
        }
    }
    let detectors = detectors_configured.max(largest.len());
    if detectors == 0 {
        return prior(policy);
    }
    // Sorted by the map, so that every machine adds in the same order.
    let mut sum = (detectors - largest.len()) as f64;
    for e_value in largest.values() {
        sum += e_value;
    }
    let average = sum / detectors as f64;
    let odds = prior(policy) / (1.0 - prior(policy)) * average;
    odds / (1.0 + odds)
}

/// The prior inside its limits, so that a policy nobody validated cannot make a probability of 1.
fn prior(policy: &Policy) -> f64 {
    let prior = policy.prior_per_block;
    if prior > PRIOR_MAX {
        PRIOR_MAX
    } else if prior > 0.0 {
        prior
    } else {
        0.0
    }
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
