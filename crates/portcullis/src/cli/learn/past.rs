//! The recordings, in two parts: what is learned from and the rest.

use std::{path::PathBuf, str::FromStr};

use anyhow::bail;
use portcullis_backtest::Footage;
use portcullis_learn::{OBSERVATIONS_MAX, Observation};
use portcullis_observe::{Playable, Recording, open_any};
use portcullis_types::{evidence::Evidence, protocol::Protocol};

use super::super::Usage;

/// A part of the transactions, in millionths: a part must mean the same number of them on every machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Share(u64);

const WHOLE: u64 = 1_000_000;

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is no part: write a number above 0 and up to 1, like 0.7");
        let number: portcullis_detect::number::Decimal = text.parse().map_err(|_| bad())?;
        let millionths = number.units(6).and_then(|units| u64::try_from(units).ok());
        millionths.filter(|part| (1..=WHOLE).contains(part)).map(Self).ok_or_else(bad)
    }
}

/// Where the part that is learned from ends.
#[derive(Debug, Clone, Copy)]
pub(super) enum Split {
    /// Nowhere.
    All,
    /// After this block.
    Until(u64),
    /// After this part of so many transactions.
    Count(u64, Share),
}

impl Split {
    fn is_past(self, index: u64, evidence: &Evidence) -> bool {
        match self {
            Self::All => true,
            Self::Until(block) => evidence.block.number <= block,
            Self::Count(all, Share(part)) => {
                u128::from(index) < u128::from(all) * u128::from(part) / u128::from(WHOLE)
            }
        }
    }
}

/// What was read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    /// Transactions of the part.
    pub(super) transactions: u64,
    /// Lines that could not be looked into, of all.
    pub(super) blind: u64,
}

/// Recordings that can be read again and again.
pub(super) struct Past {
    recordings: Vec<Recording>,
    split: Split,
}

/// How many transactions the recordings hold.
pub(super) fn count(paths: &[PathBuf]) -> anyhow::Result<u64> {
    let past = Past::new(paths, Split::All)?;
    Ok(past.read(true, |_| Ok(()))?.transactions)
}

impl Past {
    pub(super) fn new(paths: &[PathBuf], split: Split) -> anyhow::Result<Self> {
        let mut recordings = Vec::new();
        for path in paths {
            match open_any(path)? {
                Playable::Recording(recording) => recordings.push(recording),
                Playable::State(_) => {
                    let text = format!(
                        "{} is a state with calls, not a past: give a recording",
                        path.display()
                    );
                    return Err(Usage(text).into());
                }
            }
        }
        Ok(Self { recordings, split })
    }

    /// Goes through the part that is learned from.
    pub(super) fn learned_from(
        &self,
        each: impl FnMut(&Evidence) -> anyhow::Result<()>,
    ) -> anyhow::Result<Seen> {
        self.read(true, each)
    }

    /// Goes through the rest.
    pub(super) fn rest(
        &self,
        each: impl FnMut(&Evidence) -> anyhow::Result<()>,
    ) -> anyhow::Result<Seen> {
        self.read(false, each)
    }

    /// What is kept of the part that is learned from.
    pub(super) fn observe(&self, protocol: &Protocol) -> anyhow::Result<(Vec<Observation>, Seen)> {
        let mut observations = Vec::new();
        let seen = self.learned_from(|evidence| {
            observations.extend(Observation::of(evidence, protocol));
            if observations.len() > OBSERVATIONS_MAX {
                bail!("more than {OBSERVATIONS_MAX} transactions: learn from a shorter recording");
            }
            Ok(())
        })?;
        Ok((observations, seen))
    }

    fn read(
        &self,
        past: bool,
        mut each: impl FnMut(&Evidence) -> anyhow::Result<()>,
    ) -> anyhow::Result<Seen> {
        let (mut index, mut seen) = (0, Seen::default());
        for recording in &self.recordings {
            let mut footage = Footage::new();
            for line in recording.lines() {
                let (_, line) = line?;
                let Ok(all) = footage.evidence(line) else {
                    seen.blind += 1;
                    continue;
                };
                for evidence in &all {
                    if self.split.is_past(index, evidence) == past {
                        seen.transactions += 1;
                        each(evidence)?;
                    }
                    index += 1;
                }
            }
        }
        Ok(seen)
    }
}
