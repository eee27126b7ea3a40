//! Levers: from a line of configuration to the data of [`Lever`].
//!
//! An adapter is one file with one configuration type and one `build`. It answers the seven questions of every
//! emergency mechanism: what must be true before, which call, what must be true afterwards, how it is undone, when it
//! ends, what it breaks, what can go wrong.
//!
//! Most are data: a row of the [`catalogue`] and the fields of its configuration in `kinds.rs`. Where a row cannot say it
//! (a call that depends on what the chain shows, a call inside another), there is an adapter in code.
//!
//! To add one: a row, and its fields in `kinds.rs`; a scene in `tests/it/conformance`, which refuses a row without one;
//! then write `docs/levers.md` anew.

mod access_managed;
mod arguments;
pub mod catalogue;
mod comet;
mod free;
mod kinds;
mod pausable;
mod purse;
mod readiness;
mod values;
mod warden;

use alloy_primitives::{Address, Bytes, U256, keccak256};
use portcullis_types::{
    action::{Call, Lever, Undo, ViewCheck},
    false_stop::{FalseStopCost, FalseStopParts},
    ids::ChainId,
    money::Usd,
};
use serde::{Deserialize, Serialize};

pub use self::{
    access_managed::AccessManagedConfig,
    comet::{CometConfig, CometFlag},
    free::{Argument, CallConfig, GuardianModuleConfig},
    kinds::*,
    pausable::PausableConfig,
    purse::{Purse, purse},
    readiness::{ReadinessCheck, readiness},
    warden::WardenLeverConfig,
};

/// Gas limit of a pull where the configuration says nothing. Setting a flag and emitting an event costs about 50,000;
/// through a proxy and a role check about 80,000.
pub const GAS_LIMIT_DEFAULT: u64 = 150_000;
/// Largest gas limit of a pull: what needs more is not an emergency brake. Freezing a reserve of Aave v3.3 with many
/// e-modes takes about 6,000,000.
pub const GAS_LIMIT_MAX: u64 = 8_000_000;
/// Longest time a lever may be held, seconds: 30 days.
pub const HOLD_SECONDS_MAX: u64 = 30 * 24 * 3600;

/// Who lets go of a lever when its time has run out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Release {
    /// The responder, by the opposite call. It needs the role for that too, so a thief of its key could let go as well.
    Responder,
    /// People. The responder can only stop.
    #[default]
    People,
}

/// A lever that cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("lever `{lever}`: {reason}")]
pub struct LeverError {
    /// Its name.
    pub lever: String,
    /// What is wrong and what to write instead.
    pub reason: String,
}

impl LeverConfig {
    /// The lever as data, for the chain with this id and the account that will pull it.
    pub fn build(&self, chain: ChainId, responder: Address) -> Result<Lever, LeverError> {
        let lever = self.build_unchecked(chain, responder)?;
        let wrong = |reason: String| LeverError { lever: lever.name.clone(), reason };
        if !(21_000..=GAS_LIMIT_MAX).contains(&lever.call.gas_limit) {
            return Err(wrong(format!("gasLimit must be from 21000 to {GAS_LIMIT_MAX}")));
        }
        if !(1..=HOLD_SECONDS_MAX).contains(&lever.hold_seconds) {
            return Err(wrong(format!(
                "holdSeconds must be from 1 to {HOLD_SECONDS_MAX} (30 days)"
            )));
        }
        if lever.covers.is_empty() {
            return Err(wrong("covers is empty: leave it out for the target itself".to_owned()));
        }
        Ok(lever)
    }
}

/// What a stop without need costs: the number, or the sum of its parts over the hold.
fn false_stop(
    lever: &str,
    usd: Option<Usd>,
    parts: Option<&FalseStopCost>,
    hold_seconds: u64,
) -> Result<(Usd, Option<FalseStopParts>), LeverError> {
    let wrong = |reason: String| LeverError { lever: lever.to_owned(), reason };
    match (usd, parts) {
        (Some(usd), None) => Ok((usd, None)),
        (None, Some(cost)) => {
            let parts = cost
                .parts(hold_seconds)
                .map_err(|reason| wrong(format!("falseStopCost: {reason}")))?;
            Ok((parts.total().unwrap_or(Usd(i128::MAX)), Some(parts)))
        }
        (None, None) => Err(wrong(
            "what a stop without need costs is not said: add `falseStopCostUsd`, or its parts as `falseStopCost`"
                .to_owned(),
        )),
        (Some(_), Some(_)) => {
            Err(wrong("give `falseStopCostUsd` or `falseStopCost`, not both".to_owned()))
        }
    }
}

