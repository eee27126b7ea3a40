//! What a transaction changed, from the state that the EVM leaves behind: the same that a `prestateTracer` diff says.

use alloy_primitives::{Address, B256, KECCAK256_EMPTY};
use portcullis_types::evidence::{CodeChange, StorageChange};
use revm::state::{Account, EvmState};

use super::State;
use crate::builder::state::{Changes, delegate_of};

/// The changes in `after`; `before` is the state without them.
pub(crate) fn changes(after: &EvmState, before: &State, success: bool) -> Changes {
    let mut changes = Changes::default();
    for (address, account) in after {
        changes.code.extend(code_change(*address, account, before));
        if !success || account.is_selfdestructed() {
            continue;
        }
        let slots = account.storage.iter().filter(|(_, slot)| slot.is_changed());
        changes.storage.extend(slots.map(|(slot, value)| StorageChange {
            address: *address,
            slot: (*slot).into(),
            before: value.original_value.into(),
            after: value.present_value.into(),
        }));
    }
    changes.storage.sort_unstable_by_key(|change| (change.address, change.slot));
    changes.code.sort_unstable_by_key(|change| change.address);
    changes
}

fn code_change(address: Address, account: &Account, before: &State) -> Option<CodeChange> {
    let destroyed = account.is_selfdestructed();
    let after = some_code(account.info.code_hash);
    // That code was taken away without a destruction is a delegation removed, which a diff does not say.
    if !destroyed && after.is_none() {
        return None;
    }
    let known = before.cache.accounts.get(&address);
    let before = known.and_then(|known| some_code(known.info.code_hash));
    if destroyed {
        return before.map(|_| CodeChange { address, before, after: None, delegate: None });
    }
    let delegate =
        || account.info.code.as_ref().and_then(|code| delegate_of(&code.original_bytes()));
    (before != after).then(|| CodeChange { address, before, after, delegate: delegate() })
}

fn some_code(hash: B256) -> Option<B256> {
    (hash != KECCAK256_EMPTY && !hash.is_zero()).then_some(hash)
}
