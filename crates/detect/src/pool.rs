//! What a pool's price did within one transaction.
//!
//! From logs where they are known: a Uniswap V2 pair logs its reserves with every change (`Sync`), a V3 pool the root of
//! its price with every swap. Elsewhere from transfers: the ratio of what the pool owns of its two assets, or, while its
//! balances were never read, of what it took in and paid out, trade by trade.
//!
//! A price is in smallest units of the second asset for one of the first, where the first is the one with the lower
//! address, as Uniswap orders them. Where it began is the pool's own storage before the transaction, if that changed in
//! the way a pair or pool of Uniswap changes it; else what the first swap tells, else the last price seen earlier (of
//! a pool of others: in the same block; of a V3 pool before its first swap is asked, which paid something between the two
//! prices), else the first price seen now.

use alloy_primitives::{Address, B256, U256, keccak256};
use portcullis_types::{
    chain::BlockId,
    evidence::{Evidence, Log},
    money::Asset,
    probe::{Probe, Reading},
};
use serde::{Deserialize, Serialize};

use crate::{
    build::{ConfigError, Resolver},
    history::{Balance, Timeline},
    net_loss::word,
    ratio::Ratio,
};

mod traded;

/// Most prices of one pool in one transaction that are looked at, the first ones.
pub const POINTS_MAX: usize = 4_096;

/// Most pools of one detector.
pub const POOLS_MAX: usize = 64;

/// A pool and how its price is seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PoolConfig {
    /// Its address, or the name of a contract.
    pub pool: String,
    /// How its price is seen.
    pub kind: PoolKind,
    /// Symbols of its two assets, in any order. Optional for the two kinds of Uniswap, but only with them its price can be
    /// compared with a reference price, or be seen where logs are unknown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assets: Vec<String>,
}

/// How the price of a pool is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PoolKind {
    /// `Sync(uint112,uint112)` and `Swap` of a Uniswap V2 pair or a copy.
    UniswapV2,
    /// `Swap` with `sqrtPriceX96` of a Uniswap V3 pool or a copy (`PancakeSwap` V3 with it).
    UniswapV3,
    /// The ratio of what it owns of its two assets: a sign of its price for every pool that has no other.
    Balances,
}

/// A pool under watch.
#[derive(Debug, Clone)]
pub(crate) struct Pool {
    pub(crate) address: Address,
    pub(crate) assets: Option<[Asset; 2]>,
    kind: PoolKind,
    balances: [Balance; 2],
    /// Whether it is a contract of the protocol: of others not every transaction is seen.
    is_own: bool,
    /// The last price, and the number of its block.
    last: Timeline<(u64, Ratio)>,
    topics: Topics,
}

/// First topics of the logs that are read.
#[derive(Debug, Clone)]
struct Topics {
    sync: B256,
    v2_swap: B256,
    v3_swaps: [B256; 2],
}

/// A price after something happened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Point {
    /// Index of the log, or of the transfer, that made it so.
    pub(crate) position: usize,
    pub(crate) price: Ratio,
}

/// What a price did.
#[derive(Debug, Clone)]
pub(crate) struct Path {
    pub(crate) start: Ratio,
    /// In order, not empty.
    pub(crate) points: Vec<Point>,
    /// Whether positions are those of logs; else those of transfers.
    pub(crate) by_logs: bool,
}

impl Path {
    pub(crate) fn end(&self) -> Ratio {
        self.points.last().map_or(self.start, |point| point.price)
    }

    /// The price in force when the log or transfer at `position` happened.
    pub(crate) fn before(&self, position: usize) -> Ratio {
        let n_earlier = self.points.partition_point(|point| point.position < position);
        let last = n_earlier.checked_sub(1).and_then(|index| self.points.get(index));
        last.map_or(self.start, |point| point.price)
    }
}

