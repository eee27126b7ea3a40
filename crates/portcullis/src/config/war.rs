//! The section `war`: who answers in an incident, by which playbooks, and where evidence lies.

use std::path::{Path, PathBuf};

use portcullis_case::{
    Playbook, Roster,
    playbook::{FILE_BYTES_MAX, read, read_roster},
};
use serde::Deserialize;

use super::compile::{Problem, about};

/// Most playbooks that are loaded.
pub const PLAYBOOKS_MAX: usize = 200;

/// As users write it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WarFile {
    /// The roster: people, roles, signers, and what names of levers and addresses mean here.
    pub roster: PathBuf,
    /// Playbooks: files, or folders whose `.yaml` files are read.
    #[serde(default)]
    pub playbooks: Vec<PathBuf>,
    /// Folder for uploaded evidence. Default: `evidence` beside the journal.
    #[serde(default)]
    pub evidence: Option<PathBuf>,
    /// Whether a playbook whose triggers match and that can be carried out whole begins by itself. Default false: it is
    /// offered.
    #[serde(default)]
    pub auto_start: bool,
}

/// Checked, with all files read.
#[derive(Debug, Clone)]
pub struct War {
    /// Who answers.
    pub roster: Roster,
    /// All playbooks, by id.
    pub playbooks: Vec<Playbook>,
    /// Folder for evidence; made when something is put there.
    pub evidence: PathBuf,
    /// Whether playbooks begin by themselves.
    pub auto_start: bool,
}

impl War {
    /// The playbook of that id.
    pub fn playbook(&self, id: &str) -> Option<&Playbook> {
        self.playbooks.iter().find(|playbook| playbook.id == id)
    }
}

/// Where evidence lies if nobody says anything else: `JOURNAL.evidence`.
pub(crate) fn evidence_beside(journal: &Path) -> PathBuf {
    let mut name = journal.as_os_str().to_owned();
    name.push(".evidence");
    name.into()
}

pub(super) fn compile(folder: &Path, journal: &Path, file: &WarFile) -> Result<War, Problem> {
    let roster = folder.join(&file.roster);
    let text = text_of(&roster)?;
    let roster = read_roster(&roster.display().to_string(), &text).map_err(|all| problem(&all))?;
    let mut playbooks: Vec<Playbook> = Vec::new();
    for path in files(folder, &file.playbooks)? {
        let name = path.display().to_string();
        let playbook = read(&name, &text_of(&path)?).map_err(|all| problem(&all))?;
        if playbooks.iter().any(|other| other.id == playbook.id) {
            let text = format!(
                "{name}: the playbook `{}` is there twice: rename or remove one",
                playbook.id
            );
            return Err(about(&text, "playbooks"));
        }
        playbooks.push(playbook);
    }
    playbooks.sort_by(|one, other| one.id.cmp(&other.id));
    let beside = || evidence_beside(journal);
    let evidence = file.evidence.as_ref().map_or_else(beside, |named| folder.join(named));
    Ok(War { roster, playbooks, evidence, auto_start: file.auto_start })
}

fn problem(all: &[portcullis_case::playbook::Diagnostic]) -> Problem {
    let more = match all.len() {
        0 | 1 => String::new(),
        n => format!(" (and {} more: `portcullis playbook check` lists them)", n - 1),
    };
    let first = all.first().map(ToString::to_string).unwrap_or_default();
    (format!("war: {first}{more}"), Some("war".to_owned()))
}

/// The files that `named` stands for, in order.
pub(crate) fn files(folder: &Path, named: &[PathBuf]) -> Result<Vec<PathBuf>, Problem> {
    let mut all = Vec::new();
    for path in named {
        let path = folder.join(path);
        if !path.is_dir() {
            all.push(path);
            continue;
        }
        let cannot = |error: std::io::Error| {
            about(&format!("war: {} cannot be listed: {error}", path.display()), "playbooks")
        };
        let mut here = Vec::new();
        for entry in std::fs::read_dir(&path).map_err(cannot)? {
            let file = entry.map_err(cannot)?.path();
            if file.is_file() && file.extension().is_some_and(|e| e == "yaml" || e == "yml") {
                here.push(file);
            }
        }
        here.sort();
        all.extend(here);
    }
    if all.len() > PLAYBOOKS_MAX {
        let text = format!(
            "war: {} playbooks are more than {PLAYBOOKS_MAX}: keep those you use",
            all.len()
        );
        return Err(about(&text, "playbooks"));
    }
    Ok(all)
}

/// The text of a file of bounded length.
pub(crate) fn text_of(path: &Path) -> Result<String, Problem> {
    let wrong = |why: String| about(&format!("war: {}: {why}", path.display()), "war");
    let length = std::fs::metadata(path)
        .map_err(|error| wrong(format!("cannot be read: {error}; correct the path")))?
        .len();
    if length > FILE_BYTES_MAX as u64 {
        return Err(wrong(format!("is {length} bytes long, more than {FILE_BYTES_MAX}: split it")));
    }
    std::fs::read_to_string(path)
        .map_err(|error| wrong(format!("cannot be read as UTF-8 text: {error}")))
}
