//! Whether what we brake with works: the words of the self-test that runs beside detection.

use alloy_primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};

use crate::ids::ChainId;

/// Most parts that one self-test of a protocol may name.
pub const BRAKE_CHECKS_MAX: usize = 1_000;

/// Where a part of the brakes stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Standing {
    /// Looked at, and it works.
    Works,
    /// Pulled by us, or an action of ours is under way: there is nothing to test until it is let go.
    Held,
    /// Could not be looked at. Nothing is known of it, which is neither "works" nor "broken".
    Unseen,
    /// Looked at, and it does not work.
    Broken,
}

/// One part of the brakes as a self-test found it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BrakeCheck {
    /// Which part, unique in its protocol: `lever pause-market`, `purse of the responder`.
    pub brake: String,
    /// Where it stands.
    pub standing: Standing,
    /// Why not, where it does not work or could not be looked at; else empty. Printable.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// A part of the brakes moved so that people must know: it stopped working, cannot be looked at, or is back. Told once
/// for each time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BrakeAlert {
    /// Whose.
    pub protocol: String,
    /// Which part.
    pub brake: String,
    /// Where it stands now.
    pub standing: Standing,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

impl BrakeAlert {
    /// The alert in one sentence.
    pub fn sentence(&self) -> String {
        let Self { protocol, brake, why, .. } = self;
        match self.standing {
            Standing::Works if why.is_empty() => format!("{brake} of {protocol} works again"),
            Standing::Works => format!("{brake} of {protocol}: {why}"),
            Standing::Held => format!("{brake} of {protocol} is held: {why}"),
            Standing::Unseen => format!("{brake} of {protocol} could not be looked at: {why}"),
            Standing::Broken => format!("{brake} of {protocol} does not work: {why}"),
        }
    }
}

/// Where a sentinel's heartbeat at a Warden stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BeatState {
    /// It was posted, or the last one is young enough.
    Fresh,
    /// The last try failed; the Warden still counts the one before.
    Failed,
    /// The Warden does not count the sentinel: its orders are worth nothing until that is mended.
    Late,
}

/// A heartbeat's news.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BeatNews {
    /// Chain.
    pub chain: ChainId,
    /// Warden.
    pub warden: Address,
    /// The sentinel's account.
    pub sentinel: Address,
    /// Where it stands.
    pub state: BeatState,
    /// Why not fresh; else empty. Printable.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// Where a hold of a Warden stands that no action of this journal made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HoldState {
    /// It stops something until its time.
    Open,
    /// Its time is over and it still stops something: anybody may release it.
    Over,
    /// We released it, as anybody may.
    Released,
    /// It is gone, by somebody else.
    Gone,
}

/// News of a hold of a Warden that no action of this journal made: an order of somebody who has the same sentinels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HoldNews {
    /// Chain.
    pub chain: ChainId,
    /// Warden.
    pub warden: Address,
    /// Its lever.
    pub lever: B256,
    /// The hold's number at the Warden.
    pub hold: U256,
    /// The incident that its order named.
    pub incident: B256,
    /// Unix seconds at which its time is over.
    pub ends_at: u64,
    /// Where it stands.
    pub state: HoldState,
}
