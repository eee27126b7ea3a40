//! Playbooks as CACAO Security Playbooks 2.0 (OASIS).
//!
//! CACAO has steps one after another and branches side by side, no general dependencies; roles, quorums and calls on a
//! chain it does not have at all. So steps are put into layers: a layer begins when all of the one before is over. That is
//! never earlier than our dependencies ask, and sometimes later. What CACAO cannot say stands in one extension of every
//! step, dependencies included. All commands are `manual`: a foreign tool shows them to people; nothing in an export makes
//! a machine act.
//!
//! A playbook's id is version 5 in CACAO's namespace over its name and types, as the standard proposes. Steps must have
//! version 4 by the standard; ours has its bits from a hash of playbook and step.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_types::ids::Millis;
use serde_json::{Map, Value as Json, json};

use super::{cacao_step, uuid};
use crate::{
    calendar::rfc3339,
    playbook::{Condition, Kind, Playbook, Step},
};

/// Who publishes an export, and when: nothing here reads a clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Producer {
    /// Name of the organisation; its identity follows from it.
    pub name: String,
    /// When the playbook was first published.
    pub created: Millis,
    /// When this version was.
    pub modified: Millis,
}

impl Producer {
    /// The STIX identity that stands in `created_by`.
    pub fn identity(&self) -> String {
        format!("identity--{}", uuid::v4(&["identity", &self.name]))
    }
}

/// What stands in `playbook_types` of all our playbooks.
const TYPES: [&str; 2] = ["mitigation", "notification"];

/// The workflow while it is put together.
pub(super) struct Workflow<'a> {
    pub(super) playbook: &'a Playbook,
    pub(super) steps: Map<String, Json>,
    pub(super) extension: String,
}

impl Workflow<'_> {
    /// The id of a thing of this playbook.
    pub(super) fn id(&self, kind: &str, name: &str) -> String {
        format!("{kind}--{}", uuid::v4(&[&self.playbook.id, kind, name]))
    }

    /// An end of its own for a branch.
    fn end(&mut self, name: &str) -> String {
        let id = self.id("end", name);
        self.steps.insert(id.clone(), json!({"type": "end"}));
        id
    }

    /// Adds a step, under its condition if it has one, that goes on with `next`; answers where to enter it.
    fn unit(&mut self, step: &Step, next: &str) -> String {
        if step.when.is_always() {
            return cacao_step::add(self, step, next);
        }
        let end = self.end(&format!("{}/true", step.id));
        let action = cacao_step::add(self, step, &end);
        let id = self.id("if-condition", &step.id);
        let condition = condition(&step.when);
        let body = json!({
            "type": "if-condition", "name": format!("whether to do: {}", step.title),
            "condition": condition, "on_true": action, "on_completion": next,
        });
        self.steps.insert(id.clone(), body);
        id
    }

    /// Adds a layer that goes on with `next`; answers where to enter it.
    fn layer(&mut self, number: usize, steps: &[&Step], next: &str) -> String {
        if let [step] = steps {
            return self.unit(step, next);
        }
        let mut entries = Vec::new();
        for step in steps {
            let end = self.end(&step.id);
            entries.push(self.unit(step, &end));
        }
        let id = self.id("parallel", &number.to_string());
        let body = json!({"type": "parallel", "next_steps": entries, "on_completion": next});
        self.steps.insert(id.clone(), body);
        id
    }
}

/// Which steps can be done side by side: a step comes one layer after the last it depends on.
fn layers(playbook: &Playbook) -> Vec<Vec<&Step>> {
    let mut depth: BTreeMap<&str, usize> = BTreeMap::new();
    // Without circles every round settles a layer; with one (see `check`) it ends all the same.
    for _ in 0..playbook.steps.len() {
        for step in &playbook.steps {
            let before = step.depends_on.iter().filter_map(|id| depth.get(id.as_str()));
            let here = before.max().map_or(0, |last| last + 1);
            depth.insert(&step.id, here.min(playbook.steps.len()));
        }
    }
    let mut layers: BTreeMap<usize, Vec<&Step>> = BTreeMap::new();
    for step in &playbook.steps {
        layers.entry(depth.get(step.id.as_str()).copied().unwrap_or(0)).or_default().push(step);
    }
    layers.into_values().collect()
}

