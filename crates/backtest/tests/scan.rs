//! What the scan sees of real chain data, by labels that it never sees. The table of misses is printed
//! (`cargo test -p portcullis-backtest --test scan -- --nocapture`).
//!
//! How the halves were used. Rules were first made looking at the incidents whose hash ends in an even digit: when they
//! stood, 55 of those 65 were found and 30 of the 48 others, which had been printed and not studied until then; three of the
//! others were added knowing what was missed. A second round started from the misses of the even half alone: helpers that
//! hand everything over, sums to and fro, money taken out as by an owner, set-ups of any number of arguments. It brought
//! the even half to 57 and left the other at 33: what is general in it, the other half did not need. Then the misses of
//! the other half were read as well (wallets, witnesses, pools that are posed, plans at creation), and it went to 38. So
//! neither figure is blind any more; the first, 30 of 48, is what an unseen set should be expected to give at least.
//!
//! Of the 17 still missed, 14 hold no theft that a bare call tree shows: preparations (`SanshuInu`, `DAOMaker`, `Unlock`,
//! `OMNI`, `Pinecone`, `CoW`), what came before or after (`Harvest`, Banana), and calls that differ from honest ones in
//! storage or signatures only (`BentFinance`, Umbrella, Local Traders, EDU&BAI, `ChainSwap`, Cryptoninja). In the three
//! others (`THORChain`, `PolyNetwork`, `CirculateBUSD`) only a protocol's own rules tell theft from use.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "tests may fail by panicking, and so may what they share"
)]

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use alloy_primitives::B256;
use portcullis_backtest::Footage;
use portcullis_observe::Recording;
use portcullis_scan::{Level, Scanner, Suspicion};
use portcullis_types::evidence::Evidence;
use serde_json::Value;

fn folder(under: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = env::var_os("PORTCULLIS_SHARED").map_or_else(beside, PathBuf::from);
    let folder = shared.join("data").join(under);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no chain data at {}; set PORTCULLIS_SHARED", folder.display());
    None
}

fn recordings(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> =
        entries.filter(|path| path.to_string_lossy().ends_with(".jsonl.gz")).collect();
    paths.sort();
    paths
}

/// Evidence of a recording, line by line.
fn evidence(path: &Path) -> Vec<Evidence> {
    let mut footage = Footage::new();
    let recording = Recording::open(path).unwrap();
    recording.lines().flat_map(|line| footage.evidence(line.unwrap().1).unwrap()).collect()
}

