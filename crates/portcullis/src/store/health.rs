//! Whether entries can be written right now.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

/// Why an entry waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreTrouble {
    /// Since when.
    pub since: SystemTime,
    /// How often it was tried.
    pub attempts: u64,
    /// What the database said last.
    pub why: String,
}

/// Says whether entries can be written right now. It may be asked from any thread, also while an entry waits. A journal
/// in an `SQLite` file never waits: it fails.
#[derive(Debug, Clone, Default)]
pub struct StoreHealth(Arc<Mutex<Option<StoreTrouble>>>);

impl StoreHealth {
    /// Why an entry waits; none while all is well.
    pub fn trouble(&self) -> Option<StoreTrouble> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes a failure; gives back whether it is the first since all was well.
    pub(crate) fn failed(&self, why: &str) -> bool {
        let mut trouble = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = trouble.is_none();
        let now = trouble.get_or_insert_with(|| StoreTrouble {
            since: SystemTime::now(),
            attempts: 0,
            why: String::new(),
        });
        now.attempts += 1;
        why.clone_into(&mut now.why);
        is_first
    }

    /// Notes that all is well again; gives back what was.
    pub(crate) fn recovered(&self) -> Option<StoreTrouble> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
