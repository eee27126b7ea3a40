//! Recordings: written, read, and damaged in every way.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use alloy_primitives::{B256, Bytes, U64, U256, keccak256};
use flate2::{Compression, write::GzEncoder};
use portcullis_observe::{
    ObserveError, Playable, Recording, RecordingLine, Remedy, open_any, record,
    recording::write::RecordingWriter,
};
use portcullis_types::wire::{
    BlockMaterial, Prestate, TraceFrame, TracedTransaction, WireAccount, WireBlock, WireTransaction,
};
use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;

use crate::anvil::{CHAIN, RICH, anvil};

const META: &str =
    r#"{"type":"meta","format":"portcullis-recording/1","chainId":"0x1","source":"s","note":"n"}"#;

fn packed(ending: &str, text: &[u8]) -> Vec<u8> {
    match ending {
        "jsonl.gz" => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        }
        "jsonl.zst" => zstd::stream::encode_all(text, 3).unwrap(),
        _ => text.to_vec(),
    }
}

fn written(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// The lines up to the first error, and the error without the folder in it.
fn played(path: &Path) -> (Vec<RecordingLine>, Option<String>) {
    let shown = |error: ObserveError| {
        assert_ne!(error.remedy(), Remedy::Retry);
        let folder = format!("{}/", path.parent().unwrap().display());
        error.to_string().replace(&folder, "")
    };
    let recording = match Recording::open(path) {
        Ok(recording) => recording,
        Err(error) => return (Vec::new(), Some(shown(error))),
    };
    let mut read = Vec::new();
    for line in recording.lines() {
        match line {
            Ok((_, line)) => read.push(line),
            Err(error) => return (read, Some(shown(error))),
        }
    }
    (read, None)
}

fn material(number: u64) -> BlockMaterial {
    let mut frame = TraceFrame { kind: "CALL".to_owned(), ..TraceFrame::default() };
    for _ in 0..300 {
        frame = TraceFrame { kind: "CALL".to_owned(), calls: vec![frame], ..TraceFrame::default() };
    }
    let hash = B256::with_last_byte(number as u8);
    let trace = TracedTransaction { tx_hash: Some(hash), result: Some(frame), error: None };
    let transaction = WireTransaction { hash, value: U256::from(7), ..WireTransaction::default() };
    let account = WireAccount { nonce: Some(3), ..WireAccount::default() };
    BlockMaterial {
        chain_id: 1,
        block: WireBlock {
            number: U64::from(number),
            hash,
            transactions: vec![transaction],
            ..WireBlock::default()
        },
        receipts: Some(Vec::new()),
        traces: Some(vec![trace]),
        state_diffs: None,
        prestate: Some(Prestate::from([(RICH, account)])),
        block_hashes: [(number - 1, hash)].into(),
    }
}

#[test]
fn what_is_written_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    for ending in ["jsonl", "jsonl.gz", "jsonl.zst"] {
        let path = folder.path().join(format!("a.{ending}"));
        let mut writer = RecordingWriter::create(&path, 1, "http://node", "for a test").unwrap();
        let blocks = [material(1), material(2)];
        for block in &blocks {
            writer.block(block).unwrap();
        }
        assert!(!path.exists(), "half a recording has no name");
        writer.finish().unwrap();
        let (lines, error) = played(&path);
        assert_eq!(error, None);
        let RecordingLine::Meta(meta) = &lines[0] else { panic!() };
        assert_eq!((meta.chain_id, meta.note.as_str()), (1, "for a test"));
        for (line, block) in lines[1..].iter().zip(&blocks) {
            assert_eq!(line, &RecordingLine::Block(Box::new(block.clone())));
        }
    }
    let whole = Recording::open(folder.path()).unwrap();
    assert_eq!((whole.files().len(), whole.lines().count()), (3, 9));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "nothing is left over");
}

#[test]
fn a_recording_that_is_given_up_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.jsonl");
    let mut writer = RecordingWriter::create(&path, 1, "", "").unwrap();
    writer.block(&material(1)).unwrap();
    drop(writer);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    assert!(RecordingWriter::create(&folder.path().join("a.csv"), 1, "", "").is_err());
}

