//! Who asked for what, and what came of it: one line of JSON for each command, taken or refused.
//!
//! The file stands beside the journal (`<journal>.audit.jsonl`). It grows to [`FILE_BYTES_MAX`], is then kept under `.1`,
//! and begun anew. Strangers can write no more than their share ([`super::guard`]).

use std::{
    fs::{self, File, OpenOptions},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use portcullis_types::text::printable;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Longest file, bytes.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// How much of the end of the file is read, bytes.
const TAIL_BYTES_MAX: u64 = 4 << 20;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuditLine {
    /// When, milliseconds since 1970.
    pub(crate) at: u64,
    /// Person or token; null for somebody who was not signed in.
    pub(crate) who: Option<String>,
    /// Their access.
    pub(crate) access: Option<String>,
    /// The route's name in the `OpenAPI` document.
    pub(crate) route: String,
    /// Which order, where the route takes several; null where it did not come to one.
    #[serde(default)]
    pub(crate) said: Option<String>,
    /// The path that was asked for.
    pub(crate) path: String,
    /// Status of the answer.
    pub(crate) status: u16,
    /// `taken`, or why it was refused.
    pub(crate) outcome: String,
    /// Address that it came from.
    pub(crate) from: String,
}

/// The file.
#[derive(Debug)]
pub(crate) struct Audit {
    path: PathBuf,
    file: Mutex<Option<File>>,
}

impl Audit {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, file: Mutex::default() }
    }

    /// Writes a line. Trouble is said on standard error: a command that was taken is in the journal anyway.
    pub(crate) fn write(&self, line: &AuditLine) {
        let line = AuditLine { path: printable(&line.path), ..line.clone() };
        let Ok(mut text) = serde_json::to_string(&line) else { return };
        text.push('\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = self.append(&mut file, text.as_bytes()) {
            *file = None;
            tracing::error!(path = %self.path.display(), %error, "the audit cannot be written");
        }
    }

    fn append(&self, file: &mut Option<File>, text: &[u8]) -> std::io::Result<()> {
        let mut open = match file.take() {
            Some(file) => file,
            None => OpenOptions::new().create(true).append(true).open(&self.path)?,
        };
        if open.metadata()?.len() >= FILE_BYTES_MAX {
            let mut before = self.path.clone().into_os_string();
            before.push(".1");
            fs::rename(&self.path, before)?;
            open = OpenOptions::new().create(true).append(true).open(&self.path)?;
        }
        open.write_all(text)?;
        *file = Some(open);
        Ok(())
    }

    /// The newest lines, newest first, at most `most`, beginning behind the first `skip`.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn newest(&self, skip: usize, most: usize) -> std::io::Result<Vec<AuditLine>> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES_MAX)))?;
        let mut bytes = Vec::new();
        file.take(TAIL_BYTES_MAX).read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        // The first line may be half a line, which is no JSON and left out.
        let lines = text.lines().rev().filter_map(|line| serde_json::from_str(line).ok());
        Ok(lines.skip(skip).take(most).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_kept_newest_first() {
        let folder = tempfile::tempdir().unwrap();
        let audit = Audit::new(folder.path().join("a.jsonl"));
        assert_eq!(audit.newest(0, 10).unwrap(), []);
        let line = |at| AuditLine {
            at,
            who: Some("ada".to_owned()),
            access: None,
            route: "command".to_owned(),
            said: Some("declare".to_owned()),
            path: "/x\u{202e}\n".to_owned(),
            status: 200,
            outcome: "taken".to_owned(),
            from: "127.0.0.1".to_owned(),
        };
        for at in 0..5 {
            audit.write(&line(at));
        }
        let found = audit.newest(1, 2).unwrap();
        assert_eq!(found.iter().map(|line| line.at).collect::<Vec<_>>(), [3, 2]);
        assert_eq!(found[0].path, "/x\\u{202e}\\u{a}", "one line each, whatever was asked for");
    }
}
