//! Re-entry that the Evidence does not list, from the frames alone: into another contract behind the same lock, and into a
//! view. Part of the detector `reentrancy`, whose page describes it.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::Address;
use portcullis_types::evidence::{CallKind, Evidence, Frame};

use crate::{
    abi::Signature,
    build::{ConfigError, Resolver},
    config::ReentrancyConfig,
};

/// Most contracts that share a lock, outside sources, and consumers, each.
pub const NESTED_MAX: usize = 256;

/// What is watched besides re-entry into one contract.
#[derive(Debug, Clone)]
pub(super) struct Nested {
    /// Contracts with one lock between them.
    group: BTreeSet<Address>,
    /// Outside contracts whose views the protocol relies on.
    reads: BTreeSet<Address>,
    /// Outside contracts that rely on the protocol's views.
    consumers: BTreeSet<Address>,
    /// Functions that call out by design.
    callbacks: BTreeSet<(Address, [u8; 4])>,
}

/// A way in that was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    /// Into `inner` while `outer`, behind the same lock, was running.
    Group { outer: Address, inner: Address },
    /// `reader`, of the protocol, read `source` while that was running.
    Read { source: Address, reader: Address },
    /// `consumer` read `viewed`, of the protocol, while `outer` was running.
    View { outer: Address, viewed: Address, consumer: Address },
}

/// What is open above a frame.
#[derive(Debug, Clone, Copy, Default)]
struct Above {
    /// The outermost frame on a contract behind the lock that may write and was still running.
    outer: Option<usize>,
    /// Whether somebody who is neither behind the lock nor allowed was called since.
    outside: bool,
    /// Whether a STATICCALL is above, so that nothing below may write.
    is_static: bool,
}

impl Nested {
    pub(super) fn new(
        resolver: &Resolver<'_>,
        config: &ReentrancyConfig,
    ) -> Result<Self, ConfigError> {
        let mut group = BTreeSet::new();
        for (index, name) in config.group.iter().enumerate() {
            group.insert(resolver.contract(&format!("group[{index}]"), name)?.address);
        }
        if group.len() == 1 {
            let remedy = "name two or more that keep their books together, or leave it out";
            return Err(resolver.error("group", "one contract is no group", remedy));
        }
        let mut callbacks = BTreeSet::new();
        for (index, callback) in config.callbacks.iter().enumerate() {
            let field = |name: &str| format!("callbacks[{index}].{name}");
            let signature = Signature::parse(&callback.signature).map_err(|why| {
                resolver.error(field("signature"), why, "compare it with the contract's interface")
            })?;
            let contract = resolver.account(&field("contract"), &callback.contract)?;
            callbacks.insert((contract, signature.selector));
        }
        let reads = resolver.accounts("reads", &config.reads)?;
        let consumers = resolver.accounts("consumers", &config.consumers)?;
        for (field, accounts) in [("reads", &reads), ("consumers", &consumers)] {
            if accounts.len() > NESTED_MAX {
                let remedy = format!("write at most {NESTED_MAX}");
                return Err(resolver.error(field, "there are too many", remedy));
            }
            if accounts.iter().any(|account| resolver.protocol.contract(*account).is_some()) {
                let remedy = "name contracts of others here; the protocol's own go into `group`";
                return Err(resolver.error(field, "one is the protocol's own", remedy));
            }
        }
        Ok(Self { group, reads, consumers, callbacks })
    }

    /// The ways in that a transaction took, each once, in order.
    pub(super) fn find(
        &self,
        protected: &BTreeSet<Address>,
        allowed: &BTreeSet<Address>,
        evidence: &Evidence,
    ) -> BTreeSet<Way> {
        let mut found = BTreeSet::new();
        if self.group.is_empty() && self.reads.is_empty() && self.consumers.is_empty() {
            return found;
        }
        let frames = &evidence.frames;
        let contexts: BTreeSet<Address> = frames.iter().map(|frame| frame.context).collect();
        if self.group.intersection(&contexts).count() > 1 {
            let lock = |address: &Address| self.group.contains(address);
            for (inner, above) in self.enclosed(frames, &lock, allowed) {
                found.extend(entered(frames, inner, above));
            }
        }
        for source in self.reads.intersection(&contexts) {
            let lock = |address: &Address| address == source;
            // The protocol itself stands between, which does not make it less dangerous.
            for (inner, above) in self.enclosed(frames, &lock, &BTreeSet::new()) {
                let is_read = above.is_static || is_static(frames, inner);
                let reader = self.reader(frames, inner, above, protected, allowed);
                found.extend(
                    reader.filter(|_| is_read).map(|reader| Way::Read { source: *source, reader }),
                );
            }
        }
        if self.consumers.intersection(&contexts).next().is_some() {
            let lock = |address: &Address| protected.contains(address);
            for (inner, above) in self.enclosed(frames, &lock, allowed) {
                found.extend(self.viewed(frames, inner, above));
            }
        }
        found
    }

