//! What outsiders gained from a protocol in one transaction.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, U256};
use portcullis_types::{evidence::Evidence, money::Asset};

/// What accounts outside `contracts` took out beyond what they themselves put in, per asset, smallest units, none of them
/// zero.
///
/// Unlike [`crate::outflow`], which nets each of the protocol's holders, this nets each outsider: a flash loan that its
/// borrower pays back is no gain, while money that one outsider brings and another takes is one. What is sent to the zero
/// address has left too. Assets count whether the protocol lists them or not.
pub fn gains(evidence: &Evidence, contracts: &BTreeSet<Address>) -> BTreeMap<Asset, U256> {
    let mut sums: BTreeMap<(Asset, Address), (U256, U256)> = BTreeMap::new();
    for transfer in &evidence.transfers {
        let (out, into) = (contracts.contains(&transfer.from), contracts.contains(&transfer.to));
        if out && !into {
            let taken = &mut sums.entry((transfer.asset, transfer.to)).or_default().0;
            *taken = taken.saturating_add(transfer.amount);
        } else if into && !out {
            let given = &mut sums.entry((transfer.asset, transfer.from)).or_default().1;
            *given = given.saturating_add(transfer.amount);
        }
    }
    let mut gains: BTreeMap<Asset, U256> = BTreeMap::new();
    for ((asset, _), (taken, given)) in sums {
        let gain = taken.saturating_sub(given);
        if !gain.is_zero() {
            let sum = gains.entry(asset).or_default();
            *sum = sum.saturating_add(gain);
        }
    }
    gains
}
