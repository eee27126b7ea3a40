//! The address file: one line that says where the database is.
//!
//! `postgresql://USER:PASSWORD@HOST:PORT/DATABASE?schema=…&sslmode=…&sslrootcert=…&waitSeconds=…`, lines that begin with
//! `#` aside. `${NAME}` stands for the environment's value, encoded as addresses need it; a line that is nothing but
//! `${NAME}` is taken from there as it is.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio_postgres::config::{Config, Host, SslMode};
use url::Url;

use crate::store::error::StoreError;

/// Longest address file, bytes.
const FILE_BYTES_MAX: u64 = 16 << 10;
/// Longest wait for a server that is away, seconds, unless the address says otherwise.
const WAIT_S: u64 = 900;
/// Longest name of a schema, bytes: `PostgreSQL` cuts longer ones.
const SCHEMA_BYTES_MAX: usize = 63;

/// How the connection is protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Protection {
    /// Not at all.
    Disable,
    /// Encrypted; whoever answers is believed.
    Require,
    /// Encrypted, with a certificate for this host by an authority from the file, or else by one of the system's.
    VerifyFull(Option<PathBuf>),
}

/// Where the database is, and how to reach it.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) config: Config,
    pub(super) schema: String,
    pub(super) protection: Protection,
    /// How long an entry may wait for a server that is away.
    pub(super) wait: Duration,
    /// For messages: file, host, database and schema, no password.
    pub(super) place: PathBuf,
}

impl Address {
    pub(super) fn read(path: &Path) -> Result<Self, StoreError> {
        let wrong = |why: String| StoreError::Address { path: path.into(), why };
        let io = |source| StoreError::Io { path: path.into(), source };
        let about = match std::fs::metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let why = "there is no such address file: write one line, `postgresql://USER@HOST/DATABASE`, into it, or correct the path";
                return Err(wrong(why.to_owned()));
            }
            other => other.map_err(io)?,
        };
        if about.len() > FILE_BYTES_MAX {
            return Err(wrong(format!(
                "it has {} bytes: an address is one line, of at most {FILE_BYTES_MAX}",
                about.len()
            )));
        }
        let text = std::fs::read_to_string(path).map_err(io)?;
        let mut lines =
            text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
        let (Some(line), None) = (lines.next(), lines.next()) else {
            return Err(wrong("it must hold one address, one line beside comments".to_owned()));
        };
        let address = Self::parse(path, &filled(line).map_err(wrong)?).map_err(wrong)?;
        if address.config.get_password().is_some() && is_open_to_all(&about) {
            return Err(wrong(format!(
                "it holds a password and everybody on this machine may read it: chmod 600 {}",
                path.display()
            )));
        }
        Ok(address)
    }

    /// Errors name parts of the address, never its content: the parser's own words may quote a password.
    fn parse(path: &Path, text: &str) -> Result<Self, String> {
        let form = "write `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`, with special characters as %XX, or \
             `postgresql:///DATABASE?host=/var/run/postgresql&user=USER` for a socket";
        let mut url = Url::parse(text).map_err(|error| format!("no address: {error}; {form}"))?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err(format!("no address of PostgreSQL; {form}"));
        }
        let (mut schema, mut wait_s) = ("portcullis".to_owned(), WAIT_S);
        let (mut mode, mut root, mut rest) = (None, None, Vec::new());
        for (name, value) in url.query_pairs().into_owned() {
            match name.as_str() {
                "schema" => schema = value,
                "sslmode" => mode = Some(value),
                "sslrootcert" => root = Some(path.parent().unwrap_or(Path::new("")).join(value)),
                "waitSeconds" => {
                    wait_s = value.parse().map_err(|_| "waitSeconds is no whole number")?;
                }
                _ => rest.push((name, value)),
            }
        }
        url.set_query(None);
        if !rest.is_empty() {
            url.query_pairs_mut().extend_pairs(rest);
        }
        // Forms write a space as `+`, addresses of PostgreSQL as `%20`.
        let plain = url.as_str().replace('+', "%20");
        let mut config: Config = plain.parse().map_err(|error: tokio_postgres::Error| {
            let why = std::error::Error::source(&error).map(ToString::to_string);
            format!("no address: {}; {form}", why.unwrap_or_default())
        })?;
        if config.get_hosts().is_empty() {
            return Err(format!("it names no host; {form}"));
        }
        check_schema(&schema)?;
        let protection = protection(mode.as_deref(), root, is_local(&config))?;
        let mode =
            if protection == Protection::Disable { SslMode::Disable } else { SslMode::Require };
        config.ssl_mode(mode);
        config.application_name("portcullis journal");
        config.keepalives_idle(Duration::from_secs(10));
        config.tcp_user_timeout(Duration::from_secs(20));
        let place = place(path, &config, &schema);
        Ok(Self { config, schema, protection, wait: Duration::from_secs(wait_s), place })
    }
}

/// Puts the environment's values in. What they hold is not in the errors.
fn filled(line: &str) -> Result<String, String> {
    let value = |name: &str| {
        std::env::var(name).map_err(|_| {
            format!("the environment variable {name} is not set: export it before the start")
        })
    };
    let name = line.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    if let Some(name) = name.filter(|name| !name.contains('}')) {
        return value(name);
    }
    let (mut out, mut rest) = (String::new(), line);
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) =
            after.split_once('}').ok_or("a `${` has no `}`: close it or write %24%7B")?;
        out += before;
        for byte in value(name)?.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    out.push(byte.into());
                }
                other => out += &format!("%{other:02X}"),
            }
        }
        rest = after;
    }
    Ok(out + rest)
}

fn check_schema(schema: &str) -> Result<(), String> {
    let mut bytes = schema.bytes();
    let begins = bytes.next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_');
    let goes_on = bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if begins && goes_on && schema.len() <= SCHEMA_BYTES_MAX && !schema.starts_with("pg_") {
        return Ok(());
    }
    Err("schema: use small letters, digits and `_`, a letter first and not `pg_`, at most 63"
        .to_owned())
}

fn protection(
    mode: Option<&str>,
    root: Option<PathBuf>,
    is_local: bool,
) -> Result<Protection, String> {
    match mode {
        Some("require") => Ok(Protection::Require),
        Some("disable") => Ok(Protection::Disable),
        None if is_local && root.is_none() => Ok(Protection::Disable),
        None | Some("verify-full") => Ok(Protection::VerifyFull(root)),
        Some(_) => Err("sslmode is `disable`, `require` or `verify-full`: \
             the others of libpq fall back to less without saying so"
            .to_owned()),
    }
}

/// Whether nothing leaves this machine.
fn is_local(config: &Config) -> bool {
    config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    })
}

fn place(path: &Path, config: &Config, schema: &str) -> PathBuf {
    let host = config.get_hosts().first().map_or_else(String::new, |host| match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(folder) => folder.display().to_string(),
    });
    let database = config.get_dbname().or(config.get_user()).unwrap_or("?");
    format!("{} ({host}, database {database}, schema {schema})", path.display()).into()
}

#[cfg(unix)]
fn is_open_to_all(about: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    about.permissions().mode() & 0o007 != 0
}

#[cfg(not(unix))]
fn is_open_to_all(_about: &std::fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests;
