//! Where a key is, and how it is read or opened.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use alloy_primitives::{Address, B256};
use alloy_signer_local::PrivateKeySigner;
use serde::{Deserialize, Serialize};

use super::{
    AwsKmsKey, DEVICE_TIME_LIMIT, GcpKmsKey, LedgerKey, SERVICE_TIME_LIMIT, SIGN_TIME_LIMIT,
    key::{Asked, Key},
    remote::Remote,
    tally::Tally,
};

/// Longest password file that is read, in bytes: it holds one line.
const PASSWORD_FILE_BYTES_MAX: u64 = 4096;

/// What a key signs to show that it can: a text, which no transaction and no order is (EIP-191).
const PROOF: &str = "portcullis: this key can sign";

/// Where the key is. There is no variant that holds the key itself, so that it cannot stand in a configuration file or
/// on a command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum KeySource {
    /// An encrypted key file (Web3 Secret Storage), as `cast wallet` and geth write it.
    Keystore {
        /// The key file.
        path: PathBuf,
        /// A file whose first line is the password.
        password_file: PathBuf,
    },
    /// An environment variable of the signer process with the private key as 64 hexadecimal digits.
    Environment {
        /// Name of the variable.
        variable: String,
    },
    /// A key of AWS KMS.
    AwsKms(AwsKmsKey),
    /// A key of Google Cloud KMS.
    GcpKms(GcpKmsKey),
    /// A key of a Ledger.
    Ledger(LedgerKey),
}

/// Why there is no key. No message holds any part of a secret.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Other accounts of the machine may read the file.
    #[error("{} can be read by other accounts (mode {mode:03o}): run: chmod 600 {}", path.display(), path.display())]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file cannot be read.
    #[error("cannot read {}: {reason}: correct the path or its owner", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The password does not open the key file, or the file is none.
    #[error("{} cannot be decrypted: check that it is a keystore and that the password file belongs to it", path.display())]
    NotDecrypted {
        /// The key file.
        path: PathBuf,
    },
    /// The record of signatures beside the key is not one.
    #[error(
        "{}, line {line}, is no record of a signature: nothing is signed before somebody has looked what was signed lately; \
         then move it away: mv {} {}.damaged",
        path.display(), path.display(), path.display()
    )]
    Damaged {
        /// The record.
        path: PathBuf,
        /// Which line; 0 where it is too long to be one.
        line: usize,
    },
    /// The variable is not set.
    #[error("the environment variable {variable} is not set: set it for the signer process only")]
    NoVariable {
        /// The variable.
        variable: String,
    },
    /// This program was built without what the key needs.
    #[error(
        "{what} needs a program built with `{feature}`: cargo build --release -p portcullis --features {feature}"
    )]
    NotBuilt {
        /// The key.
        what: String,
        /// The cargo feature.
        feature: &'static str,
    },
    /// The key is in another place, and cannot be used from here.
    #[error("{what} cannot be used: {why}")]
    Remote {
        /// The key.
        what: String,
        /// What was said, and what to do.
        why: String,
    },
    /// The key is not that of the configured account.
    #[error(
        "the key belongs to {found}, the configuration says {expected}: correct one of them ({what})"
    )]
    OtherAccount {
        /// The key.
        what: String,
        /// Its account.
        found: Address,
        /// The configured one.
        expected: Address,
    },
    /// The variable holds no key.
    #[error(
        "the environment variable {variable} holds no private key: it must be 64 hexadecimal digits"
    )]
    NotAKey {
        /// The variable.
        variable: String,
    },
}

impl KeySource {
    /// Reads or opens the key, and compares it with the account that the configuration names. A key in a service signs a
    /// text once, which is checked: a permission that is missing is found now and not when something has to be stopped.
    ///
    /// Decrypting a keystore takes seconds by design.
    pub async fn load(&self, expected: Address) -> Result<Key, KeyError> {
        let key = match self.remote() {
            Some(remote) => remote.open().await?,
            None => self.load_here()?,
        };
        if key.address() != expected {
            let (what, found) = (self.shown(), key.address());
            return Err(KeyError::OtherAccount { what, found, expected });
        }
        if matches!(self, Self::AwsKms(_) | Self::GcpKms(_)) {
            let signed = key.sign(&Asked::Text(PROOF)).await;
            signed.map_err(|why| KeyError::Remote { what: self.shown(), why })?;
        }
        Ok(key)
    }

