//! The parts of a transaction that rules can be about, and what they are found by.

use alloy_primitives::{Address, B256};
use portcullis_types::evidence::{Evidence, Frame, Log};

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

/// The parts of a transaction that rules of a kind are about, with what they are found by.
pub(super) fn items(kind: Message, evidence: &Evidence) -> Vec<Item> {
    let item = |index: usize, what, who| Item { subject: index as u32, what, who };
    match kind {
        Message::Event => {
            let of = |(index, log): (usize, &Log)| {
                item(index, log.topics.first().copied(), [Some(log.address), None])
            };
            evidence.logs.iter().enumerate().map(of).collect()
        }
        Message::Call => {
            let frames = evidence.frames.iter().enumerate().filter(|(_, frame)| frame.effective);
            let selector = |frame: &Frame| {
                frame.selector().map(|selector| B256::right_padding_from(&selector))
            };
            frames
                .map(|(index, frame)| item(index, selector(frame), [Some(frame.to), None]))
                .collect()
        }
        Message::Storage => {
            let changes = evidence.storage.iter().enumerate();
            changes.map(|(index, c)| item(index, Some(c.slot), [Some(c.address), None])).collect()
        }
        Message::Code => {
            let changes = evidence.code.iter().enumerate();
            changes.map(|(index, change)| item(index, None, [Some(change.address), None])).collect()
        }
        Message::Transfer => {
            let transfers = evidence.transfers.iter().enumerate();
            transfers
                .map(|(index, t)| item(index, Some(asset_key(t.asset)), [Some(t.from), Some(t.to)]))
                .collect()
        }
        Message::Flow => {
            let flows = evidence.flows.iter().enumerate();
            flows
                .map(|(index, f)| item(index, Some(asset_key(f.asset)), [Some(f.holder), None]))
                .collect()
        }
        Message::Tx => vec![item(0, None, [None, None])],
        _ => Vec::new(),
    }
}

/// The contract that a match would be about; none where the rule is not about this part.
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
        Message::Tx => touched(rule, world, evidence),
        _ => item.who[0],
    }
}

/// The first contract of a rule that took part in a transaction; its callee if that is one.
fn touched(rule: &Rule, world: &World, evidence: &Evidence) -> Option<Address> {
    let callee = evidence.to.unwrap_or(evidence.from);
    let (set, needed) = match &rule.whose {
        Whose::Of(set) => (set, true),
        Whose::Any => (&world.contracts, false),
    };
    if set.contains(&callee) {
        return Some(callee);
    }
    let took_part = |address: &&Address| evidence.touches(|other| other == *address);
    if !evidence.touches(|address| set.contains(address)) {
        return (!needed).then_some(callee);
    }
    set.iter().find(took_part).copied().or((!needed).then_some(callee))
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
