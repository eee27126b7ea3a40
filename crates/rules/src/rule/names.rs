//! `lists`, `params` and `let`: names that a rule gives to values and expressions.

use std::{collections::BTreeSet, ops::Range};

use alloy_primitives::{Address, B256, I256, U256};

use super::{Fields, compile::Compiler, fields::free};
use crate::{
    ast::Expr,
    check::{self, Scope},
    limits::LIST_ELEMENTS_MAX,
    node::{Kind, Node},
    parse::parse,
    ty::Type,
    value::Value,
    yaml::Tree,
};

impl Compiler<'_, '_, '_> {
    /// `lists`, `params` and `let`, in this order.
    pub(super) fn names(&mut self, fields: &Fields<'_>) {
        for what in ["lists", "params", "let"] {
            let Some(tree) = fields.get(what) else { continue };
            for (key, value) in free(tree, what, self.reporter) {
                if self.scope.named.contains_key(&key.text)
                    || !is_name(&key.text)
                    || self.taken(&key.text)
                {
                    let problem = format!(
                        "`{}` cannot be a name here",
                        portcullis_types::text::printable(&key.text)
                    );
                    self.reporter.error(
                        key.place.clone(),
                        problem,
                        "take letters, digits and `_`, and a word that has no meaning yet",
                    );
                    continue;
                }
                let node = match what {
                    "lists" => self.list(&key.text, value),
                    "params" => self.param(&key.text, value),
                    _ => {
                        let scope = self.scope.clone();
                        self.expression(value, &scope, check::check)
                    }
                };
                // A name whose value is wrong is still a name: one error is enough.
                let node = node.unwrap_or_else(|| {
                    Node::new(Kind::Const(Value::Bool(false)), Type::Nothing, 0..0)
                });
                self.scope.named.insert(key.text.clone(), node);
            }
        }
    }

    pub(super) fn taken(&self, name: &str) -> bool {
        let roots = crate::schema::ROOTS
            .iter()
            .chain(crate::schema::LISTS)
            .any(|(known, _)| *known == name);
        let subject = self.scope.subject.is_some_and(|subject| subject.name() == name);
        roots
            || subject
            || ["args", "chain", "native", "measure", "key", "true", "false", "null", "in"]
                .contains(&name)
    }

    pub(super) fn param(&mut self, name: &str, tree: &Tree) -> Option<Node> {
        let mut scope = Scope::constant(self.context.world);
        scope.named.clone_from(&self.scope.named);
        let constant = |scope: &Scope<'_>, expr: &Expr, used: &mut BTreeSet<String>| {
            check::check(scope, expr, used).map(check::settle)
        };
        let node = self.expression(tree, &scope, constant)?;
        let configured = self.context.settings.params.get(&format!("{}.{name}", self.id));
        let text = configured.map_or_else(|| tree.text().unwrap_or_default(), String::as_str);
        self.params.push((name.to_owned(), text.to_owned()));
        let Some(text) = configured else { return Some(node) };
        let replaced = parse(text).and_then(|expr| constant(&scope, &expr, &mut self.used));
        match replaced {
            Ok(other) if other.ty == node.ty => Some(other),
            Ok(other) => {
                let problem = format!(
                    "the configuration sets `{name}` to a value of type {}, it is of type {}",
                    other.ty, node.ty
                );
                self.reporter.error(tree.place.clone(), problem, "correct the configuration");
                None
            }
            Err(problem) => {
                let text = format!(
                    "as configured (`{}`): {}",
                    portcullis_types::text::printable(text),
                    problem.what
                );
                self.reporter.error(tree.place.clone(), text, problem.remedy);
                None
            }
        }
    }

    /// A named list: all addresses, all words of 32 bytes, all integers, or text.
    pub(super) fn list(&mut self, name: &str, tree: &Tree) -> Option<Node> {
        let mut texts: Vec<(String, Range<usize>)> = Vec::new();
        for element in tree.each() {
            let Some(text) = element.text() else {
                let problem = format!("an element of a list is text, this is {}", element.kind());
                let remedy = "write addresses, texts or integers";
                self.reporter.error(element.place.clone(), problem, remedy);
                return None;
            };
            texts.push((text.to_owned(), element.place.clone()));
        }
        for text in
            self.context.settings.lists.get(&format!("{}.{name}", self.id)).into_iter().flatten()
        {
            texts.push((text.clone(), tree.place.clone()));
        }
        if texts.len() > LIST_ELEMENTS_MAX {
            let problem =
                format!("the list has {} elements, more than {LIST_ELEMENTS_MAX}", texts.len());
            self.reporter.error(tree.place.clone(), problem, "shorten it");
            return None;
        }
        let world = self.context.world;
        let contract = |text: &str| {
            world.protocol.contracts.iter().find(|c| c.name == text).map(|c| c.address)
        };
        let mut values = Vec::new();
        let mut ty = Type::Nothing;
        for (text, place) in texts {
            let (value, of) = element(&text, contract(&text));
            let Some(joined) = ty.join(&of) else {
                let problem =
                    format!("this is of type {of}, what stands before it is of type {ty}");
                self.reporter.error(place, problem, "all elements of a list are of one type: addresses of 40 digits, words of 64, integers, or text");
                return None;
            };
            ty = joined;
            values.push(value);
        }
        Some(Node::new(Kind::Const(Value::List(values.into())), Type::list(ty), tree.place.clone()))
    }

    pub(super) fn unused(&mut self, fields: &Fields<'_>) {
        for what in ["lists", "params", "let"] {
            let entries =
                fields.get(what).map(|tree| free(tree, what, self.reporter)).unwrap_or_default();
            for (key, _) in entries {
                if !self.used.contains(&key.text) && is_name(&key.text) {
                    let problem = format!("`{}` is never used", key.text);
                    self.reporter.warning(key.place.clone(), problem, "use it, or remove it");
                }
            }
        }
    }
}

pub(super) fn is_name(text: &str) -> bool {
    let start = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic());
    start && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && text.len() <= 40
}

pub(super) fn element(text: &str, contract: Option<Address>) -> (Value, Type) {
    if let Some(address) = contract {
        return (Value::Address(address), Type::Address);
    }
    let hexadecimal = text.starts_with("0x");
    if hexadecimal
        && text.len() == 42
        && let Ok(address) = text.parse::<Address>()
    {
        return (Value::Address(address), Type::Address);
    }
    if hexadecimal
        && text.len() == 66
        && let Ok(word) = text.parse::<B256>()
    {
        return (Value::Fixed(word, 32), Type::Fixed(32));
    }
    if hexadecimal
        && text.len() == 10
        && let Ok(bytes) = alloy_primitives::hex::decode(text)
    {
        return (Value::Fixed(B256::right_padding_from(&bytes), 4), Type::Fixed(4));
    }
    if let Ok(value) = U256::from_str_radix(text, 10)
        && !text.is_empty()
    {
        return (Value::Uint(value), Type::UINT);
    }
    if text.starts_with('-')
        && let Ok(value) = text.parse::<I256>()
    {
        return (Value::Int(value), Type::INT);
    }
    (Value::Text(text.into()), Type::Text)
}
