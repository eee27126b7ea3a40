//! The signer: the only place of Portcullis that holds a key.
//!
//! **What.** [`serve`] runs in a process of its own, started as `portcullis signer`. It reads requests from its standard
//! input and answers on its standard output, one JSON line each. [`SignerProcess`] is the other end of that line, and
//! [`LocalSigner`] is the same service without the process.
//!
//! **Assumptions.** The process that asks reads untrusted chain data, so it may be in an attacker's hands. The
//! [`Policy`] and the [`KeySource`] come from files that it cannot write.
//!
//! **Promises.** The key never leaves the signer: it is in no log, no error, no `Debug` output and no command line.
//! Nothing is signed that the policy does not list to the byte. The same request gives the same transaction:
//! a key on this machine signs by RFC 6979, and the last signatures of other keys are remembered while the process runs.
//! No signature leaves that was not checked: of this hash, by this account, with the lower value of `s`.

mod attest;
mod key;
mod policy;
mod process;
mod protocol;
mod remote;
mod service;
mod source;
mod tally;

use std::{fmt::Debug, future::Future, pin::Pin};

use alloy_primitives::{Address, Bytes};

pub(crate) use self::attest::domain;
#[cfg(test)]
pub(crate) use self::key::development_key;
pub use self::{
    attest::{
        AllowedOrder, AllowedWarden, Attestation, CLOCK_SLACK_SECONDS, HeartbeatRequest,
        OrderRequest,
    },
    key::Key,
    policy::{AllowedCall, AllowedRelay, Emergency, Policy, PolicyError},
    process::{SIGN_TIME_LIMIT, START_TIME_LIMIT, SignerProcess},
    protocol::{
        LINE_BYTES_MAX, SignRequest, SignedTransaction, SignerAnswer, SignerRequest, WrongAnswer,
    },
    remote::{
        AwsKmsKey, DEVICE_TIME_LIMIT, GcpKmsKey, LedgerKey, SERVICE_TIME_LIMIT, record_beside,
    },
    service::{LocalSigner, ServeError, SignerService, serve},
    source::{KeyError, KeySource, secret_line},
};

/// What [`TransactionSigner::sign`] returns.
pub type Signing<'a> =
    Pin<Box<dyn Future<Output = Result<SignedTransaction, SignError>> + Send + 'a>>;

/// Something that signs the responder's transactions.
pub trait TransactionSigner: Debug + Send + Sync {
    /// The account it signs for.
    fn address(&self) -> Address;

    /// Signs exactly what is asked, or says why not.
    fn sign(&self, request: SignRequest) -> Signing<'_>;
}

/// What [`Sentinel::attest`] returns.
pub type Attesting<'a> = Pin<Box<dyn Future<Output = Result<Bytes, SignError>> + Send + 'a>>;

/// Something that signs a Warden's orders and heartbeats, and the transactions of its own heartbeats.
pub trait Sentinel: TransactionSigner {
    /// Signs exactly what is asked, 65 bytes, or says why not.
    fn attest(&self, asked: Attestation) -> Attesting<'_>;
}

/// Why nothing was signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The signer's policy does not allow it. Asking again changes nothing.
    #[error("the signer refused: {why}")]
    Refused {
        /// The signer's words.
        why: String,
    },
    /// The signer could not be asked, or did not answer in time. Asking again may help.
    #[error(
        "the signer does not answer: {why}; look at its log and start it by hand with `portcullis signer`"
    )]
    Unavailable {
        /// What happened.
        why: String,
    },
}
