//! What people write wrong and what files come damaged: a clear error each, naming the place and the remedy, and an exit
//! code that scripts can use (2: wrong usage or configuration; 3: could not look; 1: looked, and not in order).

use std::path::Path;

use rusqlite::Connection;
use tempfile::TempDir;

use crate::kit::{portcullis, root, run, texts};

/// A configuration that works offline.
pub(crate) const GOOD: &str = r#"chains:
  - {name: local, id: 31337, nodes: ["http://127.0.0.1:1"]}
protocols:
  - name: market
    chain: local
    contracts:
      - {name: market, address: "0x5d94309e5a0090b165fa4181519701637b6daeba", holdsValue: true}
    assets:
      - {symbol: USDC, token: "0x2260fac5e5542a773aa44fbcfedf7c193bc2c599", decimals: 6, priceUsd: 1}
    detectors:
      - detector: gross-outflow
        limits:
          - {asset: USDC, windowSeconds: 60, maxAmount: "1000"}
    ladder:
      - {kind: pausable, name: pause, target: "0x5d94309e5a0090b165fa4181519701637b6daeba", rung: market, holdSeconds: 60, falseStopCostUsd: 1}
    policy: {autonomy: act}
responder:
  address: "0x70997970c51812dc3a010c7d01b50e0d17dc79c8"
  key: {environment: PORTCULLIS_TEST_KEY}
"#;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// The command must end with `code` and say all of `parts` on standard error, in words fit for a terminal.
#[track_caller]
fn check(args: &[&str], code: i32, parts: &[&str]) {
    let output = run(args);
    let (out, errors, found) = texts(&output);
    assert_eq!(found, Some(code), "{args:?}: {out}{errors}");
    let said = format!("{out}{errors}");
    for part in parts {
        assert!(said.contains(part), "{args:?} must say `{part}`, says: {said}");
    }
    for noise in ["Error(", "Some(", "panicked", "RUST_BACKTRACE", "SECRET"] {
        assert!(!said.contains(noise), "{args:?} says `{noise}`: {said}");
    }
    let hostile = |c: char| c.is_control() && c != '\n';
    assert!(!said.contains(hostile), "{args:?} prints control characters: {said:?}");
}

/// The configuration with one thing replaced must be refused with all of `parts`.
#[track_caller]
fn check_config(replace: &str, by: &str, parts: &[&str]) {
    assert!(GOOD.contains(replace), "{replace}");
    let folder = folder();
    let path = folder.path().join("portcullis.yaml");
    std::fs::write(&path, GOOD.replace(replace, by)).expect("written");
    let path = path.to_string_lossy();
    let mut all = vec!["portcullis.yaml"];
    all.extend(parts);
    check(&["config", "check", "--offline", "--config", &path], 2, &all);
}

#[test]
fn the_configuration_that_the_cases_spoil_is_fine() {
    let folder = folder();
    let path = folder.path().join("portcullis.yaml");
    std::fs::write(&path, GOOD).expect("written");
    check(
        &["config", "check", "--offline", "--config", &path.to_string_lossy()],
        0,
        &["1 protocols"],
    );
}

