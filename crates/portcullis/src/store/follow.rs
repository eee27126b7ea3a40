//! Reads behind a journal that another part of the program, or another process, writes.

use std::path::Path;

use super::{
    chain::Walk,
    record::Record,
    sqlite::{Journal, StoreError},
};

/// A reader that remembers how far it came. Every record is checked against the hash chain from the first one on.
pub struct Follower {
    journal: Journal,
    walk: Walk,
}

impl Follower {
    /// Begins before the first record.
    ///
    /// # Errors
    /// [`StoreError`]: not there, not ours, damaged.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { journal: Journal::open_to_read(path)?, walk: Walk::default() })
    }

    /// The next records, at most `most`; none if there are no more yet.
    ///
    /// # Errors
    /// [`StoreError`]: it cannot be read (try again), or a record does not follow from the one before (do not).
    pub fn read(&mut self, most: u32) -> Result<Vec<Record>, StoreError> {
        let records = self.journal.after(self.walk.last(), most)?;
        for record in &records {
            let broken =
                |source| StoreError::Broken { path: self.journal.path().to_owned(), source };
            self.walk.check(record).map_err(broken)?;
        }
        Ok(records)
    }
}

#[cfg(test)]
mod tests {
    use portcullis_engine::Event;
    use portcullis_types::ids::{Millis, Seq};

    use super::*;

    #[test]
    fn what_is_written_is_read_once_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j.sqlite");
        let mut journal = Journal::create_or_open(&path).unwrap();
        let mut follower = Follower::open(&path).unwrap();
        assert!(follower.read(10).unwrap().is_empty());
        for at in 1..=5 {
            journal.append(Millis(at), &Event::Tick).unwrap();
        }
        let seqs = |records: Vec<Record>| records.iter().map(|one| one.seq).collect::<Vec<_>>();
        assert_eq!(seqs(follower.read(3).unwrap()), [Seq(1), Seq(2), Seq(3)]);
        assert_eq!(seqs(follower.read(3).unwrap()), [Seq(4), Seq(5)]);
        assert!(follower.read(3).unwrap().is_empty());
    }
}
