//! What governance allows and what it thinks of the world: the numbers behind every decision.

use portcullis_types::{finding::Maturity, money::Usd};
use serde::{Deserialize, Serialize};

use crate::{
    autonomy::{Guardians, Levels},
    context::Context,
    economics::Economics,
    running::Sequential,
};

/// Least maturity of a detector whose findings may lead to an unattended action (DEC-1). Not a setting: a detector that
/// has not proven itself is made stable by a change of the detector, not of a policy.
pub const MINIMUM_MATURITY: Maturity = Maturity::Stable;

/// Largest prior that is accepted. Who thinks an attack more likely than not in every block needs no detector.
pub const PRIOR_MAX: f64 = 0.5;

/// What is done about an attack that is seen in the pool of pending transactions, before it is in a block.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnPending {
    /// Weigh, and tell people what it would do. The default: it may never happen, and who acts shows his hand.
    #[default]
    Recommend,
    /// Race: pull levers as if it had happened, inside the other limits of the policy.
    Act,
}

/// Limits and beliefs of one protocol. Every field may be left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Policy {
    /// Probability that an attack is going on in a block before anything was seen. Default `0.000001`: at 7,200 blocks a
    /// day one attack in about 140 days, counted over attacks and attempts.
    pub prior_per_block: f64,
    /// How long people need until they have stopped it themselves, seconds: the horizon of the loss ahead. Default 1800,
    /// the median of signer sets (arXiv 2602.12260).
    pub response_seconds: u64,
    /// Time between two blocks, seconds: the least time over which a loss is turned into a rate. Default 12.
    pub block_seconds: u64,
    /// Most that pulls may cost honest users in 24 hours, US dollars: the sum of the false-stop costs of the levers that
    /// are held and of those pulled in that time (DEC-2). Default 100,000.
    pub budget_usd_per_day: Usd,
    /// Most pulls in 24 hours. Default 3.
    pub pulls_per_day_max: u32,
    /// Least time between two pulls of one lever, seconds: who lets go of a lever must be able to work for a while.
    /// Default 3600.
    pub cool_down_seconds: u64,
    /// Whether levers may be pulled, for all rungs or rung by rung. Default `observe`.
    pub autonomy: Levels,
    /// Whether findings of pending transactions may pull levers. Default `recommend`; needs `autonomy: act`.
    #[serde(skip_serializing_if = "is_default")]
    pub on_pending: OnPending,
    /// Beliefs about attackers, for `portcullis economics`; no decision depends on them. Default: [`Economics::default`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub economics: Option<Economics>,
    /// Who signs where the program may not act alone. Needed for `signature` and `ratify`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guardians: Option<Guardians>,
    /// What raises the prior. Default: nothing; `context: {}` takes the defaults of [`Context`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<Context>,
    /// Detectors whose evidence adds up over blocks. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequential: Option<Sequential>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_default(on_pending: &OnPending) -> bool {
    *on_pending == OnPending::default()
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            prior_per_block: 1e-6,
            response_seconds: 1_800,
            block_seconds: 12,
            budget_usd_per_day: Usd::dollars(100_000),
            pulls_per_day_max: 3,
            cool_down_seconds: 3_600,
            autonomy: Levels::default(),
            on_pending: OnPending::Recommend,
            economics: None,
            guardians: None,
            context: None,
            sequential: None,
        }
    }
}

