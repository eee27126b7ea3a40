//! What users write about the detector `contagion`.

use portcullis_types::finding::Maturity;
use serde::{Deserialize, Serialize};

use crate::number::{Decimal, Integer};

/// `detector: contagion`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContagionConfig {
    /// Lowers the detector's own maturity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maturity: Option<Maturity>,
    /// What may fail, and how one sees it. 1 to 64.
    pub upstream: Vec<Upstream>,
    /// Those in between, who pass losses on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<Node>,
    /// Who holds what on whom. 1 to 512.
    pub exposures: Vec<Exposure>,
    /// Losses of the protocol below this are not told, whole dollars. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_usd: Option<u64>,
}

/// Something that may fail. At least one of `account`, `peg`, `paused` and `supply`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Upstream {
    /// Name for people and for exposures: `usdx`.
    pub name: String,
    /// The contract whose events `Paused`, `Unpaused` and `Upgraded` are looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Its price, which should be near a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peg: Option<Peg>,
    /// A view that answers something else than 0 while it is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<View>,
    /// Its supply, which should not jump.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supply: Option<Supply>,
    /// How much of a claim on it is taken for lost while it is paused or after an upgrade, percent. Default 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<u64>,
}

/// A view function of any contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct View {
    /// Address, or name of a contract.
    pub contract: String,
    /// Signature: `totalSupply()`.
    pub call: String,
    /// Arguments as text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Which 32-byte word of the answer is meant, from 0. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word: Option<u32>,
}

/// A price that should be near a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Peg {
    /// Where the price is read.
    pub price: View,
    /// What it should be, in the unit of the answer.
    pub at: Integer,
    /// How far it may be below, percent with at most two places: `"2"`.
    pub max_below: Decimal,
}

/// A supply that should not jump.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Supply {
    /// Where it is read.
    pub total: View,
    /// How much it may grow from one reading to the next, percent with at most two places: `"5"`.
    pub max_growth: Decimal,
}

/// Somebody who passes losses on: a market, a vault, a bridge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Node {
    /// Name: one of the protocol's contracts, or anything else for a stranger's.
    pub name: String,
    /// What others claim of it, whole dollars, not 0.
    pub value_usd: u64,
    /// Loss that it bears before they do, whole dollars. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buffer_usd: Option<u64>,
}

/// Somebody's holding on somebody else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Exposure {
    /// Who would lose: a node, or a contract of the protocol.
    pub holder: String,
    /// On whom: something upstream, or a node.
    pub on: String,
    /// How much, whole dollars.
    pub amount_usd: u64,
}
