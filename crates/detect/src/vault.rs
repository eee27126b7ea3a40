//! The price of a vault's shares jumps, or is made to.
//!
//! # What it watches
//!
//! A tokenised vault (ERC-4626, a Compound market, anything with assets, shares and a ratio of the two). Three things:
//!
//! - *Donations*, within a transaction: what the vault's asset balance gained net and no deposit, mint or repayment
//!   explains, when it raises the price of a share by `maxJumpBps` or more. When at some moment of the transaction the
//!   shares in existence were at most `tinySupply`, it is the opening of an inflation attack: the donor owns the price.
//! - *Deposits for nothing*: assets taken in for which the vault logged no shares at all.
//! - *Jumps*, between readings: the price of a share at the end of a block is `maxJumpBps` above or below what it was.
//!
//! # Why it matters
//!
//! A share whose price one account sets is a loan against nothing: Hundred, Onyx, Sonne and every fork of Compound with an
//! empty market, and each ERC-4626 vault without virtual shares, whose first depositor takes the second one's money.
//!
//! # What it misses
//!
//! Donations and jumps below the bound; a price that is driven in steps below it over many blocks. What comes in from the
//! protocol's own contracts and from `donors`. Donations worth less than 10 dollars, and those made before the totals were
//! ever read. A vault that logs neither ERC-4626's nor Compound's events: a donation is seen only in transactions
//! that mint no shares. Where logs are unknown the same holds.
//!
//! # False alarms
//!
//! Rewards and yield sent straight to the vault: name the senders in `donors`, and let `maxJumpBps` be above a harvest. A
//! donation among many shares, and a jump upwards, count `20 × jump / bound`, at most 1,000; a fall counts five times as
//! much, since shares of a vault do not become worth less but by a loss. A donation among a tiny supply counts 10,000 to 1
//! and a deposit for nothing 100,000 to 1: nobody does either in earnest. The figures are assigned, and the detector is not
//! stable.
//!
//! # References
//!
//! - ERC-4626, security considerations; OpenZeppelin `ERC4626`: virtual shares against inflation
//! - OWASP Smart Contract Top 10, SC07:2025 (rounding and donation)
//! - Hundred Finance, 2023-04-15, and Sonne Finance, 2024-05-14: empty markets of Compound forks

use std::collections::BTreeSet;

use alloy_primitives::{Address, U256};
use portcullis_types::{
    chain::BlockId,
    evidence::Evidence,
    finding::{Confidence, Finding, Maturity, Outlook},
    ids::FindingKey,
    money::{Asset, Usd},
    probe::{Probe, Reading},
    protocol::{AssetSpec, Protocol},
};
use serde::{Deserialize, Serialize};

use crate::{
    build::{ConfigError, Resolver},
    config::Term,
    detector::{Detector, Findings, Meta, draft, place},
    number::Integer,
    outflow::lost,
    ratio::{BPS, bps_of, percent},
    supply::total_supply_of,
};

mod books;
mod price;

use books::{Books, Moves};
use price::{Jump, SharePrice};

/// Description of this detector.
pub static META: Meta = Meta {
    id: "vault",
    title: "The price of a vault's shares jumps, or is made to",
    maturity: Maturity::Incubating,
};

/// E-value of a donation among a tiny supply.
pub const INFLATION_E_VALUE: f64 = 10_000.0;

/// E-value of a deposit for which no shares were given.
pub const FOR_NOTHING_E_VALUE: f64 = 100_000.0;

/// E-value of a jump as large as the bound; a larger one counts in proportion.
pub const JUMP_E_VALUE: f64 = 20.0;

/// Multiplies it for a fall, and for a donation in a transaction in which the protocol lost something.
const WITH_LOSS: f64 = 5.0;

const JUMP_MAX: f64 = 1_000.0;

/// `maxJumpBps` where none is written: 1 %.
const JUMP_BPS: u64 = 100;

/// `tinySupply` where none is written, smallest units: what the classical attack leaves, and what Uniswap V2 burns.
const TINY_SUPPLY: u64 = 1_000;

