//! A token is minted without what should back it.
//!
//! # What it watches
//!
//! The supply of a token that the protocol issues. Three things are said, each if configured:
//!
//! - *Collateral*: in the transaction of a mint, collateral must have reached the named contracts, or debt tokens must have
//!   been minted, worth at least `minShare` percent of what was minted. Burns and collateral paid out in the same
//!   transaction are counted against each other: what a transaction moved net is compared.
//! - *Limits*: what may be minted in a window of time, in whole tokens or in percent of what there was before it.
//! - *Unlogged growth*: `totalSupply()` at the end of a block is more than before it and the mints in between (unless
//!   `rebasing`).
//!
//! # Why it matters
//!
//! Whoever can mint owns everything that takes the token for money: PAID, Cover, Ankr, Resolv (80 million without backing
//! from one key), and every bridge that paid out what was never locked.
//!
//! # What it misses
//!
//! A mint within the limits where no collateral is required at once; a token that is backed later, or elsewhere, needs an
//! `invariant` over its books. Collateral without worth: its reference price is believed. Unlogged growth in a block with
//! a transaction whose logs are unknown.
//!
//! # False alarms
//!
//! Planned emissions, migrations, a bridge's honest relays: raise the limits, and name in `expectedRecipients` who gets fees
//! minted. A mint whose backing is short by a tenth or more of it is a proof, since the owners said that it must not
//! happen; one short by less counts 100 to 1. A broken limit counts `100 × minted / limit`, at most a million, and is a proof
//! from `hardFactor` on where one is written: honest if honest use breaks the limit in fewer than one in a thousand cases,
//! so take it from the past (learned supply bounds block 7.9 % of honest transactions when the token grows). Unlogged growth
//! counts 1,000 to 1: a token that follows ERC-20 logs its mints.
//!
//! # References
//!
//! - ERC-20: "a token contract which creates new tokens SHOULD trigger a Transfer event with the `_from` address set to 0x0"
//! - `Trace2Inv`, FSE 2024, arXiv 2404.14580: guard `totalSupply`
//! - Methods, §6: Resolv, 2026-03-22, a mint key without a cap on chain

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

use crate::{
    build::{ConfigError, Resolver},
    detector::{Detector, Findings, Meta, NOBODY, draft, place},
    history::{Balance, Timeline},
    invariant::side::Side,
    net_loss::supply_change,
    number::Decimal,
    reference::{Prices, thousandths},
};

mod config;
mod limit;

pub use config::{Backing, DebtToken, MintLimit, SupplyConfig};

pub(crate) use config::total_supply_of;
pub use limit::LIMITS_MAX;

use limit::Limit;

/// Description of this detector.
pub static META: Meta = Meta {
    id: "supply",
    title: "A token is minted without what should back it",
    maturity: Maturity::Incubating,
};

/// E-value of a mint as large as its limit; a larger one counts in proportion.
pub const LIMIT_E_VALUE: f64 = 100.0;

/// E-value of growth that no mint explains.
pub const UNLOGGED_E_VALUE: f64 = 1_000.0;

const E_VALUE_MAX: f64 = 1e6;

/// Part of what was minted, in thousandths, from which on missing collateral is a proof.
const PROOF_THOUSANDTHS: u64 = 100;

/// See the module.
#[derive(Debug, Clone)]
pub struct Supply {
    protocol: Protocol,
    maturity: Maturity,
    spec: AssetSpec,
    token: Address,
    backing: Option<Backed>,
    expected: BTreeSet<Address>,
    limits: Vec<Limit>,
    /// Thousandths.
    hard_factor: Option<u64>,
    rebasing: bool,
    prices: Prices,
    total: Side,
    /// The supply, carried on by mints and burns since it was read.
    minted: Balance,
    /// Blocks with a transaction whose logs are unknown.
    unclear: Timeline<()>,
}

/// What must come in for a mint.
#[derive(Debug, Clone)]
struct Backed {
    assets: BTreeSet<Asset>,
    contracts: BTreeSet<Address>,
    /// Tokens with which users owe, and what a smallest unit of each is a unit of.
    debts: Vec<(Asset, Asset)>,
    /// Percent.
    min_share: Decimal,
}

