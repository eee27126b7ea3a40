//! Google Cloud KMS.

use alloy_primitives::{B256, Signature};
use alloy_signer::Signer as _;
use alloy_signer_gcp::{
    GcpKeyRingRef, GcpSigner, GcpSignerError, KeySpecifier,
    gcloud_sdk::{
        GoogleApi, error::ErrorKind,
        google::cloud::kms::v1::key_management_service_client::KeyManagementServiceClient,
        tonic::Code,
    },
};
// The library that makes its tokens wants to be told which cryptography to use, by a feature.
use jsonwebtoken as _;
use tokio::time::timeout;

use super::{GcpKmsKey, SERVICE_TIME_LIMIT, chain};
use crate::signer::{
    KeyError,
    key::{Holder, Key},
};

/// Where the service is.
const SERVICE: &str = "https://cloudkms.googleapis.com";

/// Opens the key: asks for its public half.
pub(super) async fn open(key: &GcpKmsKey) -> Result<Key, KeyError> {
    let failed = |why: String| KeyError::Remote { what: key.shown(), why };
    let opening = async {
        let client = GoogleApi::from_function(KeyManagementServiceClient::new, SERVICE, None)
            .await
            .map_err(|error| said(&GcpSignerError::GoogleKmsError(error)))?;
        let ring = GcpKeyRingRef::new(&key.project, &key.location, &key.keyring);
        let specifier = KeySpecifier::new(ring, &key.key, key.version);
        GcpSigner::new(client, specifier, None).await.map_err(|error| said(&error))
    };
    // Looking for credentials may take as long again.
    match timeout(2 * SERVICE_TIME_LIMIT, opening).await {
        Ok(Ok(signer)) => Ok(Key::remote(signer.address(), Holder::Gcp(Box::new(signer)))),
        Ok(Err(why)) => Err(failed(why)),
        Err(_) => Err(failed(late())),
    }
}

/// A signature of a hash.
pub(in crate::signer) async fn sign(signer: &GcpSigner, hash: &B256) -> Result<Signature, String> {
    let signing = signer.sign_hash(hash);
    let signed = timeout(SERVICE_TIME_LIMIT, signing).await.map_err(|_| late())?;
    signed.map_err(|error| match &error {
        alloy_signer::Error::Other(inner) => match inner.downcast_ref::<GcpSignerError>() {
            Some(error) => said(error),
            None => chain(&error),
        },
        _ => chain(&error),
    })
}

fn late() -> String {
    format!(
        "no answer within {} s: see that {SERVICE} and the metadata server can be reached from here",
        SERVICE_TIME_LIMIT.as_secs()
    )
}

/// What went wrong, and what to do about it.
fn said(error: &GcpSignerError) -> String {
    let remedy = match error {
        GcpSignerError::RequestError(status) => by_code(status.code()),
        GcpSignerError::GoogleKmsError(error) => by_kind(error.kind()),
        GcpSignerError::Spki(_) | GcpSignerError::K256(_) => {
            "it is no key of secp256k1: make one with --default-algorithm ec-sign-secp256k1-sha256"
        }
        GcpSignerError::SignatureRecoveryFailed => {
            "what it signs is not by the key that it showed: do not use it"
        }
    };
    format!("{}: {remedy}", chain(error))
}

/// What to do by the status's code (google.rpc.Code).
fn by_code(code: Code) -> &'static str {
    match code {
        Code::NotFound => "no such version of a key: correct the configuration",
        Code::PermissionDenied => {
            "allow cloudkms.cryptoKeyVersions.useToSign and viewPublicKey on this key to the signer's account (role \
             roles/cloudkms.signerVerifier)"
        }
        Code::Unauthenticated => {
            "the credentials are not taken: renew those that GOOGLE_APPLICATION_CREDENTIALS names"
        }
        Code::FailedPrecondition => "the version is disabled or destroyed: enable it",
        Code::InvalidArgument => {
            "make a key with --purpose asymmetric-signing --default-algorithm ec-sign-secp256k1-sha256"
        }
        Code::ResourceExhausted => "ask again later; raise the quota if it goes on",
        Code::Unavailable | Code::DeadlineExceeded => {
            "the service was not reached: see that cloudkms.googleapis.com can be reached from here"
        }
        _ => "look the code up in the documentation of google.rpc",
    }
}

fn by_kind(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::CredentialsFile(_) | ErrorKind::CredentialsJson(_) => {
            "GOOGLE_APPLICATION_CREDENTIALS names no file of credentials that can be read: correct it"
        }
        ErrorKind::TokenSource => {
            "there are no credentials: set GOOGLE_APPLICATION_CREDENTIALS for the signer's process, or run it where the \
             metadata server gives some"
        }
        ErrorKind::HttpStatus(_) | ErrorKind::TokenData | ErrorKind::TokenJson(_) => {
            "no token is given for these credentials: renew them"
        }
        ErrorKind::GrpcStatus(_) | ErrorKind::Http(_) => {
            "the service was not reached: see that cloudkms.googleapis.com and oauth2.googleapis.com can be reached from here"
        }
        _ => "check the credentials in the environment of the signer's process",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_of_the_service_names_its_remedy() {
        let cases = [
            (Code::NotFound, "correct"),
            (Code::PermissionDenied, "useToSign"),
            (Code::Unauthenticated, "GOOGLE_APPLICATION_CREDENTIALS"),
            (Code::FailedPrecondition, "enable"),
            (Code::InvalidArgument, "secp256k1"),
            (Code::Unavailable, "reached"),
            (Code::Internal, "look the code up"),
        ];
        for (code, words) in cases {
            assert!(by_code(code).contains(words), "{code:?}");
        }
        let status = alloy_signer_gcp::gcloud_sdk::tonic::Status::not_found("nope");
        let text = said(&GcpSignerError::RequestError(status));
        assert!(text.contains("nope") && text.contains("correct the configuration"), "{text}");
    }
}
