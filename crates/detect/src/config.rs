//! What users write about a detector.
//!
//! Contracts are referred to by their name in the protocol, assets by their symbol, accounts by an address or by the name
//! of a contract. Amounts are decimal strings in whole units where a limit is meant for people (`maxAmount: "250000"`) and
//! integers in smallest units where a contract's own numbers are compared (`tolerance: "1"`).

use std::collections::BTreeMap;

use portcullis_types::finding::Maturity;
use serde::{Deserialize, Serialize};

use crate::{
    novelty::LearnedSource,
    number::{Decimal, Integer},
};

mod bridge;

pub use bridge::*;

/// One detector of a protocol; `detector` names which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "detector", rename_all = "kebab-case")]
pub enum DetectorConfig {
    /// More leaves than the owners allow in a time.
    GrossOutflow(GrossOutflowConfig),
    /// Owners, implementations, roles or signers change, or a stranger calls a privileged function.
    ControlPlane(ControlPlaneConfig),
    /// Two numbers that must stand in a relation do not.
    Invariant(Box<InvariantConfig>),
    /// A contract is entered again before it has written what the first entry owes.
    Reentrancy(ReentrancyConfig),
    /// A privileged function was called by an account that never called it before.
    FirstCaller(crate::first_caller::FirstCallerConfig),
    /// Failed calls into the protocol from contracts that are new.
    FailedAttempts(crate::failed_attempts::FailedAttemptsConfig),
    /// A contract was deployed that looks as if it were made to attack the protocol.
    AdversarialDeployment(crate::adversarial_deployment::AdversarialDeploymentConfig),
    /// Votes are borrowed or bought at the last moment, and used at once.
    Governance(crate::governance::GovernanceConfig),
    /// A transaction leaves the protocol poorer at reference prices.
    NetLoss(Box<crate::net_loss::NetLossConfig>),
    /// A bridge pays out what was not locked on the other chain.
    Bridge(Box<BridgeConfig>),
    /// Somebody's contract takes a way through the protocol that nobody took before.
    Novelty(NoveltyConfig),
    /// A price is moved and the protocol is used at it.
    PriceManipulation(Box<crate::price_manipulation::PriceManipulationConfig>),
    /// A token is minted without what should back it.
    Supply(Box<crate::supply::SupplyConfig>),
    /// The price of a vault's shares jumps, or is made to.
    Vault(Box<crate::vault::VaultConfig>),
    /// A market pays better than its own price.
    MarketOrTheft(Box<crate::market_or_theft::MarketOrTheftConfig>),
    /// A price runs away from its own recent past.
    Volatility(Box<crate::volatility::VolatilityConfig>),
    /// Something the protocol depends on fails, and the loss is on its way.
    Contagion(Box<crate::contagion::ContagionConfig>),
    /// A price feed has stopped, or says what no price can be.
    StaleOracle(Box<crate::stale_oracle::StaleOracleConfig>),
    /// Rules that people write, in files.
    Rules(RulesConfig),
    /// A flow of liquidity departs from what usually leads it.
    LiquidityFlow(Box<crate::liquidity_flow::LiquidityFlowConfig>),
}

impl DetectorConfig {
    /// The id of the detector: what stands in `detector`.
    pub fn id(&self) -> &'static str {
        match self {
            Self::GrossOutflow(_) => crate::gross_outflow::META.id,
            Self::ControlPlane(_) => crate::control_plane::META.id,
            Self::Invariant(_) => crate::invariant::META.id,
            Self::Reentrancy(_) => crate::reentrancy::META.id,
            Self::FirstCaller(_) => crate::first_caller::META.id,
            Self::FailedAttempts(_) => crate::failed_attempts::META.id,
            Self::AdversarialDeployment(_) => crate::adversarial_deployment::META.id,
            Self::Governance(_) => crate::governance::META.id,
            Self::NetLoss(_) => crate::net_loss::META.id,
            Self::Bridge(_) => crate::bridge::META.id,
            Self::Novelty(_) => crate::novelty::META.id,
            Self::PriceManipulation(_) => crate::price_manipulation::META.id,
            Self::Supply(_) => crate::supply::META.id,
            Self::Vault(_) => crate::vault::META.id,
            Self::MarketOrTheft(_) => crate::market_or_theft::META.id,
            Self::Volatility(_) => crate::volatility::META.id,
            Self::Contagion(_) => crate::contagion::META.id,
            Self::StaleOracle(_) => crate::stale_oracle::META.id,
            Self::Rules(_) => crate::rules::META.id,
            Self::LiquidityFlow(_) => crate::liquidity_flow::META.id,
        }
    }
}

/// `detector: gross-outflow`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GrossOutflowConfig {
    /// Lowers the detector's own maturity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maturity: Option<Maturity>,
    /// Names of the contracts that are watched together. Default: all that hold value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contracts: Vec<String>,
    /// The bounds. At least one.
    pub limits: Vec<OutflowLimit>,
    /// A breach of a bound by this factor is a proof, one by less is evidence. Default 2, at least 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hard_factor: Option<Decimal>,
}

/// One bound on what may leave; at least one of `maxAmount` and `maxShare`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OutflowLimit {
    /// Symbol of the asset.
    pub asset: String,
    /// Length of the window, seconds.
    pub window_seconds: u64,
    /// Most that may leave in a window, whole units: `"250000"`, `"0.5"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_amount: Option<Decimal>,
    /// Most that may leave in a window, percent of what was there: `"5"`, `"0.25"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_share: Option<Decimal>,
}

