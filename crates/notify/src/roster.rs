//! People: who they are, who is on call, and whom to call when nobody answers. All of it is pure.

mod page;
mod schedule;
mod tell;

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::Address;
use jiff::{civil::Time, tz::TimeZone};
use portcullis_types::ids::Millis;
use serde::Deserialize;

pub use page::{Calling, Closed, Effect, Input, Page, Taken, Unanswered};
pub use schedule::{Every, OnCall, Override, OverrideFile, Rotation, RotationFile};
pub use tell::{Reason, Told, told};

use crate::config::ConfigProblem;

/// The section `roster`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RosterFile {
    /// Everybody.
    pub people: Vec<PersonFile>,
    /// Who is on call when, one rotation a role.
    pub rotations: Vec<RotationFile>,
    /// Whom to call, in order. A step names a role: whoever is on call for it, or `deputy` for the next in its rotation,
    /// or `everybody` for all who have it.
    pub escalation: Vec<StepFile>,
    /// How often the whole chain is called before it is said that nobody answers. Default 3.
    #[serde(default = "three")]
    pub rounds: u32,
}

fn three() -> u32 {
    3
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PersonFile {
    /// Name, unique.
    pub name: String,
    /// How to reach her, best first.
    pub contacts: Vec<ContactFile>,
    /// What she does: `responder`, `decision-maker`, `communications`, …
    #[serde(default)]
    pub roles: Vec<String>,
    /// Where she lives, a name of the IANA database: `Europe/Berlin`.
    pub timezone: String,
    /// The account with which she signs.
    #[serde(default)]
    pub wallet: Option<Address>,
    /// When she is not to be called for anything below P1.
    #[serde(default)]
    pub quiet_hours: Option<QuietFile>,
}

/// One way to a person.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContactFile {
    /// Name of a channel.
    pub channel: String,
    /// Who she is there: an address, a chat's number, a user's id.
    #[serde(default)]
    pub to: Option<String>,
}

/// Hours of the day, local. `from` above `until` goes over midnight.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct QuietFile {
    /// First minute: `"22:00"`.
    pub from: String,
    /// First minute after.
    pub until: String,
}

/// One step of the escalation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StepFile {
    /// Whom.
    pub role: String,
    /// Who of them. Default `onCall`.
    #[serde(default)]
    pub who: Who,
    /// How long to wait for an answer before the next step, minutes. SEAL's expectation of people on call is 15.
    pub wait_minutes: u32,
}

/// Who of a role.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Who {
    /// Who is on call.
    #[default]
    OnCall,
    /// Who is on call after that.
    Deputy,
    /// All who have the role.
    Everybody,
}

/// A person, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    /// Name.
    pub name: String,
    /// How to reach her, best first.
    pub contacts: Vec<ContactFile>,
    /// What she does.
    pub roles: BTreeSet<String>,
    /// Where she lives.
    pub timezone: TimeZone,
    /// The account with which she signs.
    pub wallet: Option<Address>,
    quiet: Option<(Time, Time)>,
}

impl Person {
    /// Whether it is an hour in which only a P1 may call her.
    pub fn is_quiet(&self, at: Millis) -> bool {
        let Some((from, until)) = self.quiet else { return false };
        let Some(time) = schedule::zoned(at, &self.timezone).map(|zoned| zoned.time()) else {
            return false;
        };
        if from <= until { from <= time && time < until } else { from <= time || time < until }
    }
}

/// People, rotations and escalation, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Roster {
    people: BTreeMap<String, Person>,
    rotations: BTreeMap<String, Rotation>,
    steps: Vec<StepFile>,
    rounds: u32,
}

impl RosterFile {
    /// Checks it against the names of the channels.
    ///
    /// # Errors
    /// The first [`ConfigProblem`].
    pub fn check(&self, channels: &BTreeSet<&str>) -> Result<(), ConfigProblem> {
        for contact in self.people.iter().flat_map(|person| &person.contacts) {
            if !channels.contains(contact.channel.as_str()) {
                let text = format!(
                    "a contact names the channel `{}`, which is not described",
                    contact.channel
                );
                return Err(ConfigProblem::new(text, &contact.channel));
            }
        }
        Roster::new(self).map(|_| ())
    }
}

