//! Section `console`: where the API listens, and who may do what there.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::{Path, PathBuf},
};

use portcullis_notify::SecretFrom;
use serde::Deserialize;

use super::compile::{Problem, about};
use crate::api::{Access, Origin, STALE_SECONDS, Token};

/// Shortest token, characters: what is shorter can be guessed.
const TOKEN_CHARS_MIN: usize = 24;
/// Most tokens.
const TOKENS_MAX: usize = 64;

/// `console:`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConsoleFile {
    /// Address and port. Default `127.0.0.1:7711`.
    #[serde(default = "here")]
    pub listen: SocketAddr,
    /// What browsers see: `https://console.example.org`. Default: `http://` and `listen`, which must then be this machine's.
    #[serde(default)]
    pub origin: Option<String>,
    /// What people of the roster may do: `viewer`, `responder`, `commander`, `admin`. Default of whoever has a `signer`
    /// there: responder.
    #[serde(default)]
    pub access: BTreeMap<String, Access>,
    /// Tokens for programs.
    #[serde(default)]
    pub tokens: Vec<TokenFile>,
    /// Folders with outputs of `portcullis backtest`, relative to the configuration. Default none.
    #[serde(default)]
    pub reports: Vec<PathBuf>,
    /// Folders with outputs of `portcullis drill`. Default `.portcullis/drills`.
    #[serde(default = "drills")]
    pub drills: Vec<PathBuf>,
    /// Seconds without news of a chain before health says that we are blind. Default 120.
    #[serde(default = "stale")]
    pub stale_seconds: u64,
    /// Whether everybody who reaches the console may read what was released for the public, at `/status` and
    /// `/api/v1/status`. Default false.
    #[serde(default)]
    pub public_status: bool,
}

fn here() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 7_711))
}

fn drills() -> Vec<PathBuf> {
    vec![".portcullis/drills".into()]
}

fn stale() -> u64 {
    STALE_SECONDS
}

/// A token for a program. Its text is in a file or in the environment, never here.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenFile {
    /// Name; what stands in the audit.
    pub name: String,
    /// A file with one line, relative to the configuration.
    #[serde(default)]
    pub file: Option<PathBuf>,
    /// Or an environment variable.
    #[serde(default)]
    pub environment: Option<String>,
    /// What it may do.
    pub access: Access,
}

/// The section, checked. Secrets are read when the API starts ([`Console::tokens`]).
#[derive(Debug, Clone)]
pub struct Console {
    /// As written, with paths made absolute.
    pub file: ConsoleFile,
    /// Where browsers see it.
    pub origin: Origin,
    /// The configuration's folder.
    pub folder: PathBuf,
}

pub(super) fn compile(folder: &Path, file: &ConsoleFile) -> Result<Console, Problem> {
    let origin = match &file.origin {
        Some(text) => Origin::read(text).map_err(|problem| (problem, Some(text.clone())))?,
        None => Origin::read(&format!("http://{}", file.listen)).map_err(|_| {
            about(
                "`console.origin` is missing: say at which https address browsers see it",
                "listen",
            )
        })?,
    };
    if file.tokens.len() > TOKENS_MAX {
        return Err(about(&format!("more than {TOKENS_MAX} tokens: remove some"), "tokens"));
    }
    let mut names = BTreeSet::new();
    for token in &file.tokens {
        super::compile::unique(&mut names, "token", &token.name)?;
        if file.access.contains_key(&token.name) {
            let text = format!("the token `{}` has a person's name: give it its own", token.name);
            return Err(about(&text, &token.name));
        }
        if token.file.is_some() == token.environment.is_some() {
            let text =
                format!("the token `{}` needs `file` or `environment`, one of them", token.name);
            return Err(about(&text, &token.name));
        }
    }
    if file.stale_seconds == 0 {
        return Err(about("`staleSeconds` must be above 0: write 120", "staleSeconds"));
    }
    let absolute = |paths: &[PathBuf]| paths.iter().map(|path| folder.join(path)).collect();
    let (reports, drills) = (absolute(&file.reports), absolute(&file.drills));
    let file = ConsoleFile { reports, drills, ..file.clone() };
    Ok(Console { file, origin, folder: folder.to_owned() })
}

impl Console {
    /// Reads the tokens.
    ///
    /// # Errors
    /// One cannot be read, is too short, or is another's as well.
    pub fn tokens(&self) -> Result<Vec<Token>, String> {
        let mut tokens: Vec<Token> = Vec::new();
        for file in &self.file.tokens {
            let from = match (&file.file, &file.environment) {
                (Some(path), _) => SecretFrom::File(path.clone()),
                (None, name) => SecretFrom::Environment(name.clone().unwrap_or_default()),
            };
            let secret = from.read(&self.folder)?;
            if secret.reveal().chars().count() < TOKEN_CHARS_MIN {
                return Err(format!(
                    "the token `{}` is shorter than {TOKEN_CHARS_MIN} characters: make one with `openssl rand -hex 32`",
                    file.name
                ));
            }
            let token = Token::new(&file.name, secret.reveal(), file.access);
            if let Some(other) = tokens.iter().find(|other| other.digest == token.digest) {
                return Err(format!(
                    "`{}` and `{}` have the same token: give each its own",
                    other.name, file.name
                ));
            }
            tokens.push(token);
        }
        Ok(tokens)
    }
}
