//! Reading a Safe through nodes, and playing a transaction on the newest state.
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
    state::{LIST_MAX, NONCE, approval_slot, lists, slots},
};
use crate::nodes::{NodeError, Nodes};

/// For each word of its call data the storage slot of that number, then the account's balance.
const READ_SLOTS: &[u8] = &hex!("60005b3681101560155780355481526020016002565b4781526020016000f3");
/// Follows the linked list whose mapping has the slot of the first word, to memory position of the second at most.
const READ_LIST: &[u8] = &hex!(
    "600035602052600160405b906000526040600020548082529060200181600211"
    "81602035111517602d57600a565b6040900360"
    "40f3"
);
/// Gas of the transaction in a simulation: the most that one may have on Ethereum (EIP-7825).
const PLAY_GAS: u64 = 1 << 24;
/// Most tokens whose balances are compared.
pub const TOKENS_MAX: usize = 32;

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
    function balanceOf(address account) external view returns (uint256);
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

fn wrong(message: String) -> NodeError {
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

fn words(bytes: &Bytes) -> Vec<U256> {
    bytes.chunks_exact(32).map(U256::from_be_slice).collect()
}

fn code_override(safe: Address, code: &[u8]) -> Json {
    one_override(safe, json!({"code": Bytes::copy_from_slice(code)}))
}

fn one_override(safe: Address, what: Json) -> Json {
    Json::Object(Map::from_iter([(safe.to_string(), what)]))
}

fn slots_input() -> Bytes {
    slots().iter().flat_map(|slot| slot.to_be_bytes::<32>()).collect()
}

fn list_input(mapping: U256) -> Bytes {
    let end = U256::from(64 + 32 * (LIST_MAX + 1));
    [mapping, end].iter().flat_map(|word| word.to_be_bytes::<32>()).collect()
}

/// What the transaction did when it was played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Played {
    /// Whether it did what it says: none of its calls failed as far as the Safe saw.
    pub failure: Option<String>,
    /// Who rules the Safe afterwards.
    pub after: State,
    /// Token balances of the Safe, before and after; none where the token does not answer.
    pub tokens: Vec<(Address, Option<U256>, Option<U256>)>,
    /// Allowances that the Safe gave: token, spender, amount.
    pub approvals: Vec<(Address, Address, U256)>,
    /// More tokens moved than are compared.
    pub tokens_cut: bool,
}

