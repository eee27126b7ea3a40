//! `portcullis bench`: from a block to a sent transaction, on loopback, with everything real in between.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use portcullis_range::{Chain, ChainOptions, PlayOptions, Scenario, World, project_root};
use serde::Serialize;

use super::{
    Ending,
    drill::{MillisSummary, Watcher, millis_summary, seen_to_sent, start_over},
    output::print_json,
};
use crate::{cli::case::fold, store::Journal};

/// The budget for the 99th percentile on loopback, milliseconds.
const SEEN_TO_SENT_MS_P99_MAX: u64 = 150;

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// World to play.
    #[arg(long)]
    world: Option<PathBuf>,
    /// Folder for configuration, journal and log.
    #[arg(long, default_value = ".portcullis/bench")]
    out: PathBuf,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Benched {
    rounds: usize,
    seen_to_sent_ms: MillisSummary,
    budget_ms_p99: u64,
    within_budget: bool,
    step_micros: StepMicros,
}

/// Time of `Engine::step` for each journaled block's Evidence, stepped again in this process.
#[derive(Debug, Serialize)]
struct StepMicros {
    p50: Option<u64>,
    p99: Option<u64>,
    max: Option<u64>,
}

pub(crate) async fn bench(args: &BenchArgs, json: bool) -> anyhow::Result<Ending> {
    let folder = match &args.world {
        Some(folder) => folder.clone(),
        None => project_root()?.join("benches/reaction"),
    };
    let scenario = Scenario::load(&folder)?;
    let chain = Chain::spawn(ChainOptions::default()).await?;
    let seed = scenario.default_seed();
    let mut world = World::build(&chain, &scenario, seed).await?;
    start_over(&args.out)?;
    let mut watcher = Watcher::start(&args.out, &chain, &world, scenario.configuration()).await?;
    let options = PlayOptions {
        attack: true,
        traffic: true,
        blocks: scenario.blocks(),
        block_interval: scenario.block_interval(),
        seed,
    };
    world.play(options, |_| {}).await?;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    watcher.end().await?;
    let journal = Journal::open_to_read(&watcher.journal)?;
    let times = seen_to_sent(&journal)?;
    let summary = millis_summary(&times);
    let steps = millis_summary(&step_micros(&journal)?);
    let within_budget = summary.p99.is_some_and(|p99| p99 <= SEEN_TO_SENT_MS_P99_MAX);
    let benched = Benched {
        rounds: times.len(),
        seen_to_sent_ms: summary,
        budget_ms_p99: SEEN_TO_SENT_MS_P99_MAX,
        within_budget,
        step_micros: StepMicros { p50: steps.p50, p99: steps.p99, max: steps.max },
    };
    // A journal that cannot be folded again would make the figures worthless.
    fold(&journal)?;
    if json {
        print_json(&benched)?;
    } else {
        let number = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |v| v.to_string());
        println!(
            "block seen → transaction sent, {} rounds: p50 {} ms, p99 {} ms, max {} ms (budget {} ms p99)",
            benched.rounds,
            number(summary.p50),
            number(summary.p99),
            number(summary.max),
            SEEN_TO_SENT_MS_P99_MAX
        );
        println!(
            "step, for each entry: p50 {} µs, p99 {} µs, max {} µs",
            number(steps.p50),
            number(steps.p99),
            number(steps.max)
        );
    }
    Ok(if within_budget { Ending::Fine } else { Ending::NotInOrder })
}

fn step_micros(journal: &Journal) -> anyhow::Result<Vec<u64>> {
    let mut engine = portcullis_engine::Engine::new();
    let mut out = Vec::new();
    journal.each(|record| -> anyhow::Result<()> {
        if let Some(entry) = record.entry().map_err(|why| anyhow::anyhow!(why))? {
            let started = std::time::Instant::now();
            engine.step(&entry)?;
            out.push(u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX));
        }
        Ok(())
    })?;
    Ok(out)
}
