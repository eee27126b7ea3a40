//! The drill's world with two owners enough, and the program beside it.

use std::{
    process::{Output, Stdio},
    time::Duration,
};

use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall as _;
use portcullis_observe::Node;
use portcullis_range::{Chain, ChainOptions, Scenario, World};
use portcullis_types::probe::Probe;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::kit::{ask, portcullis, root, texts};

pub(super) mod abi {
    alloy_sol_types::sol! {
        function transfer(address to, uint256 amount);
        function addOwnerWithThreshold(address owner, uint256 threshold);
        function balanceOf(address account) external view returns (uint256);
    }
}

/// Variables that keys are in.
const KEYS: [&str; 2] = ["PORTCULLIS_TEST_OWNER_KEY", "PORTCULLIS_TEST_EXECUTOR_KEY"];
/// Account that carries out; no owner.
const EXECUTOR: usize = 2;

fn cell(index: usize) -> std::cell::Cell<usize> {
    std::cell::Cell::new(index)
}

pub(super) struct SafeWorld {
    chain: Chain,
    world: World,
    folder: tempfile::TempDir,
    owner: std::cell::Cell<usize>,
    executor: std::cell::Cell<usize>,
}

impl SafeWorld {
    pub(super) async fn new(more: &str) -> Self {
        let from = root().join("scenarios/safe-singleton-swap");
        let folder = tempfile::tempdir().expect("a folder");
        let text = std::fs::read_to_string(from.join("world.yaml")).expect("a world");
        let (three, two) = ("{{owner3}}\"]\n      - 3\n", "{{owner3}}\"]\n      - 2\n");
        assert!(text.contains(three), "three of three owners");
        let extra = "setup:\n  - deploy: callOnly\n    artifact: \"npm:@safe-global/safe-contracts/build/artifacts/contracts/libraries/MultiSendCallOnly.sol/MultiSendCallOnly.json\"\n    args: []\n  - deploy: limiter\n    artifact: NotAfter\n    args: []\n";
        let text = text.replacen("setup:\n", extra, 1);
        // The name of a scenario is that of its folder.
        let scenario = folder.path().join("safe-singleton-swap");
        std::fs::create_dir(&scenario).expect("made");
        std::fs::write(scenario.join("world.yaml"), text.replace(three, two)).expect("written");
        std::fs::copy(from.join("portcullis.yaml"), scenario.join("portcullis.yaml"))
            .expect("copied");
        let scenario = Scenario::load(&scenario).expect("a scenario");
        let chain = Chain::spawn(ChainOptions::default()).await.expect("anvil; run: make setup");
        let world = World::build(&chain, &scenario, 1).await.expect("a world");
        let this = Self { chain, world, folder, owner: cell(4), executor: cell(EXECUTOR) };
        this.configure(4, more);
        this
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    pub(super) fn at(&self, name: &str) -> Address {
        self.world.value(name).expect("a name").address().expect("an address")
    }

    /// Makes development account `owner` the one who signs.
    pub(super) fn configure(&self, owner: usize, more: &str) {
        self.owner.set(owner);
        let address = |index| self.chain.development_address(index).expect("an account");
        let text = format!(
            "safe: \"{safe}\"\nversion: 1.4.1\nchain: {{name: local, id: 31337, nodes: [\"{node}\"]}}\n\
             tokens: [{{symbol: MUSD, token: \"{token}\", decimals: 6}}]\n\
             signer: {{address: \"{owner}\", key: {{environment: {}}}}}\n\
             executor: {{address: \"{executor}\", key: {{environment: {}}}}}\n{more}",
            KEYS[0],
            KEYS[1],
            safe = self.at("safe"),
            node = self.chain.http_url(),
            token = self.at("token"),
            owner = address(owner),
            executor = address(self.executor.get()),
        );
        std::fs::write(self.path("safe.yaml"), text).expect("written");
    }

    /// Makes development account `index` the one who carries out.
    pub(super) fn executes(&self, index: usize) {
        self.executor.set(index);
        self.configure(self.owner.get(), "");
    }

    pub(super) fn account(&self, index: usize) -> Address {
        self.chain.development_address(index).expect("an account")
    }

    pub(super) fn node(&self) -> String {
        self.chain.http_url()
    }

    /// Puts something between the program and its node.
    pub(super) fn reroute(&self, url: &str) {
        let path = self.path("safe.yaml");
        let text = std::fs::read_to_string(&path).expect("read");
        std::fs::write(path, text.replace(&self.node(), url)).expect("written");
    }

    /// A proposal with the Safe's next nonce: the set-up used one up.
    pub(super) fn propose(&self, name: &str, to: Address, data: &[u8], operation: u8) -> String {
        let proposal = json!({
            "safe": self.at("safe"), "to": to, "value": "0", "operation": operation, "nonce": "1",
            "data": alloy_primitives::Bytes::copy_from_slice(data),
            "safeTxGas": "0", "baseGas": "0", "gasPrice": "0", "gasToken": Address::ZERO,
            "refundReceiver": Address::ZERO, "confirmations": [],
        });
        let path = self.path(name);
        std::fs::write(&path, proposal.to_string()).expect("written");
        path
    }

    /// A copy of a file with one field replaced.
    pub(super) fn edited(&self, file: &str, field: &str, value: Value) -> String {
        let text = std::fs::read_to_string(file).expect("read");
        let mut fields: Value = serde_json::from_str(&text).expect("JSON");
        fields[field] = value;
        let path = self.path("edited.json");
        std::fs::write(&path, fields.to_string()).expect("written");
        path
    }

    /// Runs the program; blocks come meanwhile.
    pub(super) async fn run(&self, args: &[&str]) -> Output {
        self.until_done(self.start(args)).await
    }

    /// Starts the program; no block comes.
    pub(super) fn start(&self, args: &[&str]) -> JoinHandle<Output> {
        let key = |index| self.chain.development_key(index).expect("a key").to_string();
        let mut command = portcullis();
        command.args(args).args(["--config", &self.path("safe.yaml")]).stdin(Stdio::null());
        command.env(KEYS[0], key(self.owner.get())).env(KEYS[1], key(self.executor.get()));
        tokio::task::spawn_blocking(move || command.output().expect("the program starts"))
    }

    /// Makes blocks until the program ends.
    pub(super) async fn until_done(&self, mut running: JoinHandle<Output>) -> Output {
        loop {
            match tokio::time::timeout(Duration::from_millis(300), &mut running).await {
                Ok(output) => return output.expect("it ends"),
                Err(_) => self.mine().await,
            }
        }
    }

    pub(super) async fn mine(&self) {
        self.chain.mine(None).await.expect("a block");
    }

    /// A question to the node itself.
    pub(super) async fn request(&self, method: &str, params: Value) -> Value {
        let (node, method) = (self.chain.address(), method.to_owned());
        let asking = tokio::task::spawn_blocking(move || ask(node, &method, &params));
        asking.await.expect("asked")
    }

    pub(super) async fn json(&self, args: &[&str]) -> (Value, Option<i32>) {
        let (text, errors, code) = texts(&self.run(&[args, &["--json"]].concat()).await);
        let report =
            serde_json::from_str(&text).unwrap_or_else(|_| panic!("{args:?}: {text}\n{errors}"));
        (report, code)
    }

    pub(super) async fn balance(&self, token: Address, account: Address) -> U256 {
        let node = Node::connect(&[self.chain.http_url()], 31_337).await.expect("a node");
        let head = node.head().await.expect("a head").id;
        let data = abi::balanceOfCall { account }.abi_encode().into();
        let readings = node.read(&[Probe::Call { to: token, data, word: 0 }], &head).await;
        *readings[0].value.as_ref().expect("an answer")
    }
}