/// The calls and views of a lever that is a flag on one contract.
#[derive(Debug)]
struct Flag<'a> {
    lever: &'a str,
    target: Address,
    gas_limit: u64,
    /// Signatures without parameters: `pause()`.
    stop: &'a str,
    start: Option<&'a str>,
    view: &'a str,
}

impl Flag<'_> {
    fn stop_call(&self) -> Result<Call, LeverError> {
        if let Some(word) = loosening_word(self.stop) {
            return Err(self.wrong(format!(
                "`{}` looks as if it loosened something (`{word}`): a lever may only stop (DEC-3)",
                self.stop
            )));
        }
        self.call(self.stop)
    }

    fn view_is(&self, value: bool) -> Result<ViewCheck, LeverError> {
        Ok(ViewCheck {
            to: self.target,
            data: self.selector(self.view)?,
            expect: U256::from(value),
            meaning: format!("{} of {} is {value}", self.view, self.target),
            word: 0,
        })
    }

    fn undo(&self, release: Release, people: &str) -> Result<Undo, LeverError> {
        match (release, self.start) {
            (Release::People, _) => Ok(Undo::ByPeople { how: people.to_owned() }),
            (Release::Responder, Some(start)) => {
                Ok(Undo::ByCall { call: self.call(start)?, verify: self.view_is(false)? })
            }
            (Release::Responder, None) => Err(self.wrong(format!(
                "release is `responder`, but how to undo `{}` is not said: add undo: \"…()\"",
                self.stop
            ))),
        }
    }

    fn call(&self, signature: &str) -> Result<Call, LeverError> {
        Ok(Call { to: self.target, data: self.selector(signature)?, gas_limit: self.gas_limit })
    }

    fn selector(&self, signature: &str) -> Result<Bytes, LeverError> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let name = signature.strip_suffix("()").unwrap_or("");
        if name.is_empty() || !name.chars().all(is_plain) {
            return Err(self.wrong(format!(
                "`{signature}` is not a function without parameters: write it as pause()"
            )));
        }
        Ok(selector(signature))
    }

    fn wrong(&self, reason: String) -> LeverError {
        LeverError { lever: self.lever.to_owned(), reason }
    }
}

/// The selector of a signature.
fn selector(signature: &str) -> Bytes {
    Bytes::copy_from_slice(keccak256(signature).get(..4).unwrap_or_default())
}

/// The word with which a function's name says that it opens something or pays out. A tripwire against a slip of the
/// configuration, not a proof: the proof is the verify view, which the rehearsal reads after the call.
fn loosening_word(signature: &str) -> Option<&'static str> {
    const WORDS: &[&str] = &[
        "unpause",
        "unfreeze",
        "unlock",
        "unstop",
        "resume",
        "restart",
        "enable",
        "withdraw",
        "emergencyWithdraw",
        "transfer",
        "sweep",
        "rescue",
        "uncurse",
        "unseal",
        "open",
        "approve",
        "increaseAllowance",
        "mint",
        "permit",
        "grant",
        "upgrade",
        "execute",
        "delegate",
        "multicall",
    ];
    let name = signature.trim_start_matches('_');
    WORDS.iter().find(|word| name.starts_with(**word)).copied()
}

/// Traps of every stop function that is restricted to a role.
fn common_traps() -> Vec<String> {
    [
        "A pause may not cover all entry points: only functions that check the flag stop.",
        "If the function stops repaying or adding collateral too, borrowers cannot save their positions while it holds.",
        "It does not end by itself: until somebody lets go, users cannot get at their funds.",
    ]
    .map(str::to_owned)
    .into()
}

#[cfg(test)]
mod tests;
