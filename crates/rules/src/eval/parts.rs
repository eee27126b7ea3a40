//! The fields of Evidence.

use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes, U256};
use portcullis_types::{
    evidence::{CallKind, CodeChange, Evidence, Flow, Frame, Log, Reentry, Transfer, WriteAfter},
    money::{Asset, Usd},
};

use super::{Env, Failure};
use crate::{
    schema::{CALL_KINDS, Field},
    ty::Message,
    value::Value,
};

/// All parts of a kind; of calls only those that took effect.
pub(super) fn all(message: Message, evidence: &Evidence) -> Vec<Value> {
    let length = match message {
        Message::Transfer => evidence.transfers.len(),
        Message::Flow => evidence.flows.len(),
        Message::Event => evidence.logs.len(),
        Message::Storage => evidence.storage.len(),
        Message::Code => evidence.code.len(),
        Message::Created => evidence.created.len(),
        Message::Reentry => evidence.reentries.len(),
        Message::Call => {
            let frames = evidence.frames.iter().enumerate().filter(|(_, frame)| frame.effective);
            return frames.map(|(index, _)| Value::Part(message, index as u32)).collect();
        }
        Message::Tx | Message::Block | Message::Protocol => 1,
    };
    (0..length).map(|index| Value::Part(message, index as u32)).collect()
}

/// A field of a message, an asset or an amount.
pub(super) fn field(of: &Value, field: Field, env: &Env<'_>) -> Result<Value, Failure> {
    let found = match of {
        Value::Part(message, index) => part(*message, *index as usize, field, env),
        Value::Asset(asset) => of_asset(*asset, field, env),
        Value::Amount(asset, raw) => match field {
            Field::Raw => Some(Value::Uint(*raw)),
            Field::Usd => Some(Value::Usd(env.world.value(*asset, *raw))),
            Field::Asset => Some(Value::Asset(*asset)),
            _ => None,
        },
        _ => None,
    };
    found.ok_or(Failure::NotThere)
}

fn of_asset(asset: Asset, field: Field, env: &Env<'_>) -> Option<Value> {
    let spec = env.world.spec(asset);
    Some(match field {
        Field::Address => Value::Address(match asset {
            Asset::Native => Address::ZERO,
            Asset::Token(address) => address,
        }),
        Field::Symbol => text(spec.map_or("", |spec| &spec.symbol)),
        Field::Decimals => Value::Uint(U256::from(spec.map_or(0, |spec| spec.decimals))),
        Field::Price => Value::Usd(spec.map_or(Usd::ZERO, |spec| spec.price_usd)),
        Field::Listed => Value::Bool(spec.is_some()),
        _ => return None,
    })
}

fn part(message: Message, index: usize, field: Field, env: &Env<'_>) -> Option<Value> {
    let evidence = env.evidence;
    match message {
        Message::Tx => of_tx(evidence, field),
        Message::Block => match field {
            Field::Number => Some(Value::Uint(U256::from(evidence.block.number))),
            Field::Timestamp => Some(Value::Uint(U256::from(evidence.timestamp))),
            _ => None,
        },
        Message::Event => of_log(evidence.logs.get(index)?, field),
        Message::Call => of_frame(evidence, index, field),
        Message::Storage => {
            let change = evidence.storage.get(index)?;
            Some(match field {
                Field::Address => Value::Address(change.address),
                Field::Slot => word(change.slot),
                Field::Before => word(change.before),
                Field::After => word(change.after),
                _ => return None,
            })
        }
        Message::Code => of_code(evidence.code.get(index)?, field),
        Message::Transfer => of_transfer(evidence.transfers.get(index)?, field, env),
        Message::Flow => of_flow(evidence.flows.get(index)?, field, env),
        Message::Created => {
            let created = evidence.created.get(index)?;
            Some(Value::Address(match field {
                Field::Address => created.address,
                Field::Creator => created.creator,
                _ => return None,
            }))
        }
        Message::Reentry => of_reentry(evidence.reentries.get(index)?, field),
        Message::Protocol => of_protocol(field, env),
    }
}

