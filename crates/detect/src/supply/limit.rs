//! Bounds on what may be minted. See [`crate::supply`].

use alloy_primitives::U256;
use portcullis_types::{chain::BlockId, protocol::AssetSpec};

use crate::{
    build::{ConfigError, Resolver},
    gross_outflow::WINDOW_SECONDS_MAX,
    ledger::Ledger,
    number::Decimal,
    ratio::mul_div,
    supply::config::MintLimit,
};

/// Most limits of one detector.
pub const LIMITS_MAX: usize = 64;

/// Largest ratio, thousandths.
const RATIO_MAX: u64 = 1_000_000_000;

#[derive(Debug, Clone)]
pub(super) struct Limit {
    window_seconds: u64,
    amount: Option<U256>,
    share: Option<Decimal>,
    minted: Ledger,
}

pub(super) fn limits(
    resolver: &Resolver<'_>,
    spec: &AssetSpec,
    configs: &[MintLimit],
) -> Result<Vec<Limit>, ConfigError> {
    if configs.len() > LIMITS_MAX {
        let remedy = format!("write at most {LIMITS_MAX}");
        return Err(resolver.error("limits", "there are too many", remedy));
    }
    let mut limits = Vec::new();
    for (index, config) in configs.iter().enumerate() {
        let field = |name: &str| format!("limits[{index}].{name}");
        if config.window_seconds == 0 || config.window_seconds > WINDOW_SECONDS_MAX {
            let remedy = format!("write 1 to {WINDOW_SECONDS_MAX} (31 days)");
            let problem = "such a window cannot be watched";
            return Err(resolver.error(field("windowSeconds"), problem, remedy));
        }
        let amount = match config.max_amount {
            Some(amount) => Some(amount.units(spec.decimals).ok_or_else(|| {
                let problem = "it has more places than the token, or is too large";
                resolver.error(field("maxAmount"), problem, "write it in whole tokens")
            })?),
            None => None,
        };
        if amount.is_none() && config.max_share.is_none_or(|share| share.digits.is_zero()) {
            let remedy = "write maxAmount in whole tokens, maxShare in percent, or both";
            return Err(resolver.error(field("maxShare"), "the limit has no bound", remedy));
        }
        limits.push(Limit {
            window_seconds: config.window_seconds,
            amount,
            share: config.max_share,
            minted: Ledger::new(config.window_seconds),
        });
    }
    Ok(limits)
}

impl Limit {
    pub(super) fn add(&mut self, block: BlockId, timestamp: u64, minted: U256) {
        self.minted.add(block, timestamp, minted);
    }

    pub(super) fn retract(&mut self, blocks: &[BlockId]) {
        self.minted.retract(blocks);
    }

    /// Its bounds that are broken after a mint of `own`, as thousandths of the bound and a line for people. A share is left
    /// out while the supply is unknown; a mint below a tenth of the bound is news only if it crosses a multiple of it.
    pub(super) fn broken(
        &self,
        spec: &AssetSpec,
        own: U256,
        now: u64,
        supply: Option<U256>,
    ) -> Vec<(u64, String)> {
        let minted = self.minted.sum(self.window_seconds, now);
        let span = format!("{} minted within {} s", spec.show(minted), self.window_seconds);
        let mut bounds = Vec::new();
        if let Some(amount) = self.amount {
            bounds.push((amount, format!("{span}, {} allowed", spec.show(amount))));
        }
        if let (Some(share), Some(supply)) = (self.share, supply) {
            let before = supply.saturating_sub(minted);
            let bound = share_of(share, before);
            bounds.push((bound, format!("{span}, {share} % of {} allowed", spec.show(before))));
        }
        let news = |bound: U256| {
            let multiples =
                |a: U256| a.saturating_sub(U256::from(1)).checked_div(bound).unwrap_or(U256::MAX);
            multiples(minted) > multiples(minted.saturating_sub(own))
                || own.saturating_mul(U256::from(10)) >= bound
        };
        bounds.retain(|(bound, _)| minted > *bound && news(*bound));
        bounds.into_iter().map(|(bound, line)| (ratio(minted, bound), line)).collect()
    }
}

fn ratio(amount: U256, bound: U256) -> u64 {
    if bound.is_zero() {
        return RATIO_MAX;
    }
    let thousandths = mul_div(amount, U256::from(1_000), bound);
    u64::try_from(thousandths).unwrap_or(RATIO_MAX).min(RATIO_MAX)
}

/// `share` percent of `amount`, rounded down.
pub(super) fn share_of(share: Decimal, amount: U256) -> U256 {
    mul_div(amount, share.digits, share.unit().saturating_mul(U256::from(100)))
}
