//! `portcullis signer`: the process that holds the key.
//!
//! It reads the configuration itself, so that the process that asks (and reads untrusted chain data) cannot tell it what
//! is allowed.

use std::path::PathBuf;

use clap::Args;
use portcullis_act::signer::{KeySource, Policy, serve};

use super::{Ending, Usage, load_config};
use crate::config::{Compiled, KeyFile};

#[derive(Debug, Args)]
pub(crate) struct SignerArgs {
    /// The configuration.
    #[arg(long)]
    config: PathBuf,
    /// Be the signer of this sentinel instead of the responder's.
    #[arg(long)]
    sentinel: Option<String>,
}

pub(crate) async fn signer(args: &SignerArgs) -> anyhow::Result<Ending> {
    let config = load_config(&args.config)?;
    let (source, policy) = match &args.sentinel {
        Some(name) => sentinel_parts(&config, name)?,
        None => parts(&config)?,
    };
    serve(tokio::io::stdin(), tokio::io::stdout(), source, policy).await?;
    Ok(Ending::Fine)
}

fn parts(config: &Compiled) -> Result<(KeySource, Policy), Usage> {
    let missing = || {
        Usage("the configuration has no `responder.key`: there is nothing to sign with".to_owned())
    };
    let responder = config.responder.as_ref().ok_or_else(missing)?;
    let source = source(responder.key.clone().ok_or_else(missing)?);
    let levers = levers(config);
    let policy =
        Policy::for_levers(&levers, responder.fee_wei_max, responder.signatures_per_hour_max);
    Ok((source, policy))
}

fn source(key: KeyFile) -> KeySource {
    match key {
        KeyFile::Keystore { path, password_file } => KeySource::Keystore { path, password_file },
        KeyFile::Environment(variable) => KeySource::Environment { variable },
    }
}

fn levers(config: &Compiled) -> Vec<portcullis_types::action::Lever> {
    config.engine.protocols.iter().flat_map(|protocol| protocol.ladder.clone()).collect()
}

/// What a sentinel signs: orders for the configured levers of Wardens, heartbeats, and their transactions.
fn sentinel_parts(config: &Compiled, name: &str) -> Result<(KeySource, Policy), Usage> {
    let missing = || Usage(format!("the configuration has no sentinel `{name}` with a `key`"));
    let sentinels = config.sentinels.as_ref().ok_or_else(missing)?;
    let one = sentinels.keys.iter().find(|one| one.name == name).ok_or_else(missing)?;
    let source = source(one.key.clone().ok_or_else(missing)?);
    let responder = config.responder.as_ref().ok_or_else(|| {
        Usage("the configuration has no `responder`: nobody would relay what is signed".to_owned())
    })?;
    let policy = Policy::for_sentinel(
        &levers(config),
        responder.fee_wei_max,
        responder.signatures_per_hour_max,
        sentinels.orders_per_hour_max,
    );
    Ok((source, policy))
}
