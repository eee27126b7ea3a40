//! Whether a playbook can be carried out with the people, levers and addresses that there are.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};

use super::{
    Approval, FIRST_CLOCK_MINUTES_MAX, Kind, Playbook, Role, Roster, Step, Undo,
    diagnostic::suggest,
};
use crate::severity::Severity;

/// What the protocol's configuration offers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Means {
    /// Levers, and whether the machine can let each go again.
    pub levers: BTreeMap<String, bool>,
    /// Questions that the machine can answer.
    pub queries: BTreeSet<String>,
    /// Contracts by name.
    pub addresses: BTreeSet<String>,
}

/// Why a playbook cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Playbook.
    pub playbook: String,
    /// Step, where it is one's.
    pub step: Option<String>,
    /// Line in the playbook's file, from 1.
    pub line: usize,
    /// Field.
    pub field: &'static str,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = self.step.as_deref().unwrap_or("-");
        let Self { playbook, line, field, problem, remedy, .. } = self;
        write!(f, "{playbook}:{line}: step {step}: {field}: {problem}; {remedy}")
    }
}

struct Checker<'a> {
    playbook: &'a Playbook,
    roster: &'a Roster,
    means: &'a Means,
    faults: Vec<Fault>,
}

/// Checks that roles are filled, quorums can be reached, levers, questions and addresses are there, every lever has a way
/// back, dependencies have no circle, every step can come about, and clocks make sense. Nothing found: an empty list.
pub fn check(playbook: &Playbook, roster: &Roster, means: &Means) -> Vec<Fault> {
    let mut checker = Checker { playbook, roster, means, faults: Vec::new() };
    checker.roles();
    checker.approval(None, "undoApproval", &playbook.undo_approval);
    for (index, step) in playbook.steps.iter().enumerate() {
        if playbook.steps.iter().take(index).any(|other| other.id == step.id) {
            checker.fault(Some(step), "id", "two steps have this id", "rename one of them");
        }
        checker.people(step);
        checker.work(step);
        checker.clock(step);
        checker.order(step);
    }
    checker.circles();
    checker.faults
}

