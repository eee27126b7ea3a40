//! Signatures: what an event or a call is, and its arguments by name.
//!
//! Arguments are decoded when they are asked for, each by itself where its place is fixed: call data that was cut
//! ([`INPUT_BYTES_MAX`](portcullis_types::evidence::INPUT_BYTES_MAX)) still gives its first arguments.

use std::{cell::RefCell, sync::Arc};

use alloy_dyn_abi::{DynSolType, DynSolValue};
use alloy_primitives::{B256, Bytes, keccak256};

use crate::{eval::Failure, ty::Type, value::Value};

mod signature;

/// Longest signature, bytes.
const SIGNATURE_BYTES_MAX: usize = 1_024;

/// An event or function with the names of its arguments.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Signature {
    /// As written.
    pub(crate) text: String,
    /// Without names: what is hashed.
    pub(crate) canonical: String,
    /// topic0, or the selector in front.
    pub(crate) key: B256,
    pub(crate) is_event: bool,
    pub(crate) args: Vec<Argument>,
    /// Types of what stands in the data.
    data: Vec<DynSolType>,
    /// How many topics such a log has.
    pub(crate) topics: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Argument {
    pub(crate) name: String,
    pub(crate) ty: Type,
    /// The type to be encoded and decoded; for a hashed argument that of its hash.
    pub(crate) sol: DynSolType,
    pub(crate) source: Place,
}

/// Where an argument stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Topic(usize),
    /// At these bytes of the data.
    Fixed {
        from: usize,
        to: usize,
    },
    /// Found by an offset; its place among what stands in the data.
    Moving {
        index: usize,
    },
}

impl Signature {
    /// Reads `Name(type [indexed] name, …)`.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence.
    pub(crate) fn parse(text: &str, is_event: bool) -> Result<Self, String> {
        let text = text.trim();
        let text = text.strip_prefix(if is_event { "event " } else { "function " }).unwrap_or(text);
        if text.len() > SIGNATURE_BYTES_MAX {
            return Err(format!("it is longer than {SIGNATURE_BYTES_MAX} bytes"));
        }
        let (name, args) = signature::parse(text, is_event)?;
        let types: Vec<String> =
            args.iter().map(|arg| arg.sol.sol_type_name().into_owned()).collect();
        // The library writes a struct of one member as Rust does, `(uint256,)`; Solidity hashes `(uint256)`.
        let canonical = format!("{name}({})", types.join(",")).replace(",)", ")");
        let hash = keccak256(canonical.as_bytes());
        let key = if is_event {
            hash
        } else {
            B256::right_padding_from(hash.get(..4).unwrap_or_default())
        };
        let mut this = Self {
            text: text.to_owned(),
            canonical,
            key,
            is_event,
            args: Vec::new(),
            data: Vec::new(),
            topics: 1,
        };
        let mut head = 0;
        for arg in args {
            if this.args.iter().any(|known| known.name == arg.name) {
                return Err(format!("the argument `{}` stands in it twice", arg.name));
            }
            this.add(arg, &mut head);
        }
        if this.topics > 4 {
            return Err("an event has at most three indexed arguments".to_owned());
        }
        Ok(this)
    }

    fn add(&mut self, arg: signature::Arg, head: &mut usize) {
        let signature::Arg { name, sol, ty, indexed } = arg;
        let index = self.data.len();
        let words = sol.minimum_words();
        let (ty, sol, source) = match (indexed, is_dynamic(&sol)) {
            // Of what is longer than a word a topic holds the hash alone.
            (true, _) if !is_word(&sol) => {
                (Type::Fixed(32), DynSolType::FixedBytes(32), Place::Topic(self.topics))
            }
            (true, _) => (ty, sol, Place::Topic(self.topics)),
            (false, true) => {
                *head += 32;
                (ty, sol, Place::Moving { index })
            }
            (false, false) => {
                let from = *head;
                *head += 32 * words;
                (ty, sol, Place::Fixed { from, to: *head })
            }
        };
        if indexed {
            self.topics += 1;
        } else {
            self.data.push(sol.clone());
        }
        self.args.push(Argument { name, ty, sol, source });
    }

