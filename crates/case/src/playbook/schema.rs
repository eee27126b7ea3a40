//! The JSON Schema of playbook files, for editors.

use serde_json::{Value as Json, json};

use super::{Audience, CLOCK_MINUTES_MAX, Role, STEPS_MAX};
use crate::severity::Severity;

/// The JSON Schema (draft 2020-12) of a playbook file.
pub fn json_schema() -> Json {
    let text = |what: &str| json!({"type": "string", "minLength": 1, "description": what});
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A playbook of Portcullis",
        "type": "object",
        "additionalProperties": false,
        "required": ["id", "title", "version", "description", "severity", "triggers", "roles", "undoApproval", "steps"],
        "properties": {
            "id": id("Unique, never changed"),
            "title": text("One line for people"),
            "version": {"type": "integer", "minimum": 1},
            "description": text("When to use it, and when not"),
            "severity": severity(),
            "triggers": one_or_many(&json!({
                "type": "object", "additionalProperties": false,
                "anyOf": [{"required": ["detectors"]}, {"required": ["classes"]}],
                "properties": {
                    "detectors": texts("Detectors or rules by id"),
                    "classes": texts("Classes of attack"),
                    "severityAtLeast": severity(),
                },
            })),
            "roles": one_or_many(&json!({
                "type": "object", "additionalProperties": false, "required": ["role", "people", "duties"],
                "properties": {
                    "role": role(),
                    "people": {"type": "integer", "minimum": 1, "maximum": 50},
                    "duties": text("What they do here"),
                },
            })),
            "undoApproval": approval(),
            "tags": texts("Classes of other catalogues"),
            "references": texts("Where it comes from"),
            "steps": {"type": "array", "minItems": 1, "maxItems": STEPS_MAX, "items": step()},
        },
    })
}

fn step() -> Json {
    let text = |what: &str| json!({"type": "string", "minLength": 1, "description": what});
    let audiences: Vec<&str> = Audience::ALL.iter().map(|(name, _)| *name).collect();
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["id", "title", "owner", "clock", "instructions", "kind"],
        "properties": {
            "id": id("Unique in the playbook"),
            "title": text("One line for people"),
            "owner": role(),
            "clock": {
                "type": "object", "additionalProperties": false, "required": ["minutes", "escalate"],
                "properties": {
                    "minutes": {"type": "integer", "minimum": 1, "maximum": CLOCK_MINUTES_MAX},
                    "escalate": role(),
                },
            },
            "instructions": text("How, for somebody who was asleep five minutes ago"),
            "kind": {"enum": ["checklist", "action", "approval", "message"]},
            "checklist": texts("What to tick"),
            "lever": text("The lever that the machine pulls"),
            "query": text("What the machine finds out"),
            "message": {
                "type": "object", "additionalProperties": false, "required": ["audience", "text"],
                "properties": {"audience": {"enum": audiences}, "text": text("What is said")},
            },
            "approval": approval(),
            "undo": {"oneOf": [
                {"const": "release"},
                {"type": "object", "additionalProperties": false, "required": ["instructions"],
                 "properties": {"instructions": text("How people take it back")}},
                {"type": "object", "additionalProperties": false, "required": ["impossible"],
                 "properties": {"impossible": text("Why it cannot be taken back")}},
            ]},
            "postCondition": {
                "type": "object", "additionalProperties": false, "required": ["address", "function", "expected"],
                "properties": {
                    "address": text("Contract by name"),
                    "function": {"type": "string", "pattern": "^[^(]+\\(.*\\)$", "description": "View call with its arguments"},
                    "expected": text("What it must answer, in quotes"),
                },
            },
            "dependsOn": texts("Steps that come before"),
            "when": {
                "type": "object", "additionalProperties": false, "minProperties": 1,
                "properties": {
                    "severityAtLeast": severity(),
                    "classes": texts("One of these classes"),
                    "lossAtLeast": {"type": ["string", "number"], "description": "US dollars"},
                    "failed": text("A step of dependsOn that failed"),
                },
            },
        },
    })
}

fn id(what: &str) -> Json {
    json!({"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,79}$", "description": what})
}

fn role() -> Json {
    json!({"enum": Role::ALL.map(Role::name)})
}

fn severity() -> Json {
    json!({"enum": Severity::ALL.map(Severity::name)})
}

fn one_or_many(item: &Json) -> Json {
    json!({"oneOf": [item, {"type": "array", "minItems": 1, "items": item}]})
}

fn texts(what: &str) -> Json {
    let mut schema = one_or_many(&json!({"type": "string"}));
    if let Some(map) = schema.as_object_mut() {
        map.insert("description".to_owned(), what.into());
    }
    schema
}

fn approval() -> Json {
    json!({
        "type": "object", "additionalProperties": false, "required": ["roles", "quorum"],
        "properties": {
            "roles": one_or_many(&role()),
            "quorum": {"type": "integer", "minimum": 1, "maximum": 50},
        },
    })
}
