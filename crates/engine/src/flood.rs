//! What is left out in a flood of findings, and said to be.

use std::collections::BTreeSet;

use portcullis_case::Case;
use portcullis_types::{decision::Decision, ids::FindingKey};

use crate::step::{Engine, Step};

/// Most findings that a decision names, the gravest of those it weighed: in a flood every block would name ten thousand.
pub const FINDINGS_A_DECISION_MAX: usize = 256;

impl Engine {
    /// Counts findings that their block had too many of, and says so in the protocol's case.
    pub(crate) fn leave_out(&mut self, step: &Step, guard: usize, dropped: u64) {
        self.findings_dropped = self.findings_dropped.saturating_add(dropped);
        let incidents = self.guards.get(guard).map(|guard| &guard.incidents);
        let open = incidents.and_then(|incidents| incidents.current(step.at));
        if dropped > 0
            && let Some(case) = open.and_then(|case| self.cases.get_mut(&case))
        {
            case.leave_out(step.seq, step.at, dropped);
        }
    }
}

/// Names the gravest findings only, where there are more than [`FINDINGS_A_DECISION_MAX`], and says how many others were
/// weighed. Their order stays.
pub(crate) fn name_gravest(decision: &mut Decision, case: &Case) {
    let n_weighed = decision.findings.len();
    if n_weighed <= FINDINGS_A_DECISION_MAX {
        return;
    }
    let weighed: BTreeSet<FindingKey> = decision.findings.iter().copied().collect();
    // Pending ones are named last, and may not have been weighed.
    let gravest = case.gravest(case.findings.len()).filter(|key| weighed.contains(key));
    let named: BTreeSet<FindingKey> = gravest.take(FINDINGS_A_DECISION_MAX).collect();
    decision.findings.retain(|key| named.contains(key));
    let others = n_weighed - decision.findings.len();
    decision.sentence = format!("{}; {others} lesser findings were weighed too", decision.sentence);
}
