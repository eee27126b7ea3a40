//! The file as users write it.

use std::path::PathBuf;

use alloy_primitives::Address;
use portcullis_act::{
    Route,
    lever::LeverConfig,
    signer::{AwsKmsKey, GcpKmsKey, LedgerKey},
};
use portcullis_decide::Policy;
use portcullis_detect::DetectorConfig;
use portcullis_notify::NotifyFile;
use portcullis_types::{ids::ChainId, money::Usd};
use serde::Deserialize;

/// `portcullis.yaml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConfigFile {
    /// Chains to watch.
    pub chains: Vec<ChainFile>,
    /// Protocols to protect.
    pub protocols: Vec<ProtocolFile>,
    /// The account that pulls levers; may be left out where nothing may be pulled.
    #[serde(default)]
    pub responder: Option<ResponderFile>,
    /// The accounts that sign for Wardens.
    #[serde(default)]
    pub sentinels: Option<super::SentinelsFile>,
    /// The journal; relative to the configuration's folder. A file that ends in `.url` holds the address of a `PostgreSQL`
    /// database. Default `portcullis.sqlite`.
    #[serde(default = "default_journal")]
    pub journal: PathBuf,
    /// How often the brakes are tested beside `run`.
    #[serde(default)]
    pub self_test: super::SelfTestFile,
    /// Who is told what, over which channels. Default: nobody, alerts are lines on standard error.
    #[serde(default)]
    pub notify: Option<NotifyFile>,
    /// The API and the console. Default: neither.
    #[serde(default)]
    pub console: Option<super::ConsoleFile>,
    /// Who answers in an incident, and by which playbooks. Default: nobody is asked, cases are only recorded.
    #[serde(default)]
    pub war: Option<super::WarFile>,
}

fn default_journal() -> PathBuf {
    "portcullis.sqlite".into()
}

/// A chain and how to read it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChainFile {
    /// Name, used by protocols.
    pub name: String,
    /// EIP-155 id; checked against the node.
    pub id: ChainId,
    /// Nodes: `https://…`, `wss://…` or the path of an IPC socket; the first that works is used. `${VARIABLE}` is taken
    /// from the environment, so that keys inside addresses stay out of the file.
    #[serde(default)]
    pub nodes: Vec<String>,
    /// Blocks on top after which a finding is confirmed. Default 2.
    #[serde(default = "two")]
    pub confirmed_depth: u64,
    /// Blocks on top after which a finding is final. Default 64.
    #[serde(default = "sixty_four")]
    pub finalised_depth: u64,
    /// Time between two looks at the head, milliseconds; a subscription wakes earlier. Default 1000.
    #[serde(default = "thousand")]
    pub poll_ms: u64,
    /// Longest wait for one answer of a node, milliseconds. Default 10000.
    #[serde(default = "ten_thousand")]
    pub request_timeout_ms: u64,
    /// Whether the node's pool of pending transactions is watched too. Default false.
    #[serde(default)]
    pub pending: bool,
    /// Private relays that take what stops something. Default none.
    #[serde(default)]
    pub relays: Vec<super::RelayFile>,
    /// By which way: `public`, `private` or `both`. Default `both`, whichever is first.
    #[serde(default)]
    pub route: Route,
}

fn two() -> u64 {
    2
}

fn sixty_four() -> u64 {
    64
}

fn thousand() -> u64 {
    1_000
}

fn ten_thousand() -> u64 {
    10_000
}

/// A protocol.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProtocolFile {
    /// Name, unique.
    pub name: String,
    /// Name of its chain.
    pub chain: String,
    /// Its contracts.
    pub contracts: Vec<ContractFile>,
    /// Its assets.
    pub assets: Vec<AssetFile>,
    /// What looks at it.
    pub detectors: Vec<DetectorConfig>,
    /// Its levers.
    #[serde(default)]
    pub ladder: Vec<LeverConfig>,
    /// When one may be pulled.
    #[serde(default)]
    pub policy: Policy,
}

/// A contract.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContractFile {
    /// Name, unique in the protocol.
    pub name: String,
    /// Address.
    pub address: Address,
    /// Whether it holds users' money. Default false.
    #[serde(default)]
    pub holds_value: bool,
}

/// An asset.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AssetFile {
    /// Symbol, unique in the protocol.
    pub symbol: String,
    /// Token contract; left out for the chain's own coin.
    #[serde(default)]
    pub token: Option<Address>,
    /// Decimals.
    pub decimals: u8,
    /// Reference price of a whole unit, US dollars.
    pub price_usd: Usd,
}

/// The account that pulls levers.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResponderFile {
    /// Its address; the key must belong to it.
    pub address: Address,
    /// Where the key is; may be left out for `replay` and `config check`.
    #[serde(default)]
    pub key: Option<KeyFile>,
    /// Most one transaction may cost in fees, in wei. Default 0.5 of the coin.
    #[serde(default = "half_a_coin")]
    pub fee_wei_max: u128,
    /// Tip of the first try, gwei. Default 5.
    #[serde(default = "five")]
    pub tip_gwei: u64,
    /// Most signatures an hour. Default 20.
    #[serde(default = "twenty")]
    pub signatures_per_hour_max: u32,
    /// Most that one transaction may cost that stops something, in wei, where that may be more than `feeWeiMax`. Left
    /// out: no more.
    #[serde(default)]
    pub emergency_fee_wei_max: Option<u128>,
    /// Further accounts that pull, so that one whose transaction is stuck does not hold up the next pull. For levers of
    /// Wardens any account will do; other levers want the role for each. Default none.
    #[serde(default)]
    pub lanes: Vec<super::LaneFile>,
    /// The key with which requests to relays are signed. It grants nothing, and must be no account that acts.
    #[serde(default)]
    pub relay_identity: Option<KeyFile>,
}

fn half_a_coin() -> u128 {
    500_000_000_000_000_000
}

fn five() -> u64 {
    5
}

fn twenty() -> u32 {
    20
}

/// Where a key is. Never the key itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum KeyFile {
    /// An encrypted keystore (Web3 Secret Storage) and a file with its password.
    #[serde(rename_all = "camelCase")]
    Keystore {
        /// Keystore.
        path: PathBuf,
        /// Password, one line.
        password_file: PathBuf,
    },
    /// A hexadecimal private key in an environment variable of the signer.
    Environment(String),
    /// A key of AWS KMS.
    AwsKms(AwsKmsKey),
    /// A version of a key of Google Cloud KMS.
    GcpKms(GcpKmsKey),
    /// A key of a Ledger, for what waits for a person's hand.
    Ledger(LedgerKey),
}
