//! The text that guardians sign, and who signed it.
//!
//! EIP-712: `keccak256(0x19 ‖ 0x01 ‖ domain ‖ struct)`. The domain is `Portcullis`, version `1`, and the lever's chain; no
//! contract verifies it, so it names none. Bound into the struct are protocol, case, lever, what is agreed to, the
//! request's number, the block it was taken at, and the deadline: a signature for one request is worth nothing for
//! any other. That each counts once is for whoever keeps the requests.
//!
//! Source: EIP-712, EIP-2 (malleability does no harm here: what counts is who signed, and each once).

pub mod step;

use alloy_primitives::{Address, B256, Signature, U256, keccak256};
use portcullis_types::approval::{Approval, ApprovalRequest, NotApproved};

/// Bytes of a signature: `r`, `s` and one byte that says which of two points it was.
pub const SIGNATURE_BYTES: usize = 65;

const DOMAIN_TYPE: &str = "EIP712Domain(string name,string version,uint256 chainId)";
const REQUEST_TYPE: &str = "Approval(string action,string protocol,string case,string lever,uint256 decision,uint256 blockNumber,bytes32 blockHash,uint256 deadline)";
const NAME: &str = "Portcullis";
const VERSION: &str = "1";

/// The hash that a guardian signs.
pub fn signing_hash(request: &ApprovalRequest) -> B256 {
    let mut bytes = Vec::with_capacity(66);
    bytes.extend_from_slice(&[0x19, 0x01]);
    bytes.extend_from_slice(domain(request).as_slice());
    bytes.extend_from_slice(message(request).as_slice());
    keccak256(bytes)
}

fn domain(request: &ApprovalRequest) -> B256 {
    domain_of(request.chain)
}

fn domain_of(chain: u64) -> B256 {
    hash_words([text(DOMAIN_TYPE), text(NAME), text(VERSION), number(chain)])
}

fn domain_fields() -> Vec<Field> {
    let field = |name: &'static str, kind: &'static str| Field { name, kind };
    vec![field("name", "string"), field("version", "string"), field("chainId", "uint256")]
}

fn message(request: &ApprovalRequest) -> B256 {
    hash_words([
        text(REQUEST_TYPE),
        text(request.kind.name()),
        text(&request.protocol),
        text(&request.case.to_string()),
        text(&request.lever),
        number(request.decision.0),
        number(request.block.number),
        request.block.hash,
        number(deadline_seconds(request)),
    ])
}

/// The deadline as it is signed, seconds since the Unix epoch.
pub fn deadline_seconds(request: &ApprovalRequest) -> u64 {
    request.deadline.0 / 1_000
}

fn hash_words<const N: usize>(words: [B256; N]) -> B256 {
    keccak256(words.map(|word| word.0).concat())
}

fn text(text: &str) -> B256 {
    keccak256(text)
}

fn number(number: u64) -> B256 {
    U256::from(number).into()
}

/// The typed data of a request as JSON, for `eth_signTypedData_v4` and every wallet that shows it.
pub fn typed_data(request: &ApprovalRequest) -> TypedData {
    let field = |name: &'static str, kind: &'static str| Field { name, kind };
    TypedData {
        types: Types {
            domain: domain_fields(),
            approval: vec![
                field("action", "string"),
                field("protocol", "string"),
                field("case", "string"),
                field("lever", "string"),
                field("decision", "uint256"),
                field("blockNumber", "uint256"),
                field("blockHash", "bytes32"),
                field("deadline", "uint256"),
            ],
        },
        primary_type: "Approval",
        domain: Domain { name: NAME, version: VERSION, chain_id: request.chain.to_string() },
        message: Message {
            action: request.kind.name(),
            protocol: request.protocol.clone(),
            case: request.case.to_string(),
            lever: request.lever.clone(),
            decision: request.decision.to_string(),
            block_number: request.block.number.to_string(),
            block_hash: request.block.hash,
            deadline: deadline_seconds(request).to_string(),
        },
    }
}

/// What `eth_signTypedData_v4` takes. Numbers are decimal strings.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TypedData {
    types: Types,
    primary_type: &'static str,
    domain: Domain,
    message: Message,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
struct Types {
    #[serde(rename = "EIP712Domain")]
    domain: Vec<Field>,
    #[serde(rename = "Approval")]
    approval: Vec<Field>,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
struct Field {
    name: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Domain {
    name: &'static str,
    version: &'static str,
    chain_id: String,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    action: &'static str,
    protocol: String,
    case: String,
    lever: String,
    decision: String,
    block_number: String,
    block_hash: B256,
    deadline: String,
}

/// Which of `guardians` signed `request`. Says nothing about time, or about who signed before.
///
/// # Errors
/// It is for another request, no signature, or somebody else's.
pub fn signer(
    request: &ApprovalRequest,
    approval: &Approval,
    guardians: &[Address],
) -> Result<Address, NotApproved> {
    let is_it = approval.kind == request.kind
        && approval.case == request.case
        && approval.lever == request.lever
        && approval.decision == request.decision;
    if !is_it {
        return Err(NotApproved::NotAsked);
    }
    if approval.signature.len() != SIGNATURE_BYTES {
        return Err(NotApproved::NoSignature);
    }
    let signature =
        Signature::from_raw(&approval.signature).map_err(|_| NotApproved::NoSignature)?;
    let signer = signature
        .recover_address_from_prehash(&signing_hash(request))
        .map_err(|_| NotApproved::NoSignature)?;
    if guardians.contains(&signer) { Ok(signer) } else { Err(NotApproved::NotAGuardian(signer)) }
}

#[cfg(test)]
mod tests;
