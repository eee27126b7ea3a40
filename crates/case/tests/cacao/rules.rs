//! The rules of CACAO 2.0 for what we export.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

/// Properties of a kind of object: those that must be there, and those that may.
fn properties(kind: &str) -> Option<(&'static [&'static str], &'static [&'static str])> {
    Some(match kind {
        "playbook" => (
            &[
                "spec_version",
                "id",
                "name",
                "created_by",
                "created",
                "modified",
                "workflow_start",
                "workflow",
            ],
            &[
                "description",
                "playbook_types",
                "playbook_activities",
                "priority",
                "severity",
                "impact",
                "labels",
                "playbook_variables",
                "workflow_exception",
                "agent_definitions",
                "extension_definitions",
            ],
        ),
        "start" => (&["on_completion"], &["name"]),
        "end" => (&[], &["name"]),
        "action" => (&["commands", "agent"], &["targets", "in_args", "out_args"]),
        "parallel" => (&["next_steps"], &[]),
        "if-condition" => (&["condition", "on_true"], &["on_false"]),
        "manual" => (&["command"], &["playbook_activity"]),
        "http-api/command" => {
            (&["command"], &["playbook_activity", "headers", "content", "content_b64"])
        }
        "group" => (&["name"], &["description"]),
        "http-api" => (&["name", "address"], &["description", "port"]),
        "extension-definition" => (&["name", "created_by", "schema", "version"], &["description"]),
        _ => return None,
    })
}

const OF_EVERY_STEP: &[&str] = &[
    "name",
    "description",
    "delay",
    "timeout",
    "step_variables",
    "owner",
    "on_completion",
    "on_success",
    "on_failure",
    "step_extensions",
];
const STEPS: &[&str] = &["start", "end", "action", "parallel", "if-condition"];
const ACTIVITIES: &[&str] = &[
    "deliver-content",
    "match-indicator",
    "analyze-collected-data",
    "restrict-access",
    "prepare-engagement",
    "execute-operation",
];

#[derive(Default)]
struct Validator {
    problems: Vec<String>,
    uuids: BTreeMap<String, String>,
}

impl Validator {
    fn must(&mut self, holds: bool, what: impl Into<String>) {
        if !holds {
            self.problems.push(what.into());
        }
    }

    /// `kind--UUID`, version 1 to 5, variant of the RFC, one object for a UUID.
    fn identifier(&mut self, id: &str, kinds: &[&str]) {
        let (kind, uuid) = id.split_once("--").unwrap_or((id, ""));
        self.must(kinds.contains(&kind), format!("{id} is none of {kinds:?}"));
        let parts: Vec<&str> = uuid.split('-').collect();
        let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
        let is_hex = uuid.chars().all(|c| c == '-' || c.is_ascii_hexdigit());
        let digit = |place: usize| uuid.chars().nth(place).unwrap_or(' ');
        let is_good = lengths == [8, 4, 4, 4, 12]
            && is_hex
            && ('1'..='5').contains(&digit(14))
            && "89abAB".contains(digit(19));
        self.must(is_good, format!("{id} is no identifier"));
        let known = self.uuids.entry(uuid.to_owned()).or_insert_with(|| id.to_owned()).clone();
        self.must(known == id, format!("{id} and {known} share a UUID"));
        if STEPS.contains(&kind) {
            self.must(digit(14) == '4', format!("{id}: steps have version 4"));
        }
    }

    fn object(&mut self, object: &Json, kind: &str, of_type: &str) {
        let Some((needed, allowed)) = properties(kind) else {
            return self.problems.push(format!("there is no `{kind}`"));
        };
        self.must(object["type"] == of_type, format!("{kind} has type {}", object["type"]));
        let fields = object.as_object().cloned().unwrap_or_default();
        for name in needed {
            self.must(fields.contains_key(*name), format!("{kind} without {name}"));
        }
        let of_step: &[&str] = if STEPS.contains(&kind) { OF_EVERY_STEP } else { &[] };
        for name in fields.keys() {
            let is_known =
                name == "type" || [needed, allowed, of_step].concat().contains(&name.as_str());
            self.must(is_known, format!("{kind} has no {name}"));
        }
    }

    fn playbook(&mut self, playbook: &Json) {
        self.object(playbook, "playbook", "playbook");
        self.must(playbook["spec_version"] == "cacao-2.0", "another version");
        self.identifier(text(&playbook["id"]), &["playbook"]);
        self.identifier(text(&playbook["created_by"]), &["identity"]);
        for name in ["created", "modified"] {
            let at = text(&playbook[name]);
            let is_good =
                at.len() == 24 && at.ends_with('Z') && at.as_bytes().get(19) == Some(&b'.');
            self.must(is_good, format!("{name} is not to the millisecond"));
        }
        self.must(
            text(&playbook["modified"]) >= text(&playbook["created"]),
            "modified before created",
        );
        for name in ["priority", "severity", "impact"] {
            let is_good = playbook[name].as_u64().is_some_and(|number| number <= 100);
            self.must(is_good, format!("{name} is not from 0 to 100"));
        }
        for (name, variable) in playbook["playbook_variables"].as_object().into_iter().flatten() {
            let inner = name.strip_prefix("__").and_then(|rest| rest.strip_suffix("__"));
            let is_good = inner.is_some_and(|inner| {
                inner.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                    && inner.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
            });
            self.must(is_good && variable["type"].is_string(), format!("variable {name}"));
            self.must(
                variable["value"].is_null() || variable["value"].is_string(),
                format!("the value of {name} is no string"),
            );
        }
        for (id, agent) in map(&playbook["agent_definitions"]) {
            self.identifier(id, &["group", "http-api"]);
            self.object(agent, text(&agent["type"]), id.split("--").next().unwrap_or(""));
        }
        for (id, extension) in map(&playbook["extension_definitions"]) {
            self.identifier(id, &["extension-definition"]);
            self.object(extension, "extension-definition", "extension-definition");
        }
        for (id, step) in map(&playbook["workflow"]) {
            self.step(playbook, id, step);
        }
        self.flow(playbook);
    }