impl Checker<'_> {
    fn fault(
        &mut self,
        step: Option<&Step>,
        field: &'static str,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.faults.push(Fault {
            playbook: self.playbook.id.clone(),
            step: step.map(|step| step.id.clone()),
            line: step.map_or(1, |step| step.line),
            field,
            problem: problem.into(),
            remedy: remedy.into(),
        });
    }

    fn roles(&mut self) {
        for need in &self.playbook.roles {
            let there = self.roster.with_any(&[need.role]).len();
            if there < need.people as usize {
                let name = need.role.name();
                let problem = format!("{name} needs {} people, {there} are there", need.people);
                self.fault(None, "roles", problem, "enter more people into the roster");
            }
        }
    }

    fn people(&mut self, step: &Step) {
        for (field, role) in [("owner", step.owner), ("clock.escalate", step.clock.escalate)] {
            if !self.playbook.roles.iter().any(|need| need.role == role) {
                let problem = format!("{} is not among the playbook's roles", role.name());
                self.fault(Some(step), field, problem, "add it under `roles`, with its duties");
            }
        }
        let (owners, others) =
            (self.roster.with_any(&[step.owner]), self.roster.with_any(&[step.clock.escalate]));
        let is_alone = owners.len() == 1 && others.len() == 1 && owners == others;
        if step.clock.escalate == step.owner || is_alone {
            let remedy = "name a role that somebody else has";
            let problem = "whoever did not answer would be told that they did not answer";
            self.fault(Some(step), "clock.escalate", problem, remedy);
        }
        if let Some(approval) = &step.approval {
            self.approval(Some(step), "approval", approval);
        } else if step.kind == Kind::Approval {
            let remedy = "write `approval: {roles: […], quorum: …}`";
            self.fault(Some(step), "approval", "nobody is asked", remedy);
        }
    }

    fn approval(&mut self, step: Option<&Step>, field: &'static str, approval: &Approval) {
        let voices = self.roster.voices(approval);
        if voices < approval.quorum as usize {
            let roles: Vec<&str> = approval.roles.iter().map(|role| role.name()).collect();
            let problem = format!(
                "{} must agree and only {voices} can ({})",
                approval.quorum,
                roles.join(", ")
            );
            self.fault(step, field, problem, "add people or roles, or lower the quorum");
        }
    }

    fn work(&mut self, step: &Step) {
        match &step.kind {
            Kind::Lever { lever } => {
                let meant = self.roster.lever(lever);
                let can_release = self.means.levers.get(meant).copied();
                if can_release.is_none() {
                    let known = self.means.levers.keys().map(String::as_str);
                    let remedy = format!("{}, or map it in the roster", suggest(meant, known));
                    self.fault(Some(step), "lever", format!("there is no lever `{meant}`"), remedy);
                }
                match &step.undo {
                    None => {
                        let remedy =
                            "write `undo: release`, or how people do it, or why nobody can";
                        self.fault(Some(step), "undo", "a lever without a way back", remedy);
                    }
                    Some(Undo::Release) if can_release == Some(false) => {
                        let remedy = "write `undo: {instructions: …}`: who lets it go, and how";
                        self.fault(Some(step), "undo", "the machine cannot let it go", remedy);
                    }
                    _ => {}
                }
                if step.post_condition.is_none() {
                    let remedy = "write the view that shows that it holds";
                    self.fault(
                        Some(step),
                        "postCondition",
                        "nobody looks whether it worked",
                        remedy,
                    );
                }
            }
            Kind::Query { query } if !self.means.queries.contains(query) => {
                let remedy = suggest(query, self.means.queries.iter().map(String::as_str));
                self.fault(Some(step), "query", format!("nothing answers `{query}`"), remedy);
            }
            _ if step.undo == Some(Undo::Release) => {
                let remedy = "write `undo: {instructions: …}`";
                self.fault(Some(step), "undo", "only a lever can be released", remedy);
            }
            _ => {}
        }
        if let Some(post) = &step.post_condition {
            let meant = self.roster.address(&post.address);
            if !self.means.addresses.contains(meant) {
                let known = self.means.addresses.iter().map(String::as_str);
                let remedy = format!("{}, or map it in the roster", suggest(meant, known));
                let problem = format!("there is no address `{meant}`");
                self.fault(Some(step), "postCondition.address", problem, remedy);
            }
        }
    }

    fn clock(&mut self, step: &Step) {
        let is_grave = self.playbook.severity.is_at_least(Severity::P2);
        let is_first = step.depends_on.is_empty() && step.when.failed.is_none();
        if is_grave && is_first && step.clock.minutes > FIRST_CLOCK_MINUTES_MAX {
            let problem = format!("a first step of a P1 or P2 has {} minutes", step.clock.minutes);
            let remedy = format!("at most {FIRST_CLOCK_MINUTES_MAX}, or let it depend on another");
            self.fault(Some(step), "clock.minutes", problem, remedy);
        }
        let commander = self.roster.with_any(&[Role::IncidentCommander]).is_empty();
        if commander {
            let remedy = "enter somebody as incidentCommander";
            self.fault(Some(step), "clock", "nobody is there for the last escalation", remedy);
        }
    }

    fn order(&mut self, step: &Step) {
        for before in &step.depends_on {
            if self.playbook.step(before).is_none() {
                let known = self.playbook.steps.iter().map(|step| step.id.as_str());
                let remedy = suggest(before, known);
                self.fault(Some(step), "dependsOn", format!("there is no step `{before}`"), remedy);
            }
        }
        let classes: BTreeSet<&String> =
            self.playbook.triggers.iter().flat_map(|trigger| &trigger.classes).collect();
        for class in &step.when.classes {
            if !classes.contains(class) {
                let remedy = suggest(class, classes.iter().map(|class| class.as_str()));
                let problem = format!("no trigger leads to class `{class}`");
                self.fault(Some(step), "when.classes", problem, remedy);
            }
        }
        if let Some(failed) = &step.when.failed {
            if !step.depends_on.contains(failed) {
                let remedy = format!("add `{failed}` to `dependsOn`");
                let problem = "what comes after a failure depends on that step";
                self.fault(Some(step), "when.failed", problem, remedy);
            }
            let mut other = step.depends_on.iter().filter(|before| *before != failed);
            let stuck = other.find(|before| self.waits_for(before, failed)).cloned();
            if let Some(stuck) = stuck {
                let problem = format!("`{stuck}` never comes about when `{failed}` fails");
                self.fault(Some(step), "dependsOn", problem, format!("do not depend on `{stuck}`"));
            }
        }
    }

    /// Whether a step can only come about after `needed` was done.
    fn waits_for(&self, step: &str, needed: &str) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![step];
        while let Some(id) = open.pop() {
            let Some(step) = self.playbook.step(id).filter(|_| seen.insert(id)) else { continue };
            if step.when.failed.as_deref() == Some(needed) {
                continue;
            }
            if step.depends_on.iter().any(|before| before == needed) {
                return true;
            }
            open.extend(step.depends_on.iter().map(String::as_str));
        }
        false
    }

    /// Takes away what has nothing open before it; what is left waits for itself, or for what waits for itself.
    fn circles(&mut self) {
        let known: BTreeSet<&str> = self.playbook.steps.iter().map(|s| s.id.as_str()).collect();
        let mut left: Vec<&Step> = self.playbook.steps.iter().collect();
        let mut done = BTreeSet::new();
        loop {
            let waits = |step: &&Step| {
                let mut before = step.depends_on.iter().map(String::as_str);
                before.any(|id| known.contains(id) && !done.contains(id))
            };
            let (stuck, free): (Vec<_>, Vec<_>) = left.iter().copied().partition(waits);
            left = stuck;
            if free.is_empty() {
                break;
            }
            done.extend(free.iter().map(|step| step.id.as_str()));
        }
        for step in left {
            let remedy = "remove one of the dependencies of the circle";
            self.fault(Some(step), "dependsOn", "the step can never begin: a circle", remedy);
        }
    }
}
