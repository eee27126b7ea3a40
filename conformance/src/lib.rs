//! The official schemas of what Portcullis exports, read with a library that is not ours. Nothing is looked up in a network.

use std::path::{Path, PathBuf};

use jsonschema::{Draft, Registry, Validator};
use serde_json::Value as Json;

/// Where CACAO's schemas are: a copy of `schemas` of <https://github.com/oasis-open/cacao-json-schemas>. No registry has a
/// package of them, so they are not kept here.
pub const CACAO: &str = "PORTCULLIS_CACAO_SCHEMAS";

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The schemas of a standard, which may refer to each other.
pub struct Schemas {
    registry: Registry<'static>,
    all: Vec<(PathBuf, Json)>,
    draft: Draft,
}

/// A file of JSON.
///
/// # Errors
/// It is not there, or no JSON.
pub fn read(path: &Path) -> Result<Json, String> {
    let text = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", path.display()))
}

impl Schemas {
    /// Every schema below a folder.
    ///
    /// # Errors
    /// A file that is no schema.
    pub fn below(folder: &Path, draft: Draft) -> Result<Self, String> {
        let mut all = Vec::new();
        collect(folder, folder, &mut all)?;
        let mut builder = Registry::new().draft(draft);
        for (path, schema) in &all {
            let id = schema["$id"].as_str().ok_or(format!("{} has no $id", path.display()))?;
            builder = builder.add(id.to_owned(), schema.clone()).map_err(|e| e.to_string())?;
        }
        let registry = builder.prepare().map_err(|error| error.to_string())?;
        Ok(Self { registry, all, draft })
    }

    /// Ready to use: the schema of a name, for instance `common/bundle.json`.
    ///
    /// # Errors
    /// There is none, or it cannot be used.
    pub fn validator(&self, name: &str) -> Result<Validator, String> {
        let found = self.all.iter().find(|(path, _)| path == Path::new(name));
        let (_, schema) = found.ok_or_else(|| format!("there is no schema {name}"))?;
        jsonschema::options()
            .with_draft(self.draft)
            .with_registry(&self.registry)
            .should_validate_formats(true)
            .build(schema)
            .map_err(|error| format!("{name}: {error}"))
    }

    /// The name of a schema whose file is called so, in whichever folder.
    pub fn named(&self, file: &str) -> Option<String> {
        let found = self.all.iter().find(|(path, _)| path.file_name().is_some_and(|f| f == file));
        found.map(|(path, _)| path.to_string_lossy().into_owned())
    }
}

fn collect(root: &Path, folder: &Path, all: &mut Vec<(PathBuf, Json)>) -> Result<(), String> {
    let entries = std::fs::read_dir(folder);
    for entry in entries.map_err(|error| format!("{}: {error}", folder.display()))? {
        let path = entry.map_err(|error| error.to_string())?.path();
        if path.is_dir() {
            collect(root, &path, all)?;
        } else if path.extension().is_some_and(|ending| ending == "json") {
            let name = path.strip_prefix(root).map_err(|error| error.to_string())?.to_owned();
            all.push((name, read(&path)?));
        }
    }
    all.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(())
}

/// What is wrong with a document, each with its place; nothing if it is valid.
pub fn problems(validator: &Validator, document: &Json) -> Vec<String> {
    validator
        .iter_errors(document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}
