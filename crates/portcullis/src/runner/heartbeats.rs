//! Sentinels of the running program: their signers, and the heartbeats without which a Warden counts none of them.

use std::{collections::BTreeMap, path::Path, process::Stdio, sync::Arc, time::Duration};

use alloy_primitives::Address;
use portcullis_act::{
    FeePolicy, Nodes,
    signer::{Sentinel, SignerProcess, TransactionSigner as _},
    warden::{Beat, BeatError, HeartbeatSettings, StrangeHold},
};
use portcullis_types::{brake::HoldNews, ids::ChainId};
use tokio::{process::Command, sync::mpsc};

use super::{keeper::Keeper, self_test::News, wiring::urls};
use crate::config::{ChainFile, Compiled, SentinelFile};

/// Pause after a heartbeat that failed.
const AGAIN_AFTER: Duration = Duration::from_mins(1);
/// How long one heartbeat is followed.
const TIME_LIMIT: Duration = Duration::from_mins(5);

/// Starts the signers of all sentinels. One that does not start is an alert and not the end: a Warden wants some of
/// them, not all.
pub(crate) async fn start_sentinels(config: &Compiled, path: &Path) -> Vec<Arc<dyn Sentinel>> {
    let Some(sentinels) = &config.sentinels else { return Vec::new() };
    let starts = sentinels
        .keys
        .iter()
        .filter(|one| one.key.is_some() || one.command.is_some())
        .map(|one| async move { (one, start_sentinel(one, path).await) });
    let mut started: Vec<Arc<dyn Sentinel>> = Vec::new();
    for (one, answer) in futures_util::future::join_all(starts).await {
        match answer {
            Ok(signer) => started.push(signer),
            Err(error) => tracing::error!(
                sentinel = %one.name,
                error = %format!("{error:#}"),
                "ALERT: this sentinel signs nothing; correct it and restart"
            ),
        }
    }
    started
}

async fn start_sentinel(one: &SentinelFile, path: &Path) -> anyhow::Result<Arc<dyn Sentinel>> {
    let mut command = if let Some([program, arguments @ ..]) = one.command.as_deref() {
        let mut command = Command::new(program);
        command.args(arguments);
        command
    } else {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("signer").arg("--config").arg(path).arg("--sentinel").arg(&one.name);
        command
    };
    command.stderr(Stdio::inherit());
    let signer = SignerProcess::spawn(command).await?;
    let address = signer.address();
    anyhow::ensure!(
        address == one.address,
        "the key belongs to {address}, the configuration says {}: correct one of them",
        one.address
    );
    Ok(Arc::new(super::lanes::patient(signer, one.key.as_ref())))
}

/// The Wardens that levers on a chain go through, each once.
pub(crate) fn wardens(config: &Compiled, chain: ChainId) -> Vec<Address> {
    let mut all: Vec<Address> = config
        .engine
        .protocols
        .iter()
        .flat_map(|protocol| &protocol.ladder)
        .filter(|lever| lever.chain == chain)
        .filter_map(|lever| lever.warden.as_ref().map(|pull| pull.warden))
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Keeps every sentinel alive at every Warden of a chain, each pair by itself.
pub(crate) async fn keep_alive(
    config: &Compiled,
    chain: &ChainFile,
    sentinels: &[Arc<dyn Sentinel>],
    (fees, news, known): (FeePolicy, mpsc::Sender<News>, Vec<HoldNews>),
) -> anyhow::Result<()> {
    let wardens = wardens(config, chain.id);
    let Some(period) = config.sentinels.as_ref().map(|sentinels| sentinels.heartbeat_seconds)
    else {
        return Ok(());
    };
    if wardens.is_empty() || sentinels.is_empty() {
        return Ok(());
    }
    let limit = Duration::from_millis(chain.request_timeout_ms);
    let nodes = Nodes::connect(&urls(chain)?, limit).await?;
    let settings = HeartbeatSettings {
        // A heartbeat has time: it need not outbid anybody.
        fees: FeePolicy { bump_after: Duration::from_secs(36), ..fees },
        poll_interval: Duration::from_millis(chain.poll_ms),
        time_limit: TIME_LIMIT,
        period_seconds: period,
    };
    // What was told before a restart may be gone since.
    let known = known.into_iter().filter(|hold| hold.chain == chain.id);
    let seen: BTreeMap<_, _> = known
        .map(|HoldNews { warden, lever, hold: id, incident, ends_at, .. }| {
            ((warden, id), StrangeHold { id, lever, incident, ends_at })
        })
        .collect();
    for (place, sentinel) in sentinels.iter().enumerate() {
        // One after another: they share the sentinel's nonces.
        let keeper = Keeper {
            nodes: nodes.clone(),
            chain: chain.id,
            wardens: wardens.clone(),
            sentinel: Arc::clone(sentinel),
            settings,
            news: news.clone(),
            // One is enough to look after the holds of all.
            releases: place == 0,
            seen: seen.clone(),
        };
        tokio::spawn(keeper.keep());
    }
    Ok(())
}

/// Says on standard error what came of a heartbeat, and when to look again.
pub(super) fn tell(
    warden: Address,
    sentinel: Address,
    beaten: &Result<Beat, BeatError>,
    period: u64,
) -> Duration {
    match beaten {
        Ok(Beat::Fresh { due_in }) => Duration::from_secs((*due_in).max(1)),
        Ok(Beat::Posted { timestamp }) => {
            tracing::info!(%warden, %sentinel, timestamp, "heartbeat");
            Duration::from_secs(period)
        }
        Err(error) => {
            tracing::error!(
                %warden, %sentinel, %error,
                "ALERT: no heartbeat; without a fresh one this sentinel's orders count for nothing"
            );
            AGAIN_AFTER
        }
    }
}
