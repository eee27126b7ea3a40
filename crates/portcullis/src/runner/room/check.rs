//! Post-conditions: a view call written for people, asked of the chain.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use portcullis_case::{Roster, playbook::PostCondition, run::Answer};
use portcullis_observe::Node;
use portcullis_types::{probe::Probe, protocol::Protocol};

/// Most arguments of a view.
const ARGUMENTS_MAX: usize = 8;

/// A view call and the word that it must answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    probe: Probe,
    expected: Value,
}

/// A word and what it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value {
    Flag(bool),
    Number(U256),
    Account(Address),
    Hash(B256),
}

impl Value {
    fn read(text: &str, names: &dyn Fn(&str) -> Option<String>) -> Result<Self, String> {
        let literal = |text: &str| -> Option<Self> {
            match text {
                "true" => return Some(Self::Flag(true)),
                "false" => return Some(Self::Flag(false)),
                _ => {}
            }
            if text.chars().all(|c| c.is_ascii_digit()) && !text.is_empty() {
                return text.parse().ok().map(Self::Number);
            }
            let hex = text.strip_prefix("0x")?;
            match hex.len() {
                40 => text.parse().ok().map(Self::Account),
                64 => text.parse().ok().map(Self::Hash),
                _ => None,
            }
        };
        if let Some(value) = literal(text) {
            return Ok(value);
        }
        let meant = names(text).ok_or_else(|| {
            format!("there is no address `{text}`: map it under `addresses` in the roster")
        })?;
        literal(&meant).ok_or_else(|| {
            format!("`{text}` stands for `{meant}`, which is neither a contract of the protocol nor an address")
        })
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Flag(_) => "bool",
            Self::Number(_) => "uint256",
            Self::Account(_) => "address",
            Self::Hash(_) => "bytes32",
        }
    }

    fn word(self) -> U256 {
        match self {
            Self::Flag(flag) => U256::from(u8::from(flag)),
            Self::Number(number) => number,
            Self::Account(account) => account.into_word().into(),
            Self::Hash(hash) => hash.into(),
        }
    }

    /// A word that was found where this one was expected.
    fn shown(self, found: U256) -> String {
        match self {
            Self::Flag(_) if found.is_zero() => "false".to_owned(),
            Self::Flag(_) if found == U256::ONE => "true".to_owned(),
            Self::Account(_) => Address::from_word(found.into()).to_string(),
            Self::Hash(_) => B256::from(found).to_string(),
            Self::Flag(_) | Self::Number(_) => found.to_string(),
        }
    }
}

impl Question {
    /// The call that a post-condition stands for.
    pub(super) fn of(
        post: &PostCondition,
        protocol: &Protocol,
        roster: &Roster,
    ) -> Result<Self, String> {
        let contract = |name: &str| {
            let mut all = protocol.contracts.iter();
            all.find(|one| one.name == name).map(|one| one.address.to_string())
        };
        let names = |name: &str| {
            let meant = roster.address(name);
            contract(meant).or_else(|| (meant != name).then(|| meant.to_owned()))
        };
        let (name, rest) = post
            .function
            .split_once('(')
            .ok_or_else(|| format!("`{}` is no call: write `paused()`", post.function))?;
        let inside = rest
            .trim_end()
            .strip_suffix(')')
            .ok_or_else(|| format!("`{}` is no call: close it with `)`", post.function))?;
        let texts: Vec<&str> =
            inside.split(',').map(str::trim).filter(|text| !text.is_empty()).collect();
        if texts.len() > ARGUMENTS_MAX {
            return Err(format!("`{}` has more than {ARGUMENTS_MAX} arguments", post.function));
        }
        let values =
            texts.iter().map(|text| Value::read(text, &names)).collect::<Result<Vec<_>, _>>()?;
        let kinds: Vec<&str> = values.iter().map(|value| value.kind()).collect();
        let signature = format!("{}({})", name.trim(), kinds.join(","));
        let mut data: Vec<u8> = keccak256(&signature).iter().take(4).copied().collect();
        for value in &values {
            data.extend(value.word().to_be_bytes::<32>());
        }
        let Value::Account(to) = Value::read(&post.address, &names)? else {
            return Err(format!("`{}` is no contract", post.address));
        };
        let expected = Value::read(post.expected.trim(), &names)?;
        Ok(Self { probe: Probe::Call { to, data: Bytes::from(data), word: 0 }, expected })
    }

