//! `detector: bridge`.

use portcullis_types::finding::Maturity;
use serde::{Deserialize, Serialize};

use crate::number::Integer;

/// `detector: bridge`. One lane of a bridge: from a contract on another chain to one of the protocol's. The way back is a
/// second detector, of a protocol on the other chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BridgeConfig {
    /// Lowers the detector's own maturity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maturity: Option<Maturity>,
    /// The chain on which is locked. It must be among the configured chains, and be another than the protocol's.
    pub source_chain: u64,
    /// The event that says that something was locked; its contract is written as an address.
    pub lock: BridgeEvent,
    /// The event that says that something was paid out; its contract is one of the protocol's.
    pub release: BridgeEvent,
    /// What becomes what. A bridge whose events name ids but no tokens needs none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tokens: Vec<BridgeToken>,
    /// How long after its block a lock is final, seconds.
    pub finality_seconds: u64,
    /// The longest honest time between a lock and its release, seconds. As long must the source chain have been seen for a
    /// release without a lock to be a proof.
    pub history_seconds: u64,
    /// How far the clocks of the two chains, and their reading, may be apart, seconds. Default 300.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_seconds: Option<u64>,
    /// After how long without sight of the source chain that is said of a release, seconds. Default ten times the grace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience_seconds: Option<u64>,
}

/// An event of a bridge, and which of its parameters means what. A parameter is named as in the event; of one of type
/// `bytes` a part can be named as `payload[81..113]`, at most 32 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BridgeEvent {
    /// The contract that emits it.
    pub contract: String,
    /// The event with the names of its parameters: `Dispatch(bytes32 indexed messageHash, uint256 amount)`.
    pub event: String,
    /// The message id. Several parameters are one id together; both sides name as many. Empty: only sums are compared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub id: Vec<String>,
    /// The token. Default: the only one of `tokens`, if there is only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
    /// Who is paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beneficiary: Option<String>,
    /// Only events in which these parameters have these values count: the chain it goes to, for instance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<FieldEquals>,
}

/// A condition on a parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FieldEquals {
    /// The parameter.
    pub field: String,
    /// Its value as a number.
    pub equals: Integer,
}

/// A token of the source chain and what it becomes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BridgeToken {
    /// Address on the source chain.
    pub source: String,
    /// Symbol of the protocol's asset; the native coin stands for the zero address.
    pub asset: String,
    /// Decimals on the source chain. Default: those of the asset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_decimals: Option<u8>,
    /// Most that the bridge keeps, hundredths of a percent. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_bps: Option<u16>,
    /// What was locked and not yet released when the watch begins, smallest units of the asset. Without it a deficit of
    /// the sums is no proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opening: Option<Integer>,
}