    fn step(&mut self, playbook: &Json, id: &str, step: &Json) {
        self.identifier(id, STEPS);
        let kind = id.split("--").next().unwrap_or("");
        self.object(step, kind, kind);
        let has = |name: &str| step.get(name).is_some();
        let both = has("on_completion") && (has("on_success") || has("on_failure"));
        self.must(!both, format!("{id} goes on in two ways"));
        self.must(
            kind != "end" || step.as_object().is_some_and(|s| !s.contains_key("on_completion")),
            "an end goes on",
        );
        for next in targets(step) {
            self.must(playbook["workflow"].get(next).is_some(), format!("{id} leads to {next}"));
        }
        if kind == "parallel" {
            let n_branches = step["next_steps"].as_array().map_or(0, Vec::len);
            self.must(n_branches >= 2, format!("{id} is parallel with {n_branches} branches"));
        }
        if kind == "action" {
            let agent = text(&step["agent"]);
            self.must(
                playbook["agent_definitions"].get(agent).is_some(),
                format!("{id}: agent {agent}"),
            );
            let commands = step["commands"].as_array().cloned().unwrap_or_default();
            self.must(!commands.is_empty(), format!("{id} does nothing"));
            for command in &commands {
                let kind = text(&command["type"]);
                self.object(
                    command,
                    if kind == "manual" { kind } else { "http-api/command" },
                    kind,
                );
                if let Some(activity) = command["playbook_activity"].as_str() {
                    self.must(ACTIVITIES.contains(&activity), format!("activity {activity}"));
                }
            }
        }
        for (extension, fields) in map(&step["step_extensions"]) {
            self.must(
                playbook["extension_definitions"].get(extension).is_some(),
                format!("{id}: {extension}"),
            );
            for name in fields.as_object().into_iter().flat_map(|fields| fields.keys()) {
                let is_good = name.len() >= 3
                    && name
                        .chars()
                        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
                self.must(is_good, format!("{id}: extension property {name}"));
            }
        }
    }

    /// From the start everything is reached, every way ends, and activities are those of commands.
    fn flow(&mut self, playbook: &Json) {
        let mut open = vec![text(&playbook["workflow_start"]).to_owned()];
        open.extend(playbook["workflow_exception"].as_str().map(str::to_owned));
        self.must(open[0].starts_with("start--"), "the start is no start");
        let mut seen = BTreeSet::new();
        let mut n_ends = 0;
        while let Some(id) = open.pop() {
            if seen.insert(id.clone()) {
                let step = &playbook["workflow"][&id];
                n_ends += usize::from(step["type"] == "end");
                let next = targets(step);
                self.must(!next.is_empty() || step["type"] == "end", format!("{id} leads nowhere"));
                open.extend(next.into_iter().map(str::to_owned));
            }
        }
        self.must(seen.len() == map(&playbook["workflow"]).len(), "some steps are never reached");
        self.must(n_ends >= 1, "it never ends");
        let commands = map(&playbook["workflow"])
            .into_iter()
            .flat_map(|(_, step)| step["commands"].as_array().cloned().unwrap_or_default());
        let done: BTreeSet<String> = commands
            .filter_map(|one| one["playbook_activity"].as_str().map(str::to_owned))
            .collect();
        let told = playbook["playbook_activities"].as_array().cloned().unwrap_or_default();
        for activity in told.iter().map(text) {
            // The sample's page-out has no activity of its own.
            let is_done =
                done.contains(activity) || playbook["name"] == "evm-bridge-drain-containment";
            self.must(is_done, format!("no command is {activity}"));
        }
    }
}

pub(super) fn text(value: &Json) -> &str {
    value.as_str().unwrap_or("")
}

pub(super) fn map(value: &Json) -> Vec<(&str, &Json)> {
    value.as_object().into_iter().flatten().map(|(id, value)| (id.as_str(), value)).collect()
}

pub(super) fn targets(step: &Json) -> Vec<&str> {
    let names = ["on_completion", "on_success", "on_failure", "on_true", "on_false"];
    let mut targets: Vec<&str> = names.iter().filter_map(|name| step[name].as_str()).collect();
    targets.extend(step["next_steps"].as_array().into_iter().flatten().map(text));
    targets
}

pub(super) fn problems(playbook: &Json) -> Vec<String> {
    let mut validator = Validator::default();
    validator.playbook(playbook);
    validator.problems
}
