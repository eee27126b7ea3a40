//! The record of what was signed within the last hour, kept beside the key: a limit that ends with the process could be
//! reset by whoever can restart it.
//!
//! One line for each signature, `<Unix seconds> <kind>`, added before anything is signed; the kind `none` says that the one
//! before came to nothing. A file that is not wholly such lines is damaged or was changed by hand, and then nothing is
//! signed.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use alloy_primitives::Address;

use super::{KeyError, source::require_private};

/// The window of all limits, seconds.
pub(super) const HOUR_SECONDS: u64 = 3_600;
/// Longest file that is read, bytes: years of signing. Lines that count no more are dropped at every start.
const BYTES_MAX: u64 = 16 << 20;

/// What was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signed {
    /// A transaction, or an owner's signature.
    Any,
    /// An order for a Warden.
    Order(Address),
}

/// What was signed within the last hour, and the file that keeps it.
#[derive(Debug, Default)]
pub(super) struct Tally {
    file: Option<File>,
    /// Unix seconds and what, oldest first.
    recent: Vec<(u64, Signed)>,
}

impl Tally {
    /// Reads the record beside a key file, or begins one. `unix` is the wall clock in seconds.
    pub(super) fn beside(key: &Path, unix: u64) -> Result<Self, KeyError> {
        let mut path = key.as_os_str().to_owned();
        path.push(".signatures");
        let path = PathBuf::from(path);
        let unreadable = |error: io::Error| KeyError::Unreadable {
            path: path.clone(),
            reason: error.to_string(),
        };
        let damaged = |line: usize| KeyError::Damaged { path: path.clone(), line };
        let mut recent = Vec::new();
        if path.exists() {
            if require_private(&path)? > BYTES_MAX {
                return Err(damaged(0));
            }
            let text = std::fs::read_to_string(&path).map_err(unreadable)?;
            for (number, line) in (1..).zip(text.split_inclusive('\n')) {
                match line.strip_suffix('\n') {
                    Some(line) if is_none(line) => {
                        recent.pop().ok_or_else(|| damaged(number))?;
                    }
                    Some(line) => recent.push(read(line).ok_or_else(|| damaged(number))?),
                    // Cut off in the middle: something was about to be signed, and counts.
                    None => recent.push((unix, Signed::Any)),
                }
            }
        }
        let mut tally = Self { file: None, recent };
        tally.forget(unix);
        tally.file = Some(tally.rewrite(&path).map_err(unreadable)?);
        Ok(tally)
    }

    /// Writes the lines that still count into a new file and puts it in the old one's place.
    fn rewrite(&self, path: &Path) -> io::Result<File> {
        let mut fresh = path.as_os_str().to_owned();
        fresh.push(".new");
        let mut options = OpenOptions::new();
        options.create(true).write(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&fresh)?;
        for (at, signed) in &self.recent {
            file.write_all(line(*at, *signed).as_bytes())?;
        }
        file.sync_all()?;
        std::fs::rename(&fresh, path)?;
        OpenOptions::new().append(true).open(path)
    }

    /// Notes a signature that is about to be made. Where that cannot be written, it must not be made.
    pub(super) fn note(&mut self, unix: u64, signed: Signed) -> Result<(), String> {
        if let Some(file) = &mut self.file {
            let text = line(unix, signed);
            file.write_all(text.as_bytes()).and_then(|()| file.sync_data()).map_err(|error| {
                format!("the record of signatures cannot be written, so nothing is signed: {error}")
            })?;
        }
        self.recent.push((unix, signed));
        Ok(())
    }

    /// Takes the last note back: nothing was signed. Where that cannot be written, it counts after a restart.
    pub(super) fn take_back(&mut self, unix: u64) {
        self.recent.pop();
        if let Some(file) = &mut self.file
            && let Err(error) = file.write_all(format!("{unix} none\n").as_bytes())
        {
            tracing::warn!(%error, "the record of signatures cannot be written");
        }
    }

    /// How many signatures of this kind the hour before `unix` saw.
    pub(super) fn count(&mut self, unix: u64, signed: Signed) -> usize {
        self.forget(unix);
        self.recent.iter().filter(|(_, one)| *one == signed).count()
    }

    /// A record from the future counts: the clock was set back.
    fn forget(&mut self, unix: u64) {
        self.recent.retain(|(at, _)| unix.saturating_sub(*at) < HOUR_SECONDS);
    }
}