/// `detector: control-plane`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ControlPlaneConfig {
    /// Lowers the detector's own maturity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maturity: Option<Maturity>,
    /// Names of the contracts watched. Default: all of the protocol.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contracts: Vec<String>,
    /// Names of those that are Safes (or behind a Safe proxy): their own slots are watched too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub safes: Vec<String>,
    /// Further slots that say who is in charge.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slots: Vec<WatchedSlot>,
    /// Senders of transactions whose changes are expected. Empty: nobody's are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expected_actors: Vec<String>,
    /// Accounts (a timelock, say) through which expected changes are made: every call that could write the contract in
    /// the transaction must come from one of them, directly or through others. Empty: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub through: Vec<String>,
    /// Functions that only some may call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<PrivilegedFunction>,
}

/// A slot that says who is in charge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WatchedSlot {
    /// Name of the contract.
    pub contract: String,
    /// The slot.
    pub slot: Integer,
    /// What it holds, for people: `keepers`.
    pub name: String,
}

/// A function that only some may call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PrivilegedFunction {
    /// Name of the contract.
    pub contract: String,
    /// Its signature: `init(uint256,uint256[],uint256[],address)`.
    pub signature: String,
    /// Who may call it (`msg.sender`). Empty: nobody, as for an initialiser that has run.
    #[serde(default)]
    pub callers: Vec<String>,
}

/// `detector: invariant`. It must always hold that `left relation right × scale`, give or take the tolerance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InvariantConfig {
    /// Lowers the detector's own maturity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maturity: Option<Maturity>,
    /// Name for people, part of the findings' keys: `solvent`.
    pub name: String,
    /// Left-hand side. Its contract is the one a breach is laid to, unless it is a constant.
    pub left: Term,
    /// `">="`, `"<="` or `"=="`.
    pub relation: Relation,
    /// Right-hand side.
    pub right: Term,
    /// Multiplies the right-hand side. Default 1/1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<Scale>,
    /// Breach up to which nothing is said, in the unit of the left-hand side. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<Integer>,
    /// Symbol of the asset whose smallest units the left-hand side counts: what is lost in a breach. Without it a breach
    /// puts everything at risk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset: Option<String>,
}

/// How two numbers must compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Relation {
    /// Left is at least right.
    #[serde(rename = ">=")]
    AtLeast,
    /// Left is at most right.
    #[serde(rename = "<=")]
    AtMost,
    /// Both are equal.
    #[serde(rename = "==")]
    Equal,
}

/// A factor as a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scale {
    /// Above the line.
    pub numerator: u64,
    /// Below the line; not 0.
    pub denominator: u64,
}

/// One side of an invariant: exactly one of `call`, `slot`, `balance` and `constant`, with what belongs to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Term {
    /// Signature of a view function: `totalDebt()`. Goes with `contract`, and `args` and `word` where needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// A storage slot. Goes with `contract`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<Integer>,
    /// Symbol of an asset whose balance is meant. Goes with `of`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance: Option<String>,
    /// A fixed number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constant: Option<Integer>,
    /// Name of the contract asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<String>,
    /// Name of the contract whose balance is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// Arguments of the call as text, in order: addresses, names of contracts, integers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Which 32-byte word of the answer is meant, from 0. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word: Option<u32>,
}

/// `detector: reentrancy`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReentrancyConfig {
    /// Lowers the detector's own maturity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maturity: Option<Maturity>,
    /// Names of the contracts protected. Default: all of the protocol.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contracts: Vec<String>,
    /// Accounts through which a contract may be entered again, besides the protocol's own contracts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_through: Vec<String>,
    /// Names of contracts that keep their books together: entering one of them while another runs counts as re-entry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub group: Vec<String>,
    /// Contracts of others whose views the protocol relies on: pools that price its collateral.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<String>,
    /// Contracts of others that rely on the protocol's views.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consumers: Vec<String>,
    /// Functions that call out by design (flash loans): what happens below them is re-entry neither into a group nor into
    /// a view.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub callbacks: Vec<Callback>,
}

/// A function that calls out by design.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Callback {
    /// Its contract: an address or the name of a contract.
    pub contract: String,
    /// Its signature: `flashLoan(address,address,uint256,bytes)`.
    pub signature: String,
}

/// `detector: novelty`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NoveltyConfig {
    /// Lowers the detector's own maturity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maturity: Option<Maturity>,
    /// Names of the contracts whose entries count. Default: all of the protocol.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contracts: Vec<String>,
    /// The reference: what `portcullis learn` wrote, or the path of its file, relative to the configuration's folder.
    pub learned: LearnedSource,
}

/// `detector: rules`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RulesConfig {
    /// The most mature that any of the rules may be here. Default: what each rule says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maturity: Option<Maturity>,
    /// Rule files: paths or folders relative to the configuration, `rules/*.yaml`. The program puts their text here when
    /// it loads the configuration, so that what was configured is in the journal.
    pub rules: Vec<RuleText>,
    /// Replaces `params` of rules: `large-outflow.limit` to a constant expression.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, String>,
    /// Adds to `lists` of rules: `role-granted.granters` to accounts, texts or integers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lists: BTreeMap<String, Vec<String>>,
}

/// A rule file: where it is, or what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RuleText {
    /// A path, a folder, or a pattern with `*` in its last part.
    Path(String),
    /// Its text, and a name for messages.
    Inline {
        /// Name for messages.
        name: String,
        /// The rules.
        text: String,
    },
}