    /// Reads a key that is on this machine.
    ///
    /// # Errors
    /// No key; a key that is elsewhere.
    pub fn load_here(&self) -> Result<Key, KeyError> {
        match self {
            Self::Keystore { path, password_file } => from_keystore(path, password_file),
            Self::Environment { variable } => from_environment(variable),
            _ => Err(KeyError::Remote {
                what: self.shown(),
                why: "a key is wanted here that is on this machine: name a keystore".to_owned(),
            }),
        }
        .map(Key::local)
    }

    /// What was signed with the key within the last hour. It is kept in a file beside a keystore, and beside the
    /// configuration for a key of a service; a key from an environment variable has no place for one, and a person holds
    /// the Ledger.
    pub(super) fn tally(&self, unix: u64) -> Result<Tally, KeyError> {
        let record = match self {
            Self::Keystore { path, .. } => Some(path),
            Self::AwsKms(key) => key.record.as_ref(),
            Self::GcpKms(key) => key.record.as_ref(),
            Self::Environment { .. } | Self::Ledger(_) => None,
        };
        record.map_or_else(|| Ok(Tally::default()), |path| Tally::beside(path, unix))
    }

    /// How long the signer may take for one signature.
    pub fn sign_time_limit(&self) -> Duration {
        match self {
            Self::Keystore { .. } | Self::Environment { .. } => SIGN_TIME_LIMIT,
            // The line needs some of it.
            Self::AwsKms(_) | Self::GcpKms(_) => SERVICE_TIME_LIMIT + SIGN_TIME_LIMIT,
            Self::Ledger(_) => DEVICE_TIME_LIMIT,
        }
    }

    /// Why this key cannot be used whatever the service or device says: a field that cannot be meant.
    pub fn problem(&self) -> Option<String> {
        self.remote()?.problem()
    }

    /// Why this program cannot use it as it was built; none if it can.
    pub fn missing_feature(&self) -> Option<KeyError> {
        self.remote().filter(|remote| !remote.is_built()).map(Remote::not_built)
    }

    /// Whether a person has to press a button for each signature.
    pub fn needs_a_hand(&self) -> bool {
        matches!(self, Self::Ledger(_))
    }

    fn remote(&self) -> Option<Remote<'_>> {
        match self {
            Self::Keystore { .. } | Self::Environment { .. } => None,
            Self::AwsKms(key) => Some(Remote::Aws(key)),
            Self::GcpKms(key) => Some(Remote::Gcp(key)),
            Self::Ledger(key) => Some(Remote::Ledger(key)),
        }
    }

    /// How it is called in messages.
    fn shown(&self) -> String {
        match self {
            Self::Keystore { path, .. } => path.display().to_string(),
            Self::Environment { variable } => format!("the environment variable {variable}"),
            Self::AwsKms(key) => key.shown(),
            Self::GcpKms(key) => key.shown(),
            Self::Ledger(key) => Remote::Ledger(key).shown(),
        }
    }
}

fn from_environment(variable: &str) -> Result<PrivateKeySigner, KeyError> {
    let text = std::env::var(variable)
        .map_err(|_| KeyError::NoVariable { variable: variable.to_owned() })?;
    from_hex(&text).ok_or_else(|| KeyError::NotAKey { variable: variable.to_owned() })
}

pub(super) fn from_hex(text: &str) -> Option<PrivateKeySigner> {
    let digits = text.trim();
    let digits = digits.strip_prefix("0x").unwrap_or(digits);
    let secret: B256 = digits.parse().ok()?;
    PrivateKeySigner::from_bytes(&secret).ok()
}

