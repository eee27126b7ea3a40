//! Channels over real sockets: an HTTP server and a mail server of this machine receive what is sent.

mod delivery;
mod mail;
mod secrets;
mod storm;
mod support;
