//! How bad it is, in SEAL's five levels (P1 worst); what other systems call it is derived.

use serde::{Deserialize, Serialize};

/// Severity by the SEAL frameworks' incident levels. `P1` is the worst, and sorts first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Severity {
    /// Critical: funds are being lost, or will be at once.
    P1,
    /// High: a loss is likely.
    P2,
    /// Moderate: no loss likely; within hours.
    P3,
    /// Low: can be planned.
    P4,
    /// For information.
    P5,
}

impl Severity {
    /// All, worst first.
    pub const ALL: [Self; 5] = [Self::P1, Self::P2, Self::P3, Self::P4, Self::P5];

    /// `P1` … `P5`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::P1 => "P1",
            Self::P2 => "P2",
            Self::P3 => "P3",
            Self::P4 => "P4",
            Self::P5 => "P5",
        }
    }

    /// 1 … 5, as the outbox orders by it.
    pub const fn rank(self) -> u8 {
        match self {
            Self::P1 => 1,
            Self::P2 => 2,
            Self::P3 => 3,
            Self::P4 => 4,
            Self::P5 => 5,
        }
    }

    /// The severity of a rank; none for a number that is none.
    pub fn of_rank(rank: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| i64::from(severity.rank()) == rank)
    }

    /// In the words of `PagerDuty`'s Events v2.
    pub const fn pagerduty(self) -> &'static str {
        match self {
            Self::P1 => "critical",
            Self::P2 => "error",
            Self::P3 => "warning",
            Self::P4 | Self::P5 => "info",
        }
    }

    /// As the label `severity` of Alertmanager.
    pub const fn alertmanager(self) -> &'static str {
        match self {
            Self::P1 | Self::P2 => "critical",
            Self::P3 | Self::P4 => "warning",
            Self::P5 => "info",
        }
    }

    /// 24-bit colour for the edge of a chat message: red, orange, yellow, blue, grey.
    pub const fn colour(self) -> u32 {
        match self {
            Self::P1 => 0x00c0_1c28,
            Self::P2 => 0x00e6_6100,
            Self::P3 => 0x00e5_a50a,
            Self::P4 => 0x001a_5fb4,
            Self::P5 => 0x0077_767b,
        }
    }
}

impl std::fmt::Display for Severity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
