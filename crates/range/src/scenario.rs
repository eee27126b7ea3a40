//! A scenario folder, read and checked. The format is `docs/scenario-format.md`.

mod check;
mod file;

pub(crate) use file::{AccountSpec, Action, Arg, AttackStep, TrafficAction, WorldFile};

use crate::{Place, RangeError};
use serde::de::DeserializeOwned;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// A scenario, as its folder says.
#[derive(Debug, Clone)]
pub struct Scenario {
    folder: PathBuf,
    pub(crate) world: WorldFile,
    expected: Option<String>,
    configuration: Option<String>,
}

impl Scenario {
    /// Reads `world.yaml` and, where they exist, `expected.yaml` and `portcullis.yaml`.
    ///
    /// # Errors
    /// [`RangeError::File`], [`RangeError::Yaml`] or [`RangeError::Scenario`], with file and line.
    pub fn load(folder: &Path) -> Result<Self, RangeError> {
        let file = folder.join("world.yaml");
        let world: WorldFile = parse(&file, &read(&file)?)?;
        let folder_name = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
        let folder_name = folder_name.file_name().and_then(|name| name.to_str()).unwrap_or("");
        check::check(&world, folder_name, &file)?;
        Ok(Self {
            folder: folder.to_path_buf(),
            world,
            expected: read_optional(&folder.join("expected.yaml"))?,
            configuration: read_optional(&folder.join("portcullis.yaml"))?,
        })
    }

    /// The folder that was read.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The scenario's name, which is also its folder's.
    pub fn name(&self) -> &str {
        &self.world.name
    }

    /// One line about the scenario.
    pub fn title(&self) -> &str {
        &self.world.title
    }

    /// The seed where the user gives none.
    pub fn default_seed(&self) -> u64 {
        self.world.seed
    }

    /// The length of the drill, in blocks after the set-up.
    pub fn blocks(&self) -> u64 {
        self.world.blocks
    }

    /// Wall-clock time between two blocks.
    pub fn block_interval(&self) -> Duration {
        Duration::from_millis(self.world.block_interval_ms)
    }

    /// The block, counted from 1 after the set-up, in which the attack starts.
    pub fn attack_start_block(&self) -> Option<u64> {
        self.world.attack.as_ref().map(|attack| attack.value.start_block)
    }

    /// The text of `portcullis.yaml`, a template for [`World::render`](crate::World::render).
    pub fn configuration(&self) -> Option<&str> {
        self.configuration.as_deref()
    }

    /// The text of `expected.yaml`.
    pub fn expected_text(&self) -> Option<&str> {
        self.expected.as_deref()
    }

    /// `expected.yaml` as the caller's type; `None` where there is no such file.
    ///
    /// # Errors
    /// [`RangeError::Yaml`] with file and line.
    pub fn expected<T: DeserializeOwned>(&self) -> Result<Option<T>, RangeError> {
        let file = self.folder.join("expected.yaml");
        self.expected.as_deref().map(|text| parse(&file, text)).transpose()
    }

    /// The place of a line of `world.yaml`.
    pub(crate) fn place(&self, line: u64) -> Place {
        Place { file: self.folder.join("world.yaml"), line }
    }

    /// The index of an account that is not a group.
    pub(crate) fn account(&self, name: &str) -> Option<usize> {
        match self.world.accounts.get(name) {
            Some(AccountSpec::One(index)) => Some(*index),
            _ => None,
        }
    }
}

fn parse<T: DeserializeOwned>(file: &Path, text: &str) -> Result<T, RangeError> {
    // `yes` and `on` stay strings: they could be a token's name.
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let line = error.location().map_or(0, |location| location.line());
        let place = Place { file: file.to_path_buf(), line };
        RangeError::Yaml { place, message: error.to_string() }
    })
}

fn read(file: &Path) -> Result<String, RangeError> {
    std::fs::read_to_string(file).map_err(|source| RangeError::File {
        file: file.to_path_buf(),
        source,
        remedy: "a scenario is a folder with a world.yaml (docs/scenario-format.md)".to_owned(),
    })
}

fn read_optional(file: &Path) -> Result<Option<String>, RangeError> {
    if file.exists() { read(file).map(Some) } else { Ok(None) }
}

#[cfg(test)]
mod tests;
