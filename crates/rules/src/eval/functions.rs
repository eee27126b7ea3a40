//! Functions on values.

use std::{cmp::Ordering, sync::Arc};

use alloy_primitives::{Address, B256, Bytes, I256, U256, keccak256};
use portcullis_types::money::{Asset, Usd};

use super::{Env, Failure, arithmetic, bytes_of, order, same, signed};
use crate::{ast::Operator, node::Function, value::Value};

/// Calls a function; the checker has seen to the types of its arguments.
pub(super) fn call(
    function: Function,
    args: &[Value],
    env: &mut Env<'_>,
) -> Result<Value, Failure> {
    let first = args.first().ok_or(Failure::NotThere)?;
    let second = args.get(1);
    match (function, first, second) {
        (Function::IsProtocol, Value::Address(a), _) => {
            Ok(Value::Bool(env.world.contracts.contains(a)))
        }
        (Function::IsHolder, Value::Address(a), _) => {
            Ok(Value::Bool(env.world.holders.contains(a)))
        }
        (Function::IsCreated, Value::Address(a), _) => {
            env.step(env.evidence.created.len())?;
            Ok(Value::Bool(env.evidence.created.iter().any(|created| created.address == *a)))
        }
        (Function::Token, Value::Address(a), _) => Ok(Value::Asset(Asset::Token(*a))),
        (Function::AmountOf, Value::Asset(asset), Some(Value::Uint(raw))) => {
            Ok(Value::Amount(*asset, *raw))
        }
        (Function::ToUint, value, _) => uint(value).map(Value::Uint),
        (Function::ToInt, value, _) => int(value).map(Value::Int),
        (Function::ToAddress, value, _) => address(value).map(Value::Address),
        (Function::ToFixed(length), value, _) => fixed(value, length),
        (Function::ToBytes, value, _) => {
            bytes_of(value).map(Value::Bytes).ok_or(Failure::NotConvertible)
        }
        (Function::ToUsd, value, _) => {
            let dollars = i128::try_from(signed(value)?).unwrap_or(i128::MAX);
            Ok(Value::Usd(Usd(dollars.saturating_mul(Usd::ONE_MICROS))))
        }
        (Function::Keccak, value, _) => {
            let bytes = bytes_of(value).ok_or(Failure::NotConvertible)?;
            env.step(bytes.len() / 32)?;
            Ok(Value::Fixed(keccak256(&bytes), 32))
        }
        (Function::Size, value, _) => size(value),
        (Function::Abs, Value::Int(value), _) => Ok(Value::Uint(value.unsigned_abs())),
        (Function::Abs, Value::Usd(usd), _) => Ok(Value::Usd(Usd(usd.0.saturating_abs()))),
        (Function::Min, a, Some(b)) => Ok(if order(a, b)?.is_le() { a } else { b }.clone()),
        (Function::Max, a, Some(b)) => Ok(if order(a, b)?.is_ge() { a } else { b }.clone()),
        (Function::Contains | Function::StartsWith | Function::EndsWith, whole, Some(part)) => {
            found(function, whole, part, env)
        }
        (Function::Slice, Value::Bytes(bytes), Some(from)) => slice(bytes, from, args.get(2)),
        (Function::SumOf, Value::List(list), zero) => sum(list, zero, env),
        (Function::MaxOf, Value::List(list), _) => extreme(list, Ordering::Greater, env),
        (Function::MinOf, Value::List(list), _) => extreme(list, Ordering::Less, env),
        (Function::Distinct, Value::List(list), _) => distinct(list, env),
        _ => Err(Failure::NotConvertible),
    }
}

fn slice(bytes: &Bytes, from: &Value, to: Option<&Value>) -> Result<Value, Failure> {
    let (Value::Uint(from), Some(Value::Uint(to))) = (from, to) else {
        return Err(Failure::NotConvertible);
    };
    match (usize::try_from(*from), usize::try_from(*to)) {
        (Ok(from), Ok(to)) if from <= to && to <= bytes.len() => {
            Ok(Value::Bytes(bytes.slice(from..to)))
        }
        _ => Err(Failure::NotThere),
    }
}

/// The largest or smallest of a list.
fn extreme(list: &[Value], wanted: Ordering, env: &mut Env<'_>) -> Result<Value, Failure> {
    env.step(list.len())?;
    let mut best = list.first().ok_or(Failure::NotThere)?;
    for value in list {
        if order(value, best)? == wanted {
            best = value;
        }
    }
    Ok(best.clone())
}

