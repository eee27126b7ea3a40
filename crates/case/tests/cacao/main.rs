//! What is exported is CACAO 2.0. The rules are those of the standard and of the schemas of OASIS, written down here in our
//! own words; the sample of `PORTCULLIS_SHARED` (or `../shared`), which the schemas of OASIS accept, must pass them too.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail by panicking"
)]

mod rules;

use std::{collections::BTreeSet, path::PathBuf};

use portcullis_case::{
    export::cacao::{Producer, export},
    playbook::{Playbook, read},
};
use portcullis_types::ids::Millis;
use rules::{map, problems, targets, text};
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
