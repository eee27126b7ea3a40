//! Rule files: found by path, folder or pattern, and read.

use std::path::{Path, PathBuf};

use portcullis_detect::config::{DetectorConfig, RuleText};
use portcullis_rules::{Source, limits::FILE_BYTES_MAX};

/// Files that a path means: itself, the `.yaml` files of a folder, or those that fit a pattern with `*` in its last part;
/// sorted by name.
///
/// # Errors
/// What could not be looked at, or that there is nothing.
pub fn files(path: &Path) -> Result<Vec<PathBuf>, String> {
    let shown = path.display();
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let (folder, pattern) = if path.is_dir() {
        (path, "*.yaml".to_owned())
    } else if name.contains('*') {
        (path.parent().unwrap_or(Path::new("")), name)
    } else {
        return Ok(vec![path.to_owned()]);
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = std::fs::read_dir(folder).map_err(|error| {
        format!("the folder {} cannot be read: {error}; correct the path", folder.display())
    })?;
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry
            .map_err(|error| format!("the folder {} cannot be read: {error}", folder.display()))?;
        let path = entry.path();
        let fits = fits(&entry.file_name().to_string_lossy(), &pattern);
        if fits && path.is_file() {
            found.push(path);
        }
    }
    if found.is_empty() {
        return Err(format!(
            "`{shown}` fits no rule file: correct the path, or write a rule with `portcullis rule new`"
        ));
    }
    found.sort();
    Ok(found)
}

/// Whether a name is the pattern with something for each `*`.
fn fits(name: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => name == pattern,
        Some((before, after)) => name.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len()).any(|at| rest.get(at..).is_some_and(|tail| fits(tail, after)))
        }),
    }
}

/// Reads a rule file.
///
/// # Errors
/// That it cannot be read, or is too long to be one.
pub fn read(path: &Path) -> Result<Source, String> {
    let shown = path.display();
    let about = |error: std::io::Error| {
        format!("the rule file {shown} cannot be read: {error}; correct the path")
    };
    let size = std::fs::metadata(path).map_err(about)?.len();
    if size > FILE_BYTES_MAX as u64 {
        return Err(format!(
            "the rule file {shown} is {size} bytes long, more than {FILE_BYTES_MAX}: divide it"
        ));
    }
    let text = std::fs::read_to_string(path).map_err(about)?;
    Ok(Source { name: shown.to_string(), text })
}

/// Puts the text of rule files where a configuration names them; paths are relative to `folder`.
pub(super) fn inline(folder: &Path, detectors: &mut [DetectorConfig]) -> Result<(), String> {
    for detector in detectors {
        let DetectorConfig::Rules(config) = detector else { continue };
        let mut texts = Vec::new();
        for rules in std::mem::take(&mut config.rules) {
            match rules {
                RuleText::Path(path) => {
                    for file in files(&folder.join(path))? {
                        let Source { name, text } = read(&file)?;
                        texts.push(RuleText::Inline { name, text });
                    }
                }
                inline @ RuleText::Inline { .. } => texts.push(inline),
            }
        }
        config.rules = texts;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_names() {
        let cases = [
            ("a.yaml", "*.yaml", true),
            ("a.yaml", "a.yaml", true),
            ("a.yml", "*.yaml", false),
            ("defi-outflow.yaml", "defi-*.yaml", true),
            ("xdefi-outflow.yaml", "defi-*.yaml", false),
            ("aXbXc", "a*b*c", true),
        ];
        for (name, pattern, wanted) in cases {
            assert_eq!(fits(name, pattern), wanted, "{name} {pattern}");
        }
    }
}
