//! Decisions, which explain themselves in numbers.

use serde::{Deserialize, Serialize};

use crate::{
    action::Rung,
    chain::BlockId,
    ids::{CaseId, FindingKey},
    money::Usd,
};

/// What was decided for a case at a block, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// Case.
    pub case: CaseId,
    /// Protocol.
    pub protocol: String,
    /// Block whose findings led to it.
    pub block: BlockId,
    /// Findings weighed.
    pub findings: Vec<FindingKey>,
    /// Probability that the protocol is being robbed.
    pub probability: f64,
    /// Expected loss from now on if nothing is done.
    pub loss_ahead: Usd,
    /// Lost so far.
    pub loss_so_far: Usd,
    /// Every rung that was weighed, gentlest first.
    pub rungs: Vec<RungWeighed>,
    /// The lever to pull; none if nothing is to be done.
    pub chosen: Option<String>,
    /// In one sentence.
    pub sentence: String,
}

/// One rung and what spoke for and against it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RungWeighed {
    /// Rung.
    pub rung: Rung,
    /// Lever.
    pub lever: String,
    /// Cost of pulling it without need.
    pub false_stop_cost: Usd,
    /// Loss it would prevent.
    pub loss_prevented: Usd,
    /// Act above this probability: `C_fp / (C_fp + ΔL)`.
    pub threshold: f64,
    /// What came of it.
    pub verdict: Verdict,
}

/// What came of weighing a rung.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "camelCase")]
pub enum Verdict {
    /// Pull it.
    Act,
    /// A gentler rung was chosen.
    NotNeeded,
    /// It does not cover the contracts concerned.
    DoesNotStopIt,
    /// The probability is not high enough.
    BelowThreshold,
    /// It is held already, or being pulled.
    AlreadyPulled,
    /// A guardrail says no.
    Forbidden {
        /// Which: maturity, budget, cool-down, refused before.
        why: String,
    },
}
