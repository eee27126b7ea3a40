//! Somebody else is in charge: an owner, an implementation, a role or a signer changed, or a stranger called a function
//! that is not for strangers.
//!
//! # What it watches
//!
//! On every contract of the protocol: the ERC-1967, zOS and ERC-1822 proxy slots, the ERC-7201 slots of OpenZeppelin's
//! `Ownable`, `AccessManaged`, `AccessControl` and `Initializable`, the events of all of these, of its access manager and of ERC-2535,
//! and the code itself (destruction, EIP-7702 delegation). On Safes also the singleton, threshold, guards, fallback
//! handler, and the linked lists of owners and modules. Further slots are named in the configuration, and so are
//! functions with the callers who may call them (`functions`).
//!
//! One finding per transaction and contract, with all changes in it, and one per function that a stranger called. Where
//! the same transaction also took a protocol's asset away or burned it, the finding names the largest.
//!
//! # Why it matters
//!
//! Who changes hands over the code needs no bug any more: some 1.4 billion dollars left Bybit's Safe 216 seconds after its
//! singleton was swapped, 611 million left Poly Network twelve blocks after its keepers were. The gap between taking
//! control and using it is the time for containment.
//!
//! # What it misses
//!
//! Owners and roles kept in slots of one's own without an event, unless named in `slots`; entries of role mappings
//! written without an event. Entries of a Safe's lists that are written past its own functions under a key that no other
//! changed slot holds (the swapped singleton that does so is seen). Without state changes in the evidence, everything
//! that emits no event. Contracts in the very transaction that creates them: setting up is no change. A key that was
//! stolen and not rotated. Tokens taken from users' own wallets.
//!
//! # False alarms
//!
//! Every upgrade and rotation that was not announced: the empty configuration says that nobody is expected to change
//! anything, and a breach of that is a proof. Name the timelock in `through`, or the deployer in `expectedActors`, and
//! what comes that way is still reported, with an e-value of 1 (it says nothing either way). A change of code or of a
//! Safe's singleton is never expected because of its sender: Bybit's swap was sent by someone who relayed true signatures.
//!
//! # References
//!
//! - ERC-1967, ERC-1822, ERC-2535, ERC-7201, EIP-7702
//! - OpenZeppelin Contracts 5.x: access, proxy; Safe 1.1.1 to 1.5.0: storage layout and events
//! - Bybit, 2025-02-21, transaction 0x46deef0f52e3a983b67abf4714448a41dd7ffd6d32d32da69d62081c68ad7882
//! - Poly Network, 2021-08-10, transaction 0xb1f70464bd95b774c6ce60fc706eb5f9e35cb5f06e6cfe7c17dcda46ffd59581

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256};
use portcullis_types::{
    chain::BlockId,
    evidence::{CallKind, CodeChange, Evidence, StorageChange},
    finding::{Confidence, Finding, Maturity, Outlook},
    protocol::Protocol,
};

use crate::{
    build::{ConfigError, Resolver},
    config::ControlPlaneConfig,
    control_words::{
        SAFE_SENTINEL, SAFE_SINGLETON, account_in, events, safe_list_slots, safe_slots, show, slots,
    },
    detector::{Detector, Findings, Meta, draft},
    outflow::lost_or_burned,
    stranger::Privileged,
};

/// Description of this detector.
pub static META: Meta =
    Meta { id: "control-plane", title: "Somebody else is in charge", maturity: Maturity::Stable };

/// Most changes of one contract in one transaction that are listed; the rest is counted.
pub const CHANGES_LISTED_MAX: usize = 16;

/// Most changed slots of one Safe in one transaction that are tried as entries of its lists.
const SAFE_SLOTS_TRIED_MAX: usize = 64;

/// See the module.
#[derive(Debug, Clone)]
pub struct ControlPlane {
    protocol: Protocol,
    maturity: Maturity,
    watched: BTreeSet<Address>,
    safes: BTreeSet<Address>,
    /// Slots of every watched contract, and of every Safe.
    slots: BTreeMap<B256, String>,
    safe_slots: BTreeMap<B256, String>,
    /// Slots named in the configuration.
    named: BTreeMap<(Address, B256), String>,
    events: BTreeMap<B256, &'static str>,
    expected_actors: BTreeSet<Address>,
    through: BTreeSet<Address>,
    functions: Vec<Privileged>,
}

/// One change of one contract.
struct Change {
    what: String,
    detail: String,
    /// Whether it takes over everything, whoever sent it.
    takeover: bool,
}