#[test]
fn damage_is_named_with_file_line_and_remedy() {
    let folder = tempfile::tempdir().unwrap();
    // As text: in which order a JSON library writes fields is its own affair, and the damage must hit the same bytes.
    let zero = B256::ZERO;
    let inner =
        format!(r#"{{"hash":"{zero}","number":"0x1","parentHash":"{zero}","timestamp":"0x1"}}"#);
    let block = format!(r#"{{"block":{inner},"prestate":null,"type":"block"}}"#);
    let good = format!("{META}\n{block}\n");
    let inner: serde_json::Value = serde_json::from_str(&inner).unwrap();
    let coded = json!({"type": "block", "block": inner, "prestate":
        {"0x0000000000000000000000000000000000000001": {"codeHash": B256::repeat_byte(1)}}});
    let long = format!("{META}\n{}", " ".repeat(10));
    let texts = [
        ("empty", String::new()),
        ("blank", "\n \n".to_owned()),
        ("no_meta", format!("{block}\n")),
        ("two_metas", format!("{META}\n{META}\n")),
        ("old_format", META.replace("recording/1", "recording/9")),
        ("no_chain", META.replace("chainId", "chain")),
        ("unknown_type", format!("{good}{{\"type\":\"\\u001b[2Jx\"}}\n")),
        ("no_type", format!("{good}[1]\n")),
        ("cut_line", good[..good.len() - 20].to_owned()),
        ("bad_block", format!("{META}\n{}\n", r#"{"type":"block","block":{"number":"x"}}"#)),
        ("bad_phase", format!("{META}\n{}\n", r#"{"type":"phase","chainId":"0x1"}"#)),
        ("no_codes", format!("{META}\n{coded}\n")),
        ("spaces_are_fine", long),
    ];
    let mut told = Vec::new();
    for (name, text) in texts {
        let path = written(&folder, &format!("{name}.jsonl"), text.as_bytes());
        let (lines, error) = played(&path);
        told.push(format!("{} lines, {}", lines.len(), error.unwrap_or_else(|| "good".into())));
    }
    for ending in ["jsonl.gz", "jsonl.zst"] {
        let many = format!("{META}\n{}", format!("{block}\n").repeat(500));
        let whole = packed(ending, many.as_bytes());
        let mut flipped = whole.clone();
        let middle = whole.len() / 2;
        flipped[middle] ^= 0xff;
        for (name, bytes) in
            [("cut", &whole[..whole.len() - 12]), ("flipped", &flipped[..]), ("text", b"no\n")]
        {
            let path = written(&folder, &format!("{name}.{ending}"), bytes);
            let (lines, error) = played(&path);
            assert!(lines.len() <= 501, "{name}.{ending}");
            let error = error.unwrap_or_else(|| panic!("{name}.{ending} was believed"));
            // How many lines come out before the damage is up to the library.
            let (place, problem) = error.split_once(": ").unwrap();
            let file = place.split(':').next().unwrap();
            told.push(format!("{file}: {problem}"));
        }
    }
    told.push(played(&written(&folder, "a.csv", b"x")).1.unwrap());
    told.push(played(&folder.path().join("absent.jsonl")).1.unwrap());
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn codes_are_found_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let code = Bytes::from(vec![0x60, 0x01]);
    let hash = keccak256(&code);
    let line = |hash: B256| {
        let account = json!({"codeHash": hash});
        json!({"type": "block", "block": {"number": "0x1", "hash": B256::ZERO,
            "parentHash": B256::ZERO, "timestamp": "0x1"}, "prestate": {format!("{RICH}"): account}})
    };
    let blocks = folder.path().join("blocks");
    fs::create_dir(&blocks).unwrap();
    let recording = blocks.join("a.jsonl");
    fs::write(&recording, format!("{META}\n{}\n", line(hash))).unwrap();
    let codes = format!("{}\n", json!({"codeHash": hash, "code": code}));
    written(&folder, "codes.jsonl.gz", &packed("jsonl.gz", codes.as_bytes()));
    let (lines, error) = played(&recording);
    assert_eq!(error, None);
    let RecordingLine::Block(material) = &lines[1] else { panic!() };
    assert_eq!(material.prestate.as_ref().unwrap()[&RICH].code, Some(code));
    // Beside counts before above, and a wrong code is not used.
    let wrong = format!("{}\n", json!({"codeHash": hash, "code": "0x6002"}));
    fs::write(blocks.join("codes.jsonl.gz"), packed("jsonl.gz", wrong.as_bytes())).unwrap();
    let error = played(&recording).1.unwrap();
    assert!(error.contains("codes.jsonl.gz:1: this is not the code with hash"), "{error}");
    assert_eq!(Recording::open(&blocks).unwrap().files().len(), 1, "codes are no recording");
}

#[test]
fn a_path_says_what_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(open_any(folder.path()), Err(ObserveError::BadRecording { .. })));
    written(&folder, "a.jsonl", META.as_bytes());
    written(&folder, "a.labels.jsonl", b"{}");
    let Playable::Recording(recording) = open_any(folder.path()).unwrap() else { panic!() };
    assert_eq!(recording.files().len(), 1);
    assert_eq!(recording.meta().unwrap().chain_id, 1);
    for name in ["prestate.json", "block.json", "calls.json"] {
        written(&folder, name, b"{");
    }
    let error = open_any(folder.path()).unwrap_err().to_string();
    assert!(error.contains("prestate.json:1: is not what its name says"), "{error}");
}

#[tokio::test]
async fn a_chain_is_recorded_and_played_again() {
    let anvil = anvil!();
    let counter = anvil.counter().await;
    for _ in 0..3 {
        anvil.execute(json!({"from": RICH, "to": counter})).await;
    }
    anvil.mine(2).await;
    let node = anvil.node().await;
    let folder = tempfile::tempdir().unwrap();
    for ending in ["jsonl", "jsonl.gz", "jsonl.zst"] {
        let path = folder.path().join(format!("a.{ending}"));
        let mut steps = Vec::new();
        let progress = |step: portcullis_observe::RecordProgress| steps.push(step.number);
        let summary = record(&node, 0..=6, &path, "a test", progress).await.unwrap();
        assert_eq!((summary.blocks, summary.transactions), (7, 4));
        assert_eq!((summary.blocks_without_traces, summary.blocks_without_prestate), (0, 0));
        assert_eq!(steps, [0, 1, 2, 3, 4, 5, 6]);
        let (lines, error) = played(&path);
        assert_eq!(error, None);
        let RecordingLine::Meta(meta) = &lines[0] else { panic!() };
        assert_eq!((meta.chain_id, &meta.source), (CHAIN, &anvil.http()));
        for (number, line) in lines[1..].iter().enumerate() {
            let RecordingLine::Block(played) = line else { panic!() };
            let head = node.head_by_number(number as u64).await.unwrap().unwrap();
            let mut live = node.material(&head.id).await.unwrap();
            live.prestate = played.prestate.clone();
            assert_eq!(**played, live);
        }
        let RecordingLine::Block(third) = &lines[4] else { panic!() };
        let slot = third.prestate.as_ref().unwrap()[&counter].storage[&B256::ZERO];
        assert_eq!(slot, B256::with_last_byte(1), "before block 3 it was called once");
    }
    let error = record(&node, 5..=99, &folder.path().join("b.jsonl"), "", |_| {}).await;
    let error = error.unwrap_err();
    assert_eq!(error.remedy(), Remedy::Retry);
    assert!(error.to_string().contains("the node has no block 7"), "{error}");
    assert!(!folder.path().join("b.jsonl").exists());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let folder = tempfile::tempdir().unwrap();
        for ending in ["jsonl", "jsonl.gz", "jsonl.zst"] {
            // As they are, packed, and after a good first line.
            let mut after = format!("{META}\n").into_bytes();
            after.extend_from_slice(&bytes);
            let contents = [bytes.clone(), packed(ending, &bytes), packed(ending, &after)];
            for content in contents {
                let path = written(&folder, &format!("a.{ending}"), &content);
                let _ = played(&path);
                let _ = open_any(&path);
            }
        }
    }

    #[test]
    fn no_line_makes_it_panic(
        kind in "meta|block|transaction|phase|access",
        key in "block|trace|traces|prestate|calls|hash|chainId|format",
        value in r#"(null|\{\}|\[\]|-1|"0x[0-9a-f]{0,70}"|\[\{"calls":\[\[\]\]\}\]|\{"calls":[1-9]\})"#,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let line = format!("{META}\n{{\"type\":\"{kind}\",\"{key}\":{value}}}\n");
        let (lines, error) = played(&written(&folder, "a.jsonl", line.as_bytes()));
        prop_assert_eq!(lines.len(), 1);
        prop_assert!(error.is_some(), "a line without its fields was believed: {}", line);
    }
}
