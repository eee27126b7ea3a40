//! Which cases belong together: across transactions, attackers, protocols and chains, over months.
//!
//! A [`Sighting`] is what one finding shows of its author: who sent it, who paid for that account, which contract did it,
//! how the call tree looked, what failed upstream. Each of these is a *trait*. A trait that was seen before in another
//! case is a link, and strong links put cases into one group.
//!
//! | trait | strong when |
//! |---|---|
//! | same actor | the address is no infrastructure; on every chain, because a key works on all of them |
//! | same attack contract | the address is no infrastructure; on one chain, because code elsewhere may be another's |
//! | same call tree | it has at least [`CALL_TREE_FRAMES_MIN`] calls: short ones are everybody's |
//! | same funder | it has paid for at most [`FUNDED_MAX`] accounts, and that number is known |
//! | same failure upstream | at most [`UPSTREAM_MILLIS`] apart |
//!
//! Infrastructure is what the configuration lists, and whatever more than [`ACTORS_A_TRAIT_MAX`] different actors share.
//! Links that are not strong are hints: they are told, and nothing is joined by them.
//!
//! **Memory.** At most [`TRAITS_MAX`] traits, [`TRAITS_A_CASE_MAX`] of one case, [`CASES_MAX`] cases. What was useful
//! longest ago goes first; a trait of an open case never goes. **Order.** As long as nothing was evicted or refused, no
//! trait has too many actors, no failure upstream lasts longer than a day, and each funder is always told with the same
//! number, the groups do not depend on the order in which sightings come.

mod groups;
mod memory;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use alloy_primitives::{Address, B256};
use portcullis_types::ids::{CaseId, ChainId, Millis};
use serde::{Deserialize, Serialize};

use groups::Groups;
use memory::Memory;

/// Most traits remembered. About 200 bytes each: 100 MB at the most.
pub const TRAITS_MAX: usize = 500_000;
/// Most traits remembered of one case: one loud case must not push the others out.
pub const TRAITS_A_CASE_MAX: usize = 256;
/// Most cases remembered, and so most members of a group.
pub const CASES_MAX: usize = 100_000;
/// Fewest calls of a call tree that tells authors apart.
pub const CALL_TREE_FRAMES_MIN: u32 = 8;
/// Most accounts that a funder may have paid for to count as a person. Exchanges and mixers have thousands.
pub const FUNDED_MAX: u32 = 25;
/// Most different actors that may share one trait before it counts as infrastructure.
pub const ACTORS_A_TRAIT_MAX: usize = 16;
/// How far apart two cases of one failure upstream may be: a day, milliseconds.
pub const UPSTREAM_MILLIS: u64 = 86_400_000;
/// Most hops of funding that a sighting may name, nearest first; the rest is ignored.
pub const FUNDERS_A_SIGHTING_MAX: usize = 8;
/// Most attack contracts that a sighting may name; the rest is ignored.
pub const CONTRACTS_A_SIGHTING_MAX: usize = 8;
/// Most reasons that are kept for one group.
pub const REASONS_A_GROUP_MAX: usize = 64;

/// An account that paid for the actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Funder {
    /// The account.
    pub address: Address,
    /// How many accounts it has paid for; `None` if that could not be seen.
    pub funded: Option<u32>,
}

/// What one finding shows of its author.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sighting {
    /// When.
    pub at: Millis,
    /// Chain.
    pub chain: ChainId,
    /// Protocol it happened to.
    pub protocol: String,
    /// Who sent the transaction.
    pub actor: Option<Address>,
    /// Who paid for the actor, nearest first.
    pub funders: Vec<Funder>,
    /// Contracts of the attacker's own.
    pub contracts: Vec<Address>,
    /// Hash of the call tree and how many calls it has.
    pub call_tree: Option<(B256, u32)>,
    /// What failed upstream, by the name that the contagion detector gives it.
    pub upstream: Option<String>,
}

/// One thing by which an author is known again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "same", content = "value", rename_all = "camelCase")]
pub enum Trait {
    /// Sender.
    Actor(Address),
    /// Account that paid for the sender.
    Funder(Address),
    /// Contract of the attacker's own.
    Contract(ChainId, Address),
    /// Call tree.
    CallTree(B256),
    /// Failure upstream.
    Upstream(String),
}

impl fmt::Display for Trait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Actor(address) => write!(f, "the same sender {address}"),
            Self::Funder(address) => write!(f, "paid for by the same account {address}"),
            Self::Contract(chain, address) => {
                write!(f, "the same attack contract {address} on chain {chain}")
            }
            Self::CallTree(hash) => write!(f, "the same call tree {hash}"),
            Self::Upstream(name) => {
                write!(f, "the same failure upstream: {}", portcullis_types::text::printable(name))
            }
        }
    }
}

/// Why two cases belong together, or may.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    /// The case in which it was seen before.
    pub earlier: CaseId,
    /// The case in which it was seen now.
    pub later: CaseId,
    /// What they share.
    pub shared: Trait,
    /// When it was seen before.
    pub seen_before: Millis,
    /// Whether it joins them; a hint does not.
    pub joins: bool,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.joins { "belongs to" } else { "may belong to" };
        write!(f, "{} {verb} {}: {}", self.later, self.earlier, self.shared)
    }
}

