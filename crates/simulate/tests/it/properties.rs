//! What holds for every call tree, however made.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, I256, U64, U256};
use portcullis_simulate::builder::{self, Input, LogSource, Write, transfers};
use portcullis_types::{
    evidence::{Evidence, Transfer, WriteAfter},
    money::Asset,
    wire::{StateDiff, TraceFrame, WireAccount, WireLog, WireTransaction},
};
use proptest::{collection::vec, option, prelude::*};

use crate::common::{input, topic, who};

/// Few accounts, so that they meet.
fn account() -> impl Strategy<Value = Address> {
    (0u8..6).prop_map(who)
}

fn a_topic() -> impl Strategy<Value = B256> {
    prop_oneof![
        Just(topic("Transfer(address,address,uint256)")),
        Just(topic("Deposit(address,uint256)")),
        Just(topic("Withdrawal(address,uint256)")),
        account().prop_map(|account| account.into_word()),
        any::<[u8; 32]>().prop_map(B256::from),
    ]
}

fn amount() -> impl Strategy<Value = U256> {
    prop_oneof![
        (0u64..4).prop_map(U256::from),
        any::<u128>().prop_map(U256::from),
        any::<[u8; 32]>().prop_map(U256::from_be_bytes),
        Just(U256::MAX),
    ]
}

fn a_log() -> impl Strategy<Value = WireLog> {
    let data = prop_oneof![
        amount().prop_map(|amount| amount.to_be_bytes::<32>().to_vec()),
        vec(any::<u8>(), 0..70),
    ];
    let position = option::of((0u64..4).prop_map(U64::from));
    (account(), vec(a_topic(), 0..5), data, position).prop_map(
        |(address, topics, data, position)| WireLog {
            address,
            topics,
            data: data.into(),
            position,
        },
    )
}