impl Supply {
    /// Resolves and checks a configuration.
    pub fn new(protocol: &Protocol, config: &SupplyConfig) -> Result<Self, ConfigError> {
        let resolver = Resolver { protocol, meta: &META };
        let spec = resolver.asset("asset", &config.asset)?;
        let Asset::Token(token) = spec.asset else {
            let remedy = "name a token that the protocol issues";
            return Err(resolver.error("asset", "the native coin has no such supply", remedy));
        };
        let Some(contract) = protocol.contract(token) else {
            return Err(resolver.error(
                "asset",
                format!("the token `{}` is not a contract of `{}`", spec.symbol, protocol.name),
                "add its address to the protocol's contracts, so that every mint is seen",
            ));
        };
        let term = match &config.total_supply {
            Some(term) => term.clone(),
            None => total_supply_of(&contract.name),
        };
        let backing = match &config.backing {
            Some(backing) => Some(Backed::new(&resolver, backing)?),
            None => None,
        };
        Ok(Self {
            protocol: protocol.clone(),
            maturity: resolver.maturity(config.maturity)?,
            spec: spec.clone(),
            token,
            backing,
            expected: resolver.accounts("expectedRecipients", &config.expected_recipients)?,
            limits: limit::limits(&resolver, spec, &config.limits)?,
            hard_factor: resolver.hard_factor(config.hard_factor)?,
            rebasing: config.rebasing,
            prices: Prices::new(&resolver, &config.oracles)?,
            total: Side::new(&resolver, "totalSupply", &term)?,
            minted: Balance::default(),
            unclear: Timeline::default(),
        })
    }

    /// The value of what was minted and is not backed, and a line that says so.
    fn unbacked(&self, evidence: &Evidence, minted: U256) -> Option<(Usd, Usd, String)> {
        let backing = self.backing.as_ref()?;
        let mut counted = minted;
        for transfer in evidence.transfers.iter().filter(|t| t.asset == self.spec.asset) {
            if transfer.from == NOBODY && self.expected.contains(&transfer.to) {
                counted = counted.saturating_sub(transfer.amount);
            }
        }
        let value = self.prices.value(self.spec.asset, counted)?;
        let came = backing.came(&self.prices, evidence);
        let needed = backing.needed(value);
        let short = (needed - came).max_zero();
        let line = format!(
            "{} ({value} USD) minted, {came} USD of collateral came, {needed} needed",
            self.spec.show(counted)
        );
        (short > Usd::ZERO).then_some((short, value, line))
    }

    fn judge(&self, evidence: &Evidence, minted: U256, out: &mut Findings) {
        let (mut e_value, mut proof, mut lines) = (0.0f64, false, Vec::new());
        let mut loss = Usd::ZERO;
        let mut what = Vec::new();
        if let Some((short, value, line)) = self.unbacked(evidence, minted) {
            proof = thousandths(short, value) >= PROOF_THOUSANDTHS;
            (e_value, loss) = (LIMIT_E_VALUE, short);
            lines.push(line);
            what.push(format!("{short} USD of it without collateral"));
        }
        let now = evidence.timestamp;
        let broken = self
            .limits
            .iter()
            .flat_map(|limit| limit.broken(&self.spec, minted, now, self.minted.now()));
        for (ratio, line) in broken {
            let ratio_text = format!("{}.{:02} times a limit", ratio / 1_000, ratio % 1_000 / 10);
            e_value = e_value.max((LIMIT_E_VALUE * ratio as f64 / 1_000.0).min(E_VALUE_MAX));
            proof |= self.hard_factor.is_some_and(|hard| ratio >= hard);
            loss = loss.max(self.prices.value(self.spec.asset, minted).unwrap_or_default());
            lines.push(line);
            what.push(ratio_text);
        }
        if what.is_empty() {
            return;
        }
        let mut finding =
            draft(&META, self.maturity, &self.protocol, evidence, self.token, b"mint");
        finding.confidence = if proof { Confidence::PROOF } else { Confidence::evidence(e_value) };
        (finding.asset, finding.amount) = (Some(self.spec.asset), Some(minted));
        finding.loss = loss;
        finding.evidence = lines;
        finding.sentence = format!("{} were minted, {}", self.spec.show(minted), what.join(", "));
        out.push(finding);
    }

    fn unlogged(&self, block: BlockId, expected: U256, seen: U256) -> Finding {
        let grown = seen.saturating_sub(expected);
        Finding {
            key: FindingKey::derive(
                META.id,
                &self.protocol.name,
                self.protocol.chain,
                place(None, block),
                self.token,
                b"unlogged",
            ),
            detector: META.id.to_owned(),
            maturity: self.maturity,
            protocol: self.protocol.name.clone(),
            chain: self.protocol.chain,
            block,
            transaction: None,
            actor: None,
            contract: self.token,
            asset: Some(self.spec.asset),
            amount: Some(grown),
            loss: self.prices.value(self.spec.asset, grown).unwrap_or_default(),
            outlook: Outlook::Continues,
            confidence: Confidence::evidence(UNLOGGED_E_VALUE),
            evidence: vec![
                format!("supply before, with the mints since: {}", self.spec.show(expected)),
                format!("supply now: {}", self.spec.show(seen)),
            ],
            sentence: format!("the supply grew by {} without a mint", self.spec.show(grown)),
        }
    }
}

