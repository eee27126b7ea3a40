//! The commands. `--json` prints one object on standard output; progress and logs go to standard error.
//!
//! Exit codes: 0 done; 1 looked, and it is not in order (a check failed, a drill lost too much); 2 wrong usage or
//! configuration; 3 could not look (node, file or journal out of reach).

mod approve;
mod backtest;
mod bench;
mod case;
mod config;
mod console;
mod drill;
mod economics;
mod harm;
mod journal;
mod learn;
mod lever;
mod notify;
mod output;
mod playbook;
mod readiness;
mod record;
mod replay;
mod rule;
mod run;
mod safe;
pub(crate) mod signer;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};

pub(crate) use case::fold;
pub use output::UsdNumber;

/// How a command ended, for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Done, all in order.
    Fine,
    /// Looked, and it is not in order.
    NotInOrder,
}

/// An error of usage or configuration: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

#[derive(Debug, Parser)]
#[command(name = "portcullis", version, about, long_about = None)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Print one JSON object on standard output instead of text.
    #[arg(long, global = true)]
    json: bool,
    /// Say more on standard error; twice for everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Watch the configured chains and act inside the configured limits.
    Run(run::RunArgs),
    /// Play a scenario on a local chain, without and with Portcullis.
    Drill(drill::DrillArgs),
    /// Play recorded chain data through the engine; nothing is sent.
    Replay(replay::ReplayArgs),
    /// Record blocks from a node, to be played later.
    Record(record::RecordArgs),
    /// Look at cases; write and check what leaves the program of them.
    #[command(subcommand)]
    Case(case::CaseCommand),
    /// Check playbooks, list them, and print their schema.
    #[command(subcommand)]
    Playbook(playbook::PlaybookCommand),
    /// Check and export the journal.
    #[command(subcommand)]
    Journal(journal::JournalCommand),
    /// Check a configuration.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Measure the way from a block to a sent transaction on a local chain.
    Bench(bench::BenchArgs),
    /// Propose bounds and whitelists for a protocol from recordings of its past.
    Learn(learn::LearnArgs),
    /// Play a configuration, or none, over recordings and measure it by labels.
    Backtest(backtest::BacktestArgs),
    /// Test, check, explain and document rules.
    #[command(subcommand)]
    Rule(rule::RuleCommand),
    /// Whether attacking a protocol pays, what its limits leave, and which to change first.
    Economics(economics::EconomicsArgs),
    /// Look at a Safe's transaction before it is signed; sign it; carry it out.
    #[command(subcommand)]
    Safe(safe::SafeCommand),
    /// Say the worst that stolen sentinels could do through the configured Wardens, from the chain.
    Harm(harm::HarmArgs),
    /// Say which brakes work right now, who can pull them, and what no lever covers.
    Readiness(readiness::ReadinessArgs),
    /// List what guardians are asked for; print what to sign; hand a signature to the running program.
    Approve(approve::ApproveArgs),
    /// Look up levers in the catalogue; build the call of one for people to sign.
    #[command(subcommand)]
    Lever(lever::LeverCommand),
    /// Try the channels over which people are told.
    #[command(subcommand)]
    Notify(notify::NotifyCommand),
    /// Open the console on a journal, to read it: for post-mortems.
    Console(console::ConsoleArgs),
    /// Print the `OpenAPI` document of the API.
    Openapi,
    /// Hold the key and sign what the policy allows. Started by `run`; talks over standard input and output.
    #[command(hide = true)]
    Signer(signer::SignerArgs),
}

/// Where a journal is.
#[derive(Debug, Clone, Args)]
pub(crate) struct JournalArgs {
    /// The journal. Default: the one that the configuration names.
    #[arg(long)]
    pub(crate) journal: Option<PathBuf>,
    /// The configuration.
    #[arg(long, default_value = "portcullis.yaml")]
    pub(crate) config: PathBuf,
}

impl JournalArgs {
    pub(crate) fn path(&self) -> anyhow::Result<PathBuf> {
        match &self.journal {
            Some(path) => Ok(path.clone()),
            None => match crate::config::load(&self.config) {
                Ok(config) => Ok(config.journal),
                Err(problem) => {
                    Err(Usage(format!("{problem}; or name the journal itself with --journal"))
                        .into())
                }
            },
        }
    }
}

pub(crate) fn load_config(path: &std::path::Path) -> anyhow::Result<crate::config::Compiled> {
    crate::config::load(path).map_err(|problem| Usage(problem.to_string()).into())
}

/// Parses the command line and runs the command.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    output::start_logging(cli.verbose);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("portcullis: cannot start: {error}");
            return ExitCode::from(3);
        }
    };
    match runtime.block_on(dispatch(cli)) {
        Ok(Ending::Fine) => ExitCode::SUCCESS,
        Ok(Ending::NotInOrder) => ExitCode::from(1),
        Err(error) => {
            eprintln!("portcullis: {error:#}");
            let usage = error.chain().any(<dyn std::error::Error>::is::<Usage>);
            ExitCode::from(if usage { 2 } else { 3 })
        }
    }
}

async fn dispatch(cli: Cli) -> anyhow::Result<Ending> {
    let json = cli.json;
    match cli.command {
        Command::Run(args) => Box::pin(run::run(&args, json)).await,
        Command::Drill(args) => drill::drill(&args, json).await,
        Command::Replay(args) => replay::replay(&args, json),
        Command::Record(args) => record::record(&args, json).await,
        Command::Case(command) => case::case(&command, json),
        Command::Playbook(command) => playbook::playbook(&command, json),
        Command::Journal(command) => journal::journal(&command, json),
        Command::Config(command) => config::config(&command, json).await,
        Command::Bench(args) => bench::bench(&args, json).await,
        Command::Learn(args) => learn::learn(&args, json),
        Command::Backtest(args) => backtest::backtest(&args, json),
        Command::Signer(args) => signer::signer(&args).await,
        Command::Rule(command) => rule::rule(&command, json),
        Command::Economics(args) => economics::economics(&args, json),
        Command::Safe(command) => safe::safe(&command, json).await,
        Command::Harm(args) => harm::harm(&args, json).await,
        Command::Readiness(args) => readiness::readiness(&args, json).await,
        Command::Approve(args) => approve::approve(&args, json).await,
        Command::Lever(command) => lever::lever(&command, json).await,
        Command::Notify(command) => notify::notify(&command, json).await,
        Command::Console(args) => console::console(&args, json).await,
        Command::Openapi => console::openapi(),
    }
}
