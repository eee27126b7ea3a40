use alloy_primitives::{Bytes, U64, U256};
use portcullis_types::wire::{WireAccount, WireLog, WireTransaction};

use super::*;

fn hash(byte: u8) -> B256 {
    B256::repeat_byte(byte)
}

fn block_of(hashes: &[u8], logs_bloom: Option<&Bloom>) -> WireBlock {
    WireBlock {
        number: U64::from(7),
        hash: hash(0xb0),
        gas_used: U64::from(21_000 * hashes.len() as u64),
        logs_bloom: logs_bloom.map(|bloom| Bytes::copy_from_slice(bloom.as_slice())),
        transactions: hashes
            .iter()
            .map(|byte| WireTransaction { hash: hash(*byte), ..WireTransaction::default() })
            .collect(),
        ..WireBlock::default()
    }
}

fn receipt(byte: u8, emitters: &[u8]) -> WireReceipt {
    let log =
        |emitter: &u8| WireLog { address: Address::repeat_byte(*emitter), ..WireLog::default() };
    WireReceipt {
        transaction_hash: hash(byte),
        logs: emitters.iter().map(log).collect(),
        ..WireReceipt::default()
    }
}

fn bloom_of(emitters: &[u8]) -> Bloom {
    let mut bloom = Bloom::ZERO;
    for emitter in emitters {
        bloom.accrue(BloomInput::Raw(Address::repeat_byte(*emitter).as_slice()));
    }
    bloom
}

#[test]
fn contradictions_are_told() {
    let id = BlockId { number: 7, hash: hash(0xb0) };
    let block = block_of(&[1, 2], Some(&bloom_of(&[0x11, 0x22])));
    assert_eq!(check_block(&block, &id), Ok(()));
    assert_eq!(check_receipts(&block, &[receipt(1, &[0x11]), receipt(2, &[0x22])]), Ok(()));

    let emptied = WireBlock { transactions: Vec::new(), ..block.clone() };
    let wrong = BlockId { number: 7, hash: hash(0xb1) };
    let traced = |bytes: &[Option<u8>]| -> Vec<TracedTransaction<TraceFrame>> {
        let one =
            |byte: &Option<u8>| TracedTransaction { tx_hash: byte.map(hash), ..Default::default() };
        bytes.iter().map(one).collect()
    };
    let found = [
        check_block(&emptied, &id),
        check_block(&block, &wrong),
        check_receipts(&block, &[receipt(1, &[0x11])]),
        check_receipts(&block, &[receipt(2, &[0x11]), receipt(1, &[0x22])]),
        check_receipts(&block, &[receipt(1, &[]), receipt(2, &[])]),
        check_receipts(&block, &[receipt(1, &[0x11]), receipt(2, &[])]),
        check_traced(&block, Some(&traced(&[None])), "call traces"),
        check_traced(&block, Some(&traced(&[None, Some(1)])), "call traces"),
    ];
    for result in found {
        assert!(matches!(result, Err(BlindCause::Inconsistent { .. })), "{result:?}");
    }
    assert_eq!(check_traced(&block, Some(&traced(&[None, Some(2)])), "call traces"), Ok(()));
}

#[test]
fn blocks_without_a_filter_are_not_doubted() {
    for bloom in [None, Some(&Bloom::ZERO)] {
        assert_eq!(check_receipts(&block_of(&[1], bloom), &[receipt(1, &[0x11])]), Ok(()));
    }
}

fn account(balance: Option<u64>, slots: &[(u8, u8)]) -> WireAccount {
    WireAccount {
        balance: balance.map(U256::from),
        storage: slots.iter().map(|(slot, value)| (hash(*slot), hash(*value))).collect(),
        ..WireAccount::default()
    }
}

#[test]
fn the_first_value_seen_is_the_one_before_the_block() {
    let (alice, token, created) =
        (Address::repeat_byte(1), Address::repeat_byte(2), Address::repeat_byte(3));
    let prestates = vec![
        Prestate::from([
            (alice, account(Some(100), &[])),
            (token, account(None, &[(1, 0x10), (2, 0x20)])),
        ]),
        Prestate::from([
            // Her nonce was 0 and left out; after the first transaction it is 1.
            (alice, WireAccount { nonce: Some(1), ..account(Some(90), &[]) }),
            (token, account(Some(5), &[(1, 0x11), (3, 0x30)])),
            (created, account(Some(7), &[(9, 0x99)])),
        ]),
    ];
    let mut diffs = vec![TracedTransaction::<StateDiff>::default(); 2];
    diffs[0].result = Some(StateDiff {
        post: Prestate::from([(created, account(Some(7), &[])), (alice, account(Some(90), &[]))]),
        ..StateDiff::default()
    });
    let state = merged(prestates, &diffs);
    let whole = |balance, slots| WireAccount { nonce: Some(0), ..account(Some(balance), slots) };
    assert_eq!(
        state,
        Prestate::from([
            (alice, whole(100, &[])),
            (token, whole(0, &[(1, 0x10), (2, 0x20), (3, 0x30)])),
        ])
    );
}
