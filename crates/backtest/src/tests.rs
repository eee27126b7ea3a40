//! Whole back-tests over recordings that the tests write themselves.

mod blindness;
mod data;
mod kit;

use std::path::PathBuf;

use kit::{ATTACKER, Folder, MARKET, USER, access, call, config, label, meta, phase, transaction};
use serde_json::{Value, json};

use portcullis_observe::RecordingLine;

use crate::{Backtest, BacktestError, Footage, Options, Unlabelled, run};

pub(crate) fn options(recordings: &[PathBuf]) -> Options {
    Options {
        recordings: recordings.to_vec(),
        labels: Vec::new(),
        loss_curves: Vec::new(),
        config: Some(config()),
        unlabelled: Unlabelled::Benign,
        threads: 2,
    }
}

fn test(options: &Options) -> Backtest {
    run(options, &|_| {}).unwrap_or_else(|error| panic!("{error}"))
}

/// The report without the two figures that are about time.
pub(crate) fn json(done: &Backtest) -> Value {
    let mut value = serde_json::to_value(&done.report).unwrap();
    value["secondsElapsed"] = Value::Null;
    value["transactionsPerSecond"] = Value::Null;
    value
}

/// Attack A in three thefts after a preparation nobody labelled, B unseen, one false alarm, one honest transaction.
fn story(folder: &Folder) {
    let init = |hash, from, block, time| {
        transaction(hash, from, &call(from, MARKET, "init()"), block, time)
    };
    folder.write(
        "sub/story.jsonl",
        &[
            meta(),
            init(1, ATTACKER, 90, 400),
            init(2, ATTACKER, 100, 1_000),
            init(3, ATTACKER, 101, 1_012),
            init(4, ATTACKER, 300, 4_000),
            transaction(5, USER, &call(USER, MARKET, "deposit()"), 301, 4_012),
            init(6, USER, 302, 4_024),
            transaction(7, USER, &call(USER, MARKET, "drain()"), 303, 4_036),
        ],
    );
    folder.write(
        "sub/story.labels.jsonl",
        &[
            label(2, "A", "exploit", Some(10)),
            label(3, "A", "exploit", Some(30)),
            label(4, "A", "exploit", Some(60)),
            label(6, "", "benign", None),
            label(7, "B", "exploit", None),
            label(9, "Gone", "exploit", None),
        ],
    );
}

#[test]
fn a_story_is_measured() {
    let folder = Folder::new();
    story(&folder);
    let done = test(&options(&[folder.path()]));
    let got = json(&done);
    let expected = json!({
        "mode": "protocolAware", "incidents": 2, "incidentsDetected": 1, "incidentsBlind": 0, "recall": 0.5,
        "transactions": 7, "exploitTransactions": 4, "benignTransactions": 2, "unlabelled": 2,
        "unlabelledCountedAs": "benign", "falseAlerts": 1, "falseAlertRate": 0.5, "falseAutomatic": 0,
        "leadSeconds": {"p50": 600, "p90": 600}, "leadToLastSeconds": {"p50": 3600, "p90": 3600}, "leadKnown": 1,
        "blindTransactions": 0, "atomicIncidents": 1,
        // The first alert is at block 90 and second 400: everything comes later than a block, and the last theft alone
        // later than 60 minutes would be; it comes at exactly 60.
        "lossSavedPercent": {"1block": 100.0, "1": 100.0, "5": 100.0, "30": 60.0, "60": 0.0},
        "byDetector": [{"detector": "control-plane", "transactions": 5, "incidents": 1, "onlyByIt": 1,
            "falseAlerts": 1, "falseOnlyByIt": 1, "onProbation": 0}],
        "falseAlertsByCause": [{"cause": "control-plane (accessControl)", "alerts": 1, "automatic": 0}],
        "byClass": [{"name": "accessControl", "incidents": 1, "detected": 1, "recall": 1.0},
            {"name": "unclassified", "incidents": 1, "detected": 0, "recall": 0.0}],
    });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&got[key], value, "{key}");
    }
    assert_eq!(got["labelsWithoutTransaction"][0]["incident"], "Gone");
    let miss = &got["misses"][0];
    assert_eq!((miss["incident"].as_str(), miss["line"].as_u64()), (Some("B"), Some(8)));
    assert!(
        miss["why"]
            .as_str()
            .unwrap()
            .starts_with("no detector spoke; what there was to see: 1 frame"),
        "{miss}"
    );
    let alarm = &got["falseAlertList"][0];
    assert_eq!((alarm["line"].as_u64(), alarm["block"].as_u64()), (Some(7), Some(302)));
    let detection = &got["detections"][0];
    assert_eq!(detection["onPreparation"], true);
    assert_eq!(
        (detection["attackerNamed"].as_bool(), detection["victimNamed"].as_bool()),
        (Some(true), Some(true))
    );
    assert_eq!(detection["lossUsd"], 100);
    assert_eq!(detection["lossAgrees"], Value::Null, "its detector names no loss");

    let page = done.write(&folder.path().join("out")).unwrap();
    let html = std::fs::read_to_string(page).unwrap();
    for list in ["misses", "falseAlertList", "detections"] {
        for one in got[list].as_array().unwrap() {
            let (_, id) = one["evidence"].as_str().unwrap().split_once('#').unwrap();
            assert_eq!(html.matches(&format!("id=\"{id}\"")).count(), 1, "{list}: {id}");
        }
    }
    let written = std::fs::read(folder.path().join("out/backtest.json")).unwrap();
    let written: Value = serde_json::from_slice(&written).unwrap();
    assert_eq!(written["falseAlertList"], got["falseAlertList"]);
}

