//! Two numbers that must stand in a relation do not.
//!
//! # What it watches
//!
//! `left relation right × scale`, give or take a tolerance, where each side is a view function's answer, a storage slot,
//! a balance or a constant: debt is covered, nothing is released that was not proven, shares are backed. Both sides are
//! read at the end of a block, and again whenever something they depend on has changed.
//!
//! A breach is raised once. While it stays, it is raised again when the shortfall has grown by more than 1 % since it was
//! last raised, and after it has healed. Each finding counts as lost what was not counted before (all of it at first), so
//! that the findings of a case add up to the shortfall. Of the transactions of the block that changed something the invariant
//! depends on, it is laid to the one in which the protocol lost most of the `asset`; where it lost none in any, to the only
//! one there is, and else to the block alone. Everything raised in a block is forgotten when the block is: after a
//! re-organisation the same readings give the same findings.
//!
//! With an `asset`, the shortfall is an amount of it and the loss goes on at its rate. Without, the loss is unknown and all
//! that the protocol holds counts as at risk.
//!
//! # Why it matters
//!
//! It is the one statement that no attack can get around, because it is about the result: whoever takes what is not
//! theirs leaves someone's claim uncovered. It has no statistical false alarms, and may act.
//!
//! # What it misses
//!
//! What is broken and mended within one block. Losses that keep the books in order (a stolen key pays out to itself, a
//! wrong price moves both sides alike). While a side cannot be read nothing is known, and the engine says so; this
//! detector neither takes it for healthy nor for broken. A breach older than 256 blocks with findings is not forgotten by
//! a re-organisation that deep, only measured anew.
//!
//! # False alarms
//!
//! An invariant that never was one: rounding (give it a tolerance), interest that accrues on one side before the other,
//! tokens that change balances by themselves. Play it over the protocol's history first. The transaction named may be an
//! honest one, where the attack took nothing of the asset: it says where to look, and accuses nobody.
//!
//! # References
//!
//! - Methods, §1.5: deterministic invariants come first
//! - `Trace2Inv`, FSE 2024, arXiv 2404.14580; Certora and Echidna use the same statements before deployment

use std::collections::BTreeSet;

use alloy_primitives::{Address, B256, U256, U512};
use portcullis_types::{
    chain::BlockId,
    evidence::Evidence,
    finding::{Confidence, Finding, Maturity, Outlook},
    ids::FindingKey,
    money::{Asset, Usd},
    probe::{Probe, Reading},
    protocol::{AssetSpec, Protocol},
};

use crate::{
    build::{ConfigError, Resolver},
    config::{InvariantConfig, Relation, Scale},
    detector::{Detector, Findings, Meta, place},
    history::Timeline,
};

pub(crate) mod side;

use side::Side;

/// Description of this detector.
pub static META: Meta = Meta {
    id: "invariant",
    title: "Two numbers that must stand in a relation do not",
    maturity: Maturity::Stable,
};

/// Most contracts whose storage an answer may depend on that are remembered, to lay a breach to a transaction.
pub const DEPENDENCIES_MAX: usize = 1_024;

/// A standing breach is raised again when its shortfall has grown by more than one part in this.
const GROWTH_PARTS: u64 = 100;

/// See the module.
#[derive(Debug, Clone)]
pub struct Invariant {
    protocol: Protocol,
    maturity: Maturity,
    name: String,
    relation: Relation,
    scale: Scale,
    tolerance: U512,
    asset: Option<AssetSpec>,
    contract: Address,
    left: Side,
    right: Side,
    depends_on: BTreeSet<Address>,
    /// Of each block, the transaction that a breach would be laid to.
    suspects: Timeline<Suspect>,
    /// The shortfall that was last raised; 0 once it has healed.
    raised: Timeline<U256>,
}

/// A transaction that touched what an invariant depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Suspect {
    hash: B256,
    sender: Address,
    /// What the protocol lost of the asset in it, smallest units.
    took: U256,
    /// Whether others of its block touched it too.
    among_others: bool,
}

impl Suspect {
    /// Whether it can be said that it was this one.
    fn stands_out(&self) -> bool {
        !self.among_others || !self.took.is_zero()
    }
}

