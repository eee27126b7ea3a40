//! Levers, actions and how they end.

use alloy_primitives::{Address, B256, Bytes, U256};
use serde::{Deserialize, Serialize};

use crate::{
    chain::BlockId,
    false_stop::FalseStopParts,
    ids::{CaseId, ChainId, EffectId, Millis},
    money::Usd,
};

mod honest;

pub use self::honest::{FunctionImpact, HonestImpact};

/// Steps of the containment ladder, gentlest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Rung {
    /// Slow down what flows out.
    Throttle,
    /// Hold back for a time.
    Delay,
    /// Stop one function.
    Function,
    /// Stop one market or contract.
    Market,
    /// Stop everything.
    Protocol,
}

impl Rung {
    /// As it is written in a configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Throttle => "throttle",
            Self::Delay => "delay",
            Self::Function => "function",
            Self::Market => "market",
            Self::Protocol => "protocol",
        }
    }
}

/// One prepared way to stop something. A lever is data: adapters turn a line of configuration into one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lever {
    /// Name, unique in the protocol.
    pub name: String,
    /// Place on the ladder.
    pub rung: Rung,
    /// Chain.
    pub chain: ChainId,
    /// Contracts whose losses it stops.
    pub covers: Vec<Address>,
    /// What must be true before it is pulled.
    pub preflight: Vec<ViewCheck>,
    /// The call that pulls it.
    pub call: Call,
    /// What must be true afterwards.
    pub verify: ViewCheck,
    /// How it is let go.
    pub undo: Undo,
    /// Longest time it is held, seconds.
    pub hold_seconds: u64,
    /// What pulling it without need costs honest users.
    pub false_stop_cost: Usd,
    /// What can go wrong with it, for people.
    pub traps: Vec<String>,
    /// Where the pull goes through a Warden: what its sentinels sign. `call` then names the Warden's functions, and its
    /// arguments are made when the lever is pulled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warden: Option<WardenPull>,
    /// What `false_stop_cost` is made of, where the configuration says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub false_stop_parts: Option<FalseStopParts>,
    /// Other forms of the call, for a function whose arguments depend on what the chain shows. Where there are any, the
    /// first whose conditions hold when the lever is pulled takes the place of `call`; if none does, it is refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forms: Vec<CallForm>,
}

/// A call that is right while certain views answer so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallForm {
    /// What must be so.
    pub when: Vec<ViewCheck>,
    /// The call.
    pub call: Call,
}

/// A pull that sentinels order and a Warden carries out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WardenPull {
    /// The Warden.
    pub warden: Address,
    /// The lever's id there: the hash of everything about it.
    pub lever: B256,
    /// The contract that the Warden calls.
    pub target: Address,
    /// The target's call data.
    pub data: Bytes,
    /// How long an order may live, seconds; the Warden's own limit must be above it.
    pub order_life_seconds: u64,
}

/// A call to a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// Contract.
    pub to: Address,
    /// Call data.
    pub data: Bytes,
    /// Gas limit: tight, because a large one is included later on some chains (methods, §5).
    pub gas_limit: u64,
}

/// A view call and the word it must answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ViewCheck {
    /// Contract.
    pub to: Address,
    /// Call data.
    pub data: Bytes,
    /// The word that must be answered.
    pub expect: U256,
    /// What it means, for people: `paused() is true`.
    pub meaning: String,
    /// Which word of the answer, from 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub word: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(word: &u32) -> bool {
    *word == 0
}

/// Most words of an answer that are looked at.
const ANSWER_WORDS_MAX: u32 = 64;

impl ViewCheck {
    /// The word that counts; none where the answer is too short: a contract without such a view must not count as
    /// "false".
    pub fn word_of(&self, answer: &[u8]) -> Option<U256> {
        let start = usize::try_from(self.word.min(ANSWER_WORDS_MAX)).ok()?.checked_mul(32)?;
        answer.get(start..start.checked_add(32)?).map(U256::from_be_slice)
    }

    /// Whether the answer is what must be so.
    pub fn is_met_by(&self, answer: &[u8]) -> bool {
        self.word_of(answer) == Some(self.expect)
    }
}

/// How an action is undone. Every action has an answer (ACT-2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Undo {
    /// By this call, from the same account, when the hold ends.
    ByCall {
        /// The call.
        call: Call,
        /// What is true afterwards.
        verify: ViewCheck,
    },
    /// The mechanism lets go by itself.
    ByExpiry,
    /// Only people can.
    ByPeople {
        /// Who, and how.
        how: String,
    },
}

