//! Channels over real sockets: an HTTP server and a mail server of this machine receive what is sent.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking, as tests do"
)]

mod delivery;
mod mail;
mod secrets;
mod storm;
mod support;
