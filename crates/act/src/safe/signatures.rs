//! Owners' signatures: the four kinds that Safe's contracts take, checked one by one, put in order and joined.
//!
//! The form is that of `checkNSignatures`: 65 bytes each, ascending by owner, what follows after all of them (contract
//! signatures) pointed to by an offset.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use alloy_primitives::{Address, B256, Bytes, Signature, U256, eip191_hash_message};
use serde::Serialize;

use super::Hashes;

/// Bytes of the fixed part of a signature.
const STATIC_BYTES: usize = 65;
/// Longest signature of a contract owner that is taken, in bytes.
pub const CONTRACT_SIGNATURE_BYTES_MAX: usize = 4096;

/// How an owner agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// ECDSA over the hash (v is 27 or 28).
    Ecdsa,
    /// ECDSA over `eth_sign`'s wrapping of the hash (v is 31 or 32).
    EthSign,
    /// The owner is a contract and is asked (v is 0, EIP-1271). Whether it agrees, only the chain can tell.
    Contract,
    /// The owner called `approveHash`, or sends the transaction itself (v is 1). Only the chain can tell.
    Approved,
}

/// One owner's signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnerSignature {
    /// Who agreed: recovered from the bytes, or named by them.
    pub owner: Address,
    /// How.
    pub kind: Kind,
    /// The 65 bytes; for a contract owner its own signature.
    pub bytes: Bytes,
}

/// A signature that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadSignature(pub String);

impl OwnerSignature {
    /// Reads one signature and, where that is possible without the chain, checks it. `claimed` is who is said to have
    /// signed.
    pub fn read(
        bytes: &[u8],
        hashes: &Hashes,
        claimed: Option<Address>,
    ) -> Result<Self, BadSignature> {
        let bad = |words: String| BadSignature(words);
        let (Some(r), Some(s), Some(&v)) = (bytes.get(..32), bytes.get(32..64), bytes.get(64))
        else {
            return Err(bad(format!(
                "has {} bytes, a signature has {STATIC_BYTES}: have it signed again",
                bytes.len()
            )));
        };
        let extra = bytes.get(STATIC_BYTES..).unwrap_or_default();
        if v != 0 && !extra.is_empty() {
            return Err(bad(format!(
                "has {} bytes too many: give one signature a field",
                extra.len()
            )));
        }
        let signature = match v {
            0 => contract(r, s, extra)?,
            1 => Self::named(r, Kind::Approved, bytes)?,
            27 | 28 => recovered(bytes, v - 27, hashes.safe_tx, Kind::Ecdsa)?,
            31 | 32 => {
                let wrapped = eip191_hash_message(hashes.safe_tx);
                recovered(bytes, v - 31, wrapped, Kind::EthSign)?
            }
            _ => {
                return Err(bad(format!(
                    "ends with v = {v}, and a Safe knows 0, 1, 27, 28, 31 and 32: have it signed again"
                )));
            }
        };
        match claimed {
            Some(claimed) if claimed != signature.owner => Err(bad(format!(
                "is said to be {claimed}'s and is {}'s for this hash: it is of another transaction, chain or Safe, or not theirs",
                signature.owner
            ))),
            _ => Ok(signature),
        }
    }

    /// An owner who approved the hash on chain, or who sends the transaction.
    pub fn approved(owner: Address) -> Self {
        let mut bytes = owner.into_word().to_vec();
        bytes.extend([0; 32]);
        bytes.push(1);
        Self { owner, kind: Kind::Approved, bytes: bytes.into() }
    }

    fn named(r: &[u8], kind: Kind, bytes: &[u8]) -> Result<Self, BadSignature> {
        let owner = address_in(r).ok_or_else(|| {
            BadSignature("names no address in its first word: have it signed again".to_owned())
        })?;
        Ok(Self { owner, kind, bytes: Bytes::copy_from_slice(bytes) })
    }
}