impl Roster {
    /// Checks a roster: everybody can be reached, every rotation has people, every step leads to somebody.
    ///
    /// # Errors
    /// The first [`ConfigProblem`].
    pub fn new(file: &RosterFile) -> Result<Self, ConfigProblem> {
        let mut people = BTreeMap::new();
        for from in &file.people {
            if people.insert(from.name.clone(), person(from)?).is_some() {
                let text =
                    format!("the person `{}` is described twice: rename or remove one", from.name);
                return Err(ConfigProblem::new(text, &from.name));
            }
        }
        let mut rotations = BTreeMap::new();
        for from in &file.rotations {
            let rotation = Rotation::new(from, &people)?;
            if rotations.insert(from.role.clone(), rotation).is_some() {
                let text = format!(
                    "the role `{}` has two rotations: who is on call must be one person",
                    from.role
                );
                return Err(ConfigProblem::new(text, &from.role));
            }
        }
        for step in &file.escalation {
            let leads = match step.who {
                Who::OnCall | Who::Deputy => rotations.contains_key(&step.role),
                Who::Everybody => people.values().any(|person| person.roles.contains(&step.role)),
            };
            if !leads || step.wait_minutes == 0 {
                let text = format!(
                    "the escalation's step for `{}` leads to nobody or waits for no time: give the role a rotation (or people, for `everybody`) and waitMinutes above 0",
                    step.role
                );
                return Err(ConfigProblem::new(text, &step.role));
            }
        }
        if file.escalation.is_empty() || file.rounds == 0 {
            let text = "`escalation` needs at least one step and `rounds` at least 1: else nobody is called".to_owned();
            return Err(ConfigProblem::new(text, "escalation"));
        }
        Ok(Self { people, rotations, steps: file.escalation.clone(), rounds: file.rounds })
    }

    /// Somebody by name.
    pub fn person(&self, name: &str) -> Option<&Person> {
        self.people.get(name)
    }

    /// Roles that have a rotation.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.rotations.keys().map(String::as_str)
    }

    /// Who is on call for a role at an instant: exactly one person; none only for a role without rotation.
    pub fn on_call(&self, role: &str, at: Millis) -> Option<OnCall> {
        self.rotations.get(role).map(|rotation| rotation.on_call(at))
    }

    /// Whom a step calls at an instant.
    fn called(&self, step: &StepFile, at: Millis) -> Vec<&Person> {
        let names: Vec<String> = match step.who {
            Who::OnCall => self.on_call(&step.role, at).map(|on| on.person).into_iter().collect(),
            Who::Deputy => self
                .rotations
                .get(&step.role)
                .map(|rotation| rotation.deputy(at))
                .into_iter()
                .collect(),
            Who::Everybody => self
                .people
                .values()
                .filter(|person| person.roles.contains(&step.role))
                .map(|person| person.name.clone())
                .collect(),
        };
        names.iter().filter_map(|name| self.people.get(name)).collect()
    }
}

fn person(from: &PersonFile) -> Result<Person, ConfigProblem> {
    let problem = |text: String, about: &str| {
        ConfigProblem::new(format!("person `{}`: {text}", from.name), about)
    };
    if from.name.is_empty() || from.contacts.is_empty() {
        return Err(problem("needs a name and at least one contact".to_owned(), &from.name));
    }
    let quiet = match &from.quiet_hours {
        None => None,
        Some(quiet) => {
            let read = |text: &str| schedule::time(text).map_err(|error| problem(error, text));
            Some((read(&quiet.from)?, read(&quiet.until)?))
        }
    };
    Ok(Person {
        name: from.name.clone(),
        contacts: from.contacts.clone(),
        roles: from.roles.iter().cloned().collect(),
        timezone: schedule::timezone(&from.timezone)
            .map_err(|error| problem(error, &from.timezone))?,
        wallet: from.wallet,
        quiet,
    })
}

#[cfg(test)]
mod tests;
