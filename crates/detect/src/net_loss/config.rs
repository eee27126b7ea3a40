//! What users write about [`crate::net_loss`].

use portcullis_types::{finding::Maturity, money::Usd};
use serde::{Deserialize, Serialize};

use crate::{
    config::Term,
    number::{Decimal, Integer},
    reference::OraclePrice,
    venue::VenueConfig,
};

/// `detector: net-loss`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NetLossConfig {
    /// Lowers the detector's own maturity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maturity: Option<Maturity>,
    /// Names of the contracts that are watched together. Default: all that hold value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contracts: Vec<String>,
    /// Tokens with which the protocol owes something to who holds them: minted they are a debt of the protocol, burnt it
    /// is paid. Such a token is never counted as property of the contracts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shares: Vec<ClaimToken>,
    /// Tokens with which their holders owe something to the protocol (Aave's debt tokens): minted they are lent money,
    /// burnt it is repaid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub debts: Vec<ClaimToken>,
    /// The same for books that are kept without tokens, read from logs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<BookEntry>,
    /// Reference prices that are read. Default: `priceUsd` of the assets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub oracles: Vec<OraclePrice>,
    /// Those of the contracts that are markets: a loss that fits trading is doubted (see `market-or-theft`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub venues: Vec<VenueConfig>,
    /// The bounds. At least one.
    pub limits: Vec<LossLimit>,
    /// A transaction's loss up to this share of what it moved in and out is none, basis points. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance_bps: Option<u64>,
    /// A breach of a bound by this factor is a proof, 1 to 100. Default: no breach is. Set it once the books are
    /// complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hard_factor: Option<Decimal>,
}

/// A token that stands for a debt; exactly one of `asset` and `priceUsd`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClaimToken {
    /// Its address, or the name of a contract.
    pub token: String,
    /// Symbol of the asset that is owed: one smallest unit for one, unless `rate` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset: Option<String>,
    /// How much of the asset `per` of the token stand for, read before the block: `convertToAssets(uint256)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Term>,
    /// Smallest units of the token that `rate` is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per: Option<Integer>,
    /// Price of a whole token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_usd: Option<Usd>,
    /// Its decimals. Goes with `priceUsd`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decimals: Option<u8>,
}

/// A line in the protocol's books that a log stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BookEntry {
    /// Name of the contract that logs it.
    pub contract: String,
    /// The event: `Borrow(address,uint256,uint256,uint256)`.
    pub event: String,
    /// Which 32-byte word of the log's data is the amount, from 0.
    pub word: u32,
    /// Symbol of the asset in whose smallest units it counts.
    pub asset: String,
    /// What the amount means to the protocol.
    pub means: Meaning,
}

/// What an amount in a log means to the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Meaning {
    /// Somebody owes it more.
    Lent,
    /// Somebody owes it less.
    Repaid,
    /// It owes more.
    Owed,
    /// It owes less.
    Settled,
}

/// One bound on what may be lost; at least one of `maxLossUsd` and `maxShare`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LossLimit {
    /// Length of the window, blocks, the newest with it. Default: one transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_blocks: Option<u64>,
    /// Most that may be lost, dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_loss_usd: Option<Usd>,
    /// Most that may be lost, percent of what the contracts owned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_share: Option<Decimal>,
}
