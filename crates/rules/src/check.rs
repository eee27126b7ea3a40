//! The type checker: from an expression to a [`Node`], or to what is wrong with it and where.

use std::{collections::BTreeMap, collections::BTreeSet, ops::Range};

use alloy_primitives::{I256, U256};

use crate::{
    ast::{Expr, ExprKind, Operator},
    diagnostic::{Problem, suggest},
    eval,
    limits::EXPRESSION_NODES_MAX,
    node::{Kind, Node},
    schema::{LISTS, ROOTS, fields_of},
    ty::{Message, Type},
    value::Value,
    world::World,
};

mod composite;
pub(crate) mod constants;
mod fit;
mod functions;
mod operators;
pub(crate) mod reach;

pub(crate) use fit::{fit, integer, settle};

type Checked = Result<Node, Problem>;

/// What an expression may name.
#[derive(Debug, Clone)]
pub(crate) struct Scope<'a> {
    pub(crate) world: &'a World,
    /// What one evaluation is about; none for constants.
    pub(crate) subject: Option<Message>,
    /// Names and types of the arguments of the event or call.
    pub(crate) args: Vec<(String, Type)>,
    /// Whether there is a signature that `args` come from.
    pub(crate) has_args: bool,
    /// `params`, `lists` and `let`.
    pub(crate) named: BTreeMap<String, Node>,
    /// Types of the window's measure and key, for `explain`.
    pub(crate) window: Option<(Type, Option<Type>)>,
}

impl<'a> Scope<'a> {
    /// A scope for constant expressions.
    pub(crate) fn constant(world: &'a World) -> Self {
        Self {
            world,
            subject: None,
            args: Vec::new(),
            has_args: false,
            named: BTreeMap::new(),
            window: None,
        }
    }
}

/// Checks an expression against a scope.
///
/// # Errors
/// The first problem.
pub(crate) fn check(scope: &Scope<'_>, expr: &Expr, used: &mut BTreeSet<String>) -> Checked {
    let mut checker = Checker { scope, locals: Vec::new(), slots: 0, used };
    let node = checker.check(expr)?;
    if node.size() > EXPRESSION_NODES_MAX {
        return Err(Problem::new(
            expr.place.clone(),
            format!(
                "with its `let` put in, the expression has more than {EXPRESSION_NODES_MAX} parts"
            ),
            "make it smaller, or two rules of it",
        ));
    }
    Ok(node)
}

/// Checks a condition and looks for branches that are never taken.
pub(crate) fn condition(scope: &Scope<'_>, expr: &Expr, used: &mut BTreeSet<String>) -> Checked {
    let node = check(scope, expr, used)?;
    if node.ty != Type::Bool {
        return Err(Problem::new(
            expr.place.clone(),
            format!("a condition must be true or false, this is of type {}", node.ty),
            "compare it with something",
        ));
    }
    if expr.kind != ExprKind::Bool(true) {
        operators::not_constant(&node)?;
    }
    reach::check(&node)?;
    Ok(node)
}

pub(crate) struct Checker<'s, 'a> {
    pub(crate) scope: &'s Scope<'a>,
    locals: Vec<(String, Type, usize)>,
    slots: usize,
    used: &'s mut BTreeSet<String>,
}

impl Checker<'_, '_> {
    pub(super) fn check(&mut self, expr: &Expr) -> Checked {
        let place = expr.place.clone();
        let node = |kind, ty| Ok(Node::new(kind, ty, place.clone()));
        match &expr.kind {
            ExprKind::Bool(value) => node(Kind::Const(Value::Bool(*value)), Type::Bool),
            ExprKind::Int(value) => node(Kind::Const(Value::Uint(*value)), Type::Literal),
            ExprKind::Text(text) => {
                node(Kind::Const(Value::Text(text.as_str().into())), Type::Text)
            }
            ExprKind::Bytes(bytes) => {
                node(Kind::Const(Value::Bytes(bytes.clone().into())), Type::Bytes)
            }
            ExprKind::Name(name) => self.name(name, &place),
            ExprKind::Field(operand, field) => self.field(operand, field, &place),
            ExprKind::Index(operand, index) => self.index(operand, index, &place),
            ExprKind::Call { name, target, args } => {
                self.call(name, target.as_deref(), args, &place)
            }
            ExprKind::Not(operand) => self.not(operand, &place),
            ExprKind::Negate(operand) => self.negate(operand, &place),
            ExprKind::Binary(operator, left, right) => self.binary(*operator, left, right, &place),
            ExprKind::Choose(parts) => self.choose(parts, &place),
            ExprKind::List(elements) => self.list(elements, &place),
            ExprKind::Map(entries) => self.map(entries, &place),
        }
    }

