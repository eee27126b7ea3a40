//! Signatures of guardians on their way from `portcullis approve` to the running program: a folder beside the journal.
//!
//! The journal has one writer, so `approve` cannot write to it. It puts a small file into the folder `<journal>.approvals`, under
//! another name first, and moves it into place; `run` looks there every second. **Nothing in a file is believed**: it
//! counts if it holds a guardian's signature for something that is asked for now, which the engine says without changing
//! anything; only then is it journaled. Whoever can write there can do no more than have files read and thrown away, at most
//! [`FILES_A_LOOK_MAX`] of [`FILE_BYTES_MAX`] bytes a second, by a task of its own. Links, pipes and devices are not opened.

use std::{
    fs::{self, OpenOptions},
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use portcullis_types::approval::Approval;
use tokio::sync::{mpsc, oneshot};

/// Largest file that is read, bytes. An approval has about 400.
pub const FILE_BYTES_MAX: u64 = 4_096;
/// Most files that are read in one look.
pub const FILES_A_LOOK_MAX: usize = 64;
/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How files end that are ready to be read.
const ENDING: &str = "approval";

/// An approval from the folder, and whom to tell that it was looked at.
pub(crate) struct Signed {
    pub(crate) approval: Approval,
    pub(crate) seen: oneshot::Sender<()>,
}

/// The folder of a journal.
pub fn folder(journal: &Path) -> PathBuf {
    let mut name = journal.as_os_str().to_owned();
    name.push(".approvals");
    name.into()
}

/// Hands an approval over; gives back the file that vanishes once it was looked at.
///
/// # Errors
/// The folder or the file cannot be made.
pub fn hand_over(journal: &Path, approval: &Approval) -> std::io::Result<PathBuf> {
    let folder = folder(journal);
    make_private(&folder)?;
    let hash = alloy_primitives::keccak256(serde_json::to_vec(approval)?);
    let (draft, ready) =
        (folder.join(format!("{hash}.draft")), folder.join(format!("{hash}.{ENDING}")));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&draft)?;
    file.write_all(&serde_json::to_vec(approval)?)?;
    file.sync_all()?;
    fs::rename(&draft, &ready)?;
    Ok(ready)
}

#[cfg(unix)]
pub(super) fn make_private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
pub(super) fn make_private(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)
}

/// Files of the folder that may be approvals, in the order of their names, at most [`FILES_A_LOOK_MAX`].
fn waiting(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let is_ready = |path: &PathBuf| path.extension().is_some_and(|ending| ending == ENDING);
    let mut files: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(is_ready)
        .take(FILES_A_LOOK_MAX)
        .collect();
    files.sort();
    files
}

/// What is in a file, if it is a plain file with an approval.
fn read(path: &Path) -> Result<Approval, String> {
    // Links are not followed, and what is no plain file is not opened: a pipe would never end.
    let about = fs::symlink_metadata(path).map_err(|error| error.to_string())?;
    if !about.is_file() || about.len() > FILE_BYTES_MAX {
        return Err(format!("it is no plain file of at most {FILE_BYTES_MAX} bytes"));
    }
    let file = fs::File::open(path).map_err(|error| error.to_string())?;
    let mut text = String::new();
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

/// Looks into the folder until the program ends.
pub(crate) fn watch(journal: &Path, to: mpsc::Sender<Signed>) {
    let folder = folder(journal);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let of = folder.clone();
            let look = move || -> Vec<(PathBuf, Result<Approval, String>)> {
                let files = waiting(&of).into_iter();
                files.map(|path| (path.clone(), read(&path))).collect()
            };
            let Ok(found) = tokio::task::spawn_blocking(look).await else { return };
            for (path, approval) in found {
                match approval {
                    Ok(approval) => {
                        let (seen, looked_at) = oneshot::channel();
                        if to.send(Signed { approval, seen }).await.is_err() {
                            return;
                        }
                        // Not until the journal has it: a crash before must not lose it.
                        if looked_at.await.is_err() {
                            return;
                        }
                    }
                    Err(why) => {
                        tracing::warn!(file = %path.display(), why, "this is no approval, and thrown away");
                    }
                }
                discard(&path);
            }
        }
    });
}

fn discard(path: &Path) {
    // A folder under that name cannot be an approval; it is left and said every time.
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!(file = %path.display(), %error, "it cannot be thrown away: remove it");
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::Bytes;
    use portcullis_types::{
        approval::ApprovalKind,
        ids::{CaseId, Seq},
    };

    use super::*;

    fn approval() -> Approval {
        Approval {
            kind: ApprovalKind::Pull,
            case: CaseId(Seq(42)),
            lever: "pause".to_owned(),
            decision: Seq(77),
            signature: Bytes::from_static(&[7; 65]),
        }
    }

    #[test]
    fn what_is_handed_over_is_read_once() {
        let place = tempfile::tempdir().unwrap();
        let journal = place.path().join("journal.sqlite");
        assert!(waiting(&folder(&journal)).is_empty(), "no folder yet");
        let file = hand_over(&journal, &approval()).unwrap();
        assert_eq!(hand_over(&journal, &approval()).unwrap(), file, "twice is once");
        assert_eq!(waiting(&folder(&journal)), std::slice::from_ref(&file));
        assert_eq!(read(&file), Ok(approval()));
        discard(&file);
        assert!(waiting(&folder(&journal)).is_empty());
    }

    #[test]
    fn hostile_files_are_not_read() {
        let place = tempfile::tempdir().unwrap();
        let journal = place.path().join("journal.sqlite");
        let good = hand_over(&journal, &approval()).unwrap();
        let of = folder(&journal);
        let write = |name: &str, text: &[u8]| {
            let path = of.join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let extra = format!("{}x", fs::read_to_string(&good).unwrap());
        for bad in [
            write("large.approval", &vec![b' '; FILE_BYTES_MAX as usize + 1]),
            write("text.approval", b"\x1b[31mnot json"),
            write("bytes.approval", &[0xff; 100]),
            write("more.approval", extra.as_bytes()),
            write("field.approval", br#"{"kind":"pull","run":"rm"}"#),
        ] {
            assert!(read(&bad).is_err(), "{}", bad.display());
            discard(&bad);
        }
        fs::create_dir(of.join("folder.approval")).unwrap();
        assert!(read(&of.join("folder.approval")).is_err());
        #[cfg(unix)]
        {
            let link = of.join("link.approval");
            std::os::unix::fs::symlink(&good, &link).unwrap();
            assert!(read(&link).is_err(), "a link is not followed");
            discard(&link);
            assert!(good.exists(), "what a link points at is not touched");
            let pipe = of.join("pipe.approval");
            let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
            assert!(made.success() && read(&pipe).is_err(), "a pipe is not opened");
        }
        for n in 0..2 * FILES_A_LOOK_MAX {
            write(&format!("{n}.approval"), b"{}");
        }
        assert_eq!(waiting(&of).len(), FILES_A_LOOK_MAX);
    }
}
