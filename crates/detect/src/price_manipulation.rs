//! A price is moved, and the protocol is used at it.
//!
//! # What it watches
//!
//! Within one transaction, the prices of the pools that the protocol depends on ([`crate::pool`]: from `Sync` and `Swap`
//! logs, from balances, or trade by trade from transfers), and between those prices the uses of the protocol: value that
//! its contracts took in or paid out for good, tokens that it issues minted or burnt. Raised is a use at a price more than
//! `maxDeviationBps` from where the transaction found it, if the price came back by half or more until the end; or, if it
//! stayed, where the protocol paid out more than it took in. With `maxReferenceBps`, too, a pool that was left farther
//! than that from the reference price and was found nearer, in a transaction that took value.
//!
//! Between blocks, `watchedOracles`: an answer that leaves a second source, or its own earlier answer, by more than allowed.
//!
//! # Why it matters
//!
//! A flash loan is enough to move the price of any pool for the length of a transaction. Harvest, bZx, Cream, Inverse,
//! Mango: the protocol believed a price that was true for a second.
//!
//! # What it misses
//!
//! Pools that are not listed, Uniswap V4 (all pools in one contract), and prices that are kept moved over several blocks,
//! which only a watched oracle sees. Where neither logs nor balances are known, a single trade there and back: both pay the
//! same. Which price the protocol read: return values are not part of the evidence, so that a use beside a moved pool is
//! taken for a use of its price. A payment of the native coin is placed by the logs of the contract that paid.
//!
//! # False alarms
//!
//! Whoever must sell much in a shallow pool and repays in the same transaction: therefore a price that did not come back
//! counts 20 to 1, as oracle-deviation guards block 4.6 % of honest transactions. There and back around a use is worth
//! `1,000 × deviation / bound`, at most 100,000, and a tenth of it where the protocol lost nothing: assigned figures, from
//! published detectors of this pattern that raise nothing on thousands of honest transactions, not tried on enough
//! protocols of our own. A watched oracle that jumps counts `20 × deviation / bound`, at most 1,000: markets do fall.
//! Oracles by ranges are the weakest of 23 guards (22 % false alarms), which is why none of this is a proof.
//!
//! # References
//!
//! - `DeFiRanger`, arXiv 2104.15068; `DeFiScope`, arXiv 2502.11521; `DeFiGuard`, arXiv 2406.11157
//! - `Trace2Inv`, FSE 2024, arXiv 2404.14580: guards oracle range and oracle deviation
//! - OWASP Smart Contract Top 10, SC02:2025 Price Oracle Manipulation
//! - Uniswap V2 pair (`Sync`), Uniswap V3 pool (`Swap`, `sqrtPriceX96`)

use std::collections::BTreeSet;

use alloy_primitives::Address;
use portcullis_types::{
    chain::BlockId,
    evidence::Evidence,
    finding::{Confidence, Finding, Maturity, Outlook},
    ids::FindingKey,
    money::Usd,
    probe::{Probe, Reading},
    protocol::Protocol,
};
use serde::{Deserialize, Serialize};

use crate::{
    build::{ConfigError, Resolver},
    detector::{Detector, Findings, Meta, draft, place},
    outflow::{Lost, lost, outflows},
    pool::{POOLS_MAX, Path, Pool, PoolConfig},
    ratio::percent,
    reference::{OraclePrice, Prices},
};

mod oracle;
mod uses;

pub use oracle::WatchedOracle;

use oracle::{Deviation, Oracle, is_bound};
use uses::{Use, uses};

/// Description of this detector.
pub static META: Meta = Meta {
    id: "price-manipulation",
    title: "A price is moved and the protocol is used at it",
    maturity: Maturity::Incubating,
};

/// E-value of a use at a price as far off as the bound that came back, where the protocol lost something.
pub const THERE_AND_BACK_E_VALUE: f64 = 1_000.0;

/// E-value of a use at a price that stayed.
pub const STAYED_E_VALUE: f64 = 20.0;

const THERE_AND_BACK_MAX: f64 = 100_000.0;
const ORACLE_MAX: f64 = 1_000.0;

/// Divides the e-value where the protocol lost nothing.
const WITHOUT_LOSS: f64 = 10.0;

/// `maxDeviationBps` where none is written: 5 %.
const DEVIATION_BPS: u64 = 500;

/// `detector: price-manipulation`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PriceManipulationConfig {
    /// Lowers the detector's own maturity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maturity: Option<Maturity>,
    /// Names of the contracts whose use counts. Default: all that hold value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contracts: Vec<String>,
    /// Pools whose price the protocol depends on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pools: Vec<PoolConfig>,
    /// Most that a price may be from where the transaction found it when the protocol is used, basis points. Default 500.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_deviation_bps: Option<u64>,
    /// Most that a transaction may leave a pool from the reference price, basis points. Default: not compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_reference_bps: Option<u64>,
    /// Reference prices that are read. Default: `priceUsd` of the assets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub oracles: Vec<OraclePrice>,
    /// Oracles that are watched between blocks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub watched_oracles: Vec<WatchedOracle>,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct PriceManipulation {
    protocol: Protocol,
    maturity: Maturity,
    holders: BTreeSet<Address>,
    pools: Vec<Pool>,
    max_bps: u64,
    max_reference_bps: Option<u64>,
    prices: Prices,
    oracles: Vec<Oracle>,
}

