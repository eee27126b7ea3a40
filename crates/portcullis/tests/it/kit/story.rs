//! What a journal says.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use portcullis::store::{Body, Journal, replay_check};
use portcullis_engine::{Coverage, Engine, Event};
use portcullis_types::{
    action::{Action, Outcome},
    brake::BrakeAlert,
    case_event::CaseEvent,
    chain::{BlindCause, BlockId, ChainEvent},
    finding::FindingStatus,
};

/// What happened, from a journal.
pub(crate) struct Story {
    pub(crate) coverage: Coverage,
    pub(crate) events: Vec<CaseEvent>,
    /// How often each block was inspected.
    pub(crate) inspected: BTreeMap<BlockId, u64>,
    /// The first block that could not be looked at, and why, in order.
    pub(crate) blind: Vec<(u64, BlindCause)>,
    /// Blocks that were taken back, in order.
    pub(crate) unsaid: Vec<BlockId>,
    pub(crate) engine: Engine,
    /// What was told of the brakes, in order.
    pub(crate) brakes: Vec<BrakeAlert>,
    /// How many self-tests said anything new.
    pub(crate) self_tests: usize,
}

impl Story {
    /// Reads a journal and checks that it is in order.
    pub(crate) fn read(path: &Path) -> Self {
        let journal = Journal::open_to_read(path).expect("a journal");
        replay_check(&journal).expect("the journal is in order");
        Self::fold(path)
    }

    /// Reads a journal; it may be written to meanwhile.
    pub(crate) fn fold(path: &Path) -> Self {
        let journal = Journal::open_to_read(path).expect("a journal");
        let mut story = Self {
            coverage: Coverage::default(),
            events: Vec::new(),
            inspected: BTreeMap::new(),
            blind: Vec::new(),
            unsaid: Vec::new(),
            engine: Engine::new(),
            brakes: Vec::new(),
            self_tests: 0,
        };
        journal
            .each(|record| -> anyhow::Result<()> {
                if let Ok(Body::Event(event)) = record.parse() {
                    story.note(&event);
                }
                if let Some(entry) = record.entry().map_err(anyhow::Error::msg)? {
                    let output = story.engine.step(&entry)?;
                    story.events.extend(output.case_events);
                    story.brakes.extend(output.brakes);
                }
                Ok(())
            })
            .expect("readable");
        let chain = story.engine.config().expect("configured").chains[0].chain;
        story.coverage = story.engine.chain(chain).expect("a chain").coverage();
        story
    }

    fn note(&mut self, event: &Event) {
        match event {
            Event::Inspected { block, .. } => *self.inspected.entry(*block).or_default() += 1,
            Event::Chain(ChainEvent::Blind { from, cause, .. }) => {
                self.blind.push((*from, cause.clone()));
            }
            Event::SelfTested { .. } => self.self_tests += 1,
            Event::Chain(ChainEvent::Reorged { old, .. }) => self.unsaid.extend(old),
            _ => {}
        }
    }

    /// The blocks that the journal holds to be the chain, lowest first.
    pub(crate) fn chain(&self) -> Vec<BlockId> {
        let chain = self.engine.config().expect("configured").chains[0].chain;
        let state = self.engine.chain(chain).expect("a chain");
        state.recent().map(|head| head.id).collect()
    }

    /// The actions in the order in which they were asked for.
    pub(crate) fn actions(&self) -> Vec<&Action> {
        let issued = self.events.iter().filter_map(|event| match event {
            CaseEvent::ActionIssued { action, .. } => Some(&**action),
            _ => None,
        });
        issued.collect()
    }

    /// What became of actions, in order.
    pub(crate) fn outcomes(&self) -> Vec<&Outcome> {
        let moved = self.events.iter().filter_map(|event| match event {
            CaseEvent::ActionMoved { outcome, .. } => Some(outcome),
            _ => None,
        });
        moved.collect()
    }

    /// The block of the newest hold, if the last thing that an action came to is one.
    pub(crate) fn held_in(&self) -> Option<BlockId> {
        match self.outcomes().last() {
            Some(Outcome::Held { block, .. }) => Some(*block),
            _ => None,
        }
    }

    /// The blocks of the findings that stand.
    pub(crate) fn found_in(&self) -> BTreeSet<u64> {
        let cases = self.engine.cases();
        cases.flat_map(|case| case.live_findings().map(|finding| finding.block.number)).collect()
    }

    /// How many findings stand, and how many were taken back.
    pub(crate) fn findings(&self) -> (usize, usize) {
        let records = self.engine.cases().flat_map(|case| case.findings.values());
        let (gone, stand): (Vec<_>, Vec<_>) =
            records.partition(|record| record.status == FindingStatus::Retracted);
        (stand.len(), gone.len())
    }

    /// No alert twice, and no block of the chain left out, looked into twice or blind.
    pub(crate) fn assert_whole(&self) {
        let mut keys = BTreeSet::new();
        for event in &self.events {
            if let CaseEvent::FindingRaised { finding, .. } = event {
                assert!(keys.insert(finding.key), "alerted twice: {}", finding.sentence);
            }
        }
        let chain = self.chain();
        let head = self.coverage.head.expect("a head");
        let numbers: Vec<u64> = chain.iter().map(|block| block.number).collect();
        let first = self.coverage.first.expect("a first").max(numbers[0]);
        assert_eq!(numbers, (first..=head).collect::<Vec<_>>(), "a chain without gaps");
        let missing: Vec<_> =
            chain.iter().filter(|block| !self.inspected.contains_key(block)).collect();
        assert!(missing.is_empty(), "blocks unaccounted for: {missing:?}");
        assert_eq!(self.coverage.waiting, [0; 0]);
        assert_eq!(self.coverage.blind, [(0, 0); 0], "because of {:?}", self.blind);
        let twice: Vec<_> = self.inspected.iter().filter(|(_, count)| **count > 1).collect();
        assert!(twice.is_empty(), "looked into twice: {twice:?}");
    }
}
