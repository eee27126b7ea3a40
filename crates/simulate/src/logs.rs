//! The bloom filter over the logs of a block: what a header says of logs without holding them.

use alloy_primitives::{Address, B256, Bloom, BloomInput, map::HashSet};
use portcullis_types::{evidence::Evidence, wire::WireBlock};

/// The filter in the header; none if it is not there or not a filter.
pub(crate) fn of_header(block: &WireBlock) -> Option<&Bloom> {
    block.logs_bloom.as_ref().and_then(|bloom| <&Bloom>::try_from(bloom.as_ref()).ok())
}

/// The filter over the logs in `evidence`.
pub(crate) fn of_evidence<'a>(evidence: impl Iterator<Item = &'a Evidence>) -> Bloom {
    let mut filter = Filter::default();
    for log in evidence.flat_map(|transaction| &transaction.logs) {
        filter.add(log.address, &log.topics);
    }
    filter.bloom
}

const FULL: Bloom = Bloom::repeat_byte(u8::MAX);

/// A filter in the making. Hashing is what costs, and addresses and topics recur.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    bloom: Bloom,
    addresses: HashSet<Address>,
    topics: HashSet<B256>,
}

impl Filter {
    pub(crate) fn bloom(&self) -> &Bloom {
        &self.bloom
    }

    pub(crate) fn add(&mut self, address: Address, topics: &[B256]) {
        // Nothing makes a difference any more: about 5,000 different topics set every bit.
        if self.bloom == FULL {
            return;
        }
        if self.addresses.insert(address) {
            self.bloom.accrue(BloomInput::Raw(address.as_slice()));
        }
        for topic in topics {
            if self.topics.insert(*topic) {
                self.bloom.accrue(BloomInput::Raw(topic.as_slice()));
            }
        }
    }
}
