use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

fn breaker(window_seconds: u64, cap: Cap) -> Breaker {
    Breaker { asset: "USD".to_owned(), window_seconds, cap, covers_all: true }
}

fn amount(dollars: i64) -> Cap {
    Cap::Amount(Usd::dollars(dollars))
}

#[test]
fn bounds_by_hand() {
    // Window, cap, seconds, held: the bound in dollars.
    let cases = [
        (3_600, amount(100), 0, None, Some(100)),
        (3_600, amount(100), 3_599, None, Some(100)),
        (3_600, amount(100), 3_600, None, Some(200)),
        (12, amount(100), 60, None, Some(600)),
        (12, amount(100), 60, Some(250), Some(250)),
        (3_600, Cap::Share(SHARE_WHOLE / 4), 0, Some(1_000), Some(250)),
        // A quarter, and a quarter of the rest.
        (1_800, Cap::Share(SHARE_WHOLE / 4), 1_800, Some(1_600), Some(700)),
        (12, Cap::Share(SHARE_WHOLE), 0, Some(10), Some(10)),
        (12, Cap::Share(1), 0, None, None),
        (12, amount(-5), 0, None, Some(0)),
    ];
    for (window, cap, seconds, held, expected) in cases {
        let bound = breaker(window, cap).bound(held.map(Usd::dollars), seconds);
        assert_eq!(bound, expected.map(Usd::dollars), "{window} s, {cap:?}, {seconds} s");
    }
}

#[test]
fn the_smallest_bound_over_the_scales_counts() {
    let partial = Breaker { covers_all: false, ..breaker(12, amount(1)) };
    let holding = Holding {
        asset: "USD".to_owned(),
        held: Some(Usd::dollars(10_000)),
        breakers: vec![breaker(12, amount(100)), breaker(3_600, amount(2_000)), partial],
    };
    // A block's limit binds first, the hour's later; what looks at a part binds nothing.
    assert_eq!(holding.bound(12), Some((Usd::dollars(200), Some(0))));
    assert_eq!(holding.bound(1_800), Some((Usd::dollars(2_000), Some(1))));
    let bare = Holding { breakers: Vec::new(), ..holding.clone() };
    assert_eq!(bare.bound(12), Some((Usd::dollars(10_000), None)));
    assert_eq!(loss_bound(&[holding.clone(), bare], 12), Some(Usd::dollars(10_200)));
    let unknown = Holding { held: None, breakers: Vec::new(), ..holding };
    assert_eq!(loss_bound(&[unknown], 12), None);
}

/// The rule as it is enforced: what may still leave now.
struct Gate {
    window: u64,
    left: VecDeque<(u64, i128)>,
}

impl Gate {
    fn used(&mut self, now: u64) -> i128 {
        while self.left.pop_front_if(|(at, _)| *at + self.window <= now).is_some() {}
        self.left.iter().map(|(_, amount)| amount).sum()
    }
}

proptest! {
    /// Whatever is tried and whenever, no more gets out than the bound, and no more than the token bucket.
    #[test]
    fn no_strategy_beats_a_limit_on_amounts(
        window in 1u64..50,
        cap in 1i128..1_000,
        tries in prop::collection::vec((0u64..40, 1i128..1_500), 1..60),
    ) {
        let (mut gate, mut now) = (Gate { window, left: VecDeque::new() }, 0);
        let mut out = 0;
        let mut first = None;
        for (step, wanted) in tries {
            now += step;
            let got = wanted.min(cap - gate.used(now));
            if got > 0 {
                first.get_or_insert(now);
                gate.left.push_back((now, got));
                out += got;
            }
            let seconds = now - first.unwrap_or(now);
            let bound = breaker(window, Cap::Amount(Usd(cap))).bound(None, seconds).unwrap();
            prop_assert!(Usd(out) <= bound, "{out} in {seconds} s");
            let bucket = cap + cap * i128::from(seconds) / i128::from(window);
            prop_assert!(bound <= Usd(bucket));
        }
    }

    /// The bound is reached: all of a window at its start.
    #[test]
    fn the_bound_is_reached(window in 1u64..50, cap in 1i128..1_000, seconds in 0u64..500) {
        let mut gate = Gate { window, left: VecDeque::new() };
        let mut out = 0;
        for now in (0..=seconds).step_by(window as usize) {
            let got = cap - gate.used(now);
            gate.left.push_back((now, got));
            out += got;
        }
        let limit = breaker(window, Cap::Amount(Usd(cap)));
        prop_assert_eq!(limit.bound(None, seconds), Some(Usd(out)));
    }

    /// The same for shares of what was there, without deposits.
    #[test]
    fn no_strategy_beats_a_limit_on_shares(
        window in 1u64..50,
        share in 1u64..SHARE_WHOLE,
        held in 1i128..1_000_000_000_000,
        tries in prop::collection::vec((0u64..40, 1i128..1_000_000_000_000), 1..60),
    ) {
        let (mut gate, mut now, mut out) = (Gate { window, left: VecDeque::new() }, 0, 0);
        let mut first = None;
        for (step, wanted) in tries {
            now += step;
            let used = gate.used(now);
            let allowed = (held - out + used) * i128::from(share) / i128::from(SHARE_WHOLE);
            let got = wanted.min(allowed - used);
            if got > 0 {
                first.get_or_insert(now);
                gate.left.push_back((now, got));
                out += got;
            }
            let seconds = now - first.unwrap_or(now);
            let bound = breaker(window, Cap::Share(share)).bound(Some(Usd(held)), seconds).unwrap();
            prop_assert!(Usd(out) <= bound, "{out} of {held} in {seconds} s, bound {bound:?}");
        }
    }

    /// More time never bounds less, a tighter limit never more, and nothing bounds more than there is.
    #[test]
    fn bounds_are_monotone(
        window in 1u64..5_000, share in 0u64..=SHARE_WHOLE, held in 0i128..i128::MAX / 2,
        seconds in 0u64..10_000_000, more in 0u64..10_000_000, percent in 0u64..=100,
    ) {
        let limit = breaker(window, Cap::Share(share));
        let at = |limit: &Breaker, seconds| limit.bound(Some(Usd(held)), seconds).unwrap();
        prop_assert!(at(&limit, seconds) <= at(&limit, seconds + more));
        prop_assert!(at(&limit.scaled(percent), seconds) <= at(&limit, seconds));
        prop_assert!(at(&limit, seconds) <= Usd(held) && at(&limit, seconds) >= Usd::ZERO);
    }
}
