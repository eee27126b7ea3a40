//! A stop function whose right is with a Warden: sentinels order it, anybody relays it, it ends by itself.
//!
//! The call is made when the lever is pulled: an order for the present arming with a deadline, signed by as many
//! sentinels as the lever requires. The responder only relays; its key grants nothing.
//!
//! References: `contracts/src/warden/Warden.sol`, `contracts/known-risks.md`.

use alloy_primitives::{Address, B256, Bytes, U256};
use portcullis_types::{
    action::{Lever, Rung, Undo, ViewCheck, WardenPull},
    false_stop::FalseStopCost,
    ids::ChainId,
    money::Usd,
};
use serde::{Deserialize, Serialize};

use super::{LeverError, arguments::call_data, false_stop, loosening_word};
use crate::warden::{GAS_LIMIT_DEFAULT, ORDER_LIFE_DEFAULT, bare, pullCall, releaseCall};

/// Limits of an order's life, seconds; the Warden's are 60 s to 7 days.
const ORDER_LIFE_SECONDS: std::ops::RangeInclusive<u64> = 60..=86_400;

/// A lever of a Warden.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WardenLeverConfig {
    /// Name, unique in the protocol.
    pub name: String,
    /// The Warden.
    pub warden: Address,
    /// The lever's id there; `portcullis harm` lists them.
    pub lever: B256,
    /// The contract that the Warden calls.
    pub target: Address,
    /// The function: `pause()`.
    #[serde(default = "pause")]
    pub function: String,
    /// Its arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// The view of the target that answers `expect` while it is stopped, and `expectReleased` after.
    #[serde(default = "paused")]
    pub verify: String,
    /// The view's arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verify_args: Vec<String>,
    /// First word of the view's answer while it is stopped. Default 1, which is `true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<U256>,
    /// The same once it was let go. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect_released: Option<U256>,
    /// Whether the target ends the stop itself, because an argument tells it for how long.
    #[serde(default)]
    pub ends_by_itself: bool,
    /// Contracts whose losses it stops; the target alone where this is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covers: Option<Vec<Address>>,
    /// Place on the containment ladder.
    pub rung: Rung,
    /// How long it is held, seconds; within what the Warden allows.
    pub hold_seconds: u64,
    /// How long an order may live, seconds; a minute less than the Warden's limit, or shorter. Default 300.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_life_seconds: Option<u64>,
    /// What a stop without need costs honest users, US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub false_stop_cost_usd: Option<Usd>,
    /// The same from its parts, instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub false_stop_cost: Option<FalseStopCost>,
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

impl WardenLeverConfig {
    pub(super) fn build(&self, chain: ChainId) -> Result<Lever, LeverError> {
        let data = self.pulled_data()?;
        let gas_limit = self.gas_limit.unwrap_or(GAS_LIMIT_DEFAULT);
        let order_life_seconds = self.order_life_seconds.unwrap_or(ORDER_LIFE_DEFAULT);
        if !ORDER_LIFE_SECONDS.contains(&order_life_seconds) {
            return Err(self.wrong("orderLifeSeconds must be from 60 to 86400".to_owned()));
        }
        let undo = if self.ends_by_itself {
            Undo::ByExpiry
        } else {
            Undo::ByCall {
                call: bare::<releaseCall>(self.warden, gas_limit),
                verify: self.view(self.expect_released.unwrap_or(U256::ZERO))?,
            }
        };
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
            preflight: Vec::new(),
            call: bare::<pullCall>(self.warden, gas_limit),
            verify: self.view(self.expect.unwrap_or(U256::ONE))?,
            undo,
            hold_seconds: self.hold_seconds,
            false_stop_cost,
            traps: traps(),
            warden: Some(WardenPull {
                warden: self.warden,
                lever: self.lever,
                target: self.target,
                data,
                order_life_seconds,
            }),
            false_stop_parts,
            forms: Vec::new(),
        })
    }

    fn pulled_data(&self) -> Result<Bytes, LeverError> {
        if let Some(word) = loosening_word(&self.function) {
            return Err(self.wrong(format!(
                "`{}` looks as if it loosened something (`{word}`): a lever may only stop (DEC-3)",
                self.function
            )));
        }
        call_data(&self.function, &self.args).map_err(|reason| self.wrong(reason))
    }

    fn view(&self, expect: U256) -> Result<ViewCheck, LeverError> {
        let data =
            call_data(&self.verify, &self.verify_args).map_err(|reason| self.wrong(reason))?;
        let answer = match expect {
            U256::ZERO => "false".to_owned(),
            U256::ONE => "true".to_owned(),
            other => other.to_string(),
        };
        let meaning = format!("{} of {} is {answer}", self.verify, self.target);
        Ok(ViewCheck { to: self.target, data, expect, meaning, word: 0 })
    }

    fn wrong(&self, reason: String) -> LeverError {
        LeverError { lever: self.name.clone(), reason }
    }
}

fn traps() -> Vec<String> {
    [
        "A pause may not cover all entry points: only functions that check the flag stop.",
        "The lever is spent by a pull: until governance arms it again, only the guardians' own brakes are left.",
        "Without fresh heartbeats of enough sentinels no order counts, and one that lapsed needs a guardian to revive it.",
        "An upgrade of the target makes the lever dead until governance registers it anew.",
        "Somebody has to send the release when the hold is over; the responder does, and anybody may.",
        "Orders in the public pool are seen before they are mined: a thief can be quicker.",
    ]
    .map(str::to_owned)
    .into()
}
