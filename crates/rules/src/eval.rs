//! The evaluator: a checked expression and one part of a transaction give a value, or say why there is none.

use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes, I256, U256};
use portcullis_types::{
    chain::BlockId,
    evidence::{Evidence, Known},
};

use crate::{
    abi::Arguments,
    ast::Operator,
    limits::STEPS_MAX,
    node::{Kind, Macro, Node},
    ty::Message,
    value::Value,
    world::World,
};

mod arithmetic;
mod functions;
mod parts;

pub(crate) use arithmetic::{arithmetic, order};

/// Why an evaluation has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Arithmetic left 256 bits, or an unsigned result would be negative.
    #[error("an integer overflowed")]
    Overflow,
    /// A divisor was 0.
    #[error("a division by zero")]
    DivisionByZero,
    /// An index, key, slice or extreme of nothing.
    #[error("an element that is not there was asked for")]
    NotThere,
    /// Amounts of two assets were compared or added up.
    #[error("amounts of two assets were compared or added up")]
    AssetsDiffer,
    /// An argument could not be decoded.
    #[error(
        "the argument `{name}` could not be decoded{}",
        if *cut { ": the call data was cut" } else { "" }
    )]
    NotDecoded {
        /// Which argument.
        name: String,
        /// Whether the recorded call data is shorter than what was sent.
        cut: bool,
    },
    /// A value does not fit where it was converted to.
    #[error("a value does not fit into what it was converted to")]
    NotConvertible,
    /// More than [`STEPS_MAX`] steps.
    #[error("the evaluation took more than {STEPS_MAX} steps")]
    Steps,
}

/// What an expression is evaluated on.
#[derive(Debug)]
pub(crate) struct Env<'a> {
    pub(crate) world: &'a World,
    pub(crate) evidence: &'a Evidence,
    /// Which of its kind the evaluation is about.
    pub(crate) subject: u32,
    /// Arguments, and the places in them of the names that the rule knows.
    pub(crate) args: Option<(&'a Arguments<'a>, &'a [usize])>,
    pub(crate) measure: Option<Value>,
    pub(crate) key: Option<Value>,
    locals: Vec<Value>,
    steps: u32,
}

impl<'a> Env<'a> {
    pub(crate) fn new(world: &'a World, evidence: &'a Evidence) -> Self {
        Self {
            world,
            evidence,
            subject: 0,
            args: None,
            measure: None,
            key: None,
            locals: Vec::new(),
            steps: 0,
        }
    }

    fn step(&mut self, count: usize) -> Result<(), Failure> {
        self.steps = self.steps.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
        if self.steps > STEPS_MAX { Err(Failure::Steps) } else { Ok(()) }
    }
}

/// The value of an expression of constants alone.
pub(crate) fn constant(world: &World, node: &Node) -> Result<Value, Failure> {
    let evidence = blank();
    eval(node, &mut Env::new(world, &evidence))
}

/// A transaction in which nothing happened.
pub(crate) fn blank() -> Evidence {
    Evidence {
        chain: 0,
        block: BlockId { number: 0, hash: B256::ZERO },
        timestamp: 0,
        index: 0,
        hash: B256::ZERO,
        from: Address::ZERO,
        to: None,
        value: U256::ZERO,
        gas_used: None,
        success: true,
        known: Known { logs: true, state: true, callers: true },
        frames: Vec::new(),
        logs: Vec::new(),
        transfers: Vec::new(),
        flows: Vec::new(),
        storage: Vec::new(),
        code: Vec::new(),
        created: Vec::new(),
        reentries: Vec::new(),
        call_tree_hash: B256::ZERO,
    }
}

