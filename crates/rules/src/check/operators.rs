//! Operators: which types they take, and which comparisons cannot be.

use std::ops::Range;

use super::{Checked, Checker, bounds, fit, fit::integer, fit::plain, orders};
use crate::{
    ast::{Expr, Operator},
    diagnostic::Problem,
    node::{Kind, Node},
    ty::Type,
    value::Value,
};

/// A condition that is known when the rule is loaded makes a branch unreachable.
pub(super) fn not_constant(node: &Node) -> Result<(), Problem> {
    match node.constant() {
        Some(Value::Bool(value)) => Err(Problem::new(
            node.place.clone(),
            format!("unreachable: this is always {value}"),
            "remove it, or correct what it is about",
        )),
        _ => Ok(()),
    }
}

impl Checker<'_, '_> {
    pub(super) fn not(&mut self, operand: &Expr, place: &Range<usize>) -> Checked {
        let operand = self.truth(operand)?;
        Ok(Node::new(Kind::Not(Box::new(operand)), Type::Bool, place.clone()))
    }

    pub(super) fn negate(&mut self, operand: &Expr, place: &Range<usize>) -> Checked {
        let operand = self.check(operand)?;
        let ty = match &operand.ty {
            Type::Int(_) => Type::INT,
            Type::Literal => Type::Literal,
            Type::Usd => Type::Usd,
            other => {
                return Err(Problem::new(
                    operand.place,
                    format!("a value of type {other} has no negative"),
                    "convert it with `int(…)` first",
                ));
            }
        };
        self.fold(Node::new(Kind::Negate(Box::new(operand)), ty, place.clone()))
    }

    pub(super) fn binary(
        &mut self,
        operator: Operator,
        left: &Expr,
        right: &Expr,
        place: &Range<usize>,
    ) -> Checked {
        match operator {
            Operator::And | Operator::Or => {
                let (left, right) = (Box::new(self.truth(left)?), Box::new(self.truth(right)?));
                let kind = if operator == Operator::And {
                    Kind::And(left, right)
                } else {
                    Kind::Or(left, right)
                };
                Ok(Node::new(kind, Type::Bool, place.clone()))
            }
            Operator::In => self.contained(left, right, place),
            operator if operator.compares() => {
                if left == right {
                    return Err(Problem::new(
                        place.clone(),
                        "impossible comparison: both sides are the same",
                        "one of them should be something else",
                    ));
                }
                let (left, right) = (self.check(left)?, self.check(right)?);
                self.compare(operator, left, right, place)
            }
            operator => {
                let (left, right) = (self.check(left)?, self.check(right)?);
                self.arithmetic(operator, left, right, place)
            }
        }
    }

    fn contained(&mut self, left: &Expr, right: &Expr, place: &Range<usize>) -> Checked {
        let (left, right) = (self.check(left)?, self.check(right)?);
        let element = match &right.ty {
            Type::List(element) => (**element).clone(),
            Type::Map(key, _) => (**key).clone(),
            other => {
                return Err(Problem::new(
                    right.place.clone(),
                    format!("`in` asks a list or a map, this is of type {other}"),
                    "write `x in [a, b]`",
                ));
            }
        };
        let (left, right) = match (&left.ty, right) {
            // The list's texts take the type of what is looked for.
            (ty, right) if element == Type::Text && !ty.is_text() => {
                let ty = ty.clone();
                (left, retype(right, &ty)?)
            }
            (ty, right) if ty.is_integer() && *ty != Type::Literal && element.is_integer() => {
                let ty = ty.clone();
                (left, retype(right, &ty)?)
            }
            (Type::Word(_), right) => {
                let ty = left.ty.clone();
                (left, retype(right, &ty)?)
            }
            (_, right) => (fit(left, &element)?, right),
        };
        self.fold(Node::new(Kind::In(Box::new(left), Box::new(right)), Type::Bool, place.clone()))
    }

