//! Bounds on what may leave, and what is known of the asset they are about. See [`crate::gross_outflow`].

use std::collections::BTreeMap;

use alloy_primitives::{Address, U256, U512};
use portcullis_types::protocol::AssetSpec;

use crate::{
    build::{ConfigError, Resolver},
    config::OutflowLimit,
    history::Balance,
    ledger::Ledger,
    number::Decimal,
};

/// Longest window, seconds: 31 days.
pub const WINDOW_SECONDS_MAX: u64 = 31 * 24 * 60 * 60;

/// Ratios are compared in thousandths, and one above this counts as this: a million times the bound.
const RATIO_MAX: u64 = 1_000_000_000;

/// Share of a bound, in thousandths, from which on a transaction in a broken window is worth a finding of its own.
const NEWS_THOUSANDTHS: u64 = 100;

/// Everything about one asset.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    pub(super) spec: AssetSpec,
    pub(super) limits: Vec<Limit>,
    pub(super) ledger: Ledger,
    /// By holder; empty where no limit is a share.
    pub(super) balances: BTreeMap<Address, Balance>,
}

#[derive(Debug, Clone)]
pub(super) struct Limit {
    pub(super) window_seconds: u64,
    pub(super) amount: Option<U256>,
    /// Percent.
    pub(super) share: Option<Decimal>,
}

/// A bound that is broken.
pub(super) struct Broken {
    /// Outflow over bound, thousandths.
    pub(super) ratio: u64,
    /// Whether the transaction at hand took a part in breaking it that is worth saying.
    pub(super) is_news: bool,
    pub(super) line: String,
}

impl Limit {
    pub(super) fn new<'a>(
        resolver: &Resolver<'a>,
        index: usize,
        limit: &OutflowLimit,
    ) -> Result<(&'a AssetSpec, Self), ConfigError> {
        let field = |name: &str| format!("limits[{index}].{name}");
        let spec = resolver.asset(&field("asset"), &limit.asset)?;
        if limit.window_seconds == 0 || limit.window_seconds > WINDOW_SECONDS_MAX {
            return Err(resolver.error(
                field("windowSeconds"),
                format!("a window of {} s cannot be watched", limit.window_seconds),
                format!("write 1 to {WINDOW_SECONDS_MAX} (31 days)"),
            ));
        }
        if limit.max_amount.is_none() && limit.max_share.is_none() {
            return Err(resolver.error(
                field("maxAmount"),
                "the limit has no bound",
                "write maxAmount in whole units, maxShare in percent, or both",
            ));
        }
        let too_fine = |amount: Decimal| {
            resolver.error(
                field("maxAmount"),
                format!(
                    "{amount} {} has more than {} places or is too large",
                    spec.symbol, spec.decimals
                ),
                "write it in whole units of the asset",
            )
        };
        let amount = match limit.max_amount {
            Some(amount) => Some(amount.units(spec.decimals).ok_or_else(|| too_fine(amount))?),
            None => None,
        };
        // More than everything is no bound.
        let is_percent = |share: &Decimal| {
            !share.digits.is_zero() && share.digits <= share.unit().saturating_mul(U256::from(100))
        };
        if limit.max_share.is_some_and(|share| !is_percent(&share)) {
            return Err(resolver.error(
                field("maxShare"),
                "it is outside 0 to 100",
                "write percent above 0, for instance \"5\" or \"0.25\"",
            ));
        }
        Ok((spec, Self { window_seconds: limit.window_seconds, amount, share: limit.max_share }))
    }
}

impl Broken {
    fn new(left: U256, own: U256, bound: U256, line: String) -> Self {
        let crosses = multiples(left, bound) > multiples(left.saturating_sub(own), bound);
        let is_large = ratio(own, bound) >= NEWS_THOUSANDTHS;
        Self { ratio: ratio(left, bound), is_news: crosses || is_large, line }
    }
}

impl Watch {
    /// The bounds of `limit` that are broken at `now`, after a transaction that took `own`.
    pub(super) fn broken(&self, limit: &Limit, own: U256, now: u64) -> Vec<Broken> {
        let left = self.ledger.sum(limit.window_seconds, now);
        let mut found = Vec::new();
        if let Some(bound) = limit.amount.filter(|bound| left > *bound) {
            let line = self.line(left, limit, &format!("{} allowed", self.spec.show(bound)));
            found.push(Broken::new(left, own, bound, line));
        }
        if let (Some(share), Some(owned)) = (limit.share, self.owned()) {
            let was_there = owned.saturating_add(left);
            let bound = share_of(share, was_there);
            if left > bound {
                let there = self.spec.show(was_there);
                let allowed = format!("{share} % of {there} allowed ({})", self.spec.show(bound));
                let line = self.line(left, limit, &allowed);
                found.push(Broken::new(left, own, bound, line));
            }
        }
        found
    }

    fn line(&self, left: U256, limit: &Limit, allowed: &str) -> String {
        format!("{} left within {} s, {allowed}", self.spec.show(left), limit.window_seconds)
    }

    /// What all holders own together; none while one of them was never read.
    fn owned(&self) -> Option<U256> {
        let mut sum = U256::ZERO;
        for balance in self.balances.values() {
            sum = sum.saturating_add(balance.now()?);
        }
        Some(sum)
    }
}

/// `share` percent of `amount`, rounded down.
fn share_of(share: Decimal, amount: U256) -> U256 {
    let product: U512 = amount.widening_mul(share.digits);
    let divisor = U512::from(share.unit()) * U512::from(100);
    U256::saturating_from(product.checked_div(divisor).unwrap_or_default())
}

/// How many whole bounds `amount` is above: 0 up to the bound itself.
fn multiples(amount: U256, bound: U256) -> U256 {
    amount.saturating_sub(U256::from(1)).checked_div(bound).unwrap_or(U256::MAX)
}

/// `amount / bound` in thousandths, rounded down, at most [`RATIO_MAX`].
fn ratio(amount: U256, bound: U256) -> u64 {
    let thousandths: U512 = amount.widening_mul(U256::from(1_000));
    match thousandths.checked_div(U512::from(bound)) {
        Some(ratio) => u64::try_from(ratio).unwrap_or(RATIO_MAX).min(RATIO_MAX),
        None => RATIO_MAX,
    }
}
