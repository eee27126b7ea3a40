//! The builder on call trees written by hand.

use alloy_primitives::{Address, B256, Bytes, I256, U256, keccak256};
use portcullis_simulate::builder::{self, DEPTH_MAX, Input, LogSource, Write};
use portcullis_types::{
    evidence::{CallKind, Evidence, WriteAfter},
    money::Asset,
    wire::{StateDiff, TraceFrame, WireTransaction},
};

use crate::common::{With, build, call, frame, input, log, person, sent, topic, who, word};

fn contexts(evidence: &Evidence) -> Vec<u8> {
    evidence.frames.iter().map(|frame| frame.context.0[19]).collect()
}

/// Holder, token (0 for native), gain.
fn flows(evidence: &Evidence) -> Vec<(u8, u8, i64)> {
    let asset = |asset: Asset| match asset {
        Asset::Native => 0,
        Asset::Token(token) => token.0[19],
    };
    let gain = |delta: I256| i64::try_from(delta).unwrap();
    let flows = evidence.flows.iter();
    flows.map(|flow| (flow.holder.0[19], asset(flow.asset), gain(flow.delta))).collect()
}

#[test]
fn delegate_calls_run_on_the_storage_of_their_caller() {
    let library = frame("DELEGATECALL", 4, vec![call(5, vec![])]);
    let old_form = frame("CALLCODE", 6, vec![]).value(7);
    let implementation = frame("DELEGATECALL", 3, vec![library, old_form]);
    let created = frame("CREATE2", 8, vec![frame("SELFDESTRUCT", 1, vec![]).value(2)]);
    let tree = call(2, vec![implementation, frame("STATICCALL", 7, vec![]), created]).value(9);
    let evidence = build(&tree).unwrap();
    assert_eq!(contexts(&evidence), [2, 2, 2, 5, 2, 7, 8, 8]);
    let froms: Vec<u8> = evidence.frames.iter().map(|frame| frame.from.0[19]).collect();
    assert_eq!(froms, [1, 2, 2, 2, 2, 2, 2, 8]);
    let parents: Vec<Option<u32>> = evidence.frames.iter().map(|frame| frame.parent).collect();
    let parents_expected = [None, Some(0), Some(1), Some(2), Some(1), Some(0), Some(0), Some(6)];
    assert_eq!(parents, parents_expected);
    // The delegate calls see the value and do not move it.
    assert_eq!(evidence.frames[2].value, U256::from(9));
    assert_eq!(flows(&evidence), [(1, 0, -7), (2, 0, 9), (8, 0, -2)]);
    assert_eq!(evidence.created.len(), 1);
    assert_eq!((evidence.created[0].address, evidence.created[0].creator), (who(8), who(2)));
}

#[test]
fn what_failed_has_frames_and_nothing_else() {
    let inner = call(4, vec![]).value(5).logs(vec![sent(9, 0, 1, 4, 50)]);
    let failed = call(3, vec![inner]).value(6).failed();
    let tree = call(2, vec![failed, call(5, vec![]).value(1)]).logs(vec![sent(9, 1, 1, 2, 70)]);
    let evidence = build(&tree).unwrap();
    let effective: Vec<bool> = evidence.frames.iter().map(|frame| frame.effective).collect();
    assert_eq!(effective, [true, false, false, true]);
    let failed: Vec<bool> = evidence.frames.iter().map(|frame| frame.failed).collect();
    assert_eq!(failed, [false, true, false, false]);
    assert_eq!(flows(&evidence), [(1, 9, -70), (2, 0, -1), (2, 9, 70), (5, 0, 1)]);

    let evidence = build(&tree.failed()).unwrap();
    assert!(!evidence.success && evidence.frames.len() == 4);
    assert!(evidence.logs.is_empty() && evidence.transfers.is_empty() && evidence.flows.is_empty());
}

#[test]
fn a_failed_creation_stands_where_its_calls_come_from() {
    let failed = TraceFrame { to: None, ..frame("CREATE", 0, vec![call(3, vec![]).from(7)]) };
    let evidence = build(&call(2, vec![failed.clone().failed()])).unwrap();
    assert_eq!(contexts(&evidence), [2, 7, 3]);
    assert!(evidence.created.is_empty());
    let error = build(&call(2, vec![failed])).unwrap_err().to_string();
    assert!(error.contains("does not say whom it called"), "{error}");
}

