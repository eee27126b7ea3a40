use super::*;
use crate::testing::{USDC, outflow};

fn dollars(amount: u64) -> U256 {
    U256::from(amount) * U256::from(1_000_000)
}

/// One outflow every two hours.
fn past(amounts: impl Iterator<Item = u64>) -> Vec<Observation> {
    (0..).zip(amounts).map(|(n, amount)| outflow(n * 600, amount)).collect()
}

#[test]
fn a_short_past_gets_the_largest_margin_and_a_long_one_the_smallest_that_is_quiet() {
    let hour = |caps: Vec<Cap>| caps.into_iter().next().expect("an hour's bound");
    let short = hour(learn(&past((0..50).map(|n| 90 + n % 10))));
    let bound = short.bound.expect("supported");
    assert_eq!((short.asset, short.window_seconds, short.most), (USDC, 3_600, dollars(99)));
    assert_eq!((bound.margin, bound.units), (10, dollars(990)));
    assert_eq!(bound.false_alarms, FalseAlarms { alarms: 0, of: 40 });

    let long = hour(learn(&past((0..2_000).map(|n| 90 + n % 10))));
    assert_eq!(long.bound.map(|bound| bound.margin), Some(2));
}

#[test]
fn windows_sum_what_left_in_them() {
    let caps = learn(&past((0..50).map(|_| 100)));
    let most: Vec<(u64, U256)> = caps.iter().map(|cap| (cap.window_seconds, cap.most)).collect();
    assert_eq!(most, [(3_600, dollars(100)), (86_400, dollars(1_200))], "12 in a day");
}

#[test]
fn what_grows_without_end_or_is_seen_too_seldom_gets_no_bound() {
    let few = learn(&past((0..10).map(|_| 100)));
    assert!(few.iter().all(|cap| cap.bound.is_none() && cap.outflows == 10));
    let growing = learn(&past((0..40).map(|n| 1 << n)));
    assert!(growing.iter().all(|cap| cap.bound.is_none()), "{growing:?}");
    assert_eq!(learn(&[]), []);
}

#[test]
fn the_rest_is_held_against_the_bounds_with_its_past() {
    let past = past((0..50).map(|_| 100));
    let caps = learn(&past);
    let rest = [outflow(50 * 600, 100), outflow(51 * 600, 1_001), outflow(60 * 600, 10)];
    let broken: Vec<usize> = alarms(&caps, &past, &rest).into_iter().collect();
    assert_eq!(broken, [1], "1,001 are more than ten times 100");
}