fn line(unix: u64, signed: Signed) -> String {
    match signed {
        Signed::Any => format!("{unix} signature\n"),
        Signed::Order(warden) => format!("{unix} order {warden}\n"),
    }
}

/// Whether a line says that the one before came to nothing.
fn is_none(line: &str) -> bool {
    line.strip_suffix(" none").is_some_and(|at| at.parse::<u64>().is_ok())
}

fn read(line: &str) -> Option<(u64, Signed)> {
    let mut words = line.split(' ');
    let at = words.next()?.parse().ok()?;
    let signed = match (words.next()?, words.next()) {
        ("signature", None) => Signed::Any,
        ("order", Some(warden)) => Signed::Order(warden.parse().ok()?),
        _ => return None,
    };
    words.next().is_none().then_some((at, signed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key.json");
        let record = folder.path().join("key.json.signatures");
        (folder, key, record)
    }

    #[test]
    fn what_was_signed_counts_after_a_restart_until_its_hour_is_over() {
        let (_folder, key, record) = place();
        let order = Signed::Order(Address::repeat_byte(7));
        let mut first = Tally::beside(&key, 1_000).unwrap();
        first.note(1_000, Signed::Any).unwrap();
        first.note(2_000, order).unwrap();
        drop(first);
        let mut second = Tally::beside(&key, 2_100).unwrap();
        assert_eq!((second.count(2_100, Signed::Any), second.count(2_100, order)), (1, 1));
        assert_eq!(second.count(2_100, Signed::Order(Address::ZERO)), 0);
        // A clock that was set back frees nothing.
        assert_eq!(second.count(10, Signed::Any), 1);
        assert_eq!((second.count(4_600, Signed::Any), second.count(4_600, order)), (0, 1));
        drop(Tally::beside(&key, 4_600).unwrap());
        assert_eq!(std::fs::read_to_string(&record).unwrap(), line(2_000, order));
    }

    #[test]
    fn what_came_to_nothing_counts_neither_now_nor_after_a_restart() {
        let (_folder, key, record) = place();
        let mut first = Tally::beside(&key, 1_000).unwrap();
        first.note(1_000, Signed::Any).unwrap();
        first.note(1_001, Signed::Order(Address::ZERO)).unwrap();
        first.take_back(1_002);
        first.note(1_003, Signed::Any).unwrap();
        first.take_back(1_003);
        assert_eq!(first.count(1_004, Signed::Any), 1);
        assert_eq!(first.count(1_004, Signed::Order(Address::ZERO)), 0);
        drop(first);
        let mut second = Tally::beside(&key, 1_004).unwrap();
        assert_eq!(second.count(1_004, Signed::Any), 1);
        assert_eq!(second.count(1_004, Signed::Order(Address::ZERO)), 0);
        // There is nothing before the first line.
        std::fs::write(&record, "5 none\n").unwrap();
        assert!(Tally::beside(&key, 10).is_err());
    }

    #[test]
    fn a_damaged_record_is_refused_with_the_remedy_and_a_cut_off_line_counts() {
        let (_folder, key, record) = place();
        for bad in [
            "x\n",
            "5\n",
            "5 signature more\n",
            "5 order 0x12\n",
            "x none\n",
            "-5 signature\n",
            "\n",
        ] {
            drop(Tally::beside(&key, 10).unwrap());
            std::fs::write(&record, format!("1 signature\n{bad}")).unwrap();
            let why = Tally::beside(&key, 10).unwrap_err().to_string();
            assert!(why.contains("line 2") && why.contains("mv "), "{bad}: {why}");
            std::fs::remove_file(&record).unwrap();
        }
        drop(Tally::beside(&key, 10).unwrap());
        std::fs::write(&record, "1 signature\n5 signa").unwrap();
        assert_eq!(Tally::beside(&key, 10).unwrap().count(10, Signed::Any), 2);
    }

    #[cfg(unix)]
    #[test]
    fn a_record_that_others_can_write_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_folder, key, record) = place();
        drop(Tally::beside(&key, 10).unwrap());
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&record), 0o600);
        std::fs::set_permissions(&record, std::fs::Permissions::from_mode(0o620)).unwrap();
        let why = Tally::beside(&key, 10).unwrap_err().to_string();
        assert!(why.contains("chmod 600"), "{why}");
    }
}