#[test]
fn logs_and_calls_are_interleaved_by_position() {
    let logs = |token, positions: [u64; 2]| {
        positions.iter().map(|at| sent(token, *at, 1, 2, 10 + at)).collect::<Vec<_>>()
    };
    let first = call(3, vec![]).value(1).logs(logs(31, [0, 0]));
    let second = call(4, vec![]).value(2).logs(logs(41, [0, 0]));
    let mut outer = logs(21, [0, 1]);
    outer.push(sent(21, 2, 1, 2, 12));
    // Of unknown place, and so after all calls.
    outer.push(portcullis_types::wire::WireLog { position: None, ..sent(22, 0, 1, 2, 1) });
    let evidence = build(&call(2, vec![first, second]).logs(outer)).unwrap();
    let emitters: Vec<u8> = evidence.logs.iter().map(|log| log.address.0[19]).collect();
    assert_eq!(emitters, [21, 31, 31, 21, 41, 41, 21, 22]);
    let native: Vec<usize> = (0..evidence.transfers.len())
        .filter(|at| evidence.transfers[*at].asset == Asset::Native)
        .collect();
    assert_eq!(native, [1, 5], "value moves when a frame is entered, before its logs");
}

#[test]
fn wrapped_ether_is_minted_and_burnt() {
    let deposit =
        |amount| log(9, 0, vec![topic("Deposit(address,uint256)"), person(2)], word(amount));
    let withdrawal =
        |amount| log(9, 1, vec![topic("Withdrawal(address,uint256)"), person(2)], word(amount));
    let wraps = call(9, vec![]).value(100).logs(vec![deposit(100)]);
    let unwraps = call(9, vec![call(2, vec![]).value(30)]).logs(vec![withdrawal(30)]);
    let evidence = build(&call(2, vec![wraps.clone(), unwraps])).unwrap();
    assert_eq!(flows(&evidence), [(2, 0, -70), (2, 9, 70), (9, 0, 70)]);

    // A vault that logs a deposit of something else has minted no token.
    let vault = call(9, vec![]).logs(vec![deposit(100)]);
    assert!(build(&call(2, vec![vault])).unwrap().transfers.is_empty());
    // A token that logs the mint both ways has minted once.
    let twice = wraps.logs(vec![deposit(100), sent(9, 0, 0, 2, 100)]);
    assert_eq!(
        flows(&build(&call(2, vec![twice])).unwrap()),
        [(2, 0, -100), (2, 9, 100), (9, 0, 100)]
    );
}

#[test]
fn tokens_are_told_apart_by_their_topics() {
    let transfer = topic("Transfer(address,address,uint256)");
    let id = B256::from(U256::from(3738));
    let nft = log(8, 0, vec![transfer, person(2), person(3), id], Bytes::new());
    let zero = sent(9, 0, 2, 3, 0);
    let unindexed = log(9, 0, vec![transfer], vec![0; 96].into());
    let odd = log(9, 0, vec![transfer, person(2), person(3)], vec![0; 33].into());
    let evidence = build(&call(2, vec![]).logs(vec![nft, zero, unindexed, odd])).unwrap();
    assert_eq!(evidence.logs.len(), 4);
    assert_eq!(evidence.transfers.len(), 1);
    assert_eq!(evidence.transfers[0].token_id, Some(U256::from(3738)));
    assert_eq!(flows(&evidence), [(2, 8, -1), (3, 8, 1)]);
}

#[test]
fn without_logs_movements_are_inferred_from_calls() {
    let arguments = |selector: &str, words: &[u64]| {
        let words: Vec<String> = words.iter().map(|word| format!("{word:064x}")).collect();
        format!("{selector}{}", words.concat())
    };
    let transfer =
        call(9, vec![frame("DELEGATECALL", 90, vec![]).input(&arguments("a9059cbb", &[3, 50]))])
            .input(&arguments("a9059cbb", &[3, 50]));
    let from = call(9, vec![]).input(&arguments("23b872dd", &[4, 2, 20]));
    let refused = TraceFrame { output: Some(word(0)), ..from.clone() };
    let wraps = call(8, vec![]).input("d0e30db0").value(10);
    let unwraps = call(8, vec![call(2, vec![]).value(4)]).input(&arguments("2e1a7d4d", &[4]));
    let short = call(9, vec![]).input("a9059cbb00");
    let tree = call(2, vec![transfer, from, refused, wraps, unwraps, short]);
    let transaction = WireTransaction { from: who(1), ..WireTransaction::default() };
    let mut with = input(&transaction, &tree);
    with.logs = LogSource::of_trace(&tree);
    let evidence = builder::build(&with).unwrap();
    assert!(!evidence.known.logs);
    let expected = [(2, 0, -6), (2, 8, 6), (2, 9, -30), (3, 9, 50), (4, 9, -20), (8, 0, 6)];
    assert_eq!(flows(&evidence), expected);
}

