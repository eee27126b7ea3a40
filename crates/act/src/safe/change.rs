//! What can change about who rules a Safe. A change that an owner wants is named before, to the value.

use std::{collections::BTreeSet, fmt, str::FromStr};

use alloy_primitives::{Address, U256};
use portcullis_types::text::printable;
use serde::{Serialize, Serializer};

/// One change. Its text, `guard:0x…` for example, is what `--expect` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// Slot 0: the code that the Safe runs.
    Singleton(Address),
    /// A new owner.
    AddOwner(Address),
    /// An owner less.
    RemoveOwner(Address),
    /// How many owners must sign.
    Threshold(U256),
    /// A module: a contract that may do anything in the Safe's name without a signature.
    AddModule(Address),
    /// A module less.
    RemoveModule(Address),
    /// The guard that is asked at each transaction; zero for none.
    Guard(Address),
    /// The guard that is asked at each transaction of a module (1.5.0).
    ModuleGuard(Address),
    /// Who answers calls that the Safe does not know.
    FallbackHandler(Address),
}

/// Text that names no change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` names no change: write singleton:, guard:, module-guard:, fallback-handler:, add-owner:, remove-owner:, \
     add-module: or remove-module: with an address, or threshold: with a number"
)]
pub struct NoChange(String);

impl Change {
    fn parts(&self) -> (&'static str, String) {
        match self {
            Self::Singleton(at) => ("singleton", at.to_string()),
            Self::AddOwner(at) => ("add-owner", at.to_string()),
            Self::RemoveOwner(at) => ("remove-owner", at.to_string()),
            Self::Threshold(count) => ("threshold", count.to_string()),
            Self::AddModule(at) => ("add-module", at.to_string()),
            Self::RemoveModule(at) => ("remove-module", at.to_string()),
            Self::Guard(at) => ("guard", at.to_string()),
            Self::ModuleGuard(at) => ("module-guard", at.to_string()),
            Self::FallbackHandler(at) => ("fallback-handler", at.to_string()),
        }
    }

    /// What it means, in plain words.
    pub fn meaning(&self) -> String {
        match self {
            Self::Singleton(at) => {
                format!(
                    "slot 0 becomes {at}: from then on the Safe runs that code, and no owner has a say unless it says so"
                )
            }
            Self::AddOwner(at) => format!("{at} becomes an owner"),
            Self::RemoveOwner(at) => format!("{at} is no longer an owner"),
            Self::Threshold(count) => format!("{count} owners are enough from then on"),
            Self::AddModule(at) => {
                format!(
                    "{at} becomes a module: it may do anything in the Safe's name without a signature"
                )
            }
            Self::RemoveModule(at) => format!("{at} is no longer a module"),
            Self::Guard(at) if at.is_zero() => "the guard is taken away".to_owned(),
            Self::Guard(at) => format!("{at} becomes the guard: it can block every transaction"),
            Self::ModuleGuard(at) if at.is_zero() => "the module guard is taken away".to_owned(),
            Self::ModuleGuard(at) => format!("{at} becomes the module guard"),
            Self::FallbackHandler(at) => {
                format!(
                    "{at} becomes the fallback handler: it speaks for the Safe, signatures included"
                )
            }
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, value) = self.parts();
        write!(f, "{name}:{value}")
    }
}

impl Serialize for Change {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for Change {
    type Err = NoChange;

    fn from_str(text: &str) -> Result<Self, NoChange> {
        let wrong = || NoChange(printable(text));
        let (name, value) = text.split_once(':').ok_or_else(wrong)?;
        if name == "threshold" {
            let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
            let count = value.parse().ok().filter(|_| digits);
            return count.map(Self::Threshold).ok_or_else(wrong);
        }
        let at: Address = value.parse().map_err(|_| wrong())?;
        Ok(match name {
            "singleton" => Self::Singleton(at),
            "add-owner" => Self::AddOwner(at),
            "remove-owner" => Self::RemoveOwner(at),
            "add-module" => Self::AddModule(at),
            "remove-module" => Self::RemoveModule(at),
            "guard" => Self::Guard(at),
            "module-guard" => Self::ModuleGuard(at),
            "fallback-handler" => Self::FallbackHandler(at),
            _ => return Err(wrong()),
        })
    }
}

/// The changes that an owner said are wanted.
pub type Expected = BTreeSet<Change>;
