//! Learning from a protocol's past: on seven real histories, and on a small recording from proposal to finding.

mod numbers;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use portcullis_backtest::Footage;
use portcullis_detect::novelty::FalseAlarms;
use portcullis_learn::{Observation, infer::Inference, rate::Rate, whitelist};
use portcullis_observe::Recording;
use portcullis_types::evidence::Evidence;
use serde_json::{Value, json};

use crate::kit::{run, shared, texts};

const HISTORIES: [&str; 7] =
    ["Auctus", "DODO", "MonoXFi", "Punk_1", "UmbrellaNetwork", "Warp_interface", "XCarnival"];

/// Most false alarms on transactions that were not learned from, in ten thousandths.
const FALSE_ALARMS_MAX: u64 = 30;

fn is_quiet(alarms: u64, of: u64) -> bool {
    alarms * 10_000 <= of * FALSE_ALARMS_MAX
}

/// The hash of the exploit, by the labels that nothing but this test reads.
fn exploit(folder: &Path, name: &str) -> String {
    let text = fs::read_to_string(folder.join(format!("{name}.labels.jsonl"))).unwrap();
    let labels = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let found: Vec<String> = labels
        .filter(|label| label["label"] == "exploit")
        .map(|label| label["hash"].as_str().unwrap().to_owned())
        .collect();
    let [one] = found.as_slice() else { panic!("{name}: {found:?}") };
    one.clone()
}

fn learn(arguments: &[&str]) -> Value {
    let arguments: Vec<&str> = ["learn", "--json"].iter().chain(arguments).copied().collect();
    let (text, errors, code) = texts(&run(&arguments));
    assert_eq!(code, Some(0), "{arguments:?}: {errors}");
    serde_json::from_str(&text).expect("one object")
}

#[test]
fn seven_exploits_of_history_are_found_after_learning_from_the_first_seven_tenths() {
    let Some(folder) = shared("histories") else { return };
    let out = tempfile::tempdir().unwrap();
    let (mut false_alarms, mut judged, mut of_protocol) = (0, 0, 0);
    println!("{:18} {:>6} {:>6} {:>6}  false alarms", "protocol", "train", "test", "of it");
    for name in HISTORIES {
        let recording = folder.join(format!("{name}.jsonl.gz"));
        let proposal = out.path().join(name);
        let learnt = learn(&[
            "--recording",
            &recording.to_string_lossy(),
            "--share",
            "0.7",
            "--out",
            &proposal.to_string_lossy(),
        ]);
        let exploit = exploit(&folder, name);
        let rest = &learnt["rest"];
        let alarms: Vec<(&str, &str)> = rest["alarms"]
            .as_array()
            .unwrap()
            .iter()
            .map(|alarm| {
                (alarm["transaction"].as_str().unwrap(), alarm["detector"].as_str().unwrap())
            })
            .collect();
        let found: Vec<&str> =
            alarms.iter().filter(|(hash, _)| *hash == exploit).map(|(_, by)| *by).collect();
        assert!(found.contains(&"novelty"), "{name}: {alarms:?}");
        let mut wrong: Vec<&str> =
            alarms.iter().map(|(hash, _)| *hash).filter(|hash| *hash != exploit).collect();
        wrong.dedup();
        // The exploit is the last transaction and not an honest one.
        let (honest, of_it) =
            (rest["transactions"].as_u64().unwrap() - 1, rest["observed"].as_u64().unwrap() - 1);
        let rate = Rate(FalseAlarms { alarms: wrong.len() as u64, of: honest });
        println!(
            "{name:18} {:>6} {honest:>6} {of_it:>6}  {rate}; exploit found by {found:?}; false: {wrong:?}",
            learnt["transactions"]
        );
        false_alarms += wrong.len() as u64;
        judged += honest;
        of_protocol += of_it;
        checks_offline(&proposal.join("portcullis.yaml"));
    }
    let rate = |of| Rate(FalseAlarms { alarms: false_alarms, of });
    println!("all: {}; of transactions that enter: {}", rate(judged), rate(of_protocol));
    assert!(is_quiet(false_alarms, judged), "{}", rate(judged));
    assert!(is_quiet(false_alarms, of_protocol), "{}", rate(of_protocol));
}

fn checks_offline(config: &Path) {
    let config = config.to_string_lossy();
    let (_, errors, code) = texts(&run(&["config", "check", "--offline", "--config", &config]));
    assert_eq!(code, Some(0), "{config}: {errors}");
}

fn evidence(recording: &Path) -> Vec<Evidence> {
    let mut footage = Footage::new();
    let lines = Recording::open(recording).unwrap().lines();
    lines.flat_map(|line| footage.evidence(line.unwrap().1).unwrap()).collect()
}

