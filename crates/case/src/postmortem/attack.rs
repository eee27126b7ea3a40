//! The attack as the record has it: transactions that findings accuse, and those to which findings were only laid.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256};
use portcullis_types::{
    action::{Intent, Outcome},
    finding::{Finding, FindingStatus},
    ids::{ChainId, Millis},
    money::Usd,
};
use serde::Serialize;

use crate::{
    calendar::rfc3339,
    case::{Case, FindingRecord},
    export::called,
};

/// Most transactions of the attack that are told of, those with the largest loss; and most that were only observed.
pub const TRANSACTIONS_MAX: usize = 100;

/// What was done to the protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attack {
    /// What happened, in one sentence; none if no finding stands.
    pub sentence: Option<String>,
    /// Transactions that findings accuse, in the order of the blocks.
    pub transactions: Vec<AttackTransaction>,
    /// Transactions left out beyond [`TRANSACTIONS_MAX`].
    pub transactions_left_out: usize,
    /// Transactions to which a finding was laid that accuses nobody.
    pub observed: Vec<Observed>,
    /// Those left out beyond [`TRANSACTIONS_MAX`].
    pub observed_left_out: usize,
    /// What a lever that held was to prevent; none if none held that a decision chose.
    pub saved: Option<Saved>,
}

/// One transaction of the attack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AttackTransaction {
    /// Whole.
    pub hash: B256,
    /// Chain.
    pub chain: ChainId,
    /// Block.
    pub block: u64,
    /// When its first finding was journaled, RFC 3339; none where the timeline was full by then.
    pub seen_at: Option<String>,
    /// Who sent it; none where nobody could look.
    pub sender: Option<Address>,
    /// The contract that it called, where the record has it. Others may use it too.
    pub called: Option<Address>,
    /// Contracts of the protocol that it concerns.
    pub victims: Vec<Victim>,
    /// Lost by it: the largest sum that one detector reports.
    pub lost: Usd,
}

/// A contract of the protocol.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Victim {
    /// Its name in the configuration; none if nobody has told it.
    pub name: Option<String>,
    /// Where it is.
    pub address: Address,
}

/// A transaction that was observed and is accused of nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Observed {
    /// Chain.
    pub chain: ChainId,
    /// Block.
    pub block: u64,
    /// Whole.
    pub hash: B256,
    /// The detectors that laid a finding to it.
    pub detectors: Vec<String>,
}

/// What a lever was to prevent, by the newest decision that chose one which then held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Saved {
    /// How much: an estimate, no count.
    pub amount: Usd,
    /// The lever.
    pub lever: String,
    /// Block at which it was decided.
    pub block: u64,
    /// What would have been lost in the time that people need if nothing had been done.
    pub loss_ahead: Usd,
}

pub(super) fn of(case: &Case) -> Attack {
    let mut accused: BTreeMap<(ChainId, B256), Vec<&FindingRecord>> = BTreeMap::new();
    let mut laid: BTreeMap<(ChainId, B256), Vec<&FindingRecord>> = BTreeMap::new();
    for record in standing(case) {
        let Some(hash) = record.finding.transaction else { continue };
        let of = if case.accuses(&record.finding) { &mut accused } else { &mut laid };
        of.entry((record.finding.chain, hash)).or_default().push(record);
    }
    laid.retain(|key, _| !accused.contains_key(key));
    let (called, times) = (called(case), first_lines(case));
    let n_transactions = accused.len();
    let mut transactions: Vec<_> = accused
        .into_iter()
        .map(|((chain, hash), records)| {
            let called = called.get(&hash).map(|(_, to)| *to);
            transaction((chain, hash), &records, called, &times)
        })
        .collect();
    transactions.sort_by_key(|one| std::cmp::Reverse(one.lost));
    transactions.truncate(TRANSACTIONS_MAX);
    transactions.sort_by_key(|one| (one.block, one.chain, one.hash));
    let n_observed = laid.len();
    let mut observed: Vec<_> = laid
        .into_iter()
        .map(|((chain, hash), records)| Observed {
            chain,
            block: records.iter().map(|record| record.block.number).min().unwrap_or_default(),
            hash,
            detectors: unique(records.iter().map(|record| record.finding.detector.clone())),
        })
        .collect();
    observed.sort();
    observed.truncate(TRANSACTIONS_MAX);
    Attack {
        sentence: case.sentence().map(str::to_owned),
        transactions_left_out: n_transactions - transactions.len(),
        transactions,
        observed_left_out: n_observed - observed.len(),
        observed,
        saved: saved(case),
    }
}

