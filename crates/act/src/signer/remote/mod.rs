//! Keys that never leave the place where they were made: two cloud services and a device for the hand.
//!
//! **What.** What a configuration says of such a key, and how it is opened. Each kind is a cargo feature, off by default,
//! because the packages behind it take minutes to build; a program without it says which one to build with.
//!
//! **Assumptions.** Credentials come from the environment of the signer's process as the vendor documents it, and stand in
//! no file of ours.
//!
//! **Promises.** Before a key is used, its account was compared with the configured one and a signature of a text that is
//! no transaction was asked for and checked. A device is asked for no signature that nobody wants: its account alone is
//! compared, and each signature when it is made.

#[cfg(feature = "kms-aws")]
mod aws;
#[cfg(feature = "kms-gcp")]
mod gcp;
#[cfg(feature = "ledger")]
mod ledger;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use url::Url;

#[cfg(feature = "kms-aws")]
pub(super) use self::aws::sign as aws_sign;
#[cfg(feature = "kms-gcp")]
pub(super) use self::gcp::sign as gcp_sign;
#[cfg(feature = "ledger")]
pub(super) use self::ledger::sign as ledger_sign;
use super::{Key, KeyError, KeySource};

/// How long a key service may take for one answer, its own repetitions included. Usually it is a tenth of a second.
pub const SERVICE_TIME_LIMIT: Duration = Duration::from_secs(8);
/// How long somebody may take to read a device's display and press its buttons.
pub const DEVICE_TIME_LIMIT: Duration = Duration::from_mins(2);

/// A key of AWS KMS: asymmetric, `ECC_SECG_P256K1`, for signing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AwsKmsKey {
    /// The key's id or ARN, or an alias (`alias/…`). An alias can be pointed elsewhere, which the check of the account
    /// notices.
    pub key_id: String,
    /// The region: `eu-central-1`.
    pub region: String,
    /// Another address of the service: a VPC endpoint, or an emulator. Default: the region's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Url>,
    /// Where the record of signatures is kept; `.signatures` is added. Default: beside the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<PathBuf>,
}

/// A version of a key of Google Cloud KMS: `ASYMMETRIC_SIGN`, `EC_SIGN_SECP256K1_SHA256`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GcpKmsKey {
    /// The project's id.
    pub project: String,
    /// The location: `europe-west3`.
    pub location: String,
    /// The key ring.
    pub keyring: String,
    /// The key.
    pub key: String,
    /// Which version of the key. Each has an account of its own.
    pub version: u64,
    /// Where the record of signatures is kept; `.signatures` is added. Default: beside the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<PathBuf>,
}

/// A key of a Ledger that is plugged in, with its Ethereum app open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LedgerKey {
    /// Which account, as Ledger Live counts them: `m/44'/60'/index'/0/0`.
    pub index: u32,
}

impl AwsKmsKey {
    /// How it is called in messages.
    pub(super) fn shown(&self) -> String {
        format!("the AWS KMS key {} in {}", self.key_id, self.region)
    }

    /// Why the configuration cannot be meant; none where it can.
    fn problem(&self) -> Option<String> {
        if self.key_id.trim().is_empty() || self.region.trim().is_empty() {
            return Some("`keyId` and `region` must not be empty".to_owned());
        }
        let endpoint = self.endpoint.as_ref()?;
        match endpoint.scheme() {
            "https" => None,
            "http" if crate::nodes::is_loopback(endpoint) => None,
            other => Some(format!(
                "`endpoint` is {other}: it must be https, or http on this machine, or anybody on the way could answer"
            )),
        }
    }

    /// The file in a configuration's folder beside which signatures are recorded.
    fn record_in(&self, folder: &Path) -> PathBuf {
        let default = format!("aws-kms-{}-{}", self.region, self.key_id);
        folder.join(self.record.clone().unwrap_or_else(|| plain(&default).into()))
    }
}

impl GcpKmsKey {
    /// How it is called in messages.
    pub(super) fn shown(&self) -> String {
        format!("the Google Cloud KMS key {}", self.resource())
    }

    /// The name of the version's resource.
    fn resource(&self) -> String {
        format!(
            "projects/{}/locations/{}/keyRings/{}/cryptoKeys/{}/cryptoKeyVersions/{}",
            self.project, self.location, self.keyring, self.key, self.version
        )
    }

