//! How much of a theft is saved when everything stops some time after the first alert.

use portcullis_types::money::Usd;

/// What was stolen at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drain {
    /// Block time, seconds since the epoch.
    pub timestamp: u64,
    /// What it was worth, at one reference price for the whole theft.
    pub value: Usd,
}

/// What a stop saves of a theft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Saved {
    /// What would have been stolen after the stop.
    pub saved: Usd,
    /// All that was stolen.
    pub total: Usd,
}

impl Saved {
    /// The saved share in hundredths of a percent, rounded down; none where nothing was stolen.
    pub fn basis_points(self) -> Option<u32> {
        let (saved, total) = (self.saved.0, self.total.0);
        if total <= 0 {
            return None;
        }
        u32::try_from(saved.max(0).checked_mul(10_000)? / total).ok()
    }
}

/// What is saved of `curve` (in any order) if nothing is paid out any more from `delay_seconds` after `alert` on. What is
/// stolen in the very second of the stop counts as lost: the stop is mined in a block of its own, after it.
pub fn loss_saved(curve: &[Drain], alert: u64, delay_seconds: u64) -> Saved {
    let stop = alert.saturating_add(delay_seconds);
    let (mut saved, mut total) = (Usd::ZERO, Usd::ZERO);
    for drain in curve {
        total += drain.value;
        if drain.timestamp > stop {
            saved += drain.value;
        }
    }
    Saved { saved, total }
}

#[cfg(test)]
mod tests;
