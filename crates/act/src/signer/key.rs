//! A key, whatever holds it.

use std::fmt;

use alloy_consensus::{SignableTransaction as _, TxEip1559};
use alloy_primitives::{Address, B256, Signature, eip191_hash_message};
use alloy_signer::SignerSync as _;
use alloy_signer_local::PrivateKeySigner;

use super::Attestation;
use crate::safe::Subject;

/// What is to be signed. A device shows what it signs, so it is given more than a hash.
#[derive(Debug, Clone, Copy)]
pub(super) enum Asked<'a> {
    /// A transaction.
    Transaction(&'a TxEip1559),
    /// An order or a heartbeat.
    Attestation(&'a Attestation),
    /// The transaction of a Safe.
    Safe(&'a Subject),
    /// A text (EIP-191, version `E`), which no transaction or order can have.
    Text(&'a str),
}

impl Asked<'_> {
    /// The hash that `account` signs.
    pub(super) fn digest(self, account: Address) -> B256 {
        match self {
            Self::Transaction(transaction) => transaction.signature_hash(),
            Self::Attestation(asked) => asked.digest(account),
            Self::Safe(subject) => subject.hashes().safe_tx,
            Self::Text(text) => eip191_hash_message(text),
        }
    }
}

/// The responder's private key, or the way to it. It shows nothing but its address.
pub struct Key {
    address: Address,
    holder: Holder,
}

/// Who has it.
pub(super) enum Holder {
    /// This process.
    Local(PrivateKeySigner),
    /// AWS KMS.
    #[cfg(feature = "kms-aws")]
    Aws(Box<alloy_signer_aws::AwsSigner>),
    /// Google Cloud KMS.
    #[cfg(feature = "kms-gcp")]
    Gcp(Box<alloy_signer_gcp::GcpSigner>),
    /// A device.
    #[cfg(feature = "ledger")]
    Ledger(Box<alloy_signer_ledger::LedgerSigner>),
}

impl Key {
    /// A key in this process.
    pub(super) fn local(signer: PrivateKeySigner) -> Self {
        Self { address: signer.address(), holder: Holder::Local(signer) }
    }

    /// A key that is elsewhere.
    #[cfg(any(feature = "kms-aws", feature = "kms-gcp", feature = "ledger"))]
    pub(super) fn remote(address: Address, holder: Holder) -> Self {
        Self { address, holder }
    }

    /// The account of the key.
    pub fn address(&self) -> Address {
        self.address
    }

    /// A signature of what is asked, checked before anybody gets it: of this hash, by this account, and the lower of the
    /// two values of `s` (EIP-2), which is the only one that transactions, Safes and Wardens take.
    #[cfg_attr(
        not(any(feature = "kms-aws", feature = "kms-gcp", feature = "ledger")),
        expect(clippy::unused_async, reason = "a service or a device is waited for")
    )]
    pub(super) async fn sign(&self, asked: &Asked<'_>) -> Result<Signature, String> {
        let digest = asked.digest(self.address);
        let signature = match &self.holder {
            Holder::Local(signer) => {
                signer.sign_hash_sync(&digest).map_err(|error| error.to_string())?
            }
            #[cfg(feature = "kms-aws")]
            Holder::Aws(signer) => super::remote::aws_sign(signer, &digest).await?,
            #[cfg(feature = "kms-gcp")]
            Holder::Gcp(signer) => super::remote::gcp_sign(signer, &digest).await?,
            #[cfg(feature = "ledger")]
            Holder::Ledger(signer) => super::remote::ledger_sign(signer, *asked).await?,
        };
        verified(signature, &digest, self.address)
    }

    /// A signature of a text by a key that is on this machine.
    pub(crate) fn sign_text(&self, text: &str) -> Result<Signature, String> {
        match &self.holder {
            Holder::Local(signer) => {
                signer.sign_message_sync(text.as_bytes()).map_err(|error| error.to_string())
            }
            #[cfg(any(feature = "kms-aws", feature = "kms-gcp", feature = "ledger"))]
            _ => Err("this key is not on this machine: name a keystore".to_owned()),
        }
    }
}

/// The signature, if it is one that may leave.
fn verified(signature: Signature, digest: &B256, account: Address) -> Result<Signature, String> {
    if signature.normalize_s().is_some() {
        return Err("the signature has the higher value of s, which nothing takes: look at what holds the key".to_owned());
    }
    match signature.recover_address_from_prehash(digest) {
        Ok(found) if found == account => Ok(signature),
        Ok(found) => Err(format!(
            "the signature is by {found}, not by {account}: another key stands behind this name now; correct the \
             configuration and start anew"
        )),
        Err(error) => Err(format!("the signature is none: {error}")),
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.address())
    }
}

/// A key for tests: the first account of every development chain.
#[cfg(test)]
pub(crate) fn development_key() -> Key {
    let secret = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
    Key::local(super::source::from_hex(secret).unwrap())
}

#[cfg(test)]
mod tests {
    use alloy_primitives::U256;

    use super::*;

    /// The order of secp256k1 (SEC 2, §2.4.1).
    const ORDER: &str = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";

    #[tokio::test]
    async fn a_signature_leaves_only_if_it_is_low_and_ours() {
        let key = development_key();
        let text = Asked::Text("as asked");
        let good = key.sign(&text).await.unwrap();
        let digest = text.digest(key.address());
        assert_eq!(verified(good, &digest, key.address()), Ok(good));

        // The other value of s is by the same key, and recovers to it with the other parity.
        let order = U256::from_str_radix(ORDER, 16).unwrap();
        let high = Signature::new(good.r(), order - good.s(), !good.v());
        assert_eq!(high.recover_address_from_prehash(&digest).unwrap(), key.address());
        let other = Asked::Text("not as asked").digest(key.address());
        let cases = [
            (verified(high, &digest, key.address()), "higher value"),
            (verified(good.with_parity(!good.v()), &digest, key.address()), "by 0x"),
            (verified(good, &other, key.address()), "by 0x"),
            (verified(good, &digest, Address::ZERO), "not by 0x0000"),
        ];
        for (verdict, words) in cases {
            assert!(verdict.as_ref().unwrap_err().contains(words), "{words}: {verdict:?}");
        }
    }
}
