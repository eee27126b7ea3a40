//! Plays a scenario unprotected and prints the report: `play <folder> [seed] [block interval in ms]`.

use portcullis_range::{Chain, ChainOptions, PlayOptions, RangeError, Scenario, World};
use std::{env, path::PathBuf, process::ExitCode, time::Duration};

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let Some(folder) = arguments.next().map(PathBuf::from) else {
        eprintln!("usage: play <scenario folder> [seed] [block interval in ms]");
        return ExitCode::FAILURE;
    };
    let numbers: Vec<u64> = arguments.filter_map(|text| text.parse().ok()).collect();
    match play(folder, &numbers).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn play(folder: PathBuf, numbers: &[u64]) -> Result<(), RangeError> {
    let scenario = Scenario::load(&folder)?;
    let seed = numbers.first().copied().unwrap_or(scenario.default_seed());
    let interval_ms = numbers.get(1).copied().unwrap_or(0);
    let chain = Chain::spawn(ChainOptions::default()).await?;
    let mut world = World::build(&chain, &scenario, seed).await?;
    println!("{}: set up at block {}", scenario.title(), world.set_up_end_block());
    let options = PlayOptions {
        attack: true,
        traffic: true,
        blocks: scenario.blocks(),
        block_interval: Duration::from_millis(interval_ms),
        seed,
    };
    let report = world
        .play(options, |block| {
            println!("{:>4} {:>6} {:?}", block.index, block.number, block.honest);
            for outcome in &block.attack {
                println!("     {} {}", outcome.label, outcome.success);
            }
        })
        .await?;
    match serde_json::to_string_pretty(&report) {
        Ok(report) => println!("{report}"),
        Err(error) => eprintln!("the report is no JSON: {error}"),
    }
    Ok(())
}
