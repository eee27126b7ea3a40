//! Real exports are valid by the schemas of the standards, and broken ones are not.

use std::path::{Path, PathBuf};

use jsonschema::Draft;
use portcullis_case::{
    Case, CaseCommand, Command, Severity,
    export::{cacao, ocsf, stix},
    playbook,
};
use portcullis_conformance::{CACAO, Schemas, problems, read, root};
use portcullis_types::ids::Millis;
use serde_json::{Value as Json, json};

#[allow(dead_code, reason = "the tests of `case` use more of it")]
#[path = "../../crates/case/src/testing.rs"]
mod testing;

use testing::{MINUTE, case, say};

const NOW: Millis = Millis(1_788_220_800_000);

/// A case at every point of its life that changes what is exported.
fn cases() -> Vec<(&'static str, Case)> {
    let mut all = vec![("detected", case())];
    let mut declared = case();
    say(&mut declared, 14, 120, Command::Declare { severity: Severity::P1, why: "loss".into() });
    all.push(("declared", declared.clone()));
    let mut wrong = declared.clone();
    say(&mut wrong, 15, 121, Command::FalsePositive { why: "a migration".into() });
    all.push(("a false alarm", wrong));
    all
}

fn schemas(folder: &str) -> Schemas {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas").join(folder);
    Schemas::below(&folder, Draft::Draft202012).unwrap()
}

/// Whether a document is valid, and stays so in none of the ways to break it.
fn check(name: &str, found: &[String], broken: &[(&str, Vec<String>)]) {
    assert_eq!(found, [""; 0], "{name}");
    for (how, found) in broken {
        assert!(!found.is_empty(), "{name}, {how}: is accepted");
    }
}

/// A bundle by its own schema, and every object by that of its type, or of observables where the standard has none. So does
/// the validator of OASIS: the list of objects in the schema of bundles leaves incidents out, and would refuse all of them.
fn stix_problems(schemas: &Schemas, bundle: &Json) -> Vec<String> {
    let mut alone = bundle.clone();
    alone.as_object_mut().unwrap().remove("objects");
    let mut found = problems(&schemas.validator("common/bundle.json").unwrap(), &alone);
    for object in bundle["objects"].as_array().unwrap() {
        let kind = object["type"].as_str().unwrap_or_default();
        let own = schemas.named(&format!("{kind}.json"));
        let schema = own.unwrap_or_else(|| "common/cyber-observable-core.json".to_owned());
        let of_object = problems(&schemas.validator(&schema).unwrap(), object);
        found.extend(of_object.into_iter().map(|one| format!("{kind}{one}")));
    }
    found
}

#[test]
fn cases_are_stix_2_1() {
    let schemas = schemas("stix-2.1");
    for (name, case) in cases() {
        let bundle = stix::bundle(&case, "Bank IR", NOW);
        let broken = |index: usize, field: &str, value: Json| {
            let mut broken = bundle.clone();
            match value {
                Json::Null => drop(broken["objects"][index].as_object_mut().unwrap().remove(field)),
                value => broken["objects"][index][field] = value,
            }
            stix_problems(&schemas, &broken)
        };
        let ways = [
            ("an incident without a name", broken(1, "name", Json::Null)),
            ("an id of another type", broken(1, "id", json!("bundle--1"))),
            ("a time without a zone", broken(0, "created", json!("2026-01-01 00:00"))),
            ("an unknown extension", broken(1, "extensions", json!({"x": {}}))),
            ("a version that is none", broken(0, "spec_version", json!("3"))),
        ];
        check(name, &stix_problems(&schemas, &bundle), &ways);
        let n_objects = bundle["objects"].as_array().unwrap().len();
        assert_eq!(n_objects, if name == "declared" { 5 } else { 2 }, "{name}");
    }
}

#[test]
fn cases_are_ocsf() {
    let schemas = schemas("ocsf-1.8.0");
    let detection = schemas.validator("detection_finding.json").unwrap();
    let incident = schemas.validator("incident_finding.json").unwrap();
    for (name, case) in cases() {
        let mut events: Vec<_> =
            ocsf::findings(&case).into_iter().map(|one| (&detection, one)).collect();
        events.push((&incident, ocsf::incident(&case, "response", NOW)));
        assert!(events.len() >= 2);
        for (schema, event) in events {
            assert_eq!(event["metadata"]["version"], "1.8.0", "the version of the schemas here");
            let mut ways = Vec::new();
            for (field, value) in [
                ("time", json!("now")),
                ("severity_id", json!(55)),
                ("type_uid", json!(1)),
                ("chain", json!(1)),
            ] {
                let mut broken = event.clone();
                broken[field] = value;
                ways.push((field, problems(schema, &broken)));
            }
            let mut broken = event.clone();
            broken["metadata"].as_object_mut().unwrap().remove("product");
            ways.push(("without a product", problems(schema, &broken)));
            check(name, &problems(schema, &event), &ways);
        }
    }
}

