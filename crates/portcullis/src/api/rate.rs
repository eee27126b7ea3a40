//! Rate limits: a token bucket for each caller, in a map that cannot grow without end.

use std::{
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
};

use portcullis_types::ids::Millis;

/// Most callers that are remembered at once. Beyond it the one who has been silent longest is forgotten, who has a full
/// bucket anyway or gets one.
pub(crate) const CALLERS_MAX: usize = 4_096;

/// Buckets of one kind.
#[derive(Debug)]
pub(crate) struct Buckets<K> {
    per_second: u32,
    burst: u32,
    callers: Mutex<HashMap<K, Bucket>>,
}

/// Thousandths of a request.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: u64,
    at: Millis,
}

impl<K: Hash + Eq + Clone> Buckets<K> {
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        Self { per_second, burst, callers: Mutex::default() }
    }

    /// Takes one request; says whether there was one left.
    pub(crate) fn take(&self, caller: &K, now: Millis) -> bool {
        let full = u64::from(self.burst) * 1_000;
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if callers.len() >= CALLERS_MAX && !callers.contains_key(caller) {
            let oldest = callers.iter().min_by_key(|(_, bucket)| bucket.at);
            if let Some(oldest) = oldest.map(|(caller, _)| caller.clone()) {
                callers.remove(&oldest);
            }
        }
        let bucket = callers.entry(caller.clone()).or_insert(Bucket { left: full, at: now });
        let gained = now.since(bucket.at).saturating_mul(u64::from(self.per_second));
        bucket.left = bucket.left.saturating_add(gained).min(full);
        bucket.at = bucket.at.max(now);
        let Some(left) = bucket.left.checked_sub(1_000) else { return false };
        bucket.left = left;
        true
    }
}

/// An address as a caller: of IPv6 the network, as a host has 2^64 addresses of its own.
pub(crate) fn caller_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => match six.to_ipv4_mapped() {
            Some(four) => IpAddr::V4(four),
            None => IpAddr::V6(Ipv6Addr::from_bits(six.to_bits() & !u128::from(u64::MAX))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_fills() {
        let buckets = Buckets::new(2, 3);
        let take = |at| buckets.take(&"ada", Millis(at));
        assert_eq!([take(0), take(0), take(0), take(0)], [true, true, true, false]);
        assert_eq!([take(400), take(500), take(500)], [false, true, false]);
        assert!(take(100_000), "a bucket never holds more than its burst");
        assert_eq!([take(100_000), take(100_000), take(100_000)], [true, true, false]);
        assert!(!take(0), "a clock that goes backwards gives nothing away");
    }

    #[test]
    fn the_map_stays_bounded() {
        let buckets = Buckets::new(1, 1);
        for caller in 0..2 * CALLERS_MAX {
            assert!(buckets.take(&caller, Millis(caller as u64)));
        }
        assert_eq!(buckets.callers.lock().unwrap().len(), CALLERS_MAX);
    }

    #[test]
    fn a_network_of_ipv6_is_one_caller() {
        let of = |text: &str| caller_of(text.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("::ffff:10.0.0.1"), "10.0.0.1");
        assert_eq!(of("10.0.0.1"), "10.0.0.1");
    }
}
