//! A price runs away from its own recent past.
//!
//! # What it watches
//!
//! A price, as a view function or slot answers it at the end of a block (`price`), or as swaps in a pool are executed,
//! one by one and within a transaction too (`swaps`). It is compared with the lowest and the highest price of two windows
//! of blocks, a short and a long one: a window is broken if the price is above the lowest by more than `maxMove` percent,
//! or below the highest by more than that. `require: any` (the default) asks for one of the two, `all` for both.
//!
//! There are two states beyond calm. *Soft*, from `softShare` percent of the bound on, is said once and weighs little:
//! it arms. *Hard* is the breach. Each is raised when it begins; a hard one again whenever the breach has doubled. Calm
//! returns when the price is within the soft bounds of both windows.
//!
//! # Why it matters
//!
//! It is how exchanges protect themselves: Eurex interrupts trading on the same rule, LULD halts a stock at a band of five
//! percent. Price manipulation moves the price away, uses it, and moves it back; a market that lends on it must not be
//! open in between. Windows that look back in time need no model of the price and no reference from outside.
//!
//! # What it misses
//!
//! Manipulation within the bounds, or slower than the long window. With `price` alone, all that happens and is undone
//! within one block: watch the pool's `swaps` then. Swaps whose two movements do not follow one another in the pool
//! (several hops through one contract), or which pay fees on the way, are seen at what was moved or not at all. A price
//! that was never read. A wrong price that stays wrong: it becomes the past.
//!
//! # False alarms
//!
//! Real moves of the market: an oracle's guard on its range alone blocks 22.3 % of honest transactions (`Trace2Inv`), the
//! worst of 23 guards. So this weighs little (10, growing with the square of the breach to 100 at most; 2 for the soft
//! state; both assigned), and belongs before levers that undo themselves. Eurex keeps its parameters to itself, because a
//! known bound attracts the price: `jitter` lowers the bounds by a share that changes every 300 blocks and follows from a
//! seed. The configuration is in the journal: whoever reads that knows the seed.
//!
//! # References
//!
//! - Methods, §2: exchange-grade volatility bounds; Eurex T7, volatility interruption; SEC, limit up-limit down
//! - 3,271 short interruptions without a magnet effect: SSRN 3190316
//! - `Trace2Inv`, FSE 2024, arXiv 2404.14580

use alloy_primitives::{Address, U256, U512, keccak256};
use portcullis_types::{
    chain::BlockId,
    evidence::Evidence,
    finding::{Confidence, Finding, Maturity, Outlook},
    probe::{Probe, Reading},
    protocol::Protocol,
};

use crate::{
    build::{ConfigError, Resolver},
    detector::{Detector, Findings, Meta, draft, draft_of_block},
    history::Timeline,
    invariant::side::Side,
    number::Decimal,
};

mod past;
mod settings;
mod swaps;

pub use past::WINDOW_BLOCKS_MAX;
use past::{Past, Range};
pub use settings::{Jitter, Require, VolatilityConfig, Window};
use swaps::Pool;
pub use swaps::SwapsConfig;

/// Description of this detector.
pub static META: Meta = Meta {
    id: "volatility",
    title: "A price runs away from its own recent past",
    maturity: Maturity::Incubating,
};

/// Default of `softShare`, percent.
pub const SOFT_SHARE: u64 = 70;

/// Most by which `jitter` may lower the bounds, basis points.
pub const JITTER_MAX: u64 = 5_000;

/// How long the bounds stay the same under `jitter`, blocks.
pub const JITTER_BLOCKS: u64 = 300;

const SOFT: f64 = 2.0;
const HARD: f64 = 10.0;
const HARD_MAX: f64 = 100.0;

/// Basis points of a whole.
const WHOLE: u64 = 10_000;

#[derive(Debug, Clone)]
enum Source {
    Read(Side),
    Swaps(Pool),
}

/// How far the price has gone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    #[default]
    Calm,
    Soft,
    /// With the breach in basis points of the bound that was raised last.
    Hard(u64),
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Volatility {
    protocol: Protocol,
    maturity: Maturity,
    name: String,
    source: Source,
    contract: Address,
    /// Blocks and basis points, the short one first.
    windows: [(u64, u64); 2],
    require: Require,
    /// Basis points.
    soft_share: u64,
    /// Seed and basis points.
    jitter: Option<(U256, u64)>,
    past: Past,
    state: Timeline<State>,
}