impl Pool {
    pub(crate) fn new(
        resolver: &Resolver<'_>,
        field: &str,
        config: &PoolConfig,
    ) -> Result<Self, ConfigError> {
        let address = resolver.account(&format!("{field}.pool"), &config.pool)?;
        let wrong = |problem: &str| {
            let remedy = "write the symbols of its two assets, as in [WETH, USDC]";
            resolver.error(format!("{field}.assets"), problem, remedy)
        };
        let mut assets = Vec::new();
        for symbol in &config.assets {
            assets.push(resolver.asset(&format!("{field}.assets"), symbol)?.asset);
        }
        assets.sort_unstable();
        let assets = match (assets.as_slice(), config.kind) {
            ([], PoolKind::Balances) => {
                return Err(wrong("a pool that is watched by its balances needs them"));
            }
            ([], _) => None,
            ([one, two], _) if one != two => Some([*one, *two]),
            _ => return Err(wrong("they are not two different ones")),
        };
        Ok(Self {
            address,
            assets,
            kind: config.kind,
            balances: Default::default(),
            is_own: resolver.protocol.contract(address).is_some(),
            last: Timeline::default(),
            topics: Topics::new(),
        })
    }

    pub(crate) fn probes(&self) -> Vec<Probe> {
        match (self.kind, self.assets) {
            (PoolKind::Balances, Some(assets)) => {
                assets.map(|asset| Probe::Balance { asset, holder: self.address }).to_vec()
            }
            _ => Vec::new(),
        }
    }

    pub(crate) fn take(&mut self, block: BlockId, reading: &Reading) {
        let (Probe::Balance { asset, holder }, Ok(value)) = (&reading.probe, &reading.value) else {
            return;
        };
        let Some(assets) = self.assets.filter(|_| *holder == self.address) else { return };
        for (mine, balance) in assets.iter().zip(&mut self.balances) {
            if mine == asset {
                balance.read(block, *value);
            }
        }
    }

    pub(crate) fn retract(&mut self, blocks: &[BlockId]) {
        self.last.retract(blocks);
        self.balances.iter_mut().for_each(|balance| balance.retract(blocks));
    }

    /// What its price did; none where nothing was seen of it. To be asked before [`Self::note`].
    pub(crate) fn path(&self, evidence: &Evidence) -> Option<Path> {
        match self.kind {
            PoolKind::UniswapV2 if evidence.known.logs => self.v2(evidence),
            PoolKind::UniswapV3 if evidence.known.logs => self.v3(evidence),
            // A V3 pool's balances say nothing about its price.
            PoolKind::UniswapV3 => traded::ratios(self.address, self.assets?, evidence),
            _ => {
                let [one, two] = &self.balances;
                match (one.now(), two.now()) {
                    (Some(one), Some(two)) => {
                        traded::balances(self.address, self.assets?, [one, two], evidence)
                    }
                    _ => traded::ratios(self.address, self.assets?, evidence),
                }
            }
        }
    }

