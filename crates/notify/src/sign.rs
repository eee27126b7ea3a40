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
