//! Answers to probes, on the state that a replayer stands on.
//!
//! An answer names the slots it depends on, so that it need not be asked again until one of them changes. Where it
//! depends on more (time, block number, native balances, code), the list is empty, which means just that: ask again.

use alloy_primitives::{Address, B256, Bytes, U256};
use portcullis_types::{
    money::Asset,
    probe::{Probe, Reading},
    text::printable,
    wire::WireBlock,
};

use crate::{
    call::{Call, Scratch},
    replay::Replayer,
};

const SELECTOR_BALANCE_OF: [u8; 4] = [0x70, 0xa0, 0x82, 0x31];

type Answer = Result<(U256, Vec<(Address, B256)>), String>;

impl Replayer {
    /// Answers `probes`, in order, as a call in `block` would see the current state. A probe that cannot be answered
    /// says why in its reading; the state stays as it is.
    pub fn read(&mut self, probes: &[Probe], block: &WireBlock) -> Vec<Reading> {
        let mut readings = Vec::with_capacity(probes.len());
        let scratch =
            Scratch::new(self, block, true).map_err(|error| printable(&error.to_string()));
        match scratch {
            Ok(mut scratch) => {
                for probe in probes {
                    readings.push(reading(probe, answer(&mut scratch, probe)));
                }
            }
            Err(why) => {
                for probe in probes {
                    readings.push(reading(probe, Err(why.clone())));
                }
            }
        }
        readings
    }
}

fn reading(probe: &Probe, answer: Answer) -> Reading {
    let (value, depends_on) = match answer {
        Ok((value, depends_on)) => (Ok(value), depends_on),
        Err(why) => (Err(why), Vec::new()),
    };
    Reading { probe: probe.clone(), value, depends_on }
}

fn answer(scratch: &mut Scratch<'_>, probe: &Probe) -> Answer {
    match probe {
        Probe::Call { to, data, word } => view(scratch, *to, data.clone(), *word),
        Probe::Storage { address, slot } => {
            let value = scratch.slot(*address, *slot).map_err(|missing| missing.to_string())?;
            Ok((value, vec![(*address, *slot)]))
        }
        Probe::Balance { asset: Asset::Native, holder } => {
            let account = scratch.account(*holder).map_err(|missing| missing.to_string())?;
            Ok((account.map_or(U256::ZERO, |account| account.balance), Vec::new()))
        }
        Probe::Balance { asset: Asset::Token(token), holder } => {
            let mut data = SELECTOR_BALANCE_OF.to_vec();
            data.extend_from_slice(holder.into_word().as_slice());
            view(scratch, *token, data.into(), 0)
        }
    }
}

/// A view call and one word of its answer.
fn view(scratch: &mut Scratch<'_>, to: Address, data: Bytes, word: u32) -> Answer {
    let account = scratch.account(to).map_err(|missing| missing.to_string())?;
    if account.is_none_or(|account| account.is_empty_code_hash()) {
        return Err(format!("{to} has no code to call"));
    }
    let played = scratch.play(Call::view(to, data), false)?;
    let output = played.output?;
    let value = word_of(&output, word).ok_or_else(|| {
        format!("the answer of {to} is {} bytes long and has no word {word}", output.len())
    })?;
    let depends_on = if played.looked_outside { Vec::new() } else { played.slots };
    Ok((value, depends_on))
}

pub(crate) fn word_of(output: &[u8], word: u32) -> Option<U256> {
    let start = usize::try_from(word).ok()?.checked_mul(32)?;
    output.get(start..start.checked_add(32)?).map(U256::from_be_slice)
}
