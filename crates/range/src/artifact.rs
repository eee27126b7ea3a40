//! Compiled contracts: forge's output, or the ready artifact of an npm package.

use crate::{RangeError, project_root};
use alloy_json_abi::JsonAbi;
use alloy_primitives::{Bytes, hex};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// What is needed of a compiled contract.
#[derive(Debug, Clone)]
pub(crate) struct Artifact {
    pub(crate) abi: JsonAbi,
    pub(crate) creation_code: Bytes,
}

#[derive(Deserialize)]
struct ArtifactFile {
    abi: JsonAbi,
    bytecode: Bytecode,
}

/// forge writes an object, hardhat and truffle a string.
#[derive(Deserialize)]
#[serde(untagged)]
enum Bytecode {
    Text(String),
    Object { object: String },
}

impl Artifact {
    /// Reads the artifact that a scenario names: `Name` (forge's output), `npm:path` (a package's
    /// file) or `./path` (a file of the scenario's folder).
    ///
    /// # Errors
    /// [`RangeError::File`] or [`RangeError::Artifact`], with what to do.
    pub(crate) fn load(name: &str, scenario_folder: &Path) -> Result<Self, RangeError> {
        let (file, remedy) = locate(name, scenario_folder)?;
        let text = std::fs::read_to_string(&file).map_err(|source| RangeError::File {
            file: file.clone(),
            source,
            remedy: remedy.to_owned(),
        })?;
        Self::parse(&text).map_err(|message| RangeError::Artifact { file, message })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let file: ArtifactFile = serde_json::from_str(text).map_err(|error| {
            format!(
                "{error}: it must be JSON with `abi` and `bytecode`, as forge and hardhat write"
            )
        })?;
        let code = match &file.bytecode {
            Bytecode::Text(code) | Bytecode::Object { object: code } => code.trim(),
        };
        let code = code.strip_prefix("0x").unwrap_or(code);
        if code.is_empty() {
            return Err(
                "it has no bytecode: name a contract, not an interface or abstract one".to_owned()
            );
        }
        if code.contains('_') {
            return Err(
                "its bytecode needs libraries linked: name a contract that needs none".to_owned()
            );
        }
        let code = hex::decode(code).map_err(|error| {
            format!("its bytecode is not hexadecimal ({error}): build it again")
        })?;
        Ok(Self { abi: file.abi, creation_code: code.into() })
    }
}

fn locate(name: &str, scenario_folder: &Path) -> Result<(PathBuf, &'static str), RangeError> {
    if let Some(path) = name.strip_prefix("./") {
        return Ok((scenario_folder.join(path), "the path is taken from the scenario's folder"));
    }
    let contracts = project_root()?.join("contracts");
    if let Some(path) = name.strip_prefix("npm:") {
        return Ok((contracts.join("node_modules").join(path), "run: make setup"));
    }
    let file = contracts.join("out").join(format!("{name}.sol")).join(format!("{name}.json"));
    Ok((file, "run: make setup"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Result<&[u8], &str>) {
        let found = Artifact::parse(text);
        match (&found, expect) {
            (Ok(artifact), Ok(code)) => assert_eq!(artifact.creation_code.as_ref(), code),
            (Err(message), Err(part)) => assert!(message.contains(part), "{message}"),
            _ => panic!("{text}: {found:?}"),
        }
    }

    #[test]
    fn the_forms_of_forge_hardhat_and_truffle() {
        check(
            r#"{"abi": [], "bytecode": {"object": "0x6001", "linkReferences": {}}}"#,
            Ok(&[0x60, 1]),
        );
        check(r#"{"abi": [], "bytecode": "0x6001", "contractName": "X"}"#, Ok(&[0x60, 1]));
        check(r#"{"abi": [], "bytecode": "6001"}"#, Ok(&[0x60, 1]));
        check(r#"{"abi": [], "bytecode": "0x"}"#, Err("no bytecode"));
        check(r#"{"abi": [], "bytecode": "0x60__$ab$__"}"#, Err("libraries"));
        check(r#"{"abi": []}"#, Err("bytecode"));
    }
}
