//! `portcullis signer`: the process that holds the key.
//!
//! It reads the configuration itself, so that the process that asks (and reads untrusted chain data) cannot tell it what
//! is allowed.

use std::path::PathBuf;

use alloy_primitives::Address;
use clap::Args;
use portcullis_act::signer::{KeySource, Policy, serve};

use super::{Ending, Usage, load_config};
use crate::config::Compiled;

#[derive(Debug, Args)]
pub(crate) struct SignerArgs {
    /// The configuration.
    #[arg(long)]
    config: PathBuf,
    /// Be the signer of this sentinel instead of the responder's.
    #[arg(long)]
    sentinel: Option<String>,
    /// Be the signer of the lane with this account instead of the responder's.
    #[arg(long, conflicts_with = "sentinel")]
    lane: Option<Address>,
}

pub(crate) async fn signer(args: &SignerArgs) -> anyhow::Result<Ending> {
    let config = load_config(&args.config)?;
    let (source, account, policy) = match &args.sentinel {
        Some(name) => sentinel_parts(&config, name)?,
        None => parts(&config, args.lane)?,
    };
    serve(tokio::io::stdin(), tokio::io::stdout(), source, account, policy).await?;
    Ok(Ending::Fine)
}

/// What the responder signs, and each of its lanes with a key of its own.
fn parts(config: &Compiled, lane: Option<Address>) -> Result<(KeySource, Address, Policy), Usage> {
    let missing = || {
        Usage("the configuration has no `responder.key`: there is nothing to sign with".to_owned())
    };
    let responder = config.responder.as_ref().ok_or_else(missing)?;
    let key = match lane {
        None => responder.key.clone().ok_or_else(missing)?,
        Some(account) => {
            let of = responder.lanes.iter().find(|lane| lane.address == account);
            let unknown = || Usage(format!("the configuration has no lane {account}"));
            of.ok_or_else(unknown)?.key.clone()
        }
    };
    let levers = levers(config);
    let policy =
        Policy::for_levers(&levers, responder.fee_wei_max, responder.signatures_per_hour_max);
    let policy = match responder.emergency_fee_wei_max {
        Some(wei) => policy.with_emergency(&levers, wei),
        None => policy,
    };
    Ok((key.source(), lane.unwrap_or(responder.address), policy))
}

fn levers(config: &Compiled) -> Vec<portcullis_types::action::Lever> {
    config.engine.protocols.iter().flat_map(|protocol| protocol.ladder.clone()).collect()
}

/// What a sentinel signs: orders for the configured levers of Wardens, heartbeats, and their transactions.
fn sentinel_parts(config: &Compiled, name: &str) -> Result<(KeySource, Address, Policy), Usage> {
    let missing = || Usage(format!("the configuration has no sentinel `{name}` with a `key`"));
    let sentinels = config.sentinels.as_ref().ok_or_else(missing)?;
    let one = sentinels.keys.iter().find(|one| one.name == name).ok_or_else(missing)?;
    let source = one.key.as_ref().ok_or_else(missing)?.source();
    let responder = config.responder.as_ref().ok_or_else(|| {
        Usage("the configuration has no `responder`: nobody would relay what is signed".to_owned())
    })?;
    let policy = Policy::for_sentinel(
        &levers(config),
        responder.fee_wei_max,
        responder.signatures_per_hour_max,
        sentinels.orders_per_hour_max,
    );
    Ok((source, one.address, policy))
}
