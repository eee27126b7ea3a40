//! `portcullis rule`: test, lint, explain, begin, and document rules.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Subcommand;
use portcullis_rules::{
    Diagnostic, Level, RuleSet, Settings, Source, TestResult, catalogue, json_schema, lint,
    run_tests, template,
};
use serde::Serialize;

use super::{
    Ending, Usage,
    output::{Paint, print_json},
};
use crate::config::rules::{files, read};

/// What to do with rules.
#[derive(Debug, Subcommand)]
pub(crate) enum RuleCommand {
    /// Run the tests that every rule carries.
    Test {
        /// Files, folders, or patterns with `*`.
        #[arg(default_value = "rules")]
        paths: Vec<PathBuf>,
    },
    /// Say everything that is wrong with rules, or should be better.
    Lint {
        /// Files, folders, or patterns with `*`.
        #[arg(default_value = "rules")]
        paths: Vec<PathBuf>,
    },
    /// Say in plain words what a rule compiles to.
    Explain {
        /// The id of a rule, or a file.
        rule: String,
        /// Where to look for the id.
        #[arg(long, default_value = "rules")]
        rules: PathBuf,
    },
    /// Write a rule to begin with, whose tests pass.
    New {
        /// Its id: small letters, digits and `-`.
        name: String,
        /// The folder.
        #[arg(long, default_value = "rules")]
        rules: PathBuf,
    },
    /// Write the page that lists all rules.
    Catalogue {
        /// Files, folders, or patterns with `*`.
        #[arg(default_value = "rules")]
        paths: Vec<PathBuf>,
        /// The page. Default: standard output.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Write the JSON Schema of rule files, for editors.
    Schema {
        /// The file. Default: standard output.
        #[arg(long)]
        out: Option<PathBuf>,
    },
}

pub(crate) fn rule(command: &RuleCommand, json: bool) -> anyhow::Result<Ending> {
    match command {
        RuleCommand::Test { paths } => test(&sources(paths)?, json),
        RuleCommand::Lint { paths } => lint_all(&sources(paths)?, json),
        RuleCommand::Explain { rule, rules } => explain(rule, rules),
        RuleCommand::New { name, rules } => new(name, rules),
        RuleCommand::Catalogue { paths, out } => write(out.as_deref(), &page(&sources(paths)?)?),
        RuleCommand::Schema { out } => {
            let text = serde_json::to_string_pretty(&json_schema())?;
            write(out.as_deref(), &format!("{text}\n"))
        }
    }
}

fn sources(paths: &[PathBuf]) -> anyhow::Result<Vec<Source>> {
    let mut sources = Vec::new();
    for path in paths {
        for file in files(path).map_err(Usage)? {
            sources.push(read(&file).map_err(Usage)?);
        }
    }
    Ok(sources)
}

/// A problem, for scripts.
#[derive(Debug, Serialize)]
struct Said<'a> {
    level: &'static str,
    file: &'a str,
    line: usize,
    column: usize,
    problem: &'a str,
    remedy: &'a str,
}

impl<'a> From<&'a Diagnostic> for Said<'a> {
    fn from(from: &'a Diagnostic) -> Self {
        Self {
            level: if from.level == Level::Error { "error" } else { "warning" },
            file: &from.file,
            line: from.line,
            column: from.column,
            problem: &from.problem,
            remedy: &from.remedy,
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Tested<'a> {
    rule: &'a str,
    test: &'a str,
    passed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Said<'a>>,
    sentences: &'a [String],
}

fn test(sources: &[Source], json: bool) -> anyhow::Result<Ending> {
    let (mut results, mut refused): (Vec<TestResult>, Vec<Diagnostic>) = (Vec::new(), Vec::new());
    for source in sources {
        match run_tests(source) {
            Ok(list) => results.extend(list),
            Err(list) => refused.extend(list.into_iter().filter(|d| d.level == Level::Error)),
        }
    }
    let n_failed = results.iter().filter(|result| result.problem.is_some()).count();
    if json {
        let tests: Vec<Tested<'_>> = results.iter().map(tested).collect();
        let problems: Vec<Said<'_>> = refused.iter().map(Said::from).collect();
        print_json(&serde_json::json!({ "tests": tests, "refused": problems }))?;
    } else {
        table(&results);
        for problem in results.iter().filter_map(|result| result.problem.as_ref()).chain(&refused) {
            println!("\n{problem}");
        }
        let n_passed = results.len() - n_failed;
        println!("\n{n_passed} tests passed, {n_failed} failed, {} errors in rules", refused.len());
    }
    Ok(if n_failed == 0 && refused.is_empty() { Ending::Fine } else { Ending::NotInOrder })
}

fn tested(result: &TestResult) -> Tested<'_> {
    Tested {
        rule: &result.rule,
        test: &result.name,
        passed: result.problem.is_none(),
        problem: result.problem.as_ref().map(Said::from),
        sentences: &result.sentences,
    }
}

