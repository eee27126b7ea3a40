//! More leaves than the owners allow in a time.
//!
//! # What it watches
//!
//! Per asset, what leaves the protocol's value-holding contracts over one or more windows of time, against bounds in
//! whole units (`maxAmount`) and in percent of what was there (`maxShare`). It is the gross outflow: deposits of others
//! do not make up for it. Within one transaction the net of each holder counts, so that a flash loan which comes back is
//! no outflow, and movements between the protocol's own contracts are none ([`crate::outflow`]).
//!
//! What was there is what the holders own now, read from the chain and carried on by flows, plus all that left in the
//! window. The finding of a transaction names the asset and the contract that lost most of it, lists every window that
//! is broken and counts as lost what that transaction took: what left before the bound was broken is not in it. While a
//! window is broken, a transaction is worth a finding of its own if it takes the sum over another whole multiple of the
//! bound, or if it alone takes a tenth of the bound: the honest user who withdraws a little right after a thief is none.
//!
//! # Why it matters
//!
//! A learned bound on token outflow alone blocks 17 of 27 exploits at 0.4 % false alarms (`Trace2Inv`), the best of 23 kinds
//! of guards, and it needs no idea of how the attack works. Ronin lost 540 and 25 million dollars in two transactions 115
//! seconds apart: only a bound set beforehand is as fast as that.
//!
//! # What it misses
//!
//! What stays below the bounds. Tokens minted without backing: for an asset that the protocol issues, watch its supply
//! with an `invariant`. Value that is borrowed against worthless collateral counts only when it leaves, and losses of
//! users' own wallets through an approval never do. A share is not judged while a holder's balance was never read.
//!
//! # False alarms
//!
//! A large customer leaving, a migration, a bank run for a good reason. The breach of a bound is evidence worth up to 100
//! to 1, growing with the square of the breach; a breach by `hardFactor` (default 2) is a proof, since the owners said
//! that it must not happen. The figure is a convention: it is honest if honest use breaks the bound in fewer than one in
//! a hundred of the protocol's cases, so set bounds at quantiles of past outflow and not at guesses. An attacker who
//! deposits first raises what was there, at a price: with a bound of 5 % each dollar more needs 20 of his own.
//!
//! # References
//!
//! - `Trace2Inv`, FSE 2024, arXiv 2404.14580: guard `tokenOut`
//! - ERC-7265 and DeFi-Circuit-Breaker v1: shares retained per window; its net flow is the flaw avoided here
//! - OWASP Smart Contract Top 10: all whose end is a drain

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, U256};
use portcullis_types::{
    chain::BlockId,
    evidence::Evidence,
    finding::{Confidence, Maturity},
    money::Asset,
    probe::{Probe, Reading},
    protocol::Protocol,
};

use crate::{
    build::{ConfigError, Resolver},
    config::GrossOutflowConfig,
    detector::{Detector, Findings, Meta, draft},
    history::Balance,
    ledger::Ledger,
    number::Decimal,
    outflow::{Outflow, outflows},
};

mod limit;

pub use limit::WINDOW_SECONDS_MAX;
use limit::{Broken, Limit, Watch};

/// Description of this detector.
pub static META: Meta = Meta {
    id: "gross-outflow",
    title: "More leaves than the owners allow in a time",
    maturity: Maturity::Stable,
};

/// Most limits of one detector.
pub const LIMITS_MAX: usize = 64;

/// Largest `hardFactor`: beyond it no breach would be a proof.
const HARD_FACTOR_MAX: u64 = 100;

/// Most that a breach short of a proof adds to the e-value of 1.
const EVIDENCE_RANGE: f64 = 99.0;

/// See the module.
#[derive(Debug, Clone)]
pub struct GrossOutflow {
    protocol: Protocol,
    maturity: Maturity,
    holders: BTreeSet<Address>,
    /// Thousandths.
    hard_factor: u64,
    watches: BTreeMap<Asset, Watch>,
}

impl GrossOutflow {
    /// Resolves and checks a configuration.
    pub fn new(protocol: &Protocol, config: &GrossOutflowConfig) -> Result<Self, ConfigError> {
        let resolver = Resolver { protocol, meta: &META };
        let maturity = resolver.maturity(config.maturity)?;
        let holders =
            resolver.contracts("contracts", &config.contracts, |contract| contract.holds_value)?;
        let hard_factor = config.hard_factor.unwrap_or(Decimal::whole(2)).units(3);
        let hard_factor = hard_factor
            .and_then(|thousandths| u64::try_from(thousandths).ok())
            .filter(|thousandths| (1_000..=HARD_FACTOR_MAX * 1_000).contains(thousandths))
            .ok_or_else(|| {
                resolver.error(
                    "hardFactor",
                    "it is outside 1 to 100 or has more than three places",
                    "leave it out for 2",
                )
            })?;
        if config.limits.is_empty() || config.limits.len() > LIMITS_MAX {
            return Err(resolver.error(
                "limits",
                format!("there are {}", config.limits.len()),
                format!("write 1 to {LIMITS_MAX}, each with asset, windowSeconds and maxAmount or maxShare"),
            ));
        }
        let mut watches: BTreeMap<Asset, Watch> = BTreeMap::new();
        for (index, limit) in config.limits.iter().enumerate() {
            let (spec, limit) = Limit::new(&resolver, index, limit)?;
            let watch = watches.entry(spec.asset).or_insert_with(|| Watch {
                spec: spec.clone(),
                limits: Vec::new(),
                ledger: Ledger::new(0),
                balances: BTreeMap::new(),
            });
            if limit.share.is_some() {
                watch.balances = holders.iter().map(|h| (*h, Balance::default())).collect();
            }
            watch.limits.push(limit);
            let longest = watch.limits.iter().map(|limit| limit.window_seconds).max();
            watch.ledger = Ledger::new(longest.unwrap_or_default());
        }
        Ok(Self { protocol: protocol.clone(), maturity, holders, hard_factor, watches })
    }

