use proptest::prelude::*;

use super::*;
use crate::testing::{Dice, mean_and_error};

const RUNS: usize = 300;

fn watch(arl: f64) -> [Watch; 2] {
    [Watch::ShiryaevRoberts { arl }, Watch::Cusum { arl }]
}

/// Observations until the alarm, at most `most`.
fn run(detector: &mut BoundedMean, most: usize, mut next: impl FnMut() -> f64) -> Option<usize> {
    (1..=most).find(|_| detector.observe(next()).unwrap().is_alarm())
}

/// Mean run length over `RUNS` runs of quiet data; runs are cut at 20 × A, which only lowers the mean.
fn arl(mean_max: f64, watch: Watch, seed: u64, mut next: impl FnMut(&mut Dice) -> f64) -> f64 {
    let mut dice = Dice::new(seed);
    let most = 20 * watch.threshold() as usize;
    let mut detector = BoundedMean::new(mean_max, watch).unwrap();
    let mut lengths = Vec::new();
    for _ in 0..RUNS {
        detector.restart();
        let length = run(&mut detector, most, || next(&mut dice)).unwrap_or(most);
        lengths.push(length as f64);
    }
    let (mean, error) = mean_and_error(&lengths);
    println!("{watch:?}, mean {mean_max:.4}: run length {mean:.0} ± {error:.0}");
    mean
}

#[test]
fn the_run_length_is_kept_for_independent_values() {
    for threshold in [10.0, 100.0, 1_000.0, 5_000.0] {
        for watch in watch(threshold) {
            // All on the hypothesis' edge: rare ones, evenly spread ones, and hardly any spread.
            let rare = arl(0.1, watch, 1, |dice| f64::from(u8::from(dice.chance(0.1))));
            let even = arl(0.5, watch, 2, Dice::uniform);
            let narrow = arl(0.3, watch, 3, |dice| 0.25 + 0.1 * dice.uniform());
            for mean in [rare, even, narrow] {
                assert!(mean >= threshold, "{watch:?}: {mean}");
            }
        }
    }
}

/// Values in bursts: how widely the next one is spread hangs on the past, its mean does not.
#[test]
fn the_run_length_is_kept_for_dependent_values() {
    for watch in watch(1_000.0) {
        let mut is_wild = false;
        let mean = arl(0.2, watch, 4, |dice| {
            is_wild = if is_wild { dice.chance(0.95) } else { dice.chance(0.02) };
            match is_wild {
                true if dice.chance(0.2) => 1.0,
                true => 0.0,
                false => 0.4 * dice.uniform(),
            }
        });
        assert!(mean >= 1_000.0, "{watch:?}: {mean}");
    }
}

/// A tail without variance, squashed. The hypothesis' mean is its true one, by the midpoint rule.
#[test]
fn the_run_length_is_kept_for_heavy_tails() {
    let steps = 1_000_000;
    let value = |u: f64| squash(u.powf(-1.0 / 1.3), 50.0);
    let mean_max = (0..steps).map(|i| value((f64::from(i) + 0.5) / f64::from(steps))).sum::<f64>()
        / f64::from(steps);
    for watch in watch(2_000.0) {
        let mean = arl(mean_max, watch, 5, |dice| squash(dice.pareto(1.3), 50.0));
        assert!(mean >= 2_000.0, "{watch:?}: {mean}");
    }
}

#[test]
fn ever_an_alarm_is_as_rare_as_promised_and_late_changes_are_still_seen() {
    let mut dice = Dice::new(6);
    let alpha = 0.05;
    let runs = 2_000;
    let mut n_alarms = 0;
    let mut detector = BoundedMean::new(0.1, Watch::Once { alpha }).unwrap();
    for _ in 0..runs {
        detector.restart();
        let quiet = || f64::from(u8::from(dice.chance(0.1)));
        n_alarms += usize::from(run(&mut detector, 2_000, quiet).is_some());
    }
    println!("{n_alarms} of {runs}");
    assert!(n_alarms as f64 <= alpha * f64::from(runs), "{n_alarms}");

    let mut detector = BoundedMean::new(0.1, Watch::Once { alpha: 1e-6 }).unwrap();
    assert_eq!(run(&mut detector, 1_000_000, || f64::from(u8::from(dice.chance(0.05)))), None);
    let delay = run(&mut detector, 1_000, || f64::from(u8::from(dice.chance(0.5)))).unwrap();
    println!("delay {delay} after a million quiet ones");
    assert!(delay < 120, "{delay}");
}

