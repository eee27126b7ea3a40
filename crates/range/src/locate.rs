//! Where the project and the anvil binary are.

use crate::RangeError;
use std::{
    env,
    path::{Path, PathBuf},
};

/// The project's folder: `PORTCULLIS_ROOT`, or the nearest folder at or above the current one that
/// holds `scenarios/`.
///
/// # Errors
/// [`RangeError::RootNotFound`].
pub fn project_root() -> Result<PathBuf, RangeError> {
    if let Some(root) = env::var_os("PORTCULLIS_ROOT") {
        return Ok(PathBuf::from(root));
    }
    let start = env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    match root_above(&start) {
        Some(root) => Ok(root),
        None => Err(RangeError::RootNotFound { start }),
    }
}

/// The anvil binary: `PORTCULLIS_ANVIL`, or the one that npm put under `contracts/node_modules`,
/// or `anvil` on `PATH`.
///
/// # Errors
/// [`RangeError::AnvilNotFound`], which says how to install it.
pub fn anvil_path() -> Result<PathBuf, RangeError> {
    let mut looked_for = Vec::new();
    if let Some(path) = env::var_os("PORTCULLIS_ANVIL") {
        let path = PathBuf::from(path);
        if path.is_file() {
            return Ok(path);
        }
        // A path that was given and is wrong is an error: another anvil may be another version.
        let looked_for = format!("{}, from PORTCULLIS_ANVIL", path.display());
        return Err(RangeError::AnvilNotFound { looked_for });
    }
    if let Ok(root) = project_root() {
        let path = root
            .join("contracts/node_modules/@foundry-rs")
            .join(format!("anvil-{}", npm_platform()))
            .join("bin/anvil");
        if path.is_file() {
            return Ok(path);
        }
        looked_for.push(path.display().to_string());
    }
    let on_path = env::var_os("PATH").and_then(|paths| {
        env::split_paths(&paths).map(|folder| folder.join("anvil")).find(|path| path.is_file())
    });
    looked_for.push("anvil on PATH".to_owned());
    on_path.ok_or(RangeError::AnvilNotFound { looked_for: looked_for.join(", ") })
}

fn root_above(start: &Path) -> Option<PathBuf> {
    start.ancestors().find(|folder| folder.join("scenarios").is_dir()).map(Path::to_path_buf)
}

/// The platform as the npm packages of Foundry name it, for example `linux-amd64`.
fn npm_platform() -> String {
    let system = match env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    let machine = match env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{system}-{machine}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_the_nearest_folder_that_holds_scenarios() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b");
        std::fs::create_dir_all(&deep).unwrap();
        std::fs::create_dir_all(folder.path().join("scenarios")).unwrap();
        assert_eq!(root_above(&deep), Some(folder.path().to_path_buf()));
    }

    #[test]
    fn the_platform_is_named_as_npm_names_it() {
        let platform = npm_platform();
        assert!(!platform.contains("x86_64") && !platform.contains("macos"), "{platform}");
    }
}
