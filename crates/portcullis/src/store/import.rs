//! Taking records in from elsewhere, unchanged: all of them or none.

use alloy_primitives::B256;
use portcullis_types::ids::{Millis, Seq};

use super::{
    archive::Anchor,
    chain::{BrokenChain, Walk},
    error::StoreError,
    journal::{Backend, Journal},
    record::Record,
};

/// Most records that go to the database at once.
const BATCH_RECORDS_MAX: usize = 256;
/// Most bytes of bodies that go to the database at once; one record may be longer.
const BATCH_BYTES_MAX: usize = 4 << 20;

/// Why records were not taken in. Nothing of them is in the journal.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// They do not follow from each other.
    #[error(transparent)]
    Broken(#[from] BrokenChain),
    /// They end with another record than they should.
    #[error("the records end with {found}, not with {expected}: some are missing at the end")]
    Head {
        /// As found.
        found: B256,
        /// As promised.
        expected: B256,
    },
}

/// Records on their way into an empty journal, in one transaction. Dropped without [`Import::finish`], it leaves nothing.
#[derive(Debug)]
pub struct Import<'a> {
    journal: &'a mut Journal,
    walk: Walk,
    batch: Vec<Record>,
    batch_bytes: usize,
    last_at: Millis,
    is_open: bool,
    /// Where the journal begins, if its older part is archived.
    anchor: Option<Anchor>,
}

impl<'a> Import<'a> {
    pub(super) fn begin(journal: &'a mut Journal) -> Result<Self, StoreError> {
        match journal.backend() {
            Backend::Sqlite(sqlite) => sqlite.run("BEGIN IMMEDIATE")?,
            Backend::Postgres(postgres) => postgres.begin()?,
        }
        Ok(Self {
            journal,
            walk: Walk::default(),
            batch: Vec::new(),
            batch_bytes: 0,
            last_at: Millis(0),
            is_open: true,
            anchor: None,
        })
    }

    /// Records that follow an archive.
    pub(super) fn begin_behind(
        journal: &'a mut Journal,
        anchor: Anchor,
    ) -> Result<Self, StoreError> {
        let mut import = Self::begin(journal)?;
        match import.journal.backend() {
            Backend::Sqlite(sqlite) => sqlite.set_anchor(&anchor)?,
            Backend::Postgres(postgres) => postgres.set_anchor(anchor.clone())?,
        }
        import.walk = Walk::behind(anchor.seq, anchor.hash);
        import.last_at = anchor.at;
        import.anchor = Some(anchor);
        Ok(import)
    }

    /// Takes the next record.
    ///
    /// # Errors
    /// It does not follow from the one before, or the store refuses.
    pub fn push(&mut self, record: Record) -> Result<(), ImportError> {
        self.walk.check(&record)?;
        self.last_at = record.at;
        self.batch_bytes += record.body.len();
        self.batch.push(record);
        if self.batch.len() >= BATCH_RECORDS_MAX || self.batch_bytes >= BATCH_BYTES_MAX {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        let batch = std::mem::take(&mut self.batch);
        self.batch_bytes = 0;
        match self.journal.backend() {
            Backend::Sqlite(sqlite) => batch.iter().try_for_each(|record| sqlite.insert(record)),
            Backend::Postgres(postgres) => postgres.insert_many(batch),
        }
    }

    /// Makes everything durable at once, if it ends with `expected`. Gives back how many records there are.
    ///
    /// # Errors
    /// The end is another one, or the store refuses; nothing was taken in.
    pub fn finish(mut self, expected: B256) -> Result<Seq, ImportError> {
        let (head, last) = (self.walk.head(), self.walk.last());
        if head != expected {
            return Err(ImportError::Head { found: head, expected });
        }
        self.flush()?;
        match self.journal.backend() {
            Backend::Sqlite(sqlite) => sqlite.run("COMMIT")?,
            Backend::Postgres(postgres) => postgres.commit()?,
        }
        self.is_open = false;
        self.journal.imported(head, self.last_at, last, self.anchor.take())?;
        Ok(last)
    }
}

impl Drop for Import<'_> {
    fn drop(&mut self) {
        if !self.is_open {
            return;
        }
        let undone = match self.journal.backend() {
            Backend::Sqlite(sqlite) => sqlite.run("ROLLBACK"),
            Backend::Postgres(postgres) => postgres.roll_back(),
        };
        if let Err(error) = undone {
            // The database undoes it by itself when the connection ends.
            tracing::warn!(%error, "records that were not taken in wholly are left to the database to undo");
        }
    }
}
