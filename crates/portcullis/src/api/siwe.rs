//! Sign-In with Ethereum: what a wallet is asked to sign, and whether it did.
//!
//! The whole message is compared with what this program asked for: its domain, address of the console, statement, chain and a
//! nonce that was given out minutes ago and is worth something once. What the standard allows and nobody asked for (request
//! ids, resources) is refused. A contract's signature (EIP-1271) is for [`super::wallets`], which asks the chain.
//!
//! Source: EIP-4361, EIP-191 (version `E`), EIP-55, EIP-2 (only the lower of two equal signatures).

mod time;

use alloy_primitives::{Address, Signature, eip191_hash_message};

pub(crate) use time::read_rfc3339;

/// Longest message that is read, bytes.
pub(crate) const MESSAGE_BYTES_MAX: usize = 2_048;

/// How old `Issued At` may be, and how far in the future by a clock that is wrong, milliseconds.
const ISSUED_BEFORE_MS_MAX: u64 = 10 * 60 * 1_000;
const ISSUED_AFTER_MS_MAX: u64 = 60 * 1_000;

/// What a message must say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expected {
    /// Host and port, as browsers show them.
    pub(crate) domain: String,
    /// The console's address.
    pub(crate) uri: String,
    /// What is agreed to.
    pub(crate) statement: String,
    /// Chain id.
    pub(crate) chain_id: u64,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) domain: String,
    pub(crate) address: Address,
    pub(crate) statement: String,
    pub(crate) uri: String,
    pub(crate) chain_id: u64,
    pub(crate) nonce: String,
    pub(crate) issued_at_ms: u64,
    pub(crate) expires_at_ms: Option<u64>,
    pub(crate) not_before_ms: Option<u64>,
}

