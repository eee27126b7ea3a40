//! One step of a playbook as CACAO's action step.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};

use super::cacao::Workflow;
use crate::playbook::{Kind, Role, Step, Undo};

/// What kind of activity a step is, by CACAO's vocabulary.
pub(super) fn activity(kind: &Kind) -> &'static str {
    match kind {
        Kind::Checklist { .. } => "execute-operation",
        Kind::Lever { .. } => "restrict-access",
        Kind::Query { .. } => "analyze-collected-data",
        Kind::Approval => "prepare-engagement",
        Kind::Message { .. } => "deliver-content",
    }
}

/// The agent of a role.
fn agent(workflow: &Workflow<'_>, role: Role) -> String {
    workflow.id("group", role.name())
}

/// All agents: a group of people for each role that owns a step, and for the incident commander.
pub(super) fn agents(workflow: &Workflow<'_>, roles: &BTreeSet<Role>) -> Json {
    let mut agents = Map::new();
    for role in roles.iter().chain([&Role::IncidentCommander]) {
        let body = json!({"type": "group", "name": role.name()});
        agents.insert(agent(workflow, *role), body);
    }
    Json::Object(agents)
}

/// Adds the action of a step; answers its id.
pub(super) fn add(workflow: &mut Workflow<'_>, step: &Step, next: &str) -> String {
    let id = workflow.id("action", &step.id);
    let body = json!({
        "type": "action", "name": step.title, "description": step.instructions,
        "timeout": u64::from(step.clock.minutes) * 60_000,
        "commands": commands(step),
        "agent": agent(workflow, step.owner),
        "on_completion": next,
        "step_extensions": {workflow.extension.clone(): extension(step)},
    });
    workflow.steps.insert(id.clone(), body);
    id
}

/// The step for whatever goes wrong.
pub(super) fn exception(workflow: &mut Workflow<'_>, end: &str) -> String {
    let id = workflow.id("action", "/exception");
    let body = json!({
        "type": "action", "name": "Wake the incident commander",
        "commands": [{"type": "manual", "command": "Tell the incident commander which step failed, and ask: retry, skip, or undo?"}],
        "agent": agent(workflow, Role::IncidentCommander),
        "on_completion": end,
    });
    workflow.steps.insert(id.clone(), body);
    id
}

fn commands(step: &Step) -> Vec<Json> {
    let manual = |command: String| json!({"type": "manual", "playbook_activity": activity(&step.kind), "command": command});
    match &step.kind {
        Kind::Checklist { items } => items.iter().map(|item| manual(item.clone())).collect(),
        Kind::Lever { lever } => vec![manual(format!("Pull the lever {lever}."))],
        Kind::Query { query } => vec![manual(format!("Find out: {query}."))],
        Kind::Approval => vec![manual("Agree, or say why not.".to_owned())],
        Kind::Message { text, .. } => vec![manual(format!("Send: {text}"))],
    }
}

/// What CACAO has no word for. Names are lower case with underscores, as extensions must be.
fn extension(step: &Step) -> Json {
    let mut fields = Map::new();
    let mut add = |name: &str, value: Json| fields.insert(name.to_owned(), value);
    add("source_step", step.id.clone().into());
    add("owner_role", step.owner.name().into());
    add("escalate_role", step.clock.escalate.name().into());
    add("clock_minutes", step.clock.minutes.into());
    add("on_timeout", "escalate".into());
    add("depends_on", step.depends_on.clone().into());
    add("autonomy", if step.kind.is_machine() { "auto" } else { "human" }.into());
    if let Some(approval) = &step.approval {
        let roles: Vec<&str> = approval.roles.iter().map(|role| role.name()).collect();
        add("quorum", approval.quorum.into());
        add("quorum_roles", roles.into());
        add("autonomy", "approve".into());
    }
    match &step.kind {
        Kind::Lever { lever } => drop(add("lever", lever.clone().into())),
        Kind::Query { query } => drop(add("query", query.clone().into())),
        Kind::Message { audience, .. } => drop(add("audience", json!(audience))),
        Kind::Checklist { .. } | Kind::Approval => {}
    }
    let undo = match &step.undo {
        None => None,
        Some(Undo::Release) => Some("release the lever"),
        Some(Undo::Instructions(how)) => Some(how.as_str()),
        Some(Undo::Impossible(why)) => {
            add("irreversible", why.clone().into());
            None
        }
    };
    add("reversible", undo.is_some().into());
    if let Some(undo) = undo {
        add("undo", undo.into());
    }
    if let Some(post) = &step.post_condition {
        let view =
            json!({"address": post.address, "function": post.function, "expected": post.expected});
        add("postcondition", view);
    }
    Json::Object(fields)
}
