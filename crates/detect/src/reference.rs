//! Reference prices: what an asset is worth to the protected protocol, whatever a pool says in the transaction at hand.
//!
//! An asset is worth its `priceUsd`, or what a configured oracle said at the end of an earlier block: a price that was
//! moved within a transaction moves no reference price of that transaction. An oracle that was never read, could not be
//! read or says zero leaves `priceUsd` in force; that it could not be read is reported by the engine.

use std::collections::BTreeMap;

use alloy_primitives::{I256, U256, U512};
use portcullis_types::{
    chain::BlockId,
    evidence::Evidence,
    money::{Asset, Usd},
    probe::{Probe, Reading},
    protocol::AssetSpec,
};
use serde::{Deserialize, Serialize};

use crate::{
    build::{ConfigError, Resolver},
    config::Term,
    invariant::side::Side,
    ratio::Ratio,
};

/// Most decimals of an oracle's answer.
const DECIMALS_MAX: u8 = 36;

/// Where the reference price of an asset is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OraclePrice {
    /// Symbol of the asset.
    pub asset: String,
    /// Dollars a whole unit: `{call: "latestAnswer()", contract: ethFeed}`.
    pub price: Term,
    /// Decimals of the answer: 8 for most Chainlink feeds.
    pub decimals: u8,
}

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Prices {
    entries: BTreeMap<Asset, Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    spec: AssetSpec,
    oracle: Option<(Side, u8)>,
}

impl Prices {
    pub(crate) fn new(
        resolver: &Resolver<'_>,
        oracles: &[OraclePrice],
    ) -> Result<Self, ConfigError> {
        let mut entries = BTreeMap::new();
        for spec in resolver.protocol.assets.iter().filter(|spec| spec.price_usd > Usd::ZERO) {
            entries.insert(spec.asset, Entry { spec: spec.clone(), oracle: None });
        }
        for (index, oracle) in oracles.iter().enumerate() {
            let field = |name: &str| format!("oracles[{index}].{name}");
            let spec = resolver.asset(&field("asset"), &oracle.asset)?;
            if oracle.decimals > DECIMALS_MAX {
                return Err(resolver.error(
                    field("decimals"),
                    format!("{} is more than {DECIMALS_MAX}", oracle.decimals),
                    "write the decimals of the oracle's answer, 8 for most Chainlink feeds",
                ));
            }
            let side = Side::new(resolver, &field("price"), &oracle.price)?;
            let entry = entries.get_mut(&spec.asset).filter(|entry| entry.oracle.is_none());
            match entry {
                Some(entry) => entry.oracle = Some((side, oracle.decimals)),
                None => {
                    return Err(resolver.error(
                        field("asset"),
                        format!("`{}` has another oracle already", oracle.asset),
                        "leave one of them",
                    ));
                }
            }
        }
        Ok(Self { entries })
    }

    pub(crate) fn probes(&self) -> impl Iterator<Item = Probe> {
        let oracles = self.entries.values().filter_map(|entry| entry.oracle.as_ref());
        oracles.filter_map(|(side, _)| side.probe().cloned())
    }

    pub(crate) fn take(&mut self, block: BlockId, reading: &Reading) {
        for entry in self.entries.values_mut() {
            if let Some((side, _)) = &mut entry.oracle {
                side.take(block, reading);
            }
        }
    }

    pub(crate) fn retract(&mut self, blocks: &[BlockId]) {
        for entry in self.entries.values_mut() {
            if let Some((side, _)) = &mut entry.oracle {
                side.retract(blocks);
            }
        }
    }

    pub(crate) fn spec(&self, asset: Asset) -> Option<&AssetSpec> {
        self.entries.get(&asset).map(|entry| &entry.spec)
    }

    pub(crate) fn assets(&self) -> impl Iterator<Item = Asset> {
        self.entries.keys().copied()
    }

    /// Value of an amount in smallest units; none for an asset without a price. Saturates.
    pub(crate) fn value(&self, asset: Asset, amount: U256) -> Option<Usd> {
        let entry = self.entries.get(&asset)?;
        let (mantissa, unit) = entry.price();
        let micros: U512 = amount.widening_mul(mantissa);
        let micros = micros.checked_div(U512::from(unit)).unwrap_or_default();
        Some(Usd(i128::try_from(micros).unwrap_or(i128::MAX)))
    }

    /// The same for a gain or a loss.
    pub(crate) fn signed_value(&self, asset: Asset, delta: I256) -> Option<Usd> {
        let value = self.value(asset, delta.unsigned_abs())?;
        Some(if delta.is_negative() { -value } else { value })
    }

