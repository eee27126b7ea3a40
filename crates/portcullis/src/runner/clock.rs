//! The only clock of the program that reaches the engine.

use std::time::{SystemTime, UNIX_EPOCH};

use portcullis_types::ids::Millis;

/// Now, in milliseconds since the Unix epoch; 0 on a machine whose clock stands before it.
pub fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
