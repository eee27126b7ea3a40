//! What a contract's code looks like to a linear sweep: instructions one after the other, data of PUSH skipped.
//!
//! A sweep takes data that stands between instructions (tables, the compiler's metadata) for instructions, until it falls
//! into step again. The metadata at the end of the code is left out; the rest makes features inexact, which is why they
//! are features and no facts.

use alloy_primitives::{Address, Selector};
use portcullis_types::evidence::{CodeFeatures, EMBEDDED_MAX, SELECTORS_MAX};

const PUSH0: u8 = 0x5f;
const PUSH1: u8 = 0x60;
const PUSH32: u8 = 0x7f;
const DUP1: u8 = 0x80;
const DUP16: u8 = 0x8f;
const SUB: u8 = 0x03;
const EQ: u8 = 0x14;
const XOR: u8 = 0x18;
const CALL: u8 = 0xf1;
const CALLCODE: u8 = 0xf2;
const DELEGATECALL: u8 = 0xf4;
const STATICCALL: u8 = 0xfa;
const SELFDESTRUCT: u8 = 0xff;

/// Most words at the end of creation code that are tried as arguments of the constructor.
pub const ARGUMENT_WORDS_MAX: usize = 32;

/// One instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instruction<'a> {
    /// Where it stands, bytes from the beginning.
    pub offset: usize,
    /// What it does.
    pub opcode: u8,
    /// What it pushes: as many bytes as it says, fewer only at the end of the code.
    pub immediate: &'a [u8],
}

/// The instructions of `code` in order. They cover it without gap or overlap.
pub fn instructions(code: &[u8]) -> impl Iterator<Item = Instruction<'_>> {
    let mut offset = 0;
    std::iter::from_fn(move || {
        let opcode = *code.get(offset)?;
        let width = match opcode {
            PUSH1..=PUSH32 => usize::from(opcode - PUSH0),
            _ => 0,
        };
        let rest = code.get(offset + 1..).unwrap_or_default();
        let immediate = rest.get(..width).unwrap_or(rest);
        let instruction = Instruction { offset, opcode, immediate };
        offset += 1 + immediate.len();
        Some(instruction)
    })
}

/// Features of a contract made by `creation` code (with arguments) that left `deployed` code behind.
///
/// Counts are those of the deployed code, or of the creation code where nothing was deployed: such a contract did its
/// work in its constructor.
pub fn features(creation: &[u8], deployed: &[u8]) -> CodeFeatures {
    let length = |code: &[u8]| u32::try_from(code.len()).unwrap_or(u32::MAX);
    let mut found = CodeFeatures {
        length: length(deployed),
        creation_length: length(creation),
        ..CodeFeatures::default()
    };
    let runs = without_metadata(deployed);
    if runs.is_empty() {
        count(creation, &mut found);
    } else {
        count(runs, &mut found);
        constants(runs, &mut found);
    }
    // What the constructor calls and is given stands in the creation code only.
    constants(creation, &mut found);
    arguments(creation, &mut found);
    found
}

fn count(code: &[u8], found: &mut CodeFeatures) {
    for instruction in instructions(code) {
        found.n_instructions = found.n_instructions.saturating_add(1);
        let delegate = matches!(instruction.opcode, DELEGATECALL | CALLCODE);
        if delegate || matches!(instruction.opcode, CALL | STATICCALL) {
            found.n_calls = found.n_calls.saturating_add(1);
        }
        found.n_delegate_calls = found.n_delegate_calls.saturating_add(u32::from(delegate));
        found.self_destruct |= instruction.opcode == SELFDESTRUCT;
    }
}

fn constants(code: &[u8], found: &mut CodeFeatures) {
    let mut waiting: Option<Selector> = None;
    for instruction in instructions(code) {
        if let Some(selector) = waiting {
            match instruction.opcode {
                // The call data's selector is fetched for the comparison.
                DUP1..=DUP16 => continue,
                EQ | XOR | SUB => put(&mut found.functions, selector, SELECTORS_MAX),
                _ => put(&mut found.calls, selector, SELECTORS_MAX),
            }
            waiting = None;
        }
        match instruction.immediate {
            four @ [_, _, _, _] if instruction.opcode == PUSH1 + 3 => {
                waiting = Some(Selector::from_slice(four)).filter(|one| is_selector(*one));
            }
            twenty if twenty.len() == 20 => embed(Address::from_slice(twenty), found),
            word if word.len() == 32 => match word.split_at(12) {
                // An immutable variable, or an argument.
                (zeros, address) if zeros.iter().all(|byte| *byte == 0) => {
                    embed(Address::from_slice(address), found);
                }
                // A selector as it stands in call data.
                ([a, b, c, d, rest @ ..], low) if rest.iter().chain(low).all(|byte| *byte == 0) => {
                    let selector = Selector::new([*a, *b, *c, *d]);
                    if is_selector(selector) {
                        put(&mut found.calls, selector, SELECTORS_MAX);
                    }
                }
                _ => {}
            },
            _ => {}
        }
    }
    if let Some(selector) = waiting {
        put(&mut found.calls, selector, SELECTORS_MAX);
    }
}

/// Words at the end of creation code that may be addresses.
fn arguments(creation: &[u8], found: &mut CodeFeatures) {
    for word in creation.rchunks_exact(32).take(ARGUMENT_WORDS_MAX) {
        let (zeros, address) = word.split_at(12);
        if zeros.iter().all(|byte| *byte == 0) {
            embed(Address::from_slice(address), found);
        }
    }
}

/// Small numbers and the mask of all ones are no addresses.
fn embed(address: Address, found: &mut CodeFeatures) {
    let (high, low) = address.split_at(4);
    let small = high.iter().all(|byte| *byte == 0);
    // What ends in sixteen zeros is a number that was shifted.
    let shifted = low.iter().all(|byte| *byte == 0);
    let mask = address.iter().all(|byte| *byte == 0xff);
    if !small && !shifted && !mask {
        put(&mut found.embedded, address, EMBEDDED_MAX);
    }
}

fn is_selector(selector: Selector) -> bool {
    selector != Selector::repeat_byte(0xff) && selector != Selector::ZERO
}

fn put<T: PartialEq>(list: &mut Vec<T>, item: T, most: usize) {
    if list.len() < most && !list.contains(&item) {
        list.push(item);
    }
}

/// The code without the CBOR map that Solidity writes behind it, whose length stands in the last two bytes.
fn without_metadata(code: &[u8]) -> &[u8] {
    let Some((rest, [high, low])) = code.split_last_chunk::<2>() else { return code };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    let Some(start) = rest.len().checked_sub(length) else { return code };
    match rest.split_at(start) {
        // Maps of one to four entries whose first key is a text.
        (before, [0xa1..=0xa4, 0x60..=0x77, ..]) => before,
        _ => code,
    }
}

#[cfg(test)]
mod tests;
