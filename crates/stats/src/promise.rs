//! A guarantee in words, to be shown beside an alarm.

use std::fmt;

/// What a statistic promises about false alarms, and under which condition.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Promise {
    /// The promised bound.
    pub bound: Bound,
    /// What must be true of quiet times for it to hold.
    pub provided: &'static str,
    /// The probability with which the promise holds at all, over the draw of the reference data it was built from; 1
    /// where no data went into it.
    pub confidence: f64,
}

/// A bound on false alarms. Counted in observations, not in time: the caller knows how many there are in a day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// The mean number of observations to the first false alarm, counted from the start or a restart, is at least
    /// this.
    AverageRunLength(f64),
    /// The probability that there is ever a false alarm, however long one watches, is at most this.
    EverAlarm(f64),
    /// The mean number of observations to the first false alarm is about this: an approximation, not a guarantee.
    ApproximateRunLength(f64),
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bound {
            Bound::AverageRunLength(n) => {
                write!(f, "at least {n:.0} observations to a false alarm on average")?;
            }
            Bound::EverAlarm(alpha) => {
                write!(f, "a false alarm ever with probability at most {alpha}")?;
            }
            Bound::ApproximateRunLength(n) => {
                write!(f, "about {n:.0} observations to a false alarm on average")?;
            }
        }
        write!(f, ", provided {}", self.provided)?;
        if self.confidence < 1.0 {
            write!(f, "; holds with confidence {} over the reference data", self.confidence)?;
        }
        Ok(())
    }
}
