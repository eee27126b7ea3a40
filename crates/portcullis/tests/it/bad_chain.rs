//! What is wrong with a configuration only shows on the chain: another chain, no contract, another token, a responder
//! without the role, and names that are written to fool a reader.

use portcullis_range::{Chain, ChainOptions, Scenario, World};

use crate::kit::{Rig, portcullis, run, texts, without_chain};

/// `config check` ends with `code` and says all of `parts`, without anything that a terminal would obey.
#[track_caller]
fn check(rig: &Rig, code: i32, parts: &[&str]) {
    let output = run(&["config", "check", "--config", &rig.config().to_string_lossy()]);
    let (out, errors, found) = texts(&output);
    let said = format!("{out}{errors}");
    assert_eq!(found, Some(code), "{said}");
    for part in parts {
        assert!(said.contains(part), "it must say `{part}`, says: {said}");
    }
    assert!(!said.contains(|c: char| c.is_control() && c != '\n'), "{said:?}");
}

#[tokio::test]
async fn config_check_finds_what_is_not_true_on_the_chain() {
    if without_chain() {
        return;
    }
    let rig = Rig::new("lending-spot-oracle").await;
    let url = rig.chain.http_url();
    rig.configure(&url);
    check(&rig, 0, &["chain 31337", "has code", "6 decimals", "calls itself RUSD", "pause-market"]);
    let market = rig.world.value("market").expect("a name").to_string();
    let market_line = format!("{{name: market, address: \"{market}\"");
    let nobody = market_line.replace(&market, "0x00000000000000000000000000000000000000aa");
    let responder = rig.world.responder().expect("one").to_string();
    let cases: [(&str, &str, i32, &[&str]); 5] = [
        ("id: 31337", "id: 1", 3, &["31337", "1"]),
        ("decimals: 6", "decimals: 18", 1, &["NO", "6 decimals, configured 18"]),
        ("symbol: RUSD", "symbol: USDC", 1, &["RUSD", "calls itself"]),
        (&market_line, &nobody, 1, &["no code"]),
        (&responder, "0x00000000000000000000000000000000000000bb", 1, &["NO", "pause-market"]),
    ];
    for (from, to, code, parts) in cases {
        if from == "symbol: RUSD" {
            rig.configure_with(&url, &[(from, to), ("asset: RUSD", "asset: USDC")]);
        } else if from == market_line {
            rig.configure_with(&url, &[(from, to), ("target: ", "covers: [\"0x00000000000000000000000000000000000000aa\"]\n        target: ")]);
        } else {
            rig.configure_with(&url, &[(from, to)]);
        }
        check(&rig, code, parts);
    }
}

#[tokio::test]
async fn names_that_are_written_to_fool_a_reader_are_shown_harmless() {
    if without_chain() {
        return;
    }
    let parent = tempfile::tempdir().expect("a folder");
    let folder = parent.path().join("hostile");
    std::fs::create_dir(&folder).expect("made");
    let hostile = "\\e[2J\\e[31mPAUSED\\r\\nok\\u202ECDSU";
    let long = "x".repeat(10_000);
    let world = format!(
        "name: hostile\ntitle: A token with a hostile name\nseed: 1\nblocks: 1\nblockIntervalMs: 0\n\
         accounts: {{deployer: 0, responder: 1}}\nsetup:\n  - deploy: one\n    artifact: RangeToken\n    \
         args: [\"A\", \"{hostile}\", 6]\n  - deploy: two\n    artifact: RangeToken\n    args: [\"B\", \"{long}\", 6]\n"
    );
    std::fs::write(folder.join("world.yaml"), world).expect("written");
    let scenario = Scenario::load(&folder).expect("a world");
    let chain = Chain::spawn(ChainOptions::default()).await.expect("anvil; run: make setup");
    let built = World::build(&chain, &scenario, 1).await.expect("built");
    let template = "chains: [{name: local, id: 31337, nodes: [\"{{rpc}}\"]}]\nprotocols:\n  - name: p\n    \
        chain: local\n    contracts: [{name: one, address: \"{{one}}\", holdsValue: true}]\n    assets:\n      \
        - {symbol: A, token: \"{{one}}\", decimals: 6, priceUsd: 1}\n      \
        - {symbol: B, token: \"{{two}}\", decimals: 6, priceUsd: 1}\n    detectors: []\n";
    let text = built.render(template, &[("rpc", &chain.http_url())]).expect("rendered");
    let config = folder.join("portcullis.yaml");
    std::fs::write(&config, text).expect("written");
    for json in [false, true] {
        let mut command = portcullis();
        command.args(["config", "check", "--config"]).arg(&config);
        if json {
            command.arg("--json");
        }
        let (out, errors, code) = texts(&command.output().expect("it runs"));
        assert_eq!(code, Some(1), "{out}{errors}");
        for text in [&out, &errors] {
            let obeyed = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
            assert!(!text.contains(obeyed), "{text:?}");
        }
        assert!(out.contains("u{1b}") && out.contains("u{202e}") && out.contains("[cut]"), "{out}");
        assert!(out.len() < 4_000, "ten thousand characters are not shown");
    }
}

#[tokio::test]
async fn a_journal_has_one_writer() {
    if without_chain() {
        return;
    }
    let mut rig = Rig::new("bridge-unproven-message").await;
    rig.configure(&rig.chain.http_url());
    rig.watcher.start();
    rig.play(false, 2, 50).await;
    rig.watcher.ready().await;
    let (_, errors, code) = texts(&run(&["run", "--config", &rig.config().to_string_lossy()]));
    assert_eq!(code, Some(3), "{errors}");
    assert!(errors.contains("in use by another running portcullis"), "{errors}");
    let journal = rig.watcher.journal().to_string_lossy().into_owned();
    let (out, errors, code) = texts(&run(&["case", "list", "--journal", &journal]));
    assert_eq!(code, Some(0), "readers are not disturbed: {errors}");
    assert!(out.contains("no cases"), "{out}");
}
