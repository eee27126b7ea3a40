//! A market pays better than its own price.
//!
//! # What it watches
//!
//! The protocol's markets (pools of two assets), transaction by transaction, at reference prices: what the market lost, how
//! far its price was from the reference before and after, and what the sender and his contracts gained on what they put in.
//!
//! A market that trades at its own price loses, of what it pays out, no more than its price was off beforehand: the buyer
//! pays at least the price at which he found it, whatever the size of the trade. An arbitrage towards the reference stays
//! within that, and so does every swap, however fast its sender trades. A market that lost more, by [`SLACK_BPS`] at least,
//! was not traded with: it was tricked or robbed.
//!
//! # Why it matters
//!
//! High-frequency trading looks like an attack: private contracts, flash loans, large profits within a transaction. Nobody
//! switches a market off for that. Who loses and where the price goes tells the two apart, which the identity of the sender
//! does not (bots are copied and hijacked).
//!
//! Suspicion is withdrawn where it is raised: `net-loss` keeps a hundredth of its e-value for a loss of markets that this
//! measure explains (its field `venues`). An e-value below 1 reported from here would do nothing: detectors are averaged,
//! and in an average the smallest term hardly counts. A detector that is silent counts as 1 and lowers the average by being
//! there, which is what an honest trade does to it.
//!
//! # What it misses
//!
//! Thefts within what the price was off: with a reference that is out of date by 30 %, a market may lose 30 % unseen.
//! Transactions in which shares of the market were minted or burnt or an asset without a price moved: liquidity and theft
//! are not told apart there. Pools of more than two assets, and such whose price is not the ratio of their balances (kind
//! `balances` is then a rough guess that widens the bound). Several transactions: the first half of a sandwich is a swap.
//! Lending markets: what fits there, liquidation, is judged by the books of `net-loss`. Whether the call tree is new.
//!
//! # False alarms
//!
//! Tokens that take a fee or change balances by themselves; markets with several fee tiers or hooks that pay out rewards;
//! a `priceUsd` that nobody keeps up to date while the market's price is right makes nothing: the bound then only widens.
//! The e-value is `100 × loss / what trading explains`, at most 10,000; ten times that where the price went away from the
//! reference or stayed, and a tenth of it where the sender gained nothing. Assigned figures; not stable.
//!
//! # References
//!
//! - Methods, §1.5: trading against theft by who loses and where the price goes
//! - Milionis et al., Automated Market Making and Loss-Versus-Rebalancing, arXiv 2208.06046: what arbitrage costs a market
//! - Detecting bots by their behaviour, arXiv 2403.19530: 83 % accuracy, too little to build on

use std::collections::BTreeSet;

use alloy_primitives::{Address, U256};
use portcullis_types::{
    chain::BlockId,
    evidence::Evidence,
    finding::{Confidence, Finding, Maturity},
    money::Usd,
    probe::{Probe, Reading},
    protocol::Protocol,
};
use serde::{Deserialize, Serialize};

use crate::{
    build::{ConfigError, Resolver},
    detector::{Detector, Findings, Meta, draft},
    pool::{POOLS_MAX, Path, Pool},
    ratio::{bps_of, percent},
    reference::{OraclePrice, Prices},
    venue::{Measures, SLACK_BPS, VenueConfig, Verdict, actor, gain, venue, verdict},
};

/// Description of this detector.
pub static META: Meta = Meta {
    id: "market-or-theft",
    title: "A market pays better than its own price",
    maturity: Maturity::Incubating,
};

/// E-value of a loss as large as what trading explains; a larger one counts in proportion.
pub const THEFT_E_VALUE: f64 = 100.0;

const THEFT_MAX: f64 = 10_000.0;

/// Multiplies the e-value where the price came no nearer to the reference.
const AWAY: f64 = 10.0;

/// Divides it where the actor gained nothing.
const WITHOUT_GAIN: f64 = 10.0;

/// `minLossUsd` where none is written.
const MIN_LOSS: Usd = Usd::dollars(1_000);

/// `detector: market-or-theft`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MarketOrTheftConfig {
    /// Lowers the detector's own maturity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maturity: Option<Maturity>,
    /// The markets, each with its two assets.
    pub venues: Vec<VenueConfig>,
    /// Reference prices that are read. Default: `priceUsd` of the assets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub oracles: Vec<OraclePrice>,
    /// Losses below this are left alone, dollars. Default 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_loss_usd: Option<Usd>,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct MarketOrTheft {
    protocol: Protocol,
    maturity: Maturity,
    venues: Vec<Pool>,
    prices: Prices,
    min_loss: Usd,
}