    /// Encodes arguments (in order): topics behind the first, and data.
    pub(crate) fn encode(&self, values: &[DynSolValue]) -> (Vec<B256>, Bytes) {
        let mut topics = Vec::new();
        let mut data = Vec::new();
        for (argument, value) in self.args.iter().zip(values) {
            match argument.source {
                Place::Topic(_) => topics.push(value.as_word().unwrap_or_default()),
                _ => data.push(value.clone()),
            }
        }
        (topics, DynSolValue::Tuple(data).abi_encode_params().into())
    }
}

fn is_dynamic(sol: &DynSolType) -> bool {
    match sol {
        DynSolType::Bytes | DynSolType::String | DynSolType::Array(_) => true,
        DynSolType::FixedArray(inner, _) => is_dynamic(inner),
        DynSolType::Tuple(inner) => inner.iter().any(is_dynamic),
        _ => false,
    }
}

fn is_word(sol: &DynSolType) -> bool {
    !is_dynamic(sol) && !matches!(sol, DynSolType::FixedArray(..) | DynSolType::Tuple(_))
}

/// The arguments of one log or call, decoded once each.
#[derive(Debug)]
pub(crate) struct Arguments<'a> {
    signature: &'a Signature,
    topics: &'a [B256],
    data: &'a [u8],
    cut: bool,
    known: RefCell<Vec<Option<Result<Value, Failure>>>>,
}

impl<'a> Arguments<'a> {
    pub(crate) fn new(
        signature: &'a Signature,
        topics: &'a [B256],
        data: &'a [u8],
        cut: bool,
    ) -> Self {
        let known = RefCell::new(vec![None; signature.args.len()]);
        Self { signature, topics, data, cut, known }
    }

    pub(crate) fn get(&self, index: usize) -> Result<Value, Failure> {
        if let Some(Some(known)) = self.known.borrow().get(index) {
            return known.clone();
        }
        let value = self.decode(index);
        if let Some(slot) = self.known.borrow_mut().get_mut(index) {
            *slot = Some(value.clone());
        }
        value
    }

    fn decode(&self, index: usize) -> Result<Value, Failure> {
        let argument = self.signature.args.get(index).ok_or(Failure::NotThere)?;
        let failed = || Failure::NotDecoded { name: argument.name.clone(), cut: self.cut };
        match argument.source {
            Place::Topic(at) => {
                let topic = self.topics.get(at).ok_or_else(failed)?;
                argument.sol.abi_decode(topic.as_slice()).map(|v| value(&v)).map_err(|_| failed())
            }
            Place::Fixed { from, to } => {
                let bytes = self.data.get(from..to).ok_or_else(failed)?;
                argument.sol.abi_decode(bytes).map(|v| value(&v)).map_err(|_| failed())
            }
            Place::Moving { index } => {
                let all = DynSolType::Tuple(self.signature.data.clone());
                match all.abi_decode_params(self.data) {
                    Ok(DynSolValue::Tuple(values)) => {
                        values.get(index).map(value).ok_or_else(failed)
                    }
                    _ => Err(failed()),
                }
            }
        }
    }
}

fn value(decoded: &DynSolValue) -> Value {
    match decoded {
        DynSolValue::Bool(value) => Value::Bool(*value),
        DynSolValue::Int(value, _) => Value::Int(*value),
        DynSolValue::Uint(value, _) => Value::Uint(*value),
        DynSolValue::FixedBytes(word, length) => {
            Value::Fixed(*word, u8::try_from(*length).unwrap_or(32))
        }
        DynSolValue::Address(address) => Value::Address(*address),
        DynSolValue::Function(function) => {
            Value::Fixed(B256::right_padding_from(function.as_slice()), 24)
        }
        DynSolValue::Bytes(bytes) => Value::Bytes(bytes.clone().into()),
        DynSolValue::String(text) => Value::Text(text.as_str().into()),
        DynSolValue::Array(list) | DynSolValue::FixedArray(list) => {
            Value::List(Arc::new(list.iter().map(value).collect()))
        }
        DynSolValue::Tuple(members) => Value::Struct(Arc::new(members.iter().map(value).collect())),
    }
}
