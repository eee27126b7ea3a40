//! Numbers of one case, computed from its record. What is not in the record is `None`, never 0.
//!
//! Times are differences between the moments that the record names: the attack's beginning as people read it off the chain
//! ([`Command::Began`]), the first finding, the first acknowledgement, the last time the loss was contained, and the
//! resolution. A difference that would be negative is `None`: then one of the two moments is wrong.

use std::collections::BTreeMap;

use portcullis_types::{ids::Millis, money::Usd};
use serde::Serialize;

use crate::{
    case::Case,
    life::{Command, MachineEvent, Recorded, Stage, What},
};

/// What the record says of speed and cost. Times in milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Numbers {
    /// From the beginning of the attack to the first finding.
    pub time_to_detect: Option<u64>,
    /// From the first finding to the first person who said that they look.
    pub time_to_acknowledge: Option<u64>,
    /// From the first finding to the last containment: an earlier one that leaked was none.
    pub time_to_contain: Option<u64>,
    /// From the first finding to the resolution.
    pub time_to_resolve: Option<u64>,
    /// How long each lever was held; up to `as_of` where it still is. Empty if none was.
    pub held: BTreeMap<String, u64>,
    /// Levers still held.
    pub still_held: Vec<String>,
    /// Minutes of honest users kept waiting, over all levers; none if for one of the held levers nobody entered how many
    /// users it stops. 0 only where no lever was held.
    pub collateral_user_minutes: Option<u64>,
    /// Lost, by the findings that stand.
    pub loss: Usd,
    /// Came back, by what people entered; none if nobody entered anything.
    pub returned: Option<Usd>,
}

/// The numbers of a case as of a time.
pub fn of(case: &Case, as_of: Millis) -> Numbers {
    let record = case.life.record();
    let began = newest(record, |command| match command {
        Command::Began { at, .. } => Some(*at),
        _ => None,
    });
    let detected = case.life.opened_at();
    let acknowledged = record.iter().find_map(|one| match &one.entry.what {
        What::Command(command) if command.what == Command::Acknowledge => Some(command.when),
        _ => None,
    });
    let is_contained = case.life.stage() > Stage::Containing || !case.life.stage().is_open();
    let contained = case.life.reached(Stage::Contained).filter(|_| is_contained);
    let held = holds(record, as_of);
    let lasted = |from: Option<Millis>, to: Option<Millis>| to?.0.checked_sub(from?.0);
    Numbers {
        time_to_detect: lasted(began, Some(detected)),
        time_to_acknowledge: lasted(Some(detected), acknowledged),
        time_to_contain: lasted(Some(detected), contained),
        time_to_resolve: lasted(Some(detected), case.life.reached(Stage::Resolved)),
        collateral_user_minutes: collateral(record, &held.lasted),
        held: held.lasted,
        still_held: held.open,
        loss: case.loss(),
        returned: returned(record),
    }
}

/// The newest entry of people that answers, as a later one corrects an earlier.
fn newest<T>(record: &[Recorded], of: impl Fn(&Command) -> Option<T>) -> Option<T> {
    record.iter().rev().find_map(|one| match &one.entry.what {
        What::Command(command) => of(&command.what),
        What::Machine(_) => None,
    })
}

struct Holds {
    lasted: BTreeMap<String, u64>,
    open: Vec<String>,
}

/// How long each lever was held.
fn holds(record: &[Recorded], as_of: Millis) -> Holds {
    let mut since: BTreeMap<&str, Millis> = BTreeMap::new();
    let mut lasted: BTreeMap<String, u64> = BTreeMap::new();
    for one in record {
        match &one.entry.what {
            What::Machine(MachineEvent::LeverHeld { lever }) => {
                // Held a second time (after a re-organisation) is the same hold.
                since.entry(lever).or_insert(one.entry.at);
            }
            What::Machine(MachineEvent::LeverReleased { lever }) => {
                if let Some(since) = since.remove(lever.as_str()) {
                    *lasted.entry(lever.clone()).or_default() += one.entry.at.since(since);
                }
            }
            _ => {}
        }
    }
    let open: Vec<String> = since.keys().map(|lever| (*lever).to_owned()).collect();
    for (lever, since) in since {
        *lasted.entry(lever.to_owned()).or_default() += as_of.since(since);
    }
    Holds { lasted, open }
}

fn collateral(record: &[Recorded], held: &BTreeMap<String, u64>) -> Option<u64> {
    let mut minutes = 0_u64;
    for (lever, millis) in held {
        let users = newest(record, |command| match command {
            Command::Blocked { lever: other, users } if other == lever => Some(*users),
            _ => None,
        })?;
        minutes = minutes.saturating_add(users.saturating_mul(*millis) / 60_000);
    }
    Some(minutes)
}

fn returned(record: &[Recorded]) -> Option<Usd> {
    let sums: Vec<Usd> = record
        .iter()
        .filter_map(|one| match &one.entry.what {
            What::Command(command) => match &command.what {
                Command::Returned { amount, .. } => Some(*amount),
                _ => None,
            },
            What::Machine(_) => None,
        })
        .collect();
    (!sums.is_empty()).then(|| sums.into_iter().sum())
}

/// A mean over cases, and over how many: cases that do not have the number are left out and told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mean {
    /// The mean, milliseconds, rounded down; none if no case has the number.
    pub mean: Option<u64>,
    /// Cases that have it.
    pub cases: u64,
    /// Cases that do not.
    pub unknown: u64,
}

/// The mean of one number over cases: MTTD, MTTA, MTTC, MTTR.
pub fn mean<'a>(
    numbers: impl IntoIterator<Item = &'a Numbers>,
    which: impl Fn(&Numbers) -> Option<u64>,
) -> Mean {
    let (mut sum, mut cases, mut unknown) = (0_u128, 0_u64, 0_u64);
    for one in numbers {
        match which(one) {
            Some(value) => {
                sum += u128::from(value);
                cases += 1;
            }
            None => unknown += 1,
        }
    }
    let mean = sum.checked_div(u128::from(cases)).map(|mean| mean as u64);
    Mean { mean, cases, unknown }
}