impl ControlPlane {
    /// Resolves and checks a configuration.
    pub fn new(protocol: &Protocol, config: &ControlPlaneConfig) -> Result<Self, ConfigError> {
        let resolver = Resolver { protocol, meta: &META };
        let mut watched = resolver.contracts("contracts", &config.contracts, |_| true)?;
        let safes = if config.safes.is_empty() {
            BTreeSet::new()
        } else {
            resolver.contracts("safes", &config.safes, |_| false)?
        };
        watched.extend(&safes);
        let mut named = BTreeMap::new();
        for (index, slot) in config.slots.iter().enumerate() {
            let contract =
                resolver.contract(&format!("slots[{index}].contract"), &slot.contract)?;
            watched.insert(contract.address);
            named.insert((contract.address, B256::from(slot.slot.0)), slot.name.clone());
        }
        let mut functions = Vec::new();
        for (index, function) in config.functions.iter().enumerate() {
            functions.push(Privileged::new(&resolver, index, function)?);
        }
        Ok(Self {
            protocol: protocol.clone(),
            maturity: resolver.maturity(config.maturity)?,
            watched,
            safes,
            slots: slots(),
            safe_slots: safe_slots(),
            named,
            events: events(),
            expected_actors: resolver.accounts("expectedActors", &config.expected_actors)?,
            through: resolver.accounts("through", &config.through)?,
            functions,
        })
    }

    /// All changes in a transaction by contract, without contracts that are only just being made.
    fn changes(&self, evidence: &Evidence) -> BTreeMap<Address, Vec<Change>> {
        let mut changes: BTreeMap<Address, Vec<Change>> = BTreeMap::new();
        for change in evidence.storage.iter().filter(|c| self.watched.contains(&c.address)) {
            changes.entry(change.address).or_default().extend(self.of_slot(change));
        }
        for safe in &self.safes {
            changes.entry(*safe).or_default().extend(of_safe_lists(*safe, evidence));
        }
        for log in evidence.logs.iter().filter(|log| self.watched.contains(&log.address)) {
            if let Some(event) = log.topics.first().and_then(|topic| self.events.get(topic)) {
                let words: Vec<String> = log
                    .topics
                    .iter()
                    .skip(1)
                    .copied()
                    .chain(log.data.chunks_exact(32).take(4).map(B256::from_slice))
                    .map(show)
                    .collect();
                let detail = format!("event {event}: {}", words.join(", "));
                let what = event.split('(').next().unwrap_or(event).to_owned();
                changes.entry(log.address).or_default().push(Change {
                    what,
                    detail,
                    takeover: false,
                });
            }
        }
        for code in evidence.code.iter().filter(|c| self.watched.contains(&c.address)) {
            changes.entry(code.address).or_default().push(of_code(code));
        }
        let is_new = |contract: &Address| {
            let had_code = |c: &CodeChange| c.address == *contract && c.before.is_some();
            evidence.created.iter().any(|created| created.address == *contract)
                && !evidence.code.iter().any(had_code)
        };
        changes.retain(|contract, changes| !changes.is_empty() && !is_new(contract));
        changes
    }

    fn of_slot(&self, change: &StorageChange) -> Option<Change> {
        let is_safe = self.safes.contains(&change.address);
        let meaning = self
            .named
            .get(&(change.address, change.slot))
            .or_else(|| self.safe_slots.get(&change.slot).filter(|_| is_safe))
            .or_else(|| self.slots.get(&change.slot))?;
        Some(Change {
            what: meaning.clone(),
            detail: format!("{meaning}: {} became {}", show(change.before), show(change.after)),
            takeover: is_safe && change.slot == SAFE_SINGLETON,
        })
    }

    /// Why the changes of `contract` were to be expected; none if they were not.
    fn expected(
        &self,
        contract: Address,
        changes: &[Change],
        evidence: &Evidence,
    ) -> Option<String> {
        let takeover = changes.iter().any(|change| change.takeover);
        if self.expected_actors.contains(&evidence.from) && !takeover {
            return Some(format!("sent by {}, who is expected to", evidence.from));
        }
        self.comes_through(contract, evidence)
            .then(|| "made through an account that is expected to".to_owned())
    }

