//! The names of a world: accounts, groups, contracts, bound values.

use crate::{RangeError, Scenario, scenario::AccountSpec};
use alloy_json_abi::JsonAbi;
use alloy_primitives::{Address, B256, U256};
use std::{collections::BTreeMap, fmt, sync::Arc};

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// An account or a contract.
    Address(Address),
    /// A group of accounts, in the order of their indexes.
    Group(Vec<Address>),
    /// A bound number.
    Uint(U256),
    /// A bound word.
    Word(B256),
}

impl Value {
    /// The one address that the value stands for; `None` for groups, numbers and other words.
    pub fn address(&self) -> Option<Address> {
        match self {
            Self::Address(address) => Some(*address),
            Self::Word(word) if is_address(*word) => Some(Address::from_word(*word)),
            _ => None,
        }
    }
}

/// As it stands in a rendered file: addresses with checksum, groups separated by `, `, numbers in
/// decimal, words in hexadecimal.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "{address}"),
            Self::Group(members) => {
                for (index, member) in members.iter().enumerate() {
                    let separator = if index == 0 { "" } else { ", " };
                    write!(f, "{separator}{member}")?;
                }
                Ok(())
            }
            Self::Uint(number) => write!(f, "{number}"),
            Self::Word(word) => write!(f, "{word}"),
        }
    }
}

/// Whether a word can only be meant as an address: twelve zero bytes, and too large for a number
/// that a contract would return in practice.
pub(crate) fn is_address(word: B256) -> bool {
    let number = U256::from_be_bytes(word.0);
    number.bit_len() <= 160 && 128 < number.bit_len()
}

/// The table of names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    values: BTreeMap<String, Value>,
    abis: BTreeMap<String, Arc<JsonAbi>>,
}

impl Names {
    /// The accounts of a scenario; `address` gives the address of a development account.
    pub(crate) fn of_accounts(
        scenario: &Scenario,
        address: impl Fn(usize) -> Result<Address, RangeError>,
    ) -> Result<Self, RangeError> {
        let mut names = Self::default();
        for (name, account) in &scenario.world.accounts {
            let value = match *account {
                AccountSpec::One(index) => Value::Address(address(index)?),
                AccountSpec::Group([first, last]) => {
                    Value::Group((first..=last).map(&address).collect::<Result<_, _>>()?)
                }
            };
            names.values.insert(name.clone(), value);
        }
        Ok(names)
    }

    pub(crate) fn insert(&mut self, name: &str, value: Value) {
        self.values.insert(name.to_owned(), value);
    }

    pub(crate) fn insert_contract(&mut self, name: &str, address: Address, abi: Arc<JsonAbi>) {
        self.insert(name, Value::Address(address));
        self.abis.insert(name.to_owned(), abi);
    }

    /// The value of a name, if it has one yet.
    pub(crate) fn find(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// The value of a name.
    ///
    /// # Errors
    /// [`RangeError::UnknownName`], with the names that exist.
    pub(crate) fn get(&self, name: &str) -> Result<&Value, RangeError> {
        self.find(name).ok_or_else(|| self.unknown(name, &[]))
    }

    /// The members of a group; none for anything else.
    pub(crate) fn group(&self, name: &str) -> Option<&[Address]> {
        match self.values.get(name) {
            Some(Value::Group(members)) => Some(members),
            _ => None,
        }
    }

    /// The ABI of a contract that this world deployed.
    pub(crate) fn abi(&self, name: &str) -> Option<&JsonAbi> {
        self.abis.get(name).map(Arc::as_ref)
    }

    /// All ABIs of the world, to name a contract's own errors.
    pub(crate) fn abis(&self) -> impl Iterator<Item = &JsonAbi> {
        self.abis.values().map(Arc::as_ref)
    }

    /// Replaces each `{{name}}` by the value of the name, from `extra` or the table.
    ///
    /// # Errors
    /// [`RangeError::UnknownName`], with the names that exist.
    pub(crate) fn render(
        &self,
        template: &str,
        extra: &[(&str, &str)],
    ) -> Result<String, RangeError> {
        let mut text = String::with_capacity(template.len());
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("{{") {
            text.push_str(before);
            // An opening without an end is no name; it stays as it is.
            let Some((name, after)) = after.split_once("}}") else {
                text.push_str("{{");
                rest = after;
                continue;
            };
            let name = name.trim();
            match extra.iter().find(|(key, _)| *key == name) {
                Some((_, value)) => text.push_str(value),
                None => match self.values.get(name) {
                    Some(value) => text.push_str(&value.to_string()),
                    None => return Err(self.unknown(name, extra)),
                },
            }
            rest = after;
        }
        text.push_str(rest);
        Ok(text)
    }

    /// Renders a YAML template; a comment may speak of `{{name}}`, so comment lines stay as they are.
    ///
    /// # Errors
    /// [`RangeError::UnknownName`], with the names that exist.
    pub(crate) fn render_template(
        &self,
        template: &str,
        extra: &[(&str, &str)],
    ) -> Result<String, RangeError> {
        let mut text = String::with_capacity(template.len());
        for line in template.split_inclusive('\n') {
            if line.trim_start().starts_with('#') {
                text.push_str(line);
            } else {
                text.push_str(&self.render(line, extra)?);
            }
        }
        Ok(text)
    }

    fn unknown(&self, name: &str, extra: &[(&str, &str)]) -> RangeError {
        let mut known: Vec<&str> = self.values.keys().map(String::as_str).collect();
        known.extend(extra.iter().map(|(key, _)| key));
        RangeError::UnknownName { name: name.to_owned(), known: known.join(", ") }
    }
}

/// The name in a text that is exactly one `{{name}}`.
pub(crate) fn exact_name(text: &str) -> Option<&str> {
    let name = text.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    if name.contains("{{") { None } else { Some(name.trim()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::address;

    fn names() -> Names {
        let mut names = Names::default();
        let usd = address!("00000000000000000000000000000000000000aa");
        names.insert("usd", Value::Address(usd));
        names.insert("users", Value::Group(vec![usd, usd]));
        names.insert("id", Value::Uint(U256::from(42)));
        names
    }

    fn check(template: &str, expect: Result<&str, &str>) {
        let found = names().render_template(template, &[("rpc", "http://node")]);
        match (found, expect) {
            (Ok(text), Ok(expect)) => assert_eq!(text, expect),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (found, _) => panic!("{template}: {found:?}"),
        }
    }

    #[test]
    fn templates() {
        let usd = "0x00000000000000000000000000000000000000AA";
        check("token: {{usd}}", Ok(&format!("token: {usd}")));
        check("{{ usd }}{{id}}", Ok(&format!("{usd}42")));
        check("[{{users}}]", Ok(&format!("[{usd}, {usd}]")));
        check("url: {{rpc}} {{", Ok("url: http://node {{"));
        check("# a {{name}}\n  # {{x}}\na: {{id}}\n", Ok("# a {{name}}\n  # {{x}}\na: 42\n"));
        check("no names: {a: {b: c}}", Ok("no names: {a: {b: c}}"));
        check("{{euro}}", Err("unknown name {{euro}}: use one of id, usd, users, rpc"));
    }

    #[test]
    fn exact_names() {
        assert_eq!(exact_name(" {{ usd }} "), Some("usd"));
        assert_eq!(exact_name("{{usd}}{{id}}"), None);
        assert_eq!(exact_name("usd"), None);
    }
}