/// Evaluates.
///
/// # Errors
/// Why there is no value. `&&` and `||` swallow the error of one side where the other decides, as CEL's do; running out
/// of steps is never swallowed.
pub(crate) fn eval(node: &Node, env: &mut Env<'_>) -> Result<Value, Failure> {
    env.step(1)?;
    Ok(match &node.kind {
        Kind::Const(value) => value.clone(),
        Kind::Subject(message) => match message {
            Message::Tx | Message::Block | Message::Protocol => Value::Part(*message, 0),
            _ => Value::Part(*message, env.subject),
        },
        Kind::Parts(message) => {
            let list = parts::all(*message, env.evidence);
            env.step(list.len())?;
            Value::List(Arc::new(list))
        }
        Kind::Chain => Value::Uint(U256::from(env.evidence.chain)),
        Kind::Arg(index) => argument(*index, env)?,
        Kind::Local(slot) => env.locals.get(*slot).cloned().ok_or(Failure::NotThere)?,
        Kind::Field(operand, field) => {
            let operand = eval(operand, env)?;
            let value = parts::field(&operand, *field, env)?;
            if let Value::List(list) = &value {
                env.step(list.len())?;
            }
            value
        }
        Kind::Member(operand, index) => match eval(operand, env)? {
            Value::Struct(members) => members.get(*index).cloned().ok_or(Failure::NotThere)?,
            _ => return Err(Failure::NotThere),
        },
        Kind::Index(operand, index) => element(&eval(operand, env)?, &eval(index, env)?)?,
        Kind::List(nodes) => Value::List(Arc::new(several(nodes, env)?)),
        Kind::Map(entries) => {
            let mut map = Vec::new();
            for (key, value) in entries {
                map.push((eval(key, env)?, eval(value, env)?));
            }
            Value::Map(Arc::new(map))
        }
        Kind::Not(operand) => Value::Bool(!truth(operand, env)?),
        Kind::Negate(operand) => arithmetic::negate(eval(operand, env)?)?,
        Kind::And(left, right) => Value::Bool(!either(left, right, false, env)?),
        Kind::Or(left, right) => Value::Bool(either(left, right, true, env)?),
        Kind::Compare(operator, left, right) => {
            let (left, right) = (eval(left, env)?, eval(right, env)?);
            Value::Bool(compare(*operator, &left, &right)?)
        }
        Kind::Arithmetic(operator, left, right) => {
            let (left, right) = (eval(left, env)?, eval(right, env)?);
            if let (Value::List(a), Value::List(b)) = (&left, &right) {
                env.step(a.len() + b.len())?;
            }
            arithmetic(*operator, left, right)?
        }
        Kind::In(left, right) => contained(&eval(left, env)?, &eval(right, env)?, env)?,
        Kind::Choose(parts) => {
            let [condition, yes, no] = &**parts;
            let chosen = if truth(condition, env)? { yes } else { no };
            eval(chosen, env)?
        }
        Kind::Call(function, args) => match &args[..] {
            // Nearly all of them: without a list in the heap.
            [one] => functions::call(*function, &[eval(one, env)?], env)?,
            args => functions::call(*function, &several(args, env)?, env)?,
        },
        Kind::Macro(what, list, slot, body) => comprehension(*what, list, *slot, body, env)?,
        Kind::Measure => env.measure.clone().ok_or(Failure::NotThere)?,
        Kind::Key => env.key.clone().ok_or(Failure::NotThere)?,
    })
}

fn several(nodes: &[Node], env: &mut Env<'_>) -> Result<Vec<Value>, Failure> {
    nodes.iter().map(|node| eval(node, env)).collect()
}

fn argument(index: usize, env: &Env<'_>) -> Result<Value, Failure> {
    let (args, places) = env.args.ok_or(Failure::NotThere)?;
    args.get(*places.get(index).ok_or(Failure::NotThere)?)
}

fn contained(element: &Value, whole: &Value, env: &mut Env<'_>) -> Result<Value, Failure> {
    let found = match whole {
        Value::List(list) => {
            env.step(list.len())?;
            list.iter().any(|other| same(other, element))
        }
        Value::Map(map) => {
            env.step(map.len())?;
            map.iter().any(|(key, _)| same(key, element))
        }
        _ => return Err(Failure::NotThere),
    };
    Ok(Value::Bool(found))
}

/// A condition's answer.
pub(crate) fn truth(node: &Node, env: &mut Env<'_>) -> Result<bool, Failure> {
    match eval(node, env)? {
        Value::Bool(value) => Ok(value),
        _ => Err(Failure::NotConvertible),
    }
}