impl Attack {
    /// Gives the contracts their names.
    pub(super) fn name(&mut self, name_of: impl Fn(ChainId, Address) -> Option<String>) {
        for one in &mut self.transactions {
            for victim in &mut one.victims {
                victim.name = name_of(one.chain, victim.address);
            }
        }
    }
}

fn standing(case: &Case) -> impl Iterator<Item = &FindingRecord> {
    let stands = |status| !matches!(status, FindingStatus::Pending | FindingStatus::Retracted);
    case.findings.values().filter(move |record| stands(record.status))
}

fn unique<T: Ord>(all: impl Iterator<Item = T>) -> Vec<T> {
    all.collect::<BTreeSet<_>>().into_iter().collect()
}

fn transaction(
    (chain, hash): (ChainId, B256),
    records: &[&FindingRecord],
    called: Option<Address>,
    times: &Times<'_>,
) -> AttackTransaction {
    let mut lost: BTreeMap<&str, Usd> = BTreeMap::new();
    for record in records {
        *lost.entry(&record.finding.detector).or_default() += record.finding.loss;
    }
    let contracts = records.iter().map(|record| record.finding.contract);
    let victim = |address| Victim { name: None, address };
    let seen = records.iter().filter_map(|record| times.of(&record.finding)).min();
    AttackTransaction {
        hash,
        chain,
        block: records.iter().map(|record| record.block.number).max().unwrap_or_default(),
        seen_at: seen.map(rfc3339),
        sender: records.iter().find_map(|record| record.finding.actor),
        called,
        victims: unique(contracts.map(victim)),
        lost: lost.into_values().max().unwrap_or_default(),
    }
}

/// When the timeline first had a line of these words at a block.
struct Times<'a>(BTreeMap<(Option<u64>, &'a str), Millis>);

fn first_lines(case: &Case) -> Times<'_> {
    let mut times = BTreeMap::new();
    let about = |what: &str| what == "finding" || what == "pending";
    for line in case.timeline.iter().filter(|line| about(&line.what)) {
        times.entry((line.block, line.text.as_str())).or_insert(line.at);
    }
    Times(times)
}

impl Times<'_> {
    /// Two findings of one block that say the same were journaled together.
    fn of(&self, finding: &Finding) -> Option<Millis> {
        let (detector, sentence) = (&finding.detector, &finding.sentence);
        let in_block = format!("[{detector}] {sentence}");
        let before = format!("[{detector}] not in a block yet: {sentence}");
        let places = [(Some(finding.block.number), in_block), (None, before)];
        let found = places.iter().filter_map(|(block, text)| self.0.get(&(*block, text.as_str())));
        found.min().copied()
    }
}

fn saved(case: &Case) -> Option<Saved> {
    let held: BTreeSet<&str> = case
        .actions
        .values()
        .filter(|record| record.action.intent != Intent::Release)
        .filter(|record| matches!(record.ending(), Some(Outcome::Held { .. })))
        .map(|record| record.action.lever.name.as_str())
        .collect();
    case.decisions.iter().rev().find_map(|decision| {
        let chosen = decision.chosen.as_deref().filter(|lever| held.contains(lever))?;
        let rung = decision.rungs.iter().find(|rung| rung.lever == chosen)?;
        Some(Saved {
            amount: rung.loss_prevented,
            lever: chosen.to_owned(),
            block: decision.block.number,
            loss_ahead: decision.loss_ahead,
        })
    })
}
