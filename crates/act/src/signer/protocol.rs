//! What is said on the line between a program and its signer: one JSON value a line, each way.

use alloy_consensus::{SignableTransaction as _, Transaction as _, TxEip1559, TxEnvelope};
use alloy_eips::eip2718::{Decodable2718 as _, Encodable2718 as _};
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256};
use portcullis_types::ids::ChainId;
use serde::{Deserialize, Serialize};

use super::Attestation;
use crate::safe::Subject;

/// Longest line that either side reads, in bytes. A pause is a few hundred; a longer line is a mistake or an attack on
/// the signer's memory.
pub const LINE_BYTES_MAX: usize = 64 * 1024;

/// A question to the signer: `"address"`, `{"sign": {…}}`, `{"signSafe": {…}}` or `{"attest": {…}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SignerRequest {
    /// Which account do you sign for?
    Address,
    /// Sign this.
    Sign(SignRequest),
    /// Sign this transaction of a Safe as its owner.
    SignSafe(Box<Subject>),
    /// Sign this for a Warden.
    Attest(Attestation),
}

/// An EIP-1559 transaction to be signed. There is no other kind, and none that creates a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignRequest {
    /// Chain.
    pub chain_id: ChainId,
    /// Nonce of the account.
    pub nonce: u64,
    /// Contract.
    pub to: Address,
    /// Call data.
    pub data: Bytes,
    /// Gas limit.
    pub gas_limit: u64,
    /// Fee cap, wei for each gas.
    pub max_fee_per_gas: u128,
    /// Tip, wei for each gas.
    pub max_priority_fee_per_gas: u128,
    /// Wei sent along; the policy wants 0.
    pub value: U256,
}

/// An answer of the signer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SignerAnswer {
    /// The account.
    Address(Address),
    /// As asked.
    Signed(SignedTransaction),
    /// An owner's signature, 65 bytes.
    SafeSigned(Bytes),
    /// The 65 bytes of an attestation's signature.
    Attested(Bytes),
    /// Not signed, and why: it may not be.
    Refused(String),
    /// Not signed, and why: what holds the key did not do it. Asking again may help.
    Failed(String),
}

/// A transaction ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignedTransaction {
    /// Its hash.
    pub hash: B256,
    /// EIP-2718 encoding.
    pub raw: Bytes,
}

/// The signer answered with something else than what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the signer's answer is not what was asked ({what}): do not use this signer; check which program was started"
)]
pub struct WrongAnswer {
    /// What does not fit.
    pub what: String,
}

impl SignRequest {
    /// The most that the transaction can cost, in wei; none where it does not fit 128 bits.
    pub fn cost_max_wei(&self) -> Option<u128> {
        let fee = u128::from(self.gas_limit).checked_mul(self.max_fee_per_gas)?;
        fee.checked_add(u128::try_from(self.value).ok()?)
    }

    /// The transaction, unsigned.
    pub(super) fn transaction(&self) -> TxEip1559 {
        TxEip1559 {
            chain_id: self.chain_id,
            nonce: self.nonce,
            gas_limit: self.gas_limit,
            max_fee_per_gas: self.max_fee_per_gas,
            max_priority_fee_per_gas: self.max_priority_fee_per_gas,
            to: TxKind::Call(self.to),
            value: self.value,
            access_list: alloy_eips::eip2930::AccessList::default(),
            input: self.data.clone(),
        }
    }
}

impl SignedTransaction {
    /// The encoding of a transaction with its signature.
    pub(super) fn assemble(transaction: TxEip1559, signature: Signature) -> Self {
        let envelope = TxEnvelope::Eip1559(transaction.into_signed(signature));
        Self { hash: *envelope.tx_hash(), raw: envelope.encoded_2718().into() }
    }

    /// Whether this is `request`, signed by `account`. The asking side checks it, because a nonce or a callee other than
    /// the journaled one would break ACT-1.
    pub fn check(&self, request: &SignRequest, account: Address) -> Result<(), WrongAnswer> {
        let wrong = |what: &str| WrongAnswer { what: what.to_owned() };
        let envelope = TxEnvelope::decode_2718_exact(&self.raw)
            .map_err(|_| wrong("it is not a transaction"))?;
        let TxEnvelope::Eip1559(signed) = &envelope else {
            return Err(wrong("it is not an EIP-1559 transaction"));
        };
        if *signed.tx() != request.transaction() {
            let nonce = signed.tx().nonce();
            return Err(wrong(&format!("another transaction, with nonce {nonce}")));
        }
        if *signed.hash() != self.hash {
            return Err(wrong("the hash is of something else"));
        }
        let prehash = signed.tx().signature_hash();
        match signed.signature().recover_address_from_prehash(&prehash) {
            Ok(found) if found == account => Ok(()),
            Ok(found) => Err(wrong(&format!("signed by {found}, not by {account}"))),
            Err(_) => Err(wrong("the signature is none")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_on_the_line_are_the_published_ones() {
        assert_eq!(serde_json::to_string(&SignerRequest::Address).unwrap(), r#""address""#);
        let line = r#"{"sign":{"chainId":1,"nonce":2,"to":"0x00000000000000000000000000000000000000aa","data":"0x8456cb59","gasLimit":60000,"maxFeePerGas":7,"maxPriorityFeePerGas":5,"value":"0x0"}}"#;
        let request: SignerRequest = serde_json::from_str(line).unwrap();
        assert_eq!(serde_json::to_string(&request).unwrap(), line);
        // A misspelt field must not silently mean something else.
        let misspelt = line.replace("gasLimit", "gaslimit");
        assert!(serde_json::from_str::<SignerRequest>(&misspelt).is_err());
    }
}
