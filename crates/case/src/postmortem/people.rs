//! Who did what, by the record: words about the case, steps of playbooks, agreements, signatures of guardians.

use std::collections::BTreeMap;

use alloy_primitives::Address;
use portcullis_types::{ids::Seq, text::printable};
use serde::Serialize;

use crate::{
    case::Case,
    life::{Command, What},
    playbook::Person,
    run::PlaybookRun,
    timeline::TimelineEntry,
};

/// Somebody who did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Participant {
    /// Name, as in the roster; a guardian who is not in one by the address.
    pub name: String,
    /// What they did and how often: `2 steps, 1 agreement, 1 note`.
    pub did: String,
}

/// What people do, in the order in which it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    Acknowledgement,
    Grade,
    Stage,
    Playbook,
    Step,
    NoStep,
    Check,
    Agreement,
    Objection,
    Order,
    Signature,
    Note,
    Correction,
    Assignment,
    Figure,
    PublicWord,
}

impl Deed {
    fn words(self, n: u64) -> String {
        let (one, more) = match self {
            Self::Acknowledgement => ("acknowledgement", "acknowledgements"),
            Self::Grade => ("grade", "grades"),
            Self::Stage => ("change of stage", "changes of stage"),
            Self::Playbook => ("playbook begun", "playbooks begun"),
            Self::Step => ("step", "steps"),
            Self::NoStep => ("step not done", "steps not done"),
            Self::Check => ("check", "checks"),
            Self::Agreement => ("agreement", "agreements"),
            Self::Objection => ("objection", "objections"),
            Self::Order => ("order on a playbook", "orders on a playbook"),
            Self::Signature => ("signature", "signatures"),
            Self::Note => ("note", "notes"),
            Self::Correction => ("correction", "corrections"),
            Self::Assignment => ("assignment", "assignments"),
            Self::Figure => ("figure", "figures"),
            Self::PublicWord => ("public word", "public words"),
        };
        format!("{n} {}", if n == 1 { one } else { more })
    }

    /// None for what a program says: it is nobody.
    fn of_command(command: &Command) -> Option<Self> {
        Some(match command {
            Command::Acknowledge => Self::Acknowledgement,
            Command::Declare { .. } => Self::Grade,
            Command::Note { .. } => Self::Note,
            Command::Correct { .. } => Self::Correction,
            Command::Assign { .. } => Self::Assignment,
            Command::Began { .. } | Command::Blocked { .. } | Command::Returned { .. } => {
                Self::Figure
            }
            Command::Publish { .. } => Self::PublicWord,
            Command::Alert { .. } => return None,
            Command::Triage { .. }
            | Command::Contain { .. }
            | Command::Contained { .. }
            | Command::Investigate
            | Command::Recover { .. }
            | Command::Monitor
            | Command::Resolve { .. }
            | Command::Review { .. }
            | Command::FalsePositive { .. }
            | Command::Duplicate { .. }
            | Command::Merge { .. }
            | Command::ReOpen { .. } => Self::Stage,
        })
    }
}

/// Everybody who did something, in the order of their first deed.
pub(super) fn of(case: &Case, runs: &[&PlaybookRun]) -> Vec<Participant> {
    let mut deeds: Vec<(Seq, String, Deed)> = Vec::new();
    for one in case.life.record() {
        if let What::Command(command) = &one.entry.what
            && let Some(deed) = Deed::of_command(&command.what)
        {
            deeds.push((one.entry.seq, command.who.clone(), deed));
        }
    }
    let roster: Vec<&Person> = runs.iter().flat_map(|run| &run.roster().people).collect();
    // What was said to a playbook and what guardians signed stands on the timeline only.
    for line in &case.timeline {
        if let Some((who, deed)) = said(line, &roster) {
            deeds.push((line.seq, who, deed));
        }
    }
    deeds.sort_by_key(|(seq, _, _)| *seq);
    let mut order: Vec<String> = Vec::new();
    let mut counts: BTreeMap<String, BTreeMap<Deed, u64>> = BTreeMap::new();
    for (_, who, deed) in deeds {
        if !counts.contains_key(&who) {
            order.push(who.clone());
        }
        *counts.entry(who).or_default().entry(deed).or_default() += 1;
    }
    let told = |name: String| {
        let did = counts.get(&name).into_iter().flatten().map(|(deed, n)| deed.words(*n));
        Participant { did: did.collect::<Vec<_>>().join(", "), name }
    };
    order.into_iter().map(told).collect()
}

/// Whose deed a line of the timeline tells of, where it is not among the words about the case.
fn said(line: &TimelineEntry, roster: &[&Person]) -> Option<(String, Deed)> {
    let text = line.text.as_str();
    let deed = match line.what.as_str() {
        "step done" => Deed::Step,
        "step skipped" => Deed::NoStep,
        "agreed" => Deed::Agreement,
        "no longer agreed" | "objected" => Deed::Objection,
        "step retried" | "undo ordered" | "playbook stopped" => Deed::Order,
        "step failed" => {
            // The machine's failures begin with the title of the step.
            return Some((speaker(text, roster)?, Deed::NoStep));
        }
        "playbook" => {
            let (who, _) = text.split_once(" began: ")?;
            return Some((who.to_owned(), Deed::Playbook));
        }
        "checked" | "check failed" => {
            let by = |person: &&&Person| {
                let name = &person.name;
                text.ends_with(&format!(", says {name}"))
                    || text.contains(&format!(": {name} found "))
            };
            return Some((roster.iter().find(by)?.name.clone(), Deed::Check));
        }
        "signed for" => {
            let (guardian, _) = text.split_once(" signed ")?;
            return Some((signer(guardian, roster), Deed::Signature));
        }
        _ => return None,
    };
    let first = || text.split_once(": ").map(|(who, _)| who.to_owned());
    Some((speaker(text, roster).or_else(first)?, deed))
}

/// The person of the roster with whose name a line begins; the longest, where one name begins with another.
fn speaker(text: &str, roster: &[&Person]) -> Option<String> {
    let begins = |name: &&str| text.strip_prefix(*name).is_some_and(|rest| rest.starts_with(": "));
    let names = roster.iter().map(|person| person.name.as_str()).filter(begins);
    names.max_by_key(|name| name.len()).map(str::to_owned)
}

/// The name of whoever has the key, where the roster knows it.
fn signer(guardian: &str, roster: &[&Person]) -> String {
    let key: Option<Address> = guardian.parse().ok();
    let known = roster.iter().find(|person| key.is_some() && person.signer == key);
    known.map_or_else(|| format!("guardian {}", printable(guardian)), |one| one.name.clone())
}