/// How many honest transactions satisfy two of the three things that make an alarm.
#[derive(Debug, Default)]
struct Parts {
    composed_and_new: u64,
    composed_and_gain: u64,
    new_and_gain: u64,
}

impl Parts {
    fn add(&mut self, one: &Observation, is_new: bool) {
        self.composed_and_new += u64::from(one.form.composed && is_new);
        self.composed_and_gain += u64::from(one.form.composed && one.has_gain);
        self.new_and_gain += u64::from(is_new && one.has_gain);
    }
}

/// What the outcome would be for other numbers: it must not hang on them.
#[test]
fn the_outcome_does_not_hang_on_the_numbers_that_were_chosen() {
    let Some(folder) = shared("histories") else { return };
    let histories: Vec<Vec<Evidence>> =
        HISTORIES.iter().map(|name| evidence(&folder.join(format!("{name}.jsonl.gz")))).collect();
    for tenths in 4..=8 {
        for repeat_factor in 1..=4 {
            let (mut found, mut false_alarms, mut judged) = (0, 0, 0);
            let mut parts = Parts::default();
            for all in &histories {
                let (past, rest) = all.split_at(all.len() * tenths / 10);
                let mut inference = Inference::new();
                for one in past {
                    inference.see(one).unwrap();
                }
                let protocol = inference.protocol("it", 1).unwrap();
                let past: Vec<Observation> =
                    past.iter().filter_map(|one| Observation::of(one, &protocol)).collect();
                let learned = whitelist::learn(&past, repeat_factor);
                let alarm = |one: &Evidence| {
                    Observation::of(one, &protocol)
                        .is_some_and(|one| whitelist::is_alarm(&learned, &one))
                };
                let (exploit, honest) = rest.split_last().unwrap();
                found += usize::from(alarm(exploit));
                false_alarms += honest.iter().filter(|one| alarm(one)).count() as u64;
                judged += honest.len() as u64;
                let seen = honest.iter().filter_map(|one| Observation::of(one, &protocol));
                for one in seen {
                    parts.add(&one, !learned.news(&one.form).is_empty());
                }
            }
            let rate = Rate(FalseAlarms { alarms: false_alarms, of: judged });
            println!(
                "first {tenths}/10, factor {repeat_factor}: {found} of 7, false alarms {rate}; {parts:?}"
            );
            assert_eq!(found, HISTORIES.len());
            assert!(is_quiet(false_alarms, judged), "{rate}");
        }
    }
}

const POOL: &str = "0xa1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1";
const USD: &str = "0xc1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1";
const BOT: &str = "0xb0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0";
const USER: &str = "0x1111111111111111111111111111111111111111";

const CONFIG: &str = r#"# Ours.
chains:
  - name: local
    id: 1
protocols:
  - name: pool
    chain: local
    contracts:
      - {name: pool, address: "0xa1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1", holdsValue: true}
    assets:
      - {symbol: USD, token: "0xc1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1", decimals: 6, priceUsd: 1}
    detectors:
      - detector: reentrancy   # of course
    policy: {}
"#;

fn word(number: u64) -> String {
    format!("{number:064x}")
}

/// The bot calls these functions of the pool, and the last of them pays it.
fn transaction(number: u64, selectors: &[&str], paid: u64) -> Value {
    let topic = |address: &str| format!("0x{:0>64}", &address[2..]);
    let log = json!({
        "address": USD,
        "topics": [
            "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef",
            topic(POOL),
            topic(BOT),
        ],
        "data": format!("0x{}", word(paid * 1_000_000)),
        "position": "0x0",
    });
    let pay = json!({
        "type": "CALL", "from": POOL, "to": USD, "value": "0x0", "gas": "0x0", "gasUsed": "0x0",
        "input": format!("0xa9059cbb{:0>64}{}", &BOT[2..], word(paid * 1_000_000)), "output": "0x",
        "logs": [log],
    });
    let last = selectors.len() - 1;
    let call = |(at, selector): (usize, &&str)| {
        json!({
            "type": "CALL", "from": BOT, "to": POOL, "value": "0x0", "gas": "0x0", "gasUsed": "0x0",
            "input": selector, "output": "0x",
            "calls": if at == last { json!([pay]) } else { json!([]) },
        })
    };
    let calls: Vec<Value> = selectors.iter().enumerate().map(call).collect();
    json!({
        "type": "transaction", "chainId": "0x1", "hash": format!("0x{}", word(number)),
        "blockNumber": format!("{number:#x}"), "timestamp": format!("{:#x}", number * 600),
        "trace": {
            "type": "CALL", "from": USER, "to": BOT, "value": "0x0", "gas": "0x0",
            "gasUsed": "0x0", "input": "0x", "output": "0x", "calls": calls,
        },
    })
}

