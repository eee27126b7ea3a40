//! What can be wrong with numbers that come in, and what to do about it.

/// Why a number was not counted or a statistic could not be set up.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum StatsError {
    /// A setting outside of what makes sense.
    #[error("{name} is {value}: give {wanted}")]
    Setting {
        /// The setting's name.
        name: &'static str,
        /// What was given.
        value: f64,
        /// What may be given.
        wanted: &'static str,
    },
    /// A value that no statistic can use. Nothing was counted and no state changed: "could not look" is never
    /// "nothing found", so the caller says that it was blind.
    #[error("{what} is {value}: it was not counted; treat this moment as not looked at")]
    Unusable {
        /// What was observed.
        what: &'static str,
        /// What was given, often NaN.
        value: f64,
    },
    /// Not enough data for an honest answer.
    #[error("{have} {what} are too few: gather {more} more")]
    TooFew {
        /// What is counted.
        what: &'static str,
        /// How many there are.
        have: usize,
        /// How many more are needed at least.
        more: usize,
    },
    /// More data than the named limit.
    #[error("{have} {what} are too many: give at most {limit}, the newest or a random choice")]
    TooMany {
        /// What is counted.
        what: &'static str,
        /// How many there are.
        have: usize,
        /// The limit.
        limit: usize,
    },
    /// Data that must be in order and is not.
    #[error("{what} number {place} (from 0) is smaller than the one before: sort them first")]
    OutOfOrder {
        /// What is counted.
        what: &'static str,
        /// The place of the offender, from 0.
        place: usize,
    },
    /// All values are the same, so that nothing can be measured by their spread.
    #[error("all {what} are the same: there is no spread to measure with; gather others")]
    NoSpread {
        /// What is counted.
        what: &'static str,
    },
}

/// `value`, if it is a number from `least` to `most`.
pub(crate) fn setting(
    name: &'static str,
    value: f64,
    least: f64,
    most: f64,
    wanted: &'static str,
) -> Result<f64, StatsError> {
    if value >= least && value <= most {
        Ok(value)
    } else {
        Err(StatsError::Setting { name, value, wanted })
    }
}

/// `n` things, if they are at least `least` and at most `limit`.
pub(crate) fn count(
    what: &'static str,
    have: usize,
    least: usize,
    limit: usize,
) -> Result<usize, StatsError> {
    if have < least {
        return Err(StatsError::TooFew { what, have, more: least - have });
    }
    if have > limit {
        return Err(StatsError::TooMany { what, have, limit });
    }
    Ok(have)
}

/// That `values` are finite and do not fall.
pub(crate) fn ascending(what: &'static str, values: &[f64]) -> Result<(), StatsError> {
    finite(what, values)?;
    let falls = values.iter().zip(values.iter().skip(1)).position(|(before, after)| after < before);
    match falls {
        Some(place) => Err(StatsError::OutOfOrder { what, place: place + 1 }),
        None => Ok(()),
    }
}

/// That `values` are finite.
pub(crate) fn finite(what: &'static str, values: &[f64]) -> Result<(), StatsError> {
    match values.iter().find(|value| !value.is_finite()) {
        Some(&value) => Err(StatsError::Unusable { what, value }),
        None => Ok(()),
    }
}
