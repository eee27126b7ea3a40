//! Evidence that adds up over blocks: Shiryaev's recursion for detectors whose e-values may be multiplied.
//!
//! **When may e-values of several blocks be multiplied?** If each has a mean of at most 1 without an attack *given all that
//! came before*: then the running product is a test supermartingale, and Ville's inequality bounds how often it ever grows
//! large. It is not enough that each by itself has a mean of at most 1. A limit that is set too low, or a new function
//! that everybody begins to use, makes the same false finding again and again, and a product of them becomes certainty
//! within a few blocks. The e-values of this program's detectors are assigned by convention or count past false alarms,
//! and none of them promises that; one (`liquidity-flow`) is the value of a process already and would be counted twice.
//! **So none is multiplied by default**: of each detector the largest counts once ([`crate::posterior`]). Whoever has a
//! detector or rule that does promise it, from a back-test of its own, names it in the policy: `sequential: {detectors: […]}`.
//!
//! **What is done with those named.** A block's likelihood ratio is the bet `L = 1 − λ + λ·E`, with `E` the detector's largest
//! e-value in the block, and 0 where it said nothing: mean at most 1 where `E` has one, whatever `λ` in `[0, 1]` is (methods,
//! §2). `λ` is `strikesPerBlock`: how often an attack that goes on is seen in a block. Silence then counts against an attack,
//! by `1 − λ` a block, and what was found is forgotten as blocks pass. With a hazard `ρ` (the prior per block)
//!
//! `odds_t = L_t · (odds_{t−1} + ρ) / (1 − ρ)`, here as `W = odds · (1 − ρ)/ρ`, so that `W_t = L_t · (1 + W_{t−1}/(1 − ρ))`
//!
//! which takes the place of the detector's e-value. It begins at the value to which silence leads. Stopping at odds `A`
//! then happens before the attack with probability at most `1/(1 + A)`, over attacks that begin at a geometric time:
//! `E[odds_τ(1 − ρ)^τ] ≤ 1 − E[(1 − ρ)^τ]` by optional stopping. A test plays it.
//!
//! Only `+ − × ÷` are used, for equal bytes on every machine.
//!
//! Source: Shiryaev 1963; Tartakovsky, Nikiforov & Basseville 2014, chapter 6; Ramdas et al., "Game-theoretic statistics and
//! safe anytime-valid inference", 2023.

use std::collections::BTreeMap;

use portcullis_types::{
    finding::{Finding, PROOF_E_VALUE},
    ids::ChainId,
};
use serde::{Deserialize, Serialize};

use crate::policy::Policy;

/// Most detectors that may be named.
pub const DETECTORS_MAX: usize = 64;

/// `policy: sequential: {…}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sequential {
    /// Detectors and rules (`rules/NAME`) whose e-values have a mean of at most 1 without an attack, given all that came
    /// before. This is a promise of whoever writes it.
    pub detectors: Vec<String>,
    /// How often an attack that goes on is seen in a block, above `priorPerBlock` and at most 1. Default 0.5.
    #[serde(default = "half")]
    pub strikes_per_block: f64,
}

fn half() -> f64 {
    0.5
}

impl Sequential {
    /// What is wrong with it, and the remedy.
    ///
    /// # Errors
    /// Nobody named, too many, a share out of range.
    pub fn validate(&self, prior_per_block: f64) -> Result<(), String> {
        if self.detectors.is_empty() || self.detectors.len() > DETECTORS_MAX {
            return Err(format!(
                "`sequential` names {} detectors: name from 1 to {DETECTORS_MAX}, or leave it out",
                self.detectors.len()
            ));
        }
        if !(self.strikes_per_block > prior_per_block && self.strikes_per_block <= 1.0) {
            return Err(format!(
                "`strikesPerBlock` is {}: write a number above `priorPerBlock` and at most 1",
                self.strikes_per_block
            ));
        }
        Ok(())
    }
}

