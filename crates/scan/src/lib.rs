//! Attacks on anybody: victims and attackers are inferred from one transaction's Evidence.
//!
//! Where a protocol's owners have said nothing, no invariant is known and nothing may act on what is said here. What is
//! left is what a thief's transaction looks like: who ends up richer without paying, whose call tree bends around a
//! price, who is entered again before the books are written.

mod entry;
mod history;
mod loss;
mod picture;
mod prices;
mod rates;
mod signals;
mod suspicion;
mod verdict;
mod vocabulary;

pub use prices::{Price, ScanConfig};
pub use suspicion::{AttackClass, Level, Loss, Signal, Suspicion};

use portcullis_types::evidence::Evidence;

use crate::{history::History, picture::Picture, prices::Prices, vocabulary::Vocabulary};

/// Looks at one transaction after the other, in the order of the chain.
#[derive(Debug)]
pub struct Scanner {
    vocabulary: Vocabulary,
    prices: Prices,
    history: History,
}

impl Default for Scanner {
    fn default() -> Self {
        Self::with(&ScanConfig::default())
    }
}

impl Scanner {
    /// A scanner that has seen nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A scanner that has been told something.
    pub fn with(config: &ScanConfig) -> Self {
        let (vocabulary, prices) = (Vocabulary::default(), Prices::new(config));
        Self { vocabulary, prices, history: History::default() }
    }

    /// The fused e-value of a transaction and all signals behind it, however weak: for tuning and for explaining a
    /// silence. Remembers nothing.
    pub fn weigh(&self, evidence: &Evidence) -> (f64, Vec<Signal>) {
        let picture = Picture::new(evidence, &self.vocabulary, &self.prices, &self.history);
        let weighed = verdict::weigh(&picture);
        (weighed.e_value, weighed.sightings.iter().map(verdict::signal).collect())
    }

    /// What is suspicious about a transaction; none if nothing is.
    pub fn inspect(&mut self, evidence: &Evidence) -> Option<Suspicion> {
        let root = evidence.frames.first()?;
        // Most transactions pay or transfer and do nothing else.
        let plain = evidence.frames.len() == 1 && root.input_length <= 68;
        let found = if evidence.success && !plain {
            let picture = Picture::new(evidence, &self.vocabulary, &self.prices, &self.history);
            verdict::of(&picture)
        } else {
            None
        };
        if evidence.frames.len() > 1 {
            self.history.note(root.to, evidence.from);
        }
        found
    }
}

#[cfg(test)]
mod tests;
