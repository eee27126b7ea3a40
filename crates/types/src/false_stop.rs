//! What pulling a lever without need costs honest users, from its parts.

use serde::{Deserialize, Serialize};

use crate::money::Usd;

/// The parts as they stand in a configuration. What is left out costs nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct FalseStopCost {
    /// Users that are blocked in a minute; with `perUserMinuteUsd`, instead of `perMinuteUsd`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub users_per_minute: Option<u64>,
    /// What one of them loses in it, US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_user_minute_usd: Option<Usd>,
    /// What all of them together lose in a minute, US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_minute_usd: Option<Usd>,
    /// Bad debt of liquidations that are missed while it is held, US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missed_liquidations_usd: Option<Usd>,
    /// What users who leave for good are worth, US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reputation_usd: Option<Usd>,
    /// Whatever a stop costs in any case, US dollars: gas, people's time, a post-mortem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed_usd: Option<Usd>,
}

/// The parts for one lever, in US dollars.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FalseStopParts {
    /// How long users are blocked, seconds: the lever's hold.
    pub seconds: u64,
    /// What that costs them.
    pub blocked_users: Usd,
    /// Missed liquidations.
    pub missed_liquidations: Usd,
    /// Reputation.
    pub reputation: Usd,
    /// Fixed.
    pub fixed: Usd,
}

impl FalseStopCost {
    /// The parts for a lever that is held for `seconds`. Minutes are not rounded; a part of a millionth of a dollar is
    /// rounded up.
    ///
    /// # Errors
    /// Two rates, half of one, none of any part, a negative part, or a sum beyond what can be counted; in words.
    pub fn parts(&self, seconds: u64) -> Result<FalseStopParts, String> {
        let rate = match (self.users_per_minute, self.per_user_minute_usd, self.per_minute_usd) {
            (None, None, None) => Usd::ZERO,
            (None, None, Some(rate)) => rate,
            (Some(users), Some(cost), None) => {
                cost.0.checked_mul(i128::from(users)).map(Usd).ok_or_else(too_large)?
            }
            (Some(_) | None, Some(_) | None, None) => {
                return Err("give `usersPerMinute` and `perUserMinuteUsd` together".to_owned());
            }
            _ => {
                return Err(
                    "give `perMinuteUsd`, or `usersPerMinute` and `perUserMinuteUsd`, not both"
                        .to_owned(),
                );
            }
        };
        let product = rate.0.checked_mul(i128::from(seconds)).ok_or_else(too_large)?;
        let blocked_users = Usd(product / 60 + i128::from(product % 60 > 0));
        let or_none = |part: Option<Usd>| part.unwrap_or_default();
        let parts = FalseStopParts {
            seconds,
            blocked_users,
            missed_liquidations: or_none(self.missed_liquidations_usd),
            reputation: or_none(self.reputation_usd),
            fixed: or_none(self.fixed_usd),
        };
        let all = [rate, parts.missed_liquidations, parts.reputation, parts.fixed];
        if all.iter().any(|part| *part < Usd::ZERO) {
            return Err("a part is negative: write amounts from 0".to_owned());
        }
        if *self == Self::default() {
            return Err("no part is given: write at least one, or `falseStopCostUsd`".to_owned());
        }
        parts.total().map(|_| parts).ok_or_else(too_large)
    }
}

impl FalseStopParts {
    /// The sum; none where it cannot be counted.
    pub fn total(&self) -> Option<Usd> {
        let parts = [self.blocked_users, self.missed_liquidations, self.reputation, self.fixed];
        parts.iter().try_fold(0i128, |sum, part| sum.checked_add(part.0)).map(Usd)
    }

    /// The parts that are not nothing, for people, in the order in which they are written.
    pub fn lines(&self) -> Vec<(String, Usd)> {
        let minutes = self.seconds.div_ceil(60);
        let parts = [
            (format!("users blocked for {minutes} min"), self.blocked_users),
            ("missed liquidations".to_owned(), self.missed_liquidations),
            ("reputation".to_owned(), self.reputation),
            ("fixed".to_owned(), self.fixed),
        ];
        parts.into_iter().filter(|(_, part)| *part != Usd::ZERO).collect()
    }
}

fn too_large() -> String {
    "the parts are more than can be counted: correct the amounts".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str, seconds: u64) -> Result<FalseStopParts, String> {
        serde_json::from_str::<FalseStopCost>(text).unwrap().parts(seconds)
    }

    #[test]
    fn the_parts_add_up() {
        let all = r#"{"usersPerMinute":40,"perUserMinuteUsd":"2.5","missedLiquidationsUsd":5000,
            "reputationUsd":3000,"fixedUsd":"0.25"}"#;
        let cost = parts(all, 3_600).unwrap();
        assert_eq!(cost.blocked_users, Usd::dollars(6_000));
        assert_eq!(cost.total(), Some(Usd(14_000_250_000)));
        assert_eq!(cost.lines().len(), 4);
        assert_eq!(cost.lines()[0].0, "users blocked for 60 min");
        // 90 s at 100 dollars a minute; a third of a millionth is rounded up.
        assert_eq!(parts(r#"{"perMinuteUsd":100}"#, 90).unwrap().blocked_users, Usd::dollars(150));
        assert_eq!(parts(r#"{"perMinuteUsd":"0.000001"}"#, 20).unwrap().blocked_users, Usd(1));
        assert_eq!(parts(r#"{"fixedUsd":7}"#, 60).unwrap().lines().len(), 1);
    }

    #[test]
    fn what_does_not_add_up_is_refused() {
        for (text, word) in [
            ("{}", "no part"),
            (r#"{"usersPerMinute":4}"#, "together"),
            (r#"{"perUserMinuteUsd":4}"#, "together"),
            (r#"{"usersPerMinute":4,"perMinuteUsd":4}"#, "not both"),
            (r#"{"fixedUsd":"-1"}"#, "negative"),
            (r#"{"perMinuteUsd":"-1"}"#, "negative"),
        ] {
            assert!(parts(text, 60).unwrap_err().contains(word), "{text}");
        }
        let huge = FalseStopCost {
            users_per_minute: Some(u64::MAX),
            per_user_minute_usd: Some(Usd(i128::MAX)),
            ..FalseStopCost::default()
        };
        assert!(huge.parts(1).unwrap_err().contains("counted"));
        let sum = FalseStopCost {
            fixed_usd: Some(Usd(i128::MAX)),
            reputation_usd: Some(Usd(1)),
            ..FalseStopCost::default()
        };
        assert!(sum.parts(1).unwrap_err().contains("counted"));
    }
}
