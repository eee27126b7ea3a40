//! The parts of a transaction that rules can be about, and what they are found by.

use std::{cell::Cell, collections::BTreeSet};

use alloy_primitives::{Address, B256};
use portcullis_types::evidence::Evidence;

use crate::{
    abi::{Arguments, Signature},
    rule::{Rule, Whose, asset_key},
    ty::Message,
    world::World,
};

/// One part of a transaction.
pub(super) struct Item {
    pub(super) subject: u32,
    pub(super) what: Option<B256>,
    /// Addresses by which it is found.
    pub(super) who: [Option<Address>; 2],
}

/// Shows the parts of a transaction that rules of a kind are about, with what they are found by.
pub(super) fn items(kind: Message, evidence: &Evidence, show: &mut dyn FnMut(Item)) {
    let mut item = |index: usize, what, who| show(Item { subject: index as u32, what, who });
    match kind {
        Message::Event => {
            for (index, log) in evidence.logs.iter().enumerate() {
                item(index, log.topics.first().copied(), [Some(log.address), None]);
            }
        }
        Message::Call => {
            let frames = evidence.frames.iter().enumerate();
            for (index, frame) in frames.filter(|(_, frame)| frame.effective) {
                let selector = frame.selector().map(|selector| B256::right_padding_from(&selector));
                item(index, selector, [Some(frame.to), None]);
            }
        }
        Message::Storage => {
            for (index, change) in evidence.storage.iter().enumerate() {
                item(index, Some(change.slot), [Some(change.address), None]);
            }
        }
        Message::Code => {
            for (index, change) in evidence.code.iter().enumerate() {
                item(index, None, [Some(change.address), None]);
            }
        }
        Message::Transfer => {
            for (index, transfer) in evidence.transfers.iter().enumerate() {
                let who = [Some(transfer.from), Some(transfer.to)];
                item(index, Some(asset_key(transfer.asset)), who);
            }
        }
        Message::Flow => {
            for (index, flow) in evidence.flows.iter().enumerate() {
                item(index, Some(asset_key(flow.asset)), [Some(flow.holder), None]);
            }
        }
        Message::Tx => item(0, None, [None, None]),
        _ => {}
    }
}

/// The contract that a match would be about; none where the rule is not about this part, which only those about whole
/// transactions can find out here: the index knows the others.
pub(super) fn concerned(
    rule: &Rule,
    world: &World,
    evidence: &Evidence,
    item: &Item,
) -> Option<Address> {
    let index = item.subject as usize;
    match rule.subject {
        Message::Call => evidence.frames.get(index).map(|frame| frame.context),
        Message::Transfer => {
            let ours = |who: &&Address| match &rule.whose {
                Whose::Of(set) => set.contains(*who),
                Whose::Any => world.contracts.contains(*who),
            };
            let parties = [item.who[0], item.who[1]];
            parties.iter().flatten().find(ours).copied().or(item.who[0])
        }
        Message::Tx => {
            let callee = evidence.to.unwrap_or(evidence.from);
            match &rule.whose {
                Whose::Of(set) => touched(set, callee, evidence),
                Whose::Any => Some(touched(&world.contracts, callee, evidence).unwrap_or(callee)),
            }
        }
        _ => item.who[0],
    }
}

/// The callee if it is one of `set`, else the first of the set that took part in a transaction.
fn touched(set: &BTreeSet<Address>, callee: Address, evidence: &Evidence) -> Option<Address> {
    if set.contains(&callee) {
        return Some(callee);
    }
    let first: Cell<Option<Address>> = Cell::new(None);
    // All of the transaction is looked at once, whatever the size of the set.
    evidence.touches(|address| {
        if first.get().is_none_or(|first| *address < first) && set.contains(address) {
            first.set(Some(*address));
        }
        false
    });
    first.get()
}

/// Whether a log or a call is what a signature says.
pub(super) fn fits(signature: &Signature, evidence: &Evidence, item: &Item) -> bool {
    if item.what != Some(signature.key) {
        return false;
    }
    if !signature.is_event {
        return true;
    }
    let log = evidence.logs.get(item.subject as usize);
    log.is_some_and(|log| log.topics.len() == signature.topics)
}

pub(super) fn arguments<'e>(
    signature: &'e Signature,
    evidence: &'e Evidence,
    item: &Item,
) -> Option<Arguments<'e>> {
    let index = item.subject as usize;
    if signature.is_event {
        let log = evidence.logs.get(index)?;
        return Some(Arguments::new(signature, &log.topics, &log.data, false));
    }
    let frame = evidence.frames.get(index)?;
    let cut = frame.input.len() < frame.input_length as usize;
    Some(Arguments::new(signature, &[], frame.input.get(4..).unwrap_or_default(), cut))
}
