//! The accounts that act and the relays that they use, started for the running program.

use std::{path::Path, process::Stdio, sync::Arc, time::Duration};

use alloy_primitives::Address;
use portcullis_act::{
    relay::{Identity, RelayConfig, Relays},
    signer::{SignerProcess, TransactionSigner},
};
use tokio::process::Command;

use crate::config::{ChainFile, Compiled, KeyFile, ResponderFile};

/// Starts the signer of the responder, or of one of its lanes: a process of its own for each key.
pub(super) async fn start_signer(
    config: &Path,
    expected: Address,
    key: Option<&KeyFile>,
    lane: bool,
) -> anyhow::Result<Arc<dyn TransactionSigner>> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("signer").arg("--config").arg(config).stderr(Stdio::inherit());
    if lane {
        command.arg("--lane").arg(expected.to_string());
    }
    let signer = SignerProcess::spawn(command).await?;
    let address = signer.address();
    anyhow::ensure!(
        address == expected,
        "the key belongs to {address}, the configuration says {expected}: correct one of them"
    );
    Ok(Arc::new(patient(signer, key)))
}

/// With the time that this kind of key may take for a signature.
pub(super) fn patient(signer: SignerProcess, key: Option<&KeyFile>) -> SignerProcess {
    match key {
        Some(key) => signer.patient(key.source().sign_time_limit()),
        None => signer,
    }
}

/// Starts the signers of all lanes. One that does not start is an alert and not the end: there are others.
pub(super) async fn start_lanes(
    responder: &ResponderFile,
    config: &Path,
) -> Vec<Arc<dyn TransactionSigner>> {
    let mut started = Vec::new();
    for lane in &responder.lanes {
        match start_signer(config, lane.address, Some(&lane.key), true).await {
            Ok(signer) => started.push(signer),
            Err(error) => tracing::error!(
                lane = %lane.address,
                error = %format!("{error:#}"),
                "ALERT: this lane pulls nothing; correct it and restart"
            ),
        }
    }
    started
}

/// The relays of a chain; none where it has none.
///
/// # Errors
/// An identity that cannot be read or is one of our accounts; an address that is none.
pub(crate) fn relays(
    config: &Compiled,
    chain: &ChainFile,
    responder: &ResponderFile,
) -> anyhow::Result<Option<Relays>> {
    let (false, Some(key)) = (chain.relays.is_empty(), &responder.relay_identity) else {
        return Ok(None);
    };
    let identity = Identity::load(&key.source())?;
    let acting = std::iter::once(responder.address)
        .chain(responder.lanes.iter().map(|lane| lane.address))
        .chain(config.sentinels.iter().flat_map(|all| all.keys.iter().map(|one| one.address)));
    for account in acting {
        anyhow::ensure!(
            account != identity.address(),
            "`relayIdentity` is the key of {account}, which acts: make a key of its own, which holds no funds"
        );
    }
    let mut relays = Vec::new();
    for (place, one) in chain.relays.iter().enumerate() {
        // The text of the error leaves the address out: it may hold a key.
        let url = one.url.parse().map_err(|_| {
            anyhow::anyhow!("relay {} of chain `{}` is no URL", place + 1, chain.name)
        })?;
        relays.push(RelayConfig { url, kind: one.kind, blocks: one.blocks });
    }
    let limit = Duration::from_millis(chain.request_timeout_ms);
    Ok(Some(Relays::new(&relays, identity, limit)?))
}
