//! The text that a person signs to agree that a playbook's step pulls a lever, and who signed it.
//!
//! EIP-712 as for guardians ([`super`]), under another type, so that a signature for the one is worth nothing for the other.
//! Bound into it are protocol, case, playbook, run, step, attempt and lever: it counts for one attempt at one step, once.
//!
//! Source: EIP-712.

use alloy_primitives::{Address, B256, Signature, keccak256};
use portcullis_types::ids::{CaseId, ChainId, Seq};
use serde::Serialize;

use super::{
    Domain, Field, NAME, SIGNATURE_BYTES, VERSION, domain_fields, domain_of, hash_words, number,
    text,
};

const STEP_TYPE: &str = "StepApproval(string protocol,string case,string playbook,uint256 run,string step,uint256 attempt,string lever)";

/// What is agreed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRequest {
    /// Protocol.
    pub protocol: String,
    /// Case.
    pub case: CaseId,
    /// Playbook, by id.
    pub playbook: String,
    /// The run, by the journal entry that began it.
    pub run: Seq,
    /// Step, by id.
    pub step: String,
    /// Which attempt at it, from 1.
    pub attempt: u32,
    /// The levers that it leads to, in the order of the playbook, separated by commas.
    pub lever: String,
    /// The protocol's chain, for the domain.
    pub chain: ChainId,
}

/// The 32 bytes that are signed.
pub fn signing_hash(request: &StepRequest) -> B256 {
    let mut bytes = Vec::with_capacity(66);
    bytes.extend_from_slice(&[0x19, 0x01]);
    bytes.extend_from_slice(domain_of(request.chain).as_slice());
    bytes.extend_from_slice(message(request).as_slice());
    keccak256(bytes)
}

fn message(request: &StepRequest) -> B256 {
    hash_words([
        text(STEP_TYPE),
        text(&request.protocol),
        text(&request.case.to_string()),
        text(&request.playbook),
        number(request.run.0),
        text(&request.step),
        number(u64::from(request.attempt)),
        text(&request.lever),
    ])
}

/// Who signed; none where the bytes are no signature.
pub fn signer(request: &StepRequest, signature: &[u8]) -> Option<Address> {
    if signature.len() != SIGNATURE_BYTES {
        return None;
    }
    let signature = Signature::from_raw(signature).ok()?;
    signature.recover_address_from_prehash(&signing_hash(request)).ok()
}

/// The same as `eth_signTypedData_v4` takes it.
pub fn typed_data(request: &StepRequest) -> StepTypedData {
    let field = |name: &'static str, kind: &'static str| Field { name, kind };
    StepTypedData {
        types: Types {
            domain: domain_fields(),
            step: vec![
                field("protocol", "string"),
                field("case", "string"),
                field("playbook", "string"),
                field("run", "uint256"),
                field("step", "string"),
                field("attempt", "uint256"),
                field("lever", "string"),
            ],
        },
        primary_type: "StepApproval",
        domain: Domain { name: NAME, version: VERSION, chain_id: request.chain.to_string() },
        message: Message {
            protocol: request.protocol.clone(),
            case: request.case.to_string(),
            playbook: request.playbook.clone(),
            run: request.run.to_string(),
            step: request.step.clone(),
            attempt: request.attempt.to_string(),
            lever: request.lever.clone(),
        },
    }
}

/// EIP-712 JSON for a wallet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepTypedData {
    types: Types,
    primary_type: &'static str,
    domain: Domain,
    message: Message,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Types {
    #[serde(rename = "EIP712Domain")]
    domain: Vec<Field>,
    #[serde(rename = "StepApproval")]
    step: Vec<Field>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Message {
    protocol: String,
    case: String,
    playbook: String,
    run: String,
    step: String,
    attempt: String,
    lever: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> StepRequest {
        StepRequest {
            protocol: "bank".to_owned(),
            case: CaseId(Seq(7)),
            playbook: "drain-in-progress".to_owned(),
            run: Seq(12),
            step: "stop-withdrawals".to_owned(),
            attempt: 1,
            lever: "vault-pause".to_owned(),
            chain: 1,
        }
    }

    #[test]
    fn every_field_is_bound() {
        let base = signing_hash(&request());
        let others = [
            StepRequest { protocol: "other".to_owned(), ..request() },
            StepRequest { case: CaseId(Seq(8)), ..request() },
            StepRequest { playbook: "other".to_owned(), ..request() },
            StepRequest { run: Seq(13), ..request() },
            StepRequest { step: "other".to_owned(), ..request() },
            StepRequest { attempt: 2, ..request() },
            StepRequest { lever: "other".to_owned(), ..request() },
            StepRequest { chain: 2, ..request() },
        ];
        for other in others {
            assert_ne!(signing_hash(&other), base, "{other:?}");
        }
    }

    #[test]
    fn what_is_no_signature_is_nobodys() {
        for bytes in [&[][..], &[7; 64], &[0xff; 65], &[0; 66]] {
            assert_eq!(signer(&request(), bytes), None, "{} bytes", bytes.len());
        }
    }
}
