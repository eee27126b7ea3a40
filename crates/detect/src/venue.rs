//! Trading, or theft? What a transaction did to a market, measured at reference prices.
//!
//! A market that trades at its own price cannot lose more, of what it pays out, than its price was off beforehand: whoever
//! buys pays at least the price at which he found it. An arbitrageur takes no more than that and leaves the price nearer
//! to the reference; a thief is paid better than the market's own price.

use std::collections::BTreeSet;

use alloy_primitives::{Address, U256};
use portcullis_types::{
    evidence::Evidence,
    money::{Asset, Usd},
};

use crate::{
    build::{ConfigError, Resolver},
    net_loss::supply_change,
    pool::{Path, Pool, PoolConfig},
    ratio::bps_of,
    reference::Prices,
};

/// A market of the protocol: a pool whose two assets are named.
pub type VenueConfig = PoolConfig;

/// By how much a market's loss may exceed what its price was off, basis points of what it paid out: rounding, tokens that
/// take a fee, and a reference price that is a little late.
pub const SLACK_BPS: u64 = 50;

/// What was done to a market in a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing moved, or what moved cannot be judged: liquidity was added or taken, an asset has no price, the price
    /// before is not known.
    Unknown,
    /// What it lost, if it did, its own price explains.
    Trade(Measures),
    /// It paid better than its own price.
    Theft(Measures),
}

/// The figures behind a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Measures {
    /// Value of what it paid out more than it took in; 0 if none.
    pub(crate) loss: Usd,
    /// Value of what it paid out.
    pub(crate) paid: Usd,
    /// The loss as a part of that, basis points.
    pub(crate) loss_bps: u64,
    /// How far its price was from the reference before and after, basis points.
    pub(crate) off_before: u64,
    pub(crate) off_after: u64,
    /// Whether the price came no nearer to the reference.
    pub(crate) away: bool,
}

/// A venue must name its two assets: without them there is no reference price.
pub(crate) fn venue(
    resolver: &Resolver<'_>,
    field: &str,
    config: &VenueConfig,
) -> Result<Pool, ConfigError> {
    let pool = Pool::new(resolver, field, config)?;
    if pool.assets.is_none() {
        return Err(resolver.error(
            format!("{field}.assets"),
            "the market's two assets are not named",
            "write the symbols of its two assets, as in [WETH, USDC]",
        ));
    }
    Ok(pool)
}

pub(crate) fn verdict(
    pool: &Pool,
    path: Option<&Path>,
    prices: &Prices,
    evidence: &Evidence,
) -> Verdict {
    let (Some(path), Some([one, two])) = (path, pool.assets) else { return Verdict::Unknown };
    let Some(reference) = prices.ratio(one, two) else { return Verdict::Unknown };
    // Shares in the pool itself: liquidity comes and goes with its owners, and is no trade.
    if !supply_change(Asset::Token(pool.address), evidence).is_zero() {
        return Verdict::Unknown;
    }
    let (mut change, mut paid) = (Usd::ZERO, Usd::ZERO);
    for flow in evidence.flows.iter().filter(|flow| flow.holder == pool.address) {
        let Some(value) = prices.signed_value(flow.asset, flow.delta) else {
            return Verdict::Unknown;
        };
        change += value;
        // Net of the transaction: what was lent for its duration must not make a theft look small.
        paid += (-value).max_zero();
    }
    let loss = (-change).max_zero();
    let micros = |value: Usd| U256::from(value.max_zero().0.unsigned_abs());
    let (off_before, off_after) =
        (path.start.bps_apart(reference), path.end().bps_apart(reference));
    let measures = Measures {
        loss,
        paid,
        loss_bps: bps_of(micros(loss), micros(paid)),
        off_before,
        off_after,
        away: off_after >= off_before,
    };
    if measures.loss_bps <= off_before.saturating_add(SLACK_BPS) {
        Verdict::Trade(measures)
    } else {
        Verdict::Theft(measures)
    }
}

/// The accounts whose gain is the actor's: the sender, the contract called where it is none of the protocol's, and what
/// the transaction created.
pub(crate) fn actor(evidence: &Evidence, is_own: impl Fn(&Address) -> bool) -> BTreeSet<Address> {
    let created = evidence.created.iter().map(|created| created.address);
    let called = evidence.to.into_iter().chain(std::iter::once(evidence.from));
    created.chain(called).filter(|address| !is_own(address)).collect()
}

/// What accounts gained in assets that have a price; negative for a loss.
pub(crate) fn gain(accounts: &BTreeSet<Address>, prices: &Prices, evidence: &Evidence) -> Usd {
    let flows = evidence.flows.iter().filter(|flow| accounts.contains(&flow.holder));
    flows.filter_map(|flow| prices.signed_value(flow.asset, flow.delta)).sum()
}
