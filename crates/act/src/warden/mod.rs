//! The Warden: the contract that holds a protocol's emergency rights and lets sentinels use them within bounds.
//!
//! **What.** [`look`] reads where a lever of a Warden stands and says in plain words why it could not be pulled. [`order`]
//! makes an order and has it signed, [`heartbeat`] keeps a sentinel alive, [`harm`] says what stolen sentinels could do.
//!
//! **Assumptions.** The contract is `contracts/src/warden/Warden.sol`; its domain separator is checked before anything is
//! signed for it.
//!
//! **Promises.** One action makes one order: everything in it comes from the action, its case and the chain's arming, so
//! that a restart makes the same one again.

mod abi;
mod harm;
mod heartbeat;
mod holds;
mod look;
mod order;

use alloy_primitives::Address;
use alloy_sol_types::SolCall;
use portcullis_types::{
    action::{Call, ViewCheck},
    chain::BlockId,
};

pub(crate) use self::holds::play_releases;
pub(crate) use self::{
    abi::{Heartbeat, Order, postHeartbeatCall, pullCall, releaseCall},
    look::{LeverLook, OpenHold, open_hold},
    order::{OrderBasis, assemble, incident, reusable},
};
pub use self::{
    harm::{Harm, HarmLimit, LeverHarm, WardenHarm, harm},
    heartbeat::{Beat, BeatError, HeartbeatSettings, beat, counts},
    holds::{ReleaseError, StrangeHold, release_hold, strange_holds},
    look::{SentinelLook, timelock_delay},
    order::incident_of,
};
use crate::nodes::{NodeError, Nodes};

/// Gas limit of a pull where the configuration says nothing: the target's call, a view before and after, two or three
/// signatures, and what the Warden writes down.
pub(crate) const GAS_LIMIT_DEFAULT: u64 = 1_500_000;
/// Longest life of an order where the configuration says nothing, seconds.
pub(crate) const ORDER_LIFE_DEFAULT: u64 = 300;
/// Seconds that the Warden's own limit must leave above an order's life: clocks differ, and an order that is made near
/// the end of its time gets the next stretch.
pub(crate) const ORDER_LIFE_MARGIN: u64 = 60;

/// Asks a view of a contract and reads the answer.
pub(crate) async fn ask<C: SolCall>(
    nodes: &Nodes,
    to: Address,
    call: C,
    block: Option<BlockId>,
) -> Result<C::Return, NodeError> {
    let view = ViewCheck {
        to,
        data: call.abi_encode().into(),
        expect: alloy_primitives::U256::ZERO,
        meaning: String::new(),
        word: 0,
    };
    let answer = nodes.view(&view, block).await?;
    C::abi_decode_returns(&answer).map_err(|_| NodeError::Refused {
        method: "eth_call",
        code: 0,
        message: format!("{to} does not answer {} as a Warden does", C::SIGNATURE),
    })
}

/// The call of a Warden whose arguments are made later: the function alone.
pub(crate) fn bare<C: SolCall>(warden: Address, gas_limit: u64) -> Call {
    Call { to: warden, data: C::SELECTOR.to_vec().into(), gas_limit }
}
