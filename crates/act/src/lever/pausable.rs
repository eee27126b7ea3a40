//! The plain pause: `pause()` for a role or an owner, `paused()` to look.
//!
//! References: OpenZeppelin Contracts 5.x, `utils/Pausable.sol`. The library has only the flag; `pause()` itself, and
//! who may call it, is each protocol's own code.

use alloy_primitives::Address;
use portcullis_types::{
    action::{Lever, Rung},
    false_stop::FalseStopCost,
    ids::ChainId,
    money::Usd,
};
use serde::{Deserialize, Serialize};

use super::{Flag, GAS_LIMIT_DEFAULT, LeverError, Release, common_traps, false_stop};

/// A contract that the responder may pause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PausableConfig {
    /// Name, unique in the protocol.
    pub name: String,
    /// The contract with `pause()`.
    pub target: Address,
    /// Contracts whose losses a pause stops; the target alone where this is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covers: Option<Vec<Address>>,
    /// Place on the containment ladder.
    pub rung: Rung,
    /// Longest time it is held, seconds.
    pub hold_seconds: u64,
    /// What a pause without need costs honest users, US dollars.
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

impl PausableConfig {
    pub(super) fn build(&self, chain: ChainId) -> Result<Lever, LeverError> {
        let flag = Flag {
            lever: &self.name,
            target: self.target,
            gas_limit: self.gas_limit.unwrap_or(GAS_LIMIT_DEFAULT),
            stop: "pause()",
            start: Some("unpause()"),
            view: "paused()",
        };
        let people = format!(
            "whoever has the role for it calls unpause() on {}; check the fix first",
            self.target
        );
        let mut traps = common_traps();
        traps.push("The pauser role or the owner may sit behind a timelock: then nobody can pause at once.".to_owned());
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
            preflight: vec![flag.view_is(false)?],
            call: flag.stop_call()?,
            verify: flag.view_is(true)?,
            undo: flag.undo(self.release, &people)?,
            hold_seconds: self.hold_seconds,
            false_stop_cost,
            traps,
            warden: None,
            false_stop_parts,
            forms: Vec::new(),
        })
    }
}
