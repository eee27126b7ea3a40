//! One transaction: its calls as a tree, and what it moved.

use std::collections::BTreeSet;

use alloy_primitives::{Address, U256};
use portcullis_engine::Config;
use portcullis_types::{
    evidence::{CallKind, Evidence, Frame},
    ids::ChainId,
    money::{Asset, Usd},
    protocol::{AssetSpec, Protocol},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{decode::Functions, money::usd};

/// Most frames that are shown; an attack that calls more is cut, and says so.
const FRAMES_MAX: usize = 5_000;
/// Most rows of each table.
const ROWS_MAX: usize = 1_000;

/// A transaction as people read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TransactionView {
    pub(crate) hash: String,
    pub(crate) chain: u64,
    pub(crate) block: u64,
    /// The block's time.
    pub(crate) at: u64,
    /// Null where the callers could not be seen.
    pub(crate) from: Option<String>,
    pub(crate) from_name: Option<String>,
    pub(crate) to: Option<String>,
    pub(crate) to_name: Option<String>,
    pub(crate) value_wei: String,
    pub(crate) gas_used: Option<u64>,
    pub(crate) success: bool,
    /// Calls in the order in which they were entered.
    pub(crate) tree: Vec<FrameView>,
    /// What holders gained and lost.
    pub(crate) flows: Vec<FlowView>,
    pub(crate) transfers: Vec<TransferView>,
    pub(crate) storage: Vec<StorageView>,
    /// Contracts that it created.
    pub(crate) created: Vec<String>,
    /// Whether something above is cut.
    pub(crate) truncated: bool,
    /// What could not be seen: `logs`, `state`, `callers`. Never the same as "none".
    pub(crate) unseen: Vec<String>,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FrameView {
    pub(crate) index: u32,
    pub(crate) parent: Option<u32>,
    pub(crate) depth: u32,
    /// `call`, `staticCall`, `delegateCall`, `callCode`, `create`, `create2`, `selfDestruct`.
    pub(crate) kind: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) to_name: Option<String>,
    /// Name of the function; null where it is not known.
    pub(crate) function: Option<String>,
    /// `0x` and eight digits; null where there is none.
    pub(crate) selector: Option<String>,
    /// Its arguments by name; null where there are none or they are not known.
    pub(crate) args: Option<String>,
    pub(crate) value_wei: String,
    /// Whether this call ended in a failure.
    pub(crate) failed: bool,
    /// Whether it and all around it took effect.
    pub(crate) effective: bool,
    /// `protected`, `attacker`, or empty.
    pub(crate) touches: String,
}

/// What a holder gained (positive) or lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FlowView {
    pub(crate) holder: String,
    pub(crate) name: Option<String>,
    /// Address of the token, or `native`.
    pub(crate) asset: String,
    pub(crate) symbol: Option<String>,
    /// Smallest units, signed.
    pub(crate) delta: String,
    pub(crate) decimals: Option<u8>,
    /// At the reference price; null where the asset has none.
    pub(crate) usd: Option<String>,
    pub(crate) touches: String,
}

/// One movement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TransferView {
    pub(crate) asset: String,
    pub(crate) symbol: Option<String>,
    pub(crate) decimals: Option<u8>,
    pub(crate) from: String,
    pub(crate) from_name: Option<String>,
    pub(crate) to: String,
    pub(crate) to_name: Option<String>,
    pub(crate) amount: String,
    pub(crate) usd: Option<String>,
    /// Of a token that is one of a kind.
    pub(crate) token_id: Option<String>,
}

/// A slot that differs afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct StorageView {
    pub(crate) address: String,
    pub(crate) name: Option<String>,
    pub(crate) slot: String,
    pub(crate) before: String,
    pub(crate) after: String,
    /// What the slot is, where it is one of the standard ones; null where that is not known.
    pub(crate) meaning: Option<String>,
}

