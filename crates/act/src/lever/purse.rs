//! Whether an acting account can pay, and for how much.

use alloy_primitives::{Address, U256};
use serde::Serialize;

use crate::{
    fees::WEI_PER_GWEI,
    nodes::{NodeError, Nodes},
};

/// The tip that is reckoned with, wei for each gas: that of a first try.
const TIP_WEI: u128 = 5 * WEI_PER_GWEI;

/// What an account can pay at today's fee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Purse {
    /// The account.
    pub account: Address,
    /// Its balance, wei.
    pub balance_wei: U256,
    /// Wei for each gas that is reckoned with: twice the base fee, and the tip of a first try.
    pub wei_per_gas: U256,
    /// Gas of one transaction that is reckoned with: for a pull the largest limit of the levers.
    pub gas_per_transaction: u64,
    /// Transactions that the balance pays for.
    pub transactions: U256,
}

/// Looks at an account's balance and today's fee.
pub async fn purse(
    nodes: &Nodes,
    account: Address,
    gas_per_transaction: u64,
) -> Result<Purse, NodeError> {
    let (balance_wei, head) = tokio::try_join!(nodes.balance(account), nodes.head())?;
    let fee = head.base_fee.saturating_mul(2).saturating_add(TIP_WEI);
    let wei_per_gas = U256::from(fee);
    let price = wei_per_gas.saturating_mul(U256::from(gas_per_transaction));
    let transactions = balance_wei.checked_div(price).unwrap_or_default();
    Ok(Purse { account, balance_wei, wei_per_gas, gas_per_transaction, transactions })
}