#[test]
fn reentry_comes_back_through_others() {
    // 2 pays 3, which calls 4, which calls 2 again; 2 is a proxy of 20.
    let again = call(2, vec![frame("DELEGATECALL", 20, vec![])]);
    let read_only = frame("STATICCALL", 4, vec![call(2, vec![])]);
    let attacker = call(3, vec![frame("DELEGATECALL", 30, vec![call(4, vec![again]), read_only])]);
    let implementation = frame("DELEGATECALL", 20, vec![attacker, call(2, vec![])]);
    let tree = call(2, vec![implementation]);
    let evidence = build(&tree).unwrap();
    assert_eq!(evidence.reentries.len(), 1, "reads and calls to itself are none");
    let reentry = &evidence.reentries[0];
    assert_eq!((reentry.contract, reentry.outer, reentry.inner), (who(2), 0, 5));
    assert_eq!(reentry.through, [who(3), who(4)]);
    assert_eq!(reentry.write_after, WriteAfter::Unknown);

    let slot = B256::with_last_byte;
    let writes = [
        Write { frame: 1, entered: 2, slot: slot(1) }, // before the call out
        Write { frame: 6, entered: 7, slot: slot(2) }, // by the inner frame
        Write { frame: 3, entered: 7, slot: slot(3) }, // by another contract
        Write { frame: 1, entered: 9, slot: slot(5) },
        Write { frame: 1, entered: 10, slot: slot(4) },
    ];
    let after = |writes: &[Write]| {
        let transaction = WireTransaction { from: who(1), ..WireTransaction::default() };
        let evidence =
            builder::build(&Input { writes: Some(writes), ..input(&transaction, &tree) }).unwrap();
        evidence.reentries[0].write_after.clone()
    };
    assert_eq!(after(&writes), WriteAfter::Slots(vec![slot(4), slot(5)]));
    assert_eq!(after(&writes[..3]), WriteAfter::Nothing);
    assert_eq!(after(&[Write { frame: 99, entered: 1, slot: slot(1) }]), WriteAfter::Unknown);
}

#[test]
fn a_reentry_that_failed_is_none_and_many_are_cut() {
    let guarded = call(2, vec![call(3, vec![call(2, vec![]).failed()])]);
    assert!(build(&guarded).unwrap().reentries.is_empty());
    let many = call(2, (0..100).map(|_| call(3, vec![call(2, vec![])])).collect());
    assert_eq!(build(&many).unwrap().reentries.len(), builder::REENTRIES_MAX);
}

#[test]
fn state_changes_come_from_the_diff() {
    let diff: StateDiff = serde_json::from_value(serde_json::json!({
        "pre": {
            "0x0000000000000000000000000000000000000002": {"balance": "0x1", "code": "0x6000", "storage": {
                "0x0000000000000000000000000000000000000000000000000000000000000001": "0x0000000000000000000000000000000000000000000000000000000000000007",
                "0x0000000000000000000000000000000000000000000000000000000000000002": "0x0000000000000000000000000000000000000000000000000000000000000008"}},
            "0x0000000000000000000000000000000000000003": {"balance": "0x1", "code": "0x6001"},
            "0x0000000000000000000000000000000000000005": {"balance": "0x9"}
        },
        "post": {
            "0x0000000000000000000000000000000000000002": {"storage": {
                "0x0000000000000000000000000000000000000000000000000000000000000002": "0x0000000000000000000000000000000000000000000000000000000000000009",
                "0x0000000000000000000000000000000000000000000000000000000000000003": "0x0000000000000000000000000000000000000000000000000000000000000001"}},
            "0x0000000000000000000000000000000000000004": {"nonce": 1, "code": "0x6002"},
            "0x0000000000000000000000000000000000000005": {"nonce": 1, "code": "0xef0100000000000000000000000000000000000000002a"}
        }
    })).unwrap();
    let tree = call(2, vec![]);
    let transaction = WireTransaction { from: who(1), ..WireTransaction::default() };
    let with = Input { state_diff: Some(&diff), ..input(&transaction, &tree) };
    let evidence = builder::build(&with).unwrap();
    let slots: Vec<(u8, u8, u8, u8)> = evidence
        .storage
        .iter()
        .map(|change| {
            (change.address.0[19], change.slot.0[31], change.before.0[31], change.after.0[31])
        })
        .collect();
    assert_eq!(slots, [(2, 1, 7, 0), (2, 2, 8, 9), (2, 3, 0, 1)]);
    let code: Vec<_> = evidence
        .code
        .iter()
        .map(|change| (change.address.0[19], change.before, change.after, change.delegate))
        .collect();
    let delegation = alloy_primitives::hex!("ef0100000000000000000000000000000000000000002a");
    let expected = [
        (3, Some(keccak256([0x60, 0x01])), None, None),
        (4, None, Some(keccak256([0x60, 0x02])), None),
        (5, None, Some(keccak256(delegation)), Some(who(0x2a))),
    ];
    assert_eq!(code, expected);

    // A delegation outlives the failure of its transaction; writes to storage do not.
    let failed = builder::build(&Input { success: Some(false), ..with }).unwrap();
    assert!(failed.storage.is_empty() && failed.code.len() == 3);
}

