//! Transactions that the world sends, and the nonces it keeps for its accounts.

use crate::{Node, RangeError, node::BASE_FEE_WEI};
use alloy_primitives::{Address, B256, Bytes, U256};
use std::collections::BTreeMap;

/// Gas limit of a transaction of the set-up: fits the largest contract, six of them fit a block.
pub(crate) const SET_UP_GAS: u64 = 15_000_000;
/// Gas limit of an honest transaction.
pub(crate) const HONEST_GAS: u64 = 1_500_000;
/// Gas limit of a transaction of the attack.
pub(crate) const ATTACK_GAS: u64 = 5_000_000;

/// A priority fee, in wei for each gas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TipWei(pub(crate) u128);

impl TipWei {
    pub(crate) fn from_gwei(gwei: u64) -> Self {
        Self(u128::from(gwei) * 1_000_000_000)
    }
}

/// The fee cap: twice the base fee and the tip, as wallets do. anvil orders a block by this cap,
/// so among transactions built the same way the tip decides.
pub(crate) fn max_fee_wei(tip: TipWei) -> u128 {
    2 * BASE_FEE_WEI + tip.0
}

/// A transaction ready to be sent, without its nonce.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Transaction {
    pub(crate) from: Address,
    /// `None` creates a contract.
    pub(crate) to: Option<Address>,
    pub(crate) input: Bytes,
    /// In wei.
    pub(crate) value: U256,
    /// Gas limit.
    pub(crate) gas: u64,
    pub(crate) tip: TipWei,
}

/// What became of sending a transaction.
#[derive(Debug)]
pub(crate) enum Sent {
    /// It waits in the pool.
    Pooled(B256),
    /// The node would not take it, and why. Its nonce is free again.
    Refused(String),
}

/// Next nonces, counted here so that a block's transactions need no question to the node.
#[derive(Debug, Default)]
pub(crate) struct Nonces(BTreeMap<Address, u64>);

impl Nonces {
    /// The nonce that the account's next transaction gets.
    pub(crate) async fn next(&mut self, node: &Node, account: Address) -> Result<u64, RangeError> {
        if let Some(&nonce) = self.0.get(&account) {
            return Ok(nonce);
        }
        let nonce = node.nonce(account).await?;
        self.0.insert(account, nonce);
        Ok(nonce)
    }

    /// Sends with the next nonce.
    pub(crate) async fn send(
        &mut self,
        node: &Node,
        transaction: &Transaction,
    ) -> Result<Sent, RangeError> {
        let nonce = self.next(node, transaction.from).await?;
        match node.send(transaction, nonce).await {
            Ok(hash) => {
                self.0.insert(transaction.from, nonce + 1);
                Ok(Sent::Pooled(hash))
            }
            Err(RangeError::Refused { message, .. }) => Ok(Sent::Refused(message)),
            Err(error) => Err(error),
        }
    }

    /// Forgets everything, so that the node is asked again: after a re-organisation its accounts
    /// stand where they stood before.
    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }
}
