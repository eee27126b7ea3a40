//! What is out at the relays, and how they do.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use alloy_primitives::Address;

use super::{
    client::{Client, Mark},
    health::RelayHealth,
};

/// Most nonces of which is known what is out. There are as many as lanes; more only where something was never settled.
const NONCES_MAX: usize = 64;
/// Most marks for one nonce: 16 relays, 25 blocks, some replacements. What is above is not cancelled; it ends by itself.
const MARKS_MAX: usize = 2_000;

/// An account and its nonce.
type Slot = (Address, u64);

/// Something to cancel.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Left {
    pub(super) relay: usize,
    pub(super) mark: Mark,
}

#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) health: Vec<RelayHealth>,
    out: BTreeMap<Slot, Out>,
}

#[derive(Debug, Default)]
struct Out {
    marks: BTreeSet<Left>,
    /// For each relay the last block of its first submission.
    first_until: BTreeMap<usize, u64>,
}

impl Ledger {
    pub(super) fn new(clients: &[Client]) -> Self {
        let of = |client: &Client| RelayHealth {
            relay: client.host().to_owned(),
            ..RelayHealth::default()
        };
        Self { health: clients.iter().map(of).collect(), out: BTreeMap::new() }
    }

    pub(super) fn note_sent(&mut self, relay: usize, slot: Slot, marks: Vec<Mark>, head: u64) {
        if let Some(health) = self.health.get_mut(relay) {
            health.sent += 1;
        }
        if self.out.len() >= NONCES_MAX && !self.out.contains_key(&slot) {
            self.out.pop_first();
        }
        let out = self.out.entry(slot).or_default();
        let until = marks.iter().map(Mark::last_block).max().unwrap_or(head);
        out.first_until.entry(relay).or_insert(until);
        for mark in marks {
            if out.marks.len() < MARKS_MAX {
                out.marks.insert(Left { relay, mark });
            }
        }
    }

    pub(super) fn note_answer(&mut self, relay: usize, took: Duration, trouble: Option<String>) {
        let Some(health) = self.health.get_mut(relay) else { return };
        match &trouble {
            None => health.taken += 1,
            Some(_) => health.failed += 1,
        }
        (health.last_answer, health.trouble) = (Some(took), trouble);
    }

    /// Forgets a nonce; what is still to be cancelled after block `head`.
    pub(super) fn settled(&mut self, slot: Slot, head: u64, included: bool) -> Vec<Left> {
        let Some(out) = self.out.remove(&slot) else { return Vec::new() };
        for (relay, until) in out.first_until {
            if let Some(health) = self.health.get_mut(relay)
                && health.trouble.is_none()
                && (head > until || !included)
            {
                health.passed_by += 1;
            }
        }
        let is_open = |left: &Left| left.mark.is_open_after(head);
        out.marks.into_iter().filter(is_open).collect()
    }
}