    fn judge(&self, watch: &Watch, outflow: &Outflow, evidence: &Evidence, out: &mut Findings) {
        let (total, now) = (outflow.total(), evidence.timestamp);
        let broken: Vec<Broken> =
            watch.limits.iter().flat_map(|limit| watch.broken(limit, total, now)).collect();
        let Some(worst) = broken.iter().map(|broken| broken.ratio).max() else { return };
        if !broken.iter().any(|broken| broken.is_news) {
            return;
        }
        let contract = outflow.largest_holder();
        // Not the windows but the fact is the key: another set of limits finds the same outflow.
        let detail = match outflow.asset {
            Asset::Native => Vec::new(),
            Asset::Token(address) => address.to_vec(),
        };
        let mut finding = draft(&META, self.maturity, &self.protocol, evidence, contract, &detail);
        finding.asset = Some(outflow.asset);
        finding.amount = Some(total);
        finding.loss = watch.spec.value(total);
        finding.confidence = confidence(worst, self.hard_factor);
        for (holder, amount) in &outflow.by_holder {
            let line =
                format!("{} lost {}", self.protocol.name_of(*holder), watch.spec.show(*amount));
            finding.evidence.push(line);
        }
        finding.evidence.extend(broken.iter().map(|broken| broken.line.clone()));
        finding.sentence = format!(
            "{} ({} USD) left {} in a transaction that breaks {} of {} limits on {}, one by {}.{:02} times",
            watch.spec.show(total),
            finding.loss,
            self.protocol.name_of(contract),
            broken.len(),
            watch.limits.len(),
            watch.spec.symbol,
            worst / 1_000,
            worst % 1_000 / 10,
        );
        out.push(finding);
    }
}

/// `1 + 99 × (r² − 1) / (h² − 1)` for a breach by the factor `r` below the hard factor `h`, a proof from there on.
fn confidence(ratio: u64, hard_factor: u64) -> Confidence {
    if ratio >= hard_factor {
        return Confidence::PROOF;
    }
    // Thousandths up to a hundred thousand: their squares are exact.
    let square = |thousandths: u64| (thousandths * thousandths) as f64;
    let (one, breach, hard) = (square(1_000), square(ratio), square(hard_factor));
    Confidence::evidence(1.0 + EVIDENCE_RANGE * (breach - one) / (hard - one))
}

impl Detector for GrossOutflow {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn probes(&self) -> Vec<Probe> {
        let probe =
            |asset: &Asset, holder: &Address| Probe::Balance { asset: *asset, holder: *holder };
        self.watches
            .iter()
            .flat_map(|(asset, watch)| watch.balances.keys().map(|holder| probe(asset, holder)))
            .collect()
    }

    fn inspect(&mut self, evidence: &Evidence, out: &mut Findings) {
        for flow in &evidence.flows {
            let watch = self.watches.get_mut(&flow.asset);
            if let Some(balance) = watch.and_then(|watch| watch.balances.get_mut(&flow.holder)) {
                let amount = flow.delta.unsigned_abs();
                let (gained, lost) = if flow.delta.is_negative() {
                    (U256::ZERO, amount)
                } else {
                    (amount, U256::ZERO)
                };
                balance.flow(evidence.block, gained, lost);
            }
        }
        for outflow in outflows(&self.protocol, &self.holders, evidence) {
            let Some(watch) = self.watches.get_mut(&outflow.asset) else { continue };
            watch.ledger.add(evidence.block, evidence.timestamp, outflow.total());
            if let Some(watch) = self.watches.get(&outflow.asset) {
                self.judge(watch, &outflow, evidence, out);
            }
        }
    }

    fn read(&mut self, block: BlockId, readings: &[Reading], _out: &mut Findings) {
        for reading in readings {
            let Probe::Balance { asset, holder } = reading.probe else { continue };
            // A reading that failed is reported by the engine; what was known is carried on by the flows.
            let Ok(value) = reading.value else { continue };
            let watch = self.watches.get_mut(&asset);
            if let Some(balance) = watch.and_then(|watch| watch.balances.get_mut(&holder)) {
                balance.read(block, value);
            }
        }
    }

    fn retract(&mut self, blocks: &[BlockId]) {
        for watch in self.watches.values_mut() {
            watch.ledger.retract(blocks);
            watch.balances.values_mut().for_each(|balance| balance.retract(blocks));
        }
    }
}

#[cfg(test)]
mod tests;
