//! Who loses how much when others fail: the least fixed point of losses that are passed on.

use std::collections::BTreeMap;

/// Parts of a whole: a shock of `WHOLE` leaves nothing.
pub(super) const WHOLE: u128 = 1_000_000;

/// Most rounds until nothing changes any more. Rounds beyond the length of the longest path are needed in circles only,
/// and there each adds less than the one before; what is missing after the last is below what was found.
pub(super) const ROUNDS_MAX: usize = 1_024;

/// Somebody on whom others have claims.
#[derive(Debug, Clone, Default)]
pub(super) struct Party {
    /// What others claim of it, micro-dollars; 0 if nobody does.
    pub(super) value: u128,
    /// Loss that it bears before others do, micro-dollars.
    pub(super) buffer: u128,
    /// What it holds: on whom, and how much, micro-dollars.
    pub(super) holds: BTreeMap<usize, u128>,
}

/// The parties, by number.
#[derive(Debug, Clone, Default)]
pub(super) struct Graph {
    pub(super) parties: Vec<Party>,
}

/// What a party loses, micro-dollars, and how much of the claims on it is not covered, parts of [`WHOLE`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) loss: u128,
    pub(super) passed_on: u128,
}

impl Graph {
    /// What every party loses if those in `shocks` fail by so many parts. Rounded down, party by party.
    ///
    /// Starting from nothing, losses only grow from round to round and are bounded, so that they come to rest at the
    /// least state in which everybody's losses follow from everybody's.
    pub(super) fn spread(&self, shocks: &BTreeMap<usize, u128>) -> Vec<Hit> {
        let shock = |party: usize| shocks.get(&party).copied().unwrap_or_default().min(WHOLE);
        let mut hits: Vec<Hit> =
            (0..self.parties.len()).map(|party| Hit { loss: 0, passed_on: shock(party) }).collect();
        for _ in 0..ROUNDS_MAX {
            let next: Vec<Hit> = (0..)
                .zip(&self.parties)
                .map(|(number, party)| {
                    let loss = party.holds.iter().map(|(on, amount)| part(&hits, *on, *amount));
                    let loss = loss.fold(0u128, u128::saturating_add);
                    let beyond = loss.saturating_sub(party.buffer).saturating_mul(WHOLE);
                    let failed = beyond.checked_div(party.value).unwrap_or_default().min(WHOLE);
                    Hit { loss, passed_on: failed.max(shock(number)) }
                })
                .collect();
            if next == hits {
                break;
            }
            hits = next;
        }
        hits
    }

    /// From where most of the loss of `party` comes, step by step, the origin first. Ends where a party fails by itself.
    pub(super) fn path(
        &self,
        hits: &[Hit],
        shocks: &BTreeMap<usize, u128>,
        party: usize,
    ) -> Vec<usize> {
        let mut path = vec![party];
        let mut at = party;
        while let Some(found) = self.parties.get(at) {
            let worst = found
                .holds
                .iter()
                .filter(|(on, _)| !path.contains(on))
                .max_by_key(|(on, amount)| part(hits, **on, **amount));
            match worst.filter(|(on, amount)| part(hits, **on, **amount) > 0) {
                Some((on, _)) => at = *on,
                None => break,
            }
            path.push(at);
            let own = shocks.get(&at).copied().unwrap_or_default();
            let all = hits.get(at).map_or(0, |hit| hit.passed_on);
            if own > 0 && own >= all {
                break;
            }
        }
        path.reverse();
        path
    }
}

/// What a holding of `amount` on a party loses.
fn part(hits: &[Hit], on: usize, amount: u128) -> u128 {
    hits.get(on).map_or(0, |hit| amount.saturating_mul(hit.passed_on) / WHOLE)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn party(value: u128, buffer: u128, holds: &[(usize, u128)]) -> Party {
        Party { value, buffer, holds: holds.iter().copied().collect() }
    }

    #[test]
    fn a_chain_passes_on_what_buffers_leave() {
        // 2 holds 600 on 1, which owes 1,000, bears 100 itself and holds 500 on 0.
        let graph = Graph {
            parties: vec![
                party(0, 0, &[]),
                party(1_000, 100, &[(0, 500)]),
                party(0, 0, &[(1, 600)]),
            ],
        };
        for (shock, losses) in [
            (0, [0, 0, 0]),
            (200_000, [0, 100, 0]),
            (400_000, [0, 200, 60]),
            (WHOLE, [0, 500, 240]),
        ] {
            let shocks = BTreeMap::from([(0, shock)]);
            let hits = graph.spread(&shocks);
            let found: Vec<u128> = hits.iter().map(|hit| hit.loss).collect();
            assert_eq!(found, losses, "{shock}");
        }
        let shocks = BTreeMap::from([(0, WHOLE)]);
        assert_eq!(graph.path(&graph.spread(&shocks), &shocks, 2), [0, 1, 2]);
    }

    #[test]
    fn a_circle_comes_to_rest() {
        // Each owes 100 and holds half of it on the other; 0 also holds 40 on 2.
        let graph = Graph {
            parties: vec![
                party(100_000_000, 0, &[(1, 50_000_000), (2, 40_000_000)]),
                party(100_000_000, 0, &[(0, 50_000_000)]),
                party(0, 0, &[]),
            ],
        };
        let shocks = BTreeMap::from([(2, WHOLE)]);
        let hits = graph.spread(&shocks);
        // x = 40 + y / 2 and y = x / 2: 53.3 and 26.7 million.
        assert!((53_333_000..=53_333_333).contains(&hits[0].loss), "{hits:?}");
        assert!((26_666_000..=26_666_666).contains(&hits[1].loss), "{hits:?}");
        assert_eq!(graph.path(&hits, &shocks, 1), [2, 0, 1]);
    }

    fn graphs() -> impl Strategy<Value = Graph> {
        let holds = prop::collection::btree_map(0usize..6, 0u128..1_000_000_000, 0..6);
        let one = (0u128..1_000_000_000, 0u128..100_000_000, holds)
            .prop_map(|(value, buffer, holds)| Party { value, buffer, holds });
        prop::collection::vec(one, 6).prop_map(|parties| Graph { parties })
    }

    proptest! {
        /// Nobody loses more than it holds; without a shock nobody loses; larger shocks never make smaller losses.
        #[test]
        fn losses_are_bounded_and_monotone(
            graph in graphs(),
            shocks in prop::collection::btree_map(0usize..6, 0u128..=WHOLE, 0..6),
            more in 0u128..=WHOLE,
        ) {
            let hits = graph.spread(&shocks);
            for (hit, party) in hits.iter().zip(&graph.parties) {
                prop_assert!(hit.loss <= party.holds.values().sum());
                prop_assert!(hit.passed_on <= WHOLE);
            }
            let larger = shocks.iter().map(|(party, shock)| (*party, (*shock).max(more))).collect();
            for (small, large) in hits.iter().zip(graph.spread(&larger)) {
                prop_assert!(small.loss <= large.loss);
            }
            prop_assert!(graph.spread(&BTreeMap::new()).iter().all(|hit| hit.loss == 0));
            for party in 0..6 {
                let path = graph.path(&hits, &shocks, party);
                prop_assert!(path.len() <= 6 && path.last() == Some(&party));
            }
        }
    }
}
