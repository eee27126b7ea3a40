//! Contract wallets: whether an account that has no key of its own agrees to a text (EIP-1271).
//!
//! The account's contract is asked at the newest block of the first chain of the configuration, and only if the roster names
//! it: what a stranger writes into a message is never called. What the node does not answer in time is a refusal, with the
//! reason; a contract that reverts has not agreed.
//!
//! Source: EIP-1271. Not: EIP-6492 (contracts that are not there yet).

use std::time::Duration;

use alloy_primitives::{Address, B256, U256, hex};
use portcullis_observe::{Node, NodeOptions};
use portcullis_types::{probe::Probe, text::printable};

/// `isValidSignature(bytes32,bytes)`, which is also what it answers where it agrees.
const MAGIC: [u8; 4] = hex!("1626ba7e");
/// Longest signature that is handed to a contract, bytes: sixty owners of a Safe.
pub(crate) const SIGNATURE_BYTES_MAX: usize = 4_096;
/// Longest time for the answer, with connecting.
const WITHIN: Duration = Duration::from_secs(5);

/// Nodes that are asked. Their addresses may hold keys: they are shown nowhere.
#[derive(Clone)]
pub struct Wallets {
    nodes: Vec<String>,
    chain: u64,
    options: NodeOptions,
}

impl std::fmt::Debug for Wallets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wallets").field("chain", &self.chain).finish_non_exhaustive()
    }
}

impl Wallets {
    /// Nothing is asked yet.
    pub fn new(nodes: Vec<String>, chain: u64, options: NodeOptions) -> Self {
        Self { nodes, chain, options }
    }

    /// Whether the contract of `account` agrees to `hash` with this signature, at the newest block.
    ///
    /// # Errors
    /// Why nobody could look; or that there is no contract.
    pub(crate) async fn agrees(
        &self,
        account: Address,
        hash: B256,
        signature: &[u8],
    ) -> Result<bool, String> {
        let asked = tokio::time::timeout(WITHIN, self.ask(account, hash, signature));
        asked.await.unwrap_or_else(|_| {
            Err(format!(
                "the node of chain {} did not answer in {} s",
                self.chain,
                WITHIN.as_secs()
            ))
        })
    }

    async fn ask(&self, account: Address, hash: B256, signature: &[u8]) -> Result<bool, String> {
        let could_not = |why: String| {
            format!("the node of chain {} could not be asked: {}", self.chain, printable(&why))
        };
        let node = Node::connect_with(&self.nodes, self.chain, self.options).await;
        let node = node.map_err(|error| could_not(error.to_string()))?;
        let head = node.head().await.map_err(|cause| could_not(cause.to_string()))?.id;
        if !node.has_code(account, &head).await.map_err(could_not)? {
            return Err(format!("there is no contract at {account} on chain {}", self.chain));
        }
        let probe = Probe::Call { to: account, data: call(hash, signature).into(), word: 0 };
        let readings = node.read(&[probe], &head).await;
        let Some(reading) = readings.into_iter().next() else { return Ok(false) };
        match reading.value {
            Ok(word) => Ok(word == agreement()),
            // It reverted, or the node failed: either way nothing was agreed to, and the words say which.
            Err(why) => Err(format!("{account} does not say that it agrees: {}", printable(&why))),
        }
    }
}

/// The word of an agreement: the four bytes, and nothing behind them.
fn agreement() -> U256 {
    U256::from(u32::from_be_bytes(MAGIC)) << 224
}

/// The data of the call.
fn call(hash: B256, signature: &[u8]) -> Vec<u8> {
    let word = |number: usize| U256::from(number).to_be_bytes::<32>();
    let mut data = MAGIC.to_vec();
    data.extend_from_slice(hash.as_slice());
    data.extend_from_slice(&word(64));
    data.extend_from_slice(&word(signature.len()));
    data.extend_from_slice(signature);
    data.resize(MAGIC.len() + (data.len() - MAGIC.len()).next_multiple_of(32), 0);
    data
}

#[cfg(test)]
mod tests {
    use alloy_sol_types::{SolCall as _, sol};

    use super::*;

    sol! {
        function isValidSignature(bytes32 hash, bytes signature) external view returns (bytes4);
    }

    #[test]
    fn the_call_is_as_the_abi_writes_it() {
        for length in [0, 1, 31, 32, 33, 65, 130, 4_096] {
            let (hash, signature) = (B256::repeat_byte(7), vec![9; length]);
            let asked = isValidSignatureCall { hash, signature: signature.clone().into() };
            assert_eq!(call(hash, &signature), asked.abi_encode(), "{length}");
        }
        let answer = alloy_primitives::FixedBytes::<4>::from(MAGIC);
        let word = alloy_sol_types::SolValue::abi_encode(&answer);
        assert_eq!(agreement(), U256::from_be_slice(&word));
    }

    #[tokio::test]
    async fn a_node_that_is_not_there_is_a_refusal_with_its_reason() {
        let node = vec!["http://127.0.0.1:9/secret-key".to_owned()];
        let wallets = Wallets::new(node, 1, NodeOptions::default());
        assert!(!format!("{wallets:?}").contains("secret-key"));
        let why = wallets.agrees(Address::repeat_byte(1), B256::ZERO, &[]).await.unwrap_err();
        assert!(why.contains("could not be asked") && !why.contains("secret-key"), "{why}");
    }
}
