//! The rules of the repository and of the documentation do what they say.

use std::path::PathBuf;

use portcullis_rules::{Source, has_errors, lint, run_tests};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn check(source: &Source) {
    let found = lint(source);
    assert!(!has_errors(&found), "{found:#?}");
    let results = run_tests(source).unwrap_or_default();
    assert!(!results.is_empty(), "{}: no tests", source.name);
    for result in results {
        let shown = result.problem.map(|problem| problem.to_string()).unwrap_or_default();
        assert_eq!(shown, "", "{}, {}", result.rule, result.name);
    }
}

#[test]
fn the_rules_of_the_repository_pass_their_tests() {
    let mut n_files = 0;
    for entry in std::fs::read_dir(root().join("rules")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            let source = Source { name, text };
            assert_eq!(lint(&source), [], "{}", source.name);
            check(&source);
            n_files += 1;
        }
    }
    assert!(n_files >= 5, "{n_files} files");
}

#[test]
fn the_examples_of_the_documentation_pass_their_tests() {
    let text = std::fs::read_to_string(root().join("docs/rules.md")).unwrap();
    let blocks = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let rules: Vec<&str> = blocks.filter(|block| block.starts_with("id: ")).collect();
    assert!(rules.len() >= 5, "{} rules", rules.len());
    for text in rules {
        check(&Source { name: "docs/rules.md".into(), text: text.to_owned() });
    }
}
