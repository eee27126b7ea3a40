//! Reading a Safe through nodes.
//!
//! Storage is read by putting a few bytes of our own code in the Safe's place for the length of a call (a state override
//! of `eth_call` and `eth_simulateV1`). So the answer after the transaction comes from the storage that it left, not from
//! whatever code it may have put there.

use alloy_primitives::{Address, B256, Bytes, U64, U256, hex};
use alloy_sol_types::{SolCall, sol};
use portcullis_types::text::printable;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::{
    Hashes, Kind, OwnerSignature, SafeTx, State, Subject,
    state::{LIST_MAX, approval_slot, lists, slots},
};
use crate::nodes::{NodeError, Nodes};

/// For each word of its call data the storage slot of that number, then the account's balance.
pub(super) const READ_SLOTS: &[u8] =
    &hex!("60005b3681101560155780355481526020016002565b4781526020016000f3");
/// Follows the linked list whose mapping has the slot of the first word, to memory position of the second at most.
pub(super) const READ_LIST: &[u8] = &hex!(
    "600035602052600160405b906000526040600020548082529060200181600211"
    "81602035111517602d57600a565b6040900360"
    "40f3"
);
sol! {
    function VERSION() external view returns (string);
    function getTransactionHash(
        address to, uint256 value, bytes data, uint8 operation, uint256 safeTxGas, uint256 baseGas,
        uint256 gasPrice, address gasToken, address refundReceiver, uint256 nonce
    ) external view returns (bytes32);
    function execTransaction(
        address to, uint256 value, bytes data, uint8 operation, uint256 safeTxGas, uint256 baseGas,
        uint256 gasPrice, address gasToken, address refundReceiver, bytes signatures
    ) external payable returns (bool);
}

mod by_hash {
    alloy_sol_types::sol! {
        function isValidSignature(bytes32 hash, bytes signature) external view returns (bytes4);
    }
}

mod by_bytes {
    alloy_sol_types::sol! {
        function isValidSignature(bytes data, bytes signature) external view returns (bytes4);
    }
}

/// A Safe as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Chain of the node.
    pub chain_id: u64,
    /// Block that it was read at.
    pub block: u64,
    /// Unix time of that block, seconds.
    pub block_time: u64,
    /// What it answers to `VERSION()`.
    pub version: String,
    /// Who rules it.
    pub state: State,
    /// What its own `getTransactionHash` answers.
    pub own_hash: B256,
}

/// The call that carries a transaction out.
pub fn exec_data(tx: &SafeTx, signatures: &Bytes) -> Bytes {
    let call = execTransactionCall {
        to: tx.to,
        value: tx.value,
        data: tx.data.clone(),
        operation: tx.operation.number(),
        safeTxGas: tx.safe_tx_gas,
        baseGas: tx.base_gas,
        gasPrice: tx.gas_price,
        gasToken: tx.gas_token,
        refundReceiver: tx.refund_receiver,
        signatures: signatures.clone(),
    };
    call.abi_encode().into()
}

/// Whether `data` carries out exactly `tx`, with whatever signatures.
pub fn is_exec_of(tx: &SafeTx, data: &Bytes) -> bool {
    execTransactionCall::abi_decode(data).is_ok_and(|call| exec_data(tx, &call.signatures) == *data)
}

/// Reads the Safe on the newest state.
pub async fn find(nodes: &Nodes, subject: &Subject) -> Result<Found, NodeError> {
    #[derive(Debug, Deserialize)]
    struct Block {
        number: U64,
        timestamp: U64,
    }
    let chain_id = nodes.chain_id().await?;
    let block: Block = nodes.request("eth_getBlockByNumber", json!(["latest", false])).await?;
    let safe = subject.safe;
    let reader = Reader { nodes, safe, block: block.number };
    let state = reader.state().await?;
    let version = reader.call(VERSIONCall {}.abi_encode()).await?;
    let version = VERSIONCall::abi_decode_returns(&version)
        .map_err(|_| wrong(format!("{safe} does not answer VERSION(): it is no Safe")))?;
    let tx = &subject.tx;
    let question = getTransactionHashCall {
        to: tx.to,
        value: tx.value,
        data: tx.data.clone(),
        operation: tx.operation.number(),
        safeTxGas: tx.safe_tx_gas,
        baseGas: tx.base_gas,
        gasPrice: tx.gas_price,
        gasToken: tx.gas_token,
        refundReceiver: tx.refund_receiver,
        nonce: tx.nonce,
    };
    let own_hash = reader.call(question.abi_encode()).await?;
    let own_hash = getTransactionHashCall::abi_decode_returns(&own_hash).map_err(|_| {
        wrong(format!("{safe} does not answer getTransactionHash(…): it is no Safe"))
    })?;
    Ok(Found {
        chain_id,
        block: block.number.to(),
        block_time: block.timestamp.to(),
        version: printable(&version),
        state,
        own_hash,
    })
}

