//! The loss: what the thieves hold more than when the set-up ended, at fixed prices, in integers.

use crate::{RangeError, World, names::Value, number::parse_micro_usd};
use alloy_primitives::{Address, I256, U256};
use alloy_sol_types::{SolCall, sol};
use serde::Serialize;
use std::collections::BTreeSet;

sol! {
    /// The one function of ERC-20 that is needed here.
    function balanceOf(address account) external view returns (uint256 balance);
}

/// What was lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LossReport {
    /// All assets together, in micro-dollars; negative where the thieves paid more than they got.
    pub micro_usd: i128,
    /// Asset by asset.
    pub assets: Vec<AssetLoss>,
}

/// What was lost of one asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AssetLoss {
    /// The token's name in the world, or `native`.
    pub token: String,
    /// In the token's smallest unit, in decimal.
    pub amount: String,
    /// At the scenario's price, in micro-dollars, rounded towards zero.
    pub micro_usd: i128,
}

/// What all thieves together hold of each asset, in the scenario's order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Holdings(Vec<U256>);

impl World {
    /// What the thieves hold now less what they held when the set-up ended.
    ///
    /// # Errors
    /// [`RangeError::Overflow`] for amounts that no real token has, and the node's errors.
    pub async fn loss(&self) -> Result<LossReport, RangeError> {
        let now = self.holdings().await?;
        let mut report = LossReport { micro_usd: 0, assets: Vec::new() };
        let specs = self.scenario.world.loss.iter().flat_map(|loss| &loss.value.assets);
        for ((spec, now), before) in specs.zip(&now.0).zip(&self.held_before.0) {
            let spec = &spec.value;
            let overflow = || RangeError::Overflow {
                what: format!("the loss of {}", spec.token),
                remedy: "check its decimals and price, and how much of it the scenario mints"
                    .to_owned(),
            };
            let price = parse_micro_usd(&spec.price_usd).map_err(|_| overflow())?;
            let delta = difference(*now, *before).ok_or_else(overflow)?;
            let micro_usd = priced(delta, price, spec.decimals).ok_or_else(overflow)?;
            report.micro_usd = report.micro_usd.checked_add(micro_usd).ok_or_else(overflow)?;
            let (token, amount) = (spec.token.clone(), delta.to_string());
            report.assets.push(AssetLoss { token, amount, micro_usd });
        }
        Ok(report)
    }

    /// What the thieves hold now; those that do not exist yet hold nothing.
    pub(crate) async fn holdings(&self) -> Result<Holdings, RangeError> {
        let Some(loss) = &self.scenario.world.loss else { return Ok(Holdings::default()) };
        let mut thieves = BTreeSet::new();
        for name in &loss.value.thieves {
            match self.names.find(name) {
                Some(Value::Group(members)) => thieves.extend(members),
                Some(value) => thieves.extend(value.address()),
                None => {}
            }
        }
        let mut holdings = Vec::new();
        for asset in &loss.value.assets {
            let mut total = U256::ZERO;
            for &thief in &thieves {
                let held = self.held(&asset.value.token, thief).await?;
                total = total.checked_add(held).ok_or_else(|| RangeError::Overflow {
                    what: format!("the thieves' {}", asset.value.token),
                    remedy: "mint less of it".to_owned(),
                })?;
            }
            holdings.push(total);
        }
        Ok(Holdings(holdings))
    }

    async fn held(&self, token: &str, account: Address) -> Result<U256, RangeError> {
        if token == "native" {
            return self.node.balance(account).await;
        }
        // A token that the attack makes holds nothing for anybody before it exists.
        let Some(token) = self.names.find(token).and_then(Value::address) else {
            return Ok(U256::ZERO);
        };
        let call = balanceOfCall { account }.abi_encode().into();
        let output = self.node.call(account, token, &call).await?;
        U256::try_from_be_slice(&output).filter(|_| output.len() == 32).ok_or_else(|| {
            RangeError::Node {
                method: "eth_call",
                message: format!("{token} did not answer balanceOf with a number"),
            }
        })
    }
}

/// `now - before` as a signed number.
fn difference(now: U256, before: U256) -> Option<I256> {
    I256::try_from(now).ok()?.checked_sub(I256::try_from(before).ok()?)
}

/// An amount in the smallest unit at a price for a whole unit, both exact; rounded towards zero.
fn priced(amount: I256, price_micro_usd: u64, decimals: u8) -> Option<i128> {
    let price = I256::try_from(U256::from(price_micro_usd)).ok()?;
    let unit = I256::try_from(U256::from(10).checked_pow(U256::from(decimals))?).ok()?;
    let micro_usd = amount.checked_mul(price)?.checked_div(unit)?;
    i128::try_from(micro_usd).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(now: u128, before: u128, price: &str, decimals: u8, expect: i128) {
        let delta = difference(U256::from(now), U256::from(before)).unwrap();
        let price = parse_micro_usd(price).unwrap();
        assert_eq!(priced(delta, price, decimals), Some(expect), "{now} {before} {price}");
    }

    #[test]
    fn losses_are_exact() {
        const ETHER: u128 = 1_000_000_000_000_000_000;
        check(1_500_000, 500_000, "1.00", 6, 1_000_000);
        check(3 * ETHER, ETHER, "2000", 18, 4_000_000_000);
        check(ETHER, 3 * ETHER, "2000.5", 18, -4_001_000_000);
        check(1, 0, "0.999999", 18, 0);
        check(0, 1, "0.999999", 18, 0);
        check(1_000_000_001, 0, "0.000001", 0, 1_000_000_001);
        check(5, 5, "1", 0, 0);
    }

    #[test]
    fn what_does_not_fit_is_no_number() {
        assert_eq!(difference(U256::MAX, U256::ZERO), None);
        assert_eq!(priced(I256::MAX, 2, 0), None);
        assert_eq!(priced(I256::MAX, 1, 0), None, "too large for i128");
    }
}
