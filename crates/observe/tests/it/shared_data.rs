//! Real chain data, where it is there: it lies outside the repository and is not part of it.

use std::path::{Path, PathBuf};

use alloy_primitives::keccak256;
use portcullis_observe::{Playable, Recording, RecordingLine, open_any};
use portcullis_types::wire::TraceFrame;

use crate::anvil::workspace;

/// The folder with the data; none where it is absent.
fn data(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("PORTCULLIS_SHARED")
        .map_or_else(|| workspace().join("../shared"), PathBuf::from);
    let folder = root.join("data").join(folder);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: {} is not there; set PORTCULLIS_SHARED to its folder", folder.display());
    None
}

fn lines(folder: &Path) -> Vec<RecordingLine> {
    let recording = Recording::open(folder).unwrap();
    recording.lines().map(|line| line.unwrap().1).collect()
}

fn frames(top: &TraceFrame) -> (usize, usize) {
    let (mut rest, mut frames, mut logs) = (vec![top], 0, 0);
    while let Some(frame) = rest.pop() {
        frames += 1;
        logs += frame.logs.as_ref().map_or(0, Vec::len);
        rest.extend(&frame.calls);
    }
    (frames, logs)
}

#[test]
fn all_ordinary_blocks_are_read_with_their_codes() {
    let Some(folder) = data("benign/blocks") else { return };
    let (mut blocks, mut transactions, mut codes, mut last) = (0, 0, 0, 0);
    for line in Recording::open(&folder).unwrap().lines() {
        let (_, RecordingLine::Block(material)) = line.unwrap() else { continue };
        blocks += 1;
        transactions += material.block.transactions.len();
        assert!(material.receipts.is_none() && material.traces.is_none(), "unknown, not empty");
        for account in material.prestate.as_ref().unwrap().values() {
            let Some(hash) = account.code_hash else { continue };
            assert_eq!(keccak256(account.code.as_ref().unwrap()), hash);
            codes += 1;
        }
        let number: u64 = material.block.number.to();
        assert!(number > last, "blocks come in their order");
        last = number;
    }
    assert_eq!((blocks, transactions), (40, 6_841));
    assert!(codes > 1_745, "{codes}");
}

#[test]
fn all_states_become_blocks() {
    let Some(folder) = data("exploits/states") else { return };
    let mut calls = 0;
    let mut folders = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let Playable::State(state) = open_any(&path).unwrap() else { panic!("{path:?}") };
        folders += 1;
        let blocks = state.blocks();
        calls += blocks.len();
        for (index, block) in blocks.iter().enumerate() {
            assert_eq!((block.chain_id, block.prestate.is_some()), (1, index == 0));
            assert_eq!(block.block.transactions.len(), 1);
        }
        for pair in blocks.windows(2) {
            assert_eq!(pair[1].block.parent_hash, pair[0].block.hash);
            assert_eq!(pair[1].block.number, pair[0].block.number + alloy_primitives::U64::ONE);
            assert_eq!(
                pair[1].block.timestamp.to::<u64>(),
                pair[0].block.timestamp.to::<u64>() + 13
            );
        }
        let again = open_any(&path).unwrap();
        let Playable::State(again) = again else { panic!() };
        assert_eq!(again.into_blocks(), blocks, "made-up hashes are always the same");
    }
    assert_eq!((folders, calls), (5, 7));
}

#[test]
fn all_re_enactments_are_read() {
    let Some(folder) = data("exploits/replays") else { return };
    let (mut phases, mut all) = (0, (0, 0));
    for line in lines(&folder) {
        let RecordingLine::Phase(phase) = line else { continue };
        phases += 1;
        let (frames, logs) = frames(&phase.trace);
        all = (all.0 + frames, all.1 + logs);
    }
    assert_eq!((phases, all), (62, (19_105, 2_421)));
}

#[test]
fn all_exploit_traces_are_read() {
    let Some(folder) = data("exploits/traces") else { return };
    let (mut transactions, mut all) = (0, 0);
    for line in lines(&folder) {
        let RecordingLine::Transaction(transaction) = line else { continue };
        transactions += 1;
        all += frames(&transaction.trace).0;
        assert_eq!(transaction.block_number, None, "unknown, not zero");
    }
    assert_eq!((transactions, all), (113, 48_286));
}

#[test]
fn all_histories_are_read() {
    let Some(folder) = data("histories") else { return };
    let (mut entries, mut operations, mut transfers) = (0, 0, 0);
    for line in lines(&folder) {
        let RecordingLine::Access(entry) = line else { continue };
        entries += 1;
        operations += entry.calls.iter().map(|call| call.slots.len()).sum::<usize>();
        transfers += entry.transfers.map_or(0, |transfers| transfers.len());
    }
    assert_eq!((entries, operations, transfers), (4_880, 322_904, 4_796));
}