/// Smallest donation that is looked at, dollars: dust reaches every contract, and an empty one has no price to protect.
const DUST: Usd = Usd::dollars(10);

/// `detector: vault`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VaultConfig {
    /// Lowers the detector's own maturity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maturity: Option<Maturity>,
    /// Name of the vault.
    pub vault: String,
    /// Symbol of the asset that it takes.
    pub asset: String,
    /// Its share token: an address or the name of a contract. Default: the vault itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<String>,
    /// Where its assets are read. Default: `totalAssets()`, unless `price` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_assets: Option<Term>,
    /// Where its shares are read. Default: `totalSupply()`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_supply: Option<Term>,
    /// The price of a share where the vault says it itself: `exchangeRateStored()`, `pricePerShare()`. With it its assets
    /// are its balance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Term>,
    /// Most that the price of a share may change, basis points, above 0. Default 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_jump_bps: Option<u64>,
    /// Shares up to which a supply is tiny, smallest units. Default 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tiny_supply: Option<Integer>,
    /// Accounts that send it yield, besides the protocol's own contracts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub donors: Vec<String>,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Vault {
    protocol: Protocol,
    maturity: Maturity,
    contract: Address,
    spec: AssetSpec,
    max_bps: u64,
    tiny: U256,
    books: Books,
    price: SharePrice,
}

impl Vault {
    /// Resolves and checks a configuration.
    pub fn new(protocol: &Protocol, config: &VaultConfig) -> Result<Self, ConfigError> {
        let resolver = Resolver { protocol, meta: &META };
        let contract = resolver.contract("vault", &config.vault)?;
        let spec = resolver.asset("asset", &config.asset)?.clone();
        let share = match &config.share {
            Some(share) => resolver.account("share", share)?,
            None => contract.address,
        };
        let max_bps = config.max_jump_bps.unwrap_or(JUMP_BPS);
        if !(1..=100 * BPS).contains(&max_bps) {
            let remedy = "write basis points: 100 is 1 %, at most 1000000";
            return Err(resolver.error("maxJumpBps", "it is no bound", remedy));
        }
        if config.price.is_some() && config.total_assets.is_some() {
            let remedy = "leave `totalAssets` out: a vault that says its price needs none";
            return Err(resolver.error("price", "both are given", remedy));
        }
        let mut donors: BTreeSet<Address> = resolver.accounts("donors", &config.donors)?;
        donors.extend(protocol.contracts.iter().map(|contract| contract.address));
        let supply = match &config.total_supply {
            Some(term) => term.clone(),
            None => total_supply_of(&contract.name),
        };
        Ok(Self {
            protocol: protocol.clone(),
            maturity: resolver.maturity(config.maturity)?,
            contract: contract.address,
            max_bps,
            tiny: config.tiny_supply.map_or(U256::from(TINY_SUPPLY), |tiny| tiny.0),
            books: Books::new(contract.address, spec.asset, Asset::Token(share), donors),
            price: SharePrice::new(&resolver, contract, &spec, config, &supply)?,
            spec,
        })
    }

    /// A donation that moved the price.
    fn donation(&self, moves: &Moves, evidence: &Evidence) -> Option<Finding> {
        let donated = moves.donated?;
        let least = self.price.supply().map(|supply| moves.least_supply(supply));
        let is_tiny = least.is_some_and(|least| least <= self.tiny);
        // What was there for those who do not donate: assets before, and what was paid in for shares.
        let bps = match self.price.assets() {
            Some(assets) => bps_of(donated, assets.saturating_add(moves.paid_in)),
            None if is_tiny => self.max_bps,
            None => return None,
        };
        if bps < self.max_bps || self.spec.value(donated) < DUST {
            return None;
        }
        let mut finding =
            draft(&META, self.maturity, &self.protocol, evidence, self.contract, b"donation");
        let shown = self.spec.show(donated);
        let name = self.protocol.name_of(self.contract);
        finding.evidence.push(format!("{shown} came without a deposit"));
        finding.evidence.push(format!("a share became worth {} more", percent(bps)));
        (finding.asset, finding.amount) = (Some(self.spec.asset), Some(donated));
        finding.sentence = format!("{shown} were given to {name} without a deposit");
        let lost = lost(&self.protocol, evidence);
        let e_value = if is_tiny {
            let least = least.unwrap_or_default();
            finding.evidence.push(format!("as few as {least} smallest units of a share existed"));
            finding.sentence += " while it had hardly any shares: whoever did it sets their price";
            // What the price of a share lets its owner borrow is all that the protocol lends.
            finding.outlook = Outlook::AllAtRisk;
            INFLATION_E_VALUE
        } else {
            finding.sentence += &format!(", and a share became worth {} more", percent(bps));
            let loss_factor = if lost.is_some() { WITH_LOSS } else { 1.0 };
            (self.jump(bps) * loss_factor).min(JUMP_MAX)
        };
        if let Some(lost) = lost {
            let shown = lost.spec.show(lost.amount);
            finding.sentence += &format!("; {shown} left the protocol");
            finding.loss = lost.value;
        }
        finding.confidence = Confidence::evidence(e_value);
        Some(finding)
    }