impl Policy {
    /// What is wrong with it, and the remedy. To be asked once, when a configuration is read.
    pub fn validate(&self) -> Result<(), String> {
        if !(self.prior_per_block > 0.0 && self.prior_per_block <= PRIOR_MAX) {
            return Err(format!(
                "`priorPerBlock` is {}: it must be above 0 and at most {PRIOR_MAX}; leave it out for 0.000001",
                self.prior_per_block
            ));
        }
        if self.response_seconds == 0 {
            return Err(
                "`responseSeconds` is 0: write how long people need to stop an attack, for \
                        instance 1800"
                    .to_owned(),
            );
        }
        if self.block_seconds == 0 {
            return Err(
                "`blockSeconds` is 0: write the time between two blocks rounded up, 1 for a chain \
                        with several blocks a second"
                    .to_owned(),
            );
        }
        if self.budget_usd_per_day < Usd::ZERO {
            return Err(
                "`budgetUsdPerDay` is negative: write 0 to forbid every pull that costs anything"
                    .to_owned(),
            );
        }
        self.autonomy.validate()?;
        if self.autonomy.needs_guardians() && self.guardians.is_none() {
            return Err("`autonomy` asks for signatures and nobody is there to give them: add \
                        `guardians: {addresses: […]}`"
                .to_owned());
        }
        self.guardians.as_ref().map_or(Ok(()), Guardians::validate)?;
        self.context.as_ref().map_or(Ok(()), Context::validate)?;
        self.sequential
            .as_ref()
            .map_or(Ok(()), |sequential| sequential.validate(self.prior_per_block))?;
        self.economics.as_ref().map_or(Ok(()), Economics::validate)
    }

    /// The prior inside its limits, so that a policy nobody validated cannot make a probability of 1.
    pub fn prior(&self) -> f64 {
        let prior = self.prior_per_block;
        if prior > PRIOR_MAX {
            PRIOR_MAX
        } else if prior > 0.0 {
            prior
        } else {
            0.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::autonomy::Autonomy;

    #[test]
    fn an_empty_policy_only_observes() {
        let policy: Policy = serde_json::from_str("{}").unwrap();
        assert_eq!(policy, Policy::default());
        assert_eq!(policy.autonomy, Autonomy::Observe.into());
        assert_eq!(policy.validate(), Ok(()));
        // Journals hold policies: what was not written must not be in them.
        let text = serde_json::to_string(&policy).unwrap();
        for left_out in ["economics", "guardians", "context", "sequential"] {
            assert!(!text.contains(left_out), "{text}");
        }
        assert!(text.contains(r#""autonomy":"observe""#), "{text}");
    }

    #[test]
    fn what_is_not_known_or_not_possible_is_refused() {
        for text in
            [r#"{"autonmy":"act"}"#, r#"{"minimumMaturity":"sandbox"}"#, r#"{"autonomy":"on"}"#]
        {
            assert!(serde_json::from_str::<Policy>(text).is_err(), "{text}");
        }
        for (text, names) in [
            (r#"{"priorPerBlock":0}"#, "priorPerBlock"),
            (r#"{"priorPerBlock":0.7}"#, "priorPerBlock"),
            (r#"{"responseSeconds":0}"#, "responseSeconds"),
            (r#"{"blockSeconds":0}"#, "blockSeconds"),
            (r#"{"budgetUsdPerDay":"-1"}"#, "budgetUsdPerDay"),
            (r#"{"economics":{"haircut":1.5}}"#, "haircut"),
            (r#"{"economics":{"gasUsd":"-1"}}"#, "gasUsd"),
            (r#"{"economics":{"drainSeconds":0}}"#, "drainSeconds"),
            (r#"{"economics":{"response":[{"seconds":60,"probability":0.5}]}}"#, "response"),
            (r#"{"autonomy":"ratify"}"#, "guardians"),
            (r#"{"autonomy":{"default":"recommend","protocol":"act"}}"#, "harsher"),
            (r#"{"guardians":{"addresses":[]}}"#, "guardians"),
            (r#"{"context":{"failedAttempts":0.5}}"#, "failedAttempts"),
            (r#"{"context":{"limit":1000}}"#, "limit"),
            (r#"{"context":{"seconds":0}}"#, "seconds"),
            (r#"{"sequential":{"detectors":[]}}"#, "sequential"),
            (r#"{"sequential":{"detectors":["rules/x"],"strikesPerBlock":2}}"#, "strikesPerBlock"),
        ] {
            let policy: Policy = serde_json::from_str(text).unwrap();
            assert!(policy.validate().unwrap_err().contains(names), "{text}");
        }
    }
}