/// Slots with a meaning (ERC-1967, ERC-7201 of OpenZeppelin's `Pausable` and `Ownable`).
const SLOTS: [(&str, &str); 5] = [
    (
        "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc",
        "implementation of the proxy (ERC-1967)",
    ),
    (
        "0xb53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103",
        "admin of the proxy (ERC-1967)",
    ),
    (
        "0xa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50",
        "beacon of the proxy (ERC-1967)",
    ),
    (
        "0xcd5ed15c6e187e77e9aee88184c21f4f2182ab5827cb3b7e07fbedcd63f03300",
        "paused (ERC-7201, Pausable)",
    ),
    (
        "0x9016d09d72d40fdae2fd8ceac6b6234c7706214fd39c1cd1e609a0528c199300",
        "owner (ERC-7201, Ownable)",
    ),
];

/// Names and prices by the configuration.
struct Names<'a> {
    config: Option<&'a Config>,
    chain: ChainId,
    attackers: Vec<Address>,
    created: BTreeSet<Address>,
}

impl<'a> Names<'a> {
    fn protocols(&self) -> impl Iterator<Item = &'a Protocol> {
        let chain = self.chain;
        let all = self.config.into_iter().flat_map(|config| &config.protocols);
        all.map(|config| &config.protocol).filter(move |protocol| protocol.chain == chain)
    }

    fn name(&self, address: Address) -> Option<String> {
        let mut found = self.protocols().filter_map(|protocol| protocol.contract(address));
        if let Some(contract) = found.next() {
            return Some(contract.name.clone());
        }
        let token = self.spec(Asset::Token(address)).map(|spec| spec.symbol.clone());
        token.or_else(|| self.attackers.contains(&address).then(|| "attacker".to_owned()))
    }

    fn spec(&self, asset: Asset) -> Option<&'a AssetSpec> {
        self.protocols().find_map(|protocol| protocol.asset(asset))
    }

    fn touches(&self, address: Address) -> String {
        let is_ours = self.protocols().any(|protocol| protocol.contract(address).is_some());
        let is_theirs = self.attackers.contains(&address) || self.created.contains(&address);
        match (is_ours, is_theirs) {
            (true, _) => "protected",
            (_, true) => "attacker",
            _ => "",
        }
        .to_owned()
    }
}

/// A transaction by its evidence. `attackers` are accounts that the case's findings name.
pub(crate) fn transaction_view(
    config: Option<&Config>,
    functions: &Functions,
    evidence: &Evidence,
    mut attackers: Vec<Address>,
) -> TransactionView {
    if evidence.known.callers && !attackers.is_empty() {
        attackers.extend(evidence.to.filter(|to| {
            let protocols = config.into_iter().flat_map(|config| &config.protocols);
            protocols.into_iter().all(|config| config.protocol.contract(*to).is_none())
        }));
    }
    let created = evidence.created.iter().map(|one| one.address).collect();
    let names = Names { config, chain: evidence.chain, attackers, created };
    let (known, from) = (evidence.known, evidence.from);
    let unseen = [(known.logs, "logs"), (known.state, "state"), (known.callers, "callers")];
    let is_cut = evidence.frames.len() > FRAMES_MAX
        || evidence.flows.len() > ROWS_MAX
        || evidence.transfers.len() > ROWS_MAX
        || evidence.storage.len() > ROWS_MAX;
    TransactionView {
        hash: evidence.hash.to_string(),
        chain: evidence.chain,
        block: evidence.block.number,
        at: evidence.timestamp.saturating_mul(1_000),
        from: known.callers.then(|| from.to_string()),
        from_name: known.callers.then(|| names.name(from)).flatten(),
        to: evidence.to.map(|to| to.to_string()),
        to_name: evidence.to.and_then(|to| names.name(to)),
        value_wei: evidence.value.to_string(),
        gas_used: evidence.gas_used,
        success: evidence.success,
        tree: tree(&names, functions, &evidence.frames),
        flows: flows(&names, evidence),
        transfers: transfers(&names, evidence),
        storage: storage(&names, evidence),
        created: evidence.created.iter().take(ROWS_MAX).map(|c| c.address.to_string()).collect(),
        truncated: is_cut,
        unseen: unseen
            .iter()
            .filter(|(seen, _)| !seen)
            .map(|(_, what)| (*what).to_owned())
            .collect(),
    }
}

