//! The way to the desk without the console: a folder beside the journal, for when nothing else works at three in the morning.
//!
//! `portcullis case say` puts one file in for each word and waits for the answer beside it. Whoever can write there is the
//! user under whom the program runs, who could as well write the journal; that the name is in the roster is all that is
//! looked at. A word is taken out before it is said: after a crash in between it is not said twice, and who waits is told to
//! look.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use portcullis_case::Roster;
use portcullis_types::ids::Seq;
use serde::{Deserialize, Serialize};

use super::desk::{Code, Desk, Order, Refused, Who};

/// Time between two looks into the folder.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Most files that are taken at one look.
const FILES_A_LOOK_MAX: usize = 32;
/// Longest file, bytes.
const FILE_BYTES_MAX: u64 = 65_536;
/// How long a word waits for its answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// One word.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Letter {
    who: Who,
    order: Order,
}

/// The answer to one.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Reply {
    /// It is in the journal.
    Taken(Seq),
    /// It is not.
    Refused(Refused),
}

fn folder(journal: &Path) -> PathBuf {
    let mut name = journal.as_os_str().to_owned();
    name.push(".orders");
    name.into()
}

fn put(path: &Path, value: &impl Serialize) -> std::io::Result<()> {
    let draft = path.with_extension("draft");
    fs::write(&draft, serde_json::to_vec(value)?)?;
    fs::rename(&draft, path)
}

/// Says something to the running program, and waits for its answer.
///
/// # Errors
/// The folder cannot be used, or nothing answers.
pub fn say(journal: &Path, who: Who, order: Order) -> anyhow::Result<Result<Seq, Refused>> {
    let folder = folder(journal);
    super::spool::make_private(&folder).with_context(|| folder.display().to_string())?;
    let letter = Letter { who, order };
    let (at, process) = (super::now().0, std::process::id());
    let name = alloy_primitives::keccak256(format!("{letter:?}{at}{process}"));
    let (order, answer) =
        (folder.join(format!("{name}.order")), folder.join(format!("{name}.answer")));
    put(&order, &letter).with_context(|| order.display().to_string())?;
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if answer.exists() {
            let reply: Reply = serde_json::from_slice(&fs::read(&answer)?)?;
            // Left there it would only be in the way.
            let _left = fs::remove_file(&answer);
            return Ok(match reply {
                Reply::Taken(seq) => Ok(seq),
                Reply::Refused(refused) => Err(refused),
            });
        }
        std::thread::sleep(LOOK_EVERY / 2);
    }
    let _taken = fs::remove_file(&order);
    anyhow::bail!(
        "nothing answered in {} s: is `portcullis run` running with this journal? `portcullis case show` says whether the \
         word was taken",
        PATIENCE.as_secs()
    )
}

/// Looks into the folder until the program ends.
pub(crate) fn watch(journal: &Path, desk: Desk, roster: Option<Roster>) {
    let folder = folder(journal);
    tokio::spawn(async move {
        // What was taken out by a process that ended was said, or it was not: the journal knows.
        for path in files(&folder, "taken") {
            let why = "the program ended while this was being said";
            let remedy = "look at the case, and say it again if it is not there";
            answer(&path, &Reply::Refused(Refused::new(Code::Conflict, why, remedy)));
        }
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            for path in files(&folder, "order") {
                let taken = path.with_extension("taken");
                if let Err(error) = fs::rename(&path, &taken) {
                    tracing::warn!(file = %path.display(), %error, "it cannot be taken out");
                    continue;
                }
                let reply = match read(&taken) {
                    Ok(letter) => heard(&desk, roster.as_ref(), letter).await,
                    Err(why) => {
                        let remedy = "hand it in with `portcullis case say`";
                        Reply::Refused(Refused::new(Code::Invalid, why, remedy))
                    }
                };
                answer(&taken, &reply);
            }
        }
    });
}

async fn heard(desk: &Desk, roster: Option<&Roster>, letter: Letter) -> Reply {
    let name = &letter.who.name;
    if roster.is_none_or(|roster| roster.person(name).is_none()) {
        let why = format!("`{}` is not in the roster", portcullis_types::text::printable(name));
        let remedy = "name one who is (`war.roster` in the configuration)";
        return Reply::Refused(Refused::new(Code::Invalid, why, remedy));
    }
    match desk.say(letter.who, letter.order).await {
        Ok(seq) => Reply::Taken(seq),
        Err(refused) => Reply::Refused(refused),
    }
}

fn answer(taken: &Path, reply: &Reply) {
    let path = taken.with_extension("answer");
    let done = put(&path, reply).and_then(|()| fs::remove_file(taken));
    if let Err(error) = done {
        tracing::warn!(file = %taken.display(), %error, "it cannot be answered: remove it");
    }
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let is_it = |path: &PathBuf| path.extension().is_some_and(|of| of == ending);
    let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
    let mut files: Vec<PathBuf> = paths.filter(is_it).take(FILES_A_LOOK_MAX).collect();
    files.sort();
    files
}

fn read(path: &Path) -> Result<Letter, String> {
    // Links are not followed, and what is no plain file is not opened.
    let about = fs::symlink_metadata(path).map_err(|error| error.to_string())?;
    if !about.is_file() || about.len() > FILE_BYTES_MAX {
        return Err(format!("it is no plain file of at most {FILE_BYTES_MAX} bytes"));
    }
    let mut text = String::new();
    let file = fs::File::open(path).map_err(|error| error.to_string())?;
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map_err(|error| error.to_string())
}