    fn for_nothing(&self, moves: &Moves, evidence: &Evidence) -> Option<Finding> {
        let paid = moves.for_nothing?;
        let mut finding =
            draft(&META, self.maturity, &self.protocol, evidence, self.contract, b"for nothing");
        (finding.asset, finding.amount) = (Some(self.spec.asset), Some(paid));
        finding.loss = self.spec.value(paid);
        finding.confidence = Confidence::evidence(FOR_NOTHING_E_VALUE);
        finding.evidence.push(format!("{} deposited, no shares given", self.spec.show(paid)));
        finding.sentence = format!(
            "{} took a deposit of {} and gave no shares for it",
            self.protocol.name_of(self.contract),
            self.spec.show(paid)
        );
        Some(finding)
    }

    fn jump(&self, bps: u64) -> f64 {
        (JUMP_E_VALUE * bps as f64 / self.max_bps as f64).min(JUMP_MAX)
    }

    fn jumped(&self, block: BlockId, jump: &Jump) -> Finding {
        let name = self.protocol.name_of(self.contract);
        let (way, factor) = if jump.fell { ("fell", WITH_LOSS) } else { ("rose", 1.0) };
        let loss = jump.missing.map_or(Usd::ZERO, |missing| self.spec.value(missing));
        Finding {
            key: FindingKey::derive(
                META.id,
                &self.protocol.name,
                self.protocol.chain,
                place(jump.suspect.map(|(hash, _)| hash), block),
                self.contract,
                b"jump",
            ),
            detector: META.id.to_owned(),
            maturity: self.maturity,
            protocol: self.protocol.name.clone(),
            chain: self.protocol.chain,
            block,
            transaction: jump.suspect.map(|(hash, _)| hash),
            actor: jump.suspect.map(|(_, sender)| sender),
            contract: self.contract,
            asset: jump.missing.map(|_| self.spec.asset),
            amount: jump.missing,
            loss,
            outlook: Outlook::Continues,
            confidence: Confidence::evidence((self.jump(jump.bps) * factor).min(JUMP_MAX)),
            evidence: vec![jump.line.clone()],
            sentence: format!(
                "the price of a share of {name} {way} by {} in a block, {} allowed",
                percent(jump.bps),
                percent(self.max_bps)
            ),
        }
    }
}

impl Detector for Vault {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn probes(&self) -> Vec<Probe> {
        self.price.probes()
    }

    fn inspect(&mut self, evidence: &Evidence, out: &mut Findings) {
        let Some(moves) = self.books.moves(evidence) else { return };
        let found = [self.donation(&moves, evidence), self.for_nothing(&moves, evidence)];
        found.into_iter().flatten().for_each(|finding| out.push(finding));
        self.price.note(evidence, &moves);
    }

    fn read(&mut self, block: BlockId, readings: &[Reading], out: &mut Findings) {
        if let Some(jump) = self.price.take(block, readings, self.max_bps) {
            out.push(self.jumped(block, &jump));
        }
    }

    fn retract(&mut self, blocks: &[BlockId]) {
        self.price.retract(blocks);
    }
}

#[cfg(test)]
mod tests;
