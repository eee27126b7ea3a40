//! What is kept of a transaction to learn from.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256, U256};
use portcullis_detect::{
    novelty::{Form, gains},
    outflow::outflows,
};
use portcullis_types::{evidence::Evidence, money::Asset, protocol::Protocol};

/// Most transactions that are learned from; more are refused by the caller, not dropped. About 2 GB at the size of a
/// common form.
pub const OBSERVATIONS_MAX: usize = 2_000_000;

/// A transaction that succeeded and had to do with the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// Its hash.
    pub hash: B256,
    /// Block.
    pub block: u64,
    /// Seconds since the epoch, as far as the recording knows.
    pub timestamp: u64,
    /// The way that it took.
    pub form: Form,
    /// Whether an account outside gained something.
    pub has_gain: bool,
    /// What left the value-holding contracts, of the protocol's assets, smallest units.
    pub outflows: BTreeMap<Asset, U256>,
}

impl Observation {
    /// Of a transaction; none if it failed or had nothing to do with the protocol.
    pub fn of(evidence: &Evidence, protocol: &Protocol) -> Option<Self> {
        let contracts: BTreeSet<Address> =
            protocol.contracts.iter().map(|contract| contract.address).collect();
        if !evidence.success || !evidence.touches(|address| contracts.contains(address)) {
            return None;
        }
        let holders = protocol.holders().map(|contract| contract.address).collect();
        let left = outflows(protocol, &holders, evidence);
        Some(Self {
            hash: evidence.hash,
            block: evidence.block.number,
            timestamp: evidence.timestamp,
            form: Form::of(evidence, &contracts),
            has_gain: !gains(evidence, &contracts).is_empty(),
            outflows: left.iter().map(|outflow| (outflow.asset, outflow.total())).collect(),
        })
    }
}