#[test]
fn mistakes_in_a_configuration_name_line_and_remedy() {
    let contract = r#""0x5d94309e5a0090b165fa4181519701637b6daeba", holdsValue"#;
    let cases: [(&str, &str, &[&str]); 25] = [
        ("chains:\n", "chains: [\n", &["yaml:2"]),
        ("windowSeconds", "windowSecs", &["yaml:13", "windowSecs", "windowSeconds"]),
        ("    chain: local\n", "", &["yaml:", "chain"]),
        ("id: 31337", "id: many", &["yaml:2", "u64"]),
        (contract, "\"0x5d94\", holdsValue", &["yaml:7"]),
        ("asset: USDC", "asset: USDX", &["yaml:13", "`USDX` is not an asset", "USDC"]),
        ("windowSeconds: 60", "windowSeconds: 0", &["windowSeconds", "write 1 to"]),
        (", maxAmount: \"1000\"", "", &["maxAmount", "no bound"]),
        ("detector: gross-outflow", "detector: gross-inflow", &["yaml:11", "gross-inflow"]),
        ("    chain: local\n", "    chain: mainnet\n", &["yaml:5", "mainnet", "known: local"]),
        ("priceUsd: 1", "priceUsd: -1", &["yaml:9", "must not be negative"]),
        ("priceUsd: 1", "priceUsd: cheap", &["yaml:9", "cheap"]),
        ("decimals: 6", "decimals: 300", &["yaml:9"]),
        ("kind: pausable", "kind: plausible", &["yaml:15", "plausible"]),
        ("holdSeconds: 60", "holdSeconds: 0", &["pause", "holdSeconds"]),
        ("rung: market", "rung: ladder", &["yaml:15", "ladder"]),
        ("policy: {autonomy: act}", "policy: {autonomy: on}", &["yaml:16", "autonomy"]),
        ("policy: {autonomy: act}", "policy: {priorPerBlock: 2}", &["priorPerBlock", "0.5"]),
        (
            "http://127.0.0.1:1",
            "http://x/${PORTCULLIS_NO_SUCH}",
            &["yaml:2", "PORTCULLIS_NO_SUCH", "export"],
        ),
        (
            "name: local, id: 31337",
            "name: local, confirmedDepth: 99, id: 31337",
            &["yaml:2", "confirmedDepth"],
        ),
        ("symbol: USDC", "symbol: \"US\u{1b}[2JDC\"", &["yaml:9", "\\u{1b}", "invisible"]),
        ("name: pause", "name: \"pa\\e[31muse\"", &["yaml:15", "\\u{1b}", "invisible"]),
        ("- name: market", "- name: \"\\u202ecod\"", &["yaml:4", "\\u{202e}", "invisible"]),
        ("address: \"0x7099", "adress: \"0x7099", &["yaml:18", "adress"]),
        (
            "target: \"0x5d94309e5a0090b165fa4181519701637b6daeba\"",
            "target: \"0x0000000000000000000000000000000000000001\"",
            &["pause", "not among the contracts"],
        ),
    ];
    for (replace, by, parts) in cases {
        check_config(replace, by, parts);
    }
}

#[test]
fn contradictions_in_a_configuration_are_refused() {
    let responder = GOOD.find("responder:").expect("there");
    let ladder = GOOD.find("    ladder:").expect("there");
    let policy = GOOD.find("    policy:").expect("there");
    check_config(&GOOD[responder..], "", &["no `responder`"]);
    check_config(&GOOD[ladder..policy], "", &["no lever", "observe"]);
    let protocol = GOOD.find("  - name: market").expect("there");
    let twice = format!("{0}{0}", &GOOD[protocol..responder]);
    check_config(&GOOD[protocol..responder], &twice, &["`market` is described twice"]);
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    std::fs::write(at("latin.yaml"), [b'c', 0xff, b'\n']).expect("written");
    std::fs::write(at("large.yaml"), vec![b' '; 5 << 20]).expect("written");
    let config = |path: &str, parts: &[&str]| {
        check(&["config", "check", "--offline", "--config", path], 2, parts);
    };
    config(&at("none.yaml"), &["none.yaml", "cannot be read", "--config"]);
    config(&folder.path().to_string_lossy(), &["cannot be read"]);
    config(&at("latin.yaml"), &["latin.yaml", "UTF-8"]);
    config(&at("large.yaml"), &["large.yaml", "5242880 bytes"]);
}

