//! Secrets: read from a file or the environment, never written down again.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde::Deserialize;

/// Longest secret, bytes.
const SECRET_BYTES_MAX: u64 = 4_096;

/// Where a secret is. Never the secret itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum SecretFrom {
    /// A file, one line; relative to the configuration's folder.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
}

/// A secret. It shows as `[secret]` wherever it is printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A secret that was read elsewhere.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl SecretFrom {
    /// Reads it. `folder` is where relative paths begin.
    ///
    /// # Errors
    /// A sentence with the remedy, which names the place and never the content.
    pub fn read(&self, folder: &Path) -> Result<Secret, String> {
        let text = match self {
            Self::Environment(name) => std::env::var(name).map_err(|_| {
                format!("the environment variable {name} is not set: export it before the start")
            })?,
            Self::File(path) => {
                let path = folder.join(path);
                let place = path.display();
                let size = std::fs::metadata(&path)
                    .map_err(|error| {
                        format!(
                            "{place} cannot be read: {error}; correct the path or its permissions"
                        )
                    })?
                    .len();
                if size > SECRET_BYTES_MAX {
                    return Err(format!(
                        "{place} has {size} bytes: a secret is one line of at most {SECRET_BYTES_MAX}"
                    ));
                }
                std::fs::read_to_string(&path)
                    .map_err(|error| format!("{place} cannot be read as text: {}", error.kind()))?
            }
        };
        let text = text.trim();
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(format!("{} is empty or has several lines: write one line", self.place()));
        }
        Ok(Secret(text.to_owned()))
    }

    fn place(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Environment(name) => format!("the environment variable {name}"),
        }
    }
}