fn table(results: &[TestResult]) {
    let paint = Paint::stdout();
    let width = results.iter().map(|result| result.rule.chars().count()).max().unwrap_or(0);
    for result in results {
        let mark = if result.problem.is_none() { paint.good("ok ") } else { paint.bad("NO ") };
        let kind = if result.wants_fire { "fires " } else { "silent" };
        let name = portcullis_types::text::printable(&result.name);
        println!("{mark} {:<width$}  {kind}  {name}", result.rule);
    }
}

fn lint_all(sources: &[Source], json: bool) -> anyhow::Result<Ending> {
    let found: Vec<Diagnostic> = sources.iter().flat_map(lint).collect();
    let n_errors = found.iter().filter(|diagnostic| diagnostic.level == Level::Error).count();
    if json {
        let problems: Vec<Said<'_>> = found.iter().map(Said::from).collect();
        print_json(&serde_json::json!({ "problems": problems }))?;
    } else {
        for diagnostic in &found {
            println!("{diagnostic}\n");
        }
        println!("{} files, {n_errors} errors, {} warnings", sources.len(), found.len() - n_errors);
    }
    Ok(if found.is_empty() { Ending::Fine } else { Ending::NotInOrder })
}

/// Compiles rules one by one in the protocol of their tests.
fn compiled(source: &Source) -> anyhow::Result<RuleSet> {
    portcullis_rules::compile_for_tests(source).map_err(|list| {
        let shown: Vec<String> = list.iter().map(ToString::to_string).collect();
        Usage(format!("the rule does not compile\n\n{}", shown.join("\n\n"))).into()
    })
}

fn explain(rule: &str, rules: &Path) -> anyhow::Result<Ending> {
    let path = Path::new(rule);
    let is_file = path.is_file();
    let sources = sources(&[if is_file { path.to_owned() } else { rules.to_owned() }])?;
    let mut known = Vec::new();
    for source in &sources {
        // Files that are not asked for may be wrong.
        let set = match compiled(source) {
            Ok(set) => set,
            Err(error) if is_file || source.name.contains(rule) => return Err(error),
            Err(_) => continue,
        };
        let ids: Vec<String> = set.rules().map(|about| about.id.clone()).collect();
        for id in ids {
            if (is_file || id == rule)
                && let Some(text) = set.explain(&id)
            {
                println!("{text}");
                if !is_file {
                    return Ok(Ending::Fine);
                }
            }
            known.push(id);
        }
    }
    if is_file {
        return Ok(Ending::Fine);
    }
    let known = known.join(", ");
    Err(Usage(format!("there is no rule `{rule}` in {}; there are: {known}", rules.display()))
        .into())
}

