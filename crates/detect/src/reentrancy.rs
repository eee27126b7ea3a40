//! A contract is entered again before it has written what the first entry owes.
//!
//! # What it watches
//!
//! *Into one contract*: calls that came back into a protected contract, with the right to write, while an earlier call on
//! its storage had not ended, and after which that earlier call wrote its storage: what it wrote may rest on what it had
//! read before. It does not matter by which function; where it was another one the finding says which. Calls back through
//! nobody but the protocol's own contracts and accounts in `allowThrough` are left out, and so are those of frames that had
//! no effect.
//!
//! *Into a group*: with `group`, some contracts count as one behind one lock. A call that may write into one of them while
//! another runs, by way of somebody outside, is re-entry if the one that was running changed its storage in the
//! transaction.
//!
//! *Into a view*: with `reads`, a contract of the protocol that reads a contract of others (a pool that prices its
//! collateral) while that contract is running, by way of a stranger; with `consumers`, one of those who reads the protocol
//! while it is running. What is below a function in `callbacks` is left out of groups and views.
//!
//! One finding per transaction and contract, group or source. It counts as lost what left the protocol in the transaction
//! and names the largest part; findings about groups and views
//! do not count again what another one of the transaction has counted.
//!
//! # Why it matters
//!
//! From The DAO (2016) to the Curve pools (2023) the same order of reading, calling and writing emptied contracts whose
//! authors were sure that theirs was the right one. Cream and Fei fell to calls into a market while another one of theirs
//! ran, `dForce`, Sturdy and Conic to a pool's price read while the pool was half written.
//!
//! # What it misses
//!
//! Contracts outside `group`, pools outside `reads`, and consumers outside `consumers`. For groups the order of writes is
//! not known: the Evidence holds it for one contract only, so that they count little. An attack in which nothing is written
//! afterwards: it is then the inner call's own doing, and `invariant` or `gross-outflow` must see it.
//!
//! # False alarms
//!
//! Flash loans in whose course the borrower deposits, ERC-777 and ERC-721 hooks that come back for a harmless purpose;
//! a guard's own slot, set back at the end, is a write like any other. Therefore this is no proof. The e-values are
//! assigned: Sereum, which looks for the same order of writes, raised 0.06 % false alarms, one in 1,666; 1,000 stays
//! below that. Where no value left the protocol a tenth of it is kept, and where the order of writes could not be seen,
//! as in a group, a hundredth. A half-written view that was read counts 1,000 where value left the reader (or any
//! consumer), and a tenth else. It is not stable: it has not been tried on enough honest use.
//!
//! # References
//!
//! - Sereum, NDSS 2019, arXiv 1812.05934
//! - Clue, arXiv 2305.14046: read-only re-entrancy in execution property graphs
//! - SWC-107; OWASP Smart Contract Top 10, SC05:2025 Reentrancy
//! - EIP-1153 and OpenZeppelin `ReentrancyGuard`: the cure

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256, Selector};
use portcullis_types::{
    chain::BlockId,
    evidence::{Evidence, Reentry, WriteAfter},
    finding::{Confidence, Finding, Maturity},
    money::Usd,
    protocol::Protocol,
};

use crate::{
    build::{ConfigError, Resolver},
    config::ReentrancyConfig,
    detector::{Detector, Findings, Meta, draft},
    outflow::lost,
};

mod nested;

pub use nested::NESTED_MAX;

use nested::{Nested, Way, other_functions};

/// Description of this detector.
pub static META: Meta = Meta {
    id: "reentrancy",
    title: "A contract is entered again before it has written what the first entry owes",
    maturity: Maturity::Incubating,
};

/// E-value where storage was written afterwards and value left the protocol.
pub const SEEN_E_VALUE: f64 = 1_000.0;

/// Divides it where no value left.
const WITHOUT_LOSS: f64 = 10.0;

/// Divides it where the order of writes could not be seen.
const ORDER_UNKNOWN: f64 = 100.0;

/// Most slots and most accounts that a finding lists.
const LISTED_MAX: usize = 8;

/// Most findings of one transaction about groups and views: 256 consumers and as many contracts could make tens of
/// thousands.
const NESTED_FINDINGS_MAX: usize = 64;

/// See the module.
#[derive(Debug, Clone)]
pub struct Reentrancy {
    protocol: Protocol,
    maturity: Maturity,
    protected: BTreeSet<Address>,
    allowed: BTreeSet<Address>,
    nested: Nested,
}

impl Reentrancy {
    /// Resolves and checks a configuration.
    pub fn new(protocol: &Protocol, config: &ReentrancyConfig) -> Result<Self, ConfigError> {
        let resolver = Resolver { protocol, meta: &META };
        let mut allowed = resolver.accounts("allowThrough", &config.allow_through)?;
        allowed.extend(protocol.contracts.iter().map(|contract| contract.address));
        Ok(Self {
            protocol: protocol.clone(),
            maturity: resolver.maturity(config.maturity)?,
            protected: resolver.contracts("contracts", &config.contracts, |_| true)?,
            allowed,
            nested: Nested::new(&resolver, config)?,
        })
    }

    fn is_suspect(&self, reentry: &Reentry, evidence: &Evidence) -> bool {
        let inner = evidence.frames.get(reentry.inner as usize);
        self.protected.contains(&reentry.contract)
            && reentry.write_after != WriteAfter::Nothing
            && reentry.through.iter().any(|account| !self.allowed.contains(account))
            && inner.is_none_or(|frame| frame.effective)
    }

