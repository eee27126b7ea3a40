//! What people say a transaction was. Read for measuring only: nothing that judges can name this module (a test reads the
//! judges' source for it).

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use alloy_primitives::{Address, B256};
use portcullis_types::{money::Usd, text::printable};
use serde::Deserialize;

use crate::{error::BacktestError, text::TextFile};

/// Most labels of one file; more would be no work of people.
const LABELS_MAX: usize = 5_000_000;

/// What a transaction was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The theft.
    Exploit,
    /// Nothing wrong.
    Benign,
    /// Its preparation: neither theft nor honest use.
    Setup,
}

/// One label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// What it was.
    pub kind: Kind,
    /// Of which incident; printable.
    pub incident: Option<String>,
    /// Attackers.
    pub attackers: Vec<Address>,
    /// Victims.
    pub victims: Vec<Address>,
    /// Day, as the source writes it; printable.
    pub date: Option<String>,
    /// What was lost.
    pub loss: Option<Usd>,
    /// Kind of attack, where the source names one; printable.
    pub class: Option<String>,
}

/// The labels of one file, by what they name.
#[derive(Debug, Clone, Default)]
pub struct Labels {
    /// The files that they came from.
    pub files: Vec<PathBuf>,
    by_hash: BTreeMap<B256, Label>,
    by_phase: BTreeMap<String, Label>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    #[serde(default)]
    hash: Option<B256>,
    #[serde(default)]
    phase: Option<String>,
    label: Kind,
    #[serde(default)]
    incident: Option<String>,
    #[serde(default)]
    attackers: Option<Vec<Address>>,
    #[serde(default)]
    victims: Option<Vec<Address>>,
    #[serde(default)]
    date: Option<String>,
    #[serde(default)]
    loss_usd: Option<serde_json::Number>,
    #[serde(default)]
    class: Option<String>,
}

impl Labels {
    /// Reads a file (`.jsonl`, `.jsonl.gz`, `.jsonl.zst`).
    ///
    /// # Errors
    /// Names file and line of the first label that cannot be read, and what to write instead.
    pub fn read(path: &Path) -> Result<Self, BacktestError> {
        let mut labels = Self { files: vec![path.to_owned()], ..Self::default() };
        let mut file = TextFile::open(path)?;
        while let Some((number, text)) = file.next_line()? {
            if text.trim().is_empty() {
                continue;
            }
            let bad = |problem: String| BacktestError::line(path, number, problem);
            let line: Line = serde_json::from_str(text).map_err(|error| {
                let error = printable(&error.to_string());
                bad(format!(
                    "is no label ({error}): write {{\"hash\" or \"phase\": …, \"label\": \"exploit\", \"benign\" or \"setup\", \
                     \"incident\": …}}"
                ))
            })?;
            labels.add(line).map_err(bad)?;
            if labels.len() > LABELS_MAX {
                return Err(bad(format!(
                    "is beyond the {LABELS_MAX} labels a file may hold: split it"
                )));
            }
        }
        Ok(labels)
    }

    fn add(&mut self, line: Line) -> Result<(), String> {
        let label = Label {
            kind: line.label,
            incident: line.incident.as_deref().map(printable),
            attackers: line.attackers.unwrap_or_default(),
            victims: line.victims.unwrap_or_default(),
            date: line.date.as_deref().map(printable),
            loss: line.loss_usd.as_ref().map(dollars).transpose()?,
            class: line.class.as_deref().map(printable),
        };
        let before = match (line.hash, line.phase) {
            (Some(hash), None) => self.by_hash.insert(hash, label.clone()),
            (None, Some(phase)) => self.by_phase.insert(printable(&phase), label.clone()),
            _ => {
                return Err("names no transaction: give it a `hash` or a `phase`, one of the two"
                    .to_owned());
            }
        };
        if before.is_some_and(|before| before != label) {
            return Err("contradicts an earlier label of the same transaction: remove one".into());
        }
        Ok(())
    }

    /// Adds those of another file that are by hash.
    ///
    /// # Errors
    /// If the two contradict each other.
    pub fn merge(&mut self, other: &Self) -> Result<(), BacktestError> {
        for (hash, label) in &other.by_hash {
            if self.by_hash.insert(*hash, label.clone()).is_some_and(|before| before != *label) {
                let file = other.files.first().cloned().unwrap_or_default();
                let problem = format!("labels {hash} otherwise than another file does: remove one");
                return Err(BacktestError::line(&file, 0, problem));
            }
        }
        self.files.extend(other.files.iter().cloned());
        Ok(())
    }

    /// What was said of the transaction with this hash.
    pub fn of_hash(&self, hash: B256) -> Option<&Label> {
        self.by_hash.get(&hash)
    }

    /// What was said of the phase with this name.
    pub fn of_phase(&self, phase: &str) -> Option<&Label> {
        self.by_phase.get(phase)
    }

    /// Whether any of them is by phase.
    pub fn has_phases(&self) -> bool {
        !self.by_phase.is_empty()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.by_hash.len() + self.by_phase.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The transactions said to be of an exploit, by hash.
    pub fn exploits(&self) -> impl Iterator<Item = (&B256, &Label)> {
        self.by_hash.iter().filter(|(_, label)| label.kind == Kind::Exploit)
    }
}

/// A JSON number as dollars: its digits as they are, or, where they have an exponent, rounded to a millionth.
fn dollars(number: &serde_json::Number) -> Result<Usd, String> {
    let text = number.to_string();
    let bad =
        |problem: String| format!("has a lossUsd that {problem}: write plain dollars, or null");
    if let Ok(usd) = text.parse::<Usd>() {
        return Ok(usd);
    }
    let value = number.as_f64().filter(|value| value.is_finite() && value.abs() < 1e24);
    let value = value.ok_or_else(|| bad(format!("is no amount ({})", printable(&text))))?;
    format!("{value:.6}").parse().map_err(bad)
}