fn kind_name(kind: CallKind) -> &'static str {
    match kind {
        CallKind::Call => "call",
        CallKind::StaticCall => "staticCall",
        CallKind::DelegateCall => "delegateCall",
        CallKind::CallCode => "callCode",
        CallKind::Create => "create",
        CallKind::Create2 => "create2",
        CallKind::SelfDestruct => "selfDestruct",
    }
}

fn tree(names: &Names<'_>, functions: &Functions, frames: &[Frame]) -> Vec<FrameView> {
    let mut depths: Vec<u32> = Vec::new();
    let mut views = Vec::new();
    for (index, frame) in (0_u32..).zip(frames.iter().take(FRAMES_MAX)) {
        let above = frame.parent.and_then(|parent| depths.get(parent as usize).copied());
        let depth = above.map_or(0, |depth| depth.saturating_add(1));
        depths.push(depth);
        let selector = frame.selector();
        let decoded = selector.map(|_| functions.decode(&frame.input));
        views.push(FrameView {
            index,
            parent: frame.parent,
            depth,
            kind: kind_name(frame.kind).to_owned(),
            from: frame.from.to_string(),
            to: frame.to.to_string(),
            to_name: names.name(frame.to),
            function: decoded.as_ref().and_then(|decoded| decoded.name.clone()),
            selector: selector.map(|four| format!("0x{}", alloy_primitives::hex::encode(four))),
            args: decoded
                .map(|decoded| decoded.arguments.join(", "))
                .filter(|arguments| !arguments.is_empty()),
            value_wei: frame.value.to_string(),
            failed: frame.failed,
            effective: frame.effective,
            touches: names.touches(frame.to),
        });
    }
    views
}

fn flows(names: &Names<'_>, evidence: &Evidence) -> Vec<FlowView> {
    let view = |flow: &portcullis_types::evidence::Flow| {
        let spec = names.spec(flow.asset);
        let value = |spec: &AssetSpec| {
            let value = spec.value(flow.delta.unsigned_abs());
            usd(if flow.delta.is_negative() { -value } else { value })
        };
        FlowView {
            holder: flow.holder.to_string(),
            name: names.name(flow.holder),
            asset: flow.asset.to_string(),
            symbol: spec.map(|spec| spec.symbol.clone()),
            delta: flow.delta.to_string(),
            decimals: spec.map(|spec| spec.decimals),
            usd: spec.map(value),
            touches: names.touches(flow.holder),
        }
    };
    evidence.flows.iter().take(ROWS_MAX).map(view).collect()
}

fn transfers(names: &Names<'_>, evidence: &Evidence) -> Vec<TransferView> {
    let price = |spec: &AssetSpec, amount: U256| -> Usd { spec.value(amount) };
    let view = |one: &portcullis_types::evidence::Transfer| {
        let spec = names.spec(one.asset);
        TransferView {
            asset: one.asset.to_string(),
            symbol: spec.map(|spec| spec.symbol.clone()),
            decimals: spec.map(|spec| spec.decimals),
            from: one.from.to_string(),
            from_name: names.name(one.from),
            to: one.to.to_string(),
            to_name: names.name(one.to),
            amount: one.amount.to_string(),
            usd: spec.map(|spec| usd(price(spec, one.amount))),
            token_id: one.token_id.map(|id| id.to_string()),
        }
    };
    evidence.transfers.iter().take(ROWS_MAX).map(view).collect()
}

fn storage(names: &Names<'_>, evidence: &Evidence) -> Vec<StorageView> {
    let view = |one: &portcullis_types::evidence::StorageChange| {
        let slot = one.slot.to_string();
        let meaning = SLOTS.iter().find(|(known, _)| *known == slot);
        StorageView {
            address: one.address.to_string(),
            name: names.name(one.address),
            meaning: meaning.map(|(_, meaning)| (*meaning).to_owned()),
            slot,
            before: one.before.to_string(),
            after: one.after.to_string(),
        }
    };
    evidence.storage.iter().take(ROWS_MAX).map(view).collect()
}
