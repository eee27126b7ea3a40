//! What a sentinel signs for a Warden: orders and heartbeats, EIP-712 typed data, never a transaction.
//!
//! The signer has a clock of its own. It signs no heartbeat of the future and no order that lives long, so that somebody
//! who has the asking process for an hour cannot take tomorrow's signatures away with him.
//!
//! References: EIP-712; `contracts/src/warden/Warden.sol` and `SentinelSet.sol` for the types.

use alloy_primitives::{Address, B256, Bytes, Signature, U256};
use alloy_sol_types::{Eip712Domain, SolStruct as _, eip712_domain};
use portcullis_types::{action::Lever, ids::ChainId};
use serde::{Deserialize, Serialize};

use crate::warden::{Heartbeat, Order};

/// Seconds by which the chain's clock may be ahead of the signer's.
pub const CLOCK_SLACK_SECONDS: u64 = 30;

/// What a sentinel is asked to sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Attestation {
    /// An order to pull a lever.
    Order(OrderRequest),
    /// A sign of life.
    Heartbeat(HeartbeatRequest),
}

/// An order, as `WardenTypes.sol` has it, and the Warden that it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OrderRequest {
    /// Chain.
    pub chain_id: ChainId,
    /// The Warden.
    pub warden: Address,
    /// The lever's id.
    pub lever: B256,
    /// The arming that it is for.
    pub arming: u64,
    /// The target's call data.
    pub data: Bytes,
    /// The incident.
    pub incident: B256,
    /// For how long, seconds.
    pub hold_seconds: u64,
    /// Unix seconds, the last at which it can be relayed.
    pub deadline: u64,
    /// Makes two orders different.
    pub nonce: U256,
}

/// A heartbeat of the sentinel whose key it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HeartbeatRequest {
    /// Chain.
    pub chain_id: ChainId,
    /// The Warden.
    pub warden: Address,
    /// Unix seconds.
    pub timestamp: u64,
}

/// What a sentinel's signer may sign for one Warden.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AllowedWarden {
    /// Chain.
    pub chain_id: ChainId,
    /// The Warden.
    pub warden: Address,
    /// Its levers.
    pub levers: Vec<AllowedOrder>,
    /// Most orders within any hour.
    pub orders_per_hour_max: u32,
}

/// One lever that may be ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AllowedOrder {
    /// The lever's id.
    pub lever: B256,
    /// The target's call data, to the byte.
    pub data: Bytes,
    /// Longest hold, seconds.
    pub hold_seconds_max: u64,
    /// Longest life of an order, seconds from the signer's own now.
    pub order_life_seconds_max: u64,
}

/// The EIP-712 domain of a Warden.
pub(crate) fn domain(chain_id: ChainId, warden: Address) -> Eip712Domain {
    eip712_domain! {
        name: "Portcullis Warden",
        version: "1",
        chain_id: chain_id,
        verifying_contract: warden,
    }
}

impl OrderRequest {
    /// The order as the contract takes it.
    pub(crate) fn order(&self) -> Order {
        Order {
            lever: self.lever,
            arming: self.arming,
            data: self.data.clone(),
            incident: self.incident,
            holdSeconds: self.hold_seconds,
            deadline: self.deadline,
            nonce: self.nonce,
        }
    }

    /// What sentinels sign; the contract's `orderDigest`.
    pub fn digest(&self) -> B256 {
        self.order().eip712_signing_hash(&domain(self.chain_id, self.warden))
    }
}

impl Attestation {
    /// The hash that `sentinel` signs.
    pub fn digest(&self, sentinel: Address) -> B256 {
        match self {
            Self::Order(order) => order.digest(),
            Self::Heartbeat(beat) => Heartbeat { sentinel, timestamp: beat.timestamp }
                .eip712_signing_hash(&domain(beat.chain_id, beat.warden)),
        }
    }

    /// Whether `signature` is that of `sentinel`: 65 bytes, as the contract checks them.
    pub(crate) fn is_signed(&self, signature: &[u8], sentinel: Address) -> bool {
        let Ok(signature) = Signature::from_raw(signature) else { return false };
        signature.recover_address_from_prehash(&self.digest(sentinel)).ok() == Some(sentinel)
    }

    /// Where it counts: chain and Warden.
    fn place(&self) -> (ChainId, Address) {
        match self {
            Self::Order(order) => (order.chain_id, order.warden),
            Self::Heartbeat(beat) => (beat.chain_id, beat.warden),
        }
    }
}

/// The rules of a sentinel's signer for the Wardens of these levers.
pub(super) fn allowed(levers: &[Lever], orders_per_hour_max: u32) -> Vec<AllowedWarden> {
    let mut wardens: Vec<AllowedWarden> = Vec::new();
    for lever in levers {
        let Some(pull) = &lever.warden else { continue };
        let rule = AllowedOrder {
            lever: pull.lever,
            data: pull.data.clone(),
            hold_seconds_max: lever.hold_seconds,
            order_life_seconds_max: pull.order_life_seconds,
        };
        let known =
            wardens.iter_mut().find(|one| (one.chain_id, one.warden) == (lever.chain, pull.warden));
        match known {
            Some(known) => known.levers.push(rule),
            None => wardens.push(AllowedWarden {
                chain_id: lever.chain,
                warden: pull.warden,
                levers: vec![rule],
                orders_per_hour_max,
            }),
        }
    }
    wardens
}

/// Why `asked` may not be signed; none if it may. `unix` is the signer's wall clock in seconds, `recent` how many orders
/// the last hour saw.
pub(super) fn refusal(
    rules: &[AllowedWarden],
    asked: &Attestation,
    unix: u64,
    recent: usize,
) -> Option<String> {
    let (chain_id, warden) = asked.place();
    let Some(rule) = rules.iter().find(|rule| (rule.chain_id, rule.warden) == (chain_id, warden))
    else {
        return Some(format!(
            "the Warden {warden} on chain {chain_id} is not in the policy: add a lever of it to the configuration and \
             restart the signer"
        ));
    };
    match asked {
        Attestation::Heartbeat(beat) if beat.timestamp > unix + CLOCK_SLACK_SECONDS => {
            Some(format!(
                "a heartbeat for {} s ahead of this machine's clock: it would speak for a time that nobody knows yet",
                beat.timestamp - unix
            ))
        }
        Attestation::Heartbeat(_) => None,
        Attestation::Order(order) => order_refusal(rule, order, unix, recent),
    }
}

fn order_refusal(
    rule: &AllowedWarden,
    order: &OrderRequest,
    unix: u64,
    recent: usize,
) -> Option<String> {
    let known = rule.levers.iter().find(|one| one.lever == order.lever && one.data == order.data);
    let Some(lever) = known else {
        return Some(format!(
            "this call through lever {} is not in the policy: add it to the configuration and restart the signer",
            order.lever
        ));
    };
    if order.hold_seconds > lever.hold_seconds_max {
        return Some(format!(
            "a hold of {} s is longer than the {} s of the configuration",
            order.hold_seconds, lever.hold_seconds_max
        ));
    }
    let latest = unix + lever.order_life_seconds_max + CLOCK_SLACK_SECONDS;
    if order.deadline > latest {
        return Some(format!(
            "the order would live until {}, {} s longer than orders may: check this machine's clock",
            order.deadline,
            order.deadline - latest
        ));
    }
    if recent >= rule.orders_per_hour_max as usize {
        return Some(format!(
            "{} orders within an hour are the limit: wait, or raise it after finding out what asked so often",
            rule.orders_per_hour_max
        ));
    }
    None
}

#[cfg(test)]
mod tests;
