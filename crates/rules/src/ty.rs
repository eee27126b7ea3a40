//! Types of expressions.

use std::{fmt, sync::Arc};

/// What an expression can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Type {
    Bool,
    /// An integer literal: takes the type of what it meets.
    Literal,
    /// Signed, of so many bits.
    Int(u16),
    /// Unsigned, of so many bits.
    Uint(u16),
    Address,
    Bytes,
    /// `bytesN`.
    Fixed(u8),
    Text,
    /// A text of which all values are known: the kinds of calls.
    Word(&'static [&'static str]),
    Asset,
    Amount,
    Usd,
    List(Arc<Type>),
    Map(Arc<Type>, Arc<Type>),
    Message(Message),
    /// A struct of an ABI.
    Struct(Arc<Vec<(String, Type)>>),
    /// The element of an empty list: fits everything.
    Nothing,
}

/// Messages: what Evidence is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Message {
    Tx,
    Block,
    Event,
    Call,
    Storage,
    Code,
    Transfer,
    Flow,
    Created,
    Reentry,
    Protocol,
}

impl Message {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tx => "tx",
            Self::Block => "block",
            Self::Event => "event",
            Self::Call => "call",
            Self::Storage => "storage",
            Self::Code => "code",
            Self::Transfer => "transfer",
            Self::Flow => "flow",
            Self::Created => "created",
            Self::Reentry => "reentry",
            Self::Protocol => "protocol",
        }
    }
}

impl Type {
    pub(crate) const UINT: Self = Self::Uint(256);
    pub(crate) const INT: Self = Self::Int(256);

    pub(crate) fn list(element: Self) -> Self {
        Self::List(Arc::new(element))
    }

    pub(crate) fn is_integer(&self) -> bool {
        matches!(self, Self::Literal | Self::Int(_) | Self::Uint(_))
    }

    pub(crate) fn is_text(&self) -> bool {
        matches!(self, Self::Text | Self::Word(_))
    }

    /// Whether values of both may be compared for equality, literals aside.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Nothing, _) | (_, Self::Nothing) => true,
            (a, b) if a.is_integer() && b.is_integer() => true,
            (a, b) if a.is_text() && b.is_text() => true,
            (Self::List(a), Self::List(b)) => a.meets(b),
            (Self::Map(k, v), Self::Map(l, w)) => k.meets(l) && v.meets(w),
            (Self::Message(_), Self::Message(_)) => false,
            (a, b) => a == b,
        }
    }

    /// The type of a list's elements, a choice's branches: the wider of two integers of one sign, or what both are.
    pub(crate) fn join(&self, other: &Self) -> Option<Self> {
        Some(match (self, other) {
            (a, b) if a == b => a.clone(),
            (Self::Nothing, b) => b.clone(),
            (a, Self::Nothing) => a.clone(),
            (Self::Literal, b) if b.is_integer() => b.clone(),
            (a, Self::Literal) if a.is_integer() => a.clone(),
            (Self::Int(a), Self::Int(b)) => Self::Int(*a.max(b)),
            (Self::Uint(a), Self::Uint(b)) => Self::Uint(*a.max(b)),
            (a, b) if a.is_text() && b.is_text() => Self::Text,
            (Self::List(a), Self::List(b)) => Self::list(a.join(b)?),
            (Self::Map(k, v), Self::Map(l, w)) => {
                Self::Map(Arc::new(k.join(l)?), Arc::new(v.join(w)?))
            }
            _ => return None,
        })
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("bool"),
            Self::Literal => f.write_str("integer"),
            Self::Int(bits) => write!(f, "int{bits}"),
            Self::Uint(bits) => write!(f, "uint{bits}"),
            Self::Address => f.write_str("address"),
            Self::Bytes => f.write_str("bytes"),
            Self::Fixed(length) => write!(f, "bytes{length}"),
            Self::Text | Self::Word(_) => f.write_str("string"),
            Self::Asset => f.write_str("asset"),
            Self::Amount => f.write_str("amount"),
            Self::Usd => f.write_str("usd"),
            Self::List(element) => write!(f, "list of {element}"),
            Self::Map(key, value) => write!(f, "map of {key} to {value}"),
            Self::Message(message) => f.write_str(message.name()),
            Self::Struct(fields) => {
                let fields: Vec<String> =
                    fields.iter().map(|(name, ty)| format!("{ty} {name}")).collect();
                write!(f, "({})", fields.join(", "))
            }
            Self::Nothing => f.write_str("nothing"),
        }
    }
}