/// Whether one of the two is `decisive`.
fn either(left: &Node, right: &Node, decisive: bool, env: &mut Env<'_>) -> Result<bool, Failure> {
    match truth(left, env) {
        Ok(value) if value == decisive => Ok(true),
        Ok(_) => Ok(truth(right, env)? == decisive),
        Err(Failure::Steps) => Err(Failure::Steps),
        Err(failure) => match truth(right, env) {
            Ok(value) if value == decisive => Ok(true),
            Err(Failure::Steps) => Err(Failure::Steps),
            _ => Err(failure),
        },
    }
}

/// Equality; integers are equal where their numbers are.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Int(_), Value::Uint(_)) | (Value::Uint(_), Value::Int(_)) => {
            order(a, b).is_ok_and(std::cmp::Ordering::is_eq)
        }
        _ => a == b,
    }
}

fn compare(operator: Operator, left: &Value, right: &Value) -> Result<bool, Failure> {
    if let (Value::Amount(a, _), Value::Amount(b, _)) = (left, right)
        && a != b
    {
        return Err(Failure::AssetsDiffer);
    }
    Ok(match operator {
        Operator::Equal => same(left, right),
        Operator::NotEqual => !same(left, right),
        Operator::Less => order(left, right)?.is_lt(),
        Operator::AtMost => order(left, right)?.is_le(),
        Operator::Greater => order(left, right)?.is_gt(),
        _ => order(left, right)?.is_ge(),
    })
}

fn element(operand: &Value, index: &Value) -> Result<Value, Failure> {
    let found = match (operand, index) {
        (Value::List(list), Value::Uint(at)) => {
            usize::try_from(*at).ok().and_then(|at| list.get(at)).cloned()
        }
        (Value::Map(map), key) => {
            map.iter().find(|(known, _)| same(known, key)).map(|(_, value)| value.clone())
        }
        _ => None,
    };
    found.ok_or(Failure::NotThere)
}

fn comprehension(
    what: Macro,
    list: &Node,
    slot: usize,
    body: &Node,
    env: &mut Env<'_>,
) -> Result<Value, Failure> {
    let Value::List(list) = eval(list, env)? else { return Err(Failure::NotThere) };
    if env.locals.len() <= slot {
        env.locals.resize(slot + 1, Value::Bool(false));
    }
    let (mut kept, mut count) = (Vec::new(), 0usize);
    // As with `&&` and `||`: an element that decides outweighs one that has no answer.
    let mut failed = None;
    for element in list.iter() {
        if let Some(place) = env.locals.get_mut(slot) {
            *place = element.clone();
        }
        if what == Macro::Map {
            kept.push(eval(body, env)?);
            continue;
        }
        match (truth(body, env), what) {
            (Ok(true), Macro::Exists) => return Ok(Value::Bool(true)),
            (Ok(false), Macro::All) => return Ok(Value::Bool(false)),
            (Ok(true), Macro::Filter) => kept.push(element.clone()),
            (Ok(true), _) => count += 1,
            (Ok(false), _) => {}
            (Err(failure), Macro::Exists | Macro::All) if failure != Failure::Steps => {
                failed.get_or_insert(failure);
            }
            (Err(failure), _) => return Err(failure),
        }
    }
    match (what, failed) {
        (_, Some(failure)) => Err(failure),
        (Macro::Filter | Macro::Map, None) => Ok(Value::List(Arc::new(kept))),
        (Macro::Exists, None) => Ok(Value::Bool(false)),
        (Macro::All, None) => Ok(Value::Bool(true)),
        (Macro::ExistsOne, None) => Ok(Value::Bool(count == 1)),
    }
}

/// Bytes of a value, where it has some.
pub(crate) fn bytes_of(value: &Value) -> Option<Bytes> {
    match value {
        Value::Bytes(bytes) => Some(bytes.clone()),
        Value::Fixed(word, length) => word.get(..usize::from(*length)).map(Bytes::copy_from_slice),
        Value::Address(address) => Some(Bytes::copy_from_slice(address.as_slice())),
        Value::Text(text) => Some(Bytes::copy_from_slice(text.as_bytes())),
        _ => None,
    }
}

/// A signed integer of any integer.
pub(crate) fn signed(value: &Value) -> Result<I256, Failure> {
    match value {
        Value::Int(value) => Ok(*value),
        Value::Uint(value) => I256::try_from(*value).map_err(|_| Failure::Overflow),
        _ => Err(Failure::NotConvertible),
    }
}

#[cfg(test)]
mod tests;
