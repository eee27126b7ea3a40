//! A stop function that an OpenZeppelin `AccessManager` guards.
//!
//! The pattern that works in an emergency: a role of its own with execution delay 0 for the stop function, another role
//! with a delay for the opposite one. `setTargetClosed` is not used: it needs the admin role, waits for the target's
//! admin delay, and closes the target to its admins too.
//!
//! References: OpenZeppelin Contracts 5.x, `access/manager/AccessManager.sol` and `AuthorityUtils.sol`.

use alloy_primitives::{Address, Bytes, FixedBytes, U256};
use alloy_sol_types::{SolCall as _, sol};
use portcullis_types::{
    action::{Lever, Rung, ViewCheck},
    false_stop::FalseStopCost,
    ids::ChainId,
    money::Usd,
};
use serde::{Deserialize, Serialize};

use super::{Flag, GAS_LIMIT_DEFAULT, LeverError, Release, common_traps, false_stop};

sol! {
    /// Whether `caller` may call the function at once, and after which delay otherwise.
    function canCall(address caller, address target, bytes4 selector) external view returns (bool immediate, uint32 delay);
}

/// A contract with a stop function for a role of an `AccessManager`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccessManagedConfig {
    /// Name, unique in the protocol.
    pub name: String,
    /// The `AccessManager`.
    pub manager: Address,
    /// The contract with the stop function.
    pub target: Address,
    /// The stop function, without parameters.
    #[serde(default = "pause")]
    pub function: String,
    /// The view that is true while it is stopped, without parameters.
    #[serde(default = "paused")]
    pub verify: String,
    /// The opposite function; `unpause()` where the stop function is `pause()`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<String>,
    /// Contracts whose losses it stops; the target alone where this is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covers: Option<Vec<Address>>,
    /// Place on the containment ladder.
    pub rung: Rung,
    /// Longest time it is held, seconds.
    pub hold_seconds: u64,
    /// What a stop without need costs honest users, US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub false_stop_cost_usd: Option<Usd>,
    /// The same from its parts, instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub false_stop_cost: Option<FalseStopCost>,
    /// Who lets go.
    #[serde(default)]
    pub release: Release,
    /// Most gas a pull may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gas_limit: Option<u64>,
}

fn pause() -> String {
    "pause()".to_owned()
}

fn paused() -> String {
    "paused()".to_owned()
}

impl AccessManagedConfig {
    pub(super) fn build(&self, chain: ChainId, responder: Address) -> Result<Lever, LeverError> {
        let default_undo = (self.function == "pause()").then_some("unpause()");
        let flag = Flag {
            lever: &self.name,
            target: self.target,
            gas_limit: self.gas_limit.unwrap_or(GAS_LIMIT_DEFAULT),
            stop: &self.function,
            start: self.undo.as_deref().or(default_undo),
            view: &self.verify,
        };
        let call = flag.stop_call()?;
        let people = format!(
            "whoever has the role for it at the manager {} calls {} on {}, after the role's delay; check the fix first",
            self.manager,
            flag.start.unwrap_or("the opposite function"),
            self.target
        );
        let (false_stop_cost, false_stop_parts) = false_stop(
            &self.name,
            self.false_stop_cost_usd,
            self.false_stop_cost.as_ref(),
            self.hold_seconds,
        )?;
        Ok(Lever {
            name: self.name.clone(),
            rung: self.rung,
            chain,
            covers: self.covers.clone().unwrap_or_else(|| vec![self.target]),
            preflight: vec![
                flag.view_is(false)?,
                may_call_at_once(self.manager, responder, self.target, &call.data),
            ],
            call,
            verify: flag.view_is(true)?,
            undo: flag.undo(self.release, &people)?,
            hold_seconds: self.hold_seconds,
            false_stop_cost,
            traps: Self::traps(),
            warden: None,
            false_stop_parts,
            forms: Vec::new(),
        })
    }

    fn traps() -> Vec<String> {
        let mut traps = common_traps();
        traps.extend(
            [
                "While the manager has the target closed, canCall is false for everyone, the responder included.",
                "A role with an execution delay cannot stop anything at once: canCall answers (false, delay).",
                "The target's authority can be changed: then the manager named here decides nothing.",
            ]
            .map(str::to_owned),
        );
        traps
    }
}

/// The manager lets the responder call at once. The first word of the answer is enough: `AccessManaged` lets a call
/// through if and only if it is 1, whatever the second word (the delay) says, and OpenZeppelin's manager answers 1 only
/// for a delay of 0. The readiness check shows both words.
fn may_call_at_once(
    manager: Address,
    responder: Address,
    target: Address,
    data: &Bytes,
) -> ViewCheck {
    let selector = data.get(..4).map(FixedBytes::from_slice).unwrap_or_default();
    let call = canCallCall { caller: responder, target, selector };
    ViewCheck {
        to: manager,
        data: call.abi_encode().into(),
        expect: U256::ONE,
        meaning: format!(
            "{responder} may call {selector} of {target} at once (canCall of {manager})"
        ),
        word: 0,
    }
}

/// What `canCall` answers, where `view` is one: whether at once, and the delay in seconds.
pub(super) fn delay_seconds(view: &ViewCheck, answer: &Bytes) -> Option<(bool, u32)> {
    if !view.data.starts_with(&canCallCall::SELECTOR) {
        return None;
    }
    let decoded = canCallCall::abi_decode_returns(answer).ok()?;
    Some((decoded.immediate, decoded.delay))
}