pub(super) fn wrong(message: String) -> NodeError {
    NodeError::Refused { method: "eth_call", code: 0, message }
}

struct Reader<'a> {
    nodes: &'a Nodes,
    safe: Address,
    block: U64,
}

impl Reader<'_> {
    async fn call(&self, data: Vec<u8>) -> Result<Bytes, NodeError> {
        let call = json!({"to": self.safe, "input": Bytes::from(data)});
        self.nodes.request("eth_call", json!([call, self.block])).await
    }

    async fn with_code(&self, code: &[u8], input: Bytes) -> Result<Vec<U256>, NodeError> {
        let call = json!({"to": self.safe, "input": input});
        let params = json!([call, self.block, code_override(self.safe, code)]);
        let answer: Bytes = self.nodes.request("eth_call", params).await?;
        Ok(words(&answer))
    }

    async fn state(&self) -> Result<State, NodeError> {
        let code: Bytes = self.nodes.request("eth_getCode", json!([self.safe, self.block])).await?;
        if code.is_empty() {
            return Err(wrong(format!(
                "there is no contract at {}: correct the Safe's address or the chain",
                self.safe
            )));
        }
        let fixed = self.with_code(READ_SLOTS, slots_input()).await?;
        let [owners, modules] = lists();
        let owners = self.with_code(READ_LIST, list_input(owners)).await?;
        let modules = self.with_code(READ_LIST, list_input(modules)).await?;
        let state = State::from_words(&fixed, &owners, &modules).map_err(wrong)?;
        // A node that ignores overrides would let the Safe's own code answer.
        let slot: U256 =
            self.nodes.request("eth_getStorageAt", json!([self.safe, "0x0", self.block])).await?;
        if Address::from_word(slot.into()) == state.singleton {
            return Ok(state);
        }
        Err(wrong("eth_getStorageAt and our reading of slot 0 differ: use another node".to_owned()))
    }
}

pub(super) fn words(bytes: &Bytes) -> Vec<U256> {
    bytes.chunks_exact(32).map(U256::from_be_slice).collect()
}

pub(super) fn code_override(safe: Address, code: &[u8]) -> Json {
    one_override(safe, json!({"code": Bytes::copy_from_slice(code)}))
}

pub(super) fn one_override(safe: Address, what: Json) -> Json {
    Json::Object(Map::from_iter([(safe.to_string(), what)]))
}

pub(super) fn slots_input() -> Bytes {
    slots().iter().flat_map(U256::to_be_bytes::<32>).collect()
}

pub(super) fn list_input(mapping: U256) -> Bytes {
    let end = U256::from(64 + 32 * (LIST_MAX + 1));
    [mapping, end].iter().flat_map(U256::to_be_bytes::<32>).collect()
}

/// Whether an owner whose agreement only the chain knows agreed.
pub async fn agrees(
    nodes: &Nodes,
    subject: &Subject,
    hashes: &Hashes,
    signature: &OwnerSignature,
    sender: Option<Address>,
) -> Result<bool, NodeError> {
    let owner = signature.owner;
    match signature.kind {
        Kind::Ecdsa | Kind::EthSign => Ok(true),
        Kind::Approved if sender == Some(owner) => Ok(true),
        Kind::Approved => {
            let slot = approval_slot(owner, hashes.safe_tx);
            let params = json!([subject.safe, slot, "latest"]);
            Ok(!nodes.request::<U256>("eth_getStorageAt", params).await?.is_zero())
        }
        Kind::Contract => {
            let own = signature.bytes.clone();
            let (data, magic) = if subject.version.asks_by_hash() {
                let call = by_hash::isValidSignatureCall { hash: hashes.safe_tx, signature: own };
                (call.abi_encode(), by_hash::isValidSignatureCall::SELECTOR)
            } else {
                let data = subject.preimage();
                let call = by_bytes::isValidSignatureCall { data, signature: own };
                (call.abi_encode(), by_bytes::isValidSignatureCall::SELECTOR)
            };
            let call = json!({"from": subject.safe, "to": owner, "input": Bytes::from(data)});
            match nodes.request::<Bytes>("eth_call", json!([call, "latest"])).await {
                Ok(answer) => Ok(answer.get(..4) == Some(&magic)),
                Err(error) if error.is_revert() => Ok(false),
                Err(error) => Err(error),
            }
        }
    }
}