    fn name(&mut self, name: &str, place: &Range<usize>) -> Checked {
        let node = |kind, ty| Ok(Node::new(kind, ty, place.clone()));
        if let Some((_, ty, slot)) = self.locals.iter().rev().find(|(known, ..)| known == name) {
            return node(Kind::Local(*slot), ty.clone());
        }
        if let Some(known) = self.scope.named.get(name) {
            self.used.insert(name.to_owned());
            return Ok(known.clone().placed(place));
        }
        match (name, &self.scope.window) {
            ("measure", Some((ty, _))) => return node(Kind::Measure, ty.clone()),
            ("key", Some((_, Some(ty)))) => return node(Kind::Key, ty.clone()),
            _ => {}
        }
        if name == "native" {
            return node(
                Kind::Const(Value::Asset(portcullis_types::money::Asset::Native)),
                Type::Asset,
            );
        }
        if let Some(subject) = self.scope.subject {
            if name == "chain" {
                return node(Kind::Chain, Type::Uint(64));
            }
            let root = ROOTS.iter().find(|(known, _)| *known == name).map(|(_, message)| *message);
            if let Some(message) = root.or((subject.name() == name).then_some(subject)) {
                return node(Kind::Subject(message), Type::Message(message));
            }
            if let Some((_, message)) = LISTS.iter().find(|(known, _)| *known == name) {
                return node(Kind::Parts(*message), Type::list(Type::Message(*message)));
            }
        }
        Err(self.unknown_name(name, place))
    }

    fn unknown_name(&self, name: &str, place: &Range<usize>) -> Problem {
        let scope = self.scope;
        if name == "args" && scope.has_args {
            return Problem::new(place.clone(), "`args` alone has no value", "write `args.<name>`");
        }
        let problem = |text: String, remedy: &str| Problem::new(place.clone(), text, remedy);
        if name == "args" {
            return problem(
                "there are no `args` here".into(),
                "they come from a signature: write `on: {event: \"Name(type name)\"}` or `on: {call: …}`",
            );
        }
        let message =
            [Message::Event, Message::Call, Message::Storage, Message::Code, Message::Transfer]
                .into_iter()
                .chain([Message::Flow])
                .find(|message| message.name() == name);
        if let (Some(message), Some(subject)) = (message, scope.subject) {
            return problem(
                format!(
                    "there is no single `{}` here: the rule is about a {}",
                    name,
                    subject.name()
                ),
                &format!(
                    "write `on: {}`, or go through the list of all in the transaction",
                    message.name()
                ),
            );
        }
        if scope.subject.is_none()
            && (ROOTS.iter().any(|r| r.0 == name) || LISTS.iter().any(|l| l.0 == name))
        {
            return problem(
                format!("`{name}` cannot be used here"),
                "this must be a constant: it is computed when the rule is loaded",
            );
        }
        let mut known: Vec<&str> = scope.named.keys().map(String::as_str).collect();
        known.extend(self.locals.iter().map(|(name, ..)| name.as_str()));
        known.push("native");
        if let Some(subject) = scope.subject {
            known.extend(ROOTS.iter().chain(LISTS).map(|(name, _)| *name));
            known.extend([subject.name(), "chain"]);
        }
        problem(format!("there is no name `{name}` here"), &suggest(name, known))
    }

