//! Noise: a contract of the protocol that emits as many events as it is asked for, and a rule for each kind of them.

use std::{fmt::Write as _, net::SocketAddr, path::Path};

use alloy_primitives::{Address, hex, keccak256};
use serde_json::{Value as Json, json};

use super::http;
use crate::kit::{Rig, ask};

/// Kinds of events, each with a rule of its own. A transaction emits one of each.
pub(super) const KINDS: u64 = 50;

const EVENT: &str = "Noise(uint256 indexed kind, uint256 amount)";

/// The contract, on the chain.
pub(super) struct Noise {
    node: SocketAddr,
    from: Address,
    nonce: u64,
    pub(super) contract: Address,
}

/// Its code: `for (uint256 i = 0; i < calldata[0]; i++) emit Noise(i, i);`.
fn code() -> String {
    let topic = keccak256("Noise(uint256,uint256)");
    let init = "603f80600b6000396000f3";
    // The loop begins at 0x02 and ends at 0x3d.
    let head = "60005b60003581101560 3d57 80600052 80".replace(' ', "");
    let tail = "60206000a2 600101 600256 5b00".replace(' ', "");
    format!("0x{init}{head}7f{}{tail}", hex::encode(topic))
}

impl Noise {
    /// Puts the contract on the chain, from an account of its own.
    pub(super) async fn deploy(rig: &Rig) -> Self {
        let (node, from) = (rig.chain.address(), Address::repeat_byte(0x57));
        ask(node, "anvil_impersonateAccount", &json!([from]));
        ask(node, "anvil_setBalance", &json!([from, "0xd3c21bcecceda1000000"]));
        let mut this = Self { node, from, nonce: 0, contract: Address::ZERO };
        let one = this.transaction(None, &code());
        let hash = ask(node, "eth_sendTransaction", &json!([one]));
        rig.chain.mine(None).await.expect("mined");
        let receipt = ask(node, "eth_getTransactionReceipt", &json!([hash]));
        let address = receipt["contractAddress"].as_str().expect("it was made");
        this.contract = address.parse().expect("an address");
        this
    }

    /// Puts `n` transactions into the pool, each with [`KINDS`] events. They pay more than anybody but the responder.
    pub(super) fn make(&mut self, n: u64) {
        let (to, data) = (self.contract, format!("{KINDS:#066x}"));
        let mut ask = |id| {
            let one = self.transaction(Some(to), &data);
            json!({"jsonrpc": "2.0", "id": id, "method": "eth_sendTransaction", "params": [one]})
        };
        let batch: Vec<Json> = (0..n).map(&mut ask).collect();
        if !batch.is_empty() {
            let answers = http::post(self.node, &Json::from(batch));
            assert!(!answers.to_string().contains("error"), "{answers}");
        }
    }

    fn transaction(&mut self, to: Option<Address>, data: &str) -> Json {
        let nonce = format!("{:#x}", self.nonce);
        self.nonce += 1;
        let mut one = json!({
            "from": self.from, "data": data, "gas": "0x100000", "nonce": nonce,
            "maxFeePerGas": "0x174876e800", "maxPriorityFeePerGas": "0x6fc23ac00",
        });
        if let Some(to) = to {
            one["to"] = json!(to);
        }
        one
    }
}

/// Writes a rule for each kind: half of them such as may act, half that are tried out.
pub(super) fn write_rules(folder: &Path) {
    std::fs::create_dir(folder).expect("made");
    for kind in 0..KINDS {
        let maturity = if kind < KINDS / 2 { "stable" } else { "sandbox" };
        let mut text = format!(
            "id: noise-{kind:02}\ntitle: Noise of kind {kind}\ndescription: For tests.\nmaturity: {maturity}\n\
             severity: low\nfalseAlarms: Always.\non:\n  event: \"{EVENT}\"\nwhen: args.kind == {kind}\n\
             explain: \"{{event.address}} made noise of kind {{args.kind}}\"\ntests:\n"
        );
        for (fires, made) in [(true, kind), (false, kind + 1)] {
            let args = format!("{{kind: {made}, amount: 1}}");
            let _ = writeln!(
                text,
                "  - {{name: fires {fires}, fires: {fires}, evidence: {{event: {{address: vault, args: {args}}}}}}}"
            );
        }
        std::fs::write(folder.join(format!("noise-{kind:02}.yaml")), text).expect("written");
    }
}
