//! Who has called which contract first: what is left of the past, in bounded memory.

use std::collections::VecDeque;

use alloy_primitives::{Address, map::HashMap};

/// Most entry contracts remembered; the oldest is forgotten first. About 5 MB.
const ENTRIES_MAX: usize = 65_536;

/// Strangers that must have called a contract for it to be nobody's own.
const SENDERS_PUBLIC: u8 = 3;

/// Contracts that transactions were sent to, and how many different senders did so.
#[derive(Debug, Default)]
pub(crate) struct History {
    entries: HashMap<Address, Seen>,
    order: VecDeque<Address>,
}

#[derive(Debug)]
struct Seen {
    /// The first senders; enough of them make a contract public.
    senders: [Address; SENDERS_PUBLIC as usize],
    count: u8,
}

impl History {
    /// Whether enough different senders have called `contract`.
    pub(crate) fn public(&self, contract: &Address) -> bool {
        self.entries.get(contract).is_some_and(|seen| seen.count >= SENDERS_PUBLIC)
    }

    /// Remembers that `sender` called `contract`.
    pub(crate) fn note(&mut self, contract: Address, sender: Address) {
        if let Some(seen) = self.entries.get_mut(&contract) {
            let known = seen.senders.iter().take(usize::from(seen.count)).any(|s| *s == sender);
            if let Some(slot) = seen.senders.get_mut(usize::from(seen.count)).filter(|_| !known) {
                *slot = sender;
                seen.count += 1;
            }
            return;
        }
        let full = self.order.len() >= ENTRIES_MAX;
        if let Some(oldest) = self.order.pop_front_if(|_| full) {
            self.entries.remove(&oldest);
        }
        let mut senders = [Address::ZERO; SENDERS_PUBLIC as usize];
        if let Some(first) = senders.first_mut() {
            *first = sender;
        }
        self.entries.insert(contract, Seen { senders, count: 1 });
        self.order.push_back(contract);
    }
}
