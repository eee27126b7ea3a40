//! What guardians are asked to sign, and what they signed.
//!
//! A signature is EIP-712 typed data over [`ApprovalRequest`]: the domain is `Portcullis`, version `1`, and the lever's
//! chain. It is worth something once, for one request: the request's number is the journal's, its block hash is the
//! chain's, and it ends at a deadline.
//!
//! Source: EIP-712; ERC-191.

use alloy_primitives::{Address, Bytes};
use serde::{Deserialize, Serialize};

use crate::{
    action::Rung,
    chain::BlockId,
    ids::{CaseId, ChainId, Millis, Seq},
};

/// What a guardian agrees to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ApprovalKind {
    /// That a lever is pulled.
    Pull,
    /// That a lever that was pulled already is held to the end of its time.
    Ratify,
    /// That levers of a rung are pulled unattended again, after a pull that nobody ratified.
    Resume,
    /// That a lever that is held is let go before its time, because people take back what they did.
    Release,
}

impl ApprovalKind {
    /// As it is written in what is signed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Ratify => "ratify",
            Self::Resume => "resume",
            Self::Release => "release",
        }
    }
}

/// What guardians are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalRequest {
    /// What.
    pub kind: ApprovalKind,
    /// Journal sequence of the step that asks: never used twice in a journal.
    pub decision: Seq,
    /// Protocol.
    pub protocol: String,
    /// Case.
    pub case: CaseId,
    /// Lever.
    pub lever: String,
    /// Its place on the ladder.
    pub rung: Rung,
    /// Chain of the lever.
    pub chain: ChainId,
    /// Block that the decision was taken at.
    pub block: BlockId,
    /// Until when a signature counts; whole seconds since the Unix epoch are signed, rounded down.
    pub deadline: Millis,
    /// How many guardians must sign.
    pub signatures: u32,
}

/// A guardian's signature, and which request it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Approval {
    /// What is agreed to.
    pub kind: ApprovalKind,
    /// Case.
    pub case: CaseId,
    /// Lever.
    pub lever: String,
    /// The request's number.
    pub decision: Seq,
    /// `r ‖ s ‖ v`, 65 bytes.
    pub signature: Bytes,
}

/// Why a signature does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotApproved {
    /// Nothing of the kind is asked for, or not any more.
    #[error(
        "nobody is asked for this (any more): it was signed by enough, has ended or never was; `portcullis approve` lists \
         what is asked for"
    )]
    NotAsked,
    /// Its time is over.
    #[error("the request's deadline has passed: sign the newest one")]
    TooLate,
    /// The bytes are no signature.
    #[error("the signature is none: give 65 bytes in hexadecimal, as eth_signTypedData_v4 answers")]
    NoSignature,
    /// Somebody else signed, or something else was signed.
    #[error(
        "signed by {0}, who is no guardian of this protocol, or of another text: sign exactly what --typed-data prints"
    )]
    NotAGuardian(Address),
    /// The same guardian signed before.
    #[error("{0} has signed this already: another guardian is needed")]
    Again(Address),
}
