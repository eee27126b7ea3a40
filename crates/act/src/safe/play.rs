//! Playing a transaction on the newest state, and what that state is afterwards.

use alloy_primitives::{Address, B256, Bytes, U64, U256, b256};
use alloy_sol_types::{SolCall as _, sol};
use portcullis_types::text::printable;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::{
    OwnerSignature, State, Subject,
    read::{
        Found, READ_LIST, READ_SLOTS, code_override, exec_data, list_input, one_override,
        slots_input, words, wrong,
    },
    state::{NONCE, approval_slot, lists},
};
use crate::nodes::{NodeError, Nodes};

/// Gas of the transaction in a simulation: the most that one may have on Ethereum (EIP-7825).
const PLAY_GAS: u64 = 1 << 24;
/// Most tokens whose balances are compared.
pub const TOKENS_MAX: usize = 32;

sol! {
    function balanceOf(address account) external view returns (uint256);
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
const TRANSFER: B256 = b256!("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");
const APPROVAL: B256 = b256!("8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925");
/// `ExecutionFailure(bytes32,uint256)`.
const EXECUTION_FAILURE: B256 =
    b256!("23428b18acfb3ea64b08dc0c1d296ea9c09702c09083ca5272e64d115b687d23");

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