    /// Looks at the newest block that the node has.
    pub(super) async fn look(self, node: &Node) -> Answer {
        let could_not = |why: String| Answer::CouldNotLook { why };
        let head = match node.head().await {
            Ok(head) => head,
            Err(cause) => return could_not(cause.to_string()),
        };
        let readings = node.read(std::slice::from_ref(&self.probe), &head.id).await;
        match readings.into_iter().next().map(|reading| reading.value) {
            Some(Ok(found)) if found == self.expected.word() => Answer::Holds,
            Some(Ok(found)) => Answer::DoesNotHold { found: self.expected.shown(found) },
            Some(Err(why)) => could_not(why),
            None => could_not("the node gave no answer".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use portcullis_types::protocol::Contract;

    use super::*;

    fn ask(address: &str, function: &str, expected: &str) -> Result<Question, String> {
        let vault = Address::repeat_byte(0x11);
        let contract = Contract { name: "vault".to_owned(), address: vault, holds_value: true };
        let protocol = Protocol {
            name: "bank".to_owned(),
            chain: 1,
            contracts: vec![contract],
            assets: Vec::new(),
        };
        let mut roster = Roster::default();
        roster.addresses.insert("funds".to_owned(), "vault".to_owned());
        let other = Address::repeat_byte(0x22).to_string();
        roster.addresses.insert("treasury".to_owned(), other);
        roster.addresses.insert("lost".to_owned(), "nowhere".to_owned());
        let [address, function, expected] = [address, function, expected].map(str::to_owned);
        Question::of(&PostCondition { address, function, expected }, &protocol, &roster)
    }

    #[test]
    fn calls_are_encoded_as_solidity_does() {
        let data = |function: &str| match ask("funds", function, "true").unwrap().probe {
            Probe::Call { data, to, word: 0 } => {
                assert_eq!(to, Address::repeat_byte(0x11));
                data.to_string()
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(data("paused()"), "0x5c975abb");
        let word = |byte: &str| format!("{}{}", "0".repeat(24), byte.repeat(20));
        assert_eq!(data("balanceOf(treasury)"), format!("0x70a08231{}", word("22")));
        assert_eq!(
            data("allowance( vault , treasury )"),
            format!("0xdd62ed3e{}{}", word("11"), word("22"))
        );
        let hash = format!("0x{}", "ab".repeat(32));
        assert_eq!(
            data(&format!("isOperationPending({hash})")),
            format!("0x584b153e{}", "ab".repeat(32))
        );
    }

    #[test]
    fn what_cannot_be_asked_says_why() {
        let cases = [
            ("nobody", "paused()", "true", "no address `nobody`"),
            ("funds", "paused", "true", "no call"),
            ("funds", "paused(", "true", "close it"),
            ("funds", "owner()", "somebody", "no address `somebody`"),
            ("funds", "f(lost)", "true", "stands for `nowhere`"),
            ("funds", "f(1,1,1,1,1,1,1,1,1)", "true", "more than 8"),
        ];
        for (address, function, expected, wanted) in cases {
            let why = ask(address, function, expected).unwrap_err();
            assert!(why.contains(wanted), "{why}");
        }
    }

    #[test]
    fn what_was_found_is_shown_as_what_was_expected() {
        let shown = |expected: &str, found: u64| {
            ask("funds", "f()", expected).unwrap().expected.shown(U256::from(found))
        };
        assert_eq!(shown("true", 0), "false");
        assert_eq!(shown("false", 1), "true");
        assert_eq!(shown("true", 7), "7");
        assert_eq!(shown("0", 5), "5");
        assert_eq!(shown("vault", 5), Address::with_last_byte(5).to_string());
    }
}
