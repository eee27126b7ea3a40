//! How a relay does.

use std::time::Duration;

use serde::Serialize;

/// What is known of one relay since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RelayHealth {
    /// Host of its address.
    pub relay: String,
    /// Submissions.
    pub sent: u64,
    /// Those that it took.
    pub taken: u64,
    /// Those that it refused or did not answer.
    pub failed: u64,
    /// Transactions that it took, whose blocks all went by without any copy of them: it swallows, or none of its
    /// builders made a block.
    pub passed_by: u64,
    /// How long the last answer took.
    pub last_answer: Option<Duration>,
    /// What was wrong with the last one; none where it was taken.
    pub trouble: Option<String>,
}
