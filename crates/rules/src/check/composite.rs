//! Lists, maps, choices, and what goes through lists.

use std::ops::Range;

use super::{Checked, Checker, fit, fit::settle};
use crate::{
    ast::{Expr, ExprKind},
    diagnostic::Problem,
    node::{Kind, Macro, Node},
    ty::Type,
    value::Value,
};

impl Checker<'_, '_> {
    pub(super) fn index(&mut self, operand: &Expr, index: &Expr, place: &Range<usize>) -> Checked {
        let operand = self.check(operand)?;
        let index = self.check(index)?;
        let (index, ty) = match &operand.ty {
            Type::List(element) => (fit(index, &Type::UINT)?, (**element).clone()),
            Type::Map(key, value) => (fit(index, key)?, (**value).clone()),
            other => {
                return Err(Problem::new(
                    operand.place.clone(),
                    format!("a value of type {other} has no elements"),
                    "only lists and maps have; of bytes write `.slice(from, to)`",
                ));
            }
        };
        let expected = matches!(operand.ty, Type::List(_)).then_some(Type::UINT);
        if expected.is_some_and(|_| !matches!(index.ty, Type::Uint(_))) {
            return Err(Problem::new(
                index.place,
                "a place in a list is an unsigned integer",
                "convert it with `uint(…)`",
            ));
        }
        self.fold(Node::new(Kind::Index(Box::new(operand), Box::new(index)), ty, place.clone()))
    }

    pub(super) fn list(&mut self, elements: &[Expr], place: &Range<usize>) -> Checked {
        let nodes: Vec<Node> = elements.iter().map(|e| self.check(e)).collect::<Result<_, _>>()?;
        let (nodes, element) = alike(nodes)?;
        self.fold(Node::new(Kind::List(nodes), Type::list(element), place.clone()))
    }

    pub(super) fn map(&mut self, entries: &[(Expr, Expr)], place: &Range<usize>) -> Checked {
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        for (key, value) in entries {
            if entries.iter().filter(|(other, _)| other == key).count() > 1 {
                return Err(Problem::new(
                    key.place.clone(),
                    "this key stands here twice",
                    "remove one",
                ));
            }
            keys.push(self.check(key)?);
            values.push(self.check(value)?);
        }
        let ((keys, key), (values, value)) = (alike(keys)?, alike(values)?);
        let ty = Type::Map(key.into(), value.into());
        self.fold(Node::new(Kind::Map(keys.into_iter().zip(values).collect()), ty, place.clone()))
    }

    pub(super) fn choose(&mut self, parts: &[Expr; 3], place: &Range<usize>) -> Checked {
        let [condition, yes, no] = parts;
        let condition = self.truth(condition)?;
        let (branches, ty) = alike(vec![self.check(yes)?, self.check(no)?])?;
        let mut branches = branches.into_iter();
        match (branches.next(), branches.next()) {
            (Some(yes), Some(no)) => {
                Ok(Node::new(Kind::Choose(Box::new([condition, yes, no])), ty, place.clone()))
            }
            _ => Err(Problem::new(place.clone(), "a branch is missing", "write `c ? a : b`")),
        }
    }

    /// `list.exists(v, …)` and its like.
    pub(super) fn macro_call(
        &mut self,
        what: Macro,
        target: &Expr,
        args: &[Expr],
        place: &Range<usize>,
    ) -> Checked {
        let list = self.check(target)?;
        let Type::List(element) = list.ty.clone() else {
            return Err(Problem::new(
                list.place,
                format!("this goes through a list, not through a value of type {}", list.ty),
                "write `transfers.exists(t, …)`",
            ));
        };
        let [Expr { kind: ExprKind::Name(variable), .. }, body] = args else {
            return Err(Problem::new(
                place.clone(),
                "a name and an expression are needed in the brackets",
                "write `transfers.exists(t, t.to == tx.from)`",
            ));
        };
        let slot = self.slots;
        self.slots += 1;
        self.locals.push((variable.clone(), (*element).clone(), slot));
        let body = if what == Macro::Map { self.check(body) } else { self.truth(body) };
        self.locals.pop();
        let body = settle(body?);
        let ty = match what {
            Macro::Filter => list.ty.clone(),
            Macro::Map => Type::list(body.ty.clone()),
            _ => Type::Bool,
        };
        Ok(Node::new(Kind::Macro(what, Box::new(list), slot, Box::new(body)), ty, place.clone()))
    }
}

/// Elements of a list, branches of a choice: brought to one type.
pub(super) fn alike(nodes: Vec<Node>) -> Result<(Vec<Node>, Type), Problem> {
    // Texts that are addresses or bytes take the type of their neighbours, whatever their order.
    let strong = nodes.iter().find(|node| !matches!(node.ty, Type::Literal | Type::Text));
    let strong = strong.map(|node| node.ty.clone());
    let mut ty = Type::Nothing;
    let mut settled = Vec::new();
    for node in nodes {
        let node = match &strong {
            Some(strong) if matches!(node.ty, Type::Text) => fit(node, strong)?,
            _ => node,
        };
        let Some(joined) = ty.join(&node.ty) else {
            return Err(Problem::new(
                node.place,
                format!("this is of type {}, what stands beside it is of type {ty}", node.ty),
                "all elements and both branches must be of one type; convert one of them",
            ));
        };
        ty = joined;
        settled.push(node);
    }
    if ty == Type::Literal {
        let negative = |node: &Node| matches!(node.constant(), Some(Value::Int(_)));
        ty = if settled.iter().any(negative) { Type::INT } else { Type::UINT };
    }
    let settled = settled.into_iter().map(|node| fit(node, &ty)).collect::<Result<_, _>>()?;
    Ok((settled, ty))
}
