//! One side of an invariant: where its number comes from and what is known of it. See [`crate::invariant`].

use alloy_primitives::{Address, Bytes, U256};
use portcullis_types::{
    chain::BlockId,
    probe::{Probe, Reading},
};

use crate::{
    abi::Signature,
    build::{ConfigError, Resolver},
    config::Term,
    history::Timeline,
};

/// One side and what is known of it.
#[derive(Debug, Clone)]
pub(crate) enum Side {
    Constant(U256),
    Read {
        probe: Probe,
        /// For people.
        text: String,
        /// None where it could not be read.
        values: Timeline<Option<U256>>,
    },
}

impl Side {
    pub(crate) fn new(
        resolver: &Resolver<'_>,
        field: &str,
        term: &Term,
    ) -> Result<Self, ConfigError> {
        if !is_one_kind(term) {
            return Err(resolver.error(
                field,
                "it is not one kind of number",
                "write {call, contract, args?, word?}, {slot, contract}, {balance, of} or {constant}",
            ));
        }
        if let Some(constant) = term.constant {
            return Ok(Self::Constant(constant.0));
        }
        let named = |name: &'static str, value: &Option<String>| {
            let text = value.as_deref().unwrap_or_default();
            resolver.contract(&format!("{field}.{name}"), text)
        };
        if let Some(symbol) = &term.balance {
            let spec = resolver.asset(&format!("{field}.balance"), symbol)?;
            let holder = named("of", &term.of)?;
            let probe = Probe::Balance { asset: spec.asset, holder: holder.address };
            return Ok(Self::read(probe, format!("{symbol} of {}", holder.name)));
        }
        let contract = named("contract", &term.contract)?;
        if let Some(slot) = term.slot {
            let probe = Probe::Storage { address: contract.address, slot: slot.0.into() };
            return Ok(Self::read(probe, format!("slot {:#x} of {}", slot.0, contract.name)));
        }
        let (text, data) = call_data(resolver, field, term)?;
        let word = term.word.unwrap_or_default();
        let probe = Probe::Call { to: contract.address, data, word };
        Ok(Self::read(probe, format!("{}.{text}", contract.name)))
    }

    pub(crate) fn read(probe: Probe, text: String) -> Self {
        Self::Read { probe, text, values: Timeline::default() }
    }

    pub(crate) fn probe(&self) -> Option<&Probe> {
        match self {
            Self::Constant(_) => None,
            Self::Read { probe, .. } => Some(probe),
        }
    }

    /// The contract it is about.
    pub(crate) fn contract(&self) -> Option<Address> {
        self.probe().map(|probe| match probe {
            Probe::Call { to, .. } => *to,
            Probe::Storage { address, .. } => *address,
            Probe::Balance { holder, .. } => *holder,
        })
    }

    pub(crate) fn value(&self) -> Option<U256> {
        match self {
            Self::Constant(value) => Some(*value),
            Self::Read { values, .. } => values.latest().copied().flatten(),
        }
    }

    pub(crate) fn text(&self) -> String {
        match self {
            Self::Constant(value) => value.to_string(),
            Self::Read { text, .. } => text.clone(),
        }
    }

    pub(crate) fn take(&mut self, block: BlockId, reading: &Reading) -> bool {
        match self {
            Self::Read { probe, values, .. } if *probe == reading.probe => {
                values.set(block, reading.value.as_ref().ok().copied());
                true
            }
            _ => false,
        }
    }

    pub(crate) fn retract(&mut self, blocks: &[BlockId]) {
        if let Self::Read { values, .. } = self {
            values.retract(blocks);
        }
    }
}

/// Whether a term is of exactly one kind, with nothing in it that belongs to another.
fn is_one_kind(term: &Term) -> bool {
    let kinds =
        [term.call.is_some(), term.slot.is_some(), term.balance.is_some(), term.constant.is_some()];
    // contract, of, args, word
    let allowed = match kinds {
        [true, false, false, false] => [true, false, true, true],
        [false, true, false, false] => [true, false, false, false],
        [false, false, true, false] => [false, true, false, false],
        [false, false, false, true] => [false; 4],
        _ => return false,
    };
    let given =
        [term.contract.is_some(), term.of.is_some(), !term.args.is_empty(), term.word.is_some()];
    given.iter().zip(allowed).all(|(given, allowed)| !given || allowed)
}

/// The canonical signature and the call data of a view call.
fn call_data(
    resolver: &Resolver<'_>,
    field: &str,
    term: &Term,
) -> Result<(String, Bytes), ConfigError> {
    let bad = |part: &str, why: String| {
        resolver.error(format!("{field}.{part}"), why, "compare it with the contract's interface")
    };
    let written = term.call.as_deref().unwrap_or_default();
    let signature = Signature::parse(written).map_err(|why| bad("call", why))?;
    let named = |name: &str| resolver.account("", name).ok();
    let data = signature.encode(&term.args, named).map_err(|why| bad("args", why))?;
    Ok((signature.text, data))
}