fn playbooks() -> Vec<Json> {
    let producer = cacao::Producer { name: "Bank IR".into(), created: Millis(0), modified: NOW };
    let mut all = Vec::new();
    for entry in std::fs::read_dir(root().join("playbooks")).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        if path.is_file() {
            let text = std::fs::read_to_string(&path).unwrap();
            let playbook = playbook::read(&path.to_string_lossy(), &text).unwrap();
            all.push(cacao::export(&playbook, &producer));
        }
    }
    assert!(all.len() >= 8);
    all
}

/// `PORTCULLIS_EXPORTS=FOLDER` has everything written down, for validators outside.
#[test]
fn exports_are_written_down_if_they_are_wanted() {
    let Some(root) = std::env::var_os("PORTCULLIS_EXPORTS").map(PathBuf::from) else { return };
    for (name, case) in cases() {
        let folder = root.join(name.replace(' ', "-"));
        std::fs::create_dir_all(&folder).unwrap();
        let mut events = ocsf::findings(&case);
        events.push(ocsf::incident(&case, "response", NOW));
        for (file, value) in [
            ("stix.json", stix::bundle(&case, "Bank IR", NOW)),
            ("ocsf.json", events.into()),
            ("cacao.json", playbooks().into()),
        ] {
            std::fs::write(folder.join(file), serde_json::to_vec_pretty(&value).unwrap()).unwrap();
        }
    }
}

#[test]
fn playbooks_are_cacao_2_0() {
    let Some(folder) = std::env::var_os(CACAO).map(PathBuf::from) else {
        eprintln!("SKIPPED: set {CACAO} to the folder `schemas` of oasis-open/cacao-json-schemas");
        return;
    };
    // They say draft 7, and mean it: words of later drafts in them would refuse every command.
    let schemas = Schemas::below(&folder, Draft::Draft7).unwrap();
    let schema = schemas.validator("playbook.json").unwrap();
    for playbook in playbooks() {
        let steps = playbook["workflow"].as_object().unwrap();
        let action = steps.keys().find(|id| id.starts_with("action--")).unwrap();
        let broken = |change: &dyn Fn(&mut Json)| {
            let mut broken = playbook.clone();
            change(&mut broken);
            problems(&schema, &broken)
        };
        let ways = [
            (
                "without a start",
                broken(&|p| drop(p.as_object_mut().unwrap().remove("workflow_start"))),
            ),
            ("another version", broken(&|p| p["spec_version"] = json!("cacao-1.1"))),
            ("no commands", broken(&|p| p["workflow"][action]["commands"] = json!([]))),
            ("an action without agent", broken(&|p| p["workflow"][action]["agent"] = json!("me"))),
            (
                "a number as value",
                broken(&|p| p["playbook_variables"]["__class__"]["value"] = json!(1)),
            ),
        ];
        check(playbook["name"].as_str().unwrap(), &problems(&schema, &playbook), &ways);
    }
}

#[test]
fn the_api_is_described_in_openapi_3_1() {
    let schemas = schemas("openapi-3.1");
    let schema = schemas.validator("schema.json").unwrap();
    let document = read(&root().join("docs/openapi.json")).unwrap();
    let mut ways = Vec::new();
    for (how, pointer, value) in [
        ("another version", "/openapi", json!("2.0")),
        ("an unknown field", "/info", json!({"title": "x", "version": "1", "author": "me"})),
        ("a path that is none", "/paths", json!({"cases": {}})),
        ("paths that are none", "/paths", json!([])),
    ] {
        let mut broken = document.clone();
        *broken.pointer_mut(pointer).unwrap() = value;
        ways.push((how, problems(&schema, &broken)));
    }
    check("docs/openapi.json", &problems(&schema, &document), &ways);
}

/// What `testing` makes needs these names here.
#[test]
fn a_case_of_these_tests_has_findings() {
    let case = case();
    assert_eq!((case.live_findings().count(), MINUTE), (2, 60_000));
    let _command = CaseCommand { who: "ada".into(), when: NOW, what: Command::Acknowledge };
}
