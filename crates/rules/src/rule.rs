//! A rule, compiled.

use std::collections::BTreeSet;

use alloy_primitives::{Address, B256};
use portcullis_types::finding::{Maturity, Outlook};

use crate::{
    ast::Operator,
    node::{Kind, Node},
    schema::Field,
    template::Template,
    ty::{Message, Type},
    value::Value,
    window::Spec,
    world::World,
    yaml::Tree,
};

mod compile;
mod fields;
mod names;
mod on;
mod window;

#[cfg(test)]
pub(crate) use compile::FIELDS;
pub(crate) use compile::compile;
pub(crate) use fields::Fields;

/// How bad a rule's matter is, for people; it does not weigh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know.
    Info,
    /// A nuisance.
    Low,
    /// Should be looked at.
    Medium,
    /// Should be looked at now.
    High,
    /// Everything may be lost.
    Critical,
}

impl Severity {
    /// All, with their names.
    pub const ALL: [(&'static str, Self); 5] = [
        ("info", Self::Info),
        ("low", Self::Low),
        ("medium", Self::Medium),
        ("high", Self::High),
        ("critical", Self::Critical),
    ];

    /// Its name in rule files.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, severity)| *severity == self).map_or("", |(name, _)| name)
    }
}

/// What is written about a rule for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Kebab-case, unique, never changed.
    pub id: String,
    /// One line.
    pub title: String,
    /// What is seen, and why it matters.
    pub description: String,
    /// How far it has proven itself.
    pub maturity: Maturity,
    /// How bad it is.
    pub severity: Severity,
    /// Classes of known taxonomies.
    pub tags: Vec<String>,
    /// Pages and papers.
    pub references: Vec<String>,
    /// What fires it although nothing is wrong.
    pub false_alarms: String,
    /// Constants that a configuration may replace: name and expression, as it holds here.
    pub params: Vec<(String, String)>,
}

/// Whose events, calls, changes a rule is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Whose {
    Any,
    Of(BTreeSet<Address>),
}

impl Whose {
    pub(crate) fn contains(&self, address: &Address) -> bool {
        match self {
            Self::Any => true,
            Self::Of(set) => set.contains(address),
        }
    }
}

/// A signature of a rule, by its place in the rule set, and where the rule's `args` stand in it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) signature: usize,
    pub(crate) places: Vec<usize>,
}

/// A window as a rule uses it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RuleWindow {
    pub(crate) spec: Spec,
    pub(crate) of: Option<Node>,
    pub(crate) by: Option<Node>,
    /// For people: `count over 10m`.
    pub(crate) words: String,
}

/// A rule that can be evaluated.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) about: About,
    pub(crate) file: String,
    pub(crate) subject: Message,
    pub(crate) signatures: Vec<Wanted>,
    pub(crate) whose: Whose,
    pub(crate) whose_text: String,
    pub(crate) when: Option<Node>,
    pub(crate) when_text: String,
    pub(crate) window: Option<RuleWindow>,
    pub(crate) e_value: f64,
    pub(crate) proof: bool,
    pub(crate) loss: Option<Node>,
    pub(crate) outlook: Outlook,
    pub(crate) explain: Template,
    /// Names of `args` and their types, for people.
    pub(crate) args: Vec<(String, Type)>,
    /// Nodes of all expressions together.
    pub(crate) nodes: usize,
    pub(crate) needs: Needs,
    pub(crate) tests: Vec<Tree>,
    pub(crate) tree: Tree,
}

/// What must have been seen of a transaction for a rule to have an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    pub(crate) logs: bool,
    pub(crate) state: bool,
}

impl Needs {
    fn of(message: Message) -> Self {
        match message {
            Message::Event | Message::Transfer | Message::Flow => Self { logs: true, state: false },
            Message::Storage | Message::Code => Self { logs: false, state: true },
            _ => Self::default(),
        }
    }

