//! Branches that are never taken: `a == 1 && a == 2`, `a > 5 || a < 10`, `x && !x`.
//!
//! What is known on the way to a condition is kept as facts about expressions: equal to a constant, within bounds, true
//! or false. A condition that contradicts them can never hold; one that leaves nothing of its contrary always does.

use crate::{
    ast::Operator,
    diagnostic::Problem,
    node::{Kind, Node},
    value::Value,
};

/// Looks through a condition for parts that can never be true, or never be false.
pub(crate) fn check(node: &Node) -> Result<(), Problem> {
    walk(node, &Facts::default())
}

#[derive(Debug, Clone, Default)]
struct Facts<'n> {
    list: Vec<Fact<'n>>,
}

/// What is known of one expression.
#[derive(Debug, Clone)]
struct Fact<'n> {
    of: &'n Node,
    equal: Option<Value>,
    not: Vec<Value>,
    /// At least, at most; both inclusive or not.
    low: Option<(Value, bool)>,
    high: Option<(Value, bool)>,
}

/// A condition about one expression.
struct Atom<'n> {
    of: &'n Node,
    operator: Operator,
    value: Value,
}

fn atom(node: &Node) -> Option<Atom<'_>> {
    match &node.kind {
        Kind::Compare(operator, left, right) => match (left.constant(), right.constant()) {
            (None, Some(value)) => {
                Some(Atom { of: left, operator: *operator, value: value.clone() })
            }
            (Some(value), None) => {
                Some(Atom { of: right, operator: operator.mirrored(), value: value.clone() })
            }
            _ => None,
        },
        Kind::Not(inner) => atom(inner).map(Atom::contrary),
        Kind::And(..) | Kind::Or(..) | Kind::Choose(_) => None,
        _ => Some(Atom { of: node, operator: Operator::Equal, value: Value::Bool(true) }),
    }
}

impl Atom<'_> {
    fn contrary(mut self) -> Self {
        self.operator = match self.operator {
            Operator::Equal => Operator::NotEqual,
            Operator::NotEqual => Operator::Equal,
            Operator::Less => Operator::AtLeast,
            Operator::AtMost => Operator::Greater,
            Operator::Greater => Operator::AtMost,
            _ => Operator::Less,
        };
        if let Value::Bool(value) = self.value
            && self.operator == Operator::NotEqual
        {
            self.operator = Operator::Equal;
            self.value = Value::Bool(!value);
        }
        self
    }
}

impl<'n> Facts<'n> {
    /// Takes a condition in. False: it contradicts what was known.
    fn add(&mut self, atom: &Atom<'n>) -> bool {
        let found = self.list.iter().position(|fact| fact.of == atom.of);
        let index = found.unwrap_or_else(|| {
            self.list.push(Fact {
                of: atom.of,
                equal: None,
                not: Vec::new(),
                low: None,
                high: None,
            });
            self.list.len() - 1
        });
        self.list.get_mut(index).is_none_or(|fact| fact.add(atom.operator, &atom.value))
    }
}

impl Fact<'_> {
    fn add(&mut self, operator: Operator, value: &Value) -> bool {
        match operator {
            Operator::Equal => {
                if self.equal.as_ref().is_some_and(|known| differ(known, value)) {
                    return false;
                }
                self.equal = Some(value.clone());
            }
            Operator::NotEqual => self.not.push(value.clone()),
            Operator::Less | Operator::AtMost => {
                let new = (value.clone(), operator == Operator::AtMost);
                let tighter = self.high.as_ref().is_none_or(|(known, inclusive)| {
                    comparable(known, value) && (value < known || (value == known && *inclusive))
                });
                if tighter {
                    self.high = Some(new);
                }
            }
            _ => {
                let new = (value.clone(), operator == Operator::AtLeast);
                let tighter = self.low.as_ref().is_none_or(|(known, inclusive)| {
                    comparable(known, value) && (value > known || (value == known && *inclusive))
                });
                if tighter {
                    self.low = Some(new);
                }
            }
        }
        self.possible()
    }

    fn possible(&self) -> bool {
        if let Some(equal) = &self.equal {
            let under = |(high, inclusive): &(Value, bool)| {
                !comparable(equal, high) || equal < high || (equal == high && *inclusive)
            };
            let over = |(low, inclusive): &(Value, bool)| {
                !comparable(equal, low) || equal > low || (equal == low && *inclusive)
            };
            return !self.not.contains(equal)
                && self.high.as_ref().is_none_or(under)
                && self.low.as_ref().is_none_or(over);
        }
        match (&self.low, &self.high) {
            (Some((low, from)), Some((high, to))) if comparable(low, high) => {
                low < high || (low == high && *from && *to && !self.not.contains(low))
            }
            _ => true,
        }
    }
}

/// Values of one kind have an order that means something; amounts only of one asset.
fn comparable(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Amount(a, _), Value::Amount(b, _)) => a == b,
        (Value::Fixed(_, a), Value::Fixed(_, b)) => a == b,
        (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
    }
}

fn differ(a: &Value, b: &Value) -> bool {
    comparable(a, b) && a != b
}

fn parts<'n>(node: &'n Node, and: bool, out: &mut Vec<&'n Node>) {
    match (&node.kind, and) {
        (Kind::And(a, b), true) | (Kind::Or(a, b), false) => {
            parts(a, and, out);
            parts(b, and, out);
        }
        _ => out.push(node),
    }
}

fn walk<'n>(node: &'n Node, facts: &Facts<'n>) -> Result<(), Problem> {
    match &node.kind {
        Kind::And(..) | Kind::Or(..) => chain(node, matches!(node.kind, Kind::And(..)), facts),
        Kind::Choose(choice) => {
            let [condition, yes, no] = &**choice;
            walk(condition, facts)?;
            let (mut then, mut otherwise) = (facts.clone(), facts.clone());
            if let Some(atom) = atom(condition) {
                if !then.add(&atom) {
                    return Err(unreachable(yes, "its condition is never true here"));
                }
                if !otherwise.add(&atom.contrary()) {
                    return Err(unreachable(no, "its condition is always true here"));
                }
            }
            walk(yes, &then)?;
            walk(no, &otherwise)
        }
        _ => node.children().into_iter().try_for_each(|child| walk(child, facts)),
    }
}

/// A chain of `&&` (or of `||`): every part is looked at knowing that those before it were true (or false).
fn chain<'n>(node: &'n Node, and: bool, facts: &Facts<'n>) -> Result<(), Problem> {
    let mut list = Vec::new();
    parts(node, and, &mut list);
    let mut known = facts.clone();
    for (index, part) in list.iter().enumerate() {
        if list.iter().take(index).any(|before| before == part) {
            return Err(unreachable(part, "it stands here twice"));
        }
        walk(part, &known)?;
        let Some(atom) = atom(part) else { continue };
        let mut with = known.clone();
        if !with.add(&atom) {
            return Err(unreachable(
                part,
                "it contradicts what stands before it, and is never true",
            ));
        }
        let mut without = known.clone();
        if !without.add(&atom.contrary()) {
            return Err(unreachable(part, "what stands before it makes it always true"));
        }
        known = if and { with } else { without };
    }
    Ok(())
}

fn unreachable(node: &Node, why: &str) -> Problem {
    Problem::new(
        node.place.clone(),
        format!("unreachable branch: {why}"),
        "remove it, or correct one of the two conditions",
    )
}