/// What was seen of one pool.
struct Sighting {
    pool: Address,
    e_value: f64,
    /// How far off the price was, basis points.
    bps: u64,
    lines: Vec<String>,
    what: String,
}

impl PriceManipulation {
    /// Resolves and checks a configuration.
    pub fn new(protocol: &Protocol, config: &PriceManipulationConfig) -> Result<Self, ConfigError> {
        let resolver = Resolver { protocol, meta: &META };
        let count = config.pools.len() + config.watched_oracles.len();
        if count == 0 || config.pools.len().max(config.watched_oracles.len()) > POOLS_MAX {
            return Err(resolver.error(
                "pools",
                format!("there are {count} pools and oracles"),
                format!("name 1 to {POOLS_MAX} pools or oracles on which the protocol depends"),
            ));
        }
        let max_bps = config.max_deviation_bps.unwrap_or(DEVIATION_BPS);
        for (field, bps) in
            [("maxDeviationBps", Some(max_bps)), ("maxReferenceBps", config.max_reference_bps)]
        {
            if bps.is_some_and(|bps| !is_bound(bps)) {
                let remedy = "write basis points: 500 is 5 %, at most 1000000";
                return Err(resolver.error(field, "it is no bound", remedy));
            }
        }
        let mut pools = Vec::new();
        for (index, pool) in config.pools.iter().enumerate() {
            pools.push(Pool::new(&resolver, &format!("pools[{index}]"), pool)?);
        }
        if config.max_reference_bps.is_some() && pools.iter().all(|pool| pool.assets.is_none()) {
            let remedy = "name the `assets` of the pools that are to be compared";
            return Err(resolver.error("maxReferenceBps", "no pool names its assets", remedy));
        }
        let mut oracles = Vec::new();
        for (index, oracle) in config.watched_oracles.iter().enumerate() {
            oracles.push(Oracle::new(&resolver, index, oracle)?);
        }
        Ok(Self {
            protocol: protocol.clone(),
            maturity: resolver.maturity(config.maturity)?,
            holders: resolver.contracts("contracts", &config.contracts, |c| c.holds_value)?,
            pools,
            max_bps,
            max_reference_bps: config.max_reference_bps,
            prices: Prices::new(&resolver, &config.oracles)?,
            oracles,
        })
    }

    fn sighting(
        &self,
        pool: &Pool,
        path: &Path,
        evidence: &Evidence,
        lost: bool,
    ) -> Option<Sighting> {
        let farthest = path.points.iter().map(|point| point.price.bps_apart(path.start)).max();
        let mut found = None;
        if farthest.is_some_and(|bps| bps > self.max_bps) {
            let uses = uses(&self.protocol, &self.holders, pool.address, path.by_logs, evidence);
            found = self.used(pool, path, &uses, lost);
        }
        found.or_else(|| self.left_off(pool, path).filter(|_| lost))
    }

    /// A use of the protocol at a price that was moved.
    fn used(&self, pool: &Pool, path: &Path, uses: &[Use], lost: bool) -> Option<Sighting> {
        let off = |one: &Use| (path.before(one.position).bps_apart(path.start), one.is_out);
        let mut moved = uses.iter().map(off).filter(|(bps, _)| *bps > self.max_bps).peekable();
        moved.peek()?;
        let (mut bps, mut paid_out) = (0, false);
        for (one, is_out) in moved {
            bps = bps.max(one);
            paid_out |= is_out;
        }
        let end = path.end().bps_apart(path.start);
        let came_back = end <= bps / 2;
        let e_value = match (came_back, lost) {
            (true, true) => self.there_and_back(bps),
            (true, false) => self.there_and_back(bps) / WITHOUT_LOSS,
            (false, true) if paid_out => STAYED_E_VALUE,
            (false, _) => return None,
        };
        let then = if came_back { "and came back" } else { "and stayed" };
        let lines = vec![
            format!(
                "price of {} when the protocol was used: off by {}",
                pool.address,
                percent(bps)
            ),
            format!("at the end of the transaction: off by {}", percent(end)),
        ];
        let what = format!(
            "was used while the price of {} was {} from where the transaction found it, {then}",
            self.protocol.name_of(pool.address),
            percent(bps)
        );
        Some(Sighting { pool: pool.address, e_value, bps, lines, what })
    }

    /// A pool left far from the reference price that was found nearer.
    fn left_off(&self, pool: &Pool, path: &Path) -> Option<Sighting> {
        let (bound, [one, two]) = (self.max_reference_bps?, pool.assets?);
        let reference = self.prices.ratio(one, two)?;
        let (found, bps) = (path.start.bps_apart(reference), path.end().bps_apart(reference));
        if bps <= bound || found > bound {
            return None;
        }
        let lines = vec![
            format!("price of {} before: {} from the reference", pool.address, percent(found)),
            format!("price of {} after: {} from the reference", pool.address, percent(bps)),
        ];
        let name = self.protocol.name_of(pool.address);
        let what = format!("lost value while {name} was left {} from the reference", percent(bps));
        Some(Sighting { pool: pool.address, e_value: STAYED_E_VALUE, bps, lines, what })
    }