    /// Remembers what a transaction left behind.
    pub(crate) fn note(&mut self, evidence: &Evidence, path: Option<&Path>) {
        if let Some(path) = path {
            self.last.set(evidence.block, (evidence.block.number, path.end()));
        }
        let Some(assets) = self.assets else { return };
        for flow in evidence.flows.iter().filter(|flow| flow.holder == self.address) {
            for (asset, balance) in assets.iter().zip(&mut self.balances) {
                if *asset == flow.asset {
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
    }

    /// The last price seen: of a pool of others only one of the same block, since transactions that do not concern the
    /// protocol are not shown to its detectors.
    fn past(&self, evidence: &Evidence) -> Option<Ratio> {
        let (number, price) = self.last.latest()?;
        (self.is_own || *number == evidence.block.number).then_some(*price)
    }

    fn logs<'a>(&'a self, evidence: &'a Evidence) -> impl Iterator<Item = (usize, &'a Log)> {
        let logs = evidence.logs.iter().enumerate();
        logs.filter(|(_, log)| log.address == self.address)
    }

    fn v2(&self, evidence: &Evidence) -> Option<Path> {
        let mut points = Vec::new();
        let mut first: Option<[U256; 2]> = None;
        let mut last = [U256::ZERO; 2];
        let mut by_swap: Option<Ratio> = None;
        for (position, log) in self.logs(evidence) {
            let topic = log.topics.first();
            if topic == Some(&self.topics.sync) {
                let (Some(one), Some(two)) = (word(log, 0), word(log, 1)) else { continue };
                last = [one, two];
                first.get_or_insert(last);
                if let Some(price) = Ratio::new(two, one).filter(|_| points.len() < POINTS_MAX) {
                    points.push(Point { position, price });
                }
            } else if topic == Some(&self.topics.v2_swap) && points.len() == 1 {
                // The swap is logged right after the reserves that it left behind.
                by_swap = first.and_then(|reserves| before_swap(reserves, log));
            }
        }
        let first = points.first()?.price;
        let stored =
            stored(evidence, self.address, V2_RESERVES_SLOT).and_then(|(before, after)| {
                let [one, two] = reserves(before);
                Ratio::new(two, one).filter(|_| reserves(after) == last)
            });
        let start = stored.or(by_swap).or(self.past(evidence)).unwrap_or(first);
        Some(Path { start, points, by_logs: true })
    }

    fn v3(&self, evidence: &Evidence) -> Option<Path> {
        let mut points = Vec::new();
        let mut last = U256::ZERO;
        let mut executed: Option<Ratio> = None;
        for (position, log) in self.logs(evidence) {
            if !log.topics.first().is_some_and(|topic| self.topics.v3_swaps.contains(topic)) {
                continue;
            }
            let Some(root) = word(log, 2) else { continue };
            last = root;
            if let Some(price) = Ratio::of_sqrt_x96(root).filter(|_| points.len() < POINTS_MAX) {
                if points.is_empty() {
                    executed = executed_at(log);
                }
                points.push(Point { position, price });
            }
        }
        let first = points.first()?.price;
        let stored = stored(evidence, self.address, V3_PRICE_SLOT)
            .filter(|(_, after)| root_of(*after) == last)
            .and_then(|(before, _)| Ratio::of_sqrt_x96(root_of(before)));
        // What the first swap paid lies between the prices before and after it.
        let start = stored.or(self.past(evidence)).or(executed).unwrap_or(first);
        Some(Path { start, points, by_logs: true })
    }
}

/// Where a Uniswap V2 pair keeps `reserve0 | reserve1 << 112 | timestamp << 224`.
const V2_RESERVES_SLOT: u64 = 8;

/// Where a Uniswap V3 pool keeps the root of its price, in the lowest 160 bits.
const V3_PRICE_SLOT: u64 = 0;

fn stored(evidence: &Evidence, pool: Address, slot: u64) -> Option<(U256, U256)> {
    let slot = B256::from(U256::from(slot));
    let mut changes = evidence.storage.iter();
    let change = changes.find(|change| change.address == pool && change.slot == slot)?;
    Some((change.before.into(), change.after.into()))
}

fn reserves(slot: U256) -> [U256; 2] {
    let mask = (U256::from(1) << 112) - U256::from(1);
    [slot & mask, (slot >> 112) & mask]
}

fn root_of(slot: U256) -> U256 {
    slot & ((U256::from(1) << 160) - U256::from(1))
}

/// The price before a V2 swap: what came in taken out again of the reserves after it, and the reverse.
fn before_swap(reserves: [U256; 2], swap: &Log) -> Option<Ratio> {
    let [one, two] = reserves;
    let before = |reserve: U256, came, went| {
        reserve.checked_add(word(swap, went)?)?.checked_sub(word(swap, came)?)
    };
    Ratio::new(before(two, 1, 3)?, before(one, 0, 2)?)
}

/// What a V3 swap paid, fees included.
fn executed_at(swap: &Log) -> Option<Ratio> {
    let amount =
        |index| word(swap, index).map(|word| alloy_primitives::I256::from_raw(word).unsigned_abs());
    Ratio::new(amount(1)?, amount(0)?)
}

impl Topics {
    fn new() -> Self {
        Self {
            sync: keccak256("Sync(uint112,uint112)"),
            v2_swap: keccak256("Swap(address,uint256,uint256,uint256,uint256,address)"),
            v3_swaps: [
                keccak256("Swap(address,address,int256,int256,uint160,uint128,int24)"),
                keccak256(
                    "Swap(address,address,int256,int256,uint160,uint128,int24,uint128,uint128)",
                ),
            ],
        }
    }
}

#[cfg(test)]
mod tests;