    /// Why the configuration cannot be meant; none where it can.
    fn problem(&self) -> Option<String> {
        let parts = [
            ("project", &self.project),
            ("location", &self.location),
            ("keyring", &self.keyring),
            ("key", &self.key),
        ];
        // Names with a slash would be another resource than the one that is read here.
        let is_word = |text: &str| {
            !text.is_empty()
                && text
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':'))
        };
        if let Some((name, _)) = parts.iter().find(|(_, text)| !is_word(text)) {
            return Some(format!(
                "`{name}` is no name of Google Cloud: give the id alone, without its path"
            ));
        }
        (self.version == 0).then(|| "`version` begins at 1".to_owned())
    }

    /// The file in a configuration's folder beside which signatures are recorded.
    fn record_in(&self, folder: &Path) -> PathBuf {
        let default = format!("gcp-kms-{}-{}-{}", self.keyring, self.key, self.version);
        folder.join(self.record.clone().unwrap_or_else(|| plain(&default).into()))
    }
}

/// What may stand in the name of a file everywhere.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' }).collect()
}

/// The three kinds under one name.
#[derive(Debug, Clone, Copy)]
pub(super) enum Remote<'a> {
    /// AWS KMS.
    Aws(&'a AwsKmsKey),
    /// Google Cloud KMS.
    Gcp(&'a GcpKmsKey),
    /// A Ledger.
    Ledger(&'a LedgerKey),
}

impl Remote<'_> {
    /// How it is called in messages.
    pub(super) fn shown(self) -> String {
        match self {
            Self::Aws(key) => key.shown(),
            Self::Gcp(key) => key.shown(),
            Self::Ledger(key) => format!("account {} of the Ledger", key.index),
        }
    }

    /// The cargo feature that it needs.
    pub(super) fn feature(self) -> &'static str {
        match self {
            Self::Aws(_) => "kms-aws",
            Self::Gcp(_) => "kms-gcp",
            Self::Ledger(_) => "ledger",
        }
    }

    /// Whether this program was built with it.
    pub(super) fn is_built(self) -> bool {
        match self {
            Self::Aws(_) => cfg!(feature = "kms-aws"),
            Self::Gcp(_) => cfg!(feature = "kms-gcp"),
            Self::Ledger(_) => cfg!(feature = "ledger"),
        }
    }

    /// Why the configuration cannot be meant; none where it can.
    pub(super) fn problem(self) -> Option<String> {
        match self {
            Self::Aws(key) => key.problem(),
            Self::Gcp(key) => key.problem(),
            Self::Ledger(key) => (key.index >= 1 << 31).then(|| {
                "`index` must be below 2147483648: it is a hardened step of a path".to_owned()
            }),
        }
    }

    /// Opens the key.
    ///
    /// # Errors
    /// A program without the feature; a service or device that does not answer, does not know the key or does not let us.
    #[cfg_attr(
        not(any(feature = "kms-aws", feature = "kms-gcp", feature = "ledger")),
        expect(clippy::unused_async, reason = "a service or a device is waited for")
    )]
    pub(super) async fn open(self) -> Result<Key, KeyError> {
        if let Some(why) = self.problem() {
            return Err(KeyError::Remote { what: self.shown(), why });
        }
        match self {
            #[cfg(feature = "kms-aws")]
            Self::Aws(key) => aws::open(key).await,
            #[cfg(feature = "kms-gcp")]
            Self::Gcp(key) => gcp::open(key).await,
            #[cfg(feature = "ledger")]
            Self::Ledger(key) => ledger::open(key).await,
            #[allow(unreachable_patterns, reason = "not where every feature is on")]
            _ => Err(self.not_built()),
        }
    }

    /// What a program says that was built without.
    pub(super) fn not_built(self) -> KeyError {
        KeyError::NotBuilt { what: self.shown(), feature: self.feature() }
    }
}

/// Fills in where the record of signatures is kept, beside the configuration unless it says otherwise.
pub fn record_beside(folder: &Path, key: &mut KeySource) {
    match key {
        KeySource::AwsKms(one) => one.record = Some(one.record_in(folder)),
        KeySource::GcpKms(one) => one.record = Some(one.record_in(folder)),
        _ => {}
    }
}

/// An error with everything that caused it, each thing once. What services say is bounded and shown without its control
/// characters.
#[cfg(any(feature = "kms-aws", feature = "kms-gcp", feature = "ledger"))]
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    use portcullis_types::text::printable;
    // More than this is a circle.
    const CAUSES_MAX: usize = 12;
    let mut text = printable(&error.to_string());
    let mut next = error.source();
    for _ in 0..CAUSES_MAX {
        let Some(cause) = next else { break };
        let more = printable(&cause.to_string());
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests;
