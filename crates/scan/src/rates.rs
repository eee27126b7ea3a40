//! What things are worth where they were traded in the same transaction: for saying what was lost, never for deciding
//! whether something is wrong, since prices inside an attack may be the attack.
//!
//! A pool that gave one thing for another says what one is worth in the other. What is worth a dollar by issue, or has a
//! configured price, keeps it; coins take the median of the pools that traded them against such, where two or more did;
//! tokens without any price take the median of the pools that traded them against something of a known value.

use std::collections::BTreeMap;

use alloy_primitives::U256;
use portcullis_types::{
    evidence::Flow,
    money::{Asset, Usd},
};

use crate::picture::Picture;

/// A trade below this says little about a price.
const TRADE_MIN: Usd = Usd::dollars(100);
/// Pools that must have traded a coin before its reference price is set aside.
const POOLS_MIN: usize = 2;

/// Dollars for amounts: the value, and of how many smallest units.
type Rate = (Usd, U256);

/// Values by the transaction's own trades.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    by_asset: BTreeMap<Asset, Rate>,
}

impl Rates {
    /// The rates that a transaction shows.
    pub(crate) fn new(picture: &Picture<'_>) -> Self {
        let mut rates = Self::default();
        let prices = picture.prices;
        let chain = picture.evidence.chain;
        let coins = rates.seen(picture, false, |asset| {
            let of_value = prices.value(chain, asset, U256::from(1)).is_some();
            of_value && !prices.is_firm(chain, asset)
        });
        let coins = coins.into_iter().filter(|(_, seen)| seen.len() >= POOLS_MIN);
        rates.by_asset.extend(coins.filter_map(|(asset, seen)| Some((asset, median(seen)?))));
        let tokens =
            rates.seen(picture, true, |asset| prices.value(chain, asset, U256::from(1)).is_none());
        rates
            .by_asset
            .extend(tokens.into_iter().filter_map(|(asset, seen)| Some((asset, median(seen)?))));
        rates
    }

    /// What an amount is worth; none if nobody knows.
    pub(crate) fn value(&self, picture: &Picture<'_>, asset: Asset, amount: U256) -> Option<Usd> {
        let chain = picture.evidence.chain;
        let asset = picture.prices.plain(chain, asset);
        match self.by_asset.get(&asset) {
            Some((value, of)) => Some(scaled(*value, amount, *of)),
            None => picture.prices.value(chain, asset, amount),
        }
    }

    /// Rates of the wanted assets, one a pool.
    fn seen(
        &self,
        picture: &Picture<'_>,
        rough: bool,
        wanted: impl Fn(Asset) -> bool,
    ) -> BTreeMap<Asset, Vec<Rate>> {
        let chain = picture.evidence.chain;
        let mut seen: BTreeMap<Asset, Vec<Rate>> = BTreeMap::new();
        for (_, flows) in picture.others() {
            let [a, b] = flows else { continue };
            if a.delta.is_negative() == b.delta.is_negative() {
                continue;
            }
            for (one, other) in [(a, b), (b, a)] {
                let asset = picture.prices.plain(chain, one.asset);
                let Some(value) = self.known(picture, other, rough) else { continue };
                if wanted(asset) && value >= TRADE_MIN {
                    seen.entry(asset).or_default().push((value, one.delta.unsigned_abs()));
                }
            }
        }
        seen
    }

    /// What a flow is worth by a firm price or a rate, or, if that is good enough, by a reference price.
    fn known(&self, picture: &Picture<'_>, flow: &Flow, rough: bool) -> Option<Usd> {
        let chain = picture.evidence.chain;
        let asset = picture.prices.plain(chain, flow.asset);
        let firm = picture.prices.is_firm(chain, asset) || self.by_asset.contains_key(&asset);
        (firm || rough).then(|| self.value(picture, asset, flow.delta.unsigned_abs())).flatten()
    }
}

/// The rate in the middle; the lower one of two.
fn median(mut seen: Vec<Rate>) -> Option<Rate> {
    seen.sort_by(|a, b| {
        let (left, right) = (cross(a.0, b.1), cross(b.0, a.1));
        left.cmp(&right).then(a.cmp(b))
    });
    seen.get((seen.len().checked_sub(1)?) / 2).copied()
}

fn cross(value: Usd, amount: U256) -> U256 {
    U256::try_from(value.0).unwrap_or_default().saturating_mul(amount)
}

/// `value × part / whole`, rounded to the nearest millionth of a dollar.
pub(crate) fn scaled(value: Usd, part: U256, whole: U256) -> Usd {
    let product = cross(value, part).saturating_add(whole / U256::from(2));
    let product = product.checked_div(whole).unwrap_or_default();
    Usd(i128::try_from(product.saturating_to::<u128>()).unwrap_or(i128::MAX))
}