    pub(super) fn compare(
        &mut self,
        operator: Operator,
        left: Node,
        right: Node,
        place: &Range<usize>,
    ) -> Checked {
        possible(operator, &left, &right, place)?;
        possible(operator.mirrored(), &right, &left, place)?;
        let (left, right) = meet(left, right, place)?;
        let ordered = left.ty.is_integer()
            || matches!(left.ty, Type::Amount | Type::Usd | Type::Fixed(_) | Type::Nothing);
        if orders(operator) && !ordered {
            return Err(Problem::new(
                place.clone(),
                format!("values of type {} have no order", left.ty),
                "compare them with `==` or `!=`",
            ));
        }
        let kind = Kind::Compare(operator, Box::new(left), Box::new(right));
        self.fold(Node::new(kind, Type::Bool, place.clone()))
    }

    fn arithmetic(
        &mut self,
        operator: Operator,
        left: Node,
        right: Node,
        place: &Range<usize>,
    ) -> Checked {
        let (left, right) = match (&left.ty, &right.ty) {
            (Type::Literal, other) if other.is_integer() => {
                let ty = wide(other);
                (fit(left, &ty)?, right)
            }
            (other, Type::Literal) if other.is_integer() => {
                let ty = wide(other);
                (left, fit(right, &ty)?)
            }
            _ => (left, right),
        };
        let left = if left.ty == Type::Literal && operator == Operator::Subtract {
            signed_literal(left)
        } else {
            left
        };
        let ty = result(operator, &left.ty, &right.ty).ok_or_else(|| {
            let remedy = match (&left.ty, &right.ty) {
                (Type::Int(_), Type::Uint(_)) | (Type::Uint(_), Type::Int(_)) => {
                    "signed and unsigned integers do not mix: convert one with `int(…)` or `uint(…)`"
                }
                (Type::Amount, _) | (_, Type::Amount) => "take `.raw` for smallest units, or `.usd`",
                _ => "convert one of them",
            };
            let problem = format!("there is no {} {} {}", left.ty, operator.symbol(), right.ty);
            Problem::new(place.clone(), problem, remedy)
        })?;
        let money_right = !matches!(left.ty, Type::Usd | Type::Amount)
            && matches!(right.ty, Type::Usd | Type::Amount);
        if money_right && operator == Operator::Divide {
            return Err(Problem::new(
                place.clone(),
                "an integer cannot be divided by money",
                "exchange the sides",
            ));
        }
        if matches!(operator, Operator::Divide | Operator::Remainder)
            && matches!(right.constant(), Some(Value::Uint(v)) if v.is_zero())
        {
            return Err(Problem::new(right.place, "this divides by 0", "correct the divisor"));
        }
        // Money stands on the left, so that the evaluator has one case.
        let (left, right) = if money_right { (right, left) } else { (left, right) };
        let kind = Kind::Arithmetic(operator, Box::new(left), Box::new(right));
        self.fold(Node::new(kind, ty, place.clone()))
    }
}

/// The type of an operation, if there is one.
fn result(operator: Operator, left: &Type, right: &Type) -> Option<Type> {
    let scale = matches!(operator, Operator::Multiply | Operator::Divide);
    let sum = matches!(operator, Operator::Add | Operator::Subtract);
    let add = operator == Operator::Add;
    Some(match (left, right) {
        (Type::Literal, Type::Literal) => Type::Literal,
        (Type::Int(_), Type::Int(_)) => Type::INT,
        (Type::Uint(_), Type::Uint(_)) => Type::UINT,
        (Type::Usd, Type::Usd) if sum => Type::Usd,
        (Type::Amount, Type::Amount) if sum => Type::Amount,
        (Type::Usd, other) | (other, Type::Usd) if scale && other.is_integer() => Type::Usd,
        (Type::Amount, other) | (other, Type::Amount) if scale && other.is_integer() => {
            Type::Amount
        }
        (a, b) if add && a.is_text() && b.is_text() => Type::Text,
        (Type::Bytes, Type::Bytes) if add => Type::Bytes,
        (Type::List(a), Type::List(b)) if add && a == b => left.clone(),
        _ => return None,
    })
}

/// The type of a sum of values of a type.
pub(super) fn wide(ty: &Type) -> Type {
    match ty {
        Type::Int(_) => Type::INT,
        Type::Uint(_) => Type::UINT,
        other => other.clone(),
    }
}