fn kind() -> impl Strategy<Value = String> {
    const KINDS: [&str; 9] = [
        "CALL",
        "CALL",
        "CALL",
        "STATICCALL",
        "DELEGATECALL",
        "CALLCODE",
        "CREATE",
        "CREATE2",
        "SELFDESTRUCT",
    ];
    prop_oneof![
        99 => prop::sample::select(&KINDS[..]).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

fn call_data() -> impl Strategy<Value = Vec<u8>> {
    let selector = prop::sample::select(&["a9059cbb", "23b872dd", "d0e30db0", "2e1a7d4d"][..]);
    let words = vec(any::<[u8; 32]>(), 0..4);
    prop_oneof![
        vec(any::<u8>(), 0..40),
        (selector, words).prop_map(|(selector, words)| {
            let mut data = alloy_primitives::hex::decode(selector).unwrap();
            data.extend(words.concat());
            data
        }),
    ]
}

fn bare_frame() -> impl Strategy<Value = TraceFrame> {
    (
        kind(),
        account(),
        option::weighted(0.95, account()),
        option::of(amount()),
        call_data(),
        option::weighted(0.15, "[a-z ]{0,9}"),
        option::of(vec(a_log(), 0..4)),
    )
        .prop_map(|(kind, from, to, value, input, error, logs)| TraceFrame {
            kind,
            from,
            to,
            value,
            input: input.into(),
            error,
            logs,
            ..TraceFrame::default()
        })
}

fn tree() -> impl Strategy<Value = TraceFrame> {
    bare_frame().prop_recursive(8, 64, 5, |inner| {
        (bare_frame(), vec(inner, 0..5)).prop_map(|(frame, calls)| TraceFrame { calls, ..frame })
    })
}

fn writes() -> impl Strategy<Value = Vec<Write>> {
    let write = (0u32..70, 0u32..70, any::<u8>());
    vec(write, 0..20).prop_map(|writes| {
        let slot = B256::with_last_byte;
        writes
            .into_iter()
            .map(|(frame, entered, s)| Write { frame, entered, slot: slot(s) })
            .collect()
    })
}

fn diff() -> impl Strategy<Value = StateDiff> {
    let account_state = (option::of(vec(any::<u8>(), 0..30)), vec((0u8..4, 0u8..3), 0..4))
        .prop_map(|(code, slots)| WireAccount {
            code: code.map(Into::into),
            storage: slots
                .into_iter()
                .map(|(slot, value)| (B256::with_last_byte(slot), B256::with_last_byte(value)))
                .collect(),
            ..WireAccount::default()
        });
    let side = || prop::collection::btree_map(account(), account_state.clone(), 0..4);
    (side(), side()).prop_map(|(pre, post)| StateDiff { pre, post })
}

/// Gains less losses over all holders, the zero address included, modulo 2^256.
fn unexplained(transfers: &[Transfer], evidence: &Evidence) -> BTreeMap<Asset, U256> {
    let mut sums: BTreeMap<Asset, U256> = BTreeMap::new();
    for flow in &evidence.flows {
        let sum = sums.entry(flow.asset).or_default();
        *sum = sum.wrapping_add(flow.delta.into_raw());
    }
    for transfer in transfers {
        let sum = sums.entry(transfer.asset).or_default();
        if transfer.from.is_zero() {
            *sum = sum.wrapping_sub(transfer.amount);
        }
        if transfer.to.is_zero() {
            *sum = sum.wrapping_add(transfer.amount);
        }
    }
    sums.retain(|_, sum| !sum.is_zero());
    sums
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_tree_is_a_panic(
        tree in tree(),
        receipt in vec(a_log(), 0..4),
        writes in option::of(writes()),
        diff in option::of(diff()),
        success in option::of(any::<bool>()),
    ) {
        let transaction = WireTransaction { from: who(1), ..WireTransaction::default() };
        for logs in [LogSource::Frames, LogSource::Unknown, LogSource::Receipt(&receipt)] {
            let with = Input {
                logs,
                success,
                writes: writes.as_deref(),
                state_diff: diff.as_ref(),
                ..input(&transaction, &tree)
            };
            let Ok(evidence) = builder::build(&with) else { continue };
            // The same again, and well formed.
            prop_assert_eq!(&evidence, &builder::build(&with).unwrap());
            for (index, frame) in evidence.frames.iter().enumerate() {
                prop_assert!(frame.parent.is_none_or(|parent| (parent as usize) < index));
                let around = frame.parent.map(|parent| &evidence.frames[parent as usize]);
                prop_assert!(!frame.effective || around.is_none_or(|parent| parent.effective));
            }
            for reentry in &evidence.reentries {
                prop_assert!(reentry.outer < reentry.inner && !reentry.through.is_empty());
                prop_assert!(!reentry.through.contains(&reentry.contract));
                prop_assert!(writes.is_some() || reentry.write_after == WriteAfter::Unknown);
            }
            if !evidence.success {
                prop_assert!(evidence.logs.is_empty() && evidence.flows.is_empty());
                prop_assert!(evidence.storage.is_empty() && evidence.created.is_empty());
            }
        }
    }

    #[test]
    fn flows_conserve_every_asset(
        moves in vec((account(), account(), 0u8..3, any::<u128>()), 0..60),
    ) {
        let asset = |token: u8| if token == 0 { Asset::Native } else { Asset::Token(who(token)) };
        let transfers: Vec<Transfer> = moves.into_iter().map(|(from, to, token, amount)| Transfer {
            asset: asset(token), from, to, amount: U256::from(amount), token_id: None,
        }).collect();
        let transaction = WireTransaction { from: who(1), ..WireTransaction::default() };
        let empty = TraceFrame { kind: "CALL".to_owned(), to: Some(who(1)), ..TraceFrame::default() };
        let mut evidence = builder::build(&input(&transaction, &empty)).unwrap();
        evidence.flows = transfers::net(&transfers);
        prop_assert_eq!(unexplained(&transfers, &evidence), BTreeMap::new());
        let keys: Vec<_> = evidence.flows.iter().map(|flow| (flow.holder, flow.asset)).collect();
        prop_assert!(keys.is_sorted_by(|a, b| a < b), "sorted, each once");
        prop_assert!(evidence.flows.iter().all(|f| !f.delta.is_zero() && !f.holder.is_zero()));
    }

    #[test]
    fn trees_conserve_every_asset(tree in tree()) {
        let transaction = WireTransaction { from: who(1), ..WireTransaction::default() };
        let Ok(evidence) = builder::build(&input(&transaction, &tree)) else { return Ok(()) };
        // Sums that do not fit are cut to the range, and conserve nothing.
        let fits = |flow: &portcullis_types::evidence::Flow| {
            flow.delta != I256::MAX && flow.delta != I256::MIN
        };
        if evidence.flows.iter().all(fits) {
            prop_assert_eq!(unexplained(&evidence.transfers, &evidence), BTreeMap::new());
        }
    }
}