impl Volatility {
    /// Resolves and checks a configuration.
    pub fn new(protocol: &Protocol, config: &VolatilityConfig) -> Result<Self, ConfigError> {
        let resolver = Resolver { protocol, meta: &META };
        if config.name.is_empty() {
            return Err(resolver.error("name", "it is empty", "name the price, as in `eth-usd`"));
        }
        let source = match (&config.price, &config.swaps) {
            (Some(term), None) => Source::Read(Side::new(&resolver, "price", term)?),
            (None, Some(swaps)) => Source::Swaps(Pool::new(&resolver, swaps)?),
            _ => {
                let problem = "there must be one of `price` and `swaps`";
                return Err(resolver.error("price", problem, "write two detectors for both"));
            }
        };
        let contract = match &source {
            Source::Read(side) => side.contract().ok_or_else(|| {
                resolver.error("price", "it is a constant", "make it a call or a slot")
            })?,
            Source::Swaps(pool) => pool.account,
        };
        let windows =
            [window(&resolver, "short", &config.short)?, window(&resolver, "long", &config.long)?];
        if config.short.blocks >= config.long.blocks {
            let problem = "the short window is not shorter than the long one";
            return Err(resolver.error("short.blocks", problem, "write less than `long.blocks`"));
        }
        let soft_share = config.soft_share.unwrap_or(SOFT_SHARE);
        if !(1..=100).contains(&soft_share) {
            let problem = format!("{soft_share} is not between 1 and 100 percent");
            return Err(resolver.error("softShare", problem, "leave it out for 70"));
        }
        let jitter = match &config.jitter {
            None => None,
            Some(jitter) => {
                let share = basis_points(jitter.max_share).filter(|share| *share <= JITTER_MAX);
                let share = share.ok_or_else(|| {
                    let problem = "it is not between 0.01 and 50 percent";
                    resolver.error("jitter.maxShare", problem, "write for instance \"20\"")
                })?;
                Some((jitter.seed.0, share))
            }
        };
        Ok(Self {
            protocol: protocol.clone(),
            maturity: resolver.maturity(config.maturity)?,
            name: config.name.clone(),
            source,
            contract,
            windows,
            require: config.require.unwrap_or(Require::Any),
            soft_share: soft_share * (WHOLE / 100),
            jitter,
            past: Past::new(config.long.blocks),
            state: Timeline::default(),
        })
    }

    /// The share of the bounds that holds in a block, basis points.
    fn kept_share(&self, block: BlockId) -> u64 {
        let Some((seed, share)) = self.jitter else { return WHOLE };
        let mut text = seed.to_be_bytes::<32>().to_vec();
        text.extend_from_slice(self.name.as_bytes());
        text.extend_from_slice(&(block.number / JITTER_BLOCKS).to_be_bytes());
        let drawn = U256::from_be_bytes(keccak256(text).0) % U256::from(share + 1);
        WHOLE.saturating_sub(drawn.saturating_to())
    }

    /// How far `price` is over each window's bound, basis points of the bound: 10,000 is the bound itself.
    fn strains(&self, block: BlockId, price: U256) -> [(u64, Option<Range>); 2] {
        let kept = self.kept_share(block);
        self.windows.map(|(blocks, bound)| {
            let range = self.past.range(block, blocks);
            let bound = (bound * kept / WHOLE).max(1);
            (range.map_or(0, |range| move_of(price, range) * WHOLE / bound), range)
        })
    }

    /// Judges a price, and takes it into the past.
    fn judge(&mut self, block: BlockId, price: U256) -> Option<(f64, State, Vec<String>)> {
        let strains = self.strains(block, price);
        let of = |require| match require {
            Require::Any => strains.iter().map(|(strain, _)| *strain).max(),
            Require::All => strains.iter().map(|(strain, _)| *strain).min(),
        };
        let strain = of(self.require).unwrap_or_default();
        let calm = of(Require::Any).is_some_and(|worst| worst <= self.soft_share);
        // A price that nobody moved for a window's length has become calm without anybody reading it again.
        let rested = self.past.last(block).is_none_or(|last| {
            self.strains(block, last).iter().all(|(strain, _)| *strain <= self.soft_share)
        });
        let before = self.state.latest().copied().filter(|_| !rested).unwrap_or_default();
        self.past.add(block, price);
        let reached = match strain {
            strain if strain > WHOLE => State::Hard(strain),
            strain if strain > self.soft_share => State::Soft,
            _ => State::Calm,
        };
        let is_news = match (before, reached) {
            (State::Hard(raised), State::Hard(now)) => now >= raised.saturating_mul(2),
            (before, now) => now > before,
        };
        if is_news || calm {
            self.state.set(block, reached);
        }
        if !is_news {
            return None;
        }
        let mut lines = vec![format!("price {price}")];
        for ((blocks, bound), (strain, range)) in self.windows.iter().zip(strains) {
            if let Some(Range { low, high }) = range {
                lines.push(format!(
                    "{low} to {high} in {blocks} blocks: {} of the bound of {}",
                    percent(strain),
                    percent(*bound)
                ));
            }
        }
        let times = strain as f64 / WHOLE as f64;
        let e_value = match reached {
            State::Hard(_) => (HARD * times * times).min(HARD_MAX),
            State::Soft | State::Calm => SOFT,
        };
        Some((e_value, reached, lines))
    }

