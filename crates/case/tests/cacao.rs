//! What is exported is CACAO 2.0. The rules are those of the standard and of the schemas of OASIS, written down here in our
//! own words; the sample of `PORTCULLIS_SHARED` (or `../shared`), which the schemas of OASIS accept, must pass them too.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail by panicking"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use portcullis_case::{
    export::cacao::{Producer, export},
    playbook::{Playbook, read},
};
use portcullis_types::ids::Millis;
use serde_json::Value as Json;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn playbooks() -> Vec<Playbook> {
    let mut playbooks = Vec::new();
    for entry in std::fs::read_dir(root().join("playbooks")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            playbooks.push(read("playbook", &std::fs::read_to_string(path).unwrap()).unwrap());
        }
    }
    assert!(playbooks.len() >= 8);
    playbooks
}

fn producer() -> Producer {
    Producer {
        name: "Bank IR".into(),
        created: Millis(1_788_220_800_000),
        modified: Millis(1_788_307_200_000),
    }
}

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

fn text(value: &Json) -> &str {
    value.as_str().unwrap_or("")
}

fn map(value: &Json) -> Vec<(&str, &Json)> {
    value.as_object().into_iter().flatten().map(|(id, value)| (id.as_str(), value)).collect()
}

fn targets(step: &Json) -> Vec<&str> {
    let names = ["on_completion", "on_success", "on_failure", "on_true", "on_false"];
    let mut targets: Vec<&str> = names.iter().filter_map(|name| step[name].as_str()).collect();
    targets.extend(step["next_steps"].as_array().into_iter().flatten().map(text));
    targets
}

fn problems(playbook: &Json) -> Vec<String> {
    let mut validator = Validator::default();
    validator.playbook(playbook);
    validator.problems
}

#[test]
fn every_playbook_becomes_one_of_cacao() {
    let mut ids = BTreeSet::new();
    for playbook in playbooks() {
        let exported = export(&playbook, &producer());
        assert_eq!(problems(&exported), Vec::<String>::new(), "{}", playbook.id);
        assert_eq!(exported, export(&playbook, &producer()), "the same twice");
        assert!(ids.insert(text(&exported["id"]).to_owned()), "an id of its own");
        assert_eq!(text(&exported["id"]).as_bytes()[24], b'5', "version 5");
        let sources: BTreeSet<&str> = map(&exported["workflow"])
            .into_iter()
            .flat_map(|(_, step)| map(&step["step_extensions"]))
            .map(|(_, fields)| text(&fields["source_step"]))
            .collect();
        assert_eq!(sources.len(), playbook.steps.len(), "no step is lost");
    }
}

/// A step comes after everything it depends on, on every way from the start.
#[test]
fn the_order_of_dependencies_is_kept() {
    for playbook in playbooks() {
        let exported = export(&playbook, &producer());
        let order = order(&exported, text(&exported["workflow_start"]));
        let place = |id: &str| order.iter().position(|layer| layer.contains(id));
        for step in &playbook.steps {
            for before in &step.depends_on {
                assert!(place(before).unwrap() < place(&step.id).unwrap(), "{} {before}", step.id);
            }
        }
    }
}

/// The source steps of each layer, from the start on.
fn order(playbook: &Json, start: &str) -> Vec<BTreeSet<String>> {
    let mut layers = Vec::new();
    let mut at = start.to_owned();
    while let Some(step) = playbook["workflow"].get(&at) {
        let mut layer = BTreeSet::new();
        let mut open: Vec<&str> = match text(&step["type"]) {
            "action" => vec![at.as_str()],
            _ => targets(step).into_iter().filter(|to| step["on_completion"] != **to).collect(),
        };
        while let Some(id) = open.pop() {
            let inner = &playbook["workflow"][id];
            for (_, fields) in map(&inner["step_extensions"]) {
                layer.insert(text(&fields["source_step"]).to_owned());
            }
            open.extend(inner["on_true"].as_str());
        }
        layers.push(layer);
        at = text(&step["on_completion"]).to_owned();
    }
    layers
}

#[test]
fn the_rules_here_refuse_what_is_wrong() {
    let good = export(&playbooks()[0], &producer());
    let action = map(&good["workflow"])
        .into_iter()
        .find(|(_, step)| step["type"] == "action")
        .map(|(id, _)| id.to_owned())
        .unwrap();
    let mut bad = vec![good.clone(); 8];
    bad[0]["spec_version"] = "cacao-1.1".into();
    bad[1]["id"] = "playbook--0198c0de-0000-7000-8000-000000000000".into();
    bad[2]["workflow"][&action]["agent"] = "group--6f2f0d8e-6f4b-4c1a-9a51-0d5e7f1a2b3c".into();
    bad[3]["workflow"][&action]["quorum"] = 2.into();
    bad[4]["workflow"][&action]["on_completion"] =
        "end--6f2f0d8e-6f4b-4c1a-9a51-0d5e7f1a2b3c".into();
    bad[5]["workflow"][&action]["commands"] = Json::Array(Vec::new());
    bad[6].as_object_mut().unwrap().remove("workflow_start");
    bad[7]["created"] = "2026-09-01T00:00:00Z".into();
    for (index, bad) in bad.iter().enumerate() {
        assert!(!problems(bad).is_empty(), "{index}");
    }
}

#[test]
fn the_rules_here_accept_what_the_schemas_of_oasis_accept() {
    let shared =
        std::env::var_os("PORTCULLIS_SHARED").map_or(root().join("../shared"), PathBuf::from);
    let path = shared.join("reference/data/playbook.json");
    let Ok(sample) = std::fs::read_to_string(&path) else {
        eprintln!("SKIPPED: no {}; set PORTCULLIS_SHARED to the shared data", path.display());
        return;
    };
    assert_eq!(problems(&serde_json::from_str(&sample).unwrap()), Vec::<String>::new());
}
