//! `portcullis console`: the console over a journal, to read. And the console beside `run`.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use portcullis_case::Roster;
use portcullis_engine::Event;

use super::{Ending, Usage, output::print_json};
use crate::{
    api::{self, Access, Origin, Server, Settings, Token},
    config::{Compiled, online::node_options, war::evidence_beside},
    runner::Desk,
    store::{Body, Journal, StoreHealth},
};

#[derive(Debug, Args)]
pub(crate) struct ConsoleArgs {
    /// The journal. It is read; nothing is written to it.
    #[arg(long)]
    journal: PathBuf,
    /// Folders with outputs of `portcullis backtest`.
    #[arg(long)]
    reports: Vec<PathBuf>,
    /// Folders with outputs of `portcullis drill`. Default `.portcullis/drills`.
    #[arg(long)]
    drills: Vec<PathBuf>,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:7711")]
    listen: SocketAddr,
    /// Write the address here once it listens, for programs that start this one.
    #[arg(long)]
    ready_file: Option<PathBuf>,
}

pub(crate) async fn console(args: &ConsoleArgs, json: bool) -> anyhow::Result<Ending> {
    let journal = Journal::open_to_read(&args.journal)?;
    let chain_id = first_chain(&journal).unwrap_or(1);
    drop(journal);
    // Whoever can reach the port is not whoever may read the file: a token made now says who is at this terminal.
    let token = api::new_token().context("the system has no randomness")?;
    let origin = Origin::read(&format!("http://{}", args.listen)).map_err(|_| {
        Usage(format!("{} is not this machine's: a record is shown here only", args.listen))
    })?;
    let drills = if args.drills.is_empty() {
        vec![PathBuf::from(".portcullis/drills")]
    } else {
        args.drills.clone()
    };
    let settings = Settings {
        listen: args.listen,
        origin,
        chain_id,
        roster: Roster::default(),
        access: std::collections::BTreeMap::new(),
        tokens: vec![Token::new("reader", &token, Access::Viewer)],
        journal: args.journal.clone(),
        notify: None,
        reports: args.reports.clone(),
        drills,
        evidence: evidence_beside(&args.journal),
        stale_seconds: None,
        playbooks: Vec::new(),
        desk: None,
        public_status: false,
        store: StoreHealth::default(),
        wallets: None,
    };
    let server = api::start(settings)?;
    let link = format!("http://{}/sign-in#token={token}", server.address());
    if json {
        print_json(
            &serde_json::json!({ "address": server.address(), "token": token, "link": link }),
        )?;
    } else {
        println!("the console reads {}: {link}", args.journal.display());
        println!("stop it with Ctrl-C");
    }
    if let Some(path) = &args.ready_file {
        std::fs::write(path, server.address().to_string())
            .with_context(|| format!("{}", path.display()))?;
    }
    tokio::signal::ctrl_c().await.context("interrupts cannot be seen")?;
    Ok(Ending::Fine)
}

/// The chain that the journal's configuration names first.
fn first_chain(journal: &Journal) -> Option<u64> {
    let first = journal.after(portcullis_types::ids::Seq(0), 1).ok()?;
    match first.first()?.parse().ok()? {
        Body::Event(event) => match *event {
            Event::Started { config, .. } => config.chains.first().map(|chain| chain.chain),
            _ => None,
        },
        Body::Output(_) => None,
    }
}

/// Starts the console beside `run`, where the configuration has one.
pub(crate) fn beside(
    config: &Compiled,
    config_path: &Path,
    desk: Desk,
    store: StoreHealth,
) -> anyhow::Result<Option<Server>> {
    let Some(console) = &config.console else { return Ok(None) };
    let folder = config_path.parent().unwrap_or(Path::new("")).to_owned();
    let war = config.war.as_ref();
    let tokens = console.tokens().map_err(Usage)?;
    if let Some(war) = war
        && let Some(token) = tokens.iter().find(|token| war.roster.person(&token.name).is_some())
    {
        // What a program does must not stand in the record as a person's.
        return Err(Usage(format!(
            "the token `{}` has a person's name: give it its own",
            token.name
        ))
        .into());
    }
    let wallets = config
        .chains
        .first()
        .map(|chain| api::Wallets::new(chain.nodes.clone(), chain.id, node_options(chain)));
    let settings = Settings {
        listen: console.file.listen,
        origin: console.origin.clone(),
        chain_id: config.chains.first().map_or(1, |chain| chain.id),
        roster: war.map(|war| war.roster.clone()).unwrap_or_default(),
        access: console.file.access.clone(),
        tokens,
        journal: config.journal.clone(),
        notify: config.notify.clone().map(|file| (file, folder)),
        reports: console.file.reports.clone(),
        drills: console.file.drills.clone(),
        evidence: war.map_or_else(|| evidence_beside(&config.journal), |war| war.evidence.clone()),
        stale_seconds: Some(console.file.stale_seconds),
        playbooks: war.map(|war| war.playbooks.clone()).unwrap_or_default(),
        desk: Some(desk),
        public_status: console.file.public_status,
        store,
        wallets,
    };
    let server = api::start(settings)?;
    eprintln!("console: {}", console.origin.text());
    Ok(Some(server))
}

/// `portcullis openapi`.
pub(crate) fn openapi() -> anyhow::Result<Ending> {
    print_json(&api::document())?;
    Ok(Ending::Fine)
}
