//! What a drill's journal says about the watcher. Every figure is read from the record.

use std::{collections::BTreeMap, path::Path};

use alloy_primitives::B256;
use portcullis_case::Case;
use portcullis_engine::{Engine, Entry, Event};
use portcullis_range::PlayReport;
use portcullis_types::{
    action::{Intent, Outcome},
    chain::{BlockHead, ChainEvent},
    ids::{EffectId, Millis},
};
use serde::Serialize;

use crate::{
    cli::case::fold,
    store::{Journal, replay_check},
};

/// How the watcher did.
#[derive(Debug)]
pub(crate) struct Measured {
    /// The case of the attack.
    pub(crate) case: Option<Case>,
    /// From the journaled block to the transaction at the node, for each pull.
    pub(crate) seen_to_sent_ms: Vec<u64>,
    /// From the block of the first harm to the block that carries the pause.
    pub(crate) blocks_to_hold: Option<u64>,
    /// Pulls that no attack called for.
    pub(crate) false_pauses: u64,
    /// Pulls on the chain.
    pub(crate) pauses_on_chain: u64,
    /// Detectors that fired.
    pub(crate) detectors: Vec<String>,
    /// Whether chain and answers of the journal are in order.
    pub(crate) journal_verified: bool,
    /// Why not.
    pub(crate) journal_problem: Option<String>,
    /// Blocks that were looked into, and ranges that could not be.
    pub(crate) coverage: portcullis_engine::Coverage,
}

/// A distribution of milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct MillisSummary {
    pub(crate) p50: Option<u64>,
    pub(crate) p99: Option<u64>,
    pub(crate) max: Option<u64>,
}

impl Measured {
    /// Reads a journal. `attack_from` is the first block in which the attack may do harm.
    pub(crate) fn read(
        path: &Path,
        report: &PlayReport,
        attack_from: Option<u64>,
    ) -> anyhow::Result<Self> {
        let journal = Journal::open_to_read(path)?;
        let verified = replay_check(&journal);
        let engine = fold(&journal)?;
        let case = engine.cases().next_back().cloned();
        let held = case.as_ref().and_then(held_in);
        let first = case
            .as_ref()
            .and_then(|case| case.live_findings().map(|finding| finding.block.number).min());
        let detectors = engine.cases().flat_map(Case::live_findings).map(|f| f.detector.clone());
        let mut detectors: Vec<String> = detectors.collect();
        detectors.sort();
        detectors.dedup();
        let pulls = || report.responder_transactions.iter().filter(|one| one.success);
        let is_false = |block: u64| attack_from.is_none_or(|from| block < from);
        Ok(Self {
            seen_to_sent_ms: seen_to_sent(&journal)?,
            blocks_to_hold: held.zip(first).map(|(held, first)| held.saturating_sub(first)),
            false_pauses: pulls().filter(|one| is_false(one.block)).count() as u64,
            pauses_on_chain: pulls().count() as u64,
            detectors,
            journal_verified: verified.is_ok(),
            journal_problem: verified.err().map(|error| error.to_string()),
            coverage: coverage(&engine),
            case,
        })
    }
}

fn coverage(engine: &Engine) -> portcullis_engine::Coverage {
    let chains = engine.config().map_or(&[][..], |config| &config.chains);
    chains
        .first()
        .and_then(|settings| engine.chain(settings.chain))
        .map_or_else(Default::default, portcullis_engine::ChainState::coverage)
}

fn held_in(case: &Case) -> Option<u64> {
    case.actions.values().filter(|r| r.action.intent == Intent::Pull).find_map(|record| {
        let held = matches!(record.ending(), Some(Outcome::Held { .. }));
        record.mined_in().filter(|_| held).map(|block| block.number)
    })
}

/// From the entry that brought the block whose findings led to a pull, to the entry that says it was sent.
pub(crate) fn seen_to_sent(journal: &Journal) -> anyhow::Result<Vec<u64>> {
    let mut engine = Engine::new();
    let mut seen: BTreeMap<B256, Millis> = BTreeMap::new();
    let mut asked: BTreeMap<EffectId, Millis> = BTreeMap::new();
    let mut out = Vec::new();
    journal.each(|record| -> anyhow::Result<()> {
        let Some(entry) = record.entry().map_err(|why| anyhow::anyhow!(why))? else {
            return Ok(());
        };
        note_blocks(&entry, &mut seen);
        let output = engine.step(&entry)?;
        let mut decided_on = None;
        for event in &output.case_events {
            match event {
                portcullis_types::case_event::CaseEvent::Decided { decision, .. } => {
                    decided_on = seen.get(&decision.block.hash).copied();
                }
                portcullis_types::case_event::CaseEvent::ActionIssued { action, .. }
                    if action.intent == Intent::Pull =>
                {
                    asked.extend(decided_on.map(|at| (action.id, at)));
                }
                _ => {}
            }
        }
        if let Event::Acted { action, outcome: Outcome::Sent { .. } } = &entry.event
            && let Some(at) = asked.remove(action)
        {
            out.push(entry.at.since(at));
        }
        Ok(())
    })?;
    Ok(out)
}

fn note_blocks(entry: &Entry, seen: &mut BTreeMap<B256, Millis>) {
    let mut note = |head: &BlockHead| {
        seen.entry(head.id.hash).or_insert(entry.at);
    };
    match &entry.event {
        Event::Chain(ChainEvent::Committed { head, .. }) => note(head),
        Event::Chain(ChainEvent::Reorged { new, .. }) => new.iter().for_each(note),
        _ => {}
    }
}

/// Nearest-rank percentiles.
pub(crate) fn millis_summary(values: &[u64]) -> MillisSummary {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let rank = |percent: usize| {
        let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
        sorted.get(index).copied()
    };
    MillisSummary { p50: rank(50), p99: rank(99), max: sorted.last().copied() }
}
