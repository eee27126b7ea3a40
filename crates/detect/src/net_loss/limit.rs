//! Bounds on what may be lost. See [`crate::net_loss`].

use alloy_primitives::U256;
use portcullis_types::{chain::BlockId, money::Usd};

use crate::{
    build::{ConfigError, Resolver},
    ledger::Ledger,
    net_loss::config::LossLimit,
    number::Decimal,
    ratio::mul_div,
    reference::thousandths,
};

/// Most limits of one detector.
pub const LIMITS_MAX: usize = 64;

/// Longest window, blocks: nine days of 12-second blocks.
pub const WINDOW_BLOCKS_MAX: u64 = 65_536;

/// Share of a bound, in thousandths, from which on a transaction in a broken window is worth a finding of its own.
const NEWS_THOUSANDTHS: u64 = 100;

#[derive(Debug, Clone)]
pub(super) struct Limit {
    /// None: one transaction.
    window_blocks: Option<u64>,
    amount: Option<Usd>,
    /// Percent.
    share: Option<Decimal>,
    /// Losses in millionths of a dollar; its clock is the block number. Unused for one transaction.
    ledger: Ledger,
}

/// A bound that is broken.
pub(super) struct Broken {
    /// Loss over bound, thousandths.
    pub(super) ratio: u64,
    pub(super) line: String,
}

pub(super) fn limits(
    resolver: &Resolver<'_>,
    configs: &[LossLimit],
) -> Result<Vec<Limit>, ConfigError> {
    if configs.is_empty() || configs.len() > LIMITS_MAX {
        return Err(resolver.error(
            "limits",
            format!("there are {}", configs.len()),
            format!("write 1 to {LIMITS_MAX}, each with maxLossUsd or maxShare"),
        ));
    }
    let mut limits = Vec::new();
    for (index, config) in configs.iter().enumerate() {
        limits.push(Limit::new(resolver, index, config)?);
    }
    Ok(limits)
}

impl Limit {
    fn new(resolver: &Resolver<'_>, index: usize, config: &LossLimit) -> Result<Self, ConfigError> {
        let field = |name: &str| format!("limits[{index}].{name}");
        let window = config.window_blocks;
        if window.is_some_and(|blocks| blocks == 0 || blocks > WINDOW_BLOCKS_MAX) {
            return Err(resolver.error(
                field("windowBlocks"),
                "such a window cannot be watched",
                format!("write 1 to {WINDOW_BLOCKS_MAX}, or leave it out for one transaction"),
            ));
        }
        if config.max_loss_usd.is_none() && config.max_share.is_none() {
            return Err(resolver.error(
                field("maxLossUsd"),
                "the limit has no bound",
                "write maxLossUsd in dollars, maxShare in percent, or both",
            ));
        }
        if config.max_loss_usd.is_some_and(|bound| bound <= Usd::ZERO) {
            return Err(resolver.error(
                field("maxLossUsd"),
                "it is not above 0",
                "write the most that honest use may cost, in dollars",
            ));
        }
        let is_percent = |share: &Decimal| {
            !share.digits.is_zero() && share.digits <= share.unit().saturating_mul(U256::from(100))
        };
        if config.max_share.is_some_and(|share| !is_percent(&share)) {
            return Err(resolver.error(
                field("maxShare"),
                "it is outside 0 to 100",
                "write percent above 0, for instance \"5\" or \"0.25\"",
            ));
        }
        Ok(Self {
            window_blocks: window,
            amount: config.max_loss_usd,
            share: config.max_share,
            ledger: Ledger::new(window.unwrap_or_default()),
        })
    }

    pub(super) fn is_share(&self) -> bool {
        self.share.is_some()
    }

    pub(super) fn add(&mut self, block: BlockId, loss: Usd) {
        if self.window_blocks.is_some() {
            let micros = U256::from(loss.max_zero().0.unsigned_abs());
            self.ledger.add(block, block.number, micros);
        }
    }

    pub(super) fn retract(&mut self, blocks: &[BlockId]) {
        self.ledger.retract(blocks);
    }

    /// Its bounds that are broken by a transaction of block `number` that lost `own`, and in whose breach it has a part
    /// worth saying. A share is left out while `owned` is unknown.
    pub(super) fn broken(&self, number: u64, own: Usd, owned: Option<Usd>) -> Vec<Broken> {
        let lost = match self.window_blocks {
            Some(blocks) => {
                let micros = self.ledger.sum(blocks, number);
                Usd(i128::try_from(micros.saturating_to::<u128>()).unwrap_or(i128::MAX))
            }
            None => own,
        };
        let span = match self.window_blocks {
            Some(blocks) => format!("within {blocks} blocks"),
            None => "in one transaction".to_owned(),
        };
        let mut found = Vec::new();
        let mut judge = |bound: Usd, allowed: String| {
            if lost > bound && is_news(lost, own, bound) {
                let line = format!("{lost} USD lost {span}, {allowed}");
                found.push(Broken { ratio: thousandths(lost, bound), line });
            }
        };
        if let Some(bound) = self.amount {
            judge(bound, format!("{bound} allowed"));
        }
        if let (Some(share), Some(owned)) = (self.share, owned) {
            let was_there = owned + lost;
            let bound = share_of(share, was_there);
            judge(bound, format!("{share} % of {was_there} allowed ({bound})"));
        }
        found
    }
}

/// Whether a transaction takes the sum over another whole multiple of the bound, or is a tenth of the bound itself.
fn is_news(lost: Usd, own: Usd, bound: Usd) -> bool {
    let multiples = |amount: Usd| (amount.max_zero().0 - 1).checked_div(bound.0);
    multiples(lost) > multiples(lost - own) || thousandths(own, bound) >= NEWS_THOUSANDTHS
}

fn share_of(share: Decimal, amount: Usd) -> Usd {
    let amount = U256::from(amount.max_zero().0.unsigned_abs());
    let bound = mul_div(amount, share.digits, share.unit().saturating_mul(U256::from(100)));
    Usd(i128::try_from(bound.saturating_to::<u128>()).unwrap_or(i128::MAX))
}
