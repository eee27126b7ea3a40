//! `portcullis drill`: a scenario on a real local chain, once without and once with Portcullis, from the same seed.

mod measure;
mod play;
mod room;
mod show;

use std::{io::IsTerminal as _, net::SocketAddr, path::PathBuf};

use clap::Args;
use portcullis_range::{Scenario, project_root};
use serde::Deserialize;

use super::{Ending, Usage};

pub(crate) use measure::{MillisSummary, millis_summary, seen_to_sent};
use play::JOURNAL;
pub(crate) use play::{Guarded, Watcher, guarded_play, plain_play, start_over};

#[derive(Debug, Clone, Args)]
pub(crate) struct DrillArgs {
    /// Name of a folder under `scenarios/`, or a path to one.
    scenario: String,
    /// What decides the honest traffic. Default: the scenario's.
    #[arg(long)]
    seed: Option<u64>,
    /// Honest traffic alone, no attack: no lever may be pulled.
    #[arg(long)]
    honest_only: bool,
    /// Length in blocks. Default: the scenario's.
    #[arg(long)]
    blocks: Option<u64>,
    /// Wall-clock time between two blocks, milliseconds. Default: the scenario's.
    #[arg(long)]
    interval_ms: Option<u64>,
    /// Folder for configuration, journal and log. Default: `.portcullis/drills/<scenario>`.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Open the console here while Portcullis defends, for instance 127.0.0.1:7711. At a terminal it stays open until
    /// Ctrl-C.
    #[arg(long)]
    console: Option<SocketAddr>,
}

/// `expected.yaml`: what must be seen.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Expected {
    /// Loss with Portcullis, percent of the loss without.
    pub(crate) loss_protected_percent_max: u64,
    /// Blocks from the first harm to the hold.
    pub(crate) blocks_to_hold_max: u64,
    /// Detectors that must fire.
    pub(crate) detectors: Vec<String>,
    /// Lever that must hold.
    pub(crate) lever: String,
    /// Pulls without an attack.
    pub(crate) false_pauses_max: u64,
}

/// How a drill is played.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) scenario: Scenario,
    pub(crate) expected: Expected,
    pub(crate) seed: u64,
    pub(crate) blocks: u64,
    pub(crate) interval: std::time::Duration,
    pub(crate) out: PathBuf,
    pub(crate) quiet: bool,
    /// Where a visitor may watch.
    pub(crate) console: Option<SocketAddr>,
    /// Whether everything goes on running after the play.
    pub(crate) stays_open: bool,
}

pub(crate) async fn drill(args: &DrillArgs, json: bool) -> anyhow::Result<Ending> {
    let plan = plan(args, json)?;
    if args.honest_only {
        let guarded = guarded_play(&plan, false).await?;
        return show::honest(&plan, &guarded, json);
    }
    let unprotected = plain_play(&plan).await?;
    let guarded = guarded_play(&plan, true).await?;
    let ending = show::both(&plan, &unprotected, &guarded, json)?;
    if let Some(open) = guarded.open {
        eprintln!("\nthe console stays open: {}\nend with Ctrl-C", open.link());
        open.until_interrupted().await?;
        eprintln!(
            "\nended; the record stays: portcullis console --journal {}",
            plan.out.join(JOURNAL).display()
        );
    }
    Ok(ending)
}

pub(crate) fn plan(args: &DrillArgs, quiet: bool) -> anyhow::Result<Plan> {
    let scenario = Scenario::load(&folder(&args.scenario)?)?;
    let expected = scenario
        .expected::<Expected>()?
        .ok_or_else(|| Usage(format!("{} has no expected.yaml: add one", args.scenario)))?;
    let name = scenario.name().to_owned();
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from(".portcullis/drills").join(name));
    Ok(Plan {
        seed: args.seed.unwrap_or_else(|| scenario.default_seed()),
        blocks: args.blocks.unwrap_or_else(|| scenario.blocks()),
        interval: args
            .interval_ms
            .map_or_else(|| scenario.block_interval(), std::time::Duration::from_millis),
        scenario,
        expected,
        out,
        quiet,
        console: args.console,
        stays_open: args.console.is_some()
            && !args.honest_only
            && !quiet
            && std::io::stdin().is_terminal(),
    })
}

fn folder(name: &str) -> anyhow::Result<PathBuf> {
    let direct = PathBuf::from(name);
    if direct.join("world.yaml").is_file() {
        return Ok(direct);
    }
    let scenarios = project_root()?.join("scenarios");
    let folder = scenarios.join(name);
    if folder.join("world.yaml").is_file() {
        return Ok(folder);
    }
    let mut known: Vec<String> = std::fs::read_dir(&scenarios)
        .map(|entries| {
            entries
                .filter_map(Result::ok)
                .filter(|entry| entry.path().join("world.yaml").is_file())
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .collect()
        })
        .unwrap_or_default();
    known.sort();
    Err(Usage(format!("there is no scenario `{name}`; there are: {}", known.join(", "))).into())
}