fn labels(recording: &Path) -> Vec<Value> {
    let path = recording.to_string_lossy().replace(".jsonl.gz", ".labels.jsonl");
    fs::read_to_string(path).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

fn names_a_victim(label: &Value, said: &Suspicion) -> bool {
    let victims: Vec<String> = label["victims"]
        .as_array()
        .unwrap()
        .iter()
        .map(|victim| victim.as_str().unwrap().to_lowercase())
        .collect();
    let named = said.victims.iter().chain(&said.targets).map(|a| format!("{a:#x}"));
    named.into_iter().any(|address| victims.contains(&address))
}

#[derive(Default)]
struct Count {
    all: usize,
    found: usize,
    act: usize,
    victim: usize,
}

impl Count {
    fn note(&mut self, label: &Value, said: Option<&Suspicion>) {
        self.all += 1;
        self.found += usize::from(said.is_some());
        self.act += usize::from(said.is_some_and(|said| said.level == Level::Act));
        self.victim += usize::from(said.is_some_and(|said| names_a_victim(label, said)));
    }

    fn show(&self, name: &str) {
        let Self { all, found, act, victim } = self;
        let share = 100.0 * *found as f64 / *all as f64;
        println!(
            "{name}: {found}/{all} = {share:.1} % ({act} act), labelled victim named {victim}"
        );
    }
}

#[test]
fn bare_call_trees_of_exploits() {
    let Some(folder) = folder("exploits/traces") else { return };
    let (mut seen, mut unseen, mut missed) = (Count::default(), Count::default(), Vec::new());
    for path in recordings(&folder) {
        let labels: BTreeMap<B256, Value> = labels(&path)
            .into_iter()
            .map(|label| (label["hash"].as_str().unwrap().parse().unwrap(), label))
            .collect();
        let mut scanner = Scanner::new();
        for one in evidence(&path) {
            let said = scanner.inspect(&one);
            let label = &labels[&one.hash];
            let half = if one.hash.0[31].is_multiple_of(2) { &mut seen } else { &mut unseen };
            half.note(label, said.as_ref());
            if said.is_none() {
                let (e_value, signals) = scanner.weigh(&one);
                let signals: Vec<_> = signals.iter().map(|signal| signal.detector).collect();
                missed.push(format!(
                    "{}: {} frames, e-value {e_value:.0}, {signals:?}",
                    label["incident"],
                    one.frames.len()
                ));
            }
        }
    }
    seen.show("half looked at");
    unseen.show("other half");
    println!("missed:\n  {}", missed.join("\n  "));
    assert!(seen.victim >= 40 && unseen.victim >= 28, "{} and {}", seen.victim, unseen.victim);
    assert!(seen.found >= 58, "{} of {}", seen.found, seen.all);
    assert!(unseen.found >= 38, "{} of {}", unseen.found, unseen.all);
}

#[test]
fn exploits_replayed_with_their_logs() {
    let Some(folder) = folder("exploits/replays") else { return };
    let (mut exploits, mut preparations) = (Count::default(), Count::default());
    let (mut labelled, mut near) = (0_u32, 0_u32);
    let micros = |usd: portcullis_types::money::Usd| usd.as_ratio_operand();
    for path in recordings(&folder) {
        let mut scanner = Scanner::new();
        for (one, label) in evidence(&path).iter().zip(labels(&path)) {
            let said = scanner.inspect(one);
            let count =
                if label["phase"] == "execution" { &mut exploits } else { &mut preparations };
            count.note(&label, said.as_ref());
            if label["phase"] == "execution" {
                let losses = said.iter().flat_map(|said| &said.losses);
                let usd = losses.filter_map(|loss| loss.usd).sum::<portcullis_types::money::Usd>();
                let name = label["incident"].as_str().unwrap();
                let level = said.as_ref().map(|said| (said.level, said.class));
                println!("  {name}: {level:?}, lost {usd} USD, label {}", label["lossUsd"]);
                if let Some(loss) = label["lossUsd"].as_f64() {
                    labelled += 1;
                    near += u32::from((micros(usd) / (loss * 1e6) - 1.0).abs() <= 0.1);
                }
            }
        }
    }
    exploits.show("replayed exploits");
    preparations.show("their preparations (should be none)");
    println!("loss within a tenth of the label: {near} of {labelled}");
    // What is missed: two recordings hold reads only (Superfluid, Wormhole), one a trade at a wrong price that nothing in it
    // shows to be wrong (Fantasm), one a trick on a token's books that pays later (USDS).
    assert!(exploits.found >= 27, "{} of {}", exploits.found, exploits.all);
    assert!(exploits.victim >= 23, "{} of {}", exploits.victim, exploits.all);
    // Most labels sum up an incident of which the recording holds one transaction, or tokens that nothing in it prices.
    assert!(near >= 4, "{near} of {labelled}");
    assert_eq!(preparations.found, 0);
}

#[test]
fn ordinary_blocks() {
    let Some(folder) = folder("benign/blocks") else { return };
    let (mut transactions, mut alerts, mut spent) = (0_u32, Vec::new(), Duration::ZERO);
    for path in recordings(&folder) {
        let mut scanner = Scanner::new();
        let block = evidence(&path);
        let start = Instant::now();
        let said: Vec<Suspicion> = block.iter().filter_map(|one| scanner.inspect(one)).collect();
        spent += start.elapsed();
        transactions += u32::try_from(block.len()).unwrap();
        alerts.extend(said);
    }
    let each = spent / transactions.max(1);
    println!("{transactions} ordinary transactions, {} alerts, {each:?} each", alerts.len());
    for said in &alerts {
        println!("  {} {:?}: {}", said.transaction, said.level, said.sentence);
    }
    assert_eq!(transactions, 6_841);
    assert!(alerts.is_empty(), "{} alerts", alerts.len());
    assert!(
        alerts.iter().all(|said| said.level == Level::Alert),
        "none may be acted on unattended"
    );
    assert!(each < Duration::from_micros(200), "{each:?} each, even in a debug build");
}

/// Whole lives of seven protocols, seen from inside: nobody knows who called.
#[test]
fn histories_of_protocols() {
    let Some(folder) = folder("histories") else { return };
    let (mut benign, mut exploits) = (Count::default(), Count::default());
    for path in recordings(&folder) {
        let labels: BTreeMap<B256, Value> = labels(&path)
            .into_iter()
            .map(|label| (label["hash"].as_str().unwrap().parse().unwrap(), label))
            .collect();
        let mut scanner = Scanner::new();
        for one in evidence(&path) {
            let Some(label) = labels.get(&one.hash) else { continue };
            let said = scanner.inspect(&one);
            let count = if label["label"] == "exploit" { &mut exploits } else { &mut benign };
            count.all += 1;
            count.found += usize::from(said.is_some());
            count.act += usize::from(said.is_some_and(|said| said.level == Level::Act));
        }
    }
    exploits.show("exploits in histories");
    benign.show("honest transactions in histories");
    assert!(benign.all > 0 && benign.act == 0);
    assert!(benign.found * 2_000 <= benign.all, "{} of {}", benign.found, benign.all);
}
