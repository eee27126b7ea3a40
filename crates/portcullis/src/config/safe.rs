//! `safe.yaml`: what an owner of a Safe decides before any transaction is looked at.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use alloy_primitives::Address;
use portcullis_act::safe::SafeVersion;
use serde::Deserialize;
use url::Url;

use super::{
    compile::{absolute, expand},
    file::{ChainFile, ResponderFile},
};

/// Largest file that is read, bytes.
const SAFE_FILE_BYTES_MAX: u64 = 1 << 20;

/// The file as users write it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SafeFile {
    /// The Safe.
    pub safe: Address,
    /// What its `VERSION()` answers; decides how its hashes are made. `safe check` compares it with the chain.
    pub version: SafeVersion,
    /// Its chain and nodes.
    pub chain: ChainFile,
    /// Targets of delegatecalls that are let through besides Safe's own `MultiSendCallOnly`.
    #[serde(default)]
    pub delegatecall: BTreeSet<Address>,
    /// Tokens whose balances are compared even if nothing seems to move, and their units.
    #[serde(default)]
    pub tokens: Vec<TokenFile>,
    /// Where proposals are fetched from with `--fetch`.
    #[serde(default)]
    pub service: Option<ServiceFile>,
    /// The owner who signs here.
    #[serde(default)]
    pub signer: Option<ResponderFile>,
    /// The account that carries transactions out and pays the gas; need not be an owner.
    #[serde(default)]
    pub executor: Option<ResponderFile>,
}

/// A token.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenFile {
    /// How it is called here.
    pub symbol: String,
    /// Its contract.
    pub token: Address,
    /// Its decimals.
    pub decimals: u8,
}

/// A Safe Transaction Service.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceFile {
    /// Its address up to `/api`.
    pub url: Url,
    /// Environment variable with the bearer token, where it wants one.
    #[serde(default)]
    pub token_variable: Option<String>,
    /// A file whose first line is that token, readable for nobody else; relative to the configuration's folder.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
}

/// Reads the file.
///
/// # Errors
/// What is wrong with it, with file and line.
pub fn load_safe(path: &Path) -> Result<SafeFile, String> {
    let shown = path.display();
    let size = std::fs::metadata(path)
        .map_err(|error| format!("{shown}: cannot be read: {error}; give the path with --config"))?
        .len();
    if size > SAFE_FILE_BYTES_MAX {
        return Err(format!("{shown}: is {size} bytes long, more than {SAFE_FILE_BYTES_MAX}"));
    }
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("{shown}: cannot be read as UTF-8 text: {error}"))?;
    let mut file: SafeFile = serde_saphyr::from_str(&text).map_err(|error| {
        let problem = error.to_string();
        let line = error.location().map_or(String::new(), |at| format!(":{}", at.line()));
        format!("{shown}{line}: {}", problem.lines().next().unwrap_or_default())
    })?;
    let nodes = file.chain.nodes.iter().map(|node| expand(node)).collect::<Result<_, _>>();
    file.chain.nodes = nodes.map_err(|(problem, _)| format!("{shown}: {problem}"))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    for one in file.signer.iter().chain(&file.executor) {
        let problem = one.key.as_ref().and_then(|key| key.source().problem());
        problem.map_or(Ok(()), |problem| Err(format!("{shown}: {problem}")))?;
    }
    if let Some(service) = &mut file.service {
        if service.token_variable.is_some() && service.token_file.is_some() {
            return Err(format!("{shown}: `service` has tokenVariable and tokenFile: keep one"));
        }
        service.token_file = service.token_file.take().map(|path| folder.join(path));
    }
    file.signer = file.signer.map(|one| absolute(folder, one));
    file.executor = file.executor.map(|one| absolute(folder, one));
    Ok(file)
}
