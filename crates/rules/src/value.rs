//! Values while an expression is evaluated.

use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes, I256, U256};
use portcullis_types::{
    money::{Asset, Usd, format_amount},
    text::printable,
};

use crate::{ty::Message, world::World};

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Value {
    Bool(bool),
    Int(I256),
    Uint(U256),
    Address(Address),
    Bytes(Bytes),
    /// `bytesN`: the bytes stand in front, the rest is zero.
    Fixed(B256, u8),
    Text(Arc<str>),
    Asset(Asset),
    Amount(Asset, U256),
    Usd(Usd),
    List(Arc<Vec<Value>>),
    /// In the order in which it was written; keys are unique.
    Map(Arc<Vec<(Value, Value)>>),
    /// The fields of a struct of an ABI, in order.
    Struct(Arc<Vec<Value>>),
    /// A part of the Evidence by its place in the list of its kind; of a failed call, log or change there is none.
    Part(Message, u32),
}

/// Most elements of a list that are shown.
const SHOWN_ELEMENTS_MAX: usize = 8;
/// Most bytes that are shown.
const SHOWN_BYTES_MAX: usize = 64;

impl Value {
    /// For people: names of contracts and assets instead of addresses, whole units instead of smallest, nothing that a
    /// terminal could be led astray with.
    pub(crate) fn show(&self, world: &World) -> String {
        match self {
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Uint(value) => value.to_string(),
            Self::Address(address) => world.protocol.name_of(*address),
            Self::Bytes(bytes) => hexadecimal(bytes),
            Self::Fixed(bytes, length) => {
                hexadecimal(bytes.get(..usize::from(*length)).unwrap_or_default())
            }
            Self::Text(text) => printable(text),
            Self::Asset(asset) => world.symbol(*asset),
            Self::Amount(asset, raw) => match world.spec(*asset) {
                Some(spec) => format!("{} {}", format_amount(*raw, spec.decimals), spec.symbol),
                None => format!("{raw} units of {asset}"),
            },
            Self::Usd(usd) => format!("{usd} dollars"),
            Self::List(list) | Self::Struct(list) => several(list.iter().map(|v| v.show(world))),
            Self::Map(map) => several(
                map.iter()
                    .map(|(key, value)| format!("{}: {}", key.show(world), value.show(world))),
            ),
            Self::Part(message, index) => format!("{} {index}", message.name()),
        }
    }
}

fn several(items: impl ExactSizeIterator<Item = String>) -> String {
    let rest = items.len().saturating_sub(SHOWN_ELEMENTS_MAX);
    let mut shown: Vec<String> = items.take(SHOWN_ELEMENTS_MAX).collect();
    if rest > 0 {
        shown.push(format!("{rest} more"));
    }
    shown.join(", ")
}

fn hexadecimal(bytes: &[u8]) -> String {
    let shown = alloy_primitives::hex::encode(bytes.get(..SHOWN_BYTES_MAX).unwrap_or(bytes));
    let rest = bytes.len().saturating_sub(SHOWN_BYTES_MAX);
    if rest > 0 { format!("0x{shown}… ({rest} more bytes)") } else { format!("0x{shown}") }
}
