//! Severity of an incident, P1 to P5 as SEAL grades it, with the words that other tools have for the same thing.
//!
//! The machine suggests from numbers; only people declare. Source: Security Alliance frameworks, incident management.

use portcullis_types::{
    finding::{Finding, Maturity, Outlook},
    money::Usd,
};
use serde::{Deserialize, Serialize};

/// How bad an incident is. `P1` sorts first: it is the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Severity {
    /// Funds are being lost, or an exploit is under way. Everybody now.
    P1,
    /// Funds may be lost. Everybody now.
    P2,
    /// No loss is likely. Within hours.
    P3,
    /// Can be scheduled.
    P4,
    /// For information.
    P5,
}

impl Severity {
    /// All, worst first.
    pub const ALL: [Self; 5] = [Self::P1, Self::P2, Self::P3, Self::P4, Self::P5];

    /// As written: `P1`.
    pub fn name(self) -> &'static str {
        match self {
            Self::P1 => "P1",
            Self::P2 => "P2",
            Self::P3 => "P3",
            Self::P4 => "P4",
            Self::P5 => "P5",
        }
    }

    /// The severity of that name; none if there is no such.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.name() == name)
    }

    /// Whether it is as bad as `other` or worse.
    pub fn is_at_least(self, other: Self) -> bool {
        self <= other
    }

    /// Open Cybersecurity Schema Framework, `severity_id`. A P1 with a loss is 6 (Fatal).
    pub fn ocsf(self, funds_lost: bool) -> u8 {
        match self {
            Self::P1 if funds_lost => 6,
            Self::P1 => 5,
            Self::P2 => 4,
            Self::P3 => 3,
            Self::P4 => 2,
            Self::P5 => 1,
        }
    }

    /// CACAO `severity`, 1 to 100, highest worst.
    pub fn cacao(self) -> u8 {
        match self {
            Self::P1 => 100,
            Self::P2 => 75,
            Self::P3 => 50,
            Self::P4 => 25,
            Self::P5 => 1,
        }
    }

    /// `PagerDuty` Events v2, `payload.severity`.
    pub fn pagerduty(self) -> &'static str {
        match self {
            Self::P1 => "critical",
            Self::P2 => "error",
            Self::P3 => "warning",
            Self::P4 | Self::P5 => "info",
        }
    }
}

/// How bad a finding is: money going by proof is P1, one of the two is P2, evidence is P3; detectors that are tried out
/// or new say P4 and P5, whatever they see. The same rule by which people are told of it.
pub fn of_finding(finding: &Finding) -> Severity {
    let is_costly = finding.loss > Usd::ZERO || finding.outlook == Outlook::AllAtRisk;
    match (finding.maturity, finding.confidence.proof, is_costly) {
        (Maturity::Sandbox, _, _) => Severity::P5,
        (_, true, true) => Severity::P1,
        (_, true, false) | (Maturity::Stable, false, true) => Severity::P2,
        (Maturity::Stable, false, false) => Severity::P3,
        (Maturity::Incubating, false, _) => Severity::P4,
    }
}

/// From which sums on an incident is how bad. US dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Thresholds {
    /// A loss of this much makes a P1.
    pub loss_p1: Usd,
    /// This much at risk makes a P1 although nothing is lost yet.
    pub at_risk_p1: Usd,
    /// This much at risk makes a P2.
    pub at_risk_p2: Usd,
}

impl Default for Thresholds {
    /// SEAL grades any loss of funds P1; ten thousand dollars keep dust and rounding out of it.
    fn default() -> Self {
        Self {
            loss_p1: Usd::dollars(10_000),
            at_risk_p1: Usd::dollars(1_000_000),
            at_risk_p2: Usd::dollars(10_000),
        }
    }
}

/// What is known of the money. `None` is "could not look", never "nothing".
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stakes {
    /// Lost so far.
    pub loss: Option<Usd>,
    /// What can still go.
    pub at_risk: Option<Usd>,
}

/// What the machine proposes, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggestion {
    /// The grade.
    pub severity: Severity,
    /// In one sentence, with the numbers.
    pub why: String,
}

/// Suggests a severity. In doubt the worse one: what could not be read counts as a possible loss.
pub fn suggest(stakes: Stakes, thresholds: &Thresholds) -> Suggestion {
    let answer = |severity, why: String| Suggestion { severity, why };
    match (stakes.loss, stakes.at_risk) {
        (Some(loss), _) if loss >= thresholds.loss_p1 && loss > Usd::ZERO => {
            answer(Severity::P1, format!("{loss} USD are lost already"))
        }
        (_, Some(at_risk)) if at_risk >= thresholds.at_risk_p1 && at_risk > Usd::ZERO => {
            answer(Severity::P1, format!("{at_risk} USD can still be lost"))
        }
        (Some(loss), _) if loss > Usd::ZERO => {
            answer(Severity::P2, format!("{loss} USD are lost, and an attack rarely stops there"))
        }
        (None, _) | (_, None) => answer(
            Severity::P2,
            "how much is lost or at risk could not be read; in doubt the worse grade".to_owned(),
        ),
        (_, Some(at_risk)) if at_risk >= thresholds.at_risk_p2 && at_risk > Usd::ZERO => {
            answer(Severity::P2, format!("{at_risk} USD can be lost"))
        }
        (_, Some(at_risk)) if at_risk > Usd::ZERO => {
            answer(Severity::P3, format!("only {at_risk} USD can be lost"))
        }
        _ => answer(Severity::P4, "nothing is lost and nothing is at risk".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_suggest_and_doubt_counts_as_risk() {
        let usd = |dollars| Some(Usd::dollars(dollars));
        let cases = [
            (usd(10_000), usd(0), Severity::P1),
            (usd(10_000), None, Severity::P1),
            (usd(0), usd(1_000_000), Severity::P1),
            (None, usd(2_000_000), Severity::P1),
            (usd(1), usd(0), Severity::P2),
            (None, usd(0), Severity::P2),
            (usd(0), None, Severity::P2),
            (None, None, Severity::P2),
            (usd(0), usd(10_000), Severity::P2),
            (usd(0), usd(9_999), Severity::P3),
            (usd(0), usd(0), Severity::P4),
            (usd(-5), usd(0), Severity::P4),
        ];
        for (loss, at_risk, wanted) in cases {
            let found = suggest(Stakes { loss, at_risk }, &Thresholds::default());
            assert_eq!(found.severity, wanted, "{loss:?} {at_risk:?}: {}", found.why);
        }
    }

    #[test]
    fn worse_sorts_first_everywhere() {
        assert!(Severity::P1.is_at_least(Severity::P2) && !Severity::P3.is_at_least(Severity::P2));
        let cacao: Vec<u8> = Severity::ALL.iter().map(|severity| severity.cacao()).collect();
        assert!(cacao.is_sorted_by(|a, b| a > b));
        let names = Severity::ALL.map(|s| Severity::from_name(s.name()));
        assert_eq!(names, Severity::ALL.map(Some));
    }
}
