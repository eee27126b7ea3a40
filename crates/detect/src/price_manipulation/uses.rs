//! Where in a transaction the protected protocol was used. See [`crate::price_manipulation`].

use std::collections::BTreeSet;

use alloy_primitives::{Address, B256, I256, U256, keccak256};
use portcullis_types::{
    evidence::Evidence,
    money::{Asset, signed},
    protocol::Protocol,
};

use crate::detector::NOBODY;

/// A use: value that a holder took in or paid out for good, or a token of the protocol minted or burnt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Use {
    /// Index of the log or of the transfer.
    pub(super) position: usize,
    /// Whether value left, or a token of the protocol was minted.
    pub(super) is_out: bool,
}

/// One twentieth: what comes in net must be as much of what came in gross to count, else it is a flash loan and its fee.
const NET_PARTS: u64 = 20;

/// The uses among a transaction's logs or, where `by_logs` is false, its transfers, in order. What a pool itself took or
/// paid is none.
pub(super) fn uses(
    protocol: &Protocol,
    holders: &BTreeSet<Address>,
    pool: Address,
    by_logs: bool,
    evidence: &Evidence,
) -> Vec<Use> {
    let judge = Judge { protocol, holders, pool, evidence };
    let mut found = Vec::new();
    if !by_logs {
        for (position, transfer) in evidence.transfers.iter().enumerate() {
            let is_out = judge.is_out(transfer.asset, transfer.from, transfer.to);
            found.extend(is_out.map(|is_out| Use { position, is_out }));
        }
        return found;
    }
    let transfer = keccak256("Transfer(address,address,uint256)");
    // The native coin leaves no log; what the protocol itself logs stands for it.
    let pays_native = holders.iter().any(|h| judge.net(Asset::Native, *h).is_negative());
    for (position, log) in evidence.logs.iter().enumerate() {
        let is_out = match log.topics.as_slice() {
            [topic, from, to, ..] if *topic == transfer => {
                judge.is_out(Asset::Token(log.address), account(*from), account(*to))
            }
            _ => {
                let own = pays_native && log.address != pool && holders.contains(&log.address);
                own.then_some(true)
            }
        };
        found.extend(is_out.map(|is_out| Use { position, is_out }));
    }
    found
}

fn account(topic: B256) -> Address {
    Address::from_word(topic)
}

struct Judge<'a> {
    protocol: &'a Protocol,
    holders: &'a BTreeSet<Address>,
    pool: Address,
    evidence: &'a Evidence,
}

impl Judge<'_> {
    /// Whether a movement went out; none if it is no use.
    fn is_out(&self, asset: Asset, from: Address, to: Address) -> Option<bool> {
        if from == self.pool || to == self.pool {
            return None;
        }
        let is_own = |address| self.protocol.contract(address).is_some();
        let issued = matches!(asset, Asset::Token(token) if is_own(token));
        if issued && from == NOBODY {
            return Some(true);
        }
        if issued && to == NOBODY {
            return Some(false);
        }
        if self.protocol.asset(asset).is_none() || is_own(from) == is_own(to) {
            return None;
        }
        if self.holders.contains(&from) {
            return self.net(asset, from).is_negative().then_some(true);
        }
        let net = self.holders.contains(&to).then(|| self.net(asset, to))?;
        let counts = net.is_negative()
            || net.unsigned_abs().saturating_mul(U256::from(NET_PARTS)) >= self.came(asset, to);
        (counts && !net.is_zero()).then_some(false)
    }

    fn net(&self, asset: Asset, holder: Address) -> I256 {
        let mut flows = self.evidence.flows.iter();
        let flow = flows.find(|flow| flow.holder == holder && flow.asset == asset);
        flow.map_or(I256::ZERO, |flow| flow.delta)
    }

    fn came(&self, asset: Asset, holder: Address) -> U256 {
        let mine = |t: &&portcullis_types::evidence::Transfer| t.asset == asset && t.to == holder;
        let sum = |sum: I256, amount: U256| sum.saturating_add(signed(amount));
        let came = self.evidence.transfers.iter().filter(mine).map(|transfer| transfer.amount);
        came.fold(I256::ZERO, sum).unsigned_abs()
    }
}
