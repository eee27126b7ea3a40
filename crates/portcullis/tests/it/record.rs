//! What `record` writes, `replay` plays, with the findings of the live chain.

use crate::kit::{Rig, run, texts, without_chain};

#[tokio::test]
async fn a_recorded_attack_is_found_again_in_replay() {
    if without_chain() {
        return;
    }
    let mut rig = Rig::new("bridge-unproven-message").await;
    rig.configure(&rig.chain.http_url());
    let report = rig.play(true, 30, 0).await;
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["blocks.jsonl", "blocks.jsonl.gz", "blocks.jsonl.zst"] {
        let out = folder.path().join(name).to_string_lossy().into_owned();
        let range = format!("{}..{}", report.first_block, report.last_block);
        let url = rig.chain.http_url();
        let args = [
            "record", "--rpc", &url, "--chain", "31337", "--blocks", &range, "--out", &out,
            "--json",
        ];
        let (text, errors, code) = texts(&run(&args));
        assert_eq!(code, Some(0), "{text}{errors}");
        let config = rig.config().to_string_lossy().into_owned();
        let (text, errors, code) = texts(&run(&["replay", &out, "--config", &config, "--json"]));
        assert_eq!(code, Some(0), "{errors}");
        let replayed: serde_json::Value = serde_json::from_str(&text).expect("one object");
        assert_eq!(replayed["blind"], serde_json::json!([]), "{replayed:#}");
        let findings = replayed["findings"].as_array().expect("a list");
        assert!(findings.iter().any(|finding| finding["detector"] == "invariant"), "{replayed:#}");
        let decisions = replayed["decisions"].as_array().expect("a list");
        assert!(
            decisions.iter().any(|decision| decision["lever"] == "pause-bridge"),
            "{replayed:#}"
        );
    }
}
