//! How feeds are configured.

use portcullis_types::finding::Maturity;
use serde::{Deserialize, Serialize};

use crate::number::Integer;

/// `detector: stale-oracle`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StaleOracleConfig {
    /// Lowers the detector's own maturity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maturity: Option<Maturity>,
    /// The feeds.
    #[serde(default)]
    pub feeds: Vec<FeedConfig>,
    /// The feed of the roll-up's sequencer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequencer: Option<SequencerConfig>,
}

/// One feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FeedConfig {
    /// What it is called here: `ETH/USD`. Unique.
    pub name: String,
    /// Its contract: an address, or the name of one of the protocol's.
    pub feed: String,
    /// How long an answer may stand, seconds, as its operator promises.
    pub heartbeat_seconds: u64,
    /// How much later it may come, seconds. Default 300.
    #[serde(default = "five_minutes")]
    pub grace_seconds: u64,
    /// An answer at or below this is cut off, in the feed's own units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Integer>,
    /// An answer at or above this is cut off, in the feed's own units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Integer>,
}

/// The feed of a sequencer's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SequencerConfig {
    /// Its contract.
    pub feed: String,
    /// For how long after it came back prices are not believed, seconds. Default 3600.
    #[serde(default = "hour")]
    pub grace_seconds: u64,
}

fn five_minutes() -> u64 {
    300
}

fn hour() -> u64 {
    3_600
}
