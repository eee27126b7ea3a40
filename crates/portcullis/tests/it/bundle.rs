//! What leaves the program of a case: whoever gets it can check it, and one changed byte is found.

use alloy_primitives::{Address, B256, Bytes, I256, U256};
use portcullis_case::{CaseCommand, Command};
use portcullis_engine::{Config, Effect, Event};
use portcullis_types::{
    chain::{BlockHead, BlockId, ChainEvent},
    evidence::{CallKind, Evidence, Flow, Frame, Known, Method, Transfer},
    money::Asset,
};

use portcullis::{
    bundle::{Bundled, make, verify},
    runner::Core,
    store::Journal,
};
use portcullis_types::ids::{Millis, Seq};

const MARKET: Address = Address::repeat_byte(0x11);
const TOKEN: Address = Address::repeat_byte(0x22);
const MANIFEST: &str = "manifest.json";
const RECORDS: &str = "journal/records.jsonl";
const BEFORE: &str = "journal/before.txt";
const THIEF: Address = Address::repeat_byte(0x33);

fn config() -> Config {
    serde_json::from_value(serde_json::json!({
        "chains": [{"chain": 1, "name": "test", "confirmedDepth": 2, "finalisedDepth": 8}],
        "protocols": [{
            "protocol": {
                "name": "market", "chain": 1,
                "contracts": [{"name": "market", "address": MARKET, "holdsValue": true}],
                "assets": [{"symbol": "USDC", "asset": serde_json::to_value(Asset::Token(TOKEN)).unwrap(),
                            "decimals": 6, "priceUsd": "1"}],
            },
            "detectors": [{"detector": "gross-outflow",
                           "limits": [{"asset": "USDC", "windowSeconds": 12, "maxAmount": "50000"}]}],
            "ladder": [],
            "policy": {},
        }],
    }))
    .unwrap()
}

fn theft(block: BlockId) -> Evidence {
    let amount = U256::from(60_000_000_000_u64);
    let asset = Asset::Token(TOKEN);
    Evidence {
        chain: 1,
        block,
        timestamp: 12,
        index: 0,
        hash: B256::repeat_byte(0x55),
        from: THIEF,
        to: Some(MARKET),
        value: U256::ZERO,
        gas_used: None,
        success: true,
        known: Known { logs: true, state: true, callers: true },
        frames: vec![Frame {
            parent: None,
            kind: CallKind::Call,
            from: THIEF,
            to: MARKET,
            context: MARKET,
            value: U256::ZERO,
            input: Bytes::from_static(&[1, 2, 3, 4]),
            input_length: 4,
            effective: true,
            failed: false,
        }],
        logs: Vec::new(),
        transfers: vec![Transfer { asset, from: MARKET, to: THIEF, amount, token_id: None }],
        flows: vec![
            Flow { holder: MARKET, asset, delta: -I256::from_raw(amount) },
            Flow { holder: THIEF, asset, delta: I256::from_raw(amount) },
        ],
        storage: Vec::new(),
        code: Vec::new(),
        created: Vec::new(),
        reentries: Vec::new(),
        call_tree_hash: B256::ZERO,
    }
}

/// A journal with one case, of which a person said something.
fn core(path: &std::path::Path) -> Core {
    let journal = Journal::create_or_open(path).unwrap();
    let mut core = Core::open(journal, &config(), Millis(1_000)).unwrap();
    let block = |number: u64| BlockId { number, hash: B256::with_last_byte(number as u8) };
    for number in 1..=2 {
        let (id, parent) = (block(number), block(number - 1).hash);
        let head = BlockHead { id, parent, timestamp: number * 12, transactions: 1 };
        let event = Event::Chain(ChainEvent::Committed { chain: 1, head });
        let output = core.take(Millis(number * 12_000), event).unwrap();
        for (effect, what) in output.effects {
            if let Effect::Inspect { chain, block } = what {
                let evidence = if number == 2 { vec![theft(block)] } else { Vec::new() };
                let (transactions, method) = (1, Method::NodeTraces);
                let event =
                    Event::Inspected { effect, chain, block, transactions, method, evidence };
                core.take(Millis(number * 12_000 + 1), event).unwrap();
            }
        }
    }
    let case = core.engine().cases().next().expect("a case").id;
    let (who, when) = ("ada".to_owned(), Millis(30_000));
    let what = Command::Note { text: "we saw it".to_owned() };
    let command = CaseCommand { who, when, what };
    core.take(Millis(30_000), Event::Command { case, command }).unwrap();
    core
}

