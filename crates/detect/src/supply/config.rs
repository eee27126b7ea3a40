//! What users write about [`crate::supply`].

use portcullis_types::finding::Maturity;
use serde::{Deserialize, Serialize};

use crate::{config::Term, number::Decimal, reference::OraclePrice};

/// `detector: supply`. At least one of `backing`, `limits` and the growth that is looked for unless `rebasing`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SupplyConfig {
    /// Lowers the detector's own maturity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maturity: Option<Maturity>,
    /// Symbol of the token; its contract must be one of the protocol's.
    pub asset: String,
    /// What must come in for a mint in the same transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backing: Option<Backing>,
    /// Accounts that may get tokens minted without backing: who collects fees.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expected_recipients: Vec<String>,
    /// Bounds on what may be minted in a time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<MintLimit>,
    /// A breach of a limit by this factor is a proof, 1 to 100. Default: none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hard_factor: Option<Decimal>,
    /// Whether the supply grows by itself, without mints.
    #[serde(default)]
    pub rebasing: bool,
    /// Where the supply is read. Default: the token's `totalSupply()`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_supply: Option<Term>,
    /// Reference prices that are read. Default: `priceUsd` of the assets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub oracles: Vec<OraclePrice>,
}

/// What backs a mint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Backing {
    /// Symbols of the assets that count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assets: Vec<String>,
    /// Names of the contracts that they must reach. Default: all that hold value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contracts: Vec<String>,
    /// Tokens with which users owe that are minted beside it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub debts: Vec<DebtToken>,
    /// Least that must come, percent of the value minted. Default 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_share: Option<Decimal>,
}

/// A token with which users owe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DebtToken {
    /// Its address, or the name of a contract.
    pub token: String,
    /// Symbol of the asset that is owed, one smallest unit for one.
    pub asset: String,
}

/// One bound on what may be minted; at least one of `maxAmount` and `maxShare`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MintLimit {
    /// Length of the window, seconds.
    pub window_seconds: u64,
    /// Most that may be minted in a window, whole tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_amount: Option<Decimal>,
    /// Most that may be minted in a window, percent of the supply before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_share: Option<Decimal>,
}

/// `totalSupply()` of a contract.
pub(crate) fn total_supply_of(contract: &str) -> Term {
    Term {
        call: Some("totalSupply()".to_owned()),
        contract: Some(contract.to_owned()),
        ..Term::default()
    }
}