fn write_recording(path: &Path, transactions: &[Value]) {
    let meta = json!({
        "type": "meta", "format": "portcullis-recording/1", "chainId": "0x1", "source": "a test",
        "note": "",
    });
    let lines: Vec<String> =
        std::iter::once(&meta).chain(transactions).map(ToString::to_string).collect();
    fs::write(path, lines.join("\n") + "\n").unwrap();
}

struct Stage {
    folder: tempfile::TempDir,
}

impl Stage {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_string_lossy().into_owned()
    }

    /// 100 honest transactions and a configuration without what they teach.
    fn set() -> Self {
        let stage = Self { folder: tempfile::tempdir().unwrap() };
        let honest: Vec<Value> = (1..=100)
            .map(|n| {
                transaction(
                    n,
                    if n % 2 == 0 { &["0x01010101"] } else { &["0x01010101", "0x02020202"] },
                    100,
                )
            })
            .collect();
        write_recording(&stage.path("past.jsonl"), &honest);
        fs::write(stage.path("portcullis.yaml"), CONFIG).unwrap();
        stage
    }
}

#[test]
fn a_proposal_is_a_change_of_the_configuration_that_finds_the_attack() {
    let stage = Stage::set();
    let (past, config, out) =
        (stage.text("past.jsonl"), stage.text("portcullis.yaml"), stage.text("proposed"));
    let arguments = ["--recording", &past, "--config", &config, "--until", "80", "--out", &out];
    let learnt = learn(&arguments);
    assert_eq!((&learnt["observed"], &learnt["forms"]), (&json!(80), &json!(2)));
    assert_eq!(
        (&learnt["rest"]["transactions"], &learnt["rest"]["alarmed"]),
        (&json!(20), &json!(0))
    );

    // The diff is the change from the one file to the other: only lines that are added.
    let diff = fs::read_to_string(stage.path("proposed/proposal.diff")).unwrap();
    let proposed = fs::read_to_string(stage.path("proposed/portcullis.yaml")).unwrap();
    let added: Vec<&str> = diff.lines().skip(2).filter_map(|line| line.strip_prefix('+')).collect();
    let kept: Vec<&str> = proposed.lines().filter(|line| !added.contains(line)).collect();
    assert_eq!(kept, CONFIG.lines().collect::<Vec<_>>(), "{diff}");
    assert!(!diff.lines().skip(2).any(|line| line.starts_with('-')), "{diff}");
    for part in ["20 later transactions", "- detector: novelty", "maxAmount: \"6000\"", "0 of 64 ("]
    {
        assert!(diff.contains(part), "{part} is not in\n{diff}");
    }
    checks_offline(&stage.path("proposed/portcullis.yaml"));

    let attack = transaction(200, &["0x02020202", "0x01010101"], 50);
    write_recording(&stage.path("attack.jsonl"), &[attack]);
    let proposed = stage.text("proposed/portcullis.yaml");
    let output = run(&["replay", &stage.text("attack.jsonl"), "--config", &proposed, "--json"]);
    let (text, errors, code) = texts(&output);
    assert_eq!(code, Some(0), "{errors}");
    let replayed: Value = serde_json::from_str(&text).unwrap();
    let findings: BTreeMap<&str, &str> = replayed["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["detector"].as_str().unwrap(), one["amountText"].as_str().unwrap()))
        .collect();
    assert_eq!(findings, BTreeMap::from([("novelty", "50 USD")]));
}

#[test]
fn what_cannot_be_learned_is_refused_with_a_remedy() {
    let stage = Stage::set();
    let (past, config, out) =
        (stage.text("past.jsonl"), stage.text("portcullis.yaml"), stage.text("out"));
    let twice = CONFIG.replace(
        "detector: reentrancy   # of course",
        "detector: novelty\n        learned: none.json",
    );
    fs::write(stage.path("missing.yaml"), twice).unwrap();
    let elsewhere = CONFIG.replace("0xa1a1", "0xa2a2");
    fs::write(stage.path("elsewhere.yaml"), elsewhere).unwrap();
    for (arguments, code, part) in [
        (vec!["--config", &config, "--share", "1.5"], 2, "0.7"),
        (vec!["--config", &config, "--protocol", "other"], 2, "one of: pool"),
        (vec!["--config", &stage.text("missing.yaml")], 2, "portcullis learn"),
        (vec!["--config", &stage.text("elsewhere.yaml")], 2, "no transaction to learn from"),
    ] {
        let all = ["learn", "--recording", &past, "--out", &out];
        let all: Vec<&str> = all.into_iter().chain(arguments.iter().copied()).collect();
        let (_, errors, ended) = texts(&run(&all));
        assert_eq!(ended, Some(code), "{arguments:?}: {errors}");
        assert!(errors.contains(part), "{part}: {errors}");
    }
}
