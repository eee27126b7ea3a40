//! Proposes bounds and whitelists for a protocol from its own past.
