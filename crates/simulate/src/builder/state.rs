//! Storage and code changes from a `prestateTracer` diff.
//!
//! `pre` leaves out slots that were zero, `post` those that became zero and everything that did not change. An account
//! that is in `pre` alone was destroyed; one that is in `post` alone did not exist.

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, keccak256};
use portcullis_types::{
    evidence::{CodeChange, StorageChange},
    wire::{StateDiff, WireAccount},
};

/// What the code of a delegating account begins with (EIP-7702).
const DELEGATION: [u8; 3] = [0xef, 0x01, 0x00];

/// What a transaction changed in the state.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Slots that differ afterwards, sorted; none for a failed transaction.
    pub(crate) storage: Vec<StorageChange>,
    /// Accounts whose code differs afterwards, sorted.
    pub(crate) code: Vec<CodeChange>,
}

impl Changes {
    /// What `diff` says; `success` says whether the transaction took effect.
    pub(crate) fn of_diff(diff: &StateDiff, success: bool) -> Self {
        Self { storage: storage_changes(diff, success), code: code_changes(diff) }
    }
}

/// Slots that differ afterwards, sorted; none for a failed transaction.
fn storage_changes(diff: &StateDiff, success: bool) -> Vec<StorageChange> {
    let mut changes = Vec::new();
    if !success {
        return changes;
    }
    let nothing = WireAccount::default();
    for (address, after) in &diff.post {
        let before = diff.pre.get(address).unwrap_or(&nothing);
        let mut slots: Vec<&B256> = before.storage.keys().chain(after.storage.keys()).collect();
        slots.sort_unstable();
        slots.dedup();
        for slot in slots {
            let was = before.storage.get(slot).copied().unwrap_or(B256::ZERO);
            let is = after.storage.get(slot).copied().unwrap_or(B256::ZERO);
            if was != is {
                let address = *address;
                changes.push(StorageChange { address, slot: *slot, before: was, after: is });
            }
        }
    }
    changes
}

/// Accounts whose code differs afterwards, sorted.
fn code_changes(diff: &StateDiff) -> Vec<CodeChange> {
    let mut changes = Vec::new();
    for (address, account) in &diff.pre {
        if !diff.post.contains_key(address) {
            let before = code_hash(account);
            let destroyed = CodeChange { address: *address, before, after: None, delegate: None };
            changes.extend(before.map(|_| destroyed));
        }
    }
    for (address, account) in &diff.post {
        if account.code.is_none() && account.code_hash.is_none() {
            continue;
        }
        let before = diff.pre.get(address).and_then(code_hash);
        let after = code_hash(account);
        if before != after {
            let delegate = account.code.as_ref().and_then(delegate_of);
            changes.push(CodeChange { address: *address, before, after, delegate });
        }
    }
    changes.sort_by_key(|change| change.address);
    changes
}

fn code_hash(account: &WireAccount) -> Option<B256> {
    match &account.code {
        Some(code) => (!code.is_empty()).then(|| keccak256(code)),
        None => account.code_hash.filter(|hash| *hash != KECCAK256_EMPTY && !hash.is_zero()),
    }
}

/// The account that code delegates to, if it does nothing else.
pub(crate) fn delegate_of(code: &Bytes) -> Option<Address> {
    let address = code.strip_prefix(&DELEGATION)?;
    <[u8; 20]>::try_from(address).ok().map(Address::from)
}
