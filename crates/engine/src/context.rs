//! Facts that raise the prior: which findings stand for them, and when they were seen.

use std::collections::BTreeMap;

use portcullis_decide::ContextSeen;
use portcullis_types::{
    decision::ContextKind,
    finding::{Finding, FindingStatus},
    ids::{FindingKey, Millis},
};

use crate::step::{Engine, Step};

/// Most findings that are remembered as context, for each protocol. The oldest go first: what counts is the newest of a
/// kind.
pub(crate) const CONTEXT_MAX: usize = 1_024;

/// Findings that stand for context, by when they were raised.
#[derive(Debug, Default)]
pub(crate) struct ContextBook {
    seen: BTreeMap<(Millis, FindingKey), ContextKind>,
}

impl ContextBook {
    fn note(&mut self, kind: ContextKind, at: Millis, key: FindingKey) {
        self.seen.insert((at, key), kind);
        while self.seen.len() > CONTEXT_MAX {
            self.seen.pop_first();
        }
    }
}

impl Engine {
    /// Remembers a finding that is context by the policy.
    pub(crate) fn note_context(&mut self, step: &Step, guard: usize, finding: &Finding) {
        let Some(guard) = self.guards.get_mut(guard) else { return };
        let context = guard.config.policy.context.as_ref();
        if let Some(kind) = context.and_then(|context| context.kind_of(finding)) {
            guard.incidents.context.note(kind, step.at, finding.key);
        }
    }

    /// The context of a protocol as of now: of findings that no re-organisation has taken back. Whether they have expired is
    /// for the decision to say.
    pub(crate) fn context_seen(&self, guard: usize) -> Vec<ContextSeen> {
        let Some(guard) = self.guards.get(guard) else { return Vec::new() };
        let stands = |key: &FindingKey| {
            let record = self.cases.values().rev().find_map(|case| case.findings.get(key));
            record.is_some_and(|record| record.status != FindingStatus::Retracted)
        };
        let seen = guard.incidents.context.seen.iter();
        let standing = seen.filter(|((_, key), _)| stands(key));
        standing.map(|((at, _), kind)| ContextSeen { kind: *kind, at: *at }).collect()
    }
}
