//! Reads chains: nodes over HTTP, WebSocket and IPC, and recordings instead of a node.
//!
//! [`Node`] asks questions, with time limits and fail-over between addresses. [`RpcSource`] turns a
//! node into an endless, gapless row of [`ChainEvent`](portcullis_types::chain::ChainEvent)s.
//! [`Recording`] and [`StateFolder`] give the same material from files, and [`record`] writes it.
//!
//! **Assumptions.** A node may lie by accident: it may lag, hang, answer with an error inside HTTP
//! 200, forget a block, or change its mind. It does not forge blocks on purpose; whoever fears that
//! asks several nodes.
//!
//! **Promises.** "Nothing there" and "could not look" are different values. A failure becomes
//! [`BlindCause`](portcullis_types::chain::BlindCause), never an empty answer. Every text from a
//! node is made printable, no address of a node is shown with its keys, and nothing here can sign.

mod address;
mod error;
mod frames;
mod link;
pub mod node;
pub mod recording;
pub mod source;

pub use error::{ObserveError, Remedy};
pub use node::{Capabilities, EvidenceMethod, Node, NodeOptions};
pub use recording::{
    Playable, Recording, RecordingLine, StateFolder, open_any,
    write::{RecordProgress, RecordSummary, record},
};
pub use source::{PendingSource, Resume, RpcSource, SourceOptions, Start};
