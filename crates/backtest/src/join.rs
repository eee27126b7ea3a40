//! Puts together what was said of a recording and what people say of it. Only here do the two meet, and only after the
//! last word was said.

use std::sync::Arc;

use alloy_primitives::B256;
use portcullis_scan::Level;
use portcullis_types::ids::ChainId;

use crate::{
    files::FileLabels,
    judge::{Alert, BlindLine, Seen, Tape},
    labels::{Kind, Label},
};

/// What a transaction without a label counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unlabelled {
    /// Honest: an alert on it is a false one.
    Benign,
    /// Nothing: it is played and counted, and no alert on it is held against anybody.
    Ignore,
}

/// What a transaction was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Truth {
    /// The theft.
    Exploit,
    /// Its preparation.
    Setup,
    /// Honest.
    Benign,
    /// Not known.
    Unknown,
}

/// How many transactions of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Looked into.
    pub transactions: u64,
    /// Not looked into, whatever they were.
    pub blind: u64,
    /// Of those looked into: theft.
    pub exploit: u64,
    /// Preparation.
    pub setup: u64,
    /// Honest, with those that count as honest without a label.
    pub benign: u64,
    /// Without a label.
    pub unlabelled: u64,
}

impl Counts {
    /// Adds those of another recording.
    pub fn add(&mut self, other: &Self) {
        self.transactions += other.transactions;
        self.blind += other.blind;
        self.exploit += other.exploit;
        self.setup += other.setup;
        self.benign += other.benign;
        self.unlabelled += other.unlabelled;
    }
}

/// A transaction of which something was said, by a detector or by people (other than that it is honest).
#[derive(Debug, Clone)]
pub struct Told {
    /// Which recording, by place in the list.
    pub recording: usize,
    /// Chain.
    pub chain: ChainId,
    /// The transaction.
    pub seen: Seen,
    /// What people say.
    pub label: Option<Label>,
    /// What it counts as.
    pub truth: Truth,
    /// What was said, as one; none if nothing that counts.
    pub alert: Option<Alert>,
    /// What detectors on probation said.
    pub whispers: Vec<Alert>,
}

/// One recording, joined.
#[derive(Debug, Clone, Default)]
pub struct Joined {
    /// Chain.
    pub chain: Option<ChainId>,
    /// How many transactions.
    pub counts: Counts,
    /// Those worth telling about, in order.
    pub told: Vec<Told>,
    /// Lines that could not be looked into: some of them, and how many.
    pub blind: (Vec<BlindLine>, u64),
    /// Whether there were labels.
    pub has_labels: bool,
    /// Whether lines need the state that the one before left.
    pub carries_state: bool,
}

/// Joins a tape with the labels of its recording.
pub fn join(recording: usize, tape: Tape, labels: &FileLabels, unlabelled: Unlabelled) -> Joined {
    let Tape { chain, transactions, alerts, blind, blind_lines, carries_state } = tape;
    let truth_of = |seen: &Seen| truth(label_of(labels, seen), unlabelled);
    let mut spoken: Vec<Vec<Alert>> = vec![Vec::new(); transactions.len()];
    for alert in alerts {
        let place = about(&alert, |place| transactions.get(place).map(truth_of));
        if let Some(said) = place.and_then(|place| spoken.get_mut(place)) {
            said.push(alert);
        }
    }
    let mut joined = Joined {
        chain,
        blind: (blind, blind_lines),
        has_labels: !labels.is_empty(),
        carries_state,
        ..Joined::default()
    };
    for (seen, alerts) in transactions.into_iter().zip(spoken) {
        let label = label_of(labels, &seen);
        let truth = truth(label, unlabelled);
        joined.counts.count(&seen, truth, label.is_none());
        let (counted, whispers): (Vec<_>, Vec<_>) =
            alerts.into_iter().partition(|alert| alert.level.is_some());
        let is_told = matches!(truth, Truth::Exploit | Truth::Setup);
        if is_told || !counted.is_empty() || !whispers.is_empty() {
            let (label, chain) = (label.cloned(), chain.unwrap_or_default());
            let alert = counted.into_iter().reduce(together);
            joined.told.push(Told { recording, chain, seen, label, truth, alert, whispers });
        }
    }
    joined
}

