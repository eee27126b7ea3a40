//! Making an order, and having it signed.

use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::SolCall as _;
use futures_util::future::join_all;
use portcullis_types::{
    action::{Action, WardenPull},
    ids::{CaseId, ChainId, Millis},
};

use super::abi::{Order, SentinelSignature, SignedOrder, pullCall};
use crate::signer::{Attestation, OrderRequest, Sentinel};

/// Seconds before an order's deadline from which on it is not used any more: one block, and one to spare.
const LAST_MOMENT: u64 = 24;

/// What an action says about its order.
#[derive(Debug, Clone)]
pub(crate) struct OrderBasis {
    pub(crate) pull: WardenPull,
    pub(crate) chain: ChainId,
    pub(crate) incident: B256,
    pub(crate) hold_seconds: u64,
    nonce: U256,
    /// When the pull was decided, Unix seconds.
    decided: u64,
    /// The caller's clock, Unix seconds.
    now: u64,
}

/// The name of an incident on the chain: the hash of `portcullis/<protocol>/<case>`.
pub(crate) fn incident(action: &Action) -> B256 {
    incident_of(&action.protocol, action.case)
}

/// The name on the chain of a protocol's case.
pub fn incident_of(protocol: &str, case: CaseId) -> B256 {
    keccak256(format!("portcullis/{protocol}/{case}"))
}

impl OrderBasis {
    /// The basis of an action's order.
    pub(crate) fn of(action: &Action, pull: &WardenPull, now: Millis) -> Self {
        let id = action.id;
        let name =
            format!("portcullis/{}/{}/{}/{}", action.protocol, action.case, id.seq, id.index);
        let hold_seconds = action.lever.hold_seconds;
        Self {
            pull: pull.clone(),
            chain: action.lever.chain,
            incident: incident(action),
            hold_seconds,
            nonce: keccak256(name).into(),
            decided: (action.expires.0 / 1000).saturating_sub(hold_seconds),
            now: now.0 / 1000,
        }
    }

    /// The order for one arming. Nothing in it is chance, so a restart makes the same.
    pub(crate) fn request(&self, arming: u64) -> OrderRequest {
        OrderRequest {
            chain_id: self.chain,
            warden: self.pull.warden,
            lever: self.pull.lever,
            arming,
            data: self.pull.data.clone(),
            incident: self.incident,
            hold_seconds: self.hold_seconds,
            deadline: deadline(self.decided, self.now, self.pull.order_life_seconds),
            nonce: self.nonce,
        }
    }
}

/// The end of the stretch of `life` seconds, counted from the decision, that has not nearly ended.
fn deadline(decided: u64, now: u64, life: u64) -> u64 {
    let stretches = now.saturating_add(LAST_MOMENT).saturating_sub(decided) / life.max(1);
    decided.saturating_add(life.saturating_mul(stretches + 1))
}

/// Whether a call that was made earlier carries an order that still counts for `arming` at `time`.
pub(crate) fn reusable(data: &Bytes, arming: u64, time: u64) -> bool {
    pullCall::abi_decode(data).is_ok_and(|call| {
        call.signed.order.arming == arming && call.signed.order.deadline >= time + LAST_MOMENT
    })
}

/// Has `required` of `sentinels` sign the order, those in `counting` alone, and makes the Warden's call of it. Sentinels
/// are asked at once; where one does not sign, the next is asked.
pub(crate) async fn assemble(
    sentinels: &[Arc<dyn Sentinel>],
    counting: &[Address],
    required: usize,
    request: OrderRequest,
) -> Result<Bytes, String> {
    let asked = Attestation::Order(request.clone());
    let mut waiting: Vec<&Arc<dyn Sentinel>> =
        sentinels.iter().filter(|one| counting.contains(&one.address())).collect();
    let (mut signatures, mut refusals) = (Vec::new(), Vec::new());
    while signatures.len() < required && !waiting.is_empty() {
        let rest = waiting.split_off((required - signatures.len()).min(waiting.len()));
        let answers = waiting.iter().map(|one| one.attest(asked.clone()));
        for (one, answer) in waiting.iter().zip(join_all(answers).await) {
            match answer {
                Ok(data) if asked.is_signed(&data, one.address()) => {
                    signatures.push(SentinelSignature { signer: one.address(), data });
                }
                Ok(_) => refusals.push(format!("{} signed something else", one.address())),
                Err(error) => refusals.push(format!("{}: {error}", one.address())),
            }
        }
        waiting = rest;
    }
    if signatures.len() < required {
        return Err(format!(
            "{} of {required} sentinels signed the order ({})",
            signatures.len(),
            refusals.join("; ")
        ));
    }
    signatures.sort_unstable_by_key(|one| one.signer);
    let order: Order = request.order();
    Ok(pullCall { signed: SignedOrder { order, signatures } }.abi_encode().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deadline_moves_by_whole_lives() {
        // (decided, now, deadline) for orders that live 300 s
        let cases = [
            (1_000, 1_000, 1_300),
            (1_000, 1_200, 1_300),
            (1_000, 1_275, 1_300),
            (1_000, 1_276, 1_600),
            (1_000, 900, 1_300),
            (1_000, 10_000, 10_300),
        ];
        for (decided, now, expect) in cases {
            assert_eq!(deadline(decided, now, 300), expect, "{decided} {now}");
        }
    }

    #[test]
    fn what_is_no_order_is_not_used_again() {
        assert!(!reusable(&Bytes::from_static(&pullCall::SELECTOR), 1, 0));
        assert!(!reusable(&Bytes::new(), 1, 0));
    }
}
