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
}

pub(crate) async fn signer(args: &SignerArgs) -> anyhow::Result<Ending> {
    let config = load_config(&args.config)?;
    let (source, policy) = parts(&config)?;
    serve(tokio::io::stdin(), tokio::io::stdout(), source, policy).await?;
    Ok(Ending::Fine)
}

fn parts(config: &Compiled) -> Result<(KeySource, Policy), Usage> {
    let missing = || {
        Usage("the configuration has no `responder.key`: there is nothing to sign with".to_owned())
    };
    let responder = config.responder.as_ref().ok_or_else(missing)?;
    let source = match responder.key.clone().ok_or_else(missing)? {
        KeyFile::Keystore { path, password_file } => KeySource::Keystore { path, password_file },
        KeyFile::Environment(variable) => KeySource::Environment { variable },
    };
    let levers: Vec<_> =
        config.engine.protocols.iter().flat_map(|protocol| protocol.ladder.clone()).collect();
    let policy =
        Policy::for_levers(&levers, responder.fee_wei_max, responder.signatures_per_hour_max);
    Ok((source, policy))
}