fn word(word: B256) -> Value {
    Value::Fixed(word, 32)
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn list(values: impl Iterator<Item = Value>) -> Value {
    Value::List(Arc::new(values.collect()))
}

fn of_tx(evidence: &Evidence, field: Field) -> Option<Value> {
    let own = evidence.frames.first();
    Some(match field {
        Field::From => Value::Address(evidence.from),
        Field::To => Value::Address(evidence.to.unwrap_or_default()),
        Field::Value => Value::Uint(evidence.value),
        Field::Selector => selector(own),
        Field::Input => Value::Bytes(own.map_or_else(Bytes::new, |frame| frame.input.clone())),
        Field::Success => Value::Bool(evidence.success),
        Field::Hash => word(evidence.hash),
        Field::Index => Value::Uint(U256::from(evidence.index)),
        Field::Creates => {
            let creation =
                |frame: &Frame| matches!(frame.kind, CallKind::Create | CallKind::Create2);
            Value::Bool(own.is_some_and(creation))
        }
        _ => return None,
    })
}

fn selector(frame: Option<&Frame>) -> Value {
    let selector = frame.and_then(Frame::selector).unwrap_or_default();
    Value::Fixed(B256::right_padding_from(&selector), 4)
}

fn of_log(log: &Log, field: Field) -> Option<Value> {
    Some(match field {
        Field::Address => Value::Address(log.address),
        Field::Topics => list(log.topics.iter().copied().map(word)),
        Field::Data => Value::Bytes(log.data.clone()),
        _ => return None,
    })
}

fn of_frame(evidence: &Evidence, index: usize, field: Field) -> Option<Value> {
    let frame = evidence.frames.get(index)?;
    Some(match field {
        Field::From => Value::Address(frame.from),
        Field::To => Value::Address(frame.to),
        Field::Context => Value::Address(frame.context),
        Field::Value => Value::Uint(frame.value),
        Field::Depth => {
            let (mut depth, mut at) = (0u32, frame.parent);
            // A parent stands before its child, so that this ends.
            while let Some(parent) = at
                && let Some(outer) = evidence.frames.get(parent as usize)
                && outer.parent.is_none_or(|next| next < parent)
            {
                depth += 1;
                at = outer.parent;
            }
            Value::Uint(U256::from(depth))
        }
        Field::Length => Value::Uint(U256::from(frame.input_length)),
        Field::Kind => text(CALL_KINDS.get(kind_index(frame.kind))?),
        Field::Selector => selector(Some(frame)),
        Field::Input => Value::Bytes(frame.input.clone()),
        _ => return None,
    })
}

/// The place of a kind in [`CALL_KINDS`].
fn kind_index(kind: CallKind) -> usize {
    match kind {
        CallKind::Call => 0,
        CallKind::StaticCall => 1,
        CallKind::DelegateCall => 2,
        CallKind::CallCode => 3,
        CallKind::Create => 4,
        CallKind::Create2 => 5,
        CallKind::SelfDestruct => 6,
    }
}

fn of_code(change: &CodeChange, field: Field) -> Option<Value> {
    Some(match field {
        Field::Address => Value::Address(change.address),
        Field::Before => word(change.before.unwrap_or_default()),
        Field::After => word(change.after.unwrap_or_default()),
        Field::Delegate => Value::Address(change.delegate.unwrap_or_default()),
        _ => return None,
    })
}

fn of_transfer(transfer: &Transfer, field: Field, env: &Env<'_>) -> Option<Value> {
    Some(match field {
        Field::Asset => Value::Asset(transfer.asset),
        Field::From => Value::Address(transfer.from),
        Field::To => Value::Address(transfer.to),
        Field::Amount => Value::Amount(transfer.asset, transfer.amount),
        Field::Usd => Value::Usd(env.world.value(transfer.asset, transfer.amount)),
        Field::TokenId => Value::Uint(transfer.token_id.unwrap_or_default()),
        _ => return None,
    })
}

fn of_flow(flow: &Flow, field: Field, env: &Env<'_>) -> Option<Value> {
    Some(match field {
        Field::Holder => Value::Address(flow.holder),
        Field::Asset => Value::Asset(flow.asset),
        Field::Delta => Value::Int(flow.delta),
        Field::Usd => {
            let value = env.world.value(flow.asset, flow.delta.unsigned_abs());
            Value::Usd(if flow.delta.is_negative() { -value } else { value })
        }
        _ => return None,
    })
}

fn of_reentry(reentry: &Reentry, field: Field) -> Option<Value> {
    Some(match field {
        Field::Contract => Value::Address(reentry.contract),
        Field::Through => list(reentry.through.iter().copied().map(Value::Address)),
        Field::WritesAfter => Value::Bool(matches!(reentry.write_after, WriteAfter::Slots(_))),
        _ => return None,
    })
}

fn of_protocol(field: Field, env: &Env<'_>) -> Option<Value> {
    let world = env.world;
    Some(match field {
        Field::Name => text(&world.protocol.name),
        Field::Contracts => list(world.contracts.iter().copied().map(Value::Address)),
        Field::Holders => list(world.holders.iter().copied().map(Value::Address)),
        Field::Assets => list(world.protocol.assets.iter().map(|spec| Value::Asset(spec.asset))),
        _ => return None,
    })
}
