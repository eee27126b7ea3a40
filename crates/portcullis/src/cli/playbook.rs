//! `portcullis playbook check|list|schema`.

use std::path::PathBuf;

use clap::Subcommand;
use portcullis_case::{
    Playbook, Roster,
    playbook::{json_schema, read, read_roster},
};
use portcullis_engine::{Engine, Entry, Event};
use portcullis_types::ids::{Millis, Seq};

use super::{Ending, Usage, load_config, output::print_json};
use crate::config::{
    Compiled,
    war::{files, text_of},
};

/// What to do with playbooks.
#[derive(Debug, Subcommand)]
pub(crate) enum PlaybookCommand {
    /// Check playbooks: the files, and with a configuration the people, levers and addresses that they need.
    Check {
        /// Files or folders. Default: those of the configuration.
        files: Vec<PathBuf>,
        /// Check against these people and names. Default: those of the configuration.
        #[arg(long)]
        roster: Option<PathBuf>,
        /// The configuration. Not needed where files are given.
        #[arg(long, default_value = "portcullis.yaml")]
        config: PathBuf,
    },
    /// List the playbooks of the configuration.
    List {
        /// The configuration.
        #[arg(long, default_value = "portcullis.yaml")]
        config: PathBuf,
    },
    /// Print the JSON Schema of playbooks, for editors.
    Schema,
}

pub(crate) fn playbook(command: &PlaybookCommand, json: bool) -> anyhow::Result<Ending> {
    match command {
        PlaybookCommand::Check { files, roster, config } => {
            check(files, roster.as_ref(), config, json)
        }
        PlaybookCommand::List { config } => list(&load_config(config)?, json),
        PlaybookCommand::Schema => {
            println!("{}", serde_json::to_string_pretty(&json_schema())?);
            Ok(Ending::Fine)
        }
    }
}

fn list(config: &Compiled, json: bool) -> anyhow::Result<Ending> {
    let playbooks = config.war.as_ref().map(|war| war.playbooks.as_slice()).unwrap_or_default();
    if json {
        print_json(&playbooks)?;
        return Ok(Ending::Fine);
    }
    if playbooks.is_empty() {
        println!("no playbooks: name files or folders under `war.playbooks` in the configuration");
    }
    for one in playbooks {
        println!(
            "{:<24}  v{:<3}  {}  {:>2} steps  {}",
            one.id,
            one.version,
            one.severity.name(),
            one.steps.len(),
            one.title
        );
    }
    Ok(Ending::Fine)
}

fn check(
    named: &[PathBuf],
    roster: Option<&PathBuf>,
    config: &std::path::Path,
    json: bool,
) -> anyhow::Result<Ending> {
    let usage = |(problem, _): (String, Option<String>)| Usage(problem);
    let compiled =
        if config.exists() || named.is_empty() { Some(load_config(config)?) } else { None };
    let mut problems = Vec::new();
    let mut playbooks: Vec<Playbook> = Vec::new();
    if named.is_empty() {
        let war = compiled.as_ref().and_then(|compiled| compiled.war.as_ref());
        playbooks.extend(war.map(|war| war.playbooks.clone()).unwrap_or_default());
    }
    for path in files(std::path::Path::new(""), named).map_err(usage)? {
        match read(&path.display().to_string(), &text_of(&path).map_err(usage)?) {
            Ok(playbook) => playbooks.push(playbook),
            Err(all) => problems.extend(all.iter().map(ToString::to_string)),
        }
    }
    let people: Option<Roster> = match roster {
        Some(path) => {
            match read_roster(&path.display().to_string(), &text_of(path).map_err(usage)?) {
                Ok(roster) => Some(roster),
                Err(all) => {
                    problems.extend(all.iter().map(ToString::to_string));
                    None
                }
            }
        }
        None => compiled.as_ref().and_then(|one| one.war.as_ref()).map(|war| war.roster.clone()),
    };
    if let (Some(compiled), Some(people)) = (&compiled, &people) {
        problems.extend(faults(compiled, &playbooks, people)?);
    }
    if json {
        print_json(&serde_json::json!({ "playbooks": playbooks.len(), "problems": problems }))?;
    } else {
        for problem in &problems {
            println!("{problem}");
        }
        let against = if people.is_some() && compiled.is_some() {
            "against people, levers and addresses"
        } else {
            "the files alone: no configuration with `war` was given"
        };
        println!("{} playbooks checked ({against}): {} problems", playbooks.len(), problems.len());
    }
    Ok(if problems.is_empty() { Ending::Fine } else { Ending::NotInOrder })
}

/// Why playbooks could not be carried out whole, protocol by protocol.
fn faults(
    compiled: &Compiled,
    playbooks: &[Playbook],
    people: &Roster,
) -> anyhow::Result<Vec<String>> {
    let mut engine = Engine::new();
    let config = Box::new(compiled.engine.clone());
    let event = Event::Started { version: String::new(), config };
    engine.step(&Entry { seq: Seq(1), at: Millis(0), event })?;
    let mut all = Vec::new();
    for protocol in &compiled.engine.protocols {
        let name = &protocol.protocol.name;
        for playbook in playbooks {
            let faults = engine.faults_of(name, playbook, people);
            all.extend(faults.into_iter().map(|fault| format!("{name}: {fault}")));
        }
    }
    Ok(all)
}
