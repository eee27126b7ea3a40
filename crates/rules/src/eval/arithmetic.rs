//! Arithmetic in 256 bits, checked. Dollars saturate, as everywhere in the program: nobody may blind a rule by moving
//! `2^255` units of something.

use std::cmp::Ordering;

use alloy_primitives::{I256, U256};
use portcullis_types::money::Usd;

use super::{Failure, signed};
use crate::{ast::Operator, value::Value};

/// How two values of one type compare; integers by their number, whatever their sign.
pub(crate) fn order(a: &Value, b: &Value) -> Result<Ordering, Failure> {
    match (a, b) {
        (Value::Int(a), Value::Uint(b)) => Ok(mixed(*a, *b)),
        (Value::Uint(a), Value::Int(b)) => Ok(mixed(*b, *a).reverse()),
        (Value::Amount(a, _), Value::Amount(b, _)) if a != b => Err(Failure::AssetsDiffer),
        _ => Ok(a.cmp(b)),
    }
}

fn mixed(a: I256, b: U256) -> Ordering {
    if a.is_negative() { Ordering::Less } else { a.into_raw().cmp(&b) }
}

pub(super) fn negate(value: Value) -> Result<Value, Failure> {
    match value {
        Value::Int(value) => value.checked_neg().map(Value::Int).ok_or(Failure::Overflow),
        // Only literals: an unsigned value has no negative by type.
        Value::Uint(value) if value == U256::ONE << 255 => Ok(Value::Int(I256::MIN)),
        value @ Value::Uint(_) => Ok(Value::Int(-signed(&value)?)),
        Value::Usd(usd) => Ok(Value::Usd(-usd)),
        _ => Err(Failure::NotConvertible),
    }
}

/// One of `+ - * / %`.
///
/// # Errors
/// Overflow, division by zero, amounts of two assets.
pub(crate) fn arithmetic(operator: Operator, a: Value, b: Value) -> Result<Value, Failure> {
    match (a, b) {
        (Value::Uint(a), Value::Uint(b)) => unsigned(operator, a, b).map(Value::Uint),
        (a @ (Value::Int(_) | Value::Uint(_)), b @ (Value::Int(_) | Value::Uint(_))) => {
            integers(operator, signed(&a)?, signed(&b)?).map(Value::Int)
        }
        (Value::Usd(a), Value::Usd(b)) => {
            Ok(Value::Usd(if operator == Operator::Add { a + b } else { a - b }))
        }
        (Value::Usd(usd), factor) => dollars(operator, usd, &factor),
        (Value::Amount(asset, a), Value::Amount(other, b)) => {
            if asset != other {
                return Err(Failure::AssetsDiffer);
            }
            Ok(Value::Amount(asset, unsigned(operator, a, b)?))
        }
        (Value::Amount(asset, a), factor) => {
            let factor = match factor {
                Value::Uint(factor) => factor,
                other => U256::try_from(signed(&other)?).map_err(|_| Failure::Overflow)?,
            };
            Ok(Value::Amount(asset, unsigned(operator, a, factor)?))
        }
        (Value::Text(a), Value::Text(b)) => Ok(Value::Text(format!("{a}{b}").into())),
        (Value::Bytes(a), Value::Bytes(b)) => Ok(Value::Bytes([a, b].concat().into())),
        (Value::List(a), Value::List(b)) => {
            Ok(Value::List(a.iter().chain(b.iter()).cloned().collect::<Vec<_>>().into()))
        }
        _ => Err(Failure::NotConvertible),
    }
}

fn unsigned(operator: Operator, a: U256, b: U256) -> Result<U256, Failure> {
    let divides = matches!(operator, Operator::Divide | Operator::Remainder);
    if divides && b.is_zero() {
        return Err(Failure::DivisionByZero);
    }
    let result = match operator {
        Operator::Add => a.checked_add(b),
        Operator::Subtract => a.checked_sub(b),
        Operator::Multiply => a.checked_mul(b),
        Operator::Divide => a.checked_div(b),
        _ => a.checked_rem(b),
    };
    result.ok_or(Failure::Overflow)
}

fn integers(operator: Operator, a: I256, b: I256) -> Result<I256, Failure> {
    let divides = matches!(operator, Operator::Divide | Operator::Remainder);
    if divides && b.is_zero() {
        return Err(Failure::DivisionByZero);
    }
    let result = match operator {
        Operator::Add => a.checked_add(b),
        Operator::Subtract => a.checked_sub(b),
        Operator::Multiply => a.checked_mul(b),
        Operator::Divide => a.checked_div(b),
        _ => a.checked_rem(b),
    };
    result.ok_or(Failure::Overflow)
}

fn dollars(operator: Operator, usd: Usd, factor: &Value) -> Result<Value, Failure> {
    let factor = signed(factor)?;
    if operator == Operator::Divide && factor.is_zero() {
        return Err(Failure::DivisionByZero);
    }
    // A factor beyond 128 bits makes everything of a sum, and nothing by division.
    let factor =
        i128::try_from(factor).unwrap_or(if factor.is_negative() { i128::MIN } else { i128::MAX });
    Ok(Value::Usd(Usd(if operator == Operator::Divide {
        usd.0.saturating_div(factor)
    } else {
        usd.0.saturating_mul(factor)
    })))
}
