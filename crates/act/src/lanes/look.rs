//! How accounts that act stand on the chain, looked at from outside: no running program is asked.

use alloy_primitives::{Address, U256};
use futures_util::future::join_all;

use crate::nodes::Nodes;

/// One account. What could not be looked at is an error and not a zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneLook {
    /// The account.
    pub account: Address,
    /// What it can pay with, wei.
    pub balance: Result<U256, String>,
    /// Its next nonce after the newest block.
    pub latest: Result<u64, String>,
    /// Its next nonce after what the node's pool holds.
    pub pending: Result<u64, String>,
}

impl LaneLook {
    /// How many of its transactions wait in the pool; none where that is not known.
    pub fn waiting(&self) -> Option<u64> {
        match (&self.latest, &self.pending) {
            (Ok(latest), Ok(pending)) => Some(pending.saturating_sub(*latest)),
            _ => None,
        }
    }
}

/// Looks at each account, in the order given.
pub async fn look(nodes: &Nodes, accounts: &[Address]) -> Vec<LaneLook> {
    let one = |account: Address| async move {
        let (balance, latest, pending) = tokio::join!(
            nodes.balance(account),
            nodes.nonce(account, "latest"),
            nodes.nonce(account, "pending"),
        );
        LaneLook {
            account,
            balance: balance.map_err(|error| error.to_string()),
            latest: latest.map_err(|error| error.to_string()),
            pending: pending.map_err(|error| error.to_string()),
        }
    };
    join_all(accounts.iter().copied().map(one)).await
}
