//! Which cases belong together: what each finding shows of its author is remembered, and a case that shares it with an
//! earlier one says so on its timeline. Findings stay in the case they are in; no decision depends on a link.
//!
//! A link is a line of the timeline and no answer of the engine: it follows from the events, and journals from before
//! there were links lead to the same answers.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256};
use portcullis_case::{
    Correlator, Sighting, Stage,
    correlate::{CONTRACTS_A_SIGHTING_MAX, MemoryUse, Reason},
    timeline::BELONGS_WITH,
};
use portcullis_types::{
    case_event::CaseEvent,
    evidence::Evidence,
    finding::Finding,
    ids::{CaseId, Millis, Seq},
};

use crate::step::{Engine, Step};

/// What the transactions of one step show of their authors, by hash. Emptied with the step.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    by_hash: BTreeMap<B256, Author>,
}

/// What a transaction shows of its author.
#[derive(Debug, Clone)]
struct Author {
    contracts: Vec<Address>,
    call_tree: (B256, u32),
}

/// The memory of authors.
#[derive(Debug)]
pub(crate) struct Links {
    correlator: Correlator,
}

impl Default for Links {
    fn default() -> Self {
        Self { correlator: Correlator::new(BTreeSet::new()) }
    }
}

impl Engine {
    /// All cases that belong together with `case`, itself too.
    pub fn group(&self, case: CaseId) -> BTreeSet<CaseId> {
        self.links.correlator.group(case)
    }

    /// Why the cases of its group belong together, oldest reason first.
    pub fn why_together(&self, case: CaseId) -> &[Reason] {
        self.links.correlator.why(case)
    }

    /// How full the memory of authors is.
    pub fn memory_of_authors(&self) -> MemoryUse {
        self.links.correlator.memory_use()
    }

    /// Notes what the transactions of a block show of their authors.
    pub(crate) fn show(&self, step: &mut Step, evidence: &[Evidence]) {
        for one in evidence {
            let n_frames = u32::try_from(one.frames.len()).unwrap_or(u32::MAX);
            let author = Author {
                contracts: self.contracts_of_author(one),
                call_tree: (one.call_tree_hash, n_frames),
            };
            step.shown.by_hash.insert(one.hash, author);
        }
    }

    /// Contracts that are the sender's own: those that the transaction created, and the one it called if that one went on
    /// into something protected.
    fn contracts_of_author(&self, one: &Evidence) -> Vec<Address> {
        let is_theirs =
            |address: &Address| !self.is_protected(*address) && !self.is_asset(*address);
        let goes_on = |to: &Address| {
            let mut frames = one.frames.iter();
            frames.any(|frame| frame.context == *to && self.is_protected(frame.to))
                || one.frames.iter().any(|frame| frame.from == *to && self.is_protected(frame.to))
        };
        let called = one.to.filter(|to| is_theirs(to) && goes_on(to));
        let created = one.created.iter().map(|created| created.address).filter(is_theirs);
        called.into_iter().chain(created).take(CONTRACTS_A_SIGHTING_MAX).collect()
    }

    fn is_asset(&self, address: Address) -> bool {
        let assets = self.guards.iter().flat_map(|guard| &guard.config.protocol.assets);
        let token = portcullis_types::money::Asset::Token(address);
        assets.into_iter().any(|spec| spec.asset == token)
    }

    /// Takes in what an event of a case shows of an author.
    pub(crate) fn link(&mut self, step: &Step, event: &CaseEvent) {
        let (CaseEvent::FindingRaised { case, finding }
        | CaseEvent::FindingForeseen { case, finding }) = event
        else {
            return;
        };
        let is_open = self.cases.get(case).is_some_and(|case| case.life.stage().is_open());
        self.links.correlator.set_open(*case, is_open);
        let reasons = self.links.correlator.observe(*case, &sighting(step, finding));
        // Hints are many and join nothing; the memory keeps them.
        for reason in reasons.iter().filter(|reason| reason.joins) {
            self.tell_of_link(step.seq, step.at, reason);
        }
    }

    fn tell_of_link(&mut self, seq: Seq, at: Millis, reason: &Reason) {
        let (earlier, later) = (reason.earlier, reason.later);
        if let Some(case) = self.cases.get_mut(&later) {
            case.note(seq, at, BELONGS_WITH, format!("{earlier}, because of {}", reason.shared));
        }
        if let Some(case) = self.cases.get_mut(&earlier) {
            case.note(seq, at, BELONGS_WITH, format!("{later}, because of {}", reason.shared));
        }
    }

    /// After a command: whether work on the case goes on, and which other case people put it to.
    pub(crate) fn relink(&mut self, step: &Step, case: CaseId) {
        let Some(stage) = self.cases.get(&case).map(|case| case.life.stage()) else { return };
        self.links.correlator.set_open(case, stage.is_open());
        let (Stage::Duplicate { of: other } | Stage::Merged { into: other }) = stage else {
            return;
        };
        if let Some(goes_on) = self.cases.get_mut(&other) {
            let text = format!("{case} is {stage}");
            goes_on.note(step.seq, step.at, BELONGS_WITH, text);
        }
    }
}

fn sighting(step: &Step, finding: &Finding) -> Sighting {
    let author = finding.transaction.and_then(|hash| step.shown.by_hash.get(&hash));
    Sighting {
        at: step.at,
        chain: finding.chain,
        protocol: finding.protocol.clone(),
        actor: finding.actor,
        funders: Vec::new(),
        contracts: author.map(|author| author.contracts.clone()).unwrap_or_default(),
        call_tree: author.map(|author| author.call_tree),
        upstream: None,
    }
}
