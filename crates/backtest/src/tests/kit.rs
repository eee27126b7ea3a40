//! Recordings and labels, line by line.

use std::path::PathBuf;

use alloy_primitives::{Address, keccak256};
use portcullis_decide::Policy;
use portcullis_engine::{ChainSettings, Config, ProtocolConfig};
use portcullis_types::protocol::{Contract, Protocol};
use serde_json::{Value, json};

pub(super) const MARKET: Address = Address::repeat_byte(0xa1);
pub(super) const USER: Address = Address::repeat_byte(0x11);
pub(super) const ATTACKER: Address = Address::repeat_byte(0x66);

pub(super) struct Folder {
    folder: tempfile::TempDir,
}

impl Folder {
    pub(super) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    pub(super) fn write(&self, name: &str, lines: &[Value]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let text: String =
            lines.iter().flat_map(|line| [line.to_string(), "\n".to_owned()]).collect();
        std::fs::write(&path, text).unwrap();
        path
    }
}

/// A market whose `init()` nobody may call, and that nobody may enter again.
pub(super) fn config() -> Config {
    let detectors = json!([
        {"detector": "control-plane", "functions": [{"contract": "market", "signature": "init()"}]},
        {"detector": "reentrancy"},
    ]);
    let protocol = Protocol {
        name: "test".to_owned(),
        chain: 1,
        contracts: vec![Contract { name: "market".to_owned(), address: MARKET, holds_value: true }],
        assets: Vec::new(),
    };
    let chain =
        ChainSettings { chain: 1, name: "x".to_owned(), confirmed_depth: 2, finalised_depth: 64 };
    let detectors = serde_json::from_value(detectors).unwrap();
    let policy = Policy::default();
    Config {
        chains: vec![chain],
        protocols: vec![ProtocolConfig { protocol, detectors, ladder: Vec::new(), policy }],
    }
}

pub(super) fn hash(number: u8) -> String {
    format!("0x{}", format!("{number:02x}").repeat(32))
}

pub(super) fn meta() -> Value {
    json!({"type": "meta", "format": "portcullis-recording/1", "chainId": "0x1", "source": "test", "note": ""})
}

pub(super) fn call(from: Address, to: Address, function: &str) -> Value {
    let selector = alloy_primitives::hex::encode(&keccak256(function)[..4]);
    json!({"type": "CALL", "from": from, "to": to, "value": "0x0", "input": format!("0x{selector}"), "gas": "0x5208"})
}

pub(super) fn transaction(
    number: u8,
    from: Address,
    trace: &Value,
    block: u64,
    time: u64,
) -> Value {
    assert_eq!(trace["from"], json!(from));
    json!({"type": "transaction", "chainId": "0x1", "hash": hash(number), "blockNumber": format!("{block:#x}"),
        "timestamp": format!("{time:#x}"), "trace": trace})
}

pub(super) fn phase(name: &str, trace: &Value) -> Value {
    json!({"type": "phase", "chainId": "0x1", "forkBlock": "0x65", "name": name, "trace": trace})
}

pub(super) fn access(number: u8) -> Value {
    json!({"type": "access", "chainId": "0x1", "hash": hash(number), "blockNumber": "0x70", "calls": []})
}

pub(super) fn label(number: u8, incident: &str, kind: &str, loss: Option<u64>) -> Value {
    // Only of incident A does anybody know the attacker.
    let attackers = if incident == "A" { vec![ATTACKER] } else { Vec::new() };
    let incident = (!incident.is_empty()).then_some(incident);
    json!({"hash": hash(number), "incident": incident, "label": kind, "attackers": attackers, "victims": [MARKET],
        "date": "2024-05-06", "lossUsd": loss})
}
