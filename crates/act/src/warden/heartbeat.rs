//! Keeping a sentinel alive: a heartbeat that it signs and sends from its own account.
//!
//! From its own account, so that a heartbeat that is stuck in a pool never stands before a pull of the relayer.

use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::SolCall as _;
use portcullis_types::{action::Call, ids::ChainId};
use tokio::time::{Instant, sleep};

use super::{
    abi::{postHeartbeatCall, sentinelStateCall},
    ask,
};
use crate::{
    fees::{FeePolicy, Fees, gas_limit},
    nodes::{Head, NodeError, Nodes},
    signer::{Attestation, HeartbeatRequest, Sentinel, SignError, SignRequest},
};

/// Most gas of a heartbeat: a signature check and one word of storage.
const GAS_LIMIT_MAX: u64 = 200_000;
/// Known to be killed for good (`SentinelSet.sol`).
const STATUS_KILLED: u8 = 3;

/// How heartbeats are sent.
#[derive(Debug, Clone, Copy)]
pub struct HeartbeatSettings {
    /// What is paid.
    pub fees: FeePolicy,
    /// Time between two looks for the inclusion.
    pub poll_interval: Duration,
    /// How long one heartbeat is followed.
    pub time_limit: Duration,
    /// A heartbeat that is younger than this is left alone, seconds.
    pub period_seconds: u64,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat {
    /// The last one is young enough; the next is due in so many seconds.
    Fresh {
        /// Seconds.
        due_in: u64,
    },
    /// It is on the chain.
    Posted {
        /// Unix seconds that it says.
        timestamp: u64,
    },
}

/// Why there is no heartbeat. Every one is an alert: without a fresh one the sentinel's signature counts for nothing.
#[derive(Debug, thiserror::Error)]
pub enum BeatError {
    /// The Warden does not count this account.
    #[error("{sentinel} cannot beat at the Warden {warden}: {why}")]
    Out {
        /// The account.
        sentinel: Address,
        /// The Warden.
        warden: Address,
        /// What to do.
        why: String,
    },
    /// A node.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The signer.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// It was sent and is in no block.
    #[error("the heartbeat is in no block after {} s: raise the tip, or look at the node", limit.as_secs())]
    NotIncluded {
        /// How long it was followed.
        limit: Duration,
    },
}

/// Posts a heartbeat of `sentinel` where one is due, and sees it included.
pub async fn beat(
    nodes: &Nodes,
    chain: ChainId,
    warden: Address,
    sentinel: &dyn Sentinel,
    settings: HeartbeatSettings,
) -> Result<Beat, BeatError> {
    let account = sentinel.address();
    let out = |why: &str| BeatError::Out { sentinel: account, warden, why: why.to_owned() };
    let head = nodes.head().await?;
    let answer = ask(nodes, warden, sentinelStateCall { account }, None).await?;
    let record = answer.state;
    match record.status {
        0 => return Err(out("it is no sentinel there; governance has to add it")),
        STATUS_KILLED => return Err(out("it was killed, for good; replace its key")),
        _ => {}
    }
    if !record.awaitingHeartbeat && !answer.counts {
        return Err(out("its heartbeat lapsed; a guardian has to call reviveSentinel first"));
    }
    let age = head.time.saturating_sub(record.heartbeat);
    if !record.awaitingHeartbeat && age < settings.period_seconds {
        return Ok(Beat::Fresh { due_in: settings.period_seconds - age });
    }
    let timestamp = head.time;
    let asked = HeartbeatRequest { chain_id: chain, warden, timestamp };
    let signature = sentinel.attest(Attestation::Heartbeat(asked)).await?;
    let data: Bytes =
        postHeartbeatCall { sentinel: account, timestamp, signature }.abi_encode().into();
    let call = Call { to: warden, data, gas_limit: GAS_LIMIT_MAX };
    send(nodes, chain, sentinel, &call, head, settings).await?;
    let after = ask(nodes, warden, sentinelStateCall { account }, None).await?;
    if after.state.heartbeat < timestamp {
        return Err(out("its transaction was included and changed nothing; look at it"));
    }
    Ok(Beat::Posted { timestamp })
}

/// Whether the Warden counts a sentinel's signature now.
pub async fn counts(nodes: &Nodes, warden: Address, account: Address) -> Result<bool, NodeError> {
    Ok(ask(nodes, warden, sentinelStateCall { account }, None).await?.counts)
}

/// Sends a call from the sentinel's account, paying more while it is in no block.
pub(super) async fn send(
    nodes: &Nodes,
    chain: ChainId,
    sentinel: &dyn Sentinel,
    call: &Call,
    head: Head,
    settings: HeartbeatSettings,
) -> Result<(), BeatError> {
    let start = Instant::now();
    let estimate = nodes.estimate_gas(sentinel.address(), call).await?;
    let gas = gas_limit(Some(estimate), call.gas_limit);
    let nonce = nodes.nonce(sentinel.address(), "latest").await?;
    let not_included = || BeatError::NotIncluded { limit: settings.time_limit };
    let mut fees = settings.fees.first(head.base_fee, gas).ok_or_else(not_included)?;
    let mut hashes: Vec<B256> = Vec::new();
    loop {
        hashes.push(send_once(nodes, chain, sentinel, call, (nonce, gas, fees)).await?);
        let sent = Instant::now();
        while sent.elapsed() < settings.fees.bump_after.max(settings.poll_interval) {
            for hash in &hashes {
                if nodes.receipt(*hash).await?.is_some() {
                    return Ok(());
                }
            }
            if start.elapsed() >= settings.time_limit {
                return Err(not_included());
            }
            sleep(settings.poll_interval).await;
        }
        let base_fee = nodes.head().await?.base_fee;
        fees = settings.fees.bumped(fees, base_fee, gas).unwrap_or(fees);
    }
}

async fn send_once(
    nodes: &Nodes,
    chain: ChainId,
    sentinel: &dyn Sentinel,
    call: &Call,
    (nonce, gas_limit, fees): (u64, u64, Fees),
) -> Result<B256, BeatError> {
    let request = SignRequest {
        chain_id: chain,
        nonce,
        to: call.to,
        data: call.data.clone(),
        gas_limit,
        max_fee_per_gas: fees.max_fee_per_gas,
        max_priority_fee_per_gas: fees.max_priority_fee_per_gas,
        value: U256::ZERO,
    };
    let signed = sentinel.sign(request).await?;
    let mut trouble = None;
    for answer in nodes.broadcast(&signed.raw).await {
        match answer {
            Ok(_) => return Ok(signed.hash),
            // It is there already, or a dearer one of ours: the receipts tell.
            Err(NodeError::Refused { message, .. })
                if ["already known", "already imported", "underpriced", "nonce too low"]
                    .iter()
                    .any(|words| message.contains(words)) =>
            {
                return Ok(signed.hash);
            }
            Err(error) => trouble = Some(error),
        }
    }
    trouble.map_or(Ok(signed.hash), |error| Err(error.into()))
}
