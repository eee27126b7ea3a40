//! The store's promises, written once and kept on both databases.

mod append;
mod backup;
pub(super) mod kit;
mod migration;