    fn finding(&self, contract: Address, found: &[&Reentry], evidence: &Evidence) -> Finding {
        let mut finding = draft(&META, self.maturity, &self.protocol, evidence, contract, b"");
        let mut slots: BTreeSet<B256> = BTreeSet::new();
        let mut through: BTreeSet<Address> = BTreeSet::new();
        for reentry in found {
            through
                .extend(reentry.through.iter().filter(|account| !self.allowed.contains(*account)));
            if let WriteAfter::Slots(written) = &reentry.write_after {
                slots.extend(written);
            }
        }
        let name = self.protocol.name_of(contract);
        let mut e_value = SEEN_E_VALUE;
        finding.sentence = format!("{name} was entered again {} times from outside", found.len());
        if slots.is_empty() {
            e_value /= ORDER_UNKNOWN;
            finding.sentence.push_str("; whether it wrote afterwards could not be seen");
        } else {
            let count = slots.len();
            finding.sentence += &format!(" and wrote {count} slots only afterwards");
        }
        let functions = other_functions(evidence, found);
        if !functions.is_empty() {
            finding.sentence.push_str("; by another function than the one that was running");
        }
        for ((outer, inner), count) in functions.iter().take(LISTED_MAX) {
            let (outer, inner) = (Selector::from(*outer), Selector::from(*inner));
            finding.evidence.push(format!("{inner} entered while {outer} ran, {count} times"));
        }
        let shown = through.iter().take(LISTED_MAX);
        finding.evidence.extend(shown.map(|account| format!("entered again through {account}")));
        let shown = slots.iter().take(LISTED_MAX);
        finding.evidence.extend(shown.map(|slot| format!("slot {slot} was written afterwards")));
        if !add_loss(&mut finding, &self.protocol, evidence) {
            e_value /= WITHOUT_LOSS;
        }
        finding.confidence = Confidence::evidence(e_value);
        finding
    }

    /// A finding about a group or a view; none where what was running changed nothing.
    fn nested_finding(&self, way: &Way, evidence: &Evidence) -> Option<Finding> {
        let (contract, detail) = match way {
            Way::Group { outer, inner } => (*outer, [b"group".as_slice(), inner.as_slice()]),
            Way::Read { source, reader } => (*reader, [b"read".as_slice(), source.as_slice()]),
            Way::View { viewed, consumer, .. } => {
                (*viewed, [b"view".as_slice(), consumer.as_slice()])
            }
        };
        let detail = detail.concat();
        let mut finding = draft(&META, self.maturity, &self.protocol, evidence, contract, &detail);
        let name = |address: &Address| self.protocol.name_of(*address);
        let mut e_value = SEEN_E_VALUE;
        match way {
            Way::Group { outer, inner } => {
                let changed = evidence.storage.iter().any(|change| change.address == *outer);
                if evidence.known.state && !changed {
                    return None;
                }
                e_value /= ORDER_UNKNOWN;
                finding.sentence =
                    format!("{} was entered from outside while {} ran", name(inner), name(outer));
            }
            Way::Read { source, reader } => {
                let (reader, source) = (name(reader), name(source));
                finding.sentence = format!("{reader} read {source} while that was running");
            }
            Way::View { outer, viewed, consumer } => {
                let (viewed, outer) = (name(viewed), name(outer));
                finding.sentence = format!("{consumer} read {viewed} while {outer} was running");
            }
        }
        let lost = add_loss(&mut finding, &self.protocol, evidence);
        let is_consumer_poorer = |consumer: &Address| {
            let mut flows = evidence.flows.iter();
            flows.any(|flow| flow.holder == *consumer && flow.delta.is_negative())
        };
        let counts = match way {
            Way::View { consumer, .. } => lost || is_consumer_poorer(consumer),
            _ => lost,
        };
        if !counts {
            e_value /= WITHOUT_LOSS;
        }
        finding.confidence = Confidence::evidence(e_value);
        Some(finding)
    }
}

/// Adds what left the protocol; whether anything did.
fn add_loss(finding: &mut Finding, protocol: &Protocol, evidence: &Evidence) -> bool {
    let Some(lost) = lost(protocol, evidence) else { return false };
    let what = lost.spec.show(lost.amount);
    finding.sentence += &format!("; {what} left the protocol");
    (finding.asset, finding.amount) = (Some(lost.spec.asset), Some(lost.amount));
    finding.loss = lost.value;
    true
}

impl Detector for Reentrancy {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn inspect(&mut self, evidence: &Evidence, out: &mut Findings) {
        if !evidence.success {
            return;
        }
        let mut by_contract: BTreeMap<Address, Vec<&Reentry>> = BTreeMap::new();
        for reentry in evidence.reentries.iter().filter(|one| self.is_suspect(one, evidence)) {
            by_contract.entry(reentry.contract).or_default().push(reentry);
        }
        let mut is_counted = !by_contract.is_empty();
        for (contract, found) in by_contract {
            out.push(self.finding(contract, &found, evidence));
        }
        let ways = self.nested.find(&self.protected, &self.allowed, evidence);
        let findings = ways.iter().filter_map(|way| self.nested_finding(way, evidence));
        for mut finding in findings.take(NESTED_FINDINGS_MAX) {
            if is_counted {
                finding.loss = Usd::ZERO;
            }
            is_counted = true;
            out.push(finding);
        }
    }

    /// Nothing: each transaction is judged by itself.
    fn retract(&mut self, _blocks: &[BlockId]) {}
}

#[cfg(test)]
mod tests;
