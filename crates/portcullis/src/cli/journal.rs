//! `portcullis journal verify|export`.

use std::{io::BufReader, path::PathBuf};

use alloy_primitives::B256;
use clap::Subcommand;

use super::{Ending, JournalArgs, output::print_json};
use crate::store::{self, Journal, Verified, VerifyError};

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
        /// Check an exported journal instead.
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
    }
}

fn verify_file(path: &PathBuf) -> anyhow::Result<Result<Verified, VerifyError>> {
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
