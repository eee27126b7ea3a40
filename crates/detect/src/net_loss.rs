//! A transaction leaves the protocol poorer, at reference prices, than it found it.
//!
//! # What it watches
//!
//! The sum, over the value-holding contracts and all assets with a price, of what a transaction changed, with the books
//! beside it: share tokens minted are a debt, burnt it is paid; debt tokens minted are a claim, burnt it is settled; and
//! the same from logs where books are kept without tokens. A deposit, a loan, a repayment, a liquidation and a withdrawal
//! come out at nothing; movements between the contracts and flash loans that come back cancel. What is left is the
//! protocol's loss, compared with bounds in dollars or in percent of what the contracts owned, for a transaction or over a
//! window of blocks. Over a window losses are added up; nobody's gain makes good for them.
//!
//! Assets are worth `priceUsd`, or what an oracle said at the end of an earlier block, never what a pool says meanwhile.
//!
//! # Why it matters
//!
//! Whatever the trick, in the end the thief has more and the protocol less. The loss at prices that the attack cannot
//! move needs no idea of how it is done.
//!
//! # What it misses
//!
//! Losses below the bounds. Assets without a price. Shares that a contract of the protocol keeps for its users and loses
//! without their being burnt. Bad debt that is made with a claim on nobody: a loan against worthless collateral is a claim
//! of full value here; watch collateral with `price-manipulation` and an `invariant`. A transaction in which a token moved
//! whose `rate` was never read.
//!
//! # False alarms
//!
//! Books that are not complete: where no share, debt token or log is named, every withdrawal is a loss, the finding says
//! so, and a tenth of its e-value is kept. A `priceUsd` that is out of date, for a protocol that trades one asset against
//! another: give it oracles. Rewards and fees paid out. The e-value is `100 × loss / bound`, at most a million. That is
//! honest if honest transactions break the bound in fewer than one of a thousand cases and with a tail like that of losses
//! in the field or a lighter one (`P(ratio > r) ≤ r^−1.33 / 1000`, whose expectation of `100 r` is 0.4). A `hardFactor`
//! makes a breach by as much a proof: set it when the detector has been played over the protocol's history.
//!
//! A loss of a market in `venues` that its own price explains (an arbitrage towards the reference price) keeps a hundredth
//! of its e-value and is no proof. An e-value times a number below 1 is one still; as a value of its own it would do
//! nothing, because in an average the smallest term hardly counts.
//!
//! # References
//!
//! - Methods, §1.5: net loss at reference price, beside the novelty of the call tree
//! - Methods, §0: tail of losses, arXiv 2602.12260
//! - `Trace2Inv`, FSE 2024, arXiv 2404.14580: money-flow guards block most for their false alarms

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, I256, U256};
use portcullis_types::{
    chain::BlockId,
    evidence::Evidence,
    finding::{Confidence, Maturity},
    money::{Asset, Usd},
    probe::{Probe, Reading},
    protocol::Protocol,
};

use crate::{
    build::{ConfigError, Resolver},
    detector::{Detector, Findings, Meta, draft},
    history::Balance,
    pool::{POOLS_MAX, Pool},
    ratio::BPS,
    reference::{Prices, Turnover},
    venue::{Verdict, venue, verdict},
};

mod books;
mod config;
mod limit;

pub use books::BOOKS_MAX;
pub use config::{BookEntry, ClaimToken, LossLimit, Meaning, NetLossConfig};
pub use limit::{LIMITS_MAX, WINDOW_BLOCKS_MAX};

pub(crate) use books::{supply_change, word};

use books::Books;
use limit::{Broken, Limit};

/// Description of this detector.
pub static META: Meta = Meta {
    id: "net-loss",
    title: "A transaction leaves the protocol poorer at reference prices",
    maturity: Maturity::Incubating,
};

/// E-value of a loss as large as its bound; a larger one counts in proportion.
pub const BOUND_E_VALUE: f64 = 100.0;

/// Largest e-value short of a proof.
const E_VALUE_MAX: f64 = 1e6;

/// Divides the e-value where no books are configured.
const WITHOUT_BOOKS: f64 = 10.0;

/// Divides the e-value where trading explains the loss.
const FITS_TRADING: f64 = 100.0;

/// See the module.
#[derive(Debug, Clone)]
pub struct NetLoss {
    protocol: Protocol,
    maturity: Maturity,
    holders: BTreeSet<Address>,
    prices: Prices,
    books: Books,
    venues: Vec<Pool>,
    tolerance_bps: u64,
    /// Thousandths.
    hard_factor: Option<u64>,
    limits: Vec<Limit>,
    /// Empty where no limit is a share.
    balances: BTreeMap<(Asset, Address), Balance>,
}

/// What a transaction changed.
struct Change {
    /// Value of all property and books; negative for a loss.
    value: Usd,
    by_asset: BTreeMap<Asset, I256>,
    by_holder: BTreeMap<Address, Usd>,
    books: Usd,
}