    pub(crate) fn all<'n>(subject: Message, nodes: impl IntoIterator<Item = &'n Node>) -> Self {
        let mut needs = Self::of(subject);
        for node in nodes {
            let asks = |wanted: fn(&Needs) -> bool| {
                node.any(
                    &|kind| matches!(kind, Kind::Parts(message) if wanted(&Self::of(*message))),
                )
            };
            needs.logs |= asks(|needs| needs.logs);
            needs.state |= asks(|needs| needs.state);
        }
        needs
    }
}

/// Where a rule is found: by what it is about, by topic, selector, slot or asset, and by address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct IndexKey {
    pub(crate) message: Message,
    pub(crate) what: Option<B256>,
    pub(crate) who: Option<Address>,
}

impl Rule {
    /// Its entries in the index.
    pub(crate) fn index(&self, key_of: impl Fn(usize) -> Option<B256>) -> Vec<IndexKey> {
        let mut whats: Vec<Option<B256>> =
            self.signatures.iter().map(|wanted| key_of(wanted.signature)).collect();
        let mut whose = self.whose.clone();
        let fixed = self.when.as_ref().map(|when| self.fixed(when)).unwrap_or_default();
        for (field, value) in fixed {
            match (field, value) {
                (Field::Selector | Field::Slot, Value::Fixed(word, _)) if whats.is_empty() => {
                    whats.push(Some(word));
                }
                (Field::Asset, Value::Asset(asset)) if whats.is_empty() => {
                    whats.push(Some(asset_key(asset)));
                }
                (Field::Address | Field::To, Value::Address(address))
                    if self.addressed_by(field) =>
                {
                    let inside = whose.contains(&address);
                    whose = Whose::Of(if inside { [address].into() } else { BTreeSet::new() });
                }
                _ => {}
            }
        }
        if whats.is_empty() {
            whats.push(None);
        }
        let whos: Vec<Option<Address>> = match (&whose, self.subject) {
            (Whose::Any, _) | (_, Message::Tx) => vec![None],
            (Whose::Of(set), _) => set.iter().copied().map(Some).collect(),
        };
        let mut keys = Vec::new();
        for what in whats {
            keys.extend(whos.iter().map(|who| IndexKey { message: self.subject, what, who: *who }));
        }
        keys
    }

    fn addressed_by(&self, field: Field) -> bool {
        match self.subject {
            Message::Call => field == Field::To,
            Message::Event | Message::Storage | Message::Code => field == Field::Address,
            _ => false,
        }
    }

    /// Fields of the subject that a condition wants to equal a constant.
    fn fixed(&self, when: &Node) -> Vec<(Field, Value)> {
        match &when.kind {
            Kind::And(a, b) => [self.fixed(a), self.fixed(b)].concat(),
            Kind::Compare(Operator::Equal, a, b) => {
                let (side, value) = match (a.constant(), b.constant()) {
                    (None, Some(value)) => (a, value),
                    (Some(value), None) => (b, value),
                    _ => return Vec::new(),
                };
                match &side.kind {
                    Kind::Field(of, field) if of.kind == Kind::Subject(self.subject) => {
                        vec![(*field, value.clone())]
                    }
                    _ => Vec::new(),
                }
            }
            _ => Vec::new(),
        }
    }
}

/// An asset as a word of the index.
pub(crate) fn asset_key(asset: portcullis_types::money::Asset) -> B256 {
    match asset {
        portcullis_types::money::Asset::Native => B256::ZERO,
        portcullis_types::money::Asset::Token(address) => address.into_word(),
    }
}

/// What a rule's expressions may be replaced by from a configuration: `rule-id.name` to text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// Expressions of `params`.
    pub params: std::collections::BTreeMap<String, String>,
    /// Elements added to `lists`: addresses, names of contracts, text, integers.
    pub lists: std::collections::BTreeMap<String, Vec<String>>,
}

/// What rules are compiled against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) world: &'a World,
    pub(crate) settings: &'a Settings,
}
