//! What a rule is about: `on` and `contracts`.

use std::collections::BTreeSet;

use alloy_primitives::Address;

use super::{Context, Fields, Wanted, Whose};
use crate::{
    abi::Signature,
    diagnostic::{Reporter, suggest},
    ty::{Message, Type},
    yaml::Tree,
};

/// What one evaluation is about.
#[derive(Debug)]
pub(super) struct On {
    pub(super) subject: Message,
    pub(super) signatures: Vec<Wanted>,
    /// Names that all signatures have with one type.
    pub(super) args: Vec<(String, Type)>,
}

const WORDS: &[(&str, Message)] = &[
    ("event", Message::Event),
    ("call", Message::Call),
    ("storage", Message::Storage),
    ("code", Message::Code),
    ("transfer", Message::Transfer),
    ("flow", Message::Flow),
    ("transaction", Message::Tx),
];

/// Reads `on`; signatures are kept once for all rules.
pub(super) fn on(
    tree: &Tree,
    pool: &mut Vec<Signature>,
    reporter: &mut Reporter<'_>,
) -> Option<On> {
    let Some(text) = tree.text() else {
        let fields = Fields::new(tree, "`on`", &["event", "call"], reporter)?;
        let (subject, name) = match (fields.get("event"), fields.get("call")) {
            (Some(_), None) => (Message::Event, "event"),
            (None, Some(_)) => (Message::Call, "call"),
            _ => {
                let problem = "`on` names exactly one of `event` and `call`";
                reporter.error(tree.place.clone(), problem, "make two rules of it");
                return None;
            }
        };
        let signatures = fields.texts(name, reporter);
        return signed(subject, &signatures, pool, reporter);
    };
    let found = WORDS.iter().find(|(word, _)| *word == text);
    if found.is_none() {
        let remedy = if text.contains('(') {
            "write `on: {event: \"…\"}` or `on: {call: \"…\"}`".to_owned()
        } else {
            suggest(text, WORDS.iter().map(|(word, _)| *word))
        };
        reporter.error(tree.place.clone(), "this is nothing that a rule can be about", remedy);
    }
    found.map(|(_, subject)| On { subject: *subject, signatures: Vec::new(), args: Vec::new() })
}

fn signed(
    subject: Message,
    texts: &[(&str, &Tree)],
    pool: &mut Vec<Signature>,
    reporter: &mut Reporter<'_>,
) -> Option<On> {
    let mut parsed: Vec<usize> = Vec::new();
    for (text, tree) in texts {
        match Signature::parse(text, subject == Message::Event) {
            Ok(signature) => {
                let known = pool.iter().position(|other| *other == signature);
                parsed.push(known.unwrap_or_else(|| {
                    pool.push(signature);
                    pool.len() - 1
                }));
            }
            Err(problem) => reporter.error(
                tree.place.clone(),
                format!("this is no signature: {}", portcullis_types::text::printable(&problem)),
                "write it as in Solidity, with names: `Transfer(address indexed from, address indexed to, uint256 value)`",
            ),
        }
    }
    if parsed.len() != texts.len() || parsed.is_empty() {
        return None;
    }
    let first = pool.get(*parsed.first()?)?;
    let mut args = Vec::new();
    for argument in &first.args {
        let everywhere = parsed.iter().all(|index| {
            let of = pool.get(*index).map(|signature| &signature.args);
            of.is_some_and(|of| of.iter().any(|a| a.name == argument.name && a.ty == argument.ty))
        });
        if everywhere {
            args.push((argument.name.clone(), argument.ty.clone()));
        }
    }
    let places = |index: &usize| {
        let of = pool.get(*index).map(|signature| &signature.args[..]).unwrap_or_default();
        let place =
            |(name, _): &(String, Type)| of.iter().position(|argument| argument.name == *name);
        Wanted { signature: *index, places: args.iter().filter_map(place).collect() }
    };
    let signatures = parsed.iter().map(places).collect();
    Some(On { subject, signatures, args })
}

/// Reads `contracts`.
pub(super) fn whose(
    tree: Option<&Tree>,
    context: Context<'_>,
    reporter: &mut Reporter<'_>,
) -> (Whose, String) {
    let protocol = &context.world.protocol;
    let Some(tree) = tree else {
        return (
            Whose::Of(context.world.contracts.clone()),
            "contracts of the protocol".to_owned(),
        );
    };
    if let Some(word) = tree.text() {
        match word {
            "protocol" => {
                return (
                    Whose::Of(context.world.contracts.clone()),
                    "contracts of the protocol".to_owned(),
                );
            }
            "holders" => {
                return (
                    Whose::Of(context.world.holders.clone()),
                    "contracts of the protocol that hold value".to_owned(),
                );
            }
            "any" => return (Whose::Any, "any contract or account".to_owned()),
            _ => {}
        }
    }
    let mut set: BTreeSet<Address> = BTreeSet::new();
    let mut names = Vec::new();
    for tree in tree.each() {
        let Some(text) = tree.text() else {
            reporter.error(
                tree.place.clone(),
                "a contract is a name or an address",
                "write `vault` or \"0x…\"",
            );
            continue;
        };
        let found = protocol.contracts.iter().find(|contract| contract.name == text);
        let Some(address) = found.map(|contract| contract.address).or_else(|| text.parse().ok())
        else {
            let words = ["protocol", "holders", "any"].into_iter();
            let contracts = protocol.contracts.iter().map(|contract| contract.name.as_str());
            let remedy = suggest(text, words.chain(contracts));
            let problem = "the protocol has no contract of this name";
            reporter.error(tree.place.clone(), problem, remedy);
            continue;
        };
        set.insert(address);
        names.push(text.to_owned());
    }
    (Whose::Of(set), names.join(", "))
}
