//! How much a journal takes, and how fast stores take entries in.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use portcullis_engine::Event;
use portcullis_types::chain::ChainEvent;
use serde::Serialize;

use crate::{
    cli::{Ending, output::print_json},
    store::{Body, Journal, Record},
};

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Sizes {
    records: u64,
    blocks: u64,
    body_bytes: u64,
    largest_body_bytes: u64,
    bytes_a_record: u64,
    bytes_a_block: u64,
    /// Size of the database file; none on `PostgreSQL`, which says it itself.
    file_bytes: Option<u64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Speed {
    store: String,
    entries: u64,
    entries_a_second: u64,
    micros_p50: u64,
    micros_p99: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Measured {
    sizes: Sizes,
    speeds: Vec<Speed>,
}

pub(super) fn measure(
    place: &Path,
    against: &[PathBuf],
    entries: u64,
    json: bool,
) -> anyhow::Result<Ending> {
    let journal = Journal::open_to_read(place)?;
    let sizes = sizes(&journal, place)?;
    let mut speeds = Vec::new();
    // On the disk of the journal, not in a folder that may be memory.
    let beside = place.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = tempfile::tempdir_in(beside.unwrap_or(Path::new(".")))?;
    let mut sqlite = Journal::create_or_open(&folder.path().join("measure.sqlite"))?;
    speeds.push(speed("SQLite, on the disk of this journal", &mut sqlite, &journal, entries)?);
    for path in against {
        if Journal::is_taken(path)? {
            let text = format!("{} holds records: give a schema that is not used", path.display());
            return Err(crate::cli::Usage(text).into());
        }
        let mut target = Journal::create_or_open(path)?;
        let name = format!("PostgreSQL, {}", path.display());
        speeds.push(speed(&name, &mut target, &journal, entries)?);
    }
    let measured = Measured { sizes, speeds };
    if json {
        print_json(&measured)?;
    } else {
        show(&measured);
    }
    Ok(Ending::Fine)
}

fn sizes(journal: &Journal, place: &Path) -> anyhow::Result<Sizes> {
    let mut sizes = Sizes::default();
    journal.each(|record| -> anyhow::Result<()> {
        let bytes = record.body.len() as u64;
        sizes.records += 1;
        sizes.body_bytes += bytes;
        sizes.largest_body_bytes = sizes.largest_body_bytes.max(bytes);
        if let Ok(Body::Event(event)) = record.parse()
            && let Event::Chain(ChainEvent::Committed { .. }) = *event
        {
            sizes.blocks += 1;
        }
        Ok(())
    })?;
    sizes.bytes_a_record = sizes.body_bytes.checked_div(sizes.records).unwrap_or_default();
    sizes.bytes_a_block = sizes.body_bytes.checked_div(sizes.blocks).unwrap_or_default();
    let is_file = place.extension().is_none_or(|ending| ending != "url");
    sizes.file_bytes =
        is_file.then(|| std::fs::metadata(place).map(|about| about.len()).ok()).flatten();
    Ok(sizes)
}

/// Writes the journal's own events again, over and over until there are enough: bodies of the lengths that occur.
fn speed(name: &str, to: &mut Journal, from: &Journal, entries: u64) -> anyhow::Result<Speed> {
    let mut micros = Vec::new();
    while (micros.len() as u64) < entries {
        let before = micros.len();
        let end = from.each(|record: Record| -> anyhow::Result<()> {
            if micros.len() as u64 >= entries {
                return Err(Enough.into());
            }
            if let Ok(Body::Event(event)) = record.parse() {
                let started = Instant::now();
                to.append(record.at, &event)?;
                micros.push(u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX));
            }
            Ok(())
        });
        match end {
            Err(error) if !error.is::<Enough>() => return Err(error),
            _ => {}
        }
        if micros.len() == before {
            break;
        }
    }
    let total: u64 = micros.iter().sum();
    micros.sort_unstable();
    let at = |percent: usize| {
        micros.get((micros.len() * percent / 100).min(micros.len().saturating_sub(1))).copied()
    };
    let written = micros.len() as u64;
    Ok(Speed {
        store: name.to_owned(),
        entries: written,
        entries_a_second: (written * 1_000_000).checked_div(total).unwrap_or_default(),
        micros_p50: at(50).unwrap_or_default(),
        micros_p99: at(99).unwrap_or_default(),
    })
}

/// Ends the reading of a journal early.
#[derive(Debug, thiserror::Error)]
#[error("enough entries were written")]
struct Enough;

fn show(measured: &Measured) {
    let sizes = &measured.sizes;
    println!(
        "{} records, {} blocks: {} bytes of bodies, {} a record, {} a block, the largest {}",
        sizes.records,
        sizes.blocks,
        sizes.body_bytes,
        sizes.bytes_a_record,
        sizes.bytes_a_block,
        sizes.largest_body_bytes
    );
    if let Some(bytes) = sizes.file_bytes {
        println!("the file has {bytes} bytes");
    }
    for one in &measured.speeds {
        println!(
            "{}: {} entries, {} a second, p50 {} µs, p99 {} µs",
            one.store, one.entries, one.entries_a_second, one.micros_p50, one.micros_p99
        );
    }
}
