//! A Ledger, through its Ethereum app. It signs what it can show: transactions and the typed data of Safes, never a bare
//! hash.

use alloy_consensus::SignableTransaction as _;
use alloy_primitives::{Signature, U256};
use alloy_signer::Signer as _;
use alloy_signer_ledger::{HDPath, LedgerError, LedgerSigner};
use alloy_sol_types::{Eip712Domain, sol};
use tokio::time::timeout;

use super::{DEVICE_TIME_LIMIT, LedgerKey, Remote, SERVICE_TIME_LIMIT, chain};
use crate::{
    safe::Subject,
    signer::{
        KeyError,
        key::{Asked, Holder, Key},
    },
};

/// Opens the device and asks for the account; nothing is to be pressed for that.
pub(super) async fn open(key: &LedgerKey) -> Result<Key, KeyError> {
    let failed = |why: String| KeyError::Remote { what: Remote::Ledger(key).shown(), why };
    let path = HDPath::LedgerLive(key.index as usize);
    // In a task of its own: the library below gives up with a panic where there is no USB at all.
    let opening = tokio::spawn(LedgerSigner::new(path, None));
    match timeout(SERVICE_TIME_LIMIT, opening).await {
        Ok(Ok(Ok(signer))) => Ok(Key::remote(signer.address(), Holder::Ledger(Box::new(signer)))),
        Ok(Ok(Err(error))) => Err(failed(said(&error))),
        Ok(Err(_)) => Err(failed(format!("USB cannot be used from here: {REMEDY}"))),
        Err(_) => Err(failed(format!("it does not answer: {REMEDY}"))),
    }
}

/// A signature, once somebody has pressed the buttons.
pub(in crate::signer) async fn sign(
    signer: &LedgerSigner,
    asked: Asked<'_>,
) -> Result<Signature, String> {
    let signing = async {
        match asked {
            Asked::Transaction(transaction) => signer
                .sign_tx_rlp(&transaction.encoded_for_signing())
                .await
                .map_err(|error| said(&error)),
            Asked::Safe(subject) => {
                let (typed, domain) = typed(subject);
                signer.sign_typed_data(&typed, &domain).await.map_err(|error| chain(&error))
            }
            Asked::Text(text) => {
                signer.sign_message(text.as_bytes()).await.map_err(|error| chain(&error))
            }
            Asked::Attestation(_) => Err(
                "a Ledger signs no orders and heartbeats, which come without anybody to press its buttons: give the \
                 sentinel a keystore or a key of a service"
                    .to_owned(),
            ),
        }
    };
    timeout(DEVICE_TIME_LIMIT, signing).await.map_err(|_| {
        format!("nobody pressed the device's buttons within {} s", DEVICE_TIME_LIMIT.as_secs())
    })?
}

sol! {
    /// Safe.sol's own type.
    struct SafeTx {
        address to;
        uint256 value;
        bytes data;
        uint8 operation;
        uint256 safeTxGas;
        uint256 baseGas;
        uint256 gasPrice;
        address gasToken;
        address refundReceiver;
        uint256 nonce;
    }
}

/// The transaction of a Safe as typed data, from which the device makes the hash anew.
fn typed(subject: &Subject) -> (SafeTx, Eip712Domain) {
    let tx = &subject.tx;
    let chain = subject.version.binds_chain().then(|| U256::from(subject.chain_id));
    let domain = Eip712Domain::new(None, None, chain, Some(subject.safe), None);
    let typed = SafeTx {
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
    (typed, domain)
}

/// What to do where the device cannot be used.
const REMEDY: &str = "plug it in, unlock it and open its Ethereum app; close Ledger Live; on Linux its udev rules must let this \
                      account use it";

/// What went wrong, and what to do about it.
fn said(error: &LedgerError) -> String {
    format!("{}: {REMEDY}", chain(error))
}

#[cfg(test)]
mod tests {
    use alloy_sol_types::SolStruct as _;

    use super::*;

    /// The transaction of the published vector, over all that decides the hash.
    #[test]
    fn what_the_device_hashes_is_what_the_safe_hashes() {
        for version in ["1.1.1", "1.3.0", "1.4.1"] {
            let text = format!(
                r#"{{"chainId":1,"safe":"0x1230b3d59858296a31053c1b8562ecf89a2f888b","version":"{version}","tx":{{
                "to":"0x96221423681a6d52e184d440a8efcebb105c7242","value":"0x5","data":"0xa9059cbb","operation":1,
                "safeTxGas":"0xb2b2","baseGas":"0x1","gasPrice":"0x2","gasToken":"0x00000000000000000000000000000000000000aa",
                "refundReceiver":"0x00000000000000000000000000000000000000bb","nonce":"0x44"}}}}"#
            );
            let subject: Subject = serde_json::from_str(&text).unwrap();
            let (typed, domain) = typed(&subject);
            assert_eq!(typed.eip712_signing_hash(&domain), subject.hashes().safe_tx, "{version}");
        }
    }
}