    /// How many smallest units of `quote` a smallest unit of `base` is worth; none if one has no price.
    pub(crate) fn ratio(&self, base: Asset, quote: Asset) -> Option<Ratio> {
        let (base, base_unit) = self.entries.get(&base)?.price();
        let (quote, quote_unit) = self.entries.get(&quote)?.price();
        Ratio::new(base.checked_mul(quote_unit)?, quote.checked_mul(base_unit)?)
    }
}

impl Entry {
    /// Millionths of a dollar for `unit` smallest units, as (price, unit).
    fn price(&self) -> (U256, U256) {
        let ten = U256::from(10);
        let unit = ten.saturating_pow(U256::from(self.spec.decimals));
        let read =
            self.oracle.as_ref().and_then(|(side, decimals)| Some((side.value()?, *decimals)));
        // A feed answers with a signed number; what would be negative is no price.
        let sane = |(answer, _): &(U256, u8)| !answer.is_zero() && answer.bit_len() <= 128;
        match read.filter(sane) {
            Some((answer, decimals)) => {
                let scale = ten.saturating_pow(U256::from(decimals));
                (answer.saturating_mul(U256::from(Usd::ONE_MICROS)), unit.saturating_mul(scale))
            }
            None => (U256::from(self.spec.price_usd.0.max(0).unsigned_abs()), unit),
        }
    }
}

/// Values of what moved in a transaction into and out of some accounts, at reference prices.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Turnover {
    pub(crate) came: Usd,
    pub(crate) went: Usd,
}

impl Turnover {
    /// Of the accounts that `is_member` names, movements between them left out.
    pub(crate) fn of(
        prices: &Prices,
        evidence: &Evidence,
        is_member: impl Fn(&alloy_primitives::Address) -> bool,
    ) -> Self {
        let mut sums = Self::default();
        for transfer in &evidence.transfers {
            let (from, to) = (is_member(&transfer.from), is_member(&transfer.to));
            if from == to {
                continue;
            }
            let Some(value) = prices.value(transfer.asset, transfer.amount) else { continue };
            *(if to { &mut sums.came } else { &mut sums.went }) += value;
        }
        sums
    }

    pub(crate) fn total(self) -> Usd {
        self.came + self.went
    }
}

/// `part / whole` in thousandths, rounded down, at most a million times; of nothing, any part is that.
pub(crate) fn thousandths(part: Usd, whole: Usd) -> u64 {
    const RATIO_MAX: u64 = 1_000_000_000;
    let (part, whole) = (part.max_zero().0.unsigned_abs(), whole.max_zero().0.unsigned_abs());
    if part == 0 {
        return 0;
    }
    let scaled = crate::ratio::mul_div(U256::from(part), U256::from(1_000), U256::from(whole));
    if whole == 0 { RATIO_MAX } else { u64::try_from(scaled).unwrap_or(RATIO_MAX).min(RATIO_MAX) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        net_loss::META,
        testing::{MARKET, USDC, block, protocol, usdc},
    };

    const ETHER: U256 = U256::from_limbs([1_000_000_000_000_000_000, 0, 0, 0]);

    #[test]
    fn an_oracle_speaks_for_the_transactions_after_its_block() {
        let protocol = protocol();
        let resolver = Resolver { protocol: &protocol, meta: &META };
        let oracle: OraclePrice = serde_json::from_str(
            r#"{"asset":"ETH","price":{"call":"latestAnswer()","contract":"market"},"decimals":8}"#,
        )
        .unwrap();
        let mut prices = Prices::new(&resolver, std::slice::from_ref(&oracle)).unwrap();
        let dollars = |prices: &Prices| prices.value(Asset::Native, ETHER).unwrap();
        assert_eq!(dollars(&prices), Usd::dollars(2_000), "before it was read");
        let probe = prices.probes().next().unwrap();
        let answer = |prices: &mut Prices, number, value: Result<u64, String>| {
            let value = value.map(U256::from);
            let reading = Reading { probe: probe.clone(), value, depends_on: Vec::new() };
            prices.take(block(number, 1), &reading);
        };
        answer(&mut prices, 1, Ok(2_500 * 100_000_000));
        assert_eq!(dollars(&prices), Usd::dollars(2_500));
        let one = prices.ratio(Asset::Native, USDC).unwrap();
        let expected = Ratio::new(usdc(2_500), ETHER).unwrap();
        assert_eq!(one.bps_apart(expected), 0);
        answer(&mut prices, 2, Ok(0));
        assert_eq!(dollars(&prices), Usd::dollars(2_000), "zero is no price");
        prices.retract(&[block(2, 1)]);
        assert_eq!(dollars(&prices), Usd::dollars(2_500));
        answer(&mut prices, 3, Err("reverted".to_owned()));
        assert_eq!(dollars(&prices), Usd::dollars(2_000));
        assert!(Prices::new(&resolver, &[oracle.clone(), oracle]).is_err(), "two oracles");
        assert_eq!(prices.value(Asset::Token(MARKET), ETHER), None);
    }
}
