//! How far the program may go by itself, rung by rung, and who else must agree.

use std::{collections::BTreeSet, fmt};

use alloy_primitives::Address;
use portcullis_types::action::Rung;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, IntoDeserializer, MapAccess, value::MapAccessDeserializer},
};

/// Most guardians of a protocol.
pub const GUARDIANS_MAX: usize = 64;
/// Shortest time that guardians are given, seconds.
pub const APPROVAL_SECONDS_MIN: u64 = 60;
/// Longest time that guardians are given, seconds: seven days.
pub const APPROVAL_SECONDS_MAX: u64 = 7 * 24 * 3_600;

/// How far the program may go by itself with a lever, least first.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Autonomy {
    /// Weigh, and write down what it would do. The default: acting must be asked for in so many words.
    #[default]
    Observe,
    /// Weigh, and tell people to pull it.
    Recommend,
    /// Pull it once guardians have signed.
    Signature,
    /// Pull it, and let go of it unless guardians ratify it in time.
    Ratify,
    /// Pull it, inside the other limits of the policy.
    Act,
}

impl Autonomy {
    /// As it is written in a configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Recommend => "recommend",
            Self::Signature => "signature",
            Self::Ratify => "ratify",
            Self::Act => "act",
        }
    }

    /// Whether a lever is pulled before anybody has agreed.
    pub const fn is_unattended(self) -> bool {
        matches!(self, Self::Ratify | Self::Act)
    }
}

/// The rungs, gentlest first.
const RUNGS: [Rung; 5] =
    [Rung::Throttle, Rung::Delay, Rung::Function, Rung::Market, Rung::Protocol];

/// Autonomy for each rung. Written as one word, which is for all, or as a map with `default` and rungs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Levels {
    /// For rungs that are not named.
    default: Autonomy,
    named: [Option<Autonomy>; RUNGS.len()],
}

impl From<Autonomy> for Levels {
    fn from(default: Autonomy) -> Self {
        Self { default, named: [None; RUNGS.len()] }
    }
}

impl Levels {
    /// That of a rung.
    pub fn of(&self, rung: Rung) -> Autonomy {
        let named = RUNGS.iter().zip(self.named).find(|(known, _)| **known == rung);
        named.and_then(|(_, level)| level).unwrap_or(self.default)
    }

    /// The same with this level for one rung.
    #[must_use]
    pub fn with(mut self, rung: Rung, level: Autonomy) -> Self {
        for (known, named) in RUNGS.iter().zip(&mut self.named) {
            if *known == rung {
                *named = Some(level);
            }
        }
        self
    }

    /// All of them, gentlest rung first.
    pub fn all(&self) -> impl Iterator<Item = (Rung, Autonomy)> + '_ {
        RUNGS.iter().map(|rung| (*rung, self.of(*rung)))
    }

    /// Whether any lever may be pulled, with guardians or without.
    pub fn may_pull(&self) -> bool {
        self.all().any(|(_, level)| level >= Autonomy::Signature)
    }

    /// Whether guardians are needed.
    pub fn needs_guardians(&self) -> bool {
        self.all().any(|(_, level)| matches!(level, Autonomy::Signature | Autonomy::Ratify))
    }

    /// A harsher rung must not be freer than a gentler one: else a gentle lever that waits for people would make the
    /// machine reach for a harsh one.
    ///
    /// # Errors
    /// The first pair that is the wrong way round, and the remedy.
    pub fn validate(&self) -> Result<(), String> {
        let all: Vec<_> = self.all().collect();
        for pair in all.windows(2) {
            let [(gentle, low), (harsh, high)] = pair else { continue };
            if high > low {
                return Err(format!(
                    "`autonomy` of {} is {} and of the harsher {} it is {}: a harsher lever must not be freer; write {}: {} \
                     or less",
                    gentle.name(),
                    low.name(),
                    harsh.name(),
                    high.name(),
                    harsh.name(),
                    low.name()
                ));
            }
        }
        Ok(())
    }
}

/// The map as it is written.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields, default)]
struct Written {
    default: Autonomy,
    #[serde(skip_serializing_if = "Option::is_none")]
    throttle: Option<Autonomy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delay: Option<Autonomy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function: Option<Autonomy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    market: Option<Autonomy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<Autonomy>,
}

impl Serialize for Levels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let [throttle, delay, function, market, protocol] = self.named;
        if self.named == [None; RUNGS.len()] {
            return self.default.serialize(serializer);
        }
        let default = self.default;
        Written { default, throttle, delay, function, market, protocol }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Levels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Levels;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "observe, recommend, signature, ratify or act, or a map of rungs to them",
                )
            }
            fn visit_str<E: de::Error>(self, word: &str) -> Result<Levels, E> {
                Autonomy::deserialize(word.into_deserializer()).map(Levels::from)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Levels, A::Error> {
                let Written { default, throttle, delay, function, market, protocol } =
                    Written::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Levels { default, named: [throttle, delay, function, market, protocol] })
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// Who must agree where the program may not act alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Guardians {
    /// Their accounts: keys of people, none of them on the machine that runs the program.
    pub addresses: Vec<Address>,
    /// How many of them must sign. Default 1.
    #[serde(default = "one")]
    pub signatures: u32,
    /// How long a signature for a pull is waited for, seconds; then they are asked anew. Default 1800.
    #[serde(default = "half_an_hour")]
    pub approve_seconds: u64,
    /// How long a lever that awaits ratification is held, seconds. Default 900.
    #[serde(default = "quarter_of_an_hour")]
    pub ratify_seconds: u64,
}

fn one() -> u32 {
    1
}

fn half_an_hour() -> u64 {
    1_800
}

fn quarter_of_an_hour() -> u64 {
    900
}

impl Guardians {
    /// What is wrong with them, and the remedy.
    ///
    /// # Errors
    /// Nobody, somebody twice, more signatures than guardians, a time out of range.
    pub fn validate(&self) -> Result<(), String> {
        let distinct: BTreeSet<&Address> = self.addresses.iter().collect();
        let n = self.addresses.len();
        if n == 0 || n > GUARDIANS_MAX || distinct.len() != n || distinct.contains(&Address::ZERO) {
            return Err(format!(
                "`guardians` needs from 1 to {GUARDIANS_MAX} accounts, each once and none of them zero"
            ));
        }
        if self.signatures == 0 || self.signatures as usize > n {
            return Err(format!(
                "`signatures` is {} of {n} guardians: write a number from 1 to {n}",
                self.signatures
            ));
        }
        let range = APPROVAL_SECONDS_MIN..=APPROVAL_SECONDS_MAX;
        for (name, seconds) in
            [("approveSeconds", self.approve_seconds), ("ratifySeconds", self.ratify_seconds)]
        {
            if !range.contains(&seconds) {
                return Err(format!(
                    "`{name}` is {seconds}: write a number from {APPROVAL_SECONDS_MIN} to {APPROVAL_SECONDS_MAX}"
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
