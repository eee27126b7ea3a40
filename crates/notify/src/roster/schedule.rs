//! Rotations: who is on call at an instant.
//!
//! A rotation hands over at one local time of the day, every day or every week, from a first date on, for ever and
//! backwards too: there is no instant without a shift. Shifts are counted in local dates, so that the hand-over stays at
//! nine o'clock when clocks change; a shift is then an hour longer or shorter.

use std::collections::BTreeMap;

use jiff::{
    Timestamp, ToSpan as _, Zoned,
    civil::{Date, Time},
    tz::TimeZone,
};
use portcullis_types::ids::Millis;
use serde::Deserialize;

use super::Person;
use crate::config::ConfigProblem;

/// The last instant that is told, milliseconds: near the end of the year 9999.
const LAST: u64 = 253_000_000_000_000;

/// A rotation as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RotationFile {
    /// For which role.
    pub role: String,
    /// How long a shift is.
    pub every: Every,
    /// A date on which the first of `people` takes over: `2026-01-05`.
    pub start: String,
    /// Local time of the hand-over: `"09:00"`.
    pub hand_over: String,
    /// Whose local time, a name of the IANA database.
    pub timezone: String,
    /// In order.
    pub people: Vec<String>,
    /// Exceptions.
    #[serde(default)]
    pub overrides: Vec<OverrideFile>,
}

/// How long a shift is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Every {
    /// One day.
    Day,
    /// Seven days.
    Week,
}

/// An exception as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OverrideFile {
    /// Instant, RFC 3339: `2026-03-01T00:00:00Z`.
    pub from: String,
    /// First instant after.
    pub until: String,
    /// Who.
    pub person: String,
}

/// An exception, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    from: Millis,
    until: Millis,
    person: String,
}

/// Who is on call, and for how long nothing changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnCall {
    /// Who.
    pub person: String,
    /// Since when.
    pub from: Millis,
    /// First instant of whoever comes next.
    pub until: Millis,
    /// Whether by an exception.
    pub is_override: bool,
}

/// A rotation, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Rotation {
    every: i64,
    start: Date,
    hand_over: Time,
    timezone: TimeZone,
    people: Vec<String>,
    overrides: Vec<Override>,
}

impl Rotation {
    pub(super) fn new(
        from: &RotationFile,
        people: &BTreeMap<String, Person>,
    ) -> Result<Self, ConfigProblem> {
        let problem = |text: String, about: &str| {
            ConfigProblem::new(format!("rotation of `{}`: {text}", from.role), about)
        };
        let known = |name: &String| {
            if people.contains_key(name) {
                return Ok(());
            }
            Err(problem(format!("`{name}` is not among the people: describe or correct"), name))
        };
        if from.people.is_empty() {
            return Err(problem("has no people: name at least one".to_owned(), &from.role));
        }
        from.people.iter().chain(from.overrides.iter().map(|o| &o.person)).try_for_each(known)?;
        let instant = |text: &String| -> Result<Millis, ConfigProblem> {
            let time: Timestamp = text.parse().map_err(|_| {
                problem(format!("`{text}` is no instant: write 2026-03-01T00:00:00Z"), text)
            })?;
            Ok(Millis(time.as_millisecond().max(0).unsigned_abs().min(LAST)))
        };
        let mut overrides = Vec::new();
        for other in &from.overrides {
            let (start, until) = (instant(&other.from)?, instant(&other.until)?);
            if start >= until {
                return Err(problem(
                    "an override ends before it begins: correct `until`".to_owned(),
                    &other.until,
                ));
            }
            overrides.push(Override { from: start, until, person: other.person.clone() });
        }
        overrides.sort_by_key(|o| o.from);
        for (one, next) in overrides.iter().zip(overrides.iter().skip(1)) {
            if one.until > next.from {
                let text = format!(
                    "the overrides of {} and {} overlap: one person is on call",
                    one.person, next.person
                );
                return Err(problem(text, &next.person));
            }
        }
        let start: Date = from.start.parse().map_err(|_| {
            problem(format!("`{}` is no date: write 2026-01-05", from.start), &from.start)
        })?;
        Ok(Self {
            every: match from.every {
                Every::Day => 1,
                Every::Week => 7,
            },
            start,
            hand_over: time(&from.hand_over).map_err(|error| problem(error, &from.hand_over))?,
            timezone: timezone(&from.timezone).map_err(|error| problem(error, &from.timezone))?,
            people: from.people.clone(),
            overrides,
        })
    }

