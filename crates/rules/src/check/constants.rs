//! Functions of constants alone: computed when the rule is loaded.

use std::ops::Range;

use alloy_primitives::{B256, U256, keccak256};
use portcullis_types::{money::Usd, protocol::AssetSpec};

use super::{
    Checked, Checker, fit,
    fit::{from_text, settle},
    functions::arguments,
};
use crate::{
    diagnostic::{Problem, suggest},
    node::{Function, Kind, Node},
    ty::Type,
    value::Value,
};

impl Checker<'_, '_> {
    pub(super) fn to_fixed(length: u8, a: Node, place: &Range<usize>) -> Checked {
        let ty = Type::Fixed(length);
        match (&a.ty, a.constant()) {
            // Short text is a number, as `bytes32("0x00")` is everywhere: filled in front.
            (Type::Text, Some(Value::Text(text))) if length == 32 => {
                let bytes = from_text(text, &Type::Bytes)
                    .map_err(|(problem, remedy)| Problem::new(a.place.clone(), problem, remedy))?;
                match bytes {
                    Value::Bytes(bytes) if bytes.len() <= 32 => Ok(Node::new(
                        Kind::Const(Value::Fixed(B256::left_padding_from(&bytes), 32)),
                        ty,
                        place.clone(),
                    )),
                    _ => Err(Problem::new(a.place, "this is longer than 32 bytes", "shorten it")),
                }
            }
            (Type::Text, _) => fit(a, &ty),
            (Type::Fixed(_) | Type::Bytes | Type::Address | Type::Uint(_) | Type::Literal, _) => {
                Ok(Node::new(
                    Kind::Call(Function::ToFixed(length), vec![settle(a)]),
                    ty,
                    place.clone(),
                ))
            }
            _ => Err(arguments("bytes32", place)),
        }
    }

    pub(super) fn named_constant(&self, name: &str, a: &Node, place: &Range<usize>) -> Checked {
        let Some(Value::Text(text)) = a.constant() else {
            return Err(Problem::new(
                a.place.clone(),
                format!("`{name}` takes a text in quotes"),
                "it is looked up when the rule is loaded",
            ));
        };
        let protocol = &self.scope.world.protocol;
        let (value, ty) = match name {
            "contract" => {
                let found = protocol.contracts.iter().find(|contract| contract.name == **text);
                let contract = found.ok_or_else(|| {
                    let known = protocol.contracts.iter().map(|contract| contract.name.as_str());
                    Problem::new(
                        a.place.clone(),
                        "the protocol has no contract of this name",
                        suggest(text, known),
                    )
                })?;
                (Value::Address(contract.address), Type::Address)
            }
            "asset" => (Value::Asset(self.listed(a, text)?.asset), Type::Asset),
            "topic" => (Value::Fixed(keccak256(text.as_bytes()), 32), Type::Fixed(32)),
            _ => {
                let hash = keccak256(text.as_bytes());
                (
                    Value::Fixed(B256::right_padding_from(hash.get(..4).unwrap_or_default()), 4),
                    Type::Fixed(4),
                )
            }
        };
        let signature = matches!(name, "topic" | "selector");
        if signature && !(text.ends_with(')') && text.contains('(') && !text.contains(' ')) {
            return Err(Problem::new(
                a.place.clone(),
                "this is no signature",
                "write it without names, blanks and `indexed`: `Transfer(address,address,uint256)`",
            ));
        }
        Ok(Node::new(Kind::Const(value), ty, place.clone()))
    }

    pub(super) fn listed(&self, a: &Node, symbol: &str) -> Result<&AssetSpec, Problem> {
        let world = self.scope.world;
        world.by_symbol(symbol).ok_or_else(|| {
            let known = world.protocol.assets.iter().map(|spec| spec.symbol.as_str());
            Problem::new(
                a.place.clone(),
                "the protocol lists no asset of this symbol",
                suggest(symbol, known),
            )
        })
    }

    pub(super) fn usd(&self, a: Node, place: &Range<usize>) -> Checked {
        match (&a.ty, a.constant()) {
            (Type::Text, Some(Value::Text(text))) => {
                let usd: Usd = text.parse().map_err(|_| {
                    Problem::new(
                        a.place.clone(),
                        "this is no amount in dollars",
                        "write `usd(\"250000.25\")`, at most six decimals",
                    )
                })?;
                Ok(Node::new(Kind::Const(Value::Usd(usd)), Type::Usd, place.clone()))
            }
            (ty, _) if ty.is_integer() => {
                let a = settle(a);
                self.fold(Node::new(Kind::Call(Function::ToUsd, vec![a]), Type::Usd, place.clone()))
            }
            _ => Err(arguments("usd", place)),
        }
    }
}

pub(super) fn not_units(node: &Node, decimals: u8) -> Problem {
    Problem::new(
        node.place.clone(),
        "this is no amount in whole units",
        format!("write digits with at most {decimals} decimals: \"250000.5\""),
    )
}

/// A decimal text in smallest units: `"1.5"` with 6 decimals is 1,500,000.
pub(crate) fn units(text: &str, decimals: u8) -> Option<U256> {
    let text: String = text.chars().filter(|c| *c != '_').collect();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let digits = |part: &str| part.chars().all(|c| c.is_ascii_digit());
    if whole.is_empty()
        || !digits(whole)
        || !digits(fraction)
        || fraction.len() > usize::from(decimals)
    {
        return None;
    }
    let padded = format!("{whole}{fraction:0<width$}", width = usize::from(decimals));
    U256::from_str_radix(&padded, 10).ok()
}