/// The labels of exploits that no transaction of `joined` answers to; those of recordings that were not played are left out.
pub fn labels_without_transaction(
    labels: &[FileLabels],
    joined: &[Joined],
) -> Vec<(B256, Option<String>)> {
    let told = || joined.iter().flat_map(|one| &one.told);
    let found: std::collections::BTreeSet<B256> = told().map(|told| told.seen.hash).collect();
    let mut missing = Vec::new();
    let mut done: Vec<&Arc<crate::labels::Labels>> = Vec::new();
    for (file, _) in labels.iter().zip(joined).filter(|(_, one)| one.chain.is_some()) {
        if done.iter().any(|known| Arc::ptr_eq(known, &file.hashes)) {
            continue;
        }
        done.push(&file.hashes);
        let absent = file.hashes.exploits().filter(|(hash, _)| !found.contains(*hash));
        missing.extend(absent.map(|(hash, label)| (*hash, label.incident.clone())));
    }
    missing
}

fn label_of<'a>(labels: &'a FileLabels, seen: &Seen) -> Option<&'a Label> {
    let phase = seen.phase.as_deref().and_then(|phase| labels.phases.of_phase(phase));
    phase.or_else(|| labels.hashes.of_hash(seen.hash))
}

fn truth(label: Option<&Label>, unlabelled: Unlabelled) -> Truth {
    match (label.map(|label| label.kind), unlabelled) {
        (Some(Kind::Exploit), _) => Truth::Exploit,
        (Some(Kind::Setup), _) => Truth::Setup,
        (Some(Kind::Benign), _) | (None, Unlabelled::Benign) => Truth::Benign,
        (None, Unlabelled::Ignore) => Truth::Unknown,
    }
}

/// Which of its suspects an alert is about: the worst of them, the last of equals. A state that was found wrong after a
/// block with a theft in it is the theft's doing.
fn about(alert: &Alert, truth: impl Fn(usize) -> Option<Truth>) -> Option<usize> {
    let known = alert.suspects.iter().filter_map(|place| Some((truth(*place)?, *place)));
    known.min_by_key(|(truth, place)| (*truth, usize::MAX - place)).map(|(_, place)| place)
}

/// Two alerts on one transaction as one: the more severe speaks first.
fn together(a: Alert, b: Alert) -> Alert {
    let b_first = b.level > a.level || (b.level == a.level && b.e_value > a.e_value);
    let (mut first, second) = if b_first { (b, a) } else { (a, b) };
    first.voices.extend(second.voices);
    first.voices.sort_by(|a, b| b.e_value.total_cmp(&a.e_value));
    first.e_value = first.e_value.max(second.e_value);
    first.losses.extend(second.losses);
    first.attackers.extend(second.attackers);
    first.victims.extend(second.victims);
    first.targets.extend(second.targets);
    for list in [&mut first.attackers, &mut first.victims, &mut first.targets] {
        let mut seen = std::collections::BTreeSet::new();
        list.retain(|address| seen.insert(*address));
    }
    first
}

impl Counts {
    fn count(&mut self, seen: &Seen, truth: Truth, is_unlabelled: bool) {
        if seen.is_blind {
            self.blind += 1;
            return;
        }
        self.transactions += 1;
        self.unlabelled += u64::from(is_unlabelled);
        match truth {
            Truth::Exploit => self.exploit += 1,
            Truth::Setup => self.setup += 1,
            Truth::Benign => self.benign += 1,
            Truth::Unknown => {}
        }
    }
}

impl Told {
    /// Whether anything was said that counts.
    pub fn is_alerted(&self) -> bool {
        self.alert.is_some()
    }

    /// Whether it was asked to act unattended.
    pub fn is_automatic(&self) -> bool {
        self.alert.as_ref().is_some_and(|alert| alert.level == Some(Level::Act))
    }
}

#[cfg(test)]
mod tests;
