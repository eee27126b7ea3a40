//! Back-ups of a journal, and copies from one database to the other.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use anyhow::Context as _;
use serde::Serialize;

use crate::{
    cli::{Ending, output::print_json},
    runner::now,
    store::{self, BackupHead, Journal},
};

/// How back-ups in a folder are called: `portcullis-UNIXSECONDS-RECORD.jsonl.zst`.
const PREFIX: &str = "portcullis-";
const SUFFIX: &str = ".jsonl.zst";
/// Seconds of a day.
const DAY_S: u64 = 86_400;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Done<'a> {
    place: &'a Path,
    #[serde(flatten)]
    head: BackupHead,
    /// Old back-ups that were removed.
    removed: Vec<PathBuf>,
}

pub(super) fn backup(
    journal: &Path,
    to: &Path,
    keep_days: Option<u32>,
    json: bool,
) -> anyhow::Result<Ending> {
    let journal = Journal::open_to_read(journal)?;
    let is_folder = to.is_dir();
    if keep_days.is_some() && !is_folder {
        let text =
            format!("--keep-days needs a folder, and {} is none: make it first", to.display());
        return Err(crate::cli::Usage(text).into());
    }
    let file = if is_folder {
        let seconds = now().0 / 1_000;
        to.join(format!("{PREFIX}{seconds}-{}{SUFFIX}", journal.last_seq().0))
    } else {
        to.to_owned()
    };
    let head = store::write_backup(&journal, &file)?;
    // Only when the new one is written and read again.
    let removed = match keep_days {
        Some(days) => remove_old(to, &file, days)?,
        None => Vec::new(),
    };
    show(&Done { place: &file, head, removed }, "backed up into", json)
}

/// Removes back-ups whose name says that they are older than `days`, and leaves everything else alone.
fn remove_old(folder: &Path, newest: &Path, days: u32) -> anyhow::Result<Vec<PathBuf>> {
    let oldest_s = SystemTime::now()
        .checked_sub(Duration::from_secs(u64::from(days) * DAY_S))
        .and_then(|oldest| oldest.duration_since(SystemTime::UNIX_EPOCH).ok())
        .map_or(0, |since| since.as_secs());
    let mut removed = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let middle = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(SUFFIX));
        let made_s = middle
            .and_then(|middle| middle.split_once('-'))
            .and_then(|(seconds, _)| seconds.parse::<u64>().ok());
        if made_s.is_some_and(|made_s| made_s < oldest_s) && path != newest {
            std::fs::remove_file(&path).with_context(|| {
                format!(
                    "{}: the old back-up is not removed, the new one is written",
                    path.display()
                )
            })?;
            removed.push(path);
        }
    }
    removed.sort();
    Ok(removed)
}

pub(super) fn restore(file: &Path, to: &Path, json: bool) -> anyhow::Result<Ending> {
    let head = store::restore(file, to)?;
    show(&Done { place: to, head, removed: Vec::new() }, "restored into", json)
}

pub(super) fn copy(from: &Path, to: &Path, json: bool) -> anyhow::Result<Ending> {
    let head = store::copy(from, to)?;
    show(&Done { place: to, head, removed: Vec::new() }, "copied into", json)
}

fn show(done: &Done<'_>, what: &str, json: bool) -> anyhow::Result<Ending> {
    if json {
        print_json(done)?;
        return Ok(Ending::Fine);
    }
    println!(
        "{what} {}: {} records, read again and in order\nhead: {}",
        done.place.display(),
        done.head.records,
        done.head.head
    );
    for path in &done.removed {
        println!("removed {}", path.display());
    }
    Ok(Ending::Fine)
}
