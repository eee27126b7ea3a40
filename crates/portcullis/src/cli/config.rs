//! `portcullis config check`.

use std::path::PathBuf;

use clap::Subcommand;
use serde::Serialize;

use super::{
    Ending, load_config,
    output::{Paint, print_json},
};
use crate::config::online::{Check, check};

/// What to do with a configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check it, alone and against the nodes: chain ids, contracts, tokens, whether each lever can be pulled.
    Check {
        /// The configuration.
        #[arg(long, default_value = "portcullis.yaml")]
        config: PathBuf,
        /// Do not ask the nodes.
        #[arg(long)]
        offline: bool,
    },
}

#[derive(Debug, Serialize)]
struct Checked {
    ok: bool,
    checks: Vec<Check>,
}

pub(crate) async fn config(command: &ConfigCommand, json: bool) -> anyhow::Result<Ending> {
    let ConfigCommand::Check { config: path, offline } = command;
    let config = load_config(path)?;
    let checks = if *offline { Vec::new() } else { check(&config).await? };
    let ok = checks.iter().all(|check| check.ok);
    if json {
        print_json(&Checked { ok, checks })?;
    } else {
        let paint = Paint::stdout();
        for check in &checks {
            let mark = if check.ok { paint.good("ok ") } else { paint.bad("NO ") };
            println!("{mark} {}: {}", check.about, check.what);
        }
        let (protocols, levers) = (
            config.engine.protocols.len(),
            config.engine.protocols.iter().map(|protocol| protocol.ladder.len()).sum::<usize>(),
        );
        println!("{}: {protocols} protocols, {levers} levers", path.display());
    }
    Ok(if ok { Ending::Fine } else { Ending::NotInOrder })
}