#[test]
fn a_node_that_is_not_there_is_said_without_its_keys() {
    let folder = folder();
    let path = folder.path().join("portcullis.yaml");
    let text =
        GOOD.replace("http://127.0.0.1:1", "http://user:SECRET@127.0.0.1:1/v3/SECRET?key=SECRET");
    std::fs::write(&path, text).expect("written");
    let path = path.to_string_lossy();
    check(&["config", "check", "--config", &path], 3, &["chain 31337", "127.0.0.1:1", "try again"]);
}

#[test]
fn a_key_that_is_missing_or_of_another_account_is_refused() {
    let folder = folder();
    let path = folder.path().join("portcullis.yaml");
    std::fs::write(&path, GOOD).expect("written");
    let run = |key: Option<&str>| {
        let mut command = portcullis();
        command.args(["run", "--config"]).arg(&path).env_remove("PORTCULLIS_TEST_KEY");
        if let Some(key) = key {
            command.env("PORTCULLIS_TEST_KEY", key);
        }
        texts(&command.stdin(std::process::Stdio::null()).output().expect("it starts"))
    };
    let (_, errors, code) = run(None);
    assert_eq!(code, Some(3), "{errors}");
    assert!(errors.contains("PORTCULLIS_TEST_KEY"), "{errors}");
    // Anvil's first development key: public, and not the responder's.
    let other = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
    let (_, errors, code) = run(Some(other));
    assert_eq!(code, Some(3), "{errors}");
    assert!(errors.contains("the key belongs to") && !errors.contains("ac0974be"), "{errors}");
    let (_, errors, _) = run(Some("0xnot-a-key-SECRET"));
    assert!(!errors.contains("SECRET"), "{errors}");
}

/// A journal with a case in it, from a replay of a small recording.
fn journal(folder: &Path) -> String {
    let config = folder.join("portcullis.yaml");
    std::fs::write(&config, GOOD).expect("written");
    let recording = folder.join("theft.jsonl");
    std::fs::write(&recording, theft()).expect("written");
    let path = folder.join("journal.sqlite").to_string_lossy().into_owned();
    let args = [
        "replay",
        &recording.to_string_lossy(),
        "--config",
        &config.to_string_lossy(),
        "--journal",
        &path,
    ];
    let (out, errors, code) = texts(&run(&args));
    assert_eq!(code, Some(0), "{out}{errors}");
    assert!(out.contains("gross-outflow"), "{out}");
    path
}

/// One transaction that takes 5,000 USDC from the market, as a call tree with its log.
pub(crate) fn theft() -> String {
    let word = |text: &str| format!("0x{text:0>64}");
    let log = serde_json::json!({
        "address": "0x2260fac5e5542a773aa44fbcfedf7c193bc2c599",
        "topics": ["0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef",
            word("5d94309e5a0090b165fa4181519701637b6daeba"), word("bad")],
        "data": word("12a05f200"), "position": "0x0"});
    let trace = serde_json::json!({"type": "CALL", "from": "0x0000000000000000000000000000000000000bad",
        "to": "0x5d94309e5a0090b165fa4181519701637b6daeba", "value": "0x0", "input": "0x12345678", "calls": [
        {"type": "CALL", "from": "0x5d94309e5a0090b165fa4181519701637b6daeba", "value": "0x0", "input": "0xa9059cbb",
         "to": "0x2260fac5e5542a773aa44fbcfedf7c193bc2c599", "logs": [log]}], "logs": []});
    let meta = serde_json::json!({"type": "meta", "format": "portcullis-recording/1", "chainId": 31337,
        "source": "a test", "note": ""});
    let line = serde_json::json!({"type": "transaction", "chainId": 31337, "hash": word("1"), "blockNumber": 7,
        "timestamp": 84, "trace": trace});
    format!("{meta}\n{line}\n")
}

