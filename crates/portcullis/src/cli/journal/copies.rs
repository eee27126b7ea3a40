//! Back-ups of a journal, copies from one database to the other, and archives.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use anyhow::Context as _;
use portcullis_types::ids::Millis;
use serde::Serialize;

use crate::{
    cli::{Ending, output::print_json},
    runner::now,
    store::{self, BackedUp, BackupHead, Beside, Journal},
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
    /// Evidence whose bytes are not those of its name any more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    damaged: Vec<String>,
    /// Where evidence and outbox are, or came to.
    #[serde(skip_serializing_if = "Option::is_none")]
    beside: Option<Places<'a>>,
}

#[derive(Debug, Serialize)]
struct Places<'a> {
    evidence: Option<&'a Path>,
    outbox: Option<&'a Path>,
}

impl<'a> Places<'a> {
    fn of(beside: &'a Beside, head: &BackupHead) -> Option<Self> {
        let Beside { evidence, outbox } = beside;
        let is_there = |path: &&PathBuf| path.exists();
        let there =
            |path: &'a Option<PathBuf>| path.as_ref().filter(is_there).map(PathBuf::as_path);
        (head.files > 0).then(|| Self { evidence: there(evidence), outbox: there(outbox) })
    }
}

pub(super) fn backup(
    journal: &Path,
    beside: &Beside,
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
    let BackedUp { head, damaged } = store::write_backup_with(&journal, beside, &file)?;
    // Only when the new one is written and read again.
    let removed = match keep_days {
        Some(days) => remove_old(to, &file, days)?,
        None => Vec::new(),
    };
    let beside = Places::of(beside, &head);
    show(&Done { place: &file, head, removed, damaged, beside }, "backed up into", json)
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

pub(super) fn restore(
    file: &Path,
    to: &Path,
    beside: &Beside,
    json: bool,
) -> anyhow::Result<Ending> {
    let head = store::restore_with(file, to, beside)?;
    let beside = Places::of(beside, &head);
    let done = Done { place: to, head, removed: Vec::new(), damaged: Vec::new(), beside };
    show(&done, "restored into", json)
}

pub(super) fn copy(from: &Path, to: &Path, json: bool) -> anyhow::Result<Ending> {
    let head = store::copy(from, to)?;
    let done = Done { place: to, head, removed: Vec::new(), damaged: Vec::new(), beside: None };
    show(&done, "copied into", json)
}

pub(super) fn archive(from: &Path, to: &Path, days: u32, json: bool) -> anyhow::Result<Ending> {
    let before = Millis(now().0.saturating_sub(u64::from(days) * DAY_S * 1_000));
    let last = {
        let journal = Journal::open_to_read(from)?;
        store::verify_chain(&journal, None)?;
        store::cut(&journal, before)?
    };
    let Some(last) = last else {
        if json {
            print_json(&serde_json::json!({ "archived": 0 }))?;
        } else {
            println!(
                "nothing to archive: no record is older than {days} days, or a case that is open or younger begins before it"
            );
        }
        return Ok(Ending::Fine);
    };
    let archived = store::archive(from, to, last)?;
    if json {
        print_json(&archived)?;
        return Ok(Ending::Fine);
    }
    println!(
        "archived {} records into {}, {} bytes; {} records are in {}\nhead: {}, as before\n\
         Set `journal` to the new one and start. It needs the archive beside it: back both up. {} is as it was; keep it until \
         `portcullis journal verify` says that the new one is in order.",
        archived.archived,
        archived.archive.display(),
        archived.archive_bytes,
        archived.kept,
        to.display(),
        archived.head,
        from.display()
    );
    Ok(Ending::Fine)
}

fn show(done: &Done<'_>, what: &str, json: bool) -> anyhow::Result<Ending> {
    // The copy is whole; what was copied is not in order.
    let ending = if done.damaged.is_empty() { Ending::Fine } else { Ending::NotInOrder };
    if json {
        print_json(done)?;
        return Ok(ending);
    }
    println!(
        "{what} {}: {} records, read again and in order\nhead: {}",
        done.place.display(),
        done.head.records,
        done.head.head
    );
    if let Some(Places { evidence, outbox }) = &done.beside {
        let shown =
            |path: Option<&Path>| path.map_or("none".to_owned(), |p| p.display().to_string());
        println!(
            "with {} files: evidence {}, outbox {}",
            done.head.files,
            shown(*evidence),
            shown(*outbox)
        );
    }
    for name in &done.damaged {
        println!("DAMAGED evidence, saved as it is: {name} does not have the hash of its name");
    }
    for path in &done.removed {
        println!("removed {}", path.display());
    }
    Ok(ending)
}
