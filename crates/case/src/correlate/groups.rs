//! Groups of cases. The oldest case of a group stands for it, so that the order of joining does not matter.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_types::ids::CaseId;

use super::{CASES_MAX, REASONS_A_GROUP_MAX, Reason, Trait, memory::Memory};

#[derive(Debug, Clone, Default)]
struct Group {
    members: BTreeSet<CaseId>,
    open: BTreeSet<CaseId>,
    reasons: Vec<Reason>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Groups {
    /// The case that stands for the group of each case.
    root_of: BTreeMap<CaseId, CaseId>,
    of_root: BTreeMap<CaseId, Group>,
    traits: BTreeMap<CaseId, BTreeSet<Trait>>,
    /// Groups without an open case: what may be forgotten.
    idle: BTreeSet<CaseId>,
}

impl Groups {
    /// Makes a case known, as open; where there are too many, the oldest group without an open case is forgotten.
    pub(super) fn add(&mut self, case: CaseId, memory: &mut Memory) {
        if self.root_of.contains_key(&case) {
            return;
        }
        if self.root_of.len() >= CASES_MAX {
            let Some(idle) = self.idle.first().copied() else { return };
            self.forget(idle, memory);
        }
        self.root_of.insert(case, case);
        let own = BTreeSet::from([case]);
        self.of_root.insert(case, Group { members: own.clone(), open: own, reasons: Vec::new() });
    }

    fn forget(&mut self, root: CaseId, memory: &mut Memory) {
        self.idle.remove(&root);
        for member in self.of_root.remove(&root).map(|group| group.members).unwrap_or_default() {
            self.root_of.remove(&member);
            if let Some(traits) = self.traits.remove(&member) {
                memory.forget(&traits);
            }
        }
    }

    /// The case that stands for the group; a case that is not known stands for itself.
    pub(super) fn root(&self, case: CaseId) -> CaseId {
        self.root_of.get(&case).copied().unwrap_or(case)
    }

    pub(super) fn join(&mut self, reason: &Reason, memory: &mut Memory) {
        let (one, other) = (self.root(reason.earlier), self.root(reason.later));
        let (stays, goes) = (one.min(other), one.max(other));
        if stays == goes || !self.of_root.contains_key(&stays) {
            return;
        }
        let Some(going) = self.of_root.remove(&goes) else { return };
        let Some(group) = self.of_root.get_mut(&stays) else { return };
        self.idle.remove(&goes);
        for member in &going.members {
            self.root_of.insert(*member, stays);
        }
        group.members.extend(going.members);
        group.open.extend(going.open);
        group.reasons.extend(going.reasons);
        group.reasons.push(reason.clone());
        group.reasons.sort();
        group.reasons.truncate(REASONS_A_GROUP_MAX);
        self.pin(stays, memory);
    }

    pub(super) fn set_open(&mut self, case: CaseId, is_open: bool, memory: &mut Memory) {
        let root = self.root(case);
        let Some(group) = self.of_root.get_mut(&root) else { return };
        if is_open {
            group.open.insert(case);
        } else {
            group.open.remove(&case);
        }
        self.pin(root, memory);
    }

    /// What a group knows is kept as long as one of its cases is open.
    fn pin(&mut self, root: CaseId, memory: &mut Memory) {
        let Some(group) = self.of_root.get(&root) else { return };
        if group.open.is_empty() {
            self.idle.insert(root);
        } else {
            self.idle.remove(&root);
        }
        for member in &group.members {
            if let Some(traits) = self.traits.get(member) {
                memory.pin(traits, !group.open.is_empty());
            }
        }
    }

    pub(super) fn is_open(&self, case: CaseId) -> bool {
        self.of_root.get(&self.root(case)).is_some_and(|group| !group.open.is_empty())
    }

    pub(super) fn traits_of(&self, case: CaseId) -> Option<&BTreeSet<Trait>> {
        self.traits.get(&case)
    }

    pub(super) fn note_trait(&mut self, case: CaseId, shared: Trait) {
        self.traits.entry(case).or_default().insert(shared);
    }

    pub(super) fn forget_trait(&mut self, case: CaseId, shared: &Trait) {
        if let Some(traits) = self.traits.get_mut(&case) {
            traits.remove(shared);
            if traits.is_empty() {
                self.traits.remove(&case);
            }
        }
    }

    pub(super) fn members(&self, case: CaseId) -> BTreeSet<CaseId> {
        let group = self.of_root.get(&self.root(case));
        group.map_or_else(|| BTreeSet::from([case]), |group| group.members.clone())
    }

    pub(super) fn reasons(&self, case: CaseId) -> &[Reason] {
        self.of_root.get(&self.root(case)).map_or(&[], |group| &group.reasons)
    }

    pub(super) fn len(&self) -> usize {
        self.root_of.len()
    }
}
