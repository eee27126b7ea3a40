//! The bloom filter over the logs of a block: what a header says of logs without holding them.

use std::collections::BTreeSet;

use alloy_primitives::{Bloom, BloomInput};
use portcullis_types::{evidence::Evidence, wire::WireBlock};

/// The filter in the header; none if it is not there or not a filter.
pub(crate) fn of_header(block: &WireBlock) -> Option<&Bloom> {
    block.logs_bloom.as_ref().and_then(|bloom| <&Bloom>::try_from(bloom.as_ref()).ok())
}

/// The filter over the logs in `evidence`.
pub(crate) fn of_evidence<'a>(evidence: impl Iterator<Item = &'a Evidence>) -> Bloom {
    let mut bloom = Bloom::ZERO;
    // Hashing is what costs, and addresses and topics recur.
    let (mut addresses, mut topics) = (BTreeSet::new(), BTreeSet::new());
    for log in evidence.flat_map(|transaction| &transaction.logs) {
        if addresses.insert(log.address) {
            bloom.accrue(BloomInput::Raw(log.address.as_slice()));
        }
        for topic in &log.topics {
            if topics.insert(*topic) {
                bloom.accrue(BloomInput::Raw(topic.as_slice()));
            }
        }
    }
    bloom
}
