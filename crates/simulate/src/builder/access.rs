//! Evidence from function entries with the slots that they used, where nobody kept the call tree.
//!
//! It says less than a trace, and says so: `known.callers` is `false` (nobody recorded who called whom), `known.logs` and
//! `known.state` are `false` too. What is there nevertheless is true but may be a part:
//!
//! - **Frames** stand in the order of entry, without parent and caller. The context of a delegate call is that of the
//!   entry before it if both have the same selector (a proxy passing on), else the contract whose slots alone it used,
//!   else the zero address: unknown.
//! - **`to`** is the contract that the transaction itself entered; none where the first recorded entry was made by
//!   another contract.
//! - **Transfers** are those recorded.
//! - **Storage** holds the slots that were read before they were written, as far as they ended up different: the first
//!   value seen is what was there before. A slot that was written without being read is left out, for what it held before
//!   is unknown.
//! - **Time** is that of blocks every 12 s from 0 on, as for all recordings without one; the place in the block is 0.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use portcullis_types::{
    access::{AccessCall, AccessEntry, AccessKind, AccessOp},
    chain::BlockId,
    evidence::{CallKind, Evidence, Frame, Known, StorageChange, Transfer},
};

use super::{FRAMES_MAX, Flat, call_tree, creations, transfers};
use crate::error::SimulateError;

/// Most uses of slots of one transaction; each costs at least 100 gas.
pub const SLOT_USES_MAX: usize = 1_000_000;

/// Seconds between two blocks of a recording without times.
const BLOCK_SECONDS: u64 = 12;

/// Makes Evidence of the entries of one transaction.
///
/// # Errors
/// [`SimulateError::TooLarge`] if there are more than [`FRAMES_MAX`] entries or [`SLOT_USES_MAX`] uses of slots.
pub fn evidence_from_access(entry: &AccessEntry) -> Result<Evidence, SimulateError> {
    let uses: usize = entry.calls.iter().map(|call| call.slots.len()).sum();
    for (what, count, limit) in
        [("entries", entry.calls.len(), FRAMES_MAX), ("uses of slots", uses, SLOT_USES_MAX)]
    {
        if count > limit {
            let what = format!("number of {what} of transaction {}", entry.hash);
            return Err(SimulateError::TooLarge { what, limit });
        }
    }
    let mut flat = flat(entry);
    let transfers: Vec<Transfer> = entry.transfers.iter().flatten().map(transfer).collect();
    let created = creations(&mut flat);
    let first = entry.calls.first().filter(|call| call.kind == AccessKind::FirstCall);
    Ok(Evidence {
        chain: entry.chain_id,
        block: BlockId {
            number: entry.block_number,
            hash: keccak256(entry.block_number.to_be_bytes()),
        },
        timestamp: entry.block_number.saturating_mul(BLOCK_SECONDS),
        index: 0,
        hash: entry.hash,
        from: Address::ZERO,
        to: first.map(|call| call.to),
        value: U256::ZERO,
        gas_used: None,
        success: entry.calls.is_empty() || entry.calls.iter().any(|call| call.ok),
        known: Known { logs: false, state: false, callers: false },
        logs: Vec::new(),
        flows: transfers::net(&transfers),
        transfers,
        storage: storage(&entry.calls),
        code: Vec::new(),
        call_tree_hash: call_tree::hash(&flat, Address::ZERO, &created),
        created,
        reentries: Vec::new(),
        frames: flat.frames,
    })
}

fn transfer(from: &portcullis_types::access::AccessTransfer) -> Transfer {
    let (asset, amount) = (from.asset, from.amount);
    Transfer { asset, from: from.from, to: from.to, amount, token_id: None }
}

fn flat(entry: &AccessEntry) -> Flat {
    let mut flat = Flat::default();
    let mut before: Option<(&AccessCall, Address)> = None;
    for call in &entry.calls {
        let context = match call.kind {
            AccessKind::DelegateCall => delegate_context(call, before),
            _ => call.to,
        };
        before = Some((call, context));
        let input = call.selector.map_or_else(Bytes::new, |selector| selector.0.into());
        flat.frames.push(Frame {
            parent: None,
            kind: kind(call.kind),
            from: Address::ZERO,
            to: call.to,
            context,
            value: U256::ZERO,
            input_length: input.len() as u32,
            input,
            effective: call.ok,
            failed: !call.ok,
        });
        flat.depths.push(0);
    }
    flat
}

/// On whose storage a delegate call ran; the zero address if that cannot be told.
fn delegate_context(call: &AccessCall, before: Option<(&AccessCall, Address)>) -> Address {
    if let Some((before, context)) = before
        && before.selector == call.selector
    {
        return context;
    }
    match call.slots.split_first() {
        Some((first, rest)) if rest.iter().all(|slot| slot.contract == first.contract) => {
            first.contract
        }
        _ => Address::ZERO,
    }
}

fn kind(kind: AccessKind) -> CallKind {
    match kind {
        AccessKind::FirstCall | AccessKind::Call => CallKind::Call,
        AccessKind::StaticCall => CallKind::StaticCall,
        AccessKind::DelegateCall => CallKind::DelegateCall,
        AccessKind::Create => CallKind::Create,
        AccessKind::Create2 => CallKind::Create2,
    }
}

/// The first value read and the last one seen, of slots that were read first.
fn storage(calls: &[AccessCall]) -> Vec<StorageChange> {
    let mut seen: BTreeMap<(Address, B256), (Option<B256>, B256)> = BTreeMap::new();
    for slot in calls.iter().filter(|call| call.ok).flat_map(|call| &call.slots) {
        let before = (slot.op == AccessOp::Sload).then_some(slot.value);
        let known = seen.entry((slot.contract, slot.slot)).or_insert((before, slot.value));
        known.1 = slot.value;
    }
    let changed = seen.into_iter().filter_map(|((address, slot), (before, after))| {
        let before = before.filter(|before| *before != after)?;
        Some(StorageChange { address, slot, before, after })
    });
    changed.collect()
}

#[cfg(test)]
mod tests;
