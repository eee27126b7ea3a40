//! What the journal says of a storm, in one pass and without an engine: a fold of so much takes as long as the storm.

use std::{collections::BTreeMap, path::Path};

use portcullis::store::{Body, Journal};
use portcullis_engine::Event;
use portcullis_types::{
    action::Outcome, case_event::CaseEvent, chain::ChainEvent, finding::FindingStatus, ids::Millis,
};

/// Counts and times, Unix milliseconds.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) records: u64,
    pub(super) bytes: u64,
    pub(super) raised: u64,
    pub(super) moved: u64,
    /// Most findings that one answer of the engine raised, and most that one decision names.
    pub(super) raised_at_once: usize,
    pub(super) named_at_once: usize,
    pub(super) decisions: u64,
    pub(super) cases: u64,
    /// When each record was written.
    pub(super) at: BTreeMap<u64, u64>,
    /// When the head of each block was, and what was found in it.
    pub(super) heads: BTreeMap<u64, u64>,
    /// From a block's head to what was found in it.
    pub(super) looked: Vec<u64>,
    /// Block of the theft that was found first; when its head, the finding, the order and the transaction were journaled.
    pub(super) theft_block: Option<u64>,
    pub(super) theft_found: Option<u64>,
    pub(super) ordered: Option<u64>,
    pub(super) sent: Option<u64>,
    pub(super) held: Option<u64>,
}

impl Written {
    pub(super) fn read(path: &Path) -> Self {
        let journal = Journal::open_to_read(path).expect("a journal");
        let mut this = Self::default();
        journal
            .each(|record| -> anyhow::Result<()> {
                this.records += 1;
                this.bytes += record.body.len() as u64;
                this.at.insert(record.seq.0, record.at.0);
                match record.parse().map_err(anyhow::Error::msg)? {
                    Body::Event(event) => this.note(&event, record.at),
                    Body::Output(recorded) => this.answer(&recorded.output.case_events, record.at),
                }
                Ok(())
            })
            .expect("readable");
        this
    }

    fn note(&mut self, event: &Event, at: Millis) {
        match event {
            Event::Chain(ChainEvent::Committed { head, .. }) => {
                self.heads.insert(head.id.number, at.0);
            }
            Event::Inspected { block, .. } => {
                let head = self.heads.get(&block.number).copied();
                self.looked.extend(head.map(|head| at.0.saturating_sub(head)));
            }
            _ => {}
        }
    }

    fn answer(&mut self, events: &[CaseEvent], at: Millis) {
        let mut raised = 0;
        for event in events {
            match event {
                CaseEvent::Opened { .. } => self.cases += 1,
                CaseEvent::FindingRaised { finding, .. } => {
                    raised += 1;
                    if !finding.detector.starts_with("rules/") && self.theft_found.is_none() {
                        self.theft_block = Some(finding.block.number);
                        self.theft_found = Some(at.0);
                    }
                }
                CaseEvent::FindingMoved { status, .. } => {
                    assert_ne!(*status, FindingStatus::Retracted, "nothing was taken back");
                    self.moved += 1;
                }
                CaseEvent::Decided { decision, .. } => {
                    self.decisions += 1;
                    self.named_at_once = self.named_at_once.max(decision.findings.len());
                }
                CaseEvent::ActionIssued { .. } => self.ordered = self.ordered.or(Some(at.0)),
                CaseEvent::ActionMoved { outcome: Outcome::Sent { .. }, .. } => {
                    self.sent = self.sent.or(Some(at.0));
                }
                CaseEvent::ActionMoved { outcome: Outcome::Held { .. }, .. } => {
                    self.held = self.held.or(Some(at.0));
                }
                _ => {}
            }
        }
        self.raised += raised as u64;
        self.raised_at_once = self.raised_at_once.max(raised);
    }
}
