//! Constants take the type of what they meet.

use alloy_primitives::{Address, B256, I256};

use super::bounds;
use crate::{
    diagnostic::{Problem, suggest},
    node::{Kind, Node},
    ty::Type,
    value::Value,
};

/// `node` as a value of type `wanted`, where it is one or is a constant that can be written as one. Integers of another
/// width are left as they are: all are computed in 256 bits.
pub(crate) fn fit(node: Node, wanted: &Type) -> Result<Node, Problem> {
    if node.ty == *wanted {
        return Ok(node);
    }
    let place = node.place.clone();
    let mismatch = |node: &Node, remedy: &str| {
        Problem::new(
            place.clone(),
            format!("{wanted} is needed here, this is of type {}", node.ty),
            remedy,
        )
    };
    match (&node.ty, wanted, node.constant().cloned()) {
        (Type::Literal, Type::Int(_) | Type::Uint(_), Some(value)) => {
            let fitted = integer(&value, wanted).ok_or_else(|| {
                Problem::new(
                    place.clone(),
                    format!("impossible: {} is no value of type {wanted}", plain(&value)),
                    "correct the number; see the width in the signature",
                )
            })?;
            Ok(Node::new(Kind::Const(fitted), wanted.clone(), place))
        }
        (Type::Text, Type::Address | Type::Fixed(_) | Type::Bytes, Some(Value::Text(text))) => {
            let value = from_text(&text, wanted)
                .map_err(|(problem, remedy)| Problem::new(place.clone(), problem, remedy))?;
            Ok(Node::new(Kind::Const(value), wanted.clone(), place))
        }
        (Type::Text, Type::Word(words), Some(Value::Text(text))) => {
            if words.contains(&&*text) {
                return Ok(node);
            }
            let remedy = suggest(&text, words.iter().copied());
            Err(Problem::new(
                place,
                format!("impossible: it is never \"{}\"", portcullis_types::text::printable(&text)),
                remedy,
            ))
        }
        (Type::Literal, Type::Usd, _) => {
            Err(mismatch(&node, "write dollars as `usd(250000)` or `usd(\"0.25\")`"))
        }
        (Type::Literal, Type::Amount, _) => Err(mismatch(
            &node,
            "write an amount in whole units as `amount(\"USDC\", \"250000\")`, or take `.raw` for smallest units",
        )),
        (Type::Literal, Type::Address | Type::Fixed(_) | Type::Bytes, _) => {
            Err(mismatch(&node, "write it in quotes: \"0x…\""))
        }
        (Type::Text, Type::Usd | Type::Amount | Type::Int(_) | Type::Uint(_), _) => Err(mismatch(
            &node,
            "write numbers without quotes, money as `usd(\"0.25\")` or `amount(\"USDC\", \"0.25\")`",
        )),
        (Type::Text, Type::Asset, _) => {
            Err(mismatch(&node, "write `asset(\"SYMBOL\")`, `native` or `token(address)`"))
        }
        (have, wanted, _) if have.meets(wanted) => Ok(node),
        (Type::Fixed(a), Type::Fixed(b), _) => Err(mismatch(
            &node,
            &format!(
                "bytes of different widths ({a} and {b}) are never equal; convert one with `bytes{b}(…)`"
            ),
        )),
        _ => Err(mismatch(&node, "convert it, or compare it with something of its own type")),
    }
}

/// An integer literal that met nothing: 256 bits, signed if it is negative.
pub(crate) fn settle(node: Node) -> Node {
    if node.ty != Type::Literal {
        return node;
    }
    let ty = if matches!(node.constant(), Some(Value::Int(_))) { Type::INT } else { Type::UINT };
    Node { ty, ..node }
}

/// An integer constant as a value of a type, if it is within its bounds.
pub(crate) fn integer(value: &Value, ty: &Type) -> Option<Value> {
    let (low, high) = bounds(ty)?;
    let value = match (value, ty) {
        (Value::Uint(value), Type::Int(_)) => Value::Int(I256::try_from(*value).ok()?),
        (Value::Int(value), Type::Uint(_)) if !value.is_negative() => Value::Uint(value.into_raw()),
        (Value::Int(_), Type::Int(_)) | (Value::Uint(_), Type::Uint(_)) => value.clone(),
        _ => return None,
    };
    (low <= value && value <= high).then_some(value)
}

pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::Int(value) => value.to_string(),
        Value::Uint(value) => value.to_string(),
        other => format!("{other:?}"),
    }
}

/// `0x…` as an address or bytes.
pub(crate) fn from_text(text: &str, ty: &Type) -> Result<Value, (String, String)> {
    let shown = portcullis_types::text::printable(text);
    let bad = |length: &str| {
        (
            format!("impossible: \"{shown}\" is no value of type {ty}"),
            format!("write \"0x\" and {length} hexadecimal digits"),
        )
    };
    let bytes = text
        .strip_prefix("0x")
        .and_then(|digits| alloy_primitives::hex::decode(digits).ok())
        .filter(|_| !text.starts_with("0x0x"));
    match ty {
        Type::Address => match bytes {
            Some(bytes) if bytes.len() == 20 => {
                let address = Address::from_slice(&bytes);
                // A checksum that is written must hold: a mistyped address would never match.
                let mixed = text.chars().any(|c| c.is_ascii_uppercase())
                    && text.chars().skip(2).any(|c| c.is_ascii_lowercase());
                if mixed && address.to_string() != text {
                    return Err((
                        format!("the checksum of {shown} does not hold: it is mistyped"),
                        format!("if it is right, write {address}"),
                    ));
                }
                Ok(Value::Address(address))
            }
            _ => Err(bad("40")),
        },
        Type::Fixed(length) => match bytes {
            Some(bytes) if bytes.len() == usize::from(*length) => {
                Ok(Value::Fixed(B256::right_padding_from(&bytes), *length))
            }
            _ => Err(bad(&(usize::from(*length) * 2).to_string())),
        },
        _ => bytes.map(|bytes| Value::Bytes(bytes.into())).ok_or_else(|| bad("an even number of")),
    }
}