impl MarketOrTheft {
    /// Resolves and checks a configuration.
    pub fn new(protocol: &Protocol, config: &MarketOrTheftConfig) -> Result<Self, ConfigError> {
        let resolver = Resolver { protocol, meta: &META };
        if config.venues.is_empty() || config.venues.len() > POOLS_MAX {
            return Err(resolver.error(
                "venues",
                format!("there are {}", config.venues.len()),
                format!("name 1 to {POOLS_MAX} markets with pool, kind and assets"),
            ));
        }
        let mut venues = Vec::new();
        for (index, config) in config.venues.iter().enumerate() {
            venues.push(venue(&resolver, &format!("venues[{index}]"), config)?);
        }
        Ok(Self {
            protocol: protocol.clone(),
            maturity: resolver.maturity(config.maturity)?,
            venues,
            prices: Prices::new(&resolver, &config.oracles)?,
            min_loss: config.min_loss_usd.unwrap_or(MIN_LOSS),
        })
    }

    fn finding(&self, pool: &Pool, measures: &Measures, evidence: &Evidence) -> Finding {
        let mut finding = draft(&META, self.maturity, &self.protocol, evidence, pool.address, b"");
        let is_own = |address: &Address| {
            *address == pool.address || self.protocol.contract(*address).is_some()
        };
        let actor: BTreeSet<Address> = actor(evidence, is_own);
        let gained = gain(&actor, &self.prices, evidence);
        let Measures { loss, paid, loss_bps, off_before, off_after, away } = *measures;
        let explained = off_before.saturating_add(SLACK_BPS);
        let mut e_value = (THEFT_E_VALUE * loss_bps as f64 / explained as f64).min(THEFT_MAX);
        if away {
            e_value *= AWAY;
        }
        if gained <= Usd::ZERO {
            e_value /= WITHOUT_GAIN;
        }
        let micros = |value: Usd| U256::from(value.max_zero().0.unsigned_abs());
        let put_in = paid - loss;
        finding.evidence = vec![
            format!("paid out {paid} USD for {put_in} USD at reference prices"),
            format!("its price was off by {} before", percent(off_before)),
            format!("its price was off by {} after", percent(off_after)),
            format!(
                "the sender gained {gained} USD, {} of what was paid in",
                percent(bps_of(micros(gained), micros(put_in)))
            ),
        ];
        finding.loss = loss;
        // The asset of which it lost most by value.
        let flows = evidence.flows.iter().filter(|flow| flow.holder == pool.address);
        let valued = flows.filter_map(|flow| {
            let value = self.prices.signed_value(flow.asset, flow.delta)?;
            Some((value, flow.asset, flow.delta.unsigned_abs()))
        });
        if let Some((_, asset, amount)) = valued.min() {
            (finding.asset, finding.amount) = (Some(asset), Some(amount));
        }
        finding.confidence = Confidence::evidence(e_value);
        finding.sentence = format!(
            "{} lost {} of what it paid out ({loss} USD), where its own price explains {}",
            self.protocol.name_of(pool.address),
            percent(loss_bps),
            percent(off_before)
        );
        finding
    }
}

impl Detector for MarketOrTheft {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn probes(&self) -> Vec<Probe> {
        self.prices.probes().chain(self.venues.iter().flat_map(Pool::probes)).collect()
    }

    fn inspect(&mut self, evidence: &Evidence, out: &mut Findings) {
        let paths: Vec<Option<Path>> = self.venues.iter().map(|pool| pool.path(evidence)).collect();
        for (pool, path) in self.venues.iter().zip(&paths) {
            match verdict(pool, path.as_ref(), &self.prices, evidence) {
                Verdict::Theft(measures) if measures.loss >= self.min_loss => {
                    out.push(self.finding(pool, &measures, evidence));
                }
                Verdict::Theft(_) | Verdict::Trade(_) | Verdict::Unknown => {}
            }
        }
        for (pool, path) in self.venues.iter_mut().zip(&paths) {
            pool.note(evidence, path.as_ref());
        }
    }

    fn read(&mut self, block: BlockId, readings: &[Reading], _out: &mut Findings) {
        for reading in readings {
            self.prices.take(block, reading);
            self.venues.iter_mut().for_each(|pool| pool.take(block, reading));
        }
    }

    fn retract(&mut self, blocks: &[BlockId]) {
        self.prices.retract(blocks);
        self.venues.iter_mut().for_each(|pool| pool.retract(blocks));
    }
}

#[cfg(test)]
mod tests;