    /// Frames on a contract behind the lock that were entered while one of them was running, by way of somebody outside.
    fn enclosed(
        &self,
        frames: &[Frame],
        is_locked: &dyn Fn(&Address) -> bool,
        allowed: &BTreeSet<Address>,
    ) -> Vec<(usize, Above)> {
        let mut all: Vec<Above> = Vec::with_capacity(frames.len());
        let mut found = Vec::new();
        for (index, frame) in frames.iter().enumerate() {
            let mut above = Above::default();
            let parent = frame.parent.map(|parent| parent as usize).filter(|one| *one < index);
            if let Some((parent, caller, inherited)) =
                parent.and_then(|parent| Some((parent, frames.get(parent)?, all.get(parent)?)))
            {
                above = *inherited;
                above.is_static |= caller.kind == CallKind::StaticCall;
                let opens = above.outer.is_none()
                    && is_locked(&caller.context)
                    && caller.effective
                    && !above.is_static
                    && !self.is_callback(caller);
                if opens {
                    above.outer = Some(parent);
                } else if above.outer.is_some()
                    && !is_locked(&caller.context)
                    && !allowed.contains(&caller.context)
                {
                    above.outside = true;
                }
            }
            all.push(above);
            let enters = is_locked(&frame.context) && frame.effective;
            if enters && above.outer.is_some() && above.outside {
                found.push((index, above));
            }
        }
        found
    }

    fn is_callback(&self, frame: &Frame) -> bool {
        let selector = frame.selector();
        selector.is_some_and(|selector| {
            self.callbacks.contains(&(frame.context, selector))
                || self.callbacks.contains(&(frame.to, selector))
        })
    }

    /// The outermost contract of the protocol on the way to a view of the source, if the protocol was reached by way of a
    /// stranger: else the source and the protocol called each other by agreement.
    fn reader(
        &self,
        frames: &[Frame],
        inner: usize,
        above: Above,
        protected: &BTreeSet<Address>,
        allowed: &BTreeSet<Address>,
    ) -> Option<Address> {
        let (mut reader, mut stranger) = (None, false);
        for context in contexts_above(frames, inner, above) {
            if protected.contains(&context) {
                (reader, stranger) = (Some(context), false);
            } else if !allowed.contains(&context) && !self.reads.contains(&context) {
                stranger = true;
            }
        }
        reader.filter(|_| stranger)
    }

    fn viewed(&self, frames: &[Frame], inner: usize, above: Above) -> Option<Way> {
        if !(above.is_static || is_static(frames, inner)) {
            return None;
        }
        let mut contexts = contexts_above(frames, inner, above);
        let consumer = contexts.find(|context| self.consumers.contains(context))?;
        let outer = frames.get(above.outer?)?.context;
        Some(Way::View { outer, viewed: frames.get(inner)?.context, consumer })
    }
}

fn is_static(frames: &[Frame], index: usize) -> bool {
    frames.get(index).is_some_and(|frame| frame.kind == CallKind::StaticCall)
}

/// Another contract behind the lock, entered by a call that may write.
fn entered(frames: &[Frame], inner: usize, above: Above) -> Option<Way> {
    let frame = frames.get(inner)?;
    let outer = frames.get(above.outer?)?.context;
    let writes = !above.is_static && frame.kind == CallKind::Call;
    (writes && frame.context != outer).then_some(Way::Group { outer, inner: frame.context })
}

/// The contexts between a frame and the one that is open above it, from the inside.
fn contexts_above(frames: &[Frame], inner: usize, above: Above) -> impl Iterator<Item = Address> {
    let outer = above.outer.unwrap_or(usize::MAX);
    let parent = move |index: usize| {
        let parent = frames.get(index)?.parent? as usize;
        // Parents come before their children, so this ends.
        (parent > outer && parent < index).then_some(parent)
    };
    let above = std::iter::successors(parent(inner), move |index| parent(*index));
    above.filter_map(|index| frames.get(index)).map(|frame| frame.context)
}

/// The functions by which a contract was entered again where they are not the ones that were running, as
/// (running, entered).
pub(super) fn other_functions(
    evidence: &Evidence,
    reentries: &[&portcullis_types::evidence::Reentry],
) -> BTreeMap<([u8; 4], [u8; 4]), u32> {
    let selector = |index: u32| evidence.frames.get(index as usize).and_then(Frame::selector);
    let mut found = BTreeMap::new();
    for reentry in reentries {
        if let (Some(outer), Some(inner)) = (selector(reentry.outer), selector(reentry.inner))
            && outer != inner
        {
            *found.entry((outer, inner)).or_insert(0) += 1;
        }
    }
    found
}