impl NetLoss {
    /// Resolves and checks a configuration.
    pub fn new(protocol: &Protocol, config: &NetLossConfig) -> Result<Self, ConfigError> {
        let resolver = Resolver { protocol, meta: &META };
        let holders =
            resolver.contracts("contracts", &config.contracts, |contract| contract.holds_value)?;
        let prices = Prices::new(&resolver, &config.oracles)?;
        let books = Books::new(&resolver, config)?;
        if config.venues.len() > POOLS_MAX {
            return Err(resolver.error("venues", "there are too many", "write at most 64"));
        }
        let mut venues = Vec::new();
        for (index, pool) in config.venues.iter().enumerate() {
            venues.push(venue(&resolver, &format!("venues[{index}]"), pool)?);
        }
        let tolerance_bps = config.tolerance_bps.unwrap_or_default();
        if tolerance_bps >= BPS {
            return Err(resolver.error(
                "toleranceBps",
                format!("{tolerance_bps} basis points are everything"),
                "write less than 10000; 30 is 0.3 %",
            ));
        }
        let limits = limit::limits(&resolver, &config.limits)?;
        let mut balances = BTreeMap::new();
        if limits.iter().any(Limit::is_share) {
            for asset in prices.assets().filter(|asset| !books.contains(*asset)) {
                balances.extend(holders.iter().map(|h| ((asset, *h), Balance::default())));
            }
        }
        Ok(Self {
            protocol: protocol.clone(),
            maturity: resolver.maturity(config.maturity)?,
            holders,
            prices,
            books,
            venues,
            tolerance_bps,
            hard_factor: resolver.hard_factor(config.hard_factor)?,
            limits,
            balances,
        })
    }

    /// None if nothing moved, or if a rate is missing.
    fn change(&self, evidence: &Evidence) -> Option<Change> {
        let books = self.books.change(&self.prices, evidence)?;
        let mut change =
            Change { value: books, by_asset: BTreeMap::new(), by_holder: BTreeMap::new(), books };
        for flow in evidence.flows.iter().filter(|flow| self.holders.contains(&flow.holder)) {
            let value = self.prices.signed_value(flow.asset, flow.delta);
            let Some(value) = value.filter(|_| !self.books.contains(flow.asset)) else { continue };
            change.value += value;
            *change.by_holder.entry(flow.holder).or_default() += value;
            let sum = change.by_asset.entry(flow.asset).or_default();
            *sum = sum.saturating_add(flow.delta);
        }
        Some(change)
    }

    fn loss(&self, change: &Change, evidence: &Evidence) -> Usd {
        let loss = (-change.value).max_zero();
        if self.tolerance_bps == 0 || loss == Usd::ZERO {
            return loss;
        }
        let is_holder = |address: &Address| self.holders.contains(address);
        let turnover = Turnover::of(&self.prices, evidence, is_holder).total();
        if loss <= turnover.mul_ratio(self.tolerance_bps, BPS) { Usd::ZERO } else { loss }
    }

    /// What the holders own at reference prices; none while one of the balances was never read.
    fn owned(&self) -> Option<Usd> {
        let mut sum = Usd::ZERO;
        for ((asset, _), balance) in &self.balances {
            sum += self.prices.value(*asset, balance.now()?)?;
        }
        Some(sum)
    }

    fn note_balances(&mut self, evidence: &Evidence) {
        for flow in &evidence.flows {
            if let Some(balance) = self.balances.get_mut(&(flow.asset, flow.holder)) {
                let amount = flow.delta.unsigned_abs();
                let (gained, lost) = if flow.delta.is_negative() {
                    (U256::ZERO, amount)
                } else {
                    (amount, U256::ZERO)
                };
                balance.flow(evidence.block, gained, lost);
            }
        }
    }

    /// The markets whose loss in a transaction, if any, their own price explains.
    fn explained(&mut self, evidence: &Evidence) -> BTreeSet<Address> {
        let mut explained = BTreeSet::new();
        for pool in &mut self.venues {
            let path = pool.path(evidence);
            if let Verdict::Trade(_) = verdict(pool, path.as_ref(), &self.prices, evidence) {
                explained.insert(pool.address);
            }
            pool.note(evidence, path.as_ref());
        }
        explained
    }