/// What an action is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Intent {
    /// Pull the lever.
    Pull,
    /// Let it go because its time has run out.
    Release,
    /// Look whether a hold still stands (after a re-organisation) and pull again if not.
    Reassert,
}

/// An action that the engine asks for. It names its decision (by the case and effect), its undo and its expiry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Action {
    /// Identity; outcomes refer to it (ACT-3).
    pub id: EffectId,
    /// Case it belongs to.
    pub case: CaseId,
    /// Protocol.
    pub protocol: String,
    /// What to do.
    pub intent: Intent,
    /// With which lever.
    pub lever: Lever,
    /// The attack it must stop, to rehearse against.
    pub attack: Option<AttackSample>,
    /// When the hold ends.
    pub expires: Millis,
}

/// A transaction of the attack, to be played against the lever before it is pulled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttackSample {
    /// Its hash.
    pub hash: B256,
    /// Sender.
    pub from: Address,
    /// Callee.
    pub to: Address,
    /// Wei.
    pub value: U256,
    /// Call data.
    pub input: Bytes,
}

/// What became of an action, step by step. Each is journaled before the next is tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "camelCase")]
pub enum Outcome {
    /// It was played against the newest state (ACT-4).
    Rehearsed(Rehearsal),
    /// Not sent, and will not be. Final.
    Refused {
        /// Why, and what a person should do.
        why: String,
    },
    /// Signed and written down; sent only now, so that a crash can never lead to a second nonce (ACT-1).
    Prepared {
        /// Hash.
        hash: B256,
        /// Nonce.
        nonce: u64,
        /// The signed transaction, EIP-2718 encoded.
        raw: Bytes,
        /// Fee cap, wei.
        #[serde(with = "wei")]
        max_fee_per_gas: u128,
        /// Tip, wei.
        #[serde(with = "wei")]
        max_priority_fee_per_gas: u128,
    },
    /// A node took it.
    Sent {
        /// Hash.
        hash: B256,
    },
    /// It is in a block.
    Mined {
        /// Hash.
        hash: B256,
        /// Block.
        block: BlockId,
        /// Whether it took effect.
        success: bool,
    },
    /// Verified: the lever holds (or, for a release, has been let go). Final.
    Held {
        /// Block at which it was verified.
        block: BlockId,
        /// Whether our transaction did it; `false` where it held already.
        by_us: bool,
    },
    /// Sent, and did not work. Final.
    Failed {
        /// Why, and what a person should do.
        why: String,
    },
}

impl Outcome {
    /// Whether nothing more is to come for this action.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Held { .. } | Self::Failed { .. })
    }
}

/// What a rehearsal showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rehearsal {
    /// Block on whose state it was played.
    pub block: u64,
    /// Whether the lever's verify view holds afterwards.
    pub sticks: bool,
    /// Whether the attack works without the lever, now.
    pub attack_works_without: Option<bool>,
    /// Whether the attack works with the lever pulled; none where it could not be played.
    pub attack_works_with: Option<bool>,
    /// For people.
    pub detail: String,
    /// What became of honest transactions with the lever pulled; none where nobody asked (journals before this was
    /// asked, and releases).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub honest: Option<HonestImpact>,
}

impl Rehearsal {
    /// All of it in one line, for people.
    pub fn in_words(&self) -> String {
        match &self.honest {
            Some(honest) => format!("{}; {}", self.detail, honest.in_words()),
            None => self.detail.clone(),
        }
    }
}

/// Wei as a decimal string: serde cannot read a `u128` number back inside a tagged enum, and other readers of the
/// journal would round it.
mod wei {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(wei: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(wei)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<u128, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prepared_transaction_survives_the_journal() {
        let prepared = Outcome::Prepared {
            hash: B256::repeat_byte(1),
            nonce: 7,
            raw: Bytes::from_static(&[2, 0xc0]),
            max_fee_per_gas: u128::from(u64::MAX) + 1,
            max_priority_fee_per_gas: 5_000_000_000,
        };
        let text = serde_json::to_string(&prepared).unwrap();
        assert_eq!(serde_json::from_str::<Outcome>(&text).unwrap(), prepared, "{text}");
    }
}