    /// Whether every call that could write `contract` came from an account in `through`, directly or through others.
    fn comes_through(&self, contract: Address, evidence: &Evidence) -> bool {
        if self.through.is_empty() {
            return false;
        }
        let mut behind: Vec<bool> = Vec::with_capacity(evidence.frames.len());
        let mut seen = false;
        for frame in &evidence.frames {
            let parent = frame.parent.and_then(|parent| behind.get(parent as usize).copied());
            let allowed = self.through.contains(&frame.from) || parent.unwrap_or(false);
            behind.push(allowed);
            let can_write = frame.effective && frame.kind != CallKind::StaticCall;
            if can_write && frame.context == contract {
                if !allowed {
                    return false;
                }
                seen = true;
            }
        }
        seen
    }

    fn finding(&self, contract: Address, changes: &[Change], evidence: &Evidence) -> Finding {
        let mut finding =
            draft(&META, self.maturity, &self.protocol, evidence, contract, b"change");
        let name = self.protocol.name_of(contract);
        let listed = changes.iter().take(CHANGES_LISTED_MAX).map(|change| change.detail.clone());
        finding.evidence.extend(listed);
        if let Some(more) = changes.len().checked_sub(CHANGES_LISTED_MAX).filter(|more| *more > 0) {
            finding.evidence.push(format!("and {more} more changes"));
        }
        let whats: BTreeSet<&str> = changes.iter().map(|change| change.what.as_str()).collect();
        let whats: Vec<&str> = whats.into_iter().take(CHANGES_LISTED_MAX).collect();
        let whats = whats.join(", ");
        if let Some(why) = self.expected(contract, changes, evidence) {
            finding.sentence = format!("{name} changed ({whats}), {why}");
            return finding;
        }
        finding.outlook = Outlook::AllAtRisk;
        finding.confidence = Confidence::PROOF;
        finding.sentence = format!(
            "{name} changed hands or code ({whats}) in a transaction of {} that nobody announced",
            evidence.from
        );
        if let Some(lost) = lost_or_burned(&self.protocol, evidence) {
            let shown = lost.spec.show(lost.amount);
            finding.sentence += &format!("; {shown} went in the same transaction");
            (finding.asset, finding.amount) = (Some(lost.spec.asset), Some(lost.amount));
            finding.loss = lost.value;
        }
        finding
    }
}

/// Changed entries of a Safe's lists of owners and modules. The key of an entry cannot be read from its slot; but an entry
/// holds the account after its own, so that the keys of all entries that a Safe's own functions write stand in others.
fn of_safe_lists(safe: Address, evidence: &Evidence) -> Vec<Change> {
    let changed: Vec<&StorageChange> = evidence
        .storage
        .iter()
        .filter(|change| change.address == safe)
        .take(SAFE_SLOTS_TRIED_MAX)
        .collect();
    if changed.is_empty() {
        return Vec::new();
    }
    let held = changed.iter().flat_map(|change| [change.before, change.after]);
    let keys: BTreeSet<Address> = held.filter_map(account_in).chain([SAFE_SENTINEL]).collect();
    let entries: BTreeMap<B256, (&str, Address)> = keys
        .into_iter()
        .flat_map(|key| safe_list_slots(key).map(|(slot, list)| (slot, (list, key))))
        .collect();
    let mut found = Vec::new();
    for change in changed {
        if let Some((list, key)) = entries.get(&change.slot) {
            let (before, after) = (show(change.before), show(change.after));
            let detail = format!("{list}: after {key} came {before}, now {after}");
            found.push(Change { what: (*list).to_owned(), detail, takeover: false });
        }
    }
    found
}

fn of_code(code: &CodeChange) -> Change {
    let show = |hash: Option<B256>| hash.map_or("none".to_owned(), |hash| hash.to_string());
    let what = match (code.delegate, code.after) {
        (Some(_), _) => "delegation (EIP-7702)",
        (None, Some(_)) => "code",
        (None, None) => "code removed",
    };
    let delegate = code.delegate.map(|to| format!(", delegated to {to}")).unwrap_or_default();
    Change {
        what: what.to_owned(),
        detail: format!("{what}: {} became {}{delegate}", show(code.before), show(code.after)),
        takeover: true,
    }
}

impl Detector for ControlPlane {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn inspect(&mut self, evidence: &Evidence, out: &mut Findings) {
        if !evidence.success {
            return;
        }
        for (contract, changes) in self.changes(evidence) {
            out.push(self.finding(contract, &changes, evidence));
        }
        for function in &self.functions {
            if let Some(finding) = function.judge(&self.protocol, self.maturity, evidence) {
                out.push(finding);
            }
        }
    }

    /// Nothing: each transaction is judged by itself.
    fn retract(&mut self, _blocks: &[BlockId]) {}
}

#[cfg(test)]
mod tests;
