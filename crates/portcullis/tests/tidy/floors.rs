//! Who may use whom. `ARCHITECTURE.md` draws the picture; here it is enforced.

use std::collections::BTreeSet;

use anyhow::Result;
use cargo_metadata::{Dependency, DependencyKind, Metadata, MetadataCommand, Package};

use super::source::{line_where, read, report, root};

/// Each package of ours, and which others of ours it may use. Whoever may use all is not meant to be used.
const ROOMS: &[(&str, Uses)] = &[
    ("portcullis-types", Uses::Only(&[])),
    ("portcullis-stats", Uses::Only(&[])),
    ("portcullis-rules", Uses::Only(&["portcullis-types"])),
    (
        "portcullis-detect",
        Uses::Only(&["portcullis-types", "portcullis-stats", "portcullis-rules"]),
    ),
    ("portcullis-scan", Uses::Only(&["portcullis-types", "portcullis-stats"])),
    (
        "portcullis-learn",
        Uses::Only(&[
            "portcullis-types",
            "portcullis-stats",
            "portcullis-rules",
            "portcullis-detect",
        ]),
    ),
    ("portcullis-backtest", Uses::All),
    ("portcullis-decide", Uses::Only(&["portcullis-types"])),
    ("portcullis-case", Uses::Only(&["portcullis-types"])),
    ("portcullis-simulate", Uses::Only(&["portcullis-types"])),
    (
        "portcullis-engine",
        Uses::Only(&[
            "portcullis-types",
            "portcullis-detect",
            "portcullis-decide",
            "portcullis-case",
        ]),
    ),
    ("portcullis-observe", Uses::Only(&["portcullis-types"])),
    ("portcullis-act", Uses::Only(&["portcullis-types"])),
    ("portcullis-range", Uses::All),
    ("portcullis", Uses::All),
    ("portcullis-notify", Uses::Only(&["portcullis-types"])),
];

/// Rooms that only think: same arguments, same answer.
const PURE_ROOMS: &[&str] = &[
    "portcullis-types",
    "portcullis-stats",
    "portcullis-rules",
    "portcullis-detect",
    "portcullis-scan",
    "portcullis-learn",
    "portcullis-decide",
    "portcullis-case",
    "portcullis-simulate",
    "portcullis-engine",
];

/// What thinking does not need: a runtime, a network, a database, dice.
const WORLDLY: &[&str] = &["tokio", "reqwest", "alloy-provider", "rusqlite", "rand"];

/// Packages that some rooms alone may name, tests included. The first is the beginning of the package's name.
const RESERVED: &[(&str, &[&str], &str)] = &[
    ("alloy-signer", &["portcullis-act"], "nothing else can sign"),
    ("revm", &["portcullis-simulate"], "nothing else executes"),
    ("rusqlite", &["portcullis", "portcullis-notify"], "there is one store, and one outbox"),
    ("tokio-postgres", &["portcullis"], "there is one store"),
    ("lettre", &["portcullis-notify"], "nothing else writes to people"),
];

#[derive(Clone, Copy)]
enum Uses {
    Only(&'static [&'static str]),
    All,
}

fn metadata() -> Result<Metadata> {
    Ok(MetadataCommand::new().current_dir(root()).no_deps().exec()?)
}

#[test]
fn rooms_use_only_the_floors_below() -> Result<()> {
    let mut problems = Vec::new();
    for package in metadata()?.workspace_packages() {
        let Some((_, uses)) = ROOMS.iter().find(|(room, _)| *room == package.name.as_str()) else {
            problems.push(format!(
                "{}:1: `{}` is on no floor: enter it in ROOMS (crates/portcullis/tests/tidy/floors.rs)",
                manifest_path(package),
                package.name
            ));
            continue;
        };
        for dependency in normal(package) {
            let name = dependency.name.as_str();
            if !name.starts_with("portcullis") {
                continue;
            }
            let is_allowed = match uses {
                Uses::Only(allowed) => allowed.contains(&name),
                // The range is for development; the program has it to run drills.
                Uses::All => name != "portcullis",
            };
            if !is_allowed {
                problems.push(format!(
                    "{}: `{}` may not use `{name}`: move what both need into `types`, or make it an effect",
                    place(package, name)?,
                    package.name
                ));
            }
        }
    }
    report(&problems);
    Ok(())
}

#[test]
fn reserved_packages_are_named_by_their_room_alone() -> Result<()> {
    let mut problems = Vec::new();
    for package in metadata()?.workspace_packages() {
        for dependency in &package.dependencies {
            let name = dependency.name.as_str();
            for (reserved, rooms, reason) in RESERVED {
                if name.starts_with(reserved) && !rooms.contains(&package.name.as_str()) {
                    problems.push(format!(
                        "{}: only `{}` may name `{name}` ({reason}): ask it for what you need",
                        place(package, name)?,
                        rooms.join("` and `")
                    ));
                }
            }
        }
    }
    report(&problems);
    Ok(())
}

#[test]
fn thought_needs_no_runtime_network_or_dice() -> Result<()> {
    let mut problems = Vec::new();
    for package in metadata()?.workspace_packages() {
        if !PURE_ROOMS.contains(&package.name.as_str()) {
            continue;
        }
        for dependency in normal(package) {
            let name = dependency.name.as_str();
            if WORLDLY.contains(&name) {
                problems.push(format!(
                    "{}: `{}` is replayed and may not use `{name}`: make it an effect that the program runs",
                    place(package, name)?,
                    package.name
                ));
            }
        }
    }
    report(&problems);
    Ok(())
}

#[test]
fn every_folder_is_a_member_of_its_name() -> Result<()> {
    let metadata = metadata()?;
    let packages = metadata.workspace_packages();
    let mut problems = Vec::new();
    let mut folders = BTreeSet::new();
    for package in &packages {
        let path = manifest_path(package);
        let folder = path.trim_start_matches("crates/").trim_end_matches("/Cargo.toml").to_owned();
        let name = package.name.as_str();
        if folder != name.strip_prefix("portcullis-").unwrap_or(name) {
            problems.push(format!(
                "{}: the folder is `{folder}`, the package `{name}`: name one after the other",
                place_of_line(&path, "name")?
            ));
        }
        folders.insert(folder);
    }
    for entry in std::fs::read_dir(root().join("crates"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !folders.contains(&name) {
            problems.push(format!(
                "crates/{name}:1: no member of the workspace: give it a Cargo.toml, or remove it"
            ));
        }
    }
    report(&problems);
    Ok(())
}

/// What becomes part of the product: everything but what tests need.
fn normal(package: &Package) -> impl Iterator<Item = &Dependency> {
    package.dependencies.iter().filter(|dependency| dependency.kind != DependencyKind::Development)
}

/// Relative to the project's folder.
fn manifest_path(package: &Package) -> String {
    let path = package.manifest_path.as_str();
    path.rfind("/crates/").and_then(|start| path.get(start + 1..)).unwrap_or(path).to_owned()
}

fn place(package: &Package, dependency: &str) -> Result<String> {
    place_of_line(&manifest_path(package), dependency)
}

/// The place in a manifest of the key `key`.
fn place_of_line(path: &str, key: &str) -> Result<String> {
    let text = read(path)?;
    let line = line_where(&text, |line| {
        let rest = line.trim_matches(|c: char| c.is_whitespace() || c == '"').strip_prefix(key);
        rest.is_some_and(|rest| rest.starts_with([' ', '.', '=', '"']))
    });
    Ok(format!("{path}:{line}"))
}
