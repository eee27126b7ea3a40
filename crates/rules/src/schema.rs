//! The names of the language: what can be asked of Evidence, and of which type the answer is.

use std::sync::Arc;

use crate::ty::{Message, Type};

/// A field of a message, an asset or an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Address,
    After,
    Amount,
    Asset,
    Assets,
    Before,
    Context,
    Contract,
    Contracts,
    Creates,
    Creator,
    Data,
    Decimals,
    Delegate,
    Delta,
    Depth,
    From,
    Hash,
    Holder,
    Holders,
    Index,
    Input,
    Kind,
    Length,
    Listed,
    Name,
    Number,
    Price,
    Raw,
    Selector,
    Slot,
    Success,
    Symbol,
    Through,
    Timestamp,
    To,
    TokenId,
    Topics,
    Usd,
    Value,
    WritesAfter,
}

/// The kinds of calls as they are written.
pub(crate) const CALL_KINDS: &[&str] =
    &["call", "staticcall", "delegatecall", "callcode", "create", "create2", "selfdestruct"];

const ADDRESS: Type = Type::Address;
const WORD: Type = Type::Fixed(32);

/// The fields of a message, with their types.
pub(crate) fn fields(message: Message) -> Vec<(&'static str, Field, Type)> {
    use Field as F;
    match message {
        Message::Tx => vec![
            ("from", F::From, ADDRESS),
            ("to", F::To, ADDRESS),
            ("value", F::Value, Type::UINT),
            ("selector", F::Selector, Type::Fixed(4)),
            ("input", F::Input, Type::Bytes),
            ("success", F::Success, Type::Bool),
            ("hash", F::Hash, WORD),
            ("index", F::Index, Type::Uint(32)),
            ("creates", F::Creates, Type::Bool),
        ],
        Message::Block => {
            vec![("number", F::Number, Type::Uint(64)), ("timestamp", F::Timestamp, Type::Uint(64))]
        }
        Message::Event => vec![
            ("address", F::Address, ADDRESS),
            ("topics", F::Topics, Type::List(Arc::new(WORD))),
            ("data", F::Data, Type::Bytes),
        ],
        Message::Call => vec![
            ("from", F::From, ADDRESS),
            ("to", F::To, ADDRESS),
            ("context", F::Context, ADDRESS),
            ("value", F::Value, Type::UINT),
            ("depth", F::Depth, Type::Uint(32)),
            ("length", F::Length, Type::Uint(32)),
            ("kind", F::Kind, Type::Word(CALL_KINDS)),
            ("selector", F::Selector, Type::Fixed(4)),
            ("input", F::Input, Type::Bytes),
        ],
        Message::Storage => vec![
            ("address", F::Address, ADDRESS),
            ("slot", F::Slot, WORD),
            ("before", F::Before, WORD),
            ("after", F::After, WORD),
        ],
        Message::Code => vec![
            ("address", F::Address, ADDRESS),
            ("before", F::Before, WORD),
            ("after", F::After, WORD),
            ("delegate", F::Delegate, ADDRESS),
        ],
        Message::Transfer => vec![
            ("asset", F::Asset, Type::Asset),
            ("from", F::From, ADDRESS),
            ("to", F::To, ADDRESS),
            ("amount", F::Amount, Type::Amount),
            ("usd", F::Usd, Type::Usd),
            ("tokenId", F::TokenId, Type::UINT),
        ],
        Message::Flow => vec![
            ("holder", F::Holder, ADDRESS),
            ("asset", F::Asset, Type::Asset),
            ("delta", F::Delta, Type::INT),
            ("usd", F::Usd, Type::Usd),
        ],
        Message::Created | Message::Reentry | Message::Protocol => fields_around(message),
    }
}

/// The fields of what is never the subject of a rule.
fn fields_around(message: Message) -> Vec<(&'static str, Field, Type)> {
    use Field as F;
    let addresses = || Type::List(Arc::new(Type::Address));
    match message {
        Message::Created => {
            vec![("address", F::Address, ADDRESS), ("creator", F::Creator, ADDRESS)]
        }
        Message::Reentry => vec![
            ("contract", F::Contract, ADDRESS),
            ("through", F::Through, addresses()),
            ("writesAfter", F::WritesAfter, Type::Bool),
        ],
        _ => vec![
            ("name", F::Name, Type::Text),
            ("contracts", F::Contracts, addresses()),
            ("holders", F::Holders, addresses()),
            ("assets", F::Assets, Type::List(Arc::new(Type::Asset))),
        ],
    }
}

/// The fields of assets and amounts.
pub(crate) fn fields_of(ty: &Type) -> Vec<(&'static str, Field, Type)> {
    match ty {
        Type::Message(message) => fields(*message),
        Type::Asset => vec![
            ("address", Field::Address, ADDRESS),
            ("symbol", Field::Symbol, Type::Text),
            ("decimals", Field::Decimals, Type::Uint(8)),
            ("price", Field::Price, Type::Usd),
            ("listed", Field::Listed, Type::Bool),
        ],
        Type::Amount => vec![
            ("raw", Field::Raw, Type::UINT),
            ("usd", Field::Usd, Type::Usd),
            ("asset", Field::Asset, Type::Asset),
        ],
        _ => Vec::new(),
    }
}

/// Lists of a transaction: name and what they hold.
pub(crate) const LISTS: &[(&str, Message)] = &[
    ("transfers", Message::Transfer),
    ("flows", Message::Flow),
    ("calls", Message::Call),
    ("events", Message::Event),
    ("writes", Message::Storage),
    ("codes", Message::Code),
    ("created", Message::Created),
    ("reentries", Message::Reentry),
];

/// Names that every rule has, whatever it is about.
pub(crate) const ROOTS: &[(&str, Message)] =
    &[("tx", Message::Tx), ("block", Message::Block), ("protocol", Message::Protocol)];
