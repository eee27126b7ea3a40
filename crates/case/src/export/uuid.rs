//! Identifiers that follow from a name.

use alloy_primitives::{B128, keccak256};
use sha1::{Digest, Sha1};

/// The namespace that CACAO gives for playbooks.
pub(super) const CACAO: [u8; 16] = [
    0xaa, 0x7c, 0xaf, 0x3a, 0xd5, 0x5a, 0x4e, 0x9a, 0xb3, 0x4e, 0x05, 0x62, 0x15, 0xfb, 0xa5, 0x6a,
];

/// The namespace of STIX 2.1 for cyber observables.
pub(super) const STIX: [u8; 16] = [
    0x00, 0xab, 0xed, 0xb4, 0xaa, 0x42, 0x46, 0x6c, 0x9c, 0x01, 0xfe, 0xd2, 0x33, 0x15, 0xa9, 0xb7,
];

/// Version 5 (RFC 9562, §5.5): SHA-1 of namespace and name.
pub(super) fn v5(namespace: [u8; 16], name: &str) -> String {
    let mut hasher = Sha1::new();
    hasher.update(namespace);
    hasher.update(name.as_bytes());
    text(&hasher.finalize(), 5)
}

/// Version 4 with bits from a hash instead of dice. CACAO wants version 4 for steps, and we want the same step to have the
/// same id in every export.
pub(super) fn v4(parts: &[&str]) -> String {
    let mut bytes = Vec::new();
    for part in parts {
        // Lengths keep ("ab", "c") and ("a", "bc") apart.
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    text(keccak256(bytes).as_slice(), 4)
}

/// The first 16 bytes with version and variant set.
fn text(hash: &[u8], version: u128) -> String {
    let bytes = hash.get(..16).map_or(B128::ZERO, B128::from_slice);
    let number = u128::from_be_bytes(bytes.0);
    let number = number & !(0xf << 76) | version << 76;
    let number = number & !(0b11 << 62) | 0b10 << 62;
    let hex = format!("{number:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_five_is_that_of_the_standard() {
        // RFC 9562, appendix A.4: the name `www.example.com` in the namespace of domain names.
        let dns: [u8; 16] = [
            0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4,
            0x30, 0xc8,
        ];
        assert_eq!(v5(dns, "www.example.com"), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
    }

    #[test]
    fn names_are_kept_apart() {
        let (one, other) = (v4(&["ab", "c"]), v4(&["a", "bc"]));
        assert_ne!(one, other);
        assert_eq!((one.len(), one.as_bytes()[14]), (36, b'4'));
        assert!(matches!(one.as_bytes()[19], b'8' | b'9' | b'a' | b'b'));
    }
}
