//! End to end: the program as a black box, on real chains.
//!
//! `PORTCULLIS_SKIP_CHAIN=1` skips what needs anvil; tests on recorded chain data skip where that is absent.

mod bad_input;
mod drills;
mod faults;
mod history;
mod kit;
mod parity;
mod record;
