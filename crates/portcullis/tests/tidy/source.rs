//! The project's files as the checks see them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use proc_macro2::TokenStream;
use syn::{Attribute, Item};

/// The folders that git ignores, for a checkout without git.
const IGNORED: &[&str] = &[".git", "target", "node_modules", "out", "cache"];

/// One Rust file of ours.
pub(super) struct Source {
    /// Relative to the project's folder.
    pub(super) path: String,
    pub(super) text: String,
    pub(super) syntax: syn::File,
    pub(super) tokens: TokenStream,
    /// In `tests/` or `benches/`, or a module that is compiled for tests only.
    pub(super) is_test: bool,
}

impl Source {
    /// The folder's name below `crates/`.
    pub(super) fn room(&self) -> &str {
        self.path.split('/').nth(1).unwrap_or_default()
    }
}

/// The project's folder.
pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A file of the project as text.
pub(super) fn read(path: &str) -> Result<String> {
    fs::read_to_string(root().join(path)).with_context(|| format!("cannot read {path}"))
}

/// Fails with everything that was found, one line each.
pub(super) fn report(problems: &[String]) {
    assert!(problems.is_empty(), "{} to tidy:\n{}\n", problems.len(), problems.join("\n"));
}

/// Every Rust file below `crates/`, sorted by path.
pub(super) fn sources() -> Result<Vec<Source>> {
    let mut paths = Vec::new();
    walk(&root(), "crates", &mut paths)?;
    paths.retain(|path| has_extension(path, "rs"));
    paths.sort();
    let mut sources = Vec::new();
    let mut test_modules = Vec::new();
    for path in paths {
        let text = read(&path)?;
        let syntax = syn::parse_file(&text).with_context(|| format!("{path} is not Rust"))?;
        let tokens = match text.parse() {
            Ok(tokens) => tokens,
            Err(error) => anyhow::bail!("{path} is not Rust: {error}"),
        };
        test_modules.extend(test_modules_of(&path, &syntax));
        let is_test = path.contains("/tests/") || path.contains("/benches/");
        sources.push(Source { path, text, syntax, tokens, is_test });
    }
    ensure!(!sources.is_empty(), "there is no Rust below {}", root().display());
    for source in &mut sources {
        source.is_test |= test_modules.iter().any(|module| {
            source
                .path
                .strip_prefix(module)
                .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        });
    }
    Ok(sources)
}

/// Where the modules live that `path` declares under `#[cfg(test)]`, without `.rs`.
fn test_modules_of(path: &str, syntax: &syn::File) -> Vec<String> {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = file.trim_end_matches(".rs");
    let home = match stem {
        "lib" | "main" | "mod" => folder.to_owned(),
        _ => format!("{folder}/{stem}"),
    };
    let mut modules = Vec::new();
    for item in &syntax.items {
        if let Item::Mod(module) = item
            && module.content.is_none()
            && module.attrs.iter().any(is_test_attribute)
        {
            modules.push(format!("{home}/{}", module.ident));
        }
    }
    modules
}

/// Whether what follows is compiled for tests only.
pub(super) fn is_test_attribute(attribute: &Attribute) -> bool {
    let path = attribute.path();
    if path.is_ident("cfg") {
        return attribute.parse_args::<syn::Ident>().is_ok_and(|condition| condition == "test");
    }
    path.segments.last().is_some_and(|segment| segment.ident == "test")
}

/// Everything that is or may become part of the repository: what git would add, or without git all that is no build
/// product.
pub(super) fn repository_files() -> Result<Vec<String>> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output();
    let mut paths = Vec::new();
    match listed {
        Ok(output) if output.status.success() => {
            for path in String::from_utf8(output.stdout)?.split_terminator('\0') {
                // A file that was deleted and not yet committed is listed too.
                if root().join(path).is_file() {
                    paths.push(path.to_owned());
                }
            }
        }
        _ => walk(&root(), "", &mut paths)?,
    }
    ensure!(!paths.is_empty(), "there are no files in {}", root().display());
    paths.sort();
    Ok(paths)
}

/// The files below `folder`, relative to `root`.
fn walk(root: &Path, folder: &str, found: &mut Vec<String>) -> Result<()> {
    let entries =
        fs::read_dir(root.join(folder)).with_context(|| format!("cannot list {folder}"))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        let kind = entry.file_type()?;
        if kind.is_dir() && !IGNORED.contains(&name.as_str()) {
            walk(root, &path, found)?;
        } else if kind.is_file() {
            found.push(path);
        }
    }
    Ok(())
}

/// Whether `path` ends with a dot and `extension`.
pub(super) fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == extension)
}

/// The number of the first line of `text` for which `wanted` holds, 1 where there is none.
pub(super) fn line_where(text: &str, wanted: impl Fn(&str) -> bool) -> usize {
    text.lines().position(wanted).map_or(1, |index| index + 1)
}
