//! What users write about the detector `volatility`.

use portcullis_types::finding::Maturity;
use serde::{Deserialize, Serialize};

use super::SwapsConfig;
use crate::{
    config::Term,
    number::{Decimal, Integer},
};

/// `detector: volatility`. Exactly one of `price` and `swaps`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VolatilityConfig {
    /// Lowers the detector's own maturity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maturity: Option<Maturity>,
    /// Name for people, part of the findings' keys: `eth-usd`.
    pub name: String,
    /// Where the price is read: a call or a slot, in any unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Term>,
    /// The pool whose swaps are watched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub swaps: Option<SwapsConfig>,
    /// The short window.
    pub short: Window,
    /// The long window.
    pub long: Window,
    /// Whether one broken window is enough. Default `any`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub require: Option<Require>,
    /// From which share of the bounds on the state is soft, percent, 1 to 100. Default 70; 100 has no soft state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soft_share: Option<u64>,
    /// Hides the bounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<Jitter>,
}

/// A window and the move that it allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Window {
    /// Length, blocks, at most 50,400 (a week of 12-second blocks).
    pub blocks: u64,
    /// Largest move, percent with at most two places: `"5"`, `"0.25"`.
    pub max_move: Decimal,
}

/// How many windows must be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Require {
    /// One of them.
    Any,
    /// Both.
    All,
}

/// Lowers the bounds by a share that nobody else knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Jitter {
    /// Private number.
    pub seed: Integer,
    /// Most by which the bounds are lowered, percent, at most 50.
    pub max_share: Decimal,
}
