//! What a lever would do to honest transactions.

use std::fmt::Write as _;

use alloy_primitives::{Address, FixedBytes};
use serde::{Deserialize, Serialize};

/// Recent transactions of others to the covered contracts, played with the lever pulled and without.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HonestImpact {
    /// Transactions that worked without the lever when played again: those that count.
    pub tried: u32,
    /// Of those, how many fail with the lever pulled.
    pub broken: u32,
    /// The same by contract and function, most broken first; a bounded list.
    pub functions: Vec<FunctionImpact>,
    /// First and last block that was looked at.
    pub blocks: Option<(u64, u64)>,
    /// Why not everything was looked at, in words; none where it was. Without a block this is "could not look", which is
    /// not "nothing breaks".
    pub not_seen: Option<String>,
}

/// What a lever does to one function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FunctionImpact {
    /// Contract that was called.
    pub to: Address,
    /// The function's selector; four zero bytes for a plain transfer.
    pub selector: FixedBytes<4>,
    /// Transactions that count.
    pub tried: u32,
    /// Of those, how many fail with the lever pulled.
    pub broken: u32,
}

impl HonestImpact {
    /// The record where it could not be looked at.
    pub fn not_looked(why: String) -> Self {
        Self { not_seen: Some(why), ..Self::default() }
    }

    /// In one line, for people.
    pub fn in_words(&self) -> String {
        let Some((first, last)) = self.blocks else {
            let why = self.not_seen.as_deref().unwrap_or("nobody looked");
            return format!("what it breaks for others could not be looked at ({why})");
        };
        let mut words = format!(
            "it breaks {} of {} recent transactions of others (blocks {first} to {last})",
            self.broken, self.tried
        );
        let broken: Vec<String> = self
            .functions
            .iter()
            .filter(|function| function.broken > 0)
            .take(FUNCTIONS_IN_WORDS)
            .map(|one| format!("{} of {}: {}/{}", one.selector, one.to, one.broken, one.tried))
            .collect();
        if !broken.is_empty() {
            let _ = write!(words, ": {}", broken.join(", "));
        }
        if let Some(why) = &self.not_seen {
            let _ = write!(words, "; not all was looked at ({why})");
        }
        words
    }
}

/// Functions that a line for people names.
const FUNCTIONS_IN_WORDS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn could_not_look_is_not_nothing_breaks() {
        let unseen = HonestImpact::not_looked("no result within 500 ms".to_owned());
        assert!(unseen.in_words().contains("could not be looked at (no result within 500 ms)"));
        let functions = vec![FunctionImpact {
            to: Address::repeat_byte(1),
            selector: FixedBytes([1, 2, 3, 4]),
            tried: 3,
            broken: 2,
        }];
        let seen =
            HonestImpact { tried: 5, broken: 2, functions, blocks: Some((7, 9)), not_seen: None };
        let words = seen.in_words();
        assert!(words.starts_with("it breaks 2 of 5 recent transactions"), "{words}");
        assert!(words.contains("0x01020304") && words.ends_with("2/3"), "{words}");
    }

    #[test]
    fn journals_without_it_are_read() {
        let old = r#"{"block":1,"sticks":true,"attackWorksWithout":null,"attackWorksWith":null,"detail":"d"}"#;
        let old: crate::action::Rehearsal = serde_json::from_str(old).unwrap();
        assert_eq!((old.honest.clone(), old.in_words()), (None, "d".to_owned()));
        let honest = Some(HonestImpact { blocks: Some((1, 2)), ..HonestImpact::default() });
        let outcome = crate::action::Outcome::Rehearsed(crate::action::Rehearsal { honest, ..old });
        let text = serde_json::to_string(&outcome).unwrap();
        assert_eq!(serde_json::from_str::<crate::action::Outcome>(&text).unwrap(), outcome);
    }
}
