//! The flags of a Compound v3 market. `pause` writes all five at once, so the call depends on what the chain shows: the
//! lever holds one form of the call for each state of the flags that are not its own, and the one that keeps them is
//! sent.
//!
//! References: compound-finance/comet, `Comet.sol`.

use std::collections::BTreeSet;

use alloy_primitives::{Address, U256};
use portcullis_types::{
    action::{Call, CallForm, Lever, Rung, Undo, ViewCheck},
    false_stop::FalseStopCost,
    ids::ChainId,
    money::Usd,
};
use serde::{Deserialize, Serialize};

use super::{
    LeverError,
    catalogue::row,
    values::{Value, encode},
};

/// One of the five flags, in the order of `pause`'s arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CometFlag {
    /// Supplying and repaying.
    Supply,
    /// Transfers inside.
    Transfer,
    /// Withdrawing and borrowing.
    Withdraw,
    /// Liquidations.
    Absorb,
    /// Buying collateral.
    Buy,
}

use CometFlag::{Absorb, Buy, Supply, Transfer, Withdraw};

const FLAGS: [CometFlag; 5] = [Supply, Transfer, Withdraw, Absorb, Buy];

impl CometFlag {
    fn view(self) -> &'static str {
        match self {
            Supply => "isSupplyPaused()",
            Transfer => "isTransferPaused()",
            Withdraw => "isWithdrawPaused()",
            Absorb => "isAbsorbPaused()",
            Buy => "isBuyPaused()",
        }
    }
}

/// Flags of a Compound v3 market.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CometConfig {
    /// Name, unique in the protocol.
    pub name: String,
    /// The market.
    pub comet: Address,
    /// What is paused; the view shows the first.
    pub pauses: Vec<CometFlag>,
    /// Whether it is a condition that the responder is the market's `pauseGuardian()`.
    #[serde(default)]
    pub guardian: bool,
    /// Contracts whose losses it stops; the market where this is left out.
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

impl CometConfig {
    pub(super) fn build(&self, chain: ChainId, responder: Address) -> Result<Lever, LeverError> {
        let wrong =
            |reason: &str| LeverError { lever: self.name.clone(), reason: reason.to_owned() };
        let first = *self.pauses.first().ok_or_else(|| wrong("pauses is empty: name a flag"))?;
        let row = row("comet").ok_or_else(|| wrong("the catalogue has no `comet`"))?;
        let wanted: BTreeSet<CometFlag> = self.pauses.iter().copied().collect();
        let others: Vec<CometFlag> =
            FLAGS.into_iter().filter(|flag| !wanted.contains(flag)).collect();
        let mut forms = Vec::new();
        for state in 0..1_u32 << others.len() {
            let kept: BTreeSet<CometFlag> = (0_u32..)
                .zip(&others)
                .filter_map(|(place, &flag)| (state >> place & 1 == 1).then_some(flag))
                .collect();
            let mut when = Vec::new();
            for &flag in &others {
                when.push(self.look(flag, kept.contains(&flag))?);
            }
            let call = self.call(|flag| wanted.contains(&flag) || kept.contains(&flag), row.gas)?;
            forms.push(CallForm { when, call });
        }
        let guardian = self.guardian.then(|| ViewCheck {
            to: self.comet,
            data: super::selector("pauseGuardian()"),
            expect: responder.into_word().into(),
            meaning: format!("pauseGuardian() of {} is {responder}", self.comet),
            word: 0,
        });
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
            covers: self.covers.clone().unwrap_or_else(|| vec![self.comet]),
            preflight: guardian.into_iter().collect(),
            call: self.call(|flag| wanted.contains(&flag), row.gas)?,
            verify: self.look(first, true)?,
            undo: Undo::ByPeople {
                how: format!("{} at {}; check the fix first", row.ends, self.comet),
            },
            hold_seconds: self.hold_seconds,
            false_stop_cost,
            traps: row.traps.iter().map(|&trap| trap.to_owned()).collect(),
            warden: None,
            false_stop_parts,
            forms,
        })
    }

    fn look(&self, flag: CometFlag, is_set: bool) -> Result<ViewCheck, LeverError> {
        let data = encode(flag.view(), &[]).map_err(|reason| self.wrong(reason))?;
        let meaning = format!("{} of {} is {is_set}", flag.view(), self.comet);
        Ok(ViewCheck { to: self.comet, data, expect: U256::from(is_set), meaning, word: 0 })
    }

    fn call(&self, is_set: impl Fn(CometFlag) -> bool, gas: u64) -> Result<Call, LeverError> {
        let values = FLAGS.map(|flag| Value::One(is_set(flag).to_string()));
        let data = encode("pause(bool,bool,bool,bool,bool)", &values)
            .map_err(|reason| self.wrong(reason))?;
        Ok(Call { to: self.comet, data, gas_limit: self.gas_limit.unwrap_or(gas) })
    }

    fn wrong(&self, reason: String) -> LeverError {
        LeverError { lever: self.name.clone(), reason }
    }
}