    /// Who is on call.
    pub fn on_call(&self, at: Millis) -> OnCall {
        let at = Millis(at.0.min(LAST - 1));
        let (shift, mut from, mut until) = self.shift(at);
        let mut person = self.of_shift(shift);
        let mut is_override = false;
        for other in &self.overrides {
            if other.until <= at {
                from = from.max(other.until);
            } else if other.from > at {
                until = until.min(other.from);
            } else {
                (from, until) = (other.from, other.until);
                person.clone_from(&other.person);
                is_override = true;
                break;
            }
        }
        OnCall { person, from, until, is_override }
    }

    /// The next in order who is somebody else than who is on call; the same where there is nobody else.
    pub(super) fn deputy(&self, at: Millis) -> String {
        let at = Millis(at.0.min(LAST - 1));
        let first = self.on_call(at).person;
        let (shift, _, _) = self.shift(at);
        let n_people = i64::try_from(self.people.len()).unwrap_or(i64::MAX);
        let others = (1..=n_people).map(|n| self.of_shift(shift.saturating_add(n)));
        others.into_iter().find(|name| *name != first).unwrap_or(first)
    }

    fn of_shift(&self, shift: i64) -> String {
        let n_people = i64::try_from(self.people.len()).unwrap_or(i64::MAX).max(1);
        let index = usize::try_from(shift.rem_euclid(n_people)).unwrap_or_default();
        self.people.get(index).cloned().unwrap_or_default()
    }

    /// Number of the shift, its beginning and its end.
    fn shift(&self, at: Millis) -> (i64, Millis, Millis) {
        let today = zoned(at, &self.timezone).map_or(self.start, |zoned| zoned.date());
        let mut shift = self.days_to(today).div_euclid(self.every);
        // Dates and instants part at midnight, at changes of the clock, and where a day was left out: a step or two.
        while self.begins(shift) > at && shift > i64::MIN {
            shift -= 1;
        }
        while self.begins(shift.saturating_add(1)) <= at {
            shift = shift.saturating_add(1);
        }
        (shift, self.begins(shift), self.begins(shift.saturating_add(1)))
    }

    fn days_to(&self, date: Date) -> i64 {
        self.start.until(date).map_or(0, |span| i64::from(span.get_days()))
    }

    /// The instant at which a shift begins. Never falls when the shift's number grows.
    fn begins(&self, shift: i64) -> Millis {
        let days = shift.saturating_mul(self.every);
        let limit = if shift < 0 { Millis(0) } else { Millis(LAST) };
        let Ok(span) = 0.days().try_days(days) else { return limit };
        let Ok(date) = self.start.checked_add(span) else { return limit };
        let Ok(instant) = self.timezone.to_zoned(date.to_datetime(self.hand_over)) else {
            return limit;
        };
        Millis(instant.timestamp().as_millisecond().max(0).unsigned_abs().min(LAST))
    }
}

pub(super) fn zoned(at: Millis, timezone: &TimeZone) -> Option<Zoned> {
    let millis = i64::try_from(at.0.min(LAST)).ok()?;
    Timestamp::from_millisecond(millis).ok().map(|time| time.to_zoned(timezone.clone()))
}

pub(super) fn timezone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| {
        format!(
            "`{name}` is no time zone: write a name of the IANA database, such as Europe/Berlin"
        )
    })
}

pub(super) fn time(text: &str) -> Result<Time, String> {
    text.parse().map_err(|_| format!("`{text}` is no time of the day: write \"09:00\""))
}
