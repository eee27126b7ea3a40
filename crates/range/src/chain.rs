//! The local chain: one anvil process on loopback, ended when the value is dropped.

use crate::{Node, RangeError, anvil_path, node::BASE_FEE_WEI};
use alloy_primitives::{Address, B256};
use serde::Deserialize;
use std::{
    collections::VecDeque,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::mpsc,
};
use url::Url;

/// The mnemonic of every development chain; its keys are public and must never hold value.
const MNEMONIC: &str = "test test test test test test test test test test test junk";
/// How many of anvil's last lines are kept for error messages.
const LOG_LINES_MAX: usize = 40;

/// When blocks are mined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mining {
    /// Only by [`Node::mine`]; what drills and tests use.
    Manual,
    /// Every so many seconds of wall-clock time; chain time then runs with the wall clock.
    EverySeconds(u64),
}

/// How to start a chain.
#[derive(Debug, Clone)]
pub struct ChainOptions {
    /// When blocks are mined.
    pub mining: Mining,
    /// The time of the genesis block, in Unix seconds.
    pub genesis_timestamp: u64,
    /// How many development accounts there are.
    pub accounts: usize,
    /// What each of them holds, in whole native units.
    pub balance_native: u64,
    /// The gas limit of a block.
    pub gas_limit: u64,
    /// A path for an IPC socket, if one is wanted. Its folder must exist.
    pub ipc_path: Option<PathBuf>,
    /// How long anvil may take to be ready.
    pub start_timeout: Duration,
}

impl Default for ChainOptions {
    fn default() -> Self {
        Self {
            mining: Mining::Manual,
            // 2026-01-01 00:00:00 UTC: any fixed time does; a fixed one makes runs repeatable.
            genesis_timestamp: 1_767_225_600,
            accounts: 60,
            balance_native: 1_000_000,
            gas_limit: 100_000_000,
            ipc_path: None,
            start_timeout: Duration::from_secs(30),
        }
    }
}

/// A running anvil. Dropping it ends the process.
#[derive(Debug)]
pub struct Chain {
    // Held for its `kill_on_drop`.
    _process: Child,
    pid: u32,
    address: SocketAddr,
    ipc_path: Option<PathBuf>,
    accounts: Vec<Address>,
    keys: Vec<B256>,
    node: Node,
    log: Log,
}

impl Chain {
    /// Starts anvil on a free port of loopback and waits until it answers.
    ///
    /// # Errors
    /// [`RangeError::AnvilNotFound`] with how to install it; [`RangeError::AnvilStart`] with its
    /// last output when it ends or is not ready in `start_timeout`.
    pub async fn spawn(options: ChainOptions) -> Result<Self, RangeError> {
        let binary = anvil_path()?;
        // anvil writes its accounts there; the folder goes when this function returns.
        let folder = tempfile::tempdir().map_err(|source| RangeError::File {
            file: std::env::temp_dir(),
            source,
            remedy: "set TMPDIR to a folder that can be written".to_owned(),
        })?;
        let accounts_file = folder.path().join("accounts.json");
        let mut process = command(&binary, &options, &accounts_file)
            .spawn()
            .map_err(|error| start_error(&binary, &error, &Log::default()))?;
        let log = Log::default();
        let (address_found, mut address_wanted) = mpsc::channel(1);
        if let Some(output) = process.stdout.take() {
            tokio::spawn(follow(output, log.clone(), Some(address_found)));
        }
        if let Some(output) = process.stderr.take() {
            tokio::spawn(follow(output, log.clone(), None));
        }
        let address = match tokio::time::timeout(options.start_timeout, address_wanted.recv()).await
        {
            Ok(Some(address)) => address,
            Ok(None) => return Err(start_error(&binary, &"it ended", &log)),
            Err(_) => {
                let seconds = options.start_timeout.as_secs();
                return Err(start_error(&binary, &format!("not ready in {seconds} s"), &log));
            }
        };
        let pid = process.id().ok_or_else(|| start_error(&binary, &"it ended", &log))?;
        let Accounts { available_accounts, private_keys } = read_accounts(&accounts_file)?;
        let node = Node::new(&http_url(address)?, options.genesis_timestamp)?;
        // The first answer: from here on the chain is there.
        if options.mining == Mining::Manual {
            node.fix_base_fee().await?;
        } else {
            node.block_number().await?;
        }
        Ok(Self {
            _process: process,
            pid,
            address,
            ipc_path: options.ipc_path,
            accounts: available_accounts,
            keys: private_keys,
            node,
            log,
        })
    }

