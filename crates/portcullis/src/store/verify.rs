//! Checks of a journal: nothing was changed, and the decisions in it follow from the events in it.

use std::io::{BufRead, Write};

use alloy_primitives::B256;
use portcullis_engine::Engine;
use portcullis_types::ids::Seq;
use serde::Serialize;

use super::{
    chain::{BrokenChain, Walk},
    error::StoreError,
    journal::Journal,
    record::{Body, Record},
};

/// Longest line of an exported journal, in bytes.
pub(super) const LINE_BYTES_MAX: usize = 256 << 20;

/// Why a journal is not to be trusted.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
    /// The chain does not hold.
    #[error(transparent)]
    Broken(#[from] BrokenChain),
    /// The archive that the journal begins with is not the one that was sealed.
    #[error("{0}")]
    Archive(StoreError),
    /// The end does not fit what the caller knows.
    #[error(
        "the journal ends with {found}, not with {expected}: its end was cut off or written anew"
    )]
    Head {
        /// As stored.
        found: B256,
        /// As the caller knows it.
        expected: B256,
    },
    /// A record cannot be understood.
    #[error("{0}; use the version of portcullis that wrote it, or restore a backup")]
    Unreadable(String),
    /// The recorded answer is not the one that follows from the events.
    #[error(
        "the answer recorded for event {of} is not what these events lead to; it was written by another version ({version}) or is not genuine"
    )]
    Diverged {
        /// Which event.
        of: Seq,
        /// Version that was running.
        version: String,
    },
}

/// What a check found to be in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    /// Records.
    pub records: u64,
    /// Answers that were computed again and found equal, byte for byte.
    pub outputs: u64,
    /// Decisions among them.
    pub decisions: u64,
    /// Hash of the last record.
    pub head: B256,
}

impl From<StoreError> for VerifyError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Broken { source, .. } => Self::Broken(source),
            error @ StoreError::Archive { .. } => Self::Archive(error),
            error => Self::Store(error),
        }
    }
}

/// Checks the hash chain alone, and that an archive is the file that was sealed.
///
/// # Errors
/// The first record that does not fit.
pub fn verify_chain(journal: &Journal, expected_head: Option<B256>) -> Result<B256, VerifyError> {
    journal.check_archive()?;
    let mut found = journal.anchor().map_or(B256::ZERO, |anchor| anchor.hash);
    journal.each(|record| {
        found = record.hash;
        Ok::<(), VerifyError>(())
    })?;
    match expected_head {
        Some(expected) if expected != found => Err(VerifyError::Head { found, expected }),
        _ => Ok(found),
    }
}

/// Checks the hash chain and steps a fresh engine through all events: every recorded answer must be what the events
/// lead to, byte for byte.
///
/// # Errors
/// The first record that does not fit.
pub fn replay_check(journal: &Journal) -> Result<Verified, VerifyError> {
    let mut check = Replay::default();
    journal.each(|record| check.record(&record))?;
    Ok(check.finish())
}

#[derive(Default)]
struct Replay {
    walk: Walk,
    engine: Engine,
    version: String,
    /// The answer to the last event, if people must be able to read it: the next record must hold it.
    due: Option<(Seq, String)>,
    outputs: u64,
    decisions: u64,
}

impl Replay {
    fn record(&mut self, record: &Record) -> Result<(), VerifyError> {
        self.walk.check(record)?;
        match record.parse().map_err(VerifyError::Unreadable)? {
            Body::Output(recorded) => {
                let fits = self.due.take().is_some_and(|(_, body)| body == record.body);
                if !fits {
                    return Err(self.diverged(recorded.of));
                }
                self.outputs += 1;
                let decided = |event: &&_| {
                    matches!(event, portcullis_types::case_event::CaseEvent::Decided { .. })
                };
                self.decisions += recorded.output.case_events.iter().filter(decided).count() as u64;
                Ok(())
            }
            Body::Event(event) => {
                if let Some((of, _)) = self.due.take() {
                    return Err(self.diverged(of));
                }
                if let portcullis_engine::Event::Started { version, .. } = &*event {
                    self.version.clone_from(version);
                }
                let entry =
                    portcullis_engine::Entry { seq: record.seq, at: record.at, event: *event };
                let output = self
                    .engine
                    .step(&entry)
                    .map_err(|error| VerifyError::Unreadable(error.to_string()))?;
                if output.is_notable() {
                    let recorded = super::record::RecordedOutput { of: record.seq, output };
                    let body = serde_json::to_string(&recorded).map_err(StoreError::from)?;
                    self.due = Some((record.seq, body));
                }
                Ok(())
            }
        }
    }

    fn diverged(&self, of: Seq) -> VerifyError {
        VerifyError::Diverged { of, version: self.version.clone() }
    }

    fn finish(self) -> Verified {
        // A crash between an event and its answer leaves the last answer unwritten; the next start writes it.
        Verified {
            records: self.walk.last().0,
            outputs: self.outputs,
            decisions: self.decisions,
            head: self.walk.head(),
        }
    }
}

/// Writes every record as a JSON line.
///
/// # Errors
/// The store's, or the writer's.
pub fn export(journal: &Journal, to: &mut dyn Write) -> anyhow::Result<u64> {
    let mut count = 0;
    journal.each(|record| -> anyhow::Result<()> {
        serde_json::to_writer(&mut *to, &record)?;
        to.write_all(b"\n")?;
        count += 1;
        Ok(())
    })?;
    to.flush()?;
    Ok(count)
}

/// Checks an exported journal: chain and answers.
///
/// # Errors
/// The first line that does not fit.
pub fn read_export(from: impl BufRead) -> Result<Verified, VerifyError> {
    read_lines(from.lines())
}

/// The same for the lines of one.
pub(super) fn read_lines(
    lines: impl Iterator<Item = std::io::Result<String>>,
) -> Result<Verified, VerifyError> {
    let mut check = Replay::default();
    for (index, line) in lines.enumerate() {
        let number = index + 1;
        let line =
            line.map_err(|error| VerifyError::Unreadable(format!("line {number}: {error}")))?;
        if line.len() > LINE_BYTES_MAX {
            return Err(VerifyError::Unreadable(format!("line {number} is too long")));
        }
        let record: Record = serde_json::from_str(&line)
            .map_err(|error| VerifyError::Unreadable(format!("line {number}: {error}")))?;
        check.record(&record)?;
    }
    Ok(check.finish())
}
