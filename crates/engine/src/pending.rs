//! Transactions that are in no block yet: findings that are told, and may be raced, but are no loss.
//!
//! A pending finding has the key that it will have once its transaction is in a block. Then it is raised again under that
//! key with what really happened; until then it stands beside the case's other findings without being counted. If its
//! transaction does not come within [`PENDING_STANDS_BLOCKS`] blocks (replaced, dropped, outbid) it is retracted, and a case
//! that holds nothing else is dissolved.

use std::collections::BTreeSet;

use portcullis_case::Case;
use portcullis_decide::OnPending;
use portcullis_detect::Findings;
use portcullis_types::{
    case_event::CaseEvent,
    chain::BlockId,
    evidence::Evidence,
    finding::{Finding, FindingStatus},
    ids::{CaseId, ChainId},
};

use crate::{
    chain_state::ChainState,
    step::{Engine, Step},
};

/// How long a pending finding stands, blocks: five minutes of 12-second blocks. A transaction that waits for longer is not
/// in a hurry, and is found anew when it is mined.
pub const PENDING_STANDS_BLOCKS: u64 = 25;

/// Most pending transactions with a finding that are journaled between two blocks. Whoever floods the pool with attacks that
/// he never means to pay for must not fill the disk; what exceeds it is counted and said by the program.
pub const PENDING_A_HEAD_MAX: usize = 256;

impl Engine {
    /// Whether a detector has something to say of a pending transaction. Asks copies; nothing changes.
    pub fn foresees(&self, evidence: &Evidence) -> bool {
        self.guards.iter().filter(|guard| guard.is_relevant(evidence)).any(|guard| {
            let mut found = Findings::default();
            guard.peek(evidence, &mut found);
            !found.as_slice().is_empty()
        })
    }

    /// Shows a pending transaction to copies of the detectors.
    pub(crate) fn foresee(&mut self, step: &mut Step, evidence: &Evidence) {
        let mut is_news = false;
        for index in 0..self.guards.len() {
            let mut found = Findings::default();
            if let Some(guard) = self.guards.get(index) {
                guard.peek(evidence, &mut found);
            }
            let (findings, dropped) = found.into_parts();
            let mut case = None;
            for finding in findings {
                case = self.foretell(step, index, finding).or(case);
            }
            self.leave_out(step, index, dropped);
            let Some(case) = case else { continue };
            if !is_news {
                is_news = true;
                self.remember_samples(std::slice::from_ref(evidence));
            }
            let newest = self.chains.get(&evidence.chain).and_then(ChainState::newest_inspected);
            self.decide(step, index, case, newest.unwrap_or(evidence.block));
        }
    }

    /// Puts a pending finding into a case. None if the fact is known, pending or not.
    fn foretell(&mut self, step: &mut Step, guard: usize, finding: Finding) -> Option<CaseId> {
        if self.cases.values().any(|case| case.findings.contains_key(&finding.key)) {
            return None;
        }
        let case = match self.guards.get(guard)?.incidents.current(step.at) {
            Some(case) => case,
            None => self.open(step, finding.protocol.clone()),
        };
        self.guards.get_mut(guard)?.incidents.touch(case, step.at);
        self.write(step, CaseEvent::FindingForeseen { case, finding: Box::new(finding) });
        Some(case)
    }

    /// Retracts pending findings whose transaction did not come.
    pub(crate) fn expire_pending(&mut self, step: &mut Step, chain: ChainId, head: BlockId) {
        let mut events = Vec::new();
        for case in self.cases.values() {
            for record in case.findings.values() {
                let waited = head.number.saturating_sub(record.block.number);
                if record.status == FindingStatus::Pending
                    && record.finding.chain == chain
                    && waited >= PENDING_STANDS_BLOCKS
                {
                    let (case, key) = (case.id, record.finding.key);
                    let status = FindingStatus::Retracted;
                    events.push(CaseEvent::FindingMoved { case, key, status, block: head });
                }
            }
        }
        self.write_retractions(step, events);
    }

    /// Writes retractions down, and dissolves the cases that hold nothing else.
    pub(crate) fn write_retractions(&mut self, step: &mut Step, events: Vec<CaseEvent>) {
        let touched: BTreeSet<CaseId> = events.iter().map(CaseEvent::case).collect();
        for event in events {
            self.write(step, event);
        }
        for case in touched {
            if self.cases.get(&case).is_some_and(Case::is_bare) {
                self.write(step, CaseEvent::Dissolved { case });
            }
        }
    }

    /// Whether pending findings of a protocol count when a lever is weighed.
    pub(crate) fn races(&self, guard: usize) -> bool {
        let policy = self.guards.get(guard).map(|guard| &guard.config.policy);
        policy.is_some_and(|policy| policy.on_pending == OnPending::Act)
    }
}