impl Invariant {
    /// Resolves and checks a configuration.
    pub fn new(protocol: &Protocol, config: &InvariantConfig) -> Result<Self, ConfigError> {
        let resolver = Resolver { protocol, meta: &META };
        let left = Side::new(&resolver, "left", &config.left)?;
        let right = Side::new(&resolver, "right", &config.right)?;
        let contract = left.contract().or_else(|| right.contract()).ok_or_else(|| {
            resolver.error(
                "right",
                "both sides are constants",
                "make one of them a call, a slot or a balance",
            )
        })?;
        let scale = config.scale.unwrap_or(Scale { numerator: 1, denominator: 1 });
        if scale.denominator == 0 {
            return Err(resolver.error(
                "scale.denominator",
                "it is 0",
                "leave it out, or write 1 or more",
            ));
        }
        if config.name.is_empty() {
            return Err(resolver.error(
                "name",
                "it is empty",
                "name what must hold, for instance `solvent`",
            ));
        }
        let asset = match &config.asset {
            Some(symbol) => Some(resolver.asset("asset", symbol)?.clone()),
            None => None,
        };
        let mut depends_on = BTreeSet::new();
        for probe in [left.probe(), right.probe()].into_iter().flatten() {
            match probe {
                Probe::Call { to: address, .. } | Probe::Storage { address, .. } => {
                    depends_on.insert(*address);
                }
                Probe::Balance { asset: Asset::Token(token), .. } => {
                    depends_on.insert(*token);
                }
                Probe::Balance { asset: Asset::Native, .. } => {}
            }
        }
        Ok(Self {
            protocol: protocol.clone(),
            maturity: resolver.maturity(config.maturity)?,
            name: config.name.clone(),
            relation: config.relation,
            scale,
            tolerance: U512::from(config.tolerance.unwrap_or_default().0),
            asset,
            contract,
            left,
            right,
            depends_on,
            suspects: Timeline::default(),
            raised: Timeline::default(),
        })
    }

    /// By how much it is broken beyond nothing, in the unit of the left-hand side; 0 within the tolerance. None if a side
    /// is unknown.
    fn shortfall(&self) -> Option<U256> {
        let (left, right) = (U512::from(self.left.value()?), U512::from(self.right.value()?));
        let (numerator, denominator) =
            (U512::from(self.scale.numerator), U512::from(self.scale.denominator));
        // 256 and 64 bits fit into 512 without overflow; both sides are kept multiplied by the denominator.
        let (left, right) = (left * denominator, right * numerator);
        let beyond = match self.relation {
            Relation::AtLeast => right.saturating_sub(left),
            Relation::AtMost => left.saturating_sub(right),
            Relation::Equal => left.abs_diff(right),
        };
        if beyond <= self.tolerance * denominator {
            return Some(U256::ZERO);
        }
        Some(U256::saturating_from(beyond.div_ceil(denominator)))
    }

    /// Compares the shortfall with what was raised, and raises what is new.
    fn judge(&mut self, block: BlockId, out: &mut Findings) {
        let Some(shortfall) = self.shortfall() else { return };
        let before = self.raised.latest().copied().unwrap_or_default();
        if shortfall.is_zero() {
            if !before.is_zero() {
                self.raised.set(block, U256::ZERO);
            }
            return;
        }
        let grown = shortfall.saturating_sub(before);
        let enough = U512::from(grown) * U512::from(GROWTH_PARTS) > U512::from(before);
        if !grown.is_zero() && enough {
            self.raised.set(block, shortfall);
            out.push(self.finding(block, shortfall, grown));
        }
    }

