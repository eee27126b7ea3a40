//! What the API counts of itself.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use axum::http::StatusCode;

/// Counts since the start.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// By hundreds of the status: 2xx, 3xx, 4xx, 5xx.
    answers: [AtomicU64; 4],
    unaudited: AtomicU64,
    resyncs: AtomicU64,
}

impl Counters {
    pub(crate) fn answered(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(2);
        if let Some(count) = self.answers.get(class) {
            count.fetch_add(1, Relaxed);
        }
    }

    /// A stranger's attempt that was one too many for the audit.
    pub(crate) fn unaudited(&self) {
        self.unaudited.fetch_add(1, Relaxed);
    }

    /// A stream whose reader was too slow.
    pub(crate) fn resynced(&self) {
        self.resyncs.fetch_add(1, Relaxed);
    }

    /// Name of the class and count.
    pub(crate) fn answers(&self) -> [(&'static str, u64); 4] {
        let names = ["2xx", "3xx", "4xx", "5xx"];
        let mut out = [("", 0); 4];
        for ((place, name), count) in out.iter_mut().zip(names).zip(&self.answers) {
            *place = (name, count.load(Relaxed));
        }
        out
    }

    pub(crate) fn unaudited_so_far(&self) -> u64 {
        self.unaudited.load(Relaxed)
    }

    pub(crate) fn resyncs(&self) -> u64 {
        self.resyncs.load(Relaxed)
    }
}