fn distinct(list: &[Value], env: &mut Env<'_>) -> Result<Value, Failure> {
    let mut kept: Vec<Value> = Vec::new();
    for value in list {
        env.step(kept.len() + 1)?;
        if !kept.iter().any(|known| same(known, value)) {
            kept.push(value.clone());
        }
    }
    Ok(Value::List(Arc::new(kept)))
}

fn size(value: &Value) -> Result<Value, Failure> {
    let size = match value {
        Value::List(list) => list.len(),
        Value::Map(map) => map.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Text(text) => text.chars().count(),
        _ => return Err(Failure::NotConvertible),
    };
    Ok(Value::Uint(U256::from(size)))
}

fn uint(value: &Value) -> Result<U256, Failure> {
    match value {
        Value::Uint(value) => Ok(*value),
        Value::Int(value) => U256::try_from(*value).map_err(|_| Failure::NotConvertible),
        Value::Bool(value) => Ok(U256::from(*value)),
        Value::Fixed(..) | Value::Address(_) => {
            let bytes = bytes_of(value).ok_or(Failure::NotConvertible)?;
            U256::try_from_be_slice(&bytes).ok_or(Failure::NotConvertible)
        }
        _ => Err(Failure::NotConvertible),
    }
}

fn int(value: &Value) -> Result<I256, Failure> {
    match value {
        // A word that holds a signed number: two's complement.
        Value::Fixed(word, 32) => Ok(I256::from_be_bytes(word.0)),
        Value::Int(value) => Ok(*value),
        other => I256::try_from(uint(other)?).map_err(|_| Failure::NotConvertible),
    }
}

fn address(value: &Value) -> Result<Address, Failure> {
    match value {
        Value::Address(address) => Ok(*address),
        Value::Fixed(word, 20) => Ok(Address::from_slice(word.get(..20).unwrap_or_default())),
        Value::Fixed(..) | Value::Uint(_) => {
            let word = B256::from(uint(value)?);
            let (zeros, rest) = word.split_at(12);
            if zeros.iter().any(|byte| *byte != 0) {
                return Err(Failure::NotConvertible);
            }
            Ok(Address::from_slice(rest))
        }
        _ => Err(Failure::NotConvertible),
    }
}

/// To `bytesN`: numbers and addresses fill it from the end, bytes from the front.
fn fixed(value: &Value, length: u8) -> Result<Value, Failure> {
    let width = usize::from(length);
    let word = match value {
        Value::Uint(number) => {
            let word = B256::from(*number);
            let (zeros, rest) = word.split_at(32 - width);
            if zeros.iter().any(|byte| *byte != 0) {
                return Err(Failure::NotConvertible);
            }
            B256::right_padding_from(rest)
        }
        Value::Address(address) if width == 32 => address.into_word(),
        other => {
            let bytes = bytes_of(other).ok_or(Failure::NotConvertible)?;
            if bytes.len() > width && !matches!(other, Value::Fixed(..)) {
                return Err(Failure::NotConvertible);
            }
            B256::right_padding_from(bytes.get(..width).unwrap_or(&bytes))
        }
    };
    Ok(Value::Fixed(word, length))
}

fn found(
    function: Function,
    whole: &Value,
    part: &Value,
    env: &mut Env<'_>,
) -> Result<Value, Failure> {
    let (Some(whole), Some(part)) = (bytes_of(whole), bytes_of(part)) else {
        return Err(Failure::NotConvertible);
    };
    env.step(whole.len() / 32)?;
    Ok(Value::Bool(match function {
        Function::StartsWith => whole.starts_with(&part),
        Function::EndsWith => whole.ends_with(&part),
        _ => part.is_empty() || whole.windows(part.len()).any(|window| window == &part[..]),
    }))
}

/// The sum of a list; of an empty one 0, which of amounts there is none.
fn sum(list: &[Value], zero: Option<&Value>, env: &mut Env<'_>) -> Result<Value, Failure> {
    env.step(list.len())?;
    let mut values = list.iter();
    let start = zero.or_else(|| values.next()).ok_or(Failure::NotThere)?.clone();
    values.try_fold(start, |sum, value| arithmetic(Operator::Add, sum, value.clone()))
}
