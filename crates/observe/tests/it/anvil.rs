//! A real local chain for a test.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use alloy_primitives::{Address, B256, address};
use alloy_rpc_client::{ClientBuilder, RpcClient};
use portcullis_observe::{Node, NodeOptions};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The chain id of anvil.
pub(crate) const CHAIN: u64 = 31_337;
/// An account with money.
pub(crate) const RICH: Address = address!("f39fd6e51aad88f6f4ce6ab8827279cfffb92266");
/// On any call: `slot 0 += 1`, a log without topics, and the new value as the answer.
const COUNTER: &str = "6001600054018060005560005260206000a060206000f3";

/// A running anvil, ended with this value.
pub(crate) struct Anvil {
    child: Child,
    folder: TempDir,
    pub(crate) port: u16,
    client: RpcClient,
}

/// Gives a new chain, or ends the test where the user asked for that.
macro_rules! anvil {
    ($($argument:expr),*) => {
        match $crate::anvil::Anvil::start(&[$($argument),*]) {
            Some(anvil) => anvil,
            None => return,
        }
    };
}
pub(crate) use anvil;

impl Anvil {
    /// `None` only if the user asked to skip tests with a chain.
    pub(crate) fn start(arguments: &[&str]) -> Option<Self> {
        if std::env::var_os("PORTCULLIS_SKIP_CHAIN").is_some() {
            eprintln!("skipped: PORTCULLIS_SKIP_CHAIN is set");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let port: &[&str] = if arguments.contains(&"--port") { &[] } else { &["--port", "0"] };
        let mut child = Command::new(binary())
            .args(port)
            .arg("--ipc")
            .arg(folder.path().join("anvil.ipc"))
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("anvil does not start: run: make setup");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = loop {
            let line = lines.next().expect("anvil ended at once").unwrap();
            if let Some(place) = line.strip_prefix("Listening on ") {
                break place.rsplit(':').next().unwrap().trim().parse().unwrap();
            }
        };
        // Nobody reads on, and a full pipe would stop the node.
        std::thread::spawn(move || lines.for_each(drop));
        let url = format!("http://127.0.0.1:{port}").parse().unwrap();
        Some(Self { child, folder, port, client: ClientBuilder::default().http(url) })
    }

    pub(crate) fn http(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn ws(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    pub(crate) fn ipc(&self) -> String {
        self.folder.path().join("anvil.ipc").to_string_lossy().into_owned()
    }

    pub(crate) async fn node(&self) -> Node {
        connect(&self.http()).await
    }

    pub(crate) async fn ask(&self, method: &'static str, parameters: Value) -> Value {
        self.client.request(method, parameters).await.unwrap()
    }

    pub(crate) async fn mine(&self, count: u64) {
        self.ask("anvil_mine", json!([format!("0x{count:x}")])).await;
    }

    /// Takes the newest blocks back and makes as many others.
    pub(crate) async fn reorg(&self, depth: u64) {
        // Empty blocks of the same second and miner would be the same blocks again.
        static MINERS: AtomicU64 = AtomicU64::new(1);
        let miner =
            Address::left_padding_from(&MINERS.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        self.ask("anvil_setCoinbase", json!([miner])).await;
        self.ask("anvil_reorg", json!([depth, []])).await;
    }

    pub(crate) async fn send(&self, transaction: Value) -> B256 {
        let hash = self.ask("eth_sendTransaction", json!([transaction])).await;
        serde_json::from_value(hash).unwrap()
    }

    /// Sends a transaction and waits for its block, which the node makes a moment later.
    pub(crate) async fn execute(&self, transaction: Value) -> (B256, Value) {
        let hash = self.send(transaction).await;
        for _ in 0..200 {
            let receipt = self.ask("eth_getTransactionReceipt", json!([hash])).await;
            if !receipt.is_null() {
                return (hash, receipt);
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{hash} is not mined");
    }

    /// Deploys [`COUNTER`].
    pub(crate) async fn counter(&self) -> Address {
        self.deploy(COUNTER).await
    }

    pub(crate) async fn deploy(&self, runtime: &str) -> Address {
        let bytes = runtime.len() / 2;
        let code = format!("0x60{bytes:02x}80600b6000396000f3{runtime}");
        let (_, receipt) = self.execute(json!({"from": RICH, "data": code})).await;
        serde_json::from_value(receipt["contractAddress"].clone()).unwrap()
    }

    pub(crate) async fn snapshot(&self) -> Value {
        self.ask("evm_snapshot", json!([])).await
    }

    /// Stops the process without ending it: connections stay, answers do not come.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let done = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(done.unwrap().success());
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) async fn connect(url: &str) -> Node {
    Node::connect_with(&[url.to_owned()], CHAIN, quick()).await.unwrap()
}

/// Limits for tests: a second is long on loopback.
pub(crate) fn quick() -> NodeOptions {
    NodeOptions { request_time_limit: Duration::from_secs(1), ..NodeOptions::default() }
}

/// The top folder of the workspace.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

fn binary() -> PathBuf {
    if let Some(named) = std::env::var_os("PORTCULLIS_ANVIL") {
        return named.into();
    }
    let packages = workspace().join("contracts/node_modules/@foundry-rs");
    let platform = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let from_npm = packages.join(format!("anvil-linux-{platform}/bin/anvil"));
    if from_npm.is_file() {
        return from_npm;
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders).map(|f| f.join("anvil")).find(|f| f.is_file());
    found.expect("anvil is not installed; run: make setup")
}