#[test]
fn a_damaged_journal_is_never_taken_for_a_good_one() {
    let folder = folder();
    let path = journal(folder.path());
    let verify =
        |code: i32, parts: &[&str]| check(&["journal", "verify", "--journal", &path], code, parts);
    verify(0, &["verified"]);
    let head = alloy_primitives::B256::repeat_byte(9).to_string();
    check(&["journal", "verify", "--journal", &path, "--expect-head", &head], 1, &["cut off"]);
    let database = Connection::open(&path).expect("a database");
    assert!(database.execute("UPDATE entry SET at = 1", []).is_err(), "the schema refuses changes");
    assert!(database.execute("DELETE FROM entry", []).is_err(), "and deletions");
    database
        .execute_batch("DROP TRIGGER entry_is_never_changed; DROP TRIGGER entry_is_never_deleted;")
        .expect("who owns the file can");
    let spoil = |sql: &str| database.execute(sql, []).expect("spoiled");
    spoil("UPDATE entry SET body = replace(body, '5,000', '4,000') WHERE kind = 'output'");
    verify(1, &["NOT verified", "was changed", "backup"]);
    check(&["case", "list", "--journal", &path], 3, &["was changed", "backup"]);
    spoil("UPDATE entry SET body = replace(body, '4,000', '5,000') WHERE kind = 'output'");
    verify(0, &["verified"]);
    spoil("DELETE FROM entry WHERE seq = 2");
    verify(1, &["NOT verified", "2 is missing"]);
    for reads in [["case", "list"], ["case", "show"]] {
        check(&[reads[0], reads[1], "--journal", &path], 3, &["2 is missing", "backup"]);
    }
}

#[test]
fn files_that_are_no_journal_are_refused_with_what_to_do() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    check(
        &["journal", "verify", "--journal", &at("none.sqlite")],
        3,
        &["no journal at", "none.sqlite"],
    );
    std::fs::write(at("text.sqlite"), "this is not a database, whatever its name says")
        .expect("written");
    check(
        &["case", "list", "--journal", &at("text.sqlite")],
        3,
        &["text.sqlite", "not an SQLite file"],
    );
    let other = Connection::open(at("other.sqlite")).expect("a database");
    other.execute_batch("CREATE TABLE cats (name TEXT)").expect("made");
    check(&["case", "list", "--journal", &at("other.sqlite")], 3, &["another program"]);
    let path = journal(folder.path());
    let whole = std::fs::read(&path).expect("read");
    std::fs::write(at("cut.sqlite"), &whole[..whole.len() / 2]).expect("written");
    let (out, errors, code) = texts(&run(&["journal", "verify", "--journal", &at("cut.sqlite")]));
    assert!(code == Some(3) || code == Some(1), "{out}{errors}");
    check(
        &["case", "show", "PC-999999", "--journal", &path],
        2,
        &["no case PC-999999", "case list"],
    );
    check(
        &["case", "show", "mine", "--journal", &path],
        2,
        &["`mine` is not a case id", "PC-000042"],
    );
}

#[test]
fn an_exported_journal_verifies_until_a_line_is_changed() {
    let folder = folder();
    let path = journal(folder.path());
    let out = folder.path().join("export.jsonl").to_string_lossy().into_owned();
    check(&["journal", "export", "--journal", &path, "--out", &out], 0, &["records"]);
    check(&["journal", "verify", "--file", &out], 0, &["verified"]);
    let text = std::fs::read_to_string(&out).expect("read");
    std::fs::write(&out, text.replacen("5,000", "6,000", 1)).expect("written");
    check(&["journal", "verify", "--file", &out], 1, &["NOT verified", "was changed"]);
}