impl Backed {
    fn new(resolver: &Resolver<'_>, config: &Backing) -> Result<Self, ConfigError> {
        let mut assets = BTreeSet::new();
        for (index, symbol) in config.assets.iter().enumerate() {
            assets.insert(resolver.asset(&format!("backing.assets[{index}]"), symbol)?.asset);
        }
        let mut debts = Vec::new();
        for (index, debt) in config.debts.iter().enumerate() {
            let field = |name: &str| format!("backing.debts[{index}].{name}");
            let token = resolver.account(&field("token"), &debt.token)?;
            let asset = resolver.asset(&field("asset"), &debt.asset)?.asset;
            debts.push((Asset::Token(token), asset));
        }
        if assets.is_empty() && debts.is_empty() {
            let remedy =
                "name the `assets` that come in for a mint, or the `debts` minted beside it";
            return Err(resolver.error("backing.assets", "nothing can back a mint", remedy));
        }
        let min_share = config.min_share.unwrap_or(Decimal::whole(100));
        if min_share.digits.is_zero() || limit::share_of(min_share, U256::from(1)) > U256::from(100)
        {
            let remedy = "write percent above 0, at most 10000: \"100\" or \"150\"";
            return Err(resolver.error("backing.minShare", "it is no share", remedy));
        }
        let contracts =
            resolver.contracts("backing.contracts", &config.contracts, |c| c.holds_value)?;
        Ok(Self { assets, contracts, debts, min_share })
    }

    /// Value of the collateral that came in net.
    fn came(&self, prices: &Prices, evidence: &Evidence) -> Usd {
        let flows = evidence.flows.iter().filter(|flow| {
            self.assets.contains(&flow.asset) && self.contracts.contains(&flow.holder)
        });
        let mut sum: Usd =
            flows.filter_map(|flow| prices.signed_value(flow.asset, flow.delta)).sum();
        for (token, asset) in &self.debts {
            let change = supply_change(*token, evidence);
            sum += prices.signed_value(*asset, change).unwrap_or_default();
        }
        sum.max_zero()
    }

    fn needed(&self, value: Usd) -> Usd {
        let micros = U256::from(value.max_zero().0.unsigned_abs());
        let needed = limit::share_of(self.min_share, micros);
        Usd(i128::try_from(needed.saturating_to::<u128>()).unwrap_or(i128::MAX))
    }
}

impl Detector for Supply {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn probes(&self) -> Vec<Probe> {
        self.prices.probes().chain(self.total.probe().cloned()).collect()
    }

    fn inspect(&mut self, evidence: &Evidence, out: &mut Findings) {
        if !evidence.known.logs {
            self.unclear.set(evidence.block, ());
        }
        let change = supply_change(self.spec.asset, evidence);
        if change.is_zero() {
            return;
        }
        let amount = change.unsigned_abs();
        if change.is_negative() {
            self.minted.flow(evidence.block, U256::ZERO, amount);
            return;
        }
        self.minted.flow(evidence.block, amount, U256::ZERO);
        for limit in &mut self.limits {
            limit.add(evidence.block, evidence.timestamp, amount);
        }
        self.judge(evidence, amount, out);
    }

    fn read(&mut self, block: BlockId, readings: &[Reading], out: &mut Findings) {
        for reading in readings {
            self.prices.take(block, reading);
            if !self.total.take(block, reading) {
                continue;
            }
            // A reading that failed is reported by the engine.
            let Some(seen) = self.total.value() else { continue };
            let expected = self.minted.now();
            let is_clear = !self.rebasing && self.unclear.latest().is_none();
            if let Some(expected) = expected.filter(|expected| is_clear && seen > *expected) {
                out.push(self.unlogged(block, expected, seen));
            }
            self.minted.read(block, seen);
            self.unclear = Timeline::default();
        }
    }

    fn retract(&mut self, blocks: &[BlockId]) {
        self.prices.retract(blocks);
        self.total.retract(blocks);
        self.minted.retract(blocks);
        self.unclear.retract(blocks);
        self.limits.iter_mut().for_each(|limit| limit.retract(blocks));
    }
}

#[cfg(test)]
mod tests;
