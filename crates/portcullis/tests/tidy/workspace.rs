//! What the manifests promise: lints that everyone is held to, and a release build that is fast and checks its sums.

use anyhow::Result;

use super::source::{line_where, read, report, repository_files};

#[test]
fn public_items_must_be_documented() -> Result<()> {
    let manifest = read("Cargo.toml")?;
    let mut problems = Vec::new();
    if value(&manifest, "[workspace.lints.rust]", "missing_docs")
        .is_none_or(|level| level != "\"deny\"")
    {
        problems.push(format!(
            "Cargo.toml:{}: write `missing_docs = \"deny\"` under [workspace.lints.rust]",
            line_of(&manifest, "[workspace.lints.rust]")
        ));
    }
    report(&problems);
    Ok(())
}

#[test]
fn everyone_is_held_to_the_lints() -> Result<()> {
    let mut problems = Vec::new();
    for path in repository_files()? {
        if !path.starts_with("crates/") || !path.ends_with("/Cargo.toml") {
            continue;
        }
        let manifest = read(&path)?;
        if value(&manifest, "[lints]", "workspace") != Some("true") {
            problems.push(format!(
                "{path}:{}: write `workspace = true` under [lints]",
                line_of(&manifest, "[lints]")
            ));
        }
    }
    report(&problems);
    Ok(())
}

#[test]
fn a_release_is_optimised_and_checks_its_sums() -> Result<()> {
    let manifest = read("Cargo.toml")?;
    let header = "[profile.release]";
    let line = line_of(&manifest, header);
    let mut problems = Vec::new();
    if value(&manifest, header, "opt-level").is_some_and(|level| level != "3") {
        problems.push(format!("Cargo.toml:{line}: write `opt-level = 3` under {header}"));
    }
    if value(&manifest, header, "overflow-checks") != Some("true") {
        problems.push(format!(
            "Cargo.toml:{line}: write `overflow-checks = true` under {header}: a wrapped sum is a wrong sum"
        ));
    }
    report(&problems);
    Ok(())
}

/// The value of `key` in the section `header` of a manifest, as it is written.
fn value<'a>(manifest: &'a str, header: &str, key: &str) -> Option<&'a str> {
    let section = manifest.lines().skip_while(|line| line.trim() != header).skip(1);
    for line in section.take_while(|line| !line.starts_with('[')) {
        if let Some((name, value)) = line.split_once('=')
            && name.trim() == key
        {
            return Some(value.trim());
        }
    }
    None
}

fn line_of(manifest: &str, header: &str) -> usize {
    line_where(manifest, |line| line.trim() == header)
}

#[test]
fn a_value_is_read_from_its_own_section() {
    let manifest = "[a]\nx = 1\n[b]\ny = 2\n\n# Why.\nx = \"3\"\n[c]\nz = 4";
    assert_eq!(value(manifest, "[b]", "x"), Some("\"3\""));
    assert_eq!(value(manifest, "[a]", "y"), None);
    assert_eq!(value(manifest, "[d]", "x"), None);
}
