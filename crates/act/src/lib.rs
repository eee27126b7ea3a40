//! Acting: from an action that the engine asks for to a verified change on the chain.
//!
//! **What.** [`lever`] turns configuration into levers, [`perform`] takes one [`Action`] through the life of a
//! transaction, [`signer`] holds the key, in a process of its own. This is the only crate that can sign.
//!
//! **Assumptions.** What is reported through [`Report`] is on disk when its future resolves. Nodes may be slow, silent or
//! of different opinions, but the first one is not hostile: rehearsals and verify views are only as honest as the node.
//!
//! **Promises.**
//! - ACT-1: the signed bytes are journaled before any node sees them, and all transactions of one intent share one
//!   nonce, so a crash at any point leads to at most one of them on the chain.
//! - ACT-3: an action that has a final outcome does nothing when performed again.
//! - ACT-4: nothing is signed that was not rehearsed on the newest state, unless the settings say race.
//! - One action makes one order of a Warden, whatever happens in between.
//! - DEC-3: nothing is let go of before its time, and nothing is signed but the calls of the lever.
//!
//! [`Action`]: portcullis_types::action::Action

pub mod fees;
pub mod lanes;
pub mod lever;
pub mod nodes;
pub mod perform;
mod rehearse;
pub mod relay;
pub mod report;
pub mod safe;
pub mod settings;
pub mod signer;
pub mod warden;

pub use self::{
    fees::FeePolicy,
    lanes::LaneHealth,
    nodes::{NodeError, Nodes},
    perform::{Actuator, PerformError, WARM_LEVERS_MAX, WarmReport},
    relay::{RelayHealth, Relays, Route},
    report::{Report, Reporting, Stopped},
    settings::ActSettings,
};
