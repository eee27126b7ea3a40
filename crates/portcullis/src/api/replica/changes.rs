//! What changed, for streams.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Mutex, PoisonError},
};

use portcullis_types::ids::{CaseId, Seq};
use serde::Serialize;
use tokio::sync::broadcast;

/// Changes that a stream may be behind; one further behind is told to begin anew.
pub(crate) const STREAM_BACKLOG: usize = 256;
/// Changes that are kept for those who come back.
const KEPT_MAX: usize = 1_024;
/// Most cases that one change names; beyond it the list of cases is to be read.
const CASES_MAX: usize = 64;

/// What to look at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Topic {
    Timeline,
    Decision,
    Playbook,
    Approval,
    Brake,
    Blind,
}

/// What changed up to a journal entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Change {
    pub(crate) seq: Seq,
    pub(crate) cases: BTreeSet<CaseId>,
    pub(crate) what: BTreeSet<Topic>,
}

impl Change {
    pub(crate) fn note(&mut self, case: Option<CaseId>, topic: Topic) {
        self.cases.extend(case);
        self.what.insert(topic);
    }
}

/// Tells changes and keeps the newest.
#[derive(Debug)]
pub(crate) struct Changes {
    sender: broadcast::Sender<Change>,
    kept: Mutex<VecDeque<Change>>,
}

/// What somebody missed who comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Missed {
    /// These.
    Changes(Vec<Change>),
    /// More than is kept: begin anew.
    TooMuch,
}

impl Changes {
    pub(crate) fn new() -> Self {
        Self { sender: broadcast::Sender::new(STREAM_BACKLOG), kept: Mutex::default() }
    }

    pub(crate) fn tell(&self, mut change: Change) {
        if change.what.is_empty() {
            return;
        }
        while change.cases.len() > CASES_MAX {
            change.cases.pop_first();
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back(change.clone());
        if kept.len() > KEPT_MAX {
            kept.pop_front();
        }
        // Nobody listens: fine. Told under the lock, so that nobody who comes back gets one twice or not at all.
        let _nobody = self.sender.send(change);
    }

    /// Listens from now on, and what was missed since `last`, if anything is named.
    pub(crate) fn listen(&self, last: Option<Seq>) -> (broadcast::Receiver<Change>, Missed) {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let receiver = self.sender.subscribe();
        let Some(last) = last else { return (receiver, Missed::Changes(Vec::new())) };
        let is_whole = kept.len() < KEPT_MAX || kept.front().is_some_and(|one| one.seq <= last);
        let is_ours = kept.back().is_none_or(|one| one.seq >= last);
        if !is_whole || !is_ours {
            return (receiver, Missed::TooMuch);
        }
        let missed = kept.iter().filter(|one| one.seq > last).cloned().collect();
        (receiver, Missed::Changes(missed))
    }

    /// How many listen.
    pub(crate) fn listeners(&self) -> usize {
        self.sender.receiver_count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(seq: u64) -> Change {
        let mut change = Change { seq: Seq(seq), ..Change::default() };
        change.note(Some(CaseId(Seq(seq))), Topic::Timeline);
        change
    }

    #[test]
    fn who_comes_back_gets_what_was_missed_or_begins_anew() {
        let changes = Changes::new();
        for seq in 1..=10 {
            changes.tell(change(seq));
        }
        let missed = |last| changes.listen(last).1;
        assert_eq!(missed(None), Missed::Changes(Vec::new()));
        assert_eq!(missed(Some(Seq(8))), Missed::Changes(vec![change(9), change(10)]));
        assert_eq!(missed(Some(Seq(11))), Missed::TooMuch, "of another journal");
        for seq in 11..=KEPT_MAX as u64 + 20 {
            changes.tell(change(seq));
        }
        assert_eq!(missed(Some(Seq(5))), Missed::TooMuch);
        assert!(matches!(missed(Some(Seq(30))), Missed::Changes(_)));
    }

    #[test]
    fn nothing_is_told_of_nothing_and_long_lists_are_cut() {
        let changes = Changes::new();
        let (mut receiver, _) = changes.listen(None);
        changes.tell(Change { seq: Seq(1), ..Change::default() });
        assert!(receiver.try_recv().is_err());
        let mut long = change(2);
        long.cases.extend((0..1_000).map(|n| CaseId(Seq(n))));
        changes.tell(long);
        assert_eq!(receiver.try_recv().unwrap().cases.len(), CASES_MAX);
    }
}
