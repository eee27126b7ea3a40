//! Who there is, and what the names in playbooks mean here.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

use super::{
    Approval, Diagnostic, PEOPLE_MAX, Role,
    diagnostic::{Fields, Reporter, text, word},
    read::{list, roles},
    yaml::{self, Tree, Yaml},
};

/// Somebody who can be called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Name, unique in the roster; what stands in the record.
    pub name: String,
    /// What they can do.
    pub roles: BTreeSet<Role>,
    /// The key they sign with, if they are a signer.
    pub signer: Option<Address>,
}

impl Person {
    /// Whether they have one of the roles.
    pub fn has_any(&self, roles: &[Role]) -> bool {
        roles.iter().any(|role| match role {
            Role::Signer => self.signer.is_some(),
            role => self.roles.contains(role),
        })
    }
}

/// The people, and what names of levers and addresses mean for this protocol.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roster {
    /// The people.
    pub people: Vec<Person>,
    /// Names used in playbooks, and the lever of the configuration that each stands for.
    pub levers: BTreeMap<String, String>,
    /// Names used in post-conditions, and the name in the configuration that each stands for.
    pub addresses: BTreeMap<String, String>,
}

impl Roster {
    /// The person of that name.
    pub fn person(&self, name: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.name == name)
    }

    /// Everybody who has one of the roles, by name.
    pub fn with_any(&self, roles: &[Role]) -> Vec<&Person> {
        self.people.iter().filter(|person| person.has_any(roles)).collect()
    }

    /// The lever that a name in a playbook stands for.
    pub fn lever<'a>(&'a self, name: &'a str) -> &'a str {
        self.levers.get(name).map_or(name, String::as_str)
    }

    /// The contract that a name in a post-condition stands for.
    pub fn address<'a>(&'a self, name: &'a str) -> &'a str {
        self.addresses.get(name).map_or(name, String::as_str)
    }

    /// How many different voices could agree: two names with one key are one voice.
    pub fn voices(&self, approval: &Approval) -> usize {
        let mut keys = BTreeSet::new();
        let people = self.with_any(&approval.roles);
        people.iter().filter(|person| person.signer.is_none_or(|key| keys.insert(key))).count()
    }
}

/// Reads a roster. `file` is for messages.
///
/// # Errors
/// All problems of the file, at most [`PROBLEMS_MAX`](super::PROBLEMS_MAX).
pub fn read_roster(file: &str, text: &str) -> Result<Roster, Vec<Diagnostic>> {
    let mut to = Reporter::new(file);
    let roster = match yaml::read(text) {
        Ok(tree) => roster(&tree, &mut to),
        Err((place, problem, remedy)) => {
            to.error(place, "file", &problem, remedy);
            None
        }
    };
    match roster {
        Some(roster) if to.list.is_empty() => Ok(roster),
        _ => Err(to.list),
    }
}

fn roster(tree: &Tree, to: &mut Reporter) -> Option<Roster> {
    let mut fields = Fields::of(tree, "", to)?;
    let people = list(&mut fields, "people", to, person);
    let levers = names(&mut fields, "levers", to);
    let addresses = names(&mut fields, "addresses", to);
    let place = fields.place;
    fields.finish(to);
    let people = people?;
    if people.len() > PEOPLE_MAX {
        let problem = format!("there are {} people, more than {PEOPLE_MAX}", people.len());
        to.error(place, "people", &problem, "name those who answer in an incident");
    }
    for (index, person) in people.iter().enumerate() {
        if people.iter().take(index).any(|other| other.name == person.name) {
            let field = format!("people[{index}].name");
            let remedy = "give every person one entry with all their roles";
            to.error(place, &field, "the name stands here twice", remedy);
        }
    }
    Some(Roster { people, levers, addresses })
}

fn person(tree: &Tree, path: &str, to: &mut Reporter) -> Option<Person> {
    let mut fields = Fields::of(tree, path, to)?;
    let name = fields.text("name", to);
    let words = roles();
    let roles = list(&mut fields, "roles", to, |tree, path, to| {
        let role = word(tree, path, &words, to)?;
        if role == Role::Signer {
            to.error(tree.place, path, "a key makes a signer", "write `signer: 0x…` instead");
        }
        Some(role)
    });
    let mut signer = None;
    if let Some(tree) = fields.take("signer") {
        let path = fields.path("signer");
        signer = text(tree, &path, to)?.parse().ok();
        if signer.is_none() {
            let remedy = "write 0x and 40 hexadecimal digits, in quotes";
            to.error(tree.place, &path, "this is no address", remedy);
        }
    }
    fields.finish(to);
    Some(Person { name: name?, roles: roles?.into_iter().collect(), signer })
}

/// A map from names to names.
fn names(
    fields: &mut Fields<'_>,
    name: &'static str,
    to: &mut Reporter,
) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    let Some(tree) = fields.take(name) else { return names };
    let Yaml::Map(entries) = &tree.value else {
        let problem = format!("here is {}, a map is needed", tree.kind());
        to.error(tree.place, name, &problem, "write `name in playbooks: name here`");
        return names;
    };
    for (key, value) in entries {
        let path = format!("{name}.{}", portcullis_types::text::printable(&key.text));
        if let Some(value) = text(value, &path, to) {
            names.insert(key.text.clone(), value);
        }
    }
    names
}