    fn field(&mut self, operand: &Expr, field: &str, place: &Range<usize>) -> Checked {
        let at = place.end.saturating_sub(field.len())..place.end;
        let is_local = self.locals.iter().any(|(name, ..)| name == "args");
        if operand.kind == ExprKind::Name("args".into()) && self.scope.has_args && !is_local {
            let args = &self.scope.args;
            return match args.iter().position(|(name, _)| name == field) {
                Some(index) => {
                    let ty = args.get(index).map_or(Type::Nothing, |(_, ty)| ty.clone());
                    Ok(Node::new(Kind::Arg(index), ty, place.clone()))
                }
                None => Err(Problem::new(
                    at,
                    format!("the signature has no argument `{field}`"),
                    suggest(field, args.iter().map(|(name, _)| name.as_str())),
                )),
            };
        }
        let operand = self.check(operand)?;
        if let Type::Struct(members) = &operand.ty {
            return match members.iter().position(|(name, _)| name == field) {
                Some(index) => {
                    let ty = members.get(index).map_or(Type::Nothing, |(_, ty)| ty.clone());
                    Ok(Node::new(Kind::Member(Box::new(operand), index), ty, place.clone()))
                }
                None => Err(Problem::new(
                    at,
                    format!("the struct has no field `{field}`"),
                    suggest(field, members.iter().map(|(name, _)| name.as_str())),
                )),
            };
        }
        let known = fields_of(&operand.ty);
        match known.iter().find(|(name, ..)| *name == field) {
            Some((_, field, ty)) => {
                let node =
                    Node::new(Kind::Field(Box::new(operand), *field), ty.clone(), place.clone());
                self.fold(node)
            }
            None if known.is_empty() => Err(Problem::new(
                at,
                format!("a value of type {} has no fields", operand.ty),
                "only messages, structs, assets and amounts have fields",
            )),
            None => Err(Problem::new(
                at,
                format!("`{}` has no field `{field}`", operand.ty),
                suggest(field, known.iter().map(|(name, ..)| *name)),
            )),
        }
    }

    /// A condition inside an expression: of type bool, and not known beforehand.
    pub(super) fn truth(&mut self, expr: &Expr) -> Checked {
        let node = self.check(expr)?;
        if node.ty != Type::Bool {
            return Err(Problem::new(
                node.place,
                format!("true or false is needed here, this is of type {}", node.ty),
                "compare it with something",
            ));
        }
        operators::not_constant(&node)?;
        Ok(node)
    }

    /// Computes what follows from constants alone.
    pub(crate) fn fold(&self, node: Node) -> Checked {
        let children = node.children();
        let constant = !children.is_empty() && children.iter().all(|c| c.constant().is_some());
        let of_evidence = matches!(&node.kind, Kind::Call(crate::node::Function::IsCreated, _));
        let empty = matches!(&node.kind, Kind::List(list) if list.is_empty());
        if (!constant && !empty) || of_evidence {
            return Ok(node);
        }
        match eval::constant(self.scope.world, &node) {
            Ok(value) => {
                let value = if node.ty == Type::Literal { normal(value) } else { value };
                Ok(Node::new(Kind::Const(value), node.ty, node.place))
            }
            Err(failure) => Err(Problem::new(
                node.place,
                format!("this can never be computed: {failure}"),
                "correct the constants in it",
            )),
        }
    }
}

/// Integer literals are unsigned unless they are negative.
fn normal(value: Value) -> Value {
    match value {
        Value::Int(int) if !int.is_negative() => Value::Uint(int.into_raw()),
        other => other,
    }
}

/// The smallest and largest value of an integer type, as far as they are finite in 256 bits.
pub(crate) fn bounds(ty: &Type) -> Option<(Value, Value)> {
    match ty {
        Type::Uint(bits) => {
            let max = U256::MAX >> (256 - usize::from(*bits)).min(255);
            Some((Value::Uint(U256::ZERO), Value::Uint(max)))
        }
        Type::Int(bits) => {
            let shift = (256 - usize::from(*bits)).min(255);
            Some((Value::Int(I256::MIN.asr(shift)), Value::Int(I256::MAX.asr(shift))))
        }
        _ => None,
    }
}

/// Operators that need an order.
pub(crate) fn orders(operator: Operator) -> bool {
    operator.compares() && !matches!(operator, Operator::Equal | Operator::NotEqual)
}

#[cfg(test)]
mod tests;
