//! Decisions, which explain themselves in numbers.

use serde::{Deserialize, Serialize};

use crate::{
    action::Rung,
    chain::BlockId,
    false_stop::FalseStopParts,
    ids::{CaseId, FindingKey, Millis},
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
    /// What raised the prior; none where the policy names no context, or nothing of it was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<ContextWeighed>,
    /// What is left to the attacker from here on; none where the policy does not ask for it. No decision depends on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attacker: Option<AttackerView>,
}

/// A fact that makes an attack more likely and is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ContextKind {
    /// A price that the protocol relies on is old.
    StaleOracle,
    /// Something that the protocol depends on was hit.
    UpstreamHit,
    /// A contract was deployed that looks as if it were made for an attack on it.
    HostileDeployment,
    /// Somebody tried, and failed.
    FailedAttempts,
}

impl ContextKind {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::StaleOracle => "an oracle is stale",
            Self::UpstreamHit => "an upstream was hit",
            Self::HostileDeployment => "a hostile contract was deployed",
            Self::FailedAttempts => "attempts failed",
        }
    }
}

/// What raised the prior, and by how much.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContextWeighed {
    /// The facts, each kind once.
    pub facts: Vec<ContextFact>,
    /// The factor of all together, at least 1, after the policy's limit.
    pub factor: f64,
    /// The prior by the policy.
    pub prior: f64,
    /// The prior with the factor.
    pub raised: f64,
}

/// One fact that raised the prior.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContextFact {
    /// Which.
    pub kind: ContextKind,
    /// By how much, at least 1.
    pub factor: f64,
    /// Until when it counts, if it is not seen again.
    pub until: Millis,
}

/// What an attack is worth to the attacker from here on, in expectation (methods, §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttackerView {
    /// What he still takes if nobody pulls a lever, US dollars.
    pub gain: Usd,
    /// What is left to him of it.
    pub utility: Usd,
    /// What is left to him if levers are pulled as configured.
    pub utility_with_levers: Usd,
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
    /// What the cost is made of, where the configuration says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub false_stop_parts: Option<FalseStopParts>,
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
    /// It is worth it, and people are told to pull it.
    Recommended,
    /// It is worth it, and pulled once guardians have signed.
    AwaitsSignature,
}
