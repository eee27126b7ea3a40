//! A configuration against the world: is it the right chain, are these contracts there, can each lever be pulled?

use std::time::Duration;

use alloy_primitives::{Address, Bytes, U256};
use alloy_sol_types::{SolCall, sol};
use portcullis_act::{Nodes, lever::readiness};
use portcullis_observe::{EvidenceMethod, Node, NodeOptions};
use portcullis_types::{chain::BlockId, money::Asset, probe::Probe, text::printable};
use serde::Serialize;

use super::{Compiled, file::ChainFile};
use crate::runner::urls;

sol! {
    function decimals() external view returns (uint8);
    function symbol() external view returns (string);
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What it is about: `ethereum`, `lending-market / market`.
    pub about: String,
    /// What was found, and if it is wrong the remedy.
    pub what: String,
    /// Whether it is in order. What could not be looked at is not.
    pub ok: bool,
}

impl Check {
    fn new(about: &str, what: impl Into<String>, ok: bool) -> Self {
        Self { about: about.to_owned(), what: printable(&what.into()), ok }
    }
}

/// Node options of a chain.
pub fn node_options(chain: &ChainFile) -> NodeOptions {
    NodeOptions {
        request_time_limit: Duration::from_millis(chain.request_timeout_ms),
        ..NodeOptions::default()
    }
}

/// Asks the nodes about everything in a configuration.
///
/// # Errors
/// A chain that cannot be reached at all, with what to do.
pub async fn check(config: &Compiled) -> anyhow::Result<Vec<Check>> {
    let mut checks = Vec::new();
    features(config, &mut checks);
    for chain in &config.chains {
        if chain.nodes.is_empty() {
            checks.push(Check::new(&chain.name, "no node: add one under `nodes`", false));
            continue;
        }
        let node = Node::connect_with(&chain.nodes, chain.id, node_options(chain)).await?;
        let head = node.head().await.map_err(|cause| anyhow::anyhow!("{}: {cause}", chain.name))?;
        let capabilities = node.capabilities().await?;
        let method = capabilities.evidence_method();
        checks.push(Check::new(
            &chain.name,
            format!("chain {}, head {}", chain.id, head.id.number),
            true,
        ));
        checks.push(Check::new(
            &chain.name,
            method.to_string(),
            method != EvidenceMethod::LogsOnly,
        ));
        for protocol in config.engine.protocols.iter().filter(|p| p.protocol.chain == chain.id) {
            contracts(&node, &head.id, protocol, &mut checks).await;
            tokens(&node, &head.id, protocol, &mut checks).await;
            levers(config, chain, protocol, &mut checks).await;
        }
    }
    Ok(checks)
}

/// Whether this program was built for the keys that are named.
fn features(config: &Compiled, checks: &mut Vec<Check>) {
    let responder = config.responder.iter();
    let keys = responder
        .flat_map(|one| one.key.iter().chain(one.lanes.iter().map(|lane| &lane.key)))
        .chain(
            config
                .sentinels
                .iter()
                .flat_map(|all| all.keys.iter().filter_map(|one| one.key.as_ref())),
        );
    for key in keys {
        if let Some(missing) = key.source().missing_feature() {
            checks.push(Check { about: "keys".to_owned(), what: missing.to_string(), ok: false });
        }
    }
}

async fn contracts(
    node: &Node,
    block: &BlockId,
    protocol: &portcullis_engine::ProtocolConfig,
    checks: &mut Vec<Check>,
) {
    for contract in &protocol.protocol.contracts {
        let about = format!("{} / {}", protocol.protocol.name, contract.name);
        checks.push(match node.has_code(contract.address, block).await {
            Ok(true) => Check::new(&about, format!("{} has code", contract.address), true),
            Ok(false) => {
                let what =
                    format!("{} has no code on this chain: correct the address", contract.address);
                Check::new(&about, what, false)
            }
            Err(cause) => Check::new(&about, cause, false),
        });
    }
}

async fn tokens(
    node: &Node,
    block: &BlockId,
    protocol: &portcullis_engine::ProtocolConfig,
    checks: &mut Vec<Check>,
) {
    for asset in &protocol.protocol.assets {
        let Asset::Token(to) = asset.asset else { continue };
        let about = format!("{} / {}", protocol.protocol.name, asset.symbol);
        checks.push(decimals(node, block, to, asset.decimals, &about).await);
        let data = Bytes::from(symbolCall {}.abi_encode());
        checks.push(match node.text(to, &data, block).await {
            Ok(symbol) if symbol == asset.symbol => {
                Check::new(&about, format!("{to} calls itself {symbol}"), true)
            }
            Ok(symbol) => {
                let what = format!(
                    "{to} calls itself \u{201c}{symbol}\u{201d}: correct the address, or the symbol if you are sure"
                );
                Check::new(&about, what, false)
            }
            Err(why) => Check::new(&about, format!("{to} does not answer symbol(): {why}"), false),
        });
    }
}

async fn decimals(node: &Node, block: &BlockId, to: Address, configured: u8, about: &str) -> Check {
    let probe = Probe::Call { to, data: Bytes::from(decimalsCall {}.abi_encode()), word: 0 };
    let reading = node.read(&[probe], block).await.into_iter().next();
    match reading.map(|reading| reading.value) {
        Some(Ok(decimals)) if decimals == U256::from(configured) => {
            Check::new(about, format!("{to} has {decimals} decimals"), true)
        }
        Some(Ok(decimals)) => {
            let what = format!("{to} has {decimals} decimals, configured {configured}: correct it");
            Check::new(about, what, false)
        }
        // ERC-721 collections have none, which is a 0 in the configuration.
        Some(Err(_)) if configured == 0 => {
            Check::new(about, format!("{to} has no decimals() and none are configured"), true)
        }
        Some(Err(why)) => {
            Check::new(about, format!("{to} does not answer decimals(): {why}"), false)
        }
        None => Check::new(about, format!("{to} could not be asked"), false),
    }
}

async fn levers(
    config: &Compiled,
    chain: &ChainFile,
    protocol: &portcullis_engine::ProtocolConfig,
    checks: &mut Vec<Check>,
) {
    let Some(responder) = &config.responder else { return };
    let limit = Duration::from_millis(chain.request_timeout_ms);
    let nodes = async { anyhow::Ok(Nodes::connect(&urls(chain)?, limit).await?) };
    let nodes = match nodes.await {
        Ok(nodes) => nodes,
        Err(error) => return checks.push(Check::new(&chain.name, format!("{error:#}"), false)),
    };
    for lever in &protocol.ladder {
        let about = format!("{} / {}", protocol.protocol.name, lever.name);
        for one in readiness(lever, responder.address, &nodes).await {
            let (ok, what) = match one.ok {
                Ok(ok) => (ok, one.what),
                Err(why) => (false, format!("{}: could not look: {why}", one.what)),
            };
            checks.push(Check::new(&about, what, ok));
        }
    }
}
