//! Kinds whose function the configuration names: any call that a view verifies, and a call through the guardian module
//! of a Safe.

use alloy_primitives::{Address, U256};
use portcullis_types::{
    action::{Call, Lever, Rung, Undo, ViewCheck},
    false_stop::FalseStopCost,
    ids::ChainId,
    money::Usd,
};
use serde::{Deserialize, Serialize};

use super::{
    LeverError, Release,
    catalogue::{Common, Fields, build, row},
    loosening_word,
    values::{IntoValue as _, Value, encode},
};

/// An argument: one value, or a list of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Argument {
    /// `0x…`, `true`, `17`, in quotes.
    One(String),
    /// The same, several times.
    Many(Vec<String>),
}

impl From<&Argument> for Value {
    fn from(argument: &Argument) -> Self {
        match argument {
            Argument::One(text) => Self::One(text.clone()),
            Argument::Many(texts) => Self::Many(texts.clone()),
        }
    }
}

fn values(arguments: &[Argument]) -> Vec<Value> {
    arguments.iter().map(Value::from).collect()
}

/// Any call that stops, and the view that shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CallConfig {
    /// Name, unique in the protocol.
    pub name: String,
    /// The contract that is called.
    pub target: Address,
    /// The function: `setPeer(uint32,bytes32)`.
    pub function: String,
    /// Its arguments, in quotes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<Argument>,
    /// The contract that is asked; the target where this is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify_at: Option<Address>,
    /// The view that answers `expect` while it is stopped, and `expectReleased` otherwise.
    pub verify: String,
    /// The view's arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verify_args: Vec<Argument>,
    /// Which word of its answer counts, from 0.
    #[serde(default)]
    pub verify_word: u32,
    /// That word while it is stopped. Default 1, which is `true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<U256>,
    /// The same once it was let go, and where `release` is `responder` before it is pulled too. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect_released: Option<U256>,
    /// The opposite function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<String>,
    /// Its arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undo_args: Vec<Argument>,
    /// Whether the target ends the stop itself.
    #[serde(default)]
    pub ends_by_itself: bool,
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

impl CallConfig {
    pub(super) fn build(&self, chain: ChainId) -> Result<Lever, LeverError> {
        if let Some(word) = loosening_word(&self.function) {
            return Err(self.wrong(format!(
                "`{}` looks as if it loosened something (`{word}`): a lever may only stop (DEC-3)",
                self.function
            )));
        }
        let row =
            row("call").ok_or_else(|| self.wrong("the catalogue has no `call`".to_owned()))?;
        let gas = self.gas_limit.unwrap_or(row.gas);
        let stopped = self.expect.unwrap_or(U256::ONE);
        let verify = self.view(stopped)?;
        let released = self.view(self.expect_released.unwrap_or_default())?;
        let is_said = self.expect_released.is_some() || self.release == Release::Responder;
        if is_said && released.expect == stopped {
            let reason = "expect and expectReleased are the same, so nobody sees whether it holds: give both";
            return Err(self.wrong(reason.to_owned()));
        }
        let undo = match (self.release, &self.undo) {
            (Release::People, _) if self.ends_by_itself => Undo::ByExpiry,
            (Release::People, _) => {
                Undo::ByPeople { how: format!("{}; check the fix first", row.ends) }
            }
            (Release::Responder, Some(undo)) if !self.ends_by_itself => Undo::ByCall {
                call: self.call(undo, &self.undo_args, gas)?,
                verify: released.clone(),
            },
            (Release::Responder, _) => {
                let reason =
                    "release is `responder`: add undo: \"…()\", and leave endsByItself out";
                return Err(self.wrong(reason.to_owned()));
            }
        };
        // What the responder lets go of must be what it stopped, not what others had set to something else.
        let preflight =
            if self.release == Release::Responder { vec![released] } else { Vec::new() };
        let (false_stop_cost, false_stop_parts) = super::false_stop(
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
            preflight,
            call: self.call(&self.function, &self.args, gas)?,
            verify,
            undo,
            hold_seconds: self.hold_seconds,
            false_stop_cost,
            traps: row.traps.iter().map(|&trap| trap.to_owned()).collect(),
            warden: None,
            false_stop_parts,
            forms: Vec::new(),
        })
    }

    fn call(&self, function: &str, args: &[Argument], gas_limit: u64) -> Result<Call, LeverError> {
        let data = encode(function, &values(args)).map_err(|reason| self.wrong(reason))?;
        Ok(Call { to: self.target, data, gas_limit })
    }

    fn view(&self, expect: U256) -> Result<ViewCheck, LeverError> {
        let to = self.verify_at.unwrap_or(self.target);
        let data = encode(&self.verify, &values(&self.verify_args))
            .map_err(|reason| self.wrong(reason))?;
        let meaning = format!("{} of {to} is {expect}", self.verify);
        Ok(ViewCheck { to, data, expect, meaning, word: self.verify_word })
    }

    fn wrong(&self, reason: String) -> LeverError {
        LeverError { lever: self.name.clone(), reason }
    }
}

/// A call in a Safe's name, through the guardian module, inside a permission that the Safe granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GuardianModuleConfig {
    /// Name, unique in the protocol.
    pub name: String,
    /// The guardian module.
    pub module: Address,
    /// The permission's id there.
    pub permission: U256,
    /// The contract that the Safe calls.
    pub target: Address,
    /// The function: `pause()`.
    pub function: String,
    /// Its arguments, in quotes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<Argument>,
    /// The view of the target that is true while it is stopped, without parameters.
    pub verify: String,
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
    /// Most gas a pull may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gas_limit: Option<u64>,
}

impl GuardianModuleConfig {
    pub(super) fn build(&self, chain: ChainId, responder: Address) -> Result<Lever, LeverError> {
        let wrong = |reason: String| LeverError { lever: self.name.clone(), reason };
        if let Some(word) = loosening_word(&self.function) {
            return Err(wrong(format!(
                "`{}` looks as if it loosened something (`{word}`): a lever may only stop (DEC-3)",
                self.function
            )));
        }
        let row = row("guardianModule")
            .ok_or_else(|| wrong("the catalogue has no `guardianModule`".to_owned()))?;
        let data = encode(&self.function, &values(&self.args)).map_err(wrong)?;
        let mut fields = Fields::new();
        for (name, value) in [
            ("module", self.module.value()),
            ("permission", self.permission.value()),
            ("target", self.target.value()),
            ("verify", self.verify.value()),
            ("data", data.value()),
        ] {
            fields.extend(value.map(|value| (name, value)));
        }
        let common = Common {
            name: &self.name,
            covers: self.covers.as_ref(),
            rung: self.rung,
            hold_seconds: self.hold_seconds,
            false_stop: super::false_stop(
                &self.name,
                self.false_stop_cost_usd,
                self.false_stop_cost.as_ref(),
                self.hold_seconds,
            )?,
            release: Release::People,
            gas_limit: self.gas_limit,
        };
        build(row, &common, fields, chain, responder)
    }
}