    fn finding(&mut self, block: BlockId, shortfall: U256, grown: U256) -> Finding {
        let suspect = self.suspects.at(block).copied().filter(Suspect::stands_out);
        let transaction = suspect.map(|suspect| suspect.hash);
        let (relation, chain) = (symbol(self.relation), self.protocol.chain);
        let show = |amount: U256| {
            self.asset.as_ref().map_or_else(|| amount.to_string(), |spec| spec.show(amount))
        };
        let scale = match self.scale {
            Scale { numerator: 1, denominator: 1 } => String::new(),
            Scale { numerator, denominator } => format!(" × {numerator}/{denominator}"),
        };
        let (left, right) = (self.left.text(), self.right.text());
        let known = |side: &Side| side.value().map_or("unknown".to_owned(), |v| v.to_string());
        let evidence = vec![
            format!("left: {left} = {}", known(&self.left)),
            format!("right: {right} = {}{scale}", known(&self.right)),
            format!("short by {} in all, {} of it new", show(shortfall), show(grown)),
        ];
        Finding {
            key: FindingKey::derive(
                META.id,
                &self.protocol.name,
                chain,
                place(transaction, block),
                self.contract,
                self.name.as_bytes(),
            ),
            detector: META.id.to_owned(),
            maturity: self.maturity,
            protocol: self.protocol.name.clone(),
            chain,
            block,
            transaction,
            actor: suspect.map(|suspect| suspect.sender),
            contract: self.contract,
            asset: self.asset.as_ref().map(|spec| spec.asset),
            amount: self.asset.as_ref().map(|_| grown),
            loss: self.asset.as_ref().map_or(Usd::ZERO, |spec| spec.value(grown)),
            // How much a breach costs that is not counted in an asset cannot be said; so nothing is safe.
            outlook: if self.asset.is_some() { Outlook::Continues } else { Outlook::AllAtRisk },
            confidence: Confidence::PROOF,
            evidence,
            sentence: format!(
                "{} is broken: {left} {relation} {right}{scale} does not hold, by {}",
                self.name,
                show(shortfall)
            ),
        }
    }

    /// What the protocol's contracts lost of the asset in a transaction.
    fn lost_in(&self, evidence: &Evidence) -> U256 {
        let Some(asset) = self.asset.as_ref().map(|spec| spec.asset) else { return U256::ZERO };
        let ours = |holder| self.protocol.contracts.iter().any(|one| one.address == holder);
        let lost = evidence
            .flows
            .iter()
            .filter(|flow| flow.asset == asset && flow.delta.is_negative() && ours(flow.holder));
        lost.fold(U256::ZERO, |sum, flow| sum.saturating_add(flow.delta.unsigned_abs()))
    }

    /// Whether a transaction changed something that an answer depends on.
    fn touched_by(&self, evidence: &Evidence) -> bool {
        let stored =
            evidence.storage.iter().any(|change| self.depends_on.contains(&change.address));
        let native = |side: &Side| match side.probe() {
            Some(Probe::Balance { asset: Asset::Native, holder }) => {
                let mine = |flow: &portcullis_types::evidence::Flow| {
                    flow.asset == Asset::Native && flow.holder == *holder
                };
                evidence.flows.iter().any(mine)
            }
            _ => false,
        };
        stored || native(&self.left) || native(&self.right)
    }
}

fn symbol(relation: Relation) -> &'static str {
    match relation {
        Relation::AtLeast => ">=",
        Relation::AtMost => "<=",
        Relation::Equal => "==",
    }
}

impl Detector for Invariant {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn probes(&self) -> Vec<Probe> {
        [self.left.probe(), self.right.probe()].into_iter().flatten().cloned().collect()
    }

    fn inspect(&mut self, evidence: &Evidence, _out: &mut Findings) {
        if !self.touched_by(evidence) {
            return;
        }
        let took = self.lost_in(evidence);
        let (hash, sender) = (evidence.hash, evidence.from);
        match self.suspects.at(evidence.block) {
            Some(known) if known.hash == hash => {}
            Some(known) if known.took > took => known.among_others = true,
            Some(known) => *known = Suspect { hash, sender, took, among_others: true },
            None => {
                let first = Suspect { hash, sender, took, among_others: false };
                self.suspects.set(evidence.block, first);
            }
        }
    }

    fn read(&mut self, block: BlockId, readings: &[Reading], out: &mut Findings) {
        let mut mine = false;
        for reading in readings {
            let taken = self.left.take(block, reading) | self.right.take(block, reading);
            if taken {
                mine = true;
                let room = DEPENDENCIES_MAX.saturating_sub(self.depends_on.len());
                let addresses = reading.depends_on.iter().map(|(address, _)| *address);
                self.depends_on.extend(addresses.take(room));
            }
        }
        if mine {
            self.judge(block, out);
        }
    }

    fn retract(&mut self, blocks: &[BlockId]) {
        self.left.retract(blocks);
        self.right.retract(blocks);
        self.suspects.retract(blocks);
        self.raised.retract(blocks);
    }
}

#[cfg(test)]
mod tests;
