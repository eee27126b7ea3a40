//! What is noted beside the engine: where a line of a timeline leads, where evidence stands in the journal, what left a
//! protocol, and what a detector said.

use std::collections::{BTreeMap, VecDeque};

use alloy_primitives::{Address, B256};
use portcullis_case::RunEvent;
use portcullis_types::{
    case_event::CaseEvent,
    chain::BlockId,
    evidence::Evidence,
    ids::{ChainId, EffectId, FindingKey, Millis, Seq},
    money::Usd,
    protocol::Protocol,
};

/// Transactions whose evidence can be found again; the oldest go first.
pub(super) const TRANSACTIONS_MAX: usize = 200_000;
/// Movements of a protocol that are kept, one for each block in which something left; the oldest go first.
pub(super) const FLOWS_MAX: usize = 20_000;
/// How long they are kept, milliseconds: a day.
const FLOWS_MS: u64 = 24 * 3_600_000;
/// Causes of blindness that are kept for each chain, newest last.
pub(super) const CAUSES_MAX: usize = 64;

/// Where a line of a timeline leads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) finding: Option<FindingKey>,
    pub(crate) transaction: Option<B256>,
    pub(crate) action: Option<EffectId>,
    /// `run/step` of a playbook, or the run alone.
    pub(crate) step: Option<String>,
}

impl Link {
    /// Where a line of a playbook leads.
    pub(super) fn of_playbook(run: Seq, event: Option<&RunEvent>) -> Self {
        let step = event.and_then(|event| match event {
            RunEvent::Issued { effect }
            | RunEvent::Delivered { effect }
            | RunEvent::Undelivered { effect, .. }
            | RunEvent::Ended { effect, .. }
            | RunEvent::Checked { effect, .. } => Some(&effect.step),
            RunEvent::Done { step, .. }
            | RunEvent::Failed { step, .. }
            | RunEvent::Skipped { step, .. }
            | RunEvent::Approved { step, .. }
            | RunEvent::ApprovalWithdrawn { step, .. }
            | RunEvent::Objected { step, .. }
            | RunEvent::Retried { step, .. } => Some(step),
            _ => None,
        });
        let step = step.map_or_else(|| run.to_string(), |step| format!("{run}/{step}"));
        Self { step: Some(step), ..Self::default() }
    }

    pub(super) fn of(event: &CaseEvent) -> Self {
        use portcullis_types::action::Outcome;
        match event {
            CaseEvent::FindingRaised { finding, .. }
            | CaseEvent::FindingForeseen { finding, .. } => {
                let transaction = finding.transaction;
                Self { finding: Some(finding.key), transaction, ..Self::default() }
            }
            CaseEvent::FindingMoved { key, .. } => Self { finding: Some(*key), ..Self::default() },
            CaseEvent::ActionIssued { action, .. } => {
                Self { action: Some(action.id), ..Self::default() }
            }
            CaseEvent::ActionMoved { action, outcome, .. } => {
                let transaction = match outcome {
                    Outcome::Prepared { hash, .. }
                    | Outcome::Sent { hash }
                    | Outcome::Mined { hash, .. } => Some(*hash),
                    _ => None,
                };
                Self { action: Some(*action), transaction, ..Self::default() }
            }
            _ => Self::default(),
        }
    }
}

/// In which journal entry a transaction's evidence stands.
#[derive(Debug, Default)]
pub(crate) struct Transactions {
    places: BTreeMap<B256, Seq>,
    order: VecDeque<B256>,
}

impl Transactions {
    pub(super) fn note(&mut self, evidence: &[Evidence], seq: Seq) {
        for one in evidence {
            // The newest counts: after a re-organisation it is in another block.
            if self.places.insert(one.hash, seq).is_none() {
                self.order.push_back(one.hash);
            }
        }
        while self.order.len() > TRANSACTIONS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.places.remove(&oldest);
        }
    }

    /// The journal entry with the evidence of a transaction.
    pub(crate) fn place(&self, hash: B256) -> Option<Seq> {
        self.places.get(&hash).copied()
    }
}

/// What left a protocol in one block, by asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flow {
    pub(crate) block: BlockId,
    /// The block's own time.
    pub(crate) at: Millis,
    /// By symbol.
    pub(crate) out: BTreeMap<String, Usd>,
}

/// Movements of one protocol over the last day.
#[derive(Debug, Default)]
pub(crate) struct Flows {
    flows: VecDeque<Flow>,
}

impl Flows {
    pub(super) fn note(&mut self, protocol: &Protocol, block: BlockId, evidence: &[Evidence]) {
        let holders: Vec<Address> = protocol.holders().map(|contract| contract.address).collect();
        let mut out: BTreeMap<String, Usd> = BTreeMap::new();
        let mut at = Millis(0);
        for one in evidence.iter().filter(|one| one.chain == protocol.chain && one.success) {
            at = Millis(one.timestamp.saturating_mul(1_000));
            // Between the protocol's own contracts nothing leaves: their flows are added up first.
            let mut sums = BTreeMap::new();
            for flow in one.flows.iter().filter(|flow| holders.contains(&flow.holder)) {
                let sum: &mut alloy_primitives::I256 = sums.entry(flow.asset).or_default();
                *sum = sum.saturating_add(flow.delta);
            }
            for (asset, sum) in sums {
                if let Some(spec) = protocol.asset(asset).filter(|_| sum.is_negative()) {
                    *out.entry(spec.symbol.clone()).or_default() += spec.value(sum.unsigned_abs());
                }
            }
        }
        if out.is_empty() {
            return;
        }
        self.flows.push_back(Flow { block, at, out });
        let is_old = |flow: &Flow| at.since(flow.at) > FLOWS_MS;
        while self.flows.len() > FLOWS_MAX || self.flows.front().is_some_and(is_old) {
            self.flows.pop_front();
        }
    }

    pub(super) fn retract(&mut self, blocks: &[BlockId]) {
        self.flows.retain(|flow| !blocks.contains(&flow.block));
    }

    /// All, oldest first.
    pub(crate) fn all(&self) -> impl DoubleEndedIterator<Item = &Flow> {
        self.flows.iter()
    }
}

/// What a detector said so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Spoken {
    pub(crate) findings: u64,
    pub(crate) last: Option<Millis>,
}

/// What is known of a chain besides the engine's own.
#[derive(Debug, Clone, Default)]
pub(crate) struct ChainNotes {
    /// When something was last journaled of it.
    pub(crate) heard: Option<Millis>,
    /// When its newest block was journaled.
    pub(crate) head_at: Option<Millis>,
    /// Ranges that could not be seen, and why; newest last.
    pub(crate) causes: VecDeque<(u64, u64, String)>,
}

/// Notes about all chains.
pub(crate) type Chains = BTreeMap<ChainId, ChainNotes>;
