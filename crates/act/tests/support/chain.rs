//! A local chain for one test.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use alloy_primitives::{Address, B256, Bytes, U64, U256, address};
use alloy_provider::{Provider as _, ProviderBuilder, RootProvider};
use alloy_sol_types::SolCall;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};
use url::Url;

/// The first three accounts of every development chain: the protocol's owner, the responder, a thief.
pub const OWNER: Address = address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
pub const RESPONDER: Address = address!("70997970C51812dc3A010C7d01b50e0d17dc79C8");
pub const RESPONDER_KEY: &str = "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
pub const THIEF: Address = address!("3C44CdDdB6a900fa2b585dd299e03d12FA4293BC");
pub const CHAIN_ID: u64 = 31_337;

/// An anvil that ends with this value.
pub struct Chain {
    process: Child,
    pub url: Url,
    provider: RootProvider,
}

impl Drop for Chain {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Chain {
    /// Starts anvil; none if `PORTCULLIS_SKIP_CHAIN` says to go without.
    pub fn start(arguments: &[&str]) -> Option<Self> {
        if std::env::var_os("PORTCULLIS_SKIP_CHAIN").is_some() {
            eprintln!("skipped: PORTCULLIS_SKIP_CHAIN is set");
            return None;
        }
        let mut process = Command::new(anvil())
            .args(["--port", "0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("run: make setup");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let listening = lines
            .by_ref()
            .map(Result::unwrap)
            .find(|line| line.starts_with("Listening on "))
            .expect("anvil ended before it listened");
        // Its output is read to the end, or it would block.
        std::thread::spawn(move || lines.for_each(drop));
        let url: Url = format!("http://{}", &listening["Listening on ".len()..]).parse().unwrap();
        Some(Self { process, provider: provider(&url), url })
    }

    pub async fn request<T>(&self, method: &'static str, params: Json) -> T
    where
        T: DeserializeOwned + std::fmt::Debug + Send + Sync + Unpin + 'static,
    {
        let answer = self.provider.raw_request(method.into(), params).await;
        answer.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// The same where a refusal is an answer.
    #[allow(dead_code, reason = "not every test asks so")]
    pub async fn try_request(&self, method: &'static str, params: Json) -> Result<Json, String> {
        let answer = self.provider.raw_request(method.into(), params).await;
        answer.map_err(|error| error.to_string())
    }

    /// Sends from an account that anvil holds the key of, and mines.
    pub async fn send(
        &self,
        from: Address,
        to: Option<Address>,
        value: U256,
        input: Vec<u8>,
    ) -> Option<Address> {
        let mut fields = json!({"from": from, "value": value, "input": Bytes::from(input)});
        if let Some(to) = to {
            fields["to"] = json!(to);
        }
        let hash: B256 = self.request("eth_sendTransaction", json!([fields])).await;
        for _ in 0..100 {
            let receipt: Option<Json> =
                self.request("eth_getTransactionReceipt", json!([hash])).await;
            if let Some(receipt) = receipt {
                assert_eq!(receipt["status"], "0x1", "{receipt}");
                return serde_json::from_value(receipt["contractAddress"].clone()).unwrap();
            }
            self.mine(1).await;
        }
        panic!("{hash} is not included");
    }

    /// Waits until a transaction is in a block of a chain that mines by itself.
    #[allow(dead_code, reason = "not every test asks so")]
    pub async fn included(&self, hash: B256) {
        for _ in 0..400 {
            let receipt: Option<Json> =
                self.request("eth_getTransactionReceipt", json!([hash])).await;
            if receipt.is_some() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{hash} is not included");
    }

    pub async fn call_as_owner(&self, to: Address, call: impl SolCall) {
        self.send(OWNER, Some(to), U256::ZERO, call.abi_encode()).await;
    }

    /// Deploys a contract from its artifact: a file below `contracts/`.
    pub async fn deploy(&self, artifact: &str, arguments: Vec<u8>, value: U256) -> Address {
        let file = contracts().join(artifact);
        let text = std::fs::read_to_string(&file)
            .unwrap_or_else(|_| panic!("{} is missing: run: make setup", file.display()));
        let json: Json = serde_json::from_str(&text).unwrap();
        let code = json["bytecode"]["object"].as_str().or(json["bytecode"].as_str()).unwrap();
        self.deploy_code(code, arguments, value).await
    }

    /// Deploys code in hexadecimal digits.
    pub async fn deploy_code(&self, code: &str, arguments: Vec<u8>, value: U256) -> Address {
        let mut input: Vec<u8> = code.trim().parse::<Bytes>().unwrap().into();
        input.extend(arguments);
        self.send(OWNER, None, value, input).await.unwrap()
    }

    pub async fn view<C: SolCall>(&self, to: Address, call: C) -> C::Return {
        let input = Bytes::from(call.abi_encode());
        let answer: Bytes =
            self.request("eth_call", json!([{"to": to, "input": input}, "latest"])).await;
        C::abi_decode_returns(&answer).unwrap()
    }

    pub async fn nonce(&self, account: Address) -> u64 {
        self.request::<U64>("eth_getTransactionCount", json!([account, "latest"])).await.to()
    }

    pub async fn mine(&self, blocks: u64) {
        self.request::<Json>("anvil_mine", json!([U64::from(blocks)])).await;
    }

    /// Un-says the newest blocks and mines as many empty ones, so that they are other blocks.
    pub async fn reorg(&self, depth: u64) {
        self.request::<Json>("anvil_rollback", json!([depth])).await;
        self.request::<Json>("anvil_dropAllTransactions", json!([])).await;
        self.mine(depth).await;
    }
}

pub fn provider(url: &Url) -> RootProvider {
    let client =
        reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
    ProviderBuilder::default().connect_reqwest(client, url.clone())
}

pub fn contracts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../contracts")
}

fn anvil() -> PathBuf {
    if let Some(path) = std::env::var_os("PORTCULLIS_ANVIL") {
        return path.into();
    }
    let machine = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let system = if cfg!(target_os = "macos") { "darwin" } else { "linux" };
    let package = format!("node_modules/@foundry-rs/anvil-{system}-{machine}/bin/anvil");
    let path = contracts().join(package);
    if path.exists() { path } else { "anvil".into() }
}
