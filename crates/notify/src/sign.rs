//! The signature of webhooks: HMAC-SHA256 over time and body.
//!
//! The header `Portcullis-Signature` holds `t=<seconds>,v1=<hex>`, where `v1` is the HMAC-SHA256 (RFC 2104) of
//! `<seconds>.<body>` under the shared secret. A receiver takes the body as the bytes it got, refuses what is older or
//! newer than [`WINDOW_SECONDS`], and remembers the body's `id` for that long: then nothing can be played to it again.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::secret::Secret;

/// Name of the header with the signature.
pub const SIGNATURE_HEADER: &str = "portcullis-signature";

/// Name of the header with the delivery's id; the body holds it too, signed.
pub const DELIVERY_HEADER: &str = "idempotency-key";

/// How far the clocks of sender and receiver, and the time on the way, may be apart, seconds.
pub const WINDOW_SECONDS: u64 = 300;

/// Most signatures in one header: old and new secret while one takes the other's place.
const SIGNATURES_MAX: usize = 4;

/// Why a signature is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureProblem {
    /// The header cannot be read.
    #[error("the signature header is not `t=<seconds>,v1=<hex>`: refuse the request")]
    Malformed,
    /// Too old or too new.
    #[error(
        "the request was signed {seconds} s away from now, more than {WINDOW_SECONDS}: refuse it, and compare the clocks"
    )]
    OutsideWindow {
        /// How far.
        seconds: u64,
    },
    /// Signed with another secret, or changed on the way.
    #[error("the signature does not fit: refuse the request, and compare the secrets")]
    Wrong,
}

/// The header's value for `body`, sent at `now` (seconds since the epoch).
pub fn sign(secret: &Secret, now: u64, body: &[u8]) -> String {
    let code = alloy_primitives::hex::encode(mac(secret, now, body).finalize().into_bytes());
    format!("t={now},v1={code}")
}

/// Checks a header's value against the body as it came. In constant time.
///
/// # Errors
/// [`SignatureProblem`]: do not act on the request.
pub fn verify(
    secret: &Secret,
    now: u64,
    header: &str,
    body: &[u8],
) -> Result<(), SignatureProblem> {
    let mut time = None;
    let mut codes = Vec::new();
    for field in header.split(',') {
        match field.trim().split_once('=') {
            Some(("t", seconds)) if time.is_none() => time = seconds.parse::<u64>().ok(),
            Some(("v1", code)) if codes.len() < SIGNATURES_MAX => {
                codes.push(
                    alloy_primitives::hex::decode(code).map_err(|_| SignatureProblem::Malformed)?,
                );
            }
            _ => return Err(SignatureProblem::Malformed),
        }
    }
    let (Some(time), false) = (time, codes.is_empty()) else {
        return Err(SignatureProblem::Malformed);
    };
    let seconds = now.abs_diff(time);
    if seconds > WINDOW_SECONDS {
        return Err(SignatureProblem::OutsideWindow { seconds });
    }
    if codes.iter().any(|code| mac(secret, time, body).verify_slice(code).is_ok()) {
        return Ok(());
    }
    Err(SignatureProblem::Wrong)
}

fn mac(secret: &Secret, seconds: u64, body: &[u8]) -> Hmac<Sha256> {
    let mut block = [0u8; 64];
    let key = secret.reveal().as_bytes();
    // A key of exactly one block needs no length check; RFC 2104 hashes longer keys and pads shorter ones with zeros.
    if key.len() > block.len() {
        use sha2::Digest as _;
        block.iter_mut().zip(Sha256::digest(key)).for_each(|(to, from)| *to = from);
    } else {
        block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    }
    let mut mac = Hmac::<Sha256>::new(&block.into());
    mac.update(seconds.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[test]
    fn the_code_is_the_one_of_the_standard() {
        // Computed with another implementation: `printf '1700000000.{}' | openssl dgst -sha256 -hmac key`.
        let header = sign(&secret("key"), 1_700_000_000, b"{}");
        assert_eq!(
            header,
            "t=1700000000,v1=9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae"
        );
        let long = "k".repeat(100);
        assert_eq!(
            sign(&secret(&long), 1_700_000_000, b"{}"),
            "t=1700000000,v1=246744db1b92fde5a79e3f247a79cda0568f4bf337d5b4c24a5e8cfa1969b8fd"
        );
    }

    #[test]
    fn what_was_changed_or_is_old_is_refused() {
        let (key, body) = (secret("a secret of more than thirty-two characters"), b"{\"id\":1}");
        let header = sign(&key, 1_000, body);
        assert_eq!(verify(&key, 1_000 + WINDOW_SECONDS, &header, body), Ok(()));
        assert_eq!(verify(&key, 1_000 - WINDOW_SECONDS, &header, body), Ok(()));
        let both = format!("{header},{}", sign(&secret("old"), 1_000, body).replace("t=1000,", ""));
        assert_eq!(verify(&secret("old"), 1_000, &both, body), Ok(()), "while a secret is changed");
        let late = SignatureProblem::OutsideWindow { seconds: WINDOW_SECONDS + 1 };
        let cases = [
            (1_000 + WINDOW_SECONDS + 1, header.clone(), &body[..], late),
            (1_000, header.replace("t=1000", "t=1001"), &body[..], SignatureProblem::Wrong),
            (1_000, header.clone(), &b"{\"id\":2}"[..], SignatureProblem::Wrong),
            (1_000, "v1=00".to_owned(), &body[..], SignatureProblem::Malformed),
            (1_000, "t=1000".to_owned(), &body[..], SignatureProblem::Malformed),
            (1_000, "t=1000,v1=zz".to_owned(), &body[..], SignatureProblem::Malformed),
        ];
        for (now, header, body, expected) in cases {
            assert_eq!(verify(&key, now, &header, body), Err(expected), "{header}");
        }
        assert_eq!(verify(&secret("other"), 1_000, &header, body), Err(SignatureProblem::Wrong));
    }
}
