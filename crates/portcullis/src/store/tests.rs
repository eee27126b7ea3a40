//! The store's promises, written once and kept on both databases.

mod append;
mod archive;
mod backup;
mod beside;
pub(super) mod kit;
mod migration;
