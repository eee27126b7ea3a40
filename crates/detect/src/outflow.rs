//! What left a protocol in one transaction.
//!
//! Per holder and asset the net of the whole transaction is taken, and only a loss counts: what leaves and comes back in
//! the same transaction (a flash loan) never was at large, and no one else could have taken it. Losses are summed over
//! holders without their gains: what is taken out of one market is not made good by a deposit into another.
//!
//! Movements between the protocol's own contracts do not count. A contract of the protocol that holds nothing (a router)
//! is looked through: what it pays out is laid to the holder it came from, what it takes in to the holder it goes to.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, U256};
use portcullis_types::{
    evidence::{Evidence, Transfer},
    money::{Asset, Usd},
    protocol::{AssetSpec, Protocol},
};

use crate::detector::NOBODY;

/// What left of one asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outflow {
    /// The asset.
    pub asset: Asset,
    /// By holder, smallest units, none of them zero.
    pub by_holder: BTreeMap<Address, U256>,
}

impl Outflow {
    /// The sum over the holders, smallest units.
    pub fn total(&self) -> U256 {
        self.by_holder.values().fold(U256::ZERO, |sum, amount| sum.saturating_add(*amount))
    }

    /// The holder who lost most, the lowest address among equals.
    pub fn largest_holder(&self) -> Address {
        let mut largest = (NOBODY, U256::ZERO);
        for (holder, amount) in &self.by_holder {
            if *amount > largest.1 {
                largest = (*holder, *amount);
            }
        }
        largest.0
    }
}

/// Movements of one contract of the protocol, in one asset.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    /// Between it and the outside.
    taken_in: U256,
    paid_out: U256,
    /// Between it and other contracts of the protocol.
    got: U256,
    gave: U256,
}

/// What left `holders` (contracts of `protocol`) in a transaction, for the assets that the protocol lists, sorted by asset.
pub fn outflows(
    protocol: &Protocol,
    holders: &BTreeSet<Address>,
    evidence: &Evidence,
) -> Vec<Outflow> {
    let mut sums: BTreeMap<Asset, BTreeMap<Address, Sums>> = BTreeMap::new();
    for transfer in listed(protocol, evidence) {
        let from_own = is_own(protocol, holders, transfer.from);
        let to_own = is_own(protocol, holders, transfer.to);
        if !(from_own || to_own) || transfer.from == transfer.to {
            continue;
        }
        let members = sums.entry(transfer.asset).or_default();
        if from_own {
            let member = members.entry(transfer.from).or_default();
            let paid = if to_own { &mut member.gave } else { &mut member.paid_out };
            *paid = paid.saturating_add(transfer.amount);
        }
        if to_own {
            let member = members.entry(transfer.to).or_default();
            let taken = if from_own { &mut member.got } else { &mut member.taken_in };
            *taken = taken.saturating_add(transfer.amount);
        }
    }
    let mut found = Vec::new();
    for (asset, mut members) in sums {
        look_through_routers(holders, &mut members);
        let by_holder: BTreeMap<Address, U256> = members
            .into_iter()
            .filter(|(member, _)| holders.contains(member))
            .map(|(holder, sums)| (holder, sums.paid_out.saturating_sub(sums.taken_in)))
            .filter(|(_, lost)| !lost.is_zero())
            .collect();
        if !by_holder.is_empty() {
            found.push(Outflow { asset, by_holder });
        }
    }
    found
}

/// Lays what contracts without holdings paid out or took in to the holders behind them, in the order of their addresses.
fn look_through_routers(holders: &BTreeSet<Address>, members: &mut BTreeMap<Address, Sums>) {
    let (mut paid, mut taken) = (U256::ZERO, U256::ZERO);
    for (_, sums) in members.iter().filter(|(member, _)| !holders.contains(*member)) {
        paid = paid.saturating_add(sums.paid_out);
        taken = taken.saturating_add(sums.taken_in);
    }
    let mut paid_on = paid.saturating_sub(taken);
    let mut taken_for = taken.saturating_sub(paid);
    for (_, sums) in members.iter_mut().filter(|(member, _)| holders.contains(*member)) {
        let part = sums.gave.saturating_sub(sums.got).min(paid_on);
        sums.paid_out = sums.paid_out.saturating_add(part);
        paid_on = paid_on.saturating_sub(part);
        let part = sums.got.saturating_sub(sums.gave).min(taken_for);
        sums.taken_in = sums.taken_in.saturating_add(part);
        taken_for = taken_for.saturating_sub(part);
    }
}

/// The protocol's loss in a transaction: what left its value-holding contracts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost<'a> {
    /// The asset of the largest part by value.
    pub spec: &'a AssetSpec,
    /// How much of it, smallest units.
    pub amount: U256,
    /// Value of all parts.
    pub value: Usd,
}

/// What the value-holding contracts of `protocol` lost in a transaction; none if nothing.
pub fn lost<'a>(protocol: &'a Protocol, evidence: &Evidence) -> Option<Lost<'a>> {
    let holders = protocol.holders().map(|contract| contract.address).collect();
    let parts = outflows(protocol, &holders, evidence);
    largest(protocol, parts.iter().map(|outflow| (outflow.asset, outflow.total())))
}

/// The same with what was burned of the protocol's assets without its owner being the sender: a stranger who destroys
/// other people's tokens takes nothing out of a contract.
pub fn lost_or_burned<'a>(protocol: &'a Protocol, evidence: &Evidence) -> Option<Lost<'a>> {
    let holders: BTreeSet<Address> = protocol.holders().map(|contract| contract.address).collect();
    let mut parts: BTreeMap<Asset, U256> = BTreeMap::new();
    for outflow in outflows(protocol, &holders, evidence) {
        parts.insert(outflow.asset, outflow.total());
    }
    for transfer in listed(protocol, evidence) {
        let burned = transfer.to == NOBODY && transfer.from != evidence.from;
        // What a holder burned left it, and is counted above.
        if burned && !holders.contains(&transfer.from) {
            let part = parts.entry(transfer.asset).or_default();
            *part = part.saturating_add(transfer.amount);
        }
    }
    largest(protocol, parts.into_iter())
}

fn largest(protocol: &Protocol, parts: impl Iterator<Item = (Asset, U256)>) -> Option<Lost<'_>> {
    let mut found: Option<Lost<'_>> = None;
    let mut largest_value = Usd::ZERO;
    for (asset, amount) in parts {
        let Some(spec) = protocol.asset(asset) else { continue };
        let value = spec.value(amount);
        match &mut found {
            Some(found) if value <= largest_value => found.value += value,
            Some(found) => *found = Lost { spec, amount, value: found.value + value },
            None => found = Some(Lost { spec, amount, value }),
        }
        largest_value = largest_value.max(value);
    }
    found
}

fn listed<'a>(protocol: &Protocol, evidence: &'a Evidence) -> impl Iterator<Item = &'a Transfer> {
    let listed = |transfer: &&Transfer| protocol.asset(transfer.asset).is_some();
    evidence.transfers.iter().filter(listed)
}

fn is_own(protocol: &Protocol, holders: &BTreeSet<Address>, address: Address) -> bool {
    holders.contains(&address) || protocol.contract(address).is_some()
}

#[cfg(test)]
mod tests;
