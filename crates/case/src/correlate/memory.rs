//! What is remembered of traits, and what is forgotten first.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::Address;
use portcullis_types::ids::{CaseId, Millis};

use super::{ACTORS_A_TRAIT_MAX, MemoryUse, Sighting, TRAITS_A_CASE_MAX, Trait, groups::Groups};

/// A trait that was seen.
#[derive(Debug, Clone)]
pub(super) struct Known {
    /// The case it was first seen in.
    pub(super) case: CaseId,
    pub(super) first: Millis,
    pub(super) last: Millis,
    /// Who had it; one more than the limit at the most.
    pub(super) actors: BTreeSet<Address>,
    /// When it was useful last, in notes taken; 0 while it is pinned.
    turn: u64,
    pinned: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Memory {
    known: BTreeMap<Trait, Known>,
    /// Those that may be forgotten, least recently useful first.
    order: BTreeSet<(u64, Trait)>,
    limit: usize,
    turn: u64,
    evicted: u64,
    refused: u64,
}

impl Memory {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            known: BTreeMap::new(),
            order: BTreeSet::new(),
            limit,
            turn: 0,
            evicted: 0,
            refused: 0,
        }
    }

    pub(super) fn get(&self, shared: &Trait) -> Option<&Known> {
        self.known.get(shared)
    }

    /// Writes down that `case` has a trait.
    pub(super) fn note(
        &mut self,
        shared: Trait,
        case: CaseId,
        sighting: &Sighting,
        groups: &mut Groups,
    ) {
        self.turn += 1;
        if let Some(known) = self.known.get_mut(&shared) {
            known.first = known.first.min(sighting.at);
            known.last = known.last.max(sighting.at);
            if known.actors.len() <= ACTORS_A_TRAIT_MAX {
                known.actors.extend(sighting.actor);
            }
            if !known.pinned {
                self.order.remove(&(known.turn, shared.clone()));
                self.order.insert((self.turn, shared));
            }
            known.turn = self.turn;
            return;
        }
        if groups.traits_of(case).is_some_and(|traits| traits.len() >= TRAITS_A_CASE_MAX)
            || !self.make_room(groups)
        {
            self.refused += 1;
            return;
        }
        let pinned = groups.is_open(case);
        let known = Known {
            case,
            first: sighting.at,
            last: sighting.at,
            actors: sighting.actor.into_iter().collect(),
            turn: self.turn,
            pinned,
        };
        if !pinned {
            self.order.insert((self.turn, shared.clone()));
        }
        self.known.insert(shared.clone(), known);
        groups.note_trait(case, shared);
    }

    fn make_room(&mut self, groups: &mut Groups) -> bool {
        while self.known.len() >= self.limit {
            let Some((_, oldest)) = self.order.pop_first() else { return false };
            if let Some(known) = self.known.remove(&oldest) {
                groups.forget_trait(known.case, &oldest);
                self.evicted += 1;
            }
        }
        true
    }

    /// Keeps traits, or lets them be forgotten again.
    pub(super) fn pin(&mut self, traits: &BTreeSet<Trait>, pinned: bool) {
        for one in traits {
            let Some(known) = self.known.get_mut(one) else { continue };
            if known.pinned == pinned {
                continue;
            }
            known.pinned = pinned;
            if pinned {
                self.order.remove(&(known.turn, one.clone()));
            } else {
                self.order.insert((known.turn, one.clone()));
            }
        }
    }

    /// Forgets the traits of a case that is forgotten.
    pub(super) fn forget(&mut self, traits: &BTreeSet<Trait>) {
        for one in traits {
            if let Some(known) = self.known.remove(one) {
                self.order.remove(&(known.turn, one.clone()));
                self.evicted += 1;
            }
        }
    }

    pub(super) fn usage(&self) -> MemoryUse {
        MemoryUse {
            traits: self.known.len(),
            cases: 0,
            evicted: self.evicted,
            refused: self.refused,
        }
    }
}
