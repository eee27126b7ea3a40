//! `portcullis backtest` from outside: what it prints, what it writes, and its exit codes.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::kit::{run, texts};

const CONFIG: &str = r#"chains:
  - {name: ethereum, id: 1}
protocols:
  - name: market
    chain: ethereum
    contracts:
      - {name: market, address: "0xa1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1", holdsValue: true}
    assets:
      - {symbol: ETH, decimals: 18, priceUsd: 2000}
    detectors:
      - detector: control-plane
        functions:
          - {contract: market, signature: "initialize()"}
"#;

const META: &str = r#"{"type":"meta","format":"portcullis-recording/1","chainId":"0x1","source":"test","note":""}"#;

/// A call of `initialize()` (or of another function) on the market as a line.
fn line(number: u8, selector: &str) -> String {
    let hash = format!("{number:02x}").repeat(32);
    let (from, market) = ("11".repeat(20), "a1".repeat(20));
    format!(
        r#"{{"type":"transaction","chainId":"0x1","hash":"0x{hash}","blockNumber":"0x{number:x}","timestamp":"0x{number:x}","trace":{{"type":"CALL","from":"0x{from}","to":"0x{market}","input":"{selector}"}}}}"#
    )
}

fn label(number: u8, kind: &str) -> String {
    let hash = format!("{number:02x}").repeat(32);
    format!(r#"{{"hash":"0x{hash}","incident":"Story","label":"{kind}"}}"#)
}

struct Story {
    folder: TempDir,
}

impl Story {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let story = Self { folder };
        story.write("config.yaml", CONFIG);
        let lines = [META.to_owned(), line(1, "0xd0e30db0"), line(2, "0x8129fc1c")];
        story.write("data/one.jsonl", &lines.join("\n"));
        story.write("data/one.labels.jsonl", &label(2, "exploit"));
        story
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn backtest(&self, more: &[&str]) -> (String, String, Option<i32>) {
        let text = |path: &Path| path.display().to_string();
        let (data, out) = (text(&self.path("data")), text(&self.path("out")));
        let args = [&["backtest", "--recording", &data, "--out", &out], more].concat();
        texts(&run(&args))
    }
}

#[test]
fn a_configuration_is_measured_and_written_down() {
    let story = Story::new();
    let config = story.path("config.yaml").display().to_string();
    let (stdout, stderr, code) = story.backtest(&["--config", &config, "--json"]);
    assert_eq!((stderr.as_str(), code), ("", Some(0)));
    let printed: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((printed["recall"].as_f64(), printed["falseAlerts"].as_u64()), (Some(1.0), Some(0)));
    assert_eq!(printed["benignTransactions"], 1);
    let written = std::fs::read(story.path("out/backtest.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), printed);
    let page = std::fs::read_to_string(story.path("out/report.html")).unwrap();
    assert!(page.contains("initialize()") && page.ends_with("</html>\n"));

    let (stdout, _, code) = story.backtest(&["--config", &config]);
    assert_eq!(code, Some(0));
    assert!(stdout.contains("1 of 1 incidents (100.0 %)"), "{stdout}");
    assert!(stdout.trim_end().ends_with("report.html"), "{stdout}");
}

#[test]
fn a_low_recall_is_no_error_and_bad_input_is() {
    let story = Story::new();
    story.write("data/two.jsonl", &[META.to_owned(), line(3, "0x00000000")].join("\n"));
    story.write("data/two.labels.jsonl", &label(3, "exploit").replace("Story", "Unseen"));
    let config = story.path("config.yaml").display().to_string();
    let (stdout, _, code) = story.backtest(&["--config", &config]);
    assert_eq!(code, Some(0));
    assert!(stdout.contains("1 of 2 incidents"), "{stdout}");

    story.write("data/two.labels.jsonl", "{\"label\":\"exploit\"}");
    let (_, stderr, code) = story.backtest(&[]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("two.labels.jsonl:1: names no transaction"), "{stderr}");

    story.write("data/two.labels.jsonl", "");
    story.write("data/two.jsonl", &[META, "{\"type\":\"transac"].join("\n"));
    let (stdout, stderr, code) = story.backtest(&["--json"]);
    assert_eq!(code, Some(2), "damaged, and the others are measured all the same");
    assert!(stderr.contains("two.jsonl:2") && stderr.contains("damaged"), "{stderr}");
    assert_eq!(serde_json::from_str::<Value>(&stdout).unwrap()["transactions"], 2);

    let (_, stderr, code) = texts(&run(&["backtest", "--recording", "nowhere", "--out", "x"]));
    assert_eq!(code, Some(2));
    assert!(stderr.contains("nowhere") && stderr.contains("check that it exists"), "{stderr}");
}