/// Why a sign-in was refused, for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the message has {0} bytes, more than {MESSAGE_BYTES_MAX}")]
    TooLong(usize),
    #[error("the message is not as EIP-4361 writes it: {0}")]
    Malformed(&'static str),
    #[error("the message says another {0} than this console asked for")]
    Other(&'static str),
    #[error("the message is from another time: {0}")]
    Time(&'static str),
    #[error("the signature is no key's, and the account's contract (EIP-1271) has not agreed: {0}")]
    Contract(String),
    #[error("the signature is none of 65 bytes, or not the lower of two equal ones (EIP-2)")]
    NoSignature,
    #[error("the signature is not that of the address in the message")]
    NotTheAddress,
}

const GREETING: &str = " wants you to sign in with your Ethereum account:";

/// The message that a wallet signs for what was asked. For tests and for those who sign without a browser.
#[cfg(test)]
pub(crate) fn write(expected: &Expected, address: Address, nonce: &str, issued_at: &str) -> String {
    format!(
        "{}{GREETING}\n{}\n\n{}\n\nURI: {}\nVersion: 1\nChain ID: {}\nNonce: {nonce}\nIssued At: {issued_at}",
        expected.domain,
        address.to_checksum(None),
        expected.statement,
        expected.uri,
        expected.chain_id
    )
}

/// Reads a message.
///
/// # Errors
/// It is too long or not as the standard writes it.
pub(crate) fn read(text: &str) -> Result<Message, Refused> {
    use Refused::Malformed;
    if text.len() > MESSAGE_BYTES_MAX {
        return Err(Refused::TooLong(text.len()));
    }
    let mut lines = text.split('\n');
    let mut line = || lines.next();
    let domain = line().and_then(|first| first.strip_suffix(GREETING));
    let domain = domain.ok_or(Malformed("its first line is another"))?.to_owned();
    let address = line().and_then(checksummed).ok_or(Malformed("no address with its checksum"))?;
    let blank = |line: Option<&str>| match line {
        Some("") => Ok(()),
        _ => Err(Malformed("an empty line is missing")),
    };
    blank(line())?;
    let statement = line().unwrap_or_default().to_owned();
    if !statement.is_empty() {
        blank(line())?;
    }
    let mut field = |name: &str| line().and_then(|line| line.strip_prefix(name));
    let uri = field("URI: ").ok_or(Malformed("no line `URI: `"))?.to_owned();
    if field("Version: ") != Some("1") {
        return Err(Malformed("no line `Version: 1`"));
    }
    let chain_id = field("Chain ID: ").and_then(number).ok_or(Malformed("no chain id"))?;
    let nonce = field("Nonce: ").ok_or(Malformed("no nonce"))?.to_owned();
    let issued_at_ms =
        field("Issued At: ").and_then(read_rfc3339).ok_or(Malformed("no time of issue"))?;
    let (mut expires_at_ms, mut not_before_ms) = (None, None);
    for line in lines {
        let time = |name: &str| line.strip_prefix(name).map(read_rfc3339);
        match (time("Expiration Time: "), time("Not Before: ")) {
            (Some(Some(at)), _) if expires_at_ms.is_none() && not_before_ms.is_none() => {
                expires_at_ms = Some(at);
            }
            (_, Some(Some(at))) if not_before_ms.is_none() => not_before_ms = Some(at),
            _ => return Err(Malformed("a line that was not asked for, or not in its place")),
        }
    }
    Ok(Message {
        domain,
        address,
        statement,
        uri,
        chain_id,
        nonce,
        issued_at_ms,
        expires_at_ms,
        not_before_ms,
    })
}

/// An address whose capitals are its checksum.
fn checksummed(text: &str) -> Option<Address> {
    Address::parse_checksummed(text, None).ok()
}

/// A decimal number without sign or leading zero.
fn number(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    plain.then(|| text.parse().ok())?
}

impl Message {
    /// Whether it says what was asked for, now. The nonce is for whoever gave it out.
    pub(crate) fn check(&self, expected: &Expected, now_ms: u64) -> Result<(), Refused> {
        for (same, what) in [
            (self.domain == expected.domain, "domain"),
            (self.uri == expected.uri, "URI"),
            (self.statement == expected.statement, "statement"),
            (self.chain_id == expected.chain_id, "chain"),
        ] {
            if !same {
                return Err(Refused::Other(what));
            }
        }
        if self.issued_at_ms > now_ms.saturating_add(ISSUED_AFTER_MS_MAX) {
            return Err(Refused::Time("it is issued in the future"));
        }
        if self.issued_at_ms.saturating_add(ISSUED_BEFORE_MS_MAX) < now_ms {
            return Err(Refused::Time("it was issued long ago"));
        }
        if self.expires_at_ms.is_some_and(|at| at <= now_ms) {
            return Err(Refused::Time("it has expired"));
        }
        if self.not_before_ms.is_some_and(|at| at > now_ms) {
            return Err(Refused::Time("it does not count yet"));
        }
        Ok(())
    }

    /// Whether `signature` is the address's over exactly `text`, from which this was read.
    pub(crate) fn verify(&self, text: &str, signature: &[u8]) -> Result<(), Refused> {
        if signature.len() != 65 {
            return Err(Refused::NoSignature);
        }
        // Which of two points it was; what else is read there (EIP-155) is for transactions, not for messages.
        if !matches!(signature.last(), Some(0 | 1 | 27 | 28)) {
            return Err(Refused::NoSignature);
        }
        let signature = Signature::from_raw(signature).map_err(|_| Refused::NoSignature)?;
        if signature.normalize_s().is_some() {
            return Err(Refused::NoSignature);
        }
        let hash = eip191_hash_message(text.as_bytes());
        match signature.recover_address_from_prehash(&hash) {
            Ok(signer) if signer == self.address => Ok(()),
            Ok(_) => Err(Refused::NotTheAddress),
            Err(_) => Err(Refused::NoSignature),
        }
    }
}

#[cfg(test)]
mod tests;
