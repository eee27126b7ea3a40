//! Contracts that the attackers' transactions called, as far as the record has them.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256};
use portcullis_types::{ids::ChainId, money::Asset};

use crate::Case;

/// By transaction, the chain and the contract that it called, where a rehearsal of the attack has it and nothing in the
/// record shows that it is the protocol's own or a token. Who else uses it is not known: it is observed, never accused.
pub(crate) fn called(case: &Case) -> BTreeMap<B256, (ChainId, Address)> {
    let protected = protected(case);
    let accusing = case.live_findings().filter(|finding| case.accuses(finding));
    let chains: BTreeMap<B256, ChainId> =
        accusing.filter_map(|finding| Some((finding.transaction?, finding.chain))).collect();
    let attackers = case.attackers();
    let samples = case.actions.values().filter_map(|record| record.action.attack.as_ref());
    samples
        .filter_map(|sample| {
            let chain = *chains.get(&sample.hash)?;
            let is_theirs = attackers.contains(&(chain, sample.from));
            let is_seen = is_theirs && !protected.contains(&sample.to);
            is_seen.then_some((sample.hash, (chain, sample.to)))
        })
        .collect()
}

/// What the record shows to be no attacker's: contracts of findings, what levers cover and call, tokens.
fn protected(case: &Case) -> BTreeSet<Address> {
    let mut all = BTreeSet::new();
    for record in case.findings.values() {
        all.insert(record.finding.contract);
        if let Some(Asset::Token(token)) = record.finding.asset {
            all.insert(token);
        }
    }
    for lever in case.actions.values().map(|record| &record.action.lever) {
        all.extend(lever.covers.iter().copied());
        all.extend([lever.call.to, lever.verify.to]);
    }
    all
}
