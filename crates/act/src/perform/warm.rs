//! Orders kept warm: what can be known of a pull before it is wanted, looked at with every block.
//!
//! Nothing is signed here, by no sentinel and no account: an order has a deadline, and a signed pull that lies about is
//! a pull that can be stolen. What is kept is never believed over the chain. A pull that begins with it is rehearsed on
//! the newest state like any other, and where that does not stick, or the look is a few blocks old, the whole is looked
//! at as if nothing had been kept.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, keccak256};
use futures_util::{StreamExt as _, stream};
use portcullis_types::action::{Call, Lever, Rehearsal};
use tokio::time::timeout;

use super::{Actuator, job::Plan, look::conditions};
use crate::{
    nodes::{Head, NodeError},
    rehearse::{Play, rehearse},
    warden::LeverLook,
};

/// Most levers that are kept warm on one chain.
pub const WARM_LEVERS_MAX: usize = 64;
/// Levers that are looked at at once.
const AT_ONCE: usize = 8;
/// Blocks after which what was looked at is of no use.
const BLOCKS_MAX: u64 = 5;

/// What is known of one lever.
#[derive(Debug, Clone)]
pub(super) struct Warm {
    at: Head,
    /// The Warden's side, where it goes through one.
    pub(super) lever: Option<LeverLook>,
    account: Address,
    rehearsal: Option<(Rehearsal, Option<u64>)>,
}

/// All that is kept.
#[derive(Debug, Default)]
pub(super) struct WarmBook {
    at: Option<B256>,
    levers: BTreeMap<(Address, B256), Warm>,
}

/// Whether a lever would work if it were pulled now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WarmReport {
    /// Its name.
    pub lever: String,
    /// The block that was looked at.
    pub block: u64,
    /// None where it would, or is pulled already; what keeps it from working where it would not, or why that could not be seen.
    pub trouble: Option<String>,
}

impl Warm {
    pub(super) fn is_recent(&self, head: Head) -> bool {
        head.id.number.saturating_sub(self.at.id.number) <= BLOCKS_MAX
    }

    /// The rehearsal, where it is all that a pull needs: no attack is to be played, and account and block are the same.
    pub(super) fn rehearsal_for(
        &self,
        account: Address,
        head: Head,
        plan: &Plan,
    ) -> Option<(Rehearsal, Option<u64>)> {
        let fits = plan.attack.is_none()
            && plan.warden.is_none()
            && account == self.account
            && head.id == self.at.id;
        self.rehearsal.clone().filter(|_| fits)
    }
}

impl Actuator {
    /// Looks at `levers` where there is a new block, and keeps what a pull can use of it. Call it with every block; it
    /// does nothing where the block is the same. None of it touches a lane, so it stands before no pull.
    pub async fn keep_warm(&self, levers: &[Lever]) -> Result<Vec<WarmReport>, NodeError> {
        let head = self.nodes.head().await?;
        if self.warm.lock().await.at == Some(head.id.hash) {
            return Ok(Vec::new());
        }
        let ours = levers.iter().filter(|lever| lever.chain == self.chain).take(WARM_LEVERS_MAX);
        let looks = stream::iter(ours.cloned().collect::<Vec<_>>())
            .map(|lever| async move {
                let limit = self.settings.rehearsal_time_limit;
                let answer = timeout(limit, self.warm_one(&lever, head)).await;
                let answer =
                    answer.unwrap_or_else(|_| Err(format!("not within {} ms", limit.as_millis())));
                // A lever that is pulled cannot be pulled, and that is how it should be.
                let is_held = answer.is_err()
                    && matches!(self.nodes.holds(&lever.verify, None).await, Ok(true));
                (lever, answer, is_held)
            })
            .buffered(AT_ONCE);
        let looks: Vec<_> = looks.collect().await;
        let mut book = self.warm.lock().await;
        (book.at, book.levers) = (Some(head.id.hash), BTreeMap::new());
        let mut reports = Vec::new();
        for (lever, answer, is_held) in looks {
            let trouble = answer.map(|warm| book.levers.insert(key(&lever), warm)).err();
            let trouble = trouble.filter(|_| !is_held);
            reports.push(WarmReport { lever: lever.name, block: head.id.number, trouble });
        }
        Ok(reports)
    }

    pub(super) async fn warm_of(&self, lever: &Lever) -> Option<Warm> {
        self.warm.lock().await.levers.get(&key(lever)).cloned()
    }

    /// One lever: its conditions, and the call without an attack. A Warden's order is not signed ahead, so the Warden's
    /// own call to the target is played instead.
    async fn warm_one(&self, lever: &Lever, head: Head) -> Result<Warm, String> {
        let said = |error: NodeError| error.to_string();
        let (unmet, form) =
            conditions(&self.nodes, &lever.preflight, &lever.forms).await.map_err(said)?;
        if let Some(unmet) = unmet {
            return Err(unmet);
        }
        let mut call = form.unwrap_or_else(|| lever.call.clone());
        let (mut account, mut look) = (self.lanes.first(), None);
        if let Some(pull) = &lever.warden {
            let read = LeverLook::read(&self.nodes, pull, head).await.map_err(said)??;
            let ours: Vec<Address> = self.sentinels.iter().map(|one| one.address()).collect();
            if let Some(why) = read.obstacle(pull, self.chain, lever.hold_seconds, &ours) {
                return Err(why);
            }
            (account, look) = (pull.warden, Some(read));
            call = Call { to: pull.target, data: pull.data.clone(), gas_limit: call.gas_limit };
        }
        let covers = &lever.covers;
        let play =
            Play { responder: account, call: &call, verify: &lever.verify, attack: None, covers };
        let (played, gas) = tokio::join!(
            rehearse(&self.nodes, play, head),
            self.nodes.estimate_gas(account, &call)
        );
        let played = played.map_err(said)?;
        if !played.sticks {
            return Err(played.detail);
        }
        Ok(Warm { at: head, lever: look, account, rehearsal: Some((played, gas.ok())) })
    }
}

fn key(lever: &Lever) -> (Address, B256) {
    let what = lever.warden.as_ref().map_or_else(|| keccak256(&lever.call.data), |pull| pull.lever);
    (lever.call.to, what)
}