/// How the owners agree in a simulation.
#[derive(Debug, Clone, Copy)]
pub enum Agreement<'a> {
    /// As if `threshold` of these owners had approved the hash: nobody signed yet.
    Supposed(&'a State),
    /// With the signatures as they are.
    Signed(&'a Bytes),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Call {
    status: U256,
    return_data: Bytes,
    #[serde(default)]
    logs: Vec<Log>,
    error: Option<CallError>,
}

#[derive(Debug, Clone, Deserialize)]
struct CallError {
    message: String,
}

#[derive(Debug, Clone, Deserialize)]
struct Log {
    address: Address,
    topics: Vec<B256>,
    data: Bytes,
}

/// Plays the transaction on the state of `found`, sent by `sender`; `watched` tokens are compared besides those that move.
pub async fn play(
    nodes: &Nodes,
    subject: &Subject,
    found: &Found,
    agreement: Agreement<'_>,
    sender: Address,
    watched: &[Address],
) -> Result<Played, NodeError> {
    let first = exec_block(subject, found, agreement, sender);
    let block = U64::from(found.block);
    let alone = simulate(nodes, std::slice::from_ref(&first), block).await?;
    let exec = alone.first().ok_or_else(|| wrong("no answer to the transaction".to_owned()))?;
    let mut tokens: Vec<Address> = watched.to_vec();
    for log in &exec.logs {
        if log.moves(subject.safe) && !tokens.contains(&log.address) && log.address != COIN {
            tokens.push(log.address);
        }
    }
    let tokens_cut = tokens.len() > TOKENS_MAX;
    tokens.truncate(TOKENS_MAX);
    let (safe, [owners, modules]) = (subject.safe, lists());
    let ask = |to: Address, input: Bytes| json!({"from": sender, "to": to, "input": input});
    let balance = Bytes::from(balanceOfCall { account: safe }.abi_encode());
    let balances: Vec<Json> = tokens.iter().map(|token| ask(*token, balance.clone())).collect();
    let blocks = [
        json!({"calls": balances.clone()}),
        first,
        json!({"calls": balances}),
        json!({"stateOverrides": code_override(safe, READ_SLOTS), "calls": [ask(safe, slots_input())]}),
        json!({"stateOverrides": code_override(safe, READ_LIST),
            "calls": [ask(safe, list_input(owners)), ask(safe, list_input(modules))]}),
    ];
    let answers = simulate(nodes, &blocks, block).await?;
    let count = tokens.len();
    let (before, rest) = answers.split_at_checked(count).unwrap_or_default();
    let [exec, rest @ ..] = rest else { return Err(too_few()) };
    let Some((balances, [fixed, owners, modules])) = rest.split_at_checked(count) else {
        return Err(too_few());
    };
    let of = |call: &Call| words(&call.return_data);
    let after = State::from_words(&of(fixed), &of(owners), &of(modules)).map_err(wrong)?;
    let amount = |call: &Call| if call.status.is_zero() { None } else { of(call).first().copied() };
    let tokens = tokens.iter().zip(before.iter().zip(balances));
    Ok(Played {
        failure: exec.failure(safe),
        after,
        tokens: tokens.map(|(token, (a, b))| (*token, amount(a), amount(b))).collect(),
        approvals: exec.logs.iter().filter_map(|log| log.approval(safe)).collect(),
        tokens_cut,
    })
}

fn too_few() -> NodeError {
    NodeError::Refused {
        method: "eth_simulateV1",
        code: 0,
        message: "fewer answers than calls".to_owned(),
    }
}

fn exec_block(subject: &Subject, found: &Found, agreement: Agreement<'_>, sender: Address) -> Json {
    let hash = subject.hashes().safe_tx;
    let one = B256::from(U256::ONE);
    let mut slots = Map::new();
    let signatures = match agreement {
        Agreement::Signed(signatures) => signatures.clone(),
        Agreement::Supposed(state) => {
            let mut owners = state.owners.clone();
            owners.sort_unstable();
            let threshold = state.threshold.saturating_to::<usize>();
            let signed = owners.into_iter().take(threshold).map(OwnerSignature::approved);
            let signed: Vec<_> = signed.collect();
            for signature in &signed {
                slots.insert(approval_slot(signature.owner, hash).to_string(), json!(one));
            }
            if subject.tx.nonce > found.state.nonce {
                let nonce = B256::from(subject.tx.nonce);
                slots.insert(B256::from(NONCE).to_string(), json!(nonce));
            }
            signed.iter().flat_map(|signature| signature.bytes.to_vec()).collect()
        }
    };
    let call = json!({
        "from": sender,
        "to": subject.safe,
        "input": exec_data(&subject.tx, &signatures),
        "gas": U64::from(PLAY_GAS),
    });
    if slots.is_empty() {
        return json!({"calls": [call]});
    }
    json!({"stateOverrides": one_override(subject.safe, json!({"stateDiff": slots})), "calls": [call]})
}

async fn simulate(nodes: &Nodes, blocks: &[Json], at: U64) -> Result<Vec<Call>, NodeError> {
    #[derive(Debug, Deserialize)]
    struct Block {
        calls: Vec<Call>,
    }
    let payload = json!({"blockStateCalls": blocks, "traceTransfers": true, "validation": false});
    let blocks: Vec<Block> = nodes.request("eth_simulateV1", json!([payload, at])).await?;
    Ok(blocks.into_iter().flat_map(|block| block.calls).collect())
}

/// How simulating nodes name the chain's own coin in transfers.
const COIN: Address = Address::repeat_byte(0xee);
const TRANSFER: B256 =
    alloy_primitives::b256!("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");
const APPROVAL: B256 =
    alloy_primitives::b256!("8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925");
/// `ExecutionFailure(bytes32,uint256)`.
const EXECUTION_FAILURE: B256 =
    alloy_primitives::b256!("23428b18acfb3ea64b08dc0c1d296ea9c09702c09083ca5272e64d115b687d23");

impl Log {
    fn moves(&self, safe: Address) -> bool {
        let party = |at: usize| self.topics.get(at) == Some(&safe.into_word());
        self.topics.first() == Some(&TRANSFER) && (party(1) || party(2))
    }

    fn approval(&self, safe: Address) -> Option<(Address, Address, U256)> {
        let by_safe =
            self.topics.first() == Some(&APPROVAL) && self.topics.get(1) == Some(&safe.into_word());
        let spender = Address::from_word(*self.topics.get(2).filter(|_| by_safe)?);
        let amount = self.data.get(..32).map_or(U256::ONE, U256::from_be_slice);
        Some((self.address, spender, amount))
    }
}

impl Call {
    fn failure(&self, safe: Address) -> Option<String> {
        if self.status.is_zero() {
            let words = self.error.as_ref().map_or("reverted", |error| &error.message);
            return Some(printable(words));
        }
        let failed =
            |log: &Log| log.address == safe && log.topics.first() == Some(&EXECUTION_FAILURE);
        let swallowed = self.logs.iter().any(failed);
        swallowed.then(|| "its call fails, and the nonce would be used up all the same".to_owned())
    }
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
