//! Codes that recordings name by their hash, from `codes.jsonl.gz` beside or above them.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use alloy_primitives::{B256, Bytes, KECCAK256_EMPTY, keccak256};
use portcullis_types::wire::Prestate;
use serde::Deserialize;

use super::{bad, lines::TextLines};
use crate::ObserveError;

/// How the name of a file with codes begins; such a file is no recording.
pub(super) const FILE_STEM: &str = "codes.jsonl";
/// Its whole name.
const FILE_NAME: &str = "codes.jsonl.gz";
/// Most bytes of code that are held in memory. All codes of 40 mainnet blocks are 17 MB.
const CODES_BYTES_MAX: usize = 1 << 30;

/// The codes of one file, read when the first is needed.
#[derive(Debug, Default)]
pub(super) struct Codes {
    file: Option<PathBuf>,
    known: HashMap<B256, Code>,
}

#[derive(Debug)]
struct Code {
    bytes: Bytes,
    /// Hashing all codes would take longer than reading them, so each is hashed when it is used.
    is_checked: bool,
    line: u64,
}

impl Codes {
    /// Puts the code in place of each hash in `prestate`, which stands in a line of a recording.
    pub(super) fn fill(
        &mut self,
        prestate: &mut Prestate,
        recording: &Path,
        line: u64,
    ) -> Result<(), ObserveError> {
        for (address, account) in prestate {
            let Some(hash) = account.code_hash else { continue };
            if account.code.is_some() {
                continue;
            }
            let code = if hash == KECCAK256_EMPTY {
                Some(Bytes::new())
            } else {
                self.code(hash, recording)?
            };
            account.code = Some(code.ok_or_else(|| {
                let problem = format!(
                    "the code {hash} of {address} is missing: put the {FILE_NAME} that belongs to \
                     the recording beside it or in the folder above"
                );
                bad(recording, line, problem)
            })?);
        }
        Ok(())
    }

    fn code(&mut self, hash: B256, recording: &Path) -> Result<Option<Bytes>, ObserveError> {
        let Some(file) = beside_or_above(recording) else { return Ok(None) };
        if self.file.as_deref() != Some(file.as_path()) {
            self.known = read(&file)?;
            self.file = Some(file.clone());
        }
        let Some(code) = self.known.get_mut(&hash) else { return Ok(None) };
        if !code.is_checked {
            if keccak256(&code.bytes) != hash {
                let problem = format!("this is not the code with hash {hash}: get the file again");
                return Err(bad(&file, code.line, problem));
            }
            code.is_checked = true;
        }
        Ok(Some(code.bytes.clone()))
    }
}

fn beside_or_above(recording: &Path) -> Option<PathBuf> {
    // A name without a folder is in the current one, whose parent only its full path tells.
    let full = std::path::absolute(recording).ok()?;
    let folder = full.parent()?;
    let beside = folder.join(FILE_NAME);
    if beside.is_file() {
        return Some(beside);
    }
    let above = folder.parent()?.join(FILE_NAME);
    above.is_file().then_some(above)
}

fn read(file: &Path) -> Result<HashMap<B256, Code>, ObserveError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Line {
        code_hash: B256,
        code: Bytes,
    }
    let mut text = TextLines::open(file)?;
    let mut known = HashMap::new();
    let mut bytes_held = 0usize;
    let mut line = 0;
    loop {
        line += 1;
        let Some(next) = text.next(file, line)? else { return Ok(known) };
        if next.trim().is_empty() {
            continue;
        }
        let Line { code_hash, code } = serde_json::from_str(next).map_err(|error| {
            let problem = format!("is not a code with its hash ({error}): get the file again");
            bad(file, line, problem)
        })?;
        bytes_held = bytes_held.saturating_add(code.len());
        if bytes_held > CODES_BYTES_MAX {
            let problem = format!("holds more than {CODES_BYTES_MAX} bytes of code: split it");
            return Err(bad(file, line, problem));
        }
        known.insert(code_hash, Code { bytes: code, is_checked: false, line });
    }
}