#[test]
fn damaged_recordings_name_file_line_and_remedy() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let config = at("portcullis.yaml");
    std::fs::write(&config, GOOD).expect("written");
    let whole = theft();
    let lines: Vec<&str> = whole.lines().collect();
    let write = |name: &str, text: &str| std::fs::write(at(name), text).expect("written");
    write("bad.jsonl", &format!("{}\n{{\"type\": \n", lines[0]));
    write("headless.jsonl", lines[1]);
    write("strange.jsonl", &format!("{}\n{{\"type\": \"cat\"}}\n", lines[0]));
    write("future.jsonl", &whole.replace("recording/1", "recording/9"));
    write("elsewhere.jsonl", &whole.replace("31337", "1"));
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut packed, whole.as_bytes()).expect("packed");
    let packed = packed.finish().expect("packed");
    std::fs::write(at("cut.jsonl.gz"), &packed[..packed.len() / 2]).expect("written");
    std::fs::create_dir(at("empty")).expect("made");
    let replay = |name: &str, code: i32, parts: &[&str]| {
        check(&["replay", &at(name), "--config", &config], code, parts);
    };
    replay("bad.jsonl", 3, &["bad.jsonl:2"]);
    replay("headless.jsonl", 3, &["headless.jsonl:1", "meta"]);
    replay("strange.jsonl", 3, &["strange.jsonl:2", "cat"]);
    replay("future.jsonl", 3, &["future.jsonl:1", "portcullis-recording/1"]);
    replay("elsewhere.jsonl", 2, &["chain 1", "31337"]);
    replay("cut.jsonl.gz", 3, &["cut.jsonl.gz"]);
    replay("none.jsonl", 3, &["none.jsonl"]);
    replay("empty", 3, &["empty"]);
    write("good.jsonl", &whole);
    write("journal.sqlite", "somebody's notes");
    let args =
        ["replay", &at("good.jsonl"), "--config", &config, "--journal", &at("journal.sqlite")];
    check(&args, 2, &["exists", "another path"]);
}

#[test]
fn wrong_usage_says_what_there_is() {
    check(&["drill", "no-such-scenario"], 2, &["no-such-scenario", "lending-spot-oracle"]);
    check(
        &["record", "--rpc", "http://127.0.0.1:1", "--blocks", "9..1"],
        2,
        &["9..1", "first..last"],
    );
    check(&["record", "--rpc", "gopher://x", "--blocks", "1..2"], 3, &["gopher"]);
    let scenarios = root().join("scenarios");
    assert!(scenarios.join("lending-spot-oracle").is_dir());
}

#[test]
fn keys_in_services_and_devices_are_refused_where_they_cannot_be_meant() {
    const KEY: &str = "{environment: PORTCULLIS_TEST_KEY}";
    const LANE: &str = "{environment: PORTCULLIS_TEST_KEY}\n  lanes: [{address: \"0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc\", key: {ledger: {index: 0}}}]";
    const AWS: &str = "{awsKms: {keyId: \"alias/responder\", region: eu-central-1";
    check_config(KEY, LANE, &["is a Ledger, which waits for a person"]);
    let identity = format!("{KEY}\n  relayIdentity: {AWS}}}}}");
    check_config(KEY, &identity, &["`relayIdentity`", "keystore"]);
    check_config(KEY, &format!("{AWS}, endpoint: \"http://kms.example\"}}}}"), &["must be https"]);
    check_config(KEY, "{awsKms: {keyId: x}}", &["region"]);
    check_config(KEY, "{awsKms: {keyId: x, region: y, secret: z}}", &["secret"]);
    let gcp = "{gcpKms: {project: p, location: l, keyring: a/b, key: k, version: 1}}";
    check_config(KEY, gcp, &["`keyring`", "without its path"]);
    check_config(KEY, "{ledger: {index: 4294967295}}", &["`index`"]);

    // A program that was built without the feature says so where the key is wanted, and not before.
    let folder = folder();
    let path = folder.path().join("portcullis.yaml");
    let text = GOOD.replace(KEY, &format!("{AWS}}}}}"));
    std::fs::write(&path, text).expect("written");
    let path = path.to_str().expect("a path");
    check(&["config", "check", "--offline", "--config", path], 0, &[]);
    if cfg!(not(feature = "kms-aws")) {
        check(&["signer", "--config", path], 3, &["--features kms-aws"]);
    }
}