fn from_keystore(path: &Path, password_file: &Path) -> Result<PrivateKeySigner, KeyError> {
    require_private(path)?;
    let password = secret_line(password_file)?;
    PrivateKeySigner::decrypt_keystore(path, &password)
        .map_err(|_| KeyError::NotDecrypted { path: path.to_owned() })
}

/// The first line of a file that nobody but its owner can read or write: a password, or the key to a service.
///
/// # Errors
/// A file that others can read, is too long or cannot be read.
pub fn secret_line(path: &Path) -> Result<String, KeyError> {
    if require_private(path)? > PASSWORD_FILE_BYTES_MAX {
        let reason =
            format!("it is longer than {PASSWORD_FILE_BYTES_MAX} bytes, so no password file");
        return Err(KeyError::Unreadable { path: path.to_owned(), reason });
    }
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    Ok(text.lines().next().unwrap_or("").to_owned())
}

/// The size of a file that nobody but its owner can read or write.
pub(super) fn require_private(path: &Path) -> Result<u64, KeyError> {
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyError::OpenToOthers { path: path.to_owned(), mode });
        }
    }
    Ok(metadata.len())
}

fn unreadable(path: &Path, error: &std::io::Error) -> KeyError {
    KeyError::Unreadable { path: path.to_owned(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::{super::key::development_key, *};

    const SECRET: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

    #[test]
    fn keys_are_read_with_and_without_prefix_and_nothing_else_is_a_key() {
        let address = development_key().address();
        for text in [SECRET.to_owned(), format!("0x{SECRET}"), format!(" {SECRET}\n")] {
            assert_eq!(from_hex(&text).unwrap().address(), address);
        }
        for bad in ["", "0x", "12", "zz", &format!("{SECRET}00"), &"0".repeat(64), &"f".repeat(64)]
        {
            assert!(from_hex(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn neither_debug_nor_errors_show_a_secret() {
        let shown = format!("{:?}", development_key());
        assert!(shown.starts_with("Key(0xf39F"), "{shown}");
        assert!(!shown.to_lowercase().contains(&SECRET[..16]), "{shown}");
        // `PATH` is set everywhere and is no key.
        let error = KeySource::Environment { variable: "PATH".to_owned() }.load_here().unwrap_err();
        let value = std::env::var("PATH").unwrap();
        assert!(!error.to_string().contains(&value), "{error}");
        let error =
            KeySource::Environment { variable: "PORTCULLIS_NO_SUCH".to_owned() }.load_here();
        assert!(error.unwrap_err().to_string().contains("is not set"));
    }

    #[cfg(unix)]
    #[test]
    fn key_files_that_others_can_read_are_refused_with_the_remedy() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let mut random = alloy_signer::k256::elliptic_curve::rand_core::OsRng;
        let secret = from_hex(SECRET).unwrap().to_bytes();
        let (_, name) =
            PrivateKeySigner::encrypt_keystore(folder.path(), &mut random, secret, "hunter2", None)
                .unwrap();
        let path = folder.path().join(name);
        let password_file = folder.path().join("password");
        std::fs::write(&password_file, "hunter2\n").unwrap();
        let source =
            KeySource::Keystore { path: path.clone(), password_file: password_file.clone() };
        let set = |file: &Path, mode| {
            std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).unwrap();
        };

        for (key_mode, password_mode, remedy_for) in
            [(0o640, 0o600, &path), (0o604, 0o600, &path), (0o600, 0o620, &password_file)]
        {
            set(&path, key_mode);
            set(&password_file, password_mode);
            let message = source.load_here().unwrap_err().to_string();
            assert!(message.contains(&format!("chmod 600 {}", remedy_for.display())), "{message}");
        }

        set(&path, 0o600);
        set(&password_file, 0o600);
        assert_eq!(source.load_here().unwrap().address(), development_key().address());

        std::fs::write(&password_file, "wrong-password\n").unwrap();
        let message = source.load_here().unwrap_err().to_string();
        assert!(message.contains("cannot be decrypted") && !message.contains("wrong-password"));
    }
}