    fn raise(
        &self,
        (change, loss): (&Change, Usd),
        broken: &[Broken],
        fits_trading: bool,
        evidence: &Evidence,
        out: &mut Findings,
    ) {
        let Some(worst) = broken.iter().map(|one| one.ratio).max() else { return };
        let largest = change.by_holder.iter().min_by_key(|(_, value)| **value);
        let fallback = self.holders.first().copied().unwrap_or_default();
        let contract = largest.map_or(fallback, |(holder, _)| *holder);
        let mut finding = draft(&META, self.maturity, &self.protocol, evidence, contract, b"");
        let value = |asset: &Asset, delta: &I256| self.prices.signed_value(*asset, *delta);
        let mut parts: Vec<(Usd, Asset, I256)> = Vec::new();
        for (asset, delta) in change.by_asset.iter().filter(|(_, delta)| !delta.is_zero()) {
            parts.push((value(asset, delta).unwrap_or_default(), *asset, *delta));
        }
        parts.sort_unstable();
        for (value, asset, delta) in &parts {
            let Some(spec) = self.prices.spec(*asset) else { continue };
            let verb = if delta.is_negative() { "lost" } else { "gained" };
            let shown = spec.show(delta.unsigned_abs());
            finding.evidence.push(format!("{verb} {shown}, {value} USD at reference price"));
        }
        if let Some((_, asset, delta)) = parts.first().filter(|(value, ..)| *value < Usd::ZERO) {
            (finding.asset, finding.amount) = (Some(*asset), Some(delta.unsigned_abs()));
        }
        finding.evidence.push(if self.books.is_empty() {
            "no share tokens, debt tokens or logs are configured: a withdrawal looks like a loss"
                .to_owned()
        } else {
            format!("claims less debts changed by {} USD", change.books)
        });
        finding.evidence.extend(broken.iter().map(|one| one.line.clone()));
        if fits_trading {
            finding.evidence.push("the market's own price explains the loss".to_owned());
        }
        finding.loss = loss;
        finding.confidence = self.confidence(worst, fits_trading);
        finding.sentence = format!(
            "a transaction left the protocol {loss} USD poorer at reference prices, most of it from {}; {}.{:02} times \
             what is allowed",
            self.protocol.name_of(contract),
            worst / 1_000,
            worst % 1_000 / 10,
        );
        out.push(finding);
    }

    fn confidence(&self, worst: u64, fits_trading: bool) -> Confidence {
        if self.hard_factor.is_some_and(|hard| worst >= hard) && !fits_trading {
            return Confidence::PROOF;
        }
        let mut e_value = (BOUND_E_VALUE * worst as f64 / 1_000.0).min(E_VALUE_MAX);
        if self.books.is_empty() {
            e_value /= WITHOUT_BOOKS;
        }
        if fits_trading {
            e_value /= FITS_TRADING;
        }
        Confidence::evidence(e_value)
    }
}

impl Change {
    /// Whether everyone who lost is in `explained`. What the books lost is no trade.
    fn fits_trading(&self, explained: &BTreeSet<Address>) -> bool {
        let mut losers = self.by_holder.iter().filter(|(_, value)| **value < Usd::ZERO).peekable();
        losers.peek().is_some()
            && self.books >= Usd::ZERO
            && losers.all(|(holder, _)| explained.contains(holder))
    }
}

impl Detector for NetLoss {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn probes(&self) -> Vec<Probe> {
        let mut probes: Vec<Probe> = self.prices.probes().chain(self.books.probes()).collect();
        let balance =
            |(asset, holder): &(Asset, Address)| Probe::Balance { asset: *asset, holder: *holder };
        probes.extend(self.balances.keys().map(balance));
        probes.extend(self.venues.iter().flat_map(Pool::probes));
        probes
    }

    fn inspect(&mut self, evidence: &Evidence, out: &mut Findings) {
        self.note_balances(evidence);
        let explained = self.explained(evidence);
        let Some(change) = self.change(evidence) else { return };
        let fits_trading = change.fits_trading(&explained);
        let loss = self.loss(&change, evidence);
        if loss == Usd::ZERO {
            return;
        }
        for limit in &mut self.limits {
            limit.add(evidence.block, loss);
        }
        let owned = self.owned();
        let broken: Vec<Broken> = self
            .limits
            .iter()
            .flat_map(|limit| limit.broken(evidence.block.number, loss, owned))
            .collect();
        self.raise((&change, loss), &broken, fits_trading, evidence, out);
    }

    fn read(&mut self, block: BlockId, readings: &[Reading], _out: &mut Findings) {
        for reading in readings {
            self.prices.take(block, reading);
            self.books.take(block, reading);
            self.venues.iter_mut().for_each(|pool| pool.take(block, reading));
            let (Probe::Balance { asset, holder }, Ok(value)) = (&reading.probe, &reading.value)
            else {
                continue;
            };
            if let Some(balance) = self.balances.get_mut(&(*asset, *holder)) {
                balance.read(block, *value);
            }
        }
    }

    fn retract(&mut self, blocks: &[BlockId]) {
        self.prices.retract(blocks);
        self.books.retract(blocks);
        self.venues.iter_mut().for_each(|pool| pool.retract(blocks));
        self.limits.iter_mut().for_each(|limit| limit.retract(blocks));
        self.balances.values_mut().for_each(|balance| balance.retract(blocks));
    }
}

#[cfg(test)]
mod tests;
