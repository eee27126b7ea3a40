//! Where the responder's key comes from, and the key itself.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use alloy_primitives::{Address, B256, Signature};
use alloy_signer::SignerSync as _;
use alloy_signer_local::PrivateKeySigner;
use serde::{Deserialize, Serialize};

use super::tally::Tally;

/// Longest password file that is read, in bytes: it holds one line.
const PASSWORD_FILE_BYTES_MAX: u64 = 4096;

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
    /// Reads the key. Decrypting a keystore takes seconds by design.
    pub fn load(&self) -> Result<Key, KeyError> {
        let signer = match self {
            Self::Keystore { path, password_file } => from_keystore(path, password_file)?,
            Self::Environment { variable } => from_environment(variable)?,
        };
        Ok(Key(signer))
    }

    /// What was signed with the key within the last hour. Beside a keystore it is kept in a file; a key from an
    /// environment variable has no place for one.
    pub(super) fn tally(&self, unix: u64) -> Result<Tally, KeyError> {
        match self {
            Self::Keystore { path, .. } => Tally::beside(path, unix),
            Self::Environment { .. } => Ok(Tally::default()),
        }
    }
}

/// The responder's private key. It shows nothing but its address.
pub struct Key(PrivateKeySigner);

impl Key {
    /// The account of the key.
    pub fn address(&self) -> Address {
        self.0.address()
    }

    /// A signature of `hash`, deterministic (RFC 6979).
    pub(super) fn sign(&self, hash: &B256) -> Result<Signature, String> {
        self.0.sign_hash_sync(hash).map_err(|error| error.to_string())
    }

    /// A signature of a text (EIP-191, version `E`), which no transaction or order can have.
    pub(crate) fn sign_text(&self, text: &str) -> Result<Signature, String> {
        self.0.sign_message_sync(text.as_bytes()).map_err(|error| error.to_string())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.address())
    }
}

fn from_environment(variable: &str) -> Result<PrivateKeySigner, KeyError> {
    let text = std::env::var(variable)
        .map_err(|_| KeyError::NoVariable { variable: variable.to_owned() })?;
    from_hex(&text).ok_or_else(|| KeyError::NotAKey { variable: variable.to_owned() })
}

fn from_hex(text: &str) -> Option<PrivateKeySigner> {
    let digits = text.trim();
    let digits = digits.strip_prefix("0x").unwrap_or(digits);
    let secret: B256 = digits.parse().ok()?;
    PrivateKeySigner::from_bytes(&secret).ok()
}

fn from_keystore(path: &Path, password_file: &Path) -> Result<PrivateKeySigner, KeyError> {
    require_private(path)?;
    let size = require_private(password_file)?;
    if size > PASSWORD_FILE_BYTES_MAX {
        let reason =
            format!("it is longer than {PASSWORD_FILE_BYTES_MAX} bytes, so no password file");
        return Err(KeyError::Unreadable { path: password_file.to_owned(), reason });
    }
    let text = std::fs::read_to_string(password_file)
        .map_err(|error| unreadable(password_file, &error))?;
    let password = text.lines().next().unwrap_or("");
    PrivateKeySigner::decrypt_keystore(path, password)
        .map_err(|_| KeyError::NotDecrypted { path: path.to_owned() })
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

/// A key for tests: the first account of every development chain.
#[cfg(test)]
pub(crate) fn development_key() -> Key {
    let secret = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
    Key(from_hex(secret).unwrap())
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let error = KeySource::Environment { variable: "PATH".to_owned() }.load().unwrap_err();
        let value = std::env::var("PATH").unwrap();
        assert!(!error.to_string().contains(&value), "{error}");
        let error = KeySource::Environment { variable: "PORTCULLIS_NO_SUCH".to_owned() }.load();
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
            let message = source.load().unwrap_err().to_string();
            assert!(message.contains(&format!("chmod 600 {}", remedy_for.display())), "{message}");
        }

        set(&path, 0o600);
        set(&password_file, 0o600);
        assert_eq!(source.load().unwrap().address(), development_key().address());

        std::fs::write(&password_file, "wrong-password\n").unwrap();
        let message = source.load().unwrap_err().to_string();
        assert!(message.contains("cannot be decrypted") && !message.contains("wrong-password"));
    }
}
