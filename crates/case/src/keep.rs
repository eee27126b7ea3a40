//! What a case keeps where there is more than it has room for: the gravest findings, the decisions that pulled something,
//! and the lines that say what was done. Whatever is not kept is counted, and the timeline says so.

use std::collections::BTreeSet;

use portcullis_types::{
    case_event::CaseEvent,
    decision::Decision,
    finding::{Finding, FindingStatus, Gravity},
    ids::{FindingKey, Millis, Seq},
};

use crate::{
    case::{
        Case, DECISIONS_A_CASE_MAX, FINDINGS_A_CASE_MAX, FindingRecord, TIMELINE_ENTRIES_MAX,
        TIMELINE_RESERVE,
    },
    timeline,
};

/// What a kept finding is worth: retracted ones least, then those of no block yet, then by gravity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Worth(u8, Gravity);

impl Worth {
    fn of(record: &FindingRecord) -> Self {
        let standing = match record.status {
            FindingStatus::Retracted => 0,
            FindingStatus::Pending => 1,
            FindingStatus::Seen | FindingStatus::Confirmed | FindingStatus::Finalised => 2,
        };
        Self(standing, record.finding.gravity())
    }
}

/// Findings in the order of what they are worth; as many as the case keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ranks(BTreeSet<(Worth, FindingKey)>);

impl Ranks {
    pub(crate) fn insert(&mut self, record: &FindingRecord) {
        self.0.insert((Worth::of(record), record.finding.key));
    }

    pub(crate) fn remove(&mut self, record: &FindingRecord) {
        self.0.remove(&(Worth::of(record), record.finding.key));
    }
}

impl Case {
    /// Counts findings that were left out before they came here, because their block had too many.
    pub fn leave_out(&mut self, seq: Seq, at: Millis, n: u64) {
        self.findings_dropped = self.findings_dropped.saturating_add(n);
        self.tell_dropped(seq, at);
    }

    /// Keys of the gravest findings, at most `most`, gravest first: those that stand before pending ones.
    pub fn gravest(&self, most: usize) -> impl Iterator<Item = FindingKey> {
        self.ranks.0.iter().rev().take(most).map(|(_, key)| *key)
    }

    /// Keeps a finding; where there is no room, in the place of the least if it is graver.
    pub(crate) fn raise(&mut self, finding: &Finding, status: FindingStatus) {
        let record = FindingRecord { finding: finding.clone(), block: finding.block, status };
        if let Some(known) = self.findings.get(&finding.key) {
            self.ranks.remove(known);
        } else if self.findings.len() >= FINDINGS_A_CASE_MAX {
            self.findings_dropped = self.findings_dropped.saturating_add(1);
            let least = self.ranks.0.first().copied();
            let Some(least) = least.filter(|(worth, _)| *worth < Worth::of(&record)) else {
                return;
            };
            self.ranks.0.remove(&least);
            self.findings.remove(&least.1);
        }
        self.ranks.insert(&record);
        self.findings.insert(finding.key, record);
        self.dissolved = false;
    }

    pub(crate) fn keep_decision(&mut self, decision: &Decision) {
        if self.decisions.len() >= DECISIONS_A_CASE_MAX {
            let quiet = self.decisions.iter().position(|one| one.chosen.is_none());
            self.decisions.remove(quiet.unwrap_or(0));
            self.decisions_dropped = self.decisions_dropped.saturating_add(1);
        }
        self.decisions.push(decision.clone());
    }

    /// Whether there is room for another line; what is minor has less.
    pub(crate) fn has_line(&self, is_minor: bool) -> bool {
        let reserve = if is_minor { 0 } else { TIMELINE_RESERVE };
        self.timeline.len() < TIMELINE_ENTRIES_MAX + reserve
    }

    pub(crate) fn write_line(&mut self, seq: Seq, at: Millis, event: &CaseEvent) {
        if self.has_line(timeline::is_minor(event)) {
            self.timeline.push(timeline::entry(self, seq, at, event));
            return;
        }
        self.timeline_dropped = self.timeline_dropped.saturating_add(1);
        if self.timeline_dropped == 1 {
            let text = format!(
                "the timeline has {TIMELINE_ENTRIES_MAX} lines: of findings, and of decisions to do nothing, no more are \
                 written; the journal has them all"
            );
            self.note(seq, at, timeline::LEFT_OUT, text);
        }
    }

    /// Says how many findings were not kept, at the first and whenever they have doubled.
    pub(crate) fn tell_dropped(&mut self, seq: Seq, at: Millis) {
        let n = self.findings_dropped;
        if n == 0 || n < self.told_dropped.saturating_mul(2) {
            return;
        }
        self.told_dropped = n;
        let text = format!(
            "{n} findings so far were counted and not kept: a case keeps the {FINDINGS_A_CASE_MAX} gravest, and a block \
             has a limit too"
        );
        self.note(seq, at, timeline::LEFT_OUT, text);
    }
}

#[cfg(test)]
mod tests;