    /// The address for JSON-RPC over HTTP.
    pub fn http_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address for JSON-RPC over WebSocket.
    pub fn ws_url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// The socket address that serves both.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The IPC socket, where the options asked for one.
    pub fn ipc_path(&self) -> Option<&Path> {
        self.ipc_path.as_deref()
    }

    /// The process id of anvil.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The range's own line to the chain.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// The last lines that anvil printed.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// The address of a development account.
    pub fn development_address(&self, index: usize) -> Result<Address, RangeError> {
        self.accounts
            .get(index)
            .copied()
            .ok_or(RangeError::NoAccount { index, count: self.accounts.len() })
    }

    /// The private key of a development account: public knowledge, worth nothing anywhere else.
    pub fn development_key(&self, index: usize) -> Result<B256, RangeError> {
        self.keys.get(index).copied().ok_or(RangeError::NoAccount { index, count: self.keys.len() })
    }

    /// [`Node::mine`].
    pub async fn mine(&self, timestamp: Option<u64>) -> Result<u64, RangeError> {
        self.node.mine(timestamp).await
    }

    /// [`Node::reorg`].
    pub async fn reorg(&self, depth: u64) -> Result<(), RangeError> {
        self.node.reorg(depth).await
    }

    /// [`Node::block_number`].
    pub async fn block_number(&self) -> Result<u64, RangeError> {
        self.node.block_number().await
    }
}

/// What anvil writes about its accounts.
#[derive(Deserialize)]
struct Accounts {
    available_accounts: Vec<Address>,
    private_keys: Vec<B256>,
}

fn command(binary: &Path, options: &ChainOptions, accounts_file: &Path) -> Command {
    let mut command = Command::new(binary);
    command
        .args(["--host", "127.0.0.1", "--port", "0", "--chain-id", "31337", "--order", "fees"])
        .args(["--mnemonic", MNEMONIC])
        .args(["--accounts", &options.accounts.to_string()])
        .args(["--balance", &options.balance_native.to_string()])
        .args(["--gas-limit", &options.gas_limit.to_string()])
        .args(["--block-base-fee-per-gas", &BASE_FEE_WEI.to_string()])
        .args(["--timestamp", &options.genesis_timestamp.to_string()])
        .arg("--config-out")
        .arg(accounts_file)
        // A request that traces keeps one of its threads, and with only as many as there are cores they have been seen to wait
        // for each other for good.
        .env("TOKIO_WORKER_THREADS", "16")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    match options.mining {
        Mining::Manual => command.arg("--no-mining"),
        Mining::EverySeconds(seconds) => command.args(["--block-time", &seconds.to_string()]),
    };
    if let Some(path) = &options.ipc_path {
        command.arg("--ipc").arg(path);
    }
    command
}

/// Reads a stream of anvil's to its end, so that the pipe never fills; keeps the last lines, and
/// reports the address it listens on.
async fn follow(
    output: impl AsyncRead + Unpin,
    log: Log,
    mut found: Option<mpsc::Sender<SocketAddr>>,
) {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let address = line.trim().strip_prefix("Listening on ").map(str::parse::<SocketAddr>);
        if let Some(Ok(address)) = address
            && let Some(sender) = found.take()
        {
            // Nobody waits any more when the start was given up; then there is nothing to tell.
            let _ = sender.send(address).await;
        }
        log.push(line);
    }
}

fn read_accounts(file: &Path) -> Result<Accounts, RangeError> {
    let remedy = "this anvil does not write its accounts: run make setup to get the tested one";
    let broken =
        |source| RangeError::File { file: file.to_path_buf(), source, remedy: remedy.to_owned() };
    let text = std::fs::read_to_string(file).map_err(broken)?;
    serde_json::from_str(&text).map_err(|error| broken(error.into()))
}

fn http_url(address: SocketAddr) -> Result<Url, RangeError> {
    Url::parse(&format!("http://{address}"))
        .map_err(|error| RangeError::Node { method: "connect", message: error.to_string() })
}

fn start_error(binary: &Path, cause: &dyn std::fmt::Display, log: &Log) -> RangeError {
    let (cause, log) = (cause.to_string(), log.text());
    RangeError::AnvilStart { binary: binary.to_path_buf(), cause, log }
}

/// The last lines that anvil printed.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<VecDeque<String>>>);

impl Log {
    fn push(&self, line: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LOG_LINES_MAX {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    fn text(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}