#[test]
fn the_call_tree_hash_forgets_amounts_senders_and_new_addresses() {
    let tree = |sender: u8, new: u8, amount: u64, selector: &str| {
        let creation = frame("CREATE", new, vec![]);
        let uses = call(new, vec![]).input(selector).value(amount);
        let trace = call(2, vec![creation, uses, call(sender, vec![])]).from(sender);
        let transaction = WireTransaction { from: who(sender), ..WireTransaction::default() };
        builder::build(&input(&transaction, &trace)).unwrap().call_tree_hash
    };
    let hash = tree(1, 7, 5, "aabbccdd01");
    assert_eq!(hash, tree(11, 8, 6, "aabbccdd02"));
    assert_ne!(hash, tree(1, 7, 5, "aabbccde01"));
    let flat = build(&call(2, vec![call(3, vec![]), call(4, vec![])])).unwrap();
    let nested = build(&call(2, vec![call(3, vec![call(4, vec![])])])).unwrap();
    let failed = build(&call(2, vec![call(3, vec![]).failed(), call(4, vec![])])).unwrap();
    assert_ne!(flat.call_tree_hash, nested.call_tree_hash);
    assert_ne!(flat.call_tree_hash, failed.call_tree_hash);
}

#[test]
fn input_is_cut_and_its_length_kept() {
    let tree = TraceFrame { input: vec![1; 5000].into(), ..call(2, vec![]) };
    let evidence = build(&tree).unwrap();
    let frame = &evidence.frames[0];
    assert_eq!(frame.input.len(), portcullis_types::evidence::INPUT_BYTES_MAX);
    assert_eq!((frame.input_length, frame.kind), (5000, CallKind::Call));
}

#[test]
fn deep_trees_are_walked_and_deeper_ones_refused() {
    let chain = |depth: usize| {
        (1..depth).fold(call(2, vec![]), |inner, at| call(2 + (at % 3) as u8, vec![inner]))
    };
    assert_eq!(build(&chain(DEPTH_MAX)).unwrap().frames.len(), DEPTH_MAX);
    let deeper = chain(100_000);
    let transaction = WireTransaction::default();
    let error = builder::build(&input(&transaction, &deeper)).unwrap_err().to_string();
    assert!(error.contains("depth"), "{error}");
    unwind(deeper);
}

/// Drops a tree that is too deep for the drop of its type.
fn unwind(tree: TraceFrame) {
    let mut open = vec![tree];
    while let Some(mut frame) = open.pop() {
        open.append(&mut frame.calls);
    }
}

#[test]
fn wide_trees_have_a_limit() {
    let tree = call(2, vec![call(3, vec![]); builder::FRAMES_MAX]);
    let error = build(&tree).unwrap_err().to_string();
    assert!(error.contains("number of frames") && error.contains("by hand"), "{error}");
}

#[test]
fn contradictions_are_errors() {
    let tree = call(2, vec![]).failed();
    let transaction = WireTransaction::default();
    let with = Input { success: Some(true), ..input(&transaction, &tree) };
    assert!(builder::build(&with).unwrap_err().to_string().contains("inconsistent"));
    let error = build(&frame("TELEPORT\u{1b}[2J", 2, vec![])).unwrap_err().to_string();
    assert!(error.contains("`TELEPORT\\u{1b}[2J` is not a kind of frame"), "{error}");
    assert_eq!(build(&call(2, vec![])).unwrap().to, Some(who(2)));
    let creation =
        TraceFrame { to: Some(Address::with_last_byte(5)), ..frame("CREATE", 5, vec![]) };
    let transaction = WireTransaction { from: who(1), to: None, ..WireTransaction::default() };
    let evidence = builder::build(&input(&transaction, &creation)).unwrap();
    assert_eq!(evidence.to, Some(who(5)));
}
