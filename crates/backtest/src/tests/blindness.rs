//! Labels are never visible to detectors: by construction, and shown.

use std::{
    path::{Path, PathBuf},
    sync::Mutex,
};

use proptest::prelude::*;
use serde_json::json;

use super::{
    kit::{self, ATTACKER, Folder, MARKET, USER, call, config, meta, transaction},
    options,
};
use crate::{
    judge::{Mode, Played, play},
    run,
};

/// Everything that the judges say of a recording, as bytes.
fn tape(path: &Path, mode: Mode<'_>) -> String {
    match play(path, mode, &|_| {}).unwrap() {
        Played::Tape(tape) => serde_json::to_string(&tape).unwrap(),
        Played::OtherChain(chain) => panic!("chain {chain}"),
    }
}

fn recording(folder: &Folder) -> PathBuf {
    let one = |n: u8| {
        let from = if n.is_multiple_of(2) { USER } else { ATTACKER };
        let function = if n.is_multiple_of(3) { "init()" } else { "deposit()" };
        transaction(
            n,
            from,
            &call(from, MARKET, function),
            100 + u64::from(n),
            1_000 + u64::from(n),
        )
    };
    let lines: Vec<_> = std::iter::once(meta()).chain((0..24).map(one)).collect();
    folder.write("blind.jsonl", &lines)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever the labels say, or if there are none, the findings are the same byte for byte, and only the score moves.
    #[test]
    fn findings_do_not_depend_on_labels(kinds in prop::collection::vec(0u8..4, 24)) {
        let folder = Folder::new();
        let path = recording(&folder);
        let config = config();
        let modes = [Mode::ChainWide, Mode::ProtocolAware(&config)];
        let without = modes.map(|mode| tape(&path, mode));
        prop_assert!(without[1].contains("control-plane"), "something is found");

        let label = |(n, kind): (u8, &u8)| {
            let kind = ["exploit", "benign", "setup"].get(usize::from(*kind))?;
            Some(kit::label(n, &format!("incident {n}"), kind, Some(u64::from(n))))
        };
        let labels: Vec<_> = (0u8..).zip(&kinds).filter_map(label).collect();
        folder.write("blind.labels.jsonl", &labels);
        let with = modes.map(|mode| tape(&path, mode));
        prop_assert_eq!(&with, &without);

        // All the way through: who was alerted is the same set, however it is counted.
        let done = run(&options(&[folder.path()]), &|_| {}).unwrap();
        let exploits = kinds.iter().map(|kind| u64::from(*kind == 0)).sum::<u64>();
        let alerted = kinds.iter().enumerate().filter(|(n, kind)| n % 3 == 0 && **kind == 0).count();
        prop_assert_eq!(done.report.incidents, exploits);
        prop_assert!(done.report.incidents_detected >= alerted as u64);
    }
}

/// The judges and what they call cannot name labels: their source does not.
#[test]
fn judges_cannot_name_labels() {
    let sources = [
        include_str!("../judge.rs"),
        include_str!("../judge/protocol.rs"),
        include_str!("../footage.rs"),
    ];
    for source in sources {
        let code: Vec<&str> =
            source.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        for banned in ["labels", "label", "join", "incidents", "Truth", "read_dir", "fs::"] {
            let found = code.iter().find(|line| {
                line.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':')
                    .any(|word| word.contains(banned))
            });
            assert_eq!(found, None, "{banned}");
        }
        let ours = code.iter().filter(|line| line.contains("crate::"));
        for line in ours {
            assert!(
                line.contains("footage") || line.contains("error") || line.trim() == "use crate::{",
                "{line}"
            );
        }
    }
}

/// Nothing but the recording (and the codes beside it) is opened while it is judged: labels that cannot even be read do not
/// disturb a judge.
#[test]
fn unreadable_labels_do_not_disturb_a_judge() {
    let folder = Folder::new();
    let path = recording(&folder);
    let config = config();
    let before = tape(&path, Mode::ProtocolAware(&config));
    folder.write("blind.labels.jsonl", &[json!("no label at all")]);
    assert_eq!(tape(&path, Mode::ProtocolAware(&config)), before);
    let ticks = Mutex::new(0);
    let error = run(&options(&[folder.path()]), &|_| *ticks.lock().unwrap() += 1).unwrap_err();
    assert!(error.to_string().contains("blind.labels.jsonl:1"), "{error}");
    assert_eq!(*ticks.lock().unwrap(), 0, "bad labels are told before hours of playing");
}