fn new(name: &str, rules: &Path) -> anyhow::Result<Ending> {
    let source = Source { name: format!("{name}.yaml"), text: template(name) };
    if let Err(list) = run_tests(&source) {
        let problem = list.first().map(|d| d.problem.clone()).unwrap_or_default();
        return Err(Usage(format!(
            "`{name}` is no id for a rule: {problem}; write for instance role-granted"
        ))
        .into());
    }
    let path = rules.join(&source.name);
    std::fs::create_dir_all(rules)
        .with_context(|| format!("cannot make the folder {}", rules.display()))?;
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).open(&path).map_err(|error| {
        Usage(format!("{} cannot be written: {error}; take another name", path.display()))
    })?;
    std::io::Write::write_all(&mut file, source.text.as_bytes())?;
    println!("wrote {}; its tests: portcullis rule test {0}", path.display());
    Ok(Ending::Fine)
}

/// The catalogue of rules in their test protocols, one set of all.
fn page(sources: &[Source]) -> anyhow::Result<String> {
    let set =
        RuleSet::compile(sources, &portcullis_rules::protocol_of(sources), &Settings::default());
    let set = set.map_err(|list| {
        let first = list.iter().find(|d| d.level == Level::Error).map(ToString::to_string);
        Usage(format!("the rules do not compile\n\n{}", first.unwrap_or_default()))
    })?;
    Ok(catalogue(&set))
}

fn write(out: Option<&Path>, text: &str) -> anyhow::Result<Ending> {
    match out {
        Some(path) => {
            std::fs::write(path, text)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        None => print!("{text}"),
    }
    Ok(Ending::Fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    /// Sources named as they are from the top of the repository.
    fn repository() -> Vec<Source> {
        let mut sources = sources(&[root().join("rules")]).unwrap();
        for source in &mut sources {
            source.name = source.name.rsplit('/').next().unwrap_or_default().to_owned();
        }
        sources
    }

    #[test]
    fn the_catalogue_is_the_generated_one() {
        let page = page(&repository()).unwrap();
        let committed = std::fs::read_to_string(root().join("docs/rules-catalogue.md")).unwrap();
        assert!(
            page == committed,
            "docs/rules-catalogue.md is old: run `portcullis rule catalogue --out docs/rules-catalogue.md`"
        );
    }

    #[test]
    fn the_schema_is_the_generated_one() {
        let committed = std::fs::read_to_string(root().join("docs/rule.schema.json")).unwrap();
        let text = format!("{}\n", serde_json::to_string_pretty(&json_schema()).unwrap());
        assert!(
            text == committed,
            "docs/rule.schema.json is old: run `portcullis rule schema --out docs/rule.schema.json`"
        );
    }

    #[test]
    fn a_new_rule_is_written_once_and_passes() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(new("my-rule", folder.path()).unwrap(), Ending::Fine);
        assert!(new("my-rule", folder.path()).is_err(), "nothing is written over");
        assert!(new("My Rule", folder.path()).is_err());
        let sources = sources(&[folder.path().to_owned()]).unwrap();
        assert_eq!(test(&sources, false).unwrap(), Ending::Fine);
        assert_eq!(lint_all(&sources, true).unwrap(), Ending::Fine);
    }

    #[test]
    fn wrong_rules_end_with_not_in_order() {
        let text = template("t").replace("transfer.usd", "transfer.us");
        let broken = [Source { name: "t.yaml".into(), text }];
        assert_eq!(test(&broken, false).unwrap(), Ending::NotInOrder);
        assert_eq!(lint_all(&broken, false).unwrap(), Ending::NotInOrder);
        let text = template("t").replace("fires: false", "fires: true");
        let failing = [Source { name: "t.yaml".into(), text }];
        assert_eq!(test(&failing, true).unwrap(), Ending::NotInOrder);
    }

    #[test]
    fn explanations_name_the_index() {
        let sources = repository();
        let role = sources.iter().find(|source| source.name == "role-granted.yaml").unwrap();
        let text = compiled(role).unwrap().explain("role-granted").unwrap();
        assert!(text.contains("RoleGranted(bytes32,address,address)"), "{text}");
        assert!(
            text.contains("0x2f8788117e7eff1d82e926ec794901d17c78024a50270940304540a733656f0d"),
            "{text}"
        );
        assert!(
            portcullis_rules::test_protocol()
                .contracts
                .iter()
                .all(|contract| text.contains(&contract.name)),
            "{text}"
        );
    }
}