    fn there_and_back(&self, bps: u64) -> f64 {
        (THERE_AND_BACK_E_VALUE * bps as f64 / self.max_bps as f64).min(THERE_AND_BACK_MAX)
    }

    fn finding(
        &self,
        sightings: &[Sighting],
        lost: Option<&Lost<'_>>,
        evidence: &Evidence,
    ) -> Option<Finding> {
        let by_size = |a: &&Sighting, b: &&Sighting| {
            a.e_value.total_cmp(&b.e_value).then(a.bps.cmp(&b.bps)).then(b.pool.cmp(&a.pool))
        };
        let worst = sightings.iter().max_by(by_size)?;
        let parts = outflows(&self.protocol, &self.holders, evidence);
        let of_asset = parts.iter().find(|part| lost.is_some_and(|l| l.spec.asset == part.asset));
        let victim = of_asset.or(parts.first()).map(crate::outflow::Outflow::largest_holder);
        let contract = victim.or(self.holders.first().copied())?;
        let mut finding = draft(&META, self.maturity, &self.protocol, evidence, contract, b"");
        finding.evidence = sightings.iter().flat_map(|one| one.lines.iter().cloned()).collect();
        finding.confidence = Confidence::evidence(worst.e_value);
        finding.sentence = format!("{} {}", self.protocol.name_of(contract), worst.what);
        if let Some(lost) = lost {
            let shown = lost.spec.show(lost.amount);
            finding.sentence += &format!("; {shown} left the protocol");
            (finding.asset, finding.amount) = (Some(lost.spec.asset), Some(lost.amount));
            finding.loss = lost.value;
        }
        Some(finding)
    }

    fn oracle_finding(&self, block: BlockId, oracle: &Oracle, found: &Deviation) -> Finding {
        let ratio = found.bps as f64 / oracle.max_bps as f64;
        Finding {
            key: FindingKey::derive(
                META.id,
                &self.protocol.name,
                self.protocol.chain,
                place(None, block),
                oracle.contract,
                oracle.name.as_bytes(),
            ),
            detector: META.id.to_owned(),
            maturity: self.maturity,
            protocol: self.protocol.name.clone(),
            chain: self.protocol.chain,
            block,
            transaction: None,
            actor: None,
            contract: oracle.contract,
            asset: None,
            amount: None,
            loss: Usd::ZERO,
            // What can be borrowed against a wrong price is everything.
            outlook: Outlook::AllAtRisk,
            confidence: Confidence::evidence((STAYED_E_VALUE * ratio).min(ORACLE_MAX)),
            evidence: vec![
                format!("{} says {}", oracle.name, found.value),
                format!("{} says {}", found.than, found.other),
            ],
            sentence: format!(
                "{} is {} from {}, {} allowed",
                oracle.name,
                percent(found.bps),
                found.than,
                percent(oracle.max_bps)
            ),
        }
    }
}

impl Detector for PriceManipulation {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn probes(&self) -> Vec<Probe> {
        let pools = self.pools.iter().flat_map(Pool::probes);
        pools
            .chain(self.prices.probes())
            .chain(self.oracles.iter().flat_map(Oracle::probes))
            .collect()
    }

    fn inspect(&mut self, evidence: &Evidence, out: &mut Findings) {
        let paths: Vec<Option<Path>> = self.pools.iter().map(|pool| pool.path(evidence)).collect();
        if paths.iter().any(Option::is_some) {
            let lost = lost(&self.protocol, evidence);
            let seen = self.pools.iter().zip(&paths);
            let sightings: Vec<Sighting> = seen
                .filter_map(|(pool, path)| {
                    self.sighting(pool, path.as_ref()?, evidence, lost.is_some())
                })
                .collect();
            if let Some(finding) = self.finding(&sightings, lost.as_ref(), evidence) {
                out.push(finding);
            }
        }
        for (pool, path) in self.pools.iter_mut().zip(&paths) {
            pool.note(evidence, path.as_ref());
        }
    }

    fn read(&mut self, block: BlockId, readings: &[Reading], out: &mut Findings) {
        for reading in readings {
            self.prices.take(block, reading);
            self.pools.iter_mut().for_each(|pool| pool.take(block, reading));
        }
        let mut found = Vec::new();
        for (index, oracle) in self.oracles.iter_mut().enumerate() {
            found.extend(oracle.take(block, readings).map(|deviation| (index, deviation)));
        }
        for (index, deviation) in found {
            if let Some(oracle) = self.oracles.get(index) {
                out.push(self.oracle_finding(block, oracle, &deviation));
            }
        }
    }

    fn retract(&mut self, blocks: &[BlockId]) {
        self.prices.retract(blocks);
        self.pools.iter_mut().for_each(|pool| pool.retract(blocks));
        self.oracles.iter_mut().for_each(|oracle| oracle.retract(blocks));
    }
}

#[cfg(test)]
mod tests;