/// A condition as STIX patterns compare.
fn condition(when: &Condition) -> String {
    let mut parts = Vec::new();
    if let Some(least) = when.severity_at_least {
        let number = least.name().trim_start_matches('P');
        parts.push(format!("__severity__:value <= {number}"));
    }
    if !when.classes.is_empty() {
        let classes: Vec<String> =
            when.classes.iter().map(|class| format!("'{}'", class.replace('\'', ""))).collect();
        parts.push(format!("__class__:value IN ({})", classes.join(", ")));
    }
    if let Some(loss) = when.loss_at_least {
        parts.push(format!("__loss_usd__:value >= {}", loss.plain()));
    }
    if let Some(failed) = &when.failed {
        parts.push(format!("__failed_{failed}__:value = true"));
    }
    parts.join(" AND ")
}

fn variables(playbook: &Playbook) -> Json {
    let external = |kind: &str, what: &str| json!({"type": kind, "description": what, "value": null, "constant": false, "external": true});
    let mut variables = Map::new();
    let mut add = |name: &str, value: Json| variables.insert(name.to_owned(), value);
    add("__severity__", external("integer", "1 for P1 to 5 for P5"));
    add("__class__", external("string", "class of the attack"));
    add("__loss_usd__", external("float", "lost so far, US dollars"));
    for failed in playbook.steps.iter().filter_map(|step| step.when.failed.as_ref()) {
        let what = format!("whether step {failed} has failed");
        add(&format!("__failed_{failed}__"), external("bool", &what));
    }
    Json::Object(variables)
}

/// A playbook as CACAO 2.0.
pub fn export(playbook: &Playbook, producer: &Producer) -> Json {
    let created_by = producer.identity();
    let extension = format!("extension-definition--{}", uuid::v4(&["extension", "on-chain"]));
    let mut workflow = Workflow { playbook, steps: Map::new(), extension: extension.clone() };
    let mut next = workflow.end("end");
    for (number, layer) in layers(playbook).iter().enumerate().rev() {
        next = workflow.layer(number, layer, &next);
    }
    let start = workflow.id("start", "start");
    workflow.steps.insert(start.clone(), json!({"type": "start", "on_completion": next}));
    let end = workflow.end("exception");
    let exception = cacao_step::exception(&mut workflow, &end);
    // Canonical JSON (RFC 8785) of the two properties: keys sorted, no spaces.
    let name = json!({"name": playbook.id, "playbook_types": TYPES}).to_string();
    let severity = playbook.severity.cacao();
    let roles: BTreeSet<_> = playbook.steps.iter().map(|step| step.owner).collect();
    let activities: BTreeSet<&str> =
        playbook.steps.iter().map(|step| cacao_step::activity(&step.kind)).collect();
    let mut labels = vec![format!("severity:{}", playbook.severity.name())];
    labels.extend(playbook.tags.iter().cloned());
    let extensions = json!({extension: {
        "type": "extension-definition", "name": "on-chain incident response",
        "description": "Roles, quorums, clocks, undo and on-chain post-conditions of a step.",
        "created_by": created_by, "version": "1.0.0",
        "schema": "owner_role and escalate_role: role names; clock_minutes: integer; depends_on: ids of steps in source_step; \
                   quorum and quorum_roles: how many different people of which roles agree before the step begins; lever or \
                   query: what the machine does; undo: how it is taken back; postcondition: contract, view call and expected \
                   answer, looked up by somebody who did not do the step; on_timeout: escalate, not fail.",
    }});
    json!({
        "type": "playbook", "spec_version": "cacao-2.0",
        "id": format!("playbook--{}", uuid::v5(uuid::CACAO, &name)),
        "name": playbook.id,
        "description": format!("{}\n\n{}", playbook.title, playbook.description),
        "playbook_types": TYPES, "playbook_activities": activities,
        "created_by": created_by,
        "created": rfc3339(producer.created),
        "modified": rfc3339(producer.modified.max(producer.created)),
        "priority": 101_u8.saturating_sub(severity).clamp(1, 100), "severity": severity,
        "impact": if playbook.steps.iter().any(|s| matches!(s.kind, Kind::Lever { .. })) { 70 } else { 10 },
        "labels": labels,
        "playbook_variables": variables(playbook),
        "workflow_start": start, "workflow_exception": exception,
        "agent_definitions": cacao_step::agents(&workflow, &roles),
        "extension_definitions": extensions,
        "workflow": workflow.steps,
    })
}
