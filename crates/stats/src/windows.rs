//! Largest and smallest value of the recent past, and the two-look-back check of an exchange.
//!
//! [`Extremes`] keeps a sliding minimum and maximum in amortised O(1) with monotonic queues. Memory is bounded without
//! ever forgetting an extreme too early: times are kept to 1/[`ENTRIES_MAX`] of the window, so that an entry may stay
//! up to that much longer, never shorter.
//!
//! [`TwoLookbacks`] judges a *potential* price before it is taken in: it trips if the price is above the smallest one
//! of a short **or** a long window by more than the band, or below the largest one. The short window sees a jump, the
//! long one a staircase of small steps. Nothing statistical is promised; bands are best kept unpublished, so that
//! nobody can steer just below them.
//!
//! Source: Eurex T7, "Volatility interruption" (functional reference); Lemire, "Streaming maximum-minimum filter",
//! Nordic Journal of Computing 13 (2006).

use std::collections::VecDeque;

use crate::error::{StatsError, setting};

/// The most entries of each of the two queues, and the fineness of the window's time.
pub const ENTRIES_MAX: u64 = 1_024;

/// The smallest and the largest value of a sliding window.
#[derive(Debug, Clone, PartialEq)]
pub struct Extremes<T> {
    /// How much time makes one step.
    grain: u64,
    n_steps: u64,
    newest: u64,
    /// Steps rising, values rising: the front is the smallest.
    least: VecDeque<(u64, T)>,
    /// Steps rising, values falling: the front is the largest.
    most: VecDeque<(u64, T)>,
}

impl<T: Copy + PartialOrd> Extremes<T> {
    /// A window over the last `span` units of time, whatever the unit (seconds, blocks).
    ///
    /// # Errors
    ///
    /// `span` is 0.
    pub fn new(span: u64) -> Result<Self, StatsError> {
        if span == 0 {
            return Err(StatsError::Setting { name: "span", value: 0.0, wanted: "at least 1" });
        }
        let grain = span.div_ceil(ENTRIES_MAX);
        let n_steps = span.div_ceil(grain);
        Ok(Self { grain, n_steps, newest: 0, least: VecDeque::new(), most: VecDeque::new() })
    }

    /// Takes in a value at a time. A time before the newest counts as the newest: an extreme is kept longer, not lost.
    ///
    /// # Errors
    ///
    /// The value is not comparable with itself (NaN): nothing is taken in.
    pub fn push(&mut self, time: u64, value: T) -> Result<(), StatsError> {
        if value.partial_cmp(&value).is_none() {
            return Err(StatsError::Unusable { what: "a value", value: f64::NAN });
        }
        self.forget(time);
        insert(&mut self.least, self.newest, value, |new, old| new <= old);
        insert(&mut self.most, self.newest, value, |new, old| new >= old);
        Ok(())
    }

    /// Moves on to a time: what is too old is forgotten.
    pub fn forget(&mut self, time: u64) {
        self.newest = self.newest.max(time / self.grain);
        let oldest = self.newest.saturating_sub(self.n_steps);
        for queue in [&mut self.least, &mut self.most] {
            while queue.front().is_some_and(|(step, _)| *step < oldest) {
                queue.pop_front();
            }
        }
    }

    /// The smallest value, none in an empty window.
    pub fn least(&self) -> Option<T> {
        self.least.front().map(|(_, value)| *value)
    }

    /// The largest value, none in an empty window.
    pub fn most(&self) -> Option<T> {
        self.most.front().map(|(_, value)| *value)
    }

    /// How many entries are kept, of at most 2 × ([`ENTRIES_MAX`] + 1).
    pub fn n_entries(&self) -> usize {
        self.least.len() + self.most.len()
    }
}

/// Drops what can never be the extreme again, and of one step keeps the most extreme value only.
fn insert<T: Copy>(
    queue: &mut VecDeque<(u64, T)>,
    step: u64,
    value: T,
    beats: impl Fn(T, T) -> bool,
) {
    while queue.back().is_some_and(|(_, old)| beats(value, *old)) {
        queue.pop_back();
    }
    // An earlier value of the same step is more extreme and leaves at the same time.
    if queue.back().is_none_or(|(newest, _)| *newest < step) {
        queue.push_back((step, value));
    }
}

/// Which look-back a potential price broke, and how far it is from that window's extreme, as a ratio: 1.2 is a fifth
/// above the smallest, 0.8 a fifth below the largest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Breach {
    /// Of the short window.
    Short {
        /// Price over the extreme.
        ratio: f64,
    },
    /// Of the long window, and not of the short one.
    Long {
        /// Price over the extreme.
        ratio: f64,
    },
}

/// Potential prices against a short and a long window.
#[derive(Debug, Clone, PartialEq)]
pub struct TwoLookbacks {
    short: Extremes<f64>,
    short_band: f64,
    long: Extremes<f64>,
    long_band: f64,
}

impl TwoLookbacks {
    /// Windows in the caller's unit of time, each with a band as a share: 0.05 trips above min·1.05 or below max/1.05.
    ///
    /// # Errors
    ///
    /// A span is 0, the short one is not shorter, or a band is not in `(0, 1000]`.
    pub fn new(
        (short, short_band): (u64, f64),
        (long, long_band): (u64, f64),
    ) -> Result<Self, StatsError> {
        if short >= long {
            let wanted = "one below the long window's";
            return Err(StatsError::Setting {
                name: "the short span",
                value: short as f64,
                wanted,
            });
        }
        for band in [short_band, long_band] {
            setting("a band", band, f64::MIN_POSITIVE, 1_000.0, "a share above 0, at most 1000")?;
        }
        let (short, long) = (Extremes::new(short)?, Extremes::new(long)?);
        Ok(Self { short, short_band, long, long_band })
    }

    /// Judges a potential price at a time, without taking it in. None is "within", or no price yet to compare with
    /// ([`TwoLookbacks::is_empty`]).
    ///
    /// # Errors
    ///
    /// The price is not finite and above 0.
    pub fn judge(&mut self, time: u64, price: f64) -> Result<Option<Breach>, StatsError> {
        let price = usable(price)?;
        self.short.forget(time);
        self.long.forget(time);
        if let Some(ratio) = outside(&self.short, self.short_band, price) {
            return Ok(Some(Breach::Short { ratio }));
        }
        Ok(outside(&self.long, self.long_band, price).map(|ratio| Breach::Long { ratio }))
    }

    /// Takes in a price that was traded.
    ///
    /// # Errors
    ///
    /// The price is not finite and above 0: nothing is taken in.
    pub fn push(&mut self, time: u64, price: f64) -> Result<(), StatsError> {
        let price = usable(price)?;
        self.short.push(time, price)?;
        self.long.push(time, price)
    }

    /// Whether there is no price in either window, so that nothing can be judged.
    pub fn is_empty(&self) -> bool {
        self.short.n_entries() + self.long.n_entries() == 0
    }
}

fn usable(price: f64) -> Result<f64, StatsError> {
    if price > 0.0 && price.is_finite() {
        Ok(price)
    } else {
        Err(StatsError::Unusable { what: "a price", value: price })
    }
}

/// The ratio of the price to the extreme that it is too far from.
fn outside(window: &Extremes<f64>, band: f64, price: f64) -> Option<f64> {
    let up = price / window.least()?;
    let down = price / window.most()?;
    if up > 1.0 + band {
        Some(up)
    } else if down < 1.0 / (1.0 + band) {
        Some(down)
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
