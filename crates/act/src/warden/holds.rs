//! Holds of a Warden, whoever ordered them: seeing them, playing their end, and releasing those whose time is over.

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolCall as _;
use portcullis_types::{
    action::{Call, ViewCheck, WardenPull},
    ids::ChainId,
};

use super::{
    GAS_LIMIT_DEFAULT, HeartbeatSettings,
    abi::{governanceCall, guardiansCall, holdCall, leverIdsCall, openHoldsCall, releaseCall},
    ask,
    heartbeat::{BeatError, send},
};
use crate::{
    nodes::{NodeError, Nodes},
    rehearse::play_at,
    signer::Sentinel,
};

/// Most open holds of a Warden that are looked at in one turn.
const HOLDS_MAX: usize = 100;
/// An account without any right, for releases that anybody may send.
const STRANGER: Address = Address::with_last_byte(0x99);

/// Why a release did not come about.
pub type ReleaseError = BeatError;

/// An open hold, as the chain has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StrangeHold {
    /// Its number at the Warden.
    pub id: U256,
    /// Its lever.
    pub lever: B256,
    /// The incident that its order named.
    pub incident: B256,
    /// Unix seconds at which its time is over.
    pub ends_at: u64,
}

/// All open holds of a Warden, of every lever it has, and the chain's time (Unix seconds) at which they were read.
pub async fn strange_holds(
    nodes: &Nodes,
    warden: Address,
) -> Result<(u64, Vec<StrangeHold>), NodeError> {
    let head = nodes.head().await?;
    let block = Some(head.id);
    let mut all = Vec::new();
    for lever in ask(nodes, warden, leverIdsCall {}, block).await? {
        for id in ask(nodes, warden, openHoldsCall { lever }, block).await? {
            if all.len() >= HOLDS_MAX {
                tracing::warn!(%warden, "more than {HOLDS_MAX} open holds: the rest waits for the next look");
                return Ok((head.time, all));
            }
            let hold = ask(nodes, warden, holdCall { holdId: id }, block).await?;
            all.push(StrangeHold { id, lever, incident: hold.incident, ends_at: hold.endsAt });
        }
    }
    Ok((head.time, all))
}

/// Sends the release of a hold whose time is over, from a sentinel's account, and sees it included. The Warden refuses it
/// before that time.
pub async fn release_hold(
    nodes: &Nodes,
    chain: ChainId,
    warden: Address,
    hold: U256,
    (sentinel, settings): (&dyn Sentinel, HeartbeatSettings),
) -> Result<(), ReleaseError> {
    let head = nodes.head().await?;
    let data = releaseCall { holdId: hold }.abi_encode().into();
    let call = Call { to: warden, data, gas_limit: GAS_LIMIT_DEFAULT };
    send(nodes, chain, sentinel, &call, head, settings).await?;
    if ask(nodes, warden, holdCall { holdId: hold }, None).await?.released {
        return Ok(());
    }
    Err(BeatError::Out {
        sentinel: sentinel.address(),
        warden,
        why: format!(
            "its release of hold {hold} was included and let go of nothing; look at the transaction"
        ),
    })
}

/// Plays the release of every open hold of a lever: at once by a guardian (by governance where there is none), and by a
/// stranger in the second in which its time is over. What it is, the hold, and whether afterwards it is as `verify` says.
pub(crate) async fn play_releases(
    nodes: &Nodes,
    pull: &WardenPull,
    verify: &ViewCheck,
) -> Vec<(String, U256, Result<bool, NodeError>)> {
    let lever = pull.lever;
    let read = async {
        let head = nodes.head().await?;
        let (ids, guardians, governance) = tokio::try_join!(
            ask(nodes, pull.warden, openHoldsCall { lever }, None),
            ask(nodes, pull.warden, guardiansCall {}, None),
            ask(nodes, pull.warden, governanceCall {}, None),
        )?;
        Ok::<_, NodeError>((head, ids, guardians.first().copied().unwrap_or(governance)))
    };
    let (head, ids, early) = match read.await {
        Ok(read) => read,
        Err(error) => return vec![("its release".to_owned(), U256::ZERO, Err(error))],
    };
    let mut all = Vec::new();
    for id in ids.into_iter().take(HOLDS_MAX) {
        let data = releaseCall { holdId: id }.abi_encode().into();
        let call = Call { to: pull.warden, data, gas_limit: GAS_LIMIT_DEFAULT };
        let next = head.time.saturating_add(1);
        let now = play_at(nodes, early, (&call, verify), (head, next)).await;
        all.push((format!("{early} can release it early"), id, now));
        let ends = match ask(nodes, pull.warden, holdCall { holdId: id }, None).await {
            Ok(hold) => hold.endsAt.max(next),
            Err(error) => {
                all.push(("when it ends".to_owned(), id, Err(error)));
                continue;
            }
        };
        let later = play_at(nodes, STRANGER, (&call, verify), (head, ends)).await;
        all.push((format!("anybody can release it from {ends} (Unix seconds)"), id, later));
    }
    all
}