/// `W`: the odds of an attack over those of one block's hazard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Running {
    bet: f64,
    /// `1 − ρ`.
    spared: f64,
    value: f64,
}

impl Running {
    /// After a long silence. `rho` is the hazard a block, `bet` is `λ`; both are cut to `[0, 1)` and `[0, 1]`.
    pub fn new(rho: f64, bet: f64) -> Self {
        let cut = |value: f64| if value > 0.0 { value.min(1.0) } else { 0.0 };
        let (bet, spared) = (cut(bet), (1.0 - cut(rho)).max(f64::EPSILON));
        let mut running = Self { bet, spared, value: 0.0 };
        running.value = running.rest();
        running
    }

    /// `W`.
    pub fn value(&self) -> f64 {
        self.value
    }

    /// What silence multiplies the distance to its rest by.
    fn decay(&self) -> f64 {
        (1.0 - self.bet) / self.spared
    }

    /// The value that silence leads to. 0 where the hazard outgrows what silence says; policies do not allow it.
    fn rest(&self) -> f64 {
        let decay = self.decay();
        if decay < 1.0 { ((1.0 - self.bet) / (1.0 - decay)).min(PROOF_E_VALUE) } else { 0.0 }
    }

    /// Lets blocks without a finding pass.
    pub fn silent(&mut self, blocks: u64) {
        let (rest, mut base, mut power, mut left) = (self.rest(), self.decay(), 1.0, blocks);
        if base >= 1.0 {
            return;
        }
        while left > 0 {
            if left & 1 == 1 {
                power *= base;
            }
            base *= base;
            left >>= 1;
        }
        self.value = rest + (self.value - rest) * power;
    }

    /// Takes in a block in which the detector's largest e-value was this; what is no number or negative counts as silence.
    pub fn observe(&mut self, e_value: f64) {
        let e_value = if e_value > 0.0 { e_value.min(PROOF_E_VALUE) } else { 0.0 };
        let ratio = 1.0 - self.bet + self.bet * e_value;
        self.value = (ratio * (1.0 + self.value / self.spared)).min(PROOF_E_VALUE);
    }
}

/// What the named detectors' findings have come to by block `newest` of chain `chain`. A detector that looks at several
/// chains has a value for each, as of its newest finding where the chain is another; the largest counts.
pub(crate) fn values<'a>(
    policy: &Policy,
    findings: impl Iterator<Item = &'a Finding>,
    newest: Option<(ChainId, u64)>,
) -> BTreeMap<&'a str, f64> {
    let Some(sequential) = &policy.sequential else { return BTreeMap::new() };
    let mut blocks: BTreeMap<(&str, ChainId), BTreeMap<u64, f64>> = BTreeMap::new();
    for finding in findings.filter(|finding| sequential.detectors.contains(&finding.detector)) {
        let confidence = finding.confidence;
        let e_value = if confidence.proof { PROOF_E_VALUE } else { confidence.e_value };
        let of = blocks.entry((&finding.detector, finding.chain)).or_default();
        let largest = of.entry(finding.block.number).or_insert(0.0);
        if e_value > *largest {
            *largest = e_value;
        }
    }
    let mut values = BTreeMap::new();
    for ((detector, chain), blocks) in blocks {
        let mut running = Running::new(policy.prior(), sequential.strikes_per_block);
        let mut before: Option<u64> = None;
        for (block, e_value) in blocks {
            running.silent(before.map_or(0, |before| (block - before).saturating_sub(1)));
            running.observe(e_value);
            before = Some(block);
        }
        if let (Some((_, newest)), Some(before)) = (newest.filter(|(on, _)| *on == chain), before) {
            running.silent(newest.saturating_sub(before));
        }
        let value = values.entry(detector).or_insert(1.0);
        *value = f64::max(*value, running.value());
    }
    values
}

#[cfg(test)]
mod tests;
