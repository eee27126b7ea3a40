//! `portcullis run`.

use std::path::PathBuf;

use clap::Args;
use portcullis_engine::{Effect, StepOutput};
use portcullis_types::{brake::Standing, case_event::CaseEvent, ids::ChainId};
use serde::Serialize;
use tokio::sync::watch;

use super::{Ending, load_config, output::print_json};
use crate::{
    config::Compiled,
    runner::{Core, Service, now},
    store::Journal,
};

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The configuration.
    #[arg(long, default_value = "portcullis.yaml")]
    config: PathBuf,
    /// Write an empty file here once everything protected was read and is watched.
    #[arg(long)]
    ready_file: Option<PathBuf>,
    /// Stop when standard input ends, besides on an interrupt: for programs that start this one.
    #[arg(long)]
    stop_with_stdin: bool,
}

/// `run --json`, printed when the program stops.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Ran {
    cases: usize,
    coverage: Vec<(ChainId, portcullis_engine::Coverage)>,
    journal_head: alloy_primitives::B256,
}

pub(crate) async fn run(args: &RunArgs, json: bool) -> anyhow::Result<Ending> {
    let config = load_config(&args.config)?;
    let journal = Journal::create_or_open(&config.journal)?;
    let store = journal.health();
    let core = Core::open(journal, &config.engine, now())?;
    let (stop, stopped) = watch::channel(false);
    let stdin = args.stop_with_stdin;
    tokio::spawn(async move {
        wait_for_the_end(stdin).await;
        // The service may have ended before.
        let _gone = stop.send(true);
    });
    let ready_file = args.ready_file.clone();
    let shown = config.clone();
    let ready = move || announce(&shown, ready_file.as_deref());
    let service =
        Service::start(core, &config, &args.config, Box::new(tell), Box::new(ready)).await?;
    let _console = super::console::beside(&config, &args.config, service.desk(), store)?;
    let core = service.run(stopped).await?;
    if json {
        let coverage = |chain: &crate::config::ChainFile| {
            core.engine().chain(chain.id).map(|state| (chain.id, state.coverage()))
        };
        print_json(&Ran {
            cases: core.engine().cases().count(),
            coverage: config.chains.iter().filter_map(coverage).collect(),
            journal_head: core.journal().head(),
        })?;
    }
    Ok(Ending::Fine)
}

async fn wait_for_the_end(stdin: bool) {
    let interrupted = async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::warn!(%error, "interrupts cannot be seen; stop this process with kill");
            std::future::pending::<()>().await;
        }
    };
    if !stdin {
        return interrupted.await;
    }
    let ended = async {
        let (tell, told) = tokio::sync::oneshot::channel::<()>();
        // A thread and no task: the runtime waits for tasks that read, and a program that cannot go on must end although
        // nobody closes its input.
        let reading = std::thread::Builder::new().name("stdin".to_owned()).spawn(move || {
            // However it ends, it has ended.
            let _ended = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
            drop(tell);
        });
        if let Err(error) = reading {
            tracing::warn!(%error, "standard input cannot be watched");
            std::future::pending::<()>().await;
        }
        let _closed = told.await;
    };
    tokio::select! {
        () = interrupted => {}
        () = ended => {}
    }
}

fn announce(config: &Compiled, ready_file: Option<&std::path::Path>) {
    for protocol in &config.engine.protocols {
        eprintln!(
            "watching {}: {} contracts, {} detectors, {} levers",
            protocol.protocol.name,
            protocol.protocol.contracts.len(),
            protocol.detectors.len(),
            protocol.ladder.len()
        );
    }
    if let Some(path) = ready_file
        && let Err(error) = std::fs::write(path, b"")
    {
        tracing::warn!(path = %path.display(), %error, "the ready file cannot be written");
    }
}

/// Says on standard error what people should know at once. The journal has it all.
fn tell(output: &StepOutput) {
    for event in &output.case_events {
        match event {
            CaseEvent::FindingRaised { case, finding } => {
                eprintln!("{case} [{}] {}", finding.detector, finding.sentence);
            }
            CaseEvent::FindingForeseen { case, finding } => {
                eprintln!("{case} [{}] pending: {}", finding.detector, finding.sentence);
            }
            CaseEvent::Decided { case, decision } => eprintln!("{case} {}", decision.sentence),
            CaseEvent::ApprovalAsked { case, request } => eprintln!(
                "{case} guardians must sign ({}): portcullis approve --case {case} --lever {} --typed-data",
                request.kind.name(),
                request.lever
            ),
            CaseEvent::ApprovalLapsed { case, kind, lever } => {
                eprintln!("{case} not signed in time: {} {lever}", kind.name());
            }
            CaseEvent::ActionMoved { case, action, outcome } => {
                let stage = serde_json::to_value(outcome).unwrap_or_default();
                let stage =
                    stage.get("stage").and_then(|stage| stage.as_str()).unwrap_or("?").to_owned();
                eprintln!("{case} action {action}: {stage}");
            }
            _ => {}
        }
    }
    for alert in &output.brakes {
        let sentence = alert.sentence();
        if alert.standing == Standing::Works {
            eprintln!("brakes: {sentence}");
        } else {
            eprintln!("ALERT: brakes: {sentence}");
        }
    }
    for (id, effect) in &output.effects {
        if let Effect::Act { action, .. } = effect {
            eprintln!("{} action {id}: {:?} {}", action.case, action.intent, action.lever.name);
        }
    }
}
