//! Random texts and their comparison. Sessions, nonces and tokens are kept as hashes only.

use axum::http::HeaderMap;
use rand::{TryRngCore as _, rngs::OsRng};
use sha2::{Digest as _, Sha256};

/// Random bytes of a session's secret.
pub(crate) const SECRET_BYTES: usize = 32;

/// A random text of `N` bytes in hexadecimal digits; none if the system has no randomness, where nothing may go on.
pub(crate) fn random_text<const N: usize>() -> Option<String> {
    let mut bytes = [0_u8; N];
    OsRng.try_fill_bytes(&mut bytes).ok()?;
    Some(alloy_primitives::hex::encode(bytes))
}

/// What is kept of a secret.
pub(crate) fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// SHA-256 of bytes, in hexadecimal digits.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    alloy_primitives::hex::encode(Sha256::digest(bytes))
}

/// Whether two digests are equal, in a time that does not depend on where they differ.
pub(crate) fn same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    one.iter().zip(other).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

/// A header's text, if it is there once and is text.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut all = headers.get_all(name).iter();
    let first = all.next()?;
    if all.next().is_some() {
        return None;
    }
    first.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_compared_whole() {
        let (one, mut other) = (digest("a"), digest("a"));
        assert!(same(&one, &other));
        other[31] ^= 1;
        assert!(!same(&one, &other));
        assert_ne!(random_text::<16>(), random_text::<16>());
        assert_eq!(random_text::<16>().map(|text| text.len()), Some(32));
    }
}