#[test]
fn the_object_has_the_documented_keys() {
    let folder = Folder::new();
    story(&folder);
    let got = json(&test(&options(&[folder.path()])));
    let document = include_str!("../../../docs/json.md");
    let section = document.split("\n## ").find(|section| section.starts_with("backtest")).unwrap();
    for key in got.as_object().unwrap().keys() {
        assert!(
            section.contains(&format!("`{key}`")),
            "docs/json.md, backtest: `{key}` is missing"
        );
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let folder = Folder::new();
    for part in 0..9 {
        let first = part * 10;
        let lines: Vec<Value> = (0..10)
            .map(|n| {
                let name = if n % 3 == 0 { "init()" } else { "deposit()" };
                transaction(first + n, USER, &call(USER, MARKET, name), 100 + u64::from(n), 9)
            })
            .collect();
        folder.write(&format!("part{part}.jsonl"), &[vec![meta()], lines].concat());
    }
    let report = |threads| {
        let done = test(&Options { threads, ..options(&[folder.path()]) });
        serde_json::to_string(&json(&done)).unwrap()
    };
    let one = report(1);
    assert_eq!(json(&test(&options(&[folder.path()])))["falseAlerts"], 36);
    for threads in [2, 5, 64] {
        assert_eq!(report(threads), one, "{threads} threads");
    }
}

#[test]
fn any_mixture_of_lines_in_an_unknown_folder_works() {
    let folder = Folder::new();
    let block = json!({"type": "block", "block": {
        "number": "0x200", "hash": kit::hash(50), "parentHash": kit::hash(49), "timestamp": "0x64",
        "transactions": [{"hash": kit::hash(51), "from": USER, "to": MARKET}, {"hash": kit::hash(52), "from": USER, "to": MARKET}]},
        "traces": [{"txHash": kit::hash(51), "result": call(USER, MARKET, "deposit()")},
            {"txHash": kit::hash(52), "result": call(USER, MARKET, "init()")}]});
    let unseen = json!({"type": "block", "block": {
        "number": "0x201", "hash": kit::hash(60), "parentHash": kit::hash(50), "timestamp": "0x70",
        "transactions": [{"hash": kit::hash(61), "from": USER, "to": MARKET}]}});
    let path = folder.write(
        "deep/er/mixed.jsonl",
        &[
            meta(),
            transaction(1, USER, &call(USER, MARKET, "deposit()"), 100, 50),
            phase("setup", &call(ATTACKER, MARKET, "deposit()")),
            phase("execution", &call(ATTACKER, MARKET, "init()")),
            access(2),
            block,
            unseen,
        ],
    );
    folder.write(
        "deep/er/mixed.labels.jsonl",
        &[
            json!({"phase": "setup", "incident": "P", "label": "setup"}),
            json!({"phase": "execution", "incident": "P", "label": "exploit"}),
            json!({"hash": kit::hash(2), "incident": "Slots", "label": "exploit"}),
        ],
    );
    folder.write("deep/codes.jsonl", &[json!({"codeHash": kit::hash(3), "code": "0x"})]);
    folder.write("notes.jsonl", &[json!({"hello": "world"})]);
    std::fs::write(folder.path().join("README.md"), "about").unwrap();
    let got = json(&test(&options(&[folder.path()])));
    // Whether something can be seen of function entries is for the footage to say.
    let lines = portcullis_observe::Recording::open(&path).unwrap().lines();
    let mut entries =
        lines.map(|line| line.unwrap().1).filter(|line| matches!(line, RecordingLine::Access(_)));
    let unseen = u64::from(Footage::new().evidence(entries.next().unwrap()).is_err());
    assert_eq!((got["incidents"].as_u64(), got["incidentsDetected"].as_u64()), (Some(2), Some(1)));
    assert_eq!(
        (got["incidentsBlind"].as_u64(), got["misses"][0]["blind"].as_bool()),
        (Some(unseen), Some(unseen == 1))
    );
    assert_eq!(got["transactions"].as_u64(), Some(6 - unseen));
    assert_eq!(got["blindTransactions"].as_u64(), Some(1 + unseen));
    assert_eq!(got["blindLines"].as_u64(), Some(1 + unseen));
    assert_eq!(got["blind"].as_array().unwrap().len() as u64, 1 + unseen);
    assert_eq!(got["setupTransactions"].as_u64(), Some(1));
    assert_eq!(
        (got["falseAlerts"].as_u64(), got["falseAlertList"][0]["hash"].as_str()),
        (Some(1), Some(kit::hash(52).as_str()))
    );
    assert_eq!(got["skipped"].as_array().unwrap().len(), 1, "{}", got["skipped"]);
    let wide = json(&test(&Options { config: None, ..options(&[folder.path()]) }));
    assert_eq!(
        (&wide["transactions"], &wide["incidents"]),
        (&got["transactions"], &got["incidents"])
    );
}

#[test]
fn what_nobody_labelled_can_be_ignored() {
    let folder = Folder::new();
    story(&folder);
    let ignore = Options { unlabelled: Unlabelled::Ignore, ..options(&[folder.path()]) };
    let got = json(&test(&ignore));
    assert_eq!(
        (got["benignTransactions"].as_u64(), got["falseAlerts"].as_u64()),
        (Some(1), Some(1))
    );
    assert_eq!((got["unlabelled"].as_u64(), got["unlabelledAlerts"].as_u64()), (Some(2), Some(0)));
}

#[test]
fn recordings_of_other_chains_are_left_out_and_named() {
    let folder = Folder::new();
    story(&folder);
    let mut other = meta();
    other["chainId"] = json!("0x38");
    folder.write("bsc.jsonl", &[other]);
    let got = json(&test(&options(&[folder.path()])));
    assert!(got["skipped"][0]["why"].as_str().unwrap().contains("chain 56"), "{}", got["skipped"]);
    assert_eq!(got["byRecording"].as_array().unwrap().len(), 1);
}

#[test]
fn a_damaged_recording_is_not_a_shorter_one() {
    let folder = Folder::new();
    story(&folder);
    let path = folder.write(
        "broken.jsonl",
        &[meta(), transaction(70, USER, &call(USER, MARKET, "init()"), 1, 1)],
    );
    let mut text = std::fs::read_to_string(&path).unwrap();
    text.push_str("{\"type\":\"transac");
    std::fs::write(&path, text).unwrap();
    let got = json(&test(&options(&[folder.path()])));
    assert_eq!(got["transactions"], 7, "nothing of it is counted");
    assert!(
        got["unreadable"][0]["why"].as_str().unwrap().contains("broken.jsonl:3"),
        "{}",
        got["unreadable"]
    );
}

#[test]
fn errors_name_file_line_and_remedy() {
    let cases: [(&str, &str); 6] = [
        (r#"{"hash":"0x12","label":"exploit"}"#, "story.labels.jsonl:2: is no label"),
        (r#"{"label":"exploit"}"#, ":2: names no transaction: give it a `hash` or a `phase`"),
        (r#"{"phase":"x","label":"evil"}"#, ":2: is no label (unknown variant `evil`"),
        ("{\"phase\":", ":2: is no label"),
        (
            r#"{"phase":"x","label":"exploit","lossUsd":1e30}"#,
            ":2: has a lossUsd that is no amount",
        ),
        (r#"{"phase":"setup","label":"benign"}"#, ":2: contradicts an earlier label"),
    ];
    for (line, expected) in cases {
        let folder = Folder::new();
        story(&folder);
        let first = r#"{"phase":"setup","label":"setup","lossUsd":null}"#;
        let path = folder.path().join("sub/story.labels.jsonl");
        std::fs::write(&path, format!("{first}\n{line}\n")).unwrap();
        let error = run(&options(&[folder.path()]), &|_| {}).unwrap_err().to_string();
        assert!(error.contains(expected), "{line}: {error}");
    }
    let folder = Folder::new();
    let empty = run(&options(&[folder.path()]), &|_| {}).unwrap_err();
    assert!(
        matches!(&empty, BacktestError::Usage(text) if text.contains("no recording found")),
        "{empty}"
    );
    let nowhere = run(&options(&[folder.path().join("nowhere")]), &|_| {}).unwrap_err().to_string();
    assert!(nowhere.contains("check that it exists"), "{nowhere}");
}

#[test]
fn named_labels_replace_those_beside() {
    let folder = Folder::new();
    story(&folder);
    let named = folder.write("elsewhere/mine.labels.jsonl", &[label(5, "D", "exploit", None)]);
    let with =
        |labels: PathBuf| Options { labels: vec![labels], ..options(&[folder.path().join("sub")]) };
    let got = json(&test(&with(named)));
    assert_eq!(
        (got["incidents"].as_u64(), got["misses"][0]["incident"].as_str()),
        (Some(1), Some("D"))
    );
    let phases =
        folder.write("elsewhere/other.labels.jsonl", &[json!({"phase": "x", "label": "exploit"})]);
    let error = run(&with(phases), &|_| {}).unwrap_err().to_string();
    assert!(error.contains("belongs to no recording by its name"), "{error}");
}

/// Lines of two chains may stand in one recording if the configuration describes both: each keeps its own blocks.
#[test]
fn a_recording_of_two_chains_needs_a_configuration_of_both() {
    let folder = Folder::new();
    let line = |hash, chain: &str, block, time| {
        let mut line = transaction(hash, USER, &call(USER, MARKET, "init()"), block, time);
        line["chainId"] = json!(chain);
        line
    };
    let lines =
        [meta(), line(1, "0x1", 90, 400), line(2, "0x5", 7_000, 401), line(3, "0x1", 91, 412)];
    let path = folder.write("two.jsonl", &lines);
    let one = test(&options(std::slice::from_ref(&path)));
    let [why] = one.report.unreadable.as_slice() else { panic!("{:?}", one.report.unreadable) };
    assert!(why.why.contains("or a configuration that describes both"), "{}", why.why);
    let mut both = options(&[path]);
    let chains = &mut both.config.as_mut().unwrap().chains;
    let mut other = chains[0].clone();
    other.chain = 5;
    chains.push(other);
    let report = test(&both).report;
    assert_eq!((report.transactions, report.blind_transactions), (3, 0));
    // The market is protected on its own chain only.
    assert_eq!(report.false_alerts, 2);
}