/// A list or map of constants whose elements or keys are read as another type.
fn retype(node: Node, ty: &Type) -> Checked {
    let as_node = |value: &Value, from: &Type| {
        let from = if from.is_integer() { Type::Literal } else { from.clone() };
        Node::new(Kind::Const(value.clone()), from, node.place.clone())
    };
    match (&node.kind, &node.ty) {
        (Kind::Const(Value::List(values)), Type::List(element)) => {
            let mut fitted = Vec::new();
            for value in values.iter() {
                let one = fit(as_node(value, element), ty)?;
                fitted.push(one.constant().cloned().unwrap_or(Value::Bool(false)));
            }
            Ok(Node::new(
                Kind::Const(Value::List(fitted.into())),
                Type::list(ty.clone()),
                node.place,
            ))
        }
        (_, Type::List(element) | Type::Map(element, _)) if element.meets(ty) => Ok(node),
        (_, other) => Err(Problem::new(
            node.place.clone(),
            format!("a value of type {ty} is never in a {other}"),
            "convert one of them",
        )),
    }
}

/// Brings both sides of a comparison to one type.
fn meet(left: Node, right: Node, place: &Range<usize>) -> Result<(Node, Node), Problem> {
    let weak = |node: &Node| matches!(node.ty, Type::Literal | Type::Text);
    let (left, right) = match (weak(&left), weak(&right)) {
        (true, false) => {
            let ty = right.ty.clone();
            (fit(left, &ty)?, right)
        }
        (false, true) => {
            let ty = left.ty.clone();
            let right = fit(right, &ty)?;
            (left, right)
        }
        _ => (left, right),
    };
    if left.ty.meets(&right.ty) {
        return Ok((left, right));
    }
    let remedy = match (&left.ty, &right.ty) {
        (Type::Fixed(_) | Type::Bytes, Type::Address) | (Type::Address, Type::Fixed(_)) => {
            "convert one of them: `address(…)` or `bytes32(…)`"
        }
        (Type::Fixed(a), Type::Fixed(b)) if a != b => "bytes of different widths are never equal",
        (Type::Message(_), Type::Message(_)) => "compare their fields",
        _ => "convert one of them; see the types in docs/rules.md",
    };
    Err(Problem::new(
        place.clone(),
        format!("impossible comparison of {} with {}", left.ty, right.ty),
        remedy,
    ))
}

/// Whether a comparison of a number that is not known with one that is can go either way.
fn possible(
    operator: Operator,
    known: &Node,
    other: &Node,
    place: &Range<usize>,
) -> Result<(), Problem> {
    let Some(value @ (Value::Int(_) | Value::Uint(_))) = known.constant() else { return Ok(()) };
    if other.constant().is_some() {
        return Ok(());
    }
    let Some((low, high)) = bounds(&other.ty) else { return Ok(()) };
    let always = |answer: bool| {
        Err(Problem::new(
            place.clone(),
            format!(
                "impossible comparison: a value of type {} lies between {} and {}, so that this is always {answer}",
                other.ty,
                plain(&low),
                plain(&high)
            ),
            "correct the number or the operator",
        ))
    };
    // `value operator x` with x between low and high.
    let fitted = integer(value, &other.ty);
    let below = fitted.is_none() && matches!(value, Value::Int(v) if v.is_negative() );
    let below = below && (matches!(other.ty, Type::Uint(_)) || *value < low);
    let above = fitted.is_none() && !below;
    let is_low = fitted.as_ref() == Some(&low);
    let is_high = fitted.as_ref() == Some(&high);
    match operator {
        Operator::Equal if above || below => always(false),
        Operator::NotEqual if above || below => always(true),
        Operator::Less if below => always(true),
        Operator::Less if above || is_high => always(false),
        Operator::AtMost if below || is_low => always(true),
        Operator::AtMost if above => always(false),
        Operator::Greater if above => always(true),
        Operator::Greater if below || is_low => always(false),
        Operator::AtLeast if above || is_high => always(true),
        Operator::AtLeast if below => always(false),
        _ => Ok(()),
    }
}

/// A literal from which another is subtracted may become negative.
fn signed_literal(node: Node) -> Node {
    match node.constant() {
        Some(Value::Uint(value)) => match alloy_primitives::I256::try_from(*value) {
            Ok(value) => Node { kind: Kind::Const(Value::Int(value)), ..node },
            Err(_) => node,
        },
        _ => node,
    }
}