fn made(whole: bool) -> Bundled {
    let folder = tempfile::tempdir().unwrap();
    let core = core(&folder.path().join("j.sqlite"));
    let case = core.engine().cases().next().unwrap().id;
    let evidence = folder.path().join("evidence");
    std::fs::create_dir_all(evidence.join(case.to_string())).unwrap();
    std::fs::write(evidence.join(case.to_string()).join("screenshot.png"), b"\x89PNG not").unwrap();
    make(core.journal(), case, Some(&evidence), whole).unwrap()
}

#[test]
fn a_bundle_verifies_alone() {
    let whole = made(true);
    let checked = verify(&whole.bytes, Some(whole.manifest.head)).unwrap();
    assert!(checked.reports_recomputed && checked.answers.is_some_and(|n| n >= 1), "{checked:?}");
    let part = made(false);
    assert!(part.manifest.first > Seq(1), "{:?}", part.manifest);
    let checked = verify(&part.bytes, Some(part.manifest.head)).unwrap();
    assert_eq!((checked.answers, checked.reports_recomputed), (None, false));
    assert_eq!(part.manifest.head, whole.manifest.head);
    let paths: Vec<&str> = part.manifest.files.iter().map(|one| one.path.as_str()).collect();
    for wanted in ["evidence/screenshot.png", "reports/postmortem.html", BEFORE, RECORDS] {
        assert!(paths.contains(&wanted), "{paths:?}");
    }
    let other = verify(&part.bytes, Some(B256::ZERO)).unwrap_err();
    assert!(other.why.contains("another journal"), "{other}");
}

#[test]
fn one_flipped_byte_anywhere_is_seen_and_named() {
    for whole in [true, false] {
        let good = made(whole).bytes;
        let mut files = std::collections::BTreeSet::new();
        // Every byte of the first blocks, then some of every block to the end.
        let places = (0..2_048).chain((2_048..good.len()).step_by(61));
        for place in places {
            let mut bad = good.clone();
            bad[place] ^= 1;
            let problem = verify(&bad, None).expect_err(&format!("byte {place} of {}", good.len()));
            files.insert(problem.file);
        }
        for wanted in [MANIFEST, RECORDS, "the container", "reports/case.json"] {
            assert!(files.contains(wanted), "{wanted}: {files:?}");
        }
        for end in [0, 511, 512, good.len() / 2, good.len() - 1] {
            assert!(verify(&good[..end], None).is_err(), "cut at {end}");
        }
        let longer = [good.as_slice(), &[0; 512]].concat();
        assert!(verify(&longer, None).is_err());
    }
}

/// SHA-256 as a tool of the machine computes it.
fn sha256(bytes: &[u8]) -> String {
    use std::io::Write as _;
    let mut tool = std::process::Command::new("sha256sum")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    tool.stdin.take().unwrap().write_all(bytes).unwrap();
    let said = tool.wait_with_output().unwrap().stdout;
    String::from_utf8(said).unwrap().split_whitespace().next().unwrap().to_owned()
}

fn replace(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let (from, to) = (from.as_bytes(), to.as_bytes());
    assert_eq!(from.len(), to.len());
    let mut out = bytes.to_vec();
    let places: Vec<usize> =
        (0..=out.len() - from.len()).filter(|at| out[*at..].starts_with(from)).collect();
    assert!(!places.is_empty(), "{}", String::from_utf8_lossy(from));
    for at in places {
        out[at..at + to.len()].copy_from_slice(to);
    }
    out
}

/// A file of a tar.
fn file<'a>(bytes: &'a [u8], path: &str) -> &'a [u8] {
    let mut at = 0;
    loop {
        let name = bytes[at..at + 100].split(|byte| *byte == 0).next().unwrap();
        let length = std::str::from_utf8(&bytes[at + 124..at + 135]).unwrap();
        let length = usize::from_str_radix(length, 8).unwrap();
        if name == path.as_bytes() {
            return &bytes[at + 512..at + 512 + length];
        }
        at += 512 + length.next_multiple_of(512);
    }
}

#[test]
fn a_record_that_was_written_anew_does_not_fit_its_hash() {
    let good = made(false).bytes;
    // Whoever forges it makes all sums anew.
    let forged = replace(&good, "we saw it", "we slept.");
    let mut bad = forged.clone();
    for path in [
        RECORDS,
        "reports/case.json",
        "reports/postmortem.md",
        "reports/postmortem.html",
        "reports/postmortem.json",
    ] {
        let (old, new) = (sha256(file(&good, path)), sha256(file(&forged, path)));
        if old != new {
            bad = replace(&bad, &old, &new);
        }
    }
    let (old, new) = (sha256(file(&good, MANIFEST)), sha256(file(&bad, MANIFEST)));
    let bad = replace(&bad, &old, &new);
    let problem = verify(&bad, None).unwrap_err();
    assert_eq!(problem.file, RECORDS, "{problem}");
    assert!(problem.why.contains("was changed"), "{problem}");
}