/// How much of the memory is used, and what was given up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemoryUse {
    /// Traits remembered.
    pub traits: usize,
    /// Cases remembered.
    pub cases: usize,
    /// Traits forgotten to make room.
    pub evicted: u64,
    /// Traits not taken because everything remembered is of open cases, or the case has too many.
    pub refused: u64,
}

/// Puts cases together.
#[derive(Debug, Clone)]
pub struct Correlator {
    infrastructure: BTreeSet<Address>,
    memory: Memory,
    groups: Groups,
}

impl Correlator {
    /// One that remembers nothing. `infrastructure`: exchanges, routers, mixers, bridges; never a reason for anything.
    pub fn new(infrastructure: BTreeSet<Address>) -> Self {
        Self { infrastructure, memory: Memory::new(TRAITS_MAX), groups: Groups::default() }
    }

    /// The case in which a finding belongs that is in none yet, and why: the oldest of those it is strongly linked to.
    pub fn place(&self, sighting: &Sighting) -> Option<(CaseId, Vec<Reason>)> {
        let mut reasons = Vec::new();
        for (shared, strong) in self.traits(sighting) {
            let Some(known) = self.memory.get(&shared) else { continue };
            if strong && self.joins(&shared, sighting) {
                reasons.push(Reason {
                    earlier: known.case,
                    later: known.case,
                    seen_before: known.last,
                    shared,
                    joins: true,
                });
            }
        }
        let case = reasons.iter().map(|reason| self.groups.root(reason.earlier)).min()?;
        for reason in &mut reasons {
            reason.later = case;
        }
        Some((case, reasons))
    }

    /// Takes in a finding of a case, and says what it has in common with others: joins first.
    pub fn observe(&mut self, case: CaseId, sighting: &Sighting) -> Vec<Reason> {
        self.groups.add(case, &mut self.memory);
        let mut reasons = Vec::new();
        for (shared, strong) in self.traits(sighting) {
            let joins = strong && self.joins(&shared, sighting);
            if let Some(known) = self.memory.get(&shared) {
                let (earlier, seen_before) = (known.case, known.last);
                if self.groups.root(earlier) != self.groups.root(case) {
                    reasons.push(Reason {
                        earlier,
                        later: case,
                        shared: shared.clone(),
                        seen_before,
                        joins,
                    });
                }
            }
            self.memory.note(shared, case, sighting, &mut self.groups);
        }
        reasons.sort_by_key(|reason| !reason.joins);
        for reason in &reasons {
            if reason.joins {
                self.groups.join(reason, &mut self.memory);
            }
        }
        reasons
    }

    /// People put two cases together by hand.
    pub fn join(&mut self, reason: &Reason) {
        self.groups.add(reason.earlier, &mut self.memory);
        self.groups.add(reason.later, &mut self.memory);
        self.groups.join(reason, &mut self.memory);
    }

    /// Whether work on a case goes on: what is known of open cases is not forgotten.
    pub fn set_open(&mut self, case: CaseId, is_open: bool) {
        self.groups.set_open(case, is_open, &mut self.memory);
    }

    /// All cases of the group of `case`, itself too.
    pub fn group(&self, case: CaseId) -> BTreeSet<CaseId> {
        self.groups.members(case)
    }

    /// Why the group of `case` belongs together, oldest reason first; at most [`REASONS_A_GROUP_MAX`].
    pub fn why(&self, case: CaseId) -> &[Reason] {
        self.groups.reasons(case)
    }

    /// How full the memory is.
    pub fn memory_use(&self) -> MemoryUse {
        MemoryUse { cases: self.groups.len(), ..self.memory.usage() }
    }

    /// The traits of a sighting, each with whether it is strong by itself.
    fn traits(&self, sighting: &Sighting) -> BTreeMap<Trait, bool> {
        let mut traits = BTreeMap::new();
        let is_known =
            |address: &Address| self.infrastructure.contains(address) || address.is_zero();
        if let Some(actor) = sighting.actor.filter(|actor| !is_known(actor)) {
            traits.insert(Trait::Actor(actor), true);
        }
        for funder in sighting.funders.iter().take(FUNDERS_A_SIGHTING_MAX) {
            if is_known(&funder.address) {
                // What comes before an exchange or a mixer is other people's money.
                break;
            }
            let is_person = funder.funded.is_some_and(|funded| funded <= FUNDED_MAX);
            traits.insert(Trait::Funder(funder.address), is_person);
            if !is_person {
                break;
            }
        }
        for contract in sighting.contracts.iter().take(CONTRACTS_A_SIGHTING_MAX) {
            if !is_known(contract) {
                traits.insert(Trait::Contract(sighting.chain, *contract), true);
            }
        }
        if let Some((hash, frames)) = sighting.call_tree
            && frames >= CALL_TREE_FRAMES_MIN
        {
            traits.insert(Trait::CallTree(hash), true);
        }
        if let Some(upstream) = &sighting.upstream {
            traits.insert(Trait::Upstream(upstream.clone()), true);
        }
        traits
    }

    /// Whether a known trait joins: not what too many share, and nothing upstream of long ago.
    fn joins(&self, shared: &Trait, sighting: &Sighting) -> bool {
        let Some(known) = self.memory.get(shared) else { return false };
        let apart = sighting.at.since(known.last).max(known.first.since(sighting.at));
        match shared {
            Trait::Upstream(_) => apart <= UPSTREAM_MILLIS,
            _ => known.actors.len() <= ACTORS_A_TRAIT_MAX,
        }
    }
}
