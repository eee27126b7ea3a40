//! Safe multi-signature accounts: what a proposed transaction would do, said before anybody signs it.
//!
//! **What.** [`Proposal`] reads what the Safe Transaction Service writes, [`Subject::hashes`] computes what is signed,
//! [`steps`] says what the bytes say, [`Check`] plays it and compares who rules the Safe before and after,
//! [`OwnerSignature`], [`gather`] and [`join`] deal with signatures, [`send`] carries it out, [`Service`] shows it to the other owners.
//!
//! **Assumptions.** The proposal, its signatures and the screen it was copied from are hostile. The node is not: a node
//! that lies about the state can make a bad transaction look good, though not one that [`refusals_of_bytes`] refuses.
//!
//! **Promises.** Nothing passes that was not played on the newest state. No hash is signed that was not computed here from
//! the fields; the process that holds the key reads the proposal itself and refuses by itself what needs no chain to be
//! refused.
//!
//! Sources: safe-global/safe-smart-account (1.3.0 to 1.5.0: `Safe.sol`, `SafeStorage.sol`, `MultiSendCallOnly.sol`),
//! EIP-712, EIP-191, EIP-1271.

mod calls;
mod change;
mod check;
mod play;
mod post;
mod proposal;
mod read;
mod send;
mod service;
mod signatures;
mod state;
#[cfg(test)]
mod tests;
mod tx;

pub use self::{
    calls::{BadBatch, DEPTH_MAX, STEPS_MAX, Step, limited, steps},
    change::{Change, Expected, NoChange},
    check::{Approval, CALL_ONLY, Check, Moved, Question, Refusal, Rules, refusals_of_bytes},
    play::{Agreement, Played, TOKENS_MAX, play},
    post::{NotPosted, ORIGIN_CHARS_MAX, Service},
    proposal::{
        BadProposal, DATA_BYTES_MAX, PROPOSAL_BYTES_MAX, Proposal, SIGNATURES_MAX, SignatureFile,
    },
    read::{Found, agrees, exec_data, find, is_exec_of},
    send::{Executed, REPLACEMENTS_MAX, SendError, send},
    service::{NoProposal, fetch},
    signatures::{
        BadSignature, CONTRACT_SIGNATURE_BYTES_MAX, Gathered, Kind, OwnerSignature, gather, join,
    },
    state::{LIST_MAX, State},
    tx::{Hashes, NoVersion, Operation, SafeTx, SafeVersion, Subject},
};