fn address_in(word: &[u8]) -> Option<Address> {
    let (zeros, address) = word.split_at_checked(12)?;
    zeros.iter().all(|&byte| byte == 0).then(|| Address::from_slice(address))
}

fn recovered(
    bytes: &[u8],
    parity: u8,
    hash: B256,
    kind: Kind,
) -> Result<OwnerSignature, BadSignature> {
    let signature =
        Signature::from_bytes_and_parity(bytes.get(..64).unwrap_or_default(), parity == 1);
    let owner = signature
        .recover_address_from_prehash(&hash)
        .map_err(|_| BadSignature("is no signature of anybody: have it signed again".to_owned()))?;
    Ok(OwnerSignature { owner, kind, bytes: Bytes::copy_from_slice(bytes) })
}

/// `r` the owner, `s` the offset 65, then the length and the bytes of the contract's own signature.
fn contract(r: &[u8], s: &[u8], extra: &[u8]) -> Result<OwnerSignature, BadSignature> {
    let bad = |words: &str| BadSignature(format!("{words}: have it signed again"));
    if U256::from_be_slice(s) != U256::from(STATIC_BYTES) {
        return Err(bad("is a contract's and its offset is not 65"));
    }
    let (length, own) =
        extra.split_at_checked(32).ok_or_else(|| bad("is a contract's and has no length"))?;
    if U256::from_be_slice(length) != U256::from(own.len()) {
        return Err(bad("is a contract's and its length is not that of what follows"));
    }
    if own.len() > CONTRACT_SIGNATURE_BYTES_MAX {
        return Err(bad("is a contract's and longer than 4096 bytes"));
    }
    OwnerSignature::named(r, Kind::Contract, own)
}

/// Signatures sorted out against a Safe's owners.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Gathered {
    /// Of owners, one each, ascending by owner.
    pub counted: Vec<OwnerSignature>,
    /// Not counted, and why.
    pub set_aside: Vec<String>,
    /// How many more are needed.
    pub missing: usize,
}

/// Keeps one signature for each owner.
pub fn gather(
    all: impl IntoIterator<Item = OwnerSignature>,
    owners: &[Address],
    threshold: usize,
) -> Gathered {
    let owners: BTreeSet<&Address> = owners.iter().collect();
    let mut counted = BTreeMap::new();
    let mut set_aside = Vec::new();
    for signature in all {
        let owner = signature.owner;
        if !owners.contains(&owner) {
            set_aside.push(format!("{owner} is no owner: its signature does not count"));
            continue;
        }
        match counted.entry(owner) {
            Entry::Vacant(place) => {
                place.insert(signature);
            }
            Entry::Occupied(_) => {
                set_aside.push(format!("{owner} signed twice: one signature counts"));
            }
        }
    }
    let missing = threshold.saturating_sub(counted.len());
    Gathered { counted: counted.into_values().collect(), set_aside, missing }
}

/// Joins signatures as `execTransaction` takes them: ascending by owner whatever order they come in.
///
/// # Errors
/// Two of one owner: the Safe would refuse them (GS026).
pub fn join(mut signatures: Vec<OwnerSignature>) -> Result<Bytes, BadSignature> {
    signatures.sort_by_key(|signature| signature.owner);
    for pair in signatures.windows(2) {
        if let [a, b] = pair
            && a.owner == b.owner
        {
            return Err(BadSignature(format!("{} signed twice: leave one out", a.owner)));
        }
    }
    let (mut fixed, mut after) = (Vec::new(), Vec::new());
    let start = signatures.len() * STATIC_BYTES;
    for signature in &signatures {
        if signature.kind == Kind::Contract {
            fixed.extend(signature.owner.into_word());
            fixed.extend(U256::from(start + after.len()).to_be_bytes::<32>());
            fixed.push(0);
            after.extend(U256::from(signature.bytes.len()).to_be_bytes::<32>());
            after.extend_from_slice(&signature.bytes);
        } else {
            fixed.extend_from_slice(&signature.bytes);
        }
    }
    fixed.extend(after);
    Ok(fixed.into())
}
