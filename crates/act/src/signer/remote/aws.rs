//! AWS KMS.

use alloy_primitives::{B256, Signature};
use alloy_signer::Signer as _;
use alloy_signer_aws::{
    AwsSigner, AwsSignerError,
    aws_sdk_kms::{
        Client,
        config::timeout::TimeoutConfig,
        error::{ProvideErrorMetadata, SdkError},
    },
};
use aws_config::{BehaviorVersion, Region};

use super::{AwsKmsKey, SERVICE_TIME_LIMIT, chain};
use crate::signer::{
    KeyError,
    key::{Holder, Key},
};

/// How long one try may take. There are three within the limit of all.
const TRY_TIME_LIMIT: std::time::Duration = std::time::Duration::from_millis(2_500);

/// Opens the key: asks for its public half.
pub(super) async fn open(key: &AwsKmsKey) -> Result<Key, KeyError> {
    let limits = TimeoutConfig::builder()
        .operation_timeout(SERVICE_TIME_LIMIT)
        .operation_attempt_timeout(TRY_TIME_LIMIT)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .region(Region::new(key.region.clone()))
        .timeout_config(limits);
    if let Some(endpoint) = &key.endpoint {
        loader = loader.endpoint_url(endpoint.as_str());
    }
    let client = Client::new(&loader.load().await);
    match AwsSigner::new(client, key.key_id.clone(), None).await {
        Ok(signer) => Ok(Key::remote(signer.address(), Holder::Aws(Box::new(signer)))),
        Err(error) => Err(KeyError::Remote { what: key.shown(), why: said(&error) }),
    }
}

/// A signature of a hash.
pub(in crate::signer) async fn sign(signer: &AwsSigner, hash: &B256) -> Result<Signature, String> {
    signer.sign_hash(hash).await.map_err(|error| match &error {
        alloy_signer::Error::Other(inner) => match inner.downcast_ref::<AwsSignerError>() {
            Some(error) => said(error),
            None => chain(&error),
        },
        _ => chain(&error),
    })
}

/// What went wrong, and what to do about it.
fn said(error: &AwsSignerError) -> String {
    match error {
        AwsSignerError::Sign(error) => service(error, "kms:Sign"),
        AwsSignerError::GetPublicKey(error) => service(error, "kms:GetPublicKey"),
        AwsSignerError::Spki(_) | AwsSignerError::K256(_) => format!(
            "it is no key of secp256k1 ({}): make one with --key-spec ECC_SECG_P256K1 --key-usage SIGN_VERIFY",
            chain(error)
        ),
        AwsSignerError::SignatureRecoveryFailed => {
            "what it signs is not by the key that it showed: an alias was pointed elsewhere (start the signer anew), or what \
             answers is not KMS"
                .to_owned()
        }
        _ => chain(error),
    }
}

fn service<E>(error: &SdkError<E>, permission: &str) -> String
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    let remedy = match error {
        SdkError::ServiceError(_) => by_code(error.code().unwrap_or(""), permission),
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) => {
            "it was not reached, or there are no credentials: correct `region` or `endpoint`, and give the signer's process \
             credentials by its environment"
                .to_owned()
        }
        _ => "look at the service's health".to_owned(),
    };
    format!("{}: {remedy}", chain(error))
}

/// What to do by the error's code, as the API reference of KMS lists them.
fn by_code(code: &str, permission: &str) -> String {
    match code {
        "NotFoundException" => {
            "no such key in this region and account: correct `keyId`, `region` or the credentials"
                .to_owned()
        }
        "AccessDeniedException" => {
            format!("allow {permission} on this key to the signer's role")
        }
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "ExpiredTokenException"
        | "InvalidSignatureException"
        | "IncompleteSignature" => {
            "the credentials are not taken: renew those in the environment of the signer's process"
                .to_owned()
        }
        "DisabledException" | "KMSInvalidStateException" => {
            "the key is disabled or to be deleted: enable it, or cancel its deletion".to_owned()
        }
        "InvalidKeyUsageException" | "UnsupportedOperationException" | "ValidationException" => {
            "make a key with --key-spec ECC_SECG_P256K1 --key-usage SIGN_VERIFY".to_owned()
        }
        "ThrottlingException" | "LimitExceededException" | "KMSInternalException" => {
            "ask again later; raise the quota of cryptographic operations if it goes on".to_owned()
        }
        _ => format!("look the code up, and that {permission} is allowed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_of_the_service_names_its_remedy() {
        let cases = [
            ("NotFoundException", "keyId"),
            ("AccessDeniedException", "allow kms:Sign"),
            ("ExpiredTokenException", "renew"),
            ("DisabledException", "enable"),
            ("InvalidKeyUsageException", "ECC_SECG_P256K1"),
            ("ThrottlingException", "later"),
            ("SomethingNew", "look the code up"),
        ];
        for (code, words) in cases {
            let text = by_code(code, "kms:Sign");
            assert!(text.contains(words), "{code}: {text}");
        }
    }
}
