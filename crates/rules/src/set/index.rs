//! Where rules are found: by kind, then by address, then by what they are about.
//!
//! Every log, call and transfer of a block is looked up here, and few are found: what costs is asking in vain. So an
//! empty part is not asked, and the hashers are those for keys that are hashes already. Whoever crafts addresses that
//! collide gains nothing by it, because only a configuration can put them in.

use std::collections::BTreeMap;

use alloy_primitives::{
    B256,
    map::{AddressHashMap, B256HashMap},
};

use super::items::Item;
use crate::{rule::IndexKey, ty::Message};

/// Rules by kind.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    pub(super) kinds: BTreeMap<Message, OfKind>,
}

/// Rules of one kind.
#[derive(Debug, Clone, Default)]
pub(super) struct OfKind {
    anyone: Subjects,
    by_who: AddressHashMap<Subjects>,
}

/// Rules of one kind about the same address, or about any.
#[derive(Debug, Clone, Default)]
struct Subjects {
    anything: Vec<u32>,
    by_what: B256HashMap<Vec<u32>>,
}

impl Index {
    /// Enters a rule under a key.
    pub(super) fn add(&mut self, key: IndexKey, rule: u32) {
        let of_kind = self.kinds.entry(key.message).or_default();
        let subjects = match key.who {
            Some(who) => of_kind.by_who.entry(who).or_default(),
            None => &mut of_kind.anyone,
        };
        match key.what {
            Some(what) => subjects.by_what.entry(what).or_default().push(rule),
            None => subjects.anything.push(rule),
        }
    }
}

impl OfKind {
    /// Rules whose entries fit a part of a transaction, in order, each once.
    pub(super) fn candidates(&self, item: &Item, found: &mut Vec<u32>) {
        found.clear();
        self.anyone.collect(item.what, found);
        if !self.by_who.is_empty() {
            let [first, second] = item.who;
            // Two equal addresses are looked up once.
            let second = second.filter(|who| first != Some(*who));
            for who in [first, second].into_iter().flatten() {
                if let Some(subjects) = self.by_who.get(&who) {
                    subjects.collect(item.what, found);
                }
            }
        }
        if found.len() > 1 {
            found.sort_unstable();
            found.dedup();
        }
    }
}

impl Subjects {
    fn collect(&self, what: Option<B256>, found: &mut Vec<u32>) {
        found.extend(&self.anything);
        if let Some(what) = what
            && !self.by_what.is_empty()
        {
            found.extend(self.by_what.get(&what).into_iter().flatten());
        }
    }
}
