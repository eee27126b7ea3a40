//! `portcullis journal verify|export|backup|restore|copy|archive|measure`.

mod copies;
mod measure;

use std::{io::BufReader, path::PathBuf};

use alloy_primitives::B256;
use clap::{Args, Subcommand};

use super::{Ending, JournalArgs, output::print_json};
use crate::{
    config::war::evidence_beside,
    store::{self, Journal, Verified, VerifyError},
};

/// Where what lies beside a journal is.
#[derive(Debug, Clone, Args)]
pub(crate) struct BesideArgs {
    /// Folder of evidence that people handed in. Default: the one of the configuration; `JOURNAL.evidence`.
    #[arg(long)]
    evidence: Option<PathBuf>,
    /// The outbox. Default: the one of the configuration; `JOURNAL.outbox` where only the journal is given.
    #[arg(long)]
    outbox: Option<PathBuf>,
}

/// What to do with the journal.
#[derive(Debug, Subcommand)]
pub(crate) enum JournalCommand {
    /// Check that nothing was changed and that the decisions follow from the events, byte for byte.
    Verify {
        #[command(flatten)]
        place: JournalArgs,
        /// Hash of the last record as you know it: shows whether the end was cut off.
        #[arg(long)]
        expect_head: Option<B256>,
        /// Check an exported journal or a back-up instead.
        #[arg(long, conflicts_with_all = ["journal", "expect_head"])]
        file: Option<PathBuf>,
    },
    /// Write every record as a JSON line.
    Export {
        #[command(flatten)]
        place: JournalArgs,
        /// File to write. Default: standard output.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Write a back-up: every record, evidence that people handed in, and the outbox, compressed, with the hash it must end
    /// with. All of it may be in use.
    Backup {
        #[command(flatten)]
        place: JournalArgs,
        #[command(flatten)]
        beside: BesideArgs,
        /// File to write; nothing is written over. For a folder, a file is named after the time and the last record.
        file: PathBuf,
        /// In a folder, back-ups older than this are removed afterwards, but never the newest.
        #[arg(long)]
        keep_days: Option<u32>,
    },
    /// Put a back-up into a journal that is not there yet. All of it is checked before anything is made.
    Restore {
        /// The back-up.
        file: PathBuf,
        #[command(flatten)]
        place: JournalArgs,
        #[command(flatten)]
        beside: BesideArgs,
    },
    /// Copy a journal, also from `SQLite` to `PostgreSQL` or back. Stop the program that writes to it first.
    Copy {
        /// From this journal.
        from: PathBuf,
        /// To this one, which is not there yet.
        to: PathBuf,
    },
    /// Move old records into a sealed, compressed file and begin a new journal behind it, which needs that file. The journal
    /// stays as it is. Stop the program that writes to it first.
    Archive {
        /// The new journal, which is not there yet. The archive is written beside it, with the ending `archive.jsonl.zst`.
        to: PathBuf,
        /// Records older than this go, but never those of a case that is open or in which anything happened since, nor any
        /// behind them.
        #[arg(long)]
        older_than_days: u32,
        #[command(flatten)]
        place: JournalArgs,
    },
    /// Say how many bytes records take, and how many a store takes in within a second.
    Measure {
        #[command(flatten)]
        place: JournalArgs,
        /// Address files of `PostgreSQL` schemas that are not used yet: the same entries are written there too.
        #[arg(long)]
        against: Vec<PathBuf>,
        /// Entries to write, one by one, each durable before the next.
        #[arg(long, default_value_t = 1_000)]
        entries: u64,
    },
}

pub(crate) fn journal(command: &JournalCommand, json: bool) -> anyhow::Result<Ending> {
    match command {
        JournalCommand::Verify { place, expect_head, file } => {
            let result = if let Some(path) = file {
                verify_file(path)?
            } else {
                let journal = Journal::open_to_read(&place.path()?)?;
                store::verify_chain(&journal, *expect_head)
                    .and_then(|_| store::replay_check(&journal))
            };
            show(result, json)
        }
        JournalCommand::Export { place, out } => {
            let journal = Journal::open_to_read(&place.path()?)?;
            let records = match out {
                Some(path) => {
                    let file = std::fs::File::create(path)
                        .map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))?;
                    store::export(&journal, &mut std::io::BufWriter::new(file))?
                }
                None => store::export(&journal, &mut std::io::stdout().lock())?,
            };
            eprintln!("{records} records, head {}", journal.head());
            Ok(Ending::Fine)
        }
        JournalCommand::Backup { place, beside, file, keep_days } => {
            let (journal, beside) = beside.places(place)?;
            copies::backup(&journal, &beside, file, *keep_days, json)
        }
        JournalCommand::Restore { file, place, beside } => {
            let (journal, beside) = beside.places(place)?;
            copies::restore(file, &journal, &beside, json)
        }
        JournalCommand::Archive { to, older_than_days, place } => {
            copies::archive(&place.path()?, to, *older_than_days, json)
        }
        JournalCommand::Copy { from, to } => copies::copy(from, to, json),
        JournalCommand::Measure { place, against, entries } => {
            measure::measure(&place.path()?, against, *entries, json)
        }
    }
}

impl BesideArgs {
    /// The journal, and what lies beside it.
    fn places(&self, place: &JournalArgs) -> anyhow::Result<(PathBuf, store::Beside)> {
        let (journal, evidence, outbox) = if let Some(journal) = &place.journal {
            let mut outbox = journal.as_os_str().to_owned();
            outbox.push(".outbox");
            (journal.clone(), evidence_beside(journal), Some(PathBuf::from(outbox)))
        } else {
            let config = super::load_config(&place.config)?;
            let evidence = config.war.map(|war| war.evidence);
            let evidence = evidence.unwrap_or_else(|| evidence_beside(&config.journal));
            (config.journal, evidence, config.notify.map(|notify| notify.outbox))
        };
        let evidence = Some(self.evidence.clone().unwrap_or(evidence));
        Ok((journal, store::Beside { evidence, outbox: self.outbox.clone().or(outbox) }))
    }
}

fn verify_file(path: &PathBuf) -> anyhow::Result<Result<Verified, VerifyError>> {
    if store::is_backup(path).unwrap_or(false) {
        return match store::replay_backup(path) {
            Ok(result) => Ok(result),
            Err(error @ store::BackupError::Damaged { .. }) => {
                Ok(Err(VerifyError::Unreadable(error.to_string())))
            }
            Err(error) => Err(error.into()),
        };
    }
    let file = std::fs::File::open(path)
        .map_err(|error| anyhow::anyhow!("{}: {error}; check the path", path.display()))?;
    Ok(store::read_export(BufReader::new(file)))
}

fn show(result: Result<Verified, VerifyError>, json: bool) -> anyhow::Result<Ending> {
    match result {
        Ok(verified) if json => {
            print_json(&serde_json::json!({ "verified": true, "journal": verified }))?;
            Ok(Ending::Fine)
        }
        Ok(verified) => {
            println!(
                "verified: {} records, {} answers computed again and equal, {} decisions\nhead: {}",
                verified.records, verified.outputs, verified.decisions, verified.head
            );
            Ok(Ending::Fine)
        }
        Err(VerifyError::Store(error)) => Err(error.into()),
        Err(error) => {
            if json {
                print_json(&serde_json::json!({ "verified": false, "why": error.to_string() }))?;
            } else {
                println!("NOT verified: {error}");
            }
            Ok(Ending::NotInOrder)
        }
    }
}