    fn fill(&self, finding: &mut Finding, (e_value, state, lines): (f64, State, Vec<String>)) {
        let name = &self.name;
        finding.confidence = Confidence::evidence(e_value);
        finding.evidence = lines;
        finding.sentence = if state == State::Soft {
            format!("{name} comes near the bounds of its recent past")
        } else {
            finding.outlook = Outlook::AllAtRisk;
            format!("{name} left the bounds of its recent past")
        };
    }

    fn detail(&self, state: State) -> Vec<u8> {
        let mut detail = self.name.as_bytes().to_vec();
        detail.push(u8::from(state == State::Soft));
        detail
    }
}

fn window(
    resolver: &Resolver<'_>,
    field: &str,
    window: &Window,
) -> Result<(u64, u64), ConfigError> {
    if !(1..=WINDOW_BLOCKS_MAX).contains(&window.blocks) {
        let problem = format!("{} is not between 1 and {WINDOW_BLOCKS_MAX}", window.blocks);
        let remedy = "write for instance 25 (five minutes) or 300 (an hour)";
        return Err(resolver.error(format!("{field}.blocks"), problem, remedy));
    }
    let bound = basis_points(window.max_move).ok_or_else(|| {
        let problem = "it is not between 0.01 and 10000 percent";
        resolver.error(format!("{field}.maxMove"), problem, "write for instance \"5\"")
    })?;
    Ok((window.blocks, bound))
}

/// Percent as basis points, 1 to a million; none for what is outside of that or has more than two places.
fn basis_points(percent: Decimal) -> Option<u64> {
    let points = u64::try_from(percent.units(2)?).ok()?;
    (1..=1_000_000).contains(&points).then_some(points)
}

/// How far `price` is above the lowest or below the highest, basis points of that, whichever is more. Rounded down.
fn move_of(price: U256, Range { low, high }: Range) -> u64 {
    let part = |difference: U256, of: U256| {
        if difference.is_zero() {
            return 0;
        }
        let points = (U512::from(difference) * U512::from(WHOLE)).checked_div(U512::from(of));
        // From nothing to something is any move.
        points.map_or(u64::from(u32::MAX), |points| points.saturating_to::<u32>().into())
    };
    part(price.saturating_sub(low), low).max(part(high.saturating_sub(price), high))
}

fn percent(points: u64) -> String {
    format!("{}.{:02} %", points / 100, points % 100)
}

impl Detector for Volatility {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn probes(&self) -> Vec<Probe> {
        match &self.source {
            Source::Read(side) => side.probe().cloned().into_iter().collect(),
            Source::Swaps(_) => Vec::new(),
        }
    }

    fn inspect(&mut self, evidence: &Evidence, out: &mut Findings) {
        let Source::Swaps(pool) = &self.source else { return };
        if !evidence.success {
            return;
        }
        let mut worst: Option<(f64, State, Vec<String>)> = None;
        for price in pool.prices(evidence) {
            let judged = self.judge(evidence.block, price);
            if judged.as_ref().map(|one| one.1) > worst.as_ref().map(|one| one.1) {
                worst = judged;
            }
        }
        if let Some(judged) = worst {
            let detail = self.detail(judged.1);
            let (protocol, contract) = (&self.protocol, self.contract);
            let mut finding = draft(&META, self.maturity, protocol, evidence, contract, &detail);
            self.fill(&mut finding, judged);
            out.push(finding);
        }
    }

    fn read(&mut self, block: BlockId, readings: &[Reading], out: &mut Findings) {
        let Source::Read(side) = &mut self.source else { return };
        let mut price = None;
        for reading in readings {
            // A reading that failed is reported by the engine; it is no price.
            if side.take(block, reading) {
                price = reading.value.as_ref().ok().copied();
            }
        }
        let Some(price) = price else { return };
        if let Some(judged) = self.judge(block, price) {
            let detail = self.detail(judged.1);
            let (protocol, contract) = (&self.protocol, self.contract);
            let mut finding =
                draft_of_block(&META, self.maturity, protocol, block, contract, &detail);
            self.fill(&mut finding, judged);
            out.push(finding);
        }
    }

    fn retract(&mut self, blocks: &[BlockId]) {
        if let Source::Read(side) = &mut self.source {
            side.retract(blocks);
        }
        self.past.retract(blocks);
        self.state.retract(blocks);
    }
}

#[cfg(test)]
mod tests;
