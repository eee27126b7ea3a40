//! What does not belong into a public repository: where things lie on somebody's own machine.

use anyhow::Result;

use super::source::{report, repository_files, root};

/// Folders that differ from machine to machine. Put together below, so that this file does not find itself.
const FOLDERS: &[&str] = &["home", "root", "Users", "tmp", "work", "workspace", "mnt"];

#[test]
fn no_file_names_a_place_on_one_machine() -> Result<()> {
    let mut problems = Vec::new();
    for path in repository_files()? {
        let Ok(text) = String::from_utf8(std::fs::read(root().join(&path))?) else { continue };
        for (index, line) in text.lines().enumerate() {
            if let Some(place) = machine_path(line) {
                problems.push(format!(
                    "{path}:{}: `{place}…` is a place on one machine: name it relative to the project, or take a \
                     temporary folder from the system",
                    index + 1
                ));
            }
        }
    }
    report(&problems);
    Ok(())
}

/// The first absolute path in a line that begins with one of [`FOLDERS`] and goes on below it.
fn machine_path(line: &str) -> Option<String> {
    for folder in FOLDERS {
        for (slash, drive) in [("/", ""), ("\\", "C:")] {
            let start = format!("{drive}{slash}{folder}{slash}");
            for (index, _) in line.match_indices(&start) {
                let (before, rest) = line.split_at(index);
                let after = rest.strip_prefix(start.as_str()).unwrap_or_default();
                // After a name it is the inside of a relative path or an address, not the beginning of a path.
                let begins =
                    before.chars().next_back().is_none_or(|c| " \t\"'`=:([,/<|".contains(c));
                if begins && after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '.') {
                    return Some(start);
                }
            }
        }
    }
    None
}

#[test]
fn absolute_paths_are_told_from_others() {
    let line = |folder: &str, rest: &str| format!("see \"/{folder}/{rest}\"");
    assert!(machine_path(&line("home", "somebody/x")).is_some());
    assert!(machine_path(&line("tmp", "x.log")).is_some());
    assert!(machine_path(&line("usr", "bin/env")).is_none());
    assert!(
        machine_path("https://example.org/home/page and target/tmp/file and ~/job/it").is_none()
    );
    assert!(machine_path("a folder below /tmp/ of the system").is_none());
}