/// From a mean of 0.1 to 0.4, in the middle of a long quiet time.
#[test]
fn a_rise_is_seen_soon() {
    for (threshold, most) in [(1_000.0, 30.0), (2_500_000.0, 80.0)] {
        for watch in watch(threshold) {
            let mut dice = Dice::new(7);
            let mut delays = Vec::new();
            for _ in 0..200 {
                let mut detector = BoundedMean::new(0.1, watch).unwrap();
                for _ in 0..500 {
                    detector.observe(f64::from(u8::from(dice.chance(0.1)))).unwrap();
                }
                let after = || f64::from(u8::from(dice.chance(0.4)));
                delays.push(run(&mut detector, 10_000, after).unwrap() as f64);
            }
            let (mean, error) = mean_and_error(&delays);
            println!("{watch:?}: delay {mean:.1} ± {error:.1}");
            assert!(mean < most, "{watch:?}: {mean}");
        }
    }
}

/// A mean learnt from a quiet sample: the bound fails at most as often as stated.
#[test]
fn the_learnt_mean_is_an_upper_bound() {
    let mut dice = Dice::new(8);
    let (mut n_failed, mut last) = (0, 0.0);
    for _ in 0..1_000 {
        let sample: Vec<f64> = (0..500).map(|_| dice.uniform().powi(3)).collect();
        last = mean_upper_bound(&sample, 0.05).unwrap();
        n_failed += usize::from(last < 0.25);
    }
    assert!(n_failed <= 50, "{n_failed}");
    assert!(last < 0.36, "not useless: {last}");
    for bad in [vec![], vec![0.5], vec![0.5, 1.5], vec![0.5, f64::NAN], vec![0.9; 20]] {
        assert!(mean_upper_bound(&bad, 0.05).is_err(), "{bad:?}");
    }
    let error = mean_upper_bound(&[0.5; 10], 0.05).unwrap_err().to_string();
    assert_eq!(error, "10 samples are too few: gather 9 more");
    assert!(mean_upper_bound(&[0.5; 30], 0.05).is_ok());
}

#[test]
fn strange_settings_are_refused_and_strange_values_not_counted() {
    let watch = Watch::Cusum { arl: 1_000.0 };
    for mean in [0.0, 1.0, -0.1, f64::NAN, f64::INFINITY] {
        assert!(BoundedMean::new(mean, watch).is_err(), "{mean}");
    }
    for lambdas in [vec![], vec![11.0], vec![-0.1], vec![f64::NAN], vec![1.0; 65]] {
        assert!(BoundedMean::with_lambdas(0.1, lambdas, watch).is_err());
    }
    for bad in [0.5, f64::NAN, f64::INFINITY, 1e16] {
        assert!(EDetector::new(Watch::ShiryaevRoberts { arl: bad }, 1).is_err(), "{bad}");
    }
    for bad in [0.0, f64::NAN, 1.5, -1.0] {
        assert!(EDetector::new(Watch::Once { alpha: bad }, 1).is_err(), "{bad}");
    }
    let mut detector = BoundedMean::new(0.1, watch).unwrap();
    let before = detector.clone();
    assert!(detector.observe(f64::NAN).is_err());
    assert_eq!(detector, before);
    let mut raw = EDetector::new(watch, 2).unwrap();
    for bad in [vec![1.0], vec![1.0, -1.0], vec![f64::NAN, 1.0], vec![1.0, f64::INFINITY]] {
        assert!(raw.observe(&bad).is_err(), "{bad:?}");
    }
    assert_eq!(raw, EDetector::new(watch, 2).unwrap());
}

#[test]
fn the_promise_in_words() {
    let detector = BoundedMean::new(0.1, Watch::ShiryaevRoberts { arl: 2.5e6 }).unwrap();
    assert_eq!(
        detector.promise().to_string(),
        "at least 2500000 observations to a false alarm on average, provided each value's mean given the past is at \
         most the configured one"
    );
}

#[test]
fn squashing() {
    for (amount, scale, wanted) in [
        (0.0, 1.0, 0.0),
        (-5.0, 1.0, 0.0),
        (3.0, 3.0, 0.5),
        (f64::MAX, f64::MAX, 0.5),
        (f64::INFINITY, f64::INFINITY, 1.0),
        (1.0, 0.0, 1.0),
    ] {
        assert_eq!(Some(squash(amount, scale)), Some(wanted), "{amount} {scale}");
    }
    assert!(squash(f64::NAN, 1.0).is_nan() && squash(1.0, f64::NAN).is_nan());
}

proptest! {
    /// Whatever comes, a level is a number between 0 and its limit, and the CUSUM's is never above the other's.
    #[test]
    fn levels_stay_finite(values in prop::collection::vec(prop::num::f64::ANY, 0..300)) {
        let [sr, cusum] = watch(100.0);
        let mut sr = BoundedMean::new(0.01, sr).unwrap();
        let mut cusum = BoundedMean::new(0.01, cusum).unwrap();
        let mut once = BoundedMean::new(0.01, Watch::Once { alpha: 0.1 }).unwrap();
        for value in values {
            for detector in [&mut sr, &mut cusum, &mut once] {
                let _ = detector.observe(value);
                let level = detector.level().level;
                prop_assert!((0.0..=LEVEL_MAX).contains(&level));
            }
            prop_assert!(cusum.level().level <= sr.level().level);
        }
    }
}
