use alloy_primitives::FixedBytes;
use portcullis_types::{
    access::{AccessTransfer, SlotAccess},
    money::Asset,
};

use super::*;

const POOL: Address = Address::repeat_byte(0xa1);
const CODE: Address = Address::repeat_byte(0xa2);
const USER: Address = Address::repeat_byte(0x11);

fn call(to: Address, selector: u8, kind: AccessKind) -> AccessCall {
    let selector = Some(FixedBytes([selector; 4]));
    AccessCall { to, selector, kind, ok: true, slots: Vec::new() }
}

fn uses(mut call: AccessCall, slots: &[(AccessOp, u8, u8)]) -> AccessCall {
    let slot = |(op, slot, value): &(AccessOp, u8, u8)| SlotAccess {
        op: *op,
        contract: POOL,
        slot: B256::with_last_byte(*slot),
        value: B256::with_last_byte(*value),
    };
    call.slots = slots.iter().map(slot).collect();
    call
}

fn entry(calls: Vec<AccessCall>) -> AccessEntry {
    let hash = B256::repeat_byte(7);
    AccessEntry { chain_id: 1, hash, block_number: 100, calls, transfers: None }
}

fn evidence(calls: Vec<AccessCall>) -> Evidence {
    evidence_from_access(&entry(calls)).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn what_nobody_recorded_is_said_to_be_unknown() {
    let made = evidence(vec![call(POOL, 1, AccessKind::Call)]);
    assert_eq!(made.known, Known { logs: false, state: false, callers: false });
    assert_eq!((made.from, made.to), (Address::ZERO, None));
    assert_eq!((made.block.number, made.timestamp, made.success), (100, 1_200, true));
    let own = evidence(vec![call(POOL, 1, AccessKind::FirstCall)]);
    assert_eq!(own.to, Some(POOL), "the transaction's own call is known");
    assert!(evidence(Vec::new()).success, "no entry is no failure");
}

#[test]
fn a_proxy_passing_on_runs_on_its_own_storage_and_a_lone_delegate_call_on_unknown() {
    let passed_on = evidence(vec![
        call(POOL, 1, AccessKind::FirstCall),
        call(CODE, 1, AccessKind::DelegateCall),
    ]);
    assert_eq!(passed_on.frames[1].context, POOL);
    let lone = evidence(vec![call(CODE, 1, AccessKind::DelegateCall)]);
    assert_eq!(lone.frames[0].context, Address::ZERO);
    let by_slots = call(CODE, 1, AccessKind::DelegateCall);
    let by_slots = evidence(vec![uses(by_slots, &[(AccessOp::Sload, 1, 1)])]);
    assert_eq!(by_slots.frames[0].context, POOL);
}

#[test]
fn storage_holds_what_was_read_first_and_ended_up_different() {
    use AccessOp::{Sload, Sstore};
    let first = uses(
        call(POOL, 1, AccessKind::FirstCall),
        &[(Sload, 1, 5), (Sstore, 1, 6), (Sstore, 2, 9), (Sload, 3, 4), (Sload, 4, 1)],
    );
    let then = uses(call(POOL, 2, AccessKind::Call), &[(Sstore, 1, 8), (Sstore, 4, 2)]);
    let back = uses(call(POOL, 3, AccessKind::Call), &[(Sstore, 4, 1)]);
    let made = evidence(vec![first, then, back]);
    let expected = StorageChange {
        address: POOL,
        slot: B256::with_last_byte(1),
        before: B256::with_last_byte(5),
        after: B256::with_last_byte(8),
    };
    assert_eq!(made.storage, [expected], "slot 2 was never read, 3 never written, 4 set back");
}

#[test]
fn failed_entries_have_no_effect_and_money_is_netted() {
    let mut failed = uses(call(POOL, 1, AccessKind::Call), &[(AccessOp::Sload, 1, 1)]);
    failed.ok = false;
    let mut entry = entry(vec![failed]);
    let moved = |from, to, amount: u64| AccessTransfer {
        asset: Asset::Native,
        from,
        to,
        amount: U256::from(amount),
    };
    entry.transfers = Some(vec![moved(POOL, USER, 5), moved(USER, POOL, 3)]);
    let made = evidence_from_access(&entry).unwrap_or_else(|error| panic!("{error}"));
    assert!(!made.success && !made.frames[0].effective && made.storage.is_empty());
    let flows: Vec<i64> =
        made.flows.iter().map(|flow| i64::try_from(flow.delta).unwrap_or(i64::MAX)).collect();
    assert_eq!(flows, [2, -2], "USER gained what POOL lost");
    assert_eq!(made.transfers.len(), 2);
}

#[test]
fn too_many_uses_are_refused() {
    let slot =
        SlotAccess { op: AccessOp::Sload, contract: POOL, slot: B256::ZERO, value: B256::ZERO };
    let mut large = call(POOL, 1, AccessKind::Call);
    large.slots = vec![slot; SLOT_USES_MAX + 1];
    let error = evidence_from_access(&entry(vec![large])).expect_err("too large");
    assert!(matches!(error, SimulateError::TooLarge { limit: SLOT_USES_MAX, .. }), "{error}");
}
