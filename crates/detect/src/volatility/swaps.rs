//! Prices at which a pool swaps, from the movements of its two assets.

use alloy_primitives::{Address, U256, U512};
use portcullis_types::{evidence::Evidence, money::Asset};
use serde::{Deserialize, Serialize};

use crate::{
    build::{ConfigError, Resolver},
    number::Decimal,
};

/// Most swaps of one transaction that are looked at.
pub(super) const SWAPS_MAX: usize = 1_024;

/// Prices are smallest units of the quote for `10^18` of the base.
const SCALE: U512 = U512::from_limbs([1_000_000_000_000_000_000, 0, 0, 0, 0, 0, 0, 0]);

/// A pool and the two assets whose ratio is its price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SwapsConfig {
    /// The pool: an address or the name of a contract.
    pub pool: String,
    /// Symbol of the asset whose price it is.
    pub base: String,
    /// Symbol of the asset in which it is told.
    pub quote: String,
    /// Swaps of less of the base than this say nothing, whole units: dust has any price.
    pub min_base: Decimal,
}

/// A pool whose swaps are watched.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    pub(super) account: Address,
    base: Asset,
    quote: Asset,
    min_base: U256,
}

impl Pool {
    pub(super) fn new(resolver: &Resolver<'_>, config: &SwapsConfig) -> Result<Self, ConfigError> {
        let account = resolver.account("swaps.pool", &config.pool)?;
        let base = resolver.asset("swaps.base", &config.base)?;
        let quote = resolver.asset("swaps.quote", &config.quote)?;
        if base.asset == quote.asset {
            let remedy = "name the two assets of the pool";
            return Err(resolver.error("swaps.quote", "it is the same as `base`", remedy));
        }
        let min_base = config.min_base.units(base.decimals).filter(|least| !least.is_zero());
        let min_base = min_base.ok_or_else(|| {
            let problem = format!("it is 0 or has more than {} places", base.decimals);
            resolver.error("swaps.minBase", problem, "write for instance \"0.01\"")
        })?;
        Ok(Self { account, base: base.asset, quote: quote.asset, min_base })
    }

    /// Prices of the swaps in a transaction, in order. A swap is one movement into the pool and one out of it, of the two
    /// assets, that follow one another among the pool's; liquidity goes in or out on both sides and is none.
    pub(super) fn prices(&self, evidence: &Evidence) -> Vec<U256> {
        let mut prices = Vec::new();
        let mut open: Option<(Asset, bool, U256)> = None;
        for transfer in &evidence.transfers {
            let is_in = transfer.to == self.account;
            let is_pools = is_in != (transfer.from == self.account);
            if !is_pools || (transfer.asset != self.base && transfer.asset != self.quote) {
                continue;
            }
            let this = (transfer.asset, is_in, transfer.amount);
            match open.take() {
                Some((asset, was_in, amount)) if asset != this.0 && was_in != this.1 => {
                    let (base, quote) =
                        if asset == self.base { (amount, this.2) } else { (this.2, amount) };
                    if base >= self.min_base && prices.len() < SWAPS_MAX {
                        let price = U512::from(quote) * SCALE / U512::from(base);
                        prices.push(U256::saturating_from(price));
                    }
                }
                _ => open = Some(this),
            }
        }
        prices
    }
}
