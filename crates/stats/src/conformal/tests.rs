use proptest::prelude::*;

use super::*;
use crate::testing::{Dice, mean_and_error};

fn reference(dice: &mut Dice, n: usize, confidence: f64) -> Reference {
    Reference::new((0..n).map(|_| dice.pareto(1.3)).collect(), confidence).unwrap()
}

/// The true P(S ≥ s) of a Pareto score.
fn survival(score: f64) -> f64 {
    score.max(1.0).powf(-1.3)
}

/// How many of `runs` streams of quiet scores, each with a reference of its own, ever raise an alarm.
fn n_alarms(runs: usize, n: usize, seed: u64, p: impl Fn(&Reference, f64, f64) -> f64) -> usize {
    let mut dice = Dice::new(seed);
    let mut n_alarms = 0;
    for _ in 0..runs {
        let reference = reference(&mut dice, n, 0.95);
        let mut bets = PowerBets::new(Watch::Once { alpha: 0.05 }).unwrap();
        for _ in 0..3_000 {
            let (score, u) = (dice.pareto(1.3), dice.uniform());
            if bets.observe(p(&reference, score, u)).unwrap().is_alarm() {
                n_alarms += 1;
                break;
            }
        }
    }
    println!("{n_alarms} of {runs} streams");
    n_alarms
}

/// The band lies above the truth everywhere, in all but 1 − confidence of the references.
#[test]
fn conditional_p_values_hold_for_all_scores_at_once() {
    let mut dice = Dice::new(1);
    for n in [100, 1_000, 5_000] {
        let mut n_failed = 0;
        for _ in 0..300 {
            let reference = reference(&mut dice, n, 0.9);
            // The bound is tightest just above a reference score.
            let too_small = |score: &&f64| {
                let above = score.next_up();
                reference.p_conditional(above).unwrap() < survival(above) - 1e-12
            };
            n_failed += usize::from(reference.scores.iter().any(|score| too_small(&score)));
        }
        println!("{n}: {n_failed} of 300");
        assert!(n_failed <= 30, "{n}: {n_failed}");
    }
}

#[test]
fn a_stream_against_one_reference_is_safe_with_conditional_p_values_only() {
    // At most 5 % of streams, and 5 % of references that do not hold.
    let safe = n_alarms(300, 200, 2, |reference, s, _| reference.p_conditional(s).unwrap());
    assert!(safe <= 30, "{safe}");
    // The trap, seen: the classical p-values, each of them valid alone.
    let naive = n_alarms(300, 200, 2, |reference, s, u| reference.p_exchangeable(s, u).unwrap());
    assert!(naive > 60, "{naive}");
}

#[test]
fn one_fresh_score_has_a_uniform_classical_p_value_ties_and_all() {
    let mut dice = Dice::new(3);
    let mut below = [0_u32; 10];
    let runs = 20_000;
    for _ in 0..runs {
        let scores = (0..100).map(|_| dice.below(7) as f64).collect();
        let reference = Reference::new(scores, 0.9).unwrap();
        let (score, u) = (dice.below(7) as f64, dice.uniform());
        let p = reference.p_exchangeable(score, u).unwrap();
        assert!(reference.p_exchangeable(score, 1.0).unwrap() >= p);
        below[((p * 10.0) as usize).min(9)] += 1;
    }
    for n in below {
        assert!((f64::from(n) - 2_000.0).abs() < 4.0 * 1_800.0_f64.sqrt(), "{below:?}");
    }
}

#[test]
fn the_run_length_is_kept() {
    let mut dice = Dice::new(4);
    for threshold in [50.0, 500.0] {
        let mut lengths = Vec::new();
        for _ in 0..200 {
            let reference = reference(&mut dice, 2_000, 0.99);
            let watch = Watch::ShiryaevRoberts { arl: threshold };
            let mut watch = ConformalWatch::new(reference, watch).unwrap();
            let most = 20 * threshold as usize;
            let alarm = (1..=most).find(|_| watch.observe(dice.pareto(1.3)).unwrap().is_alarm());
            lengths.push(alarm.unwrap_or(most) as f64);
        }
        let (mean, error) = mean_and_error(&lengths);
        println!("{threshold}: {mean:.0} ± {error:.0}");
        assert!(mean >= threshold, "{mean}");
    }
}

#[test]
fn a_change_is_seen_soon_even_at_two_and_a_half_million() {
    let mut dice = Dice::new(5);
    for (n, factor, most) in [(1_000, 100.0, 12.0), (10_000, 100.0, 9.0), (10_000, 4.0, 60.0)] {
        let reference = reference(&mut dice, n, 0.99);
        let watch = Watch::ShiryaevRoberts { arl: 2.5e6 };
        let mut watch = ConformalWatch::new(reference, watch).unwrap();
        let mut delays = Vec::new();
        for _ in 0..100 {
            watch.restart();
            for _ in 0..300 {
                watch.observe(dice.pareto(1.3)).unwrap();
            }
            let after =
                (1..10_000).find(|_| watch.observe(factor * dice.pareto(1.3)).unwrap().is_alarm());
            delays.push(f64::from(after.unwrap()));
        }
        let (mean, error) = mean_and_error(&delays);
        println!(
            "{n} scores, ×{factor}: p from {:.5}, {mean:.1} ± {error:.1}",
            watch.reference.p_min()
        );
        assert!(mean <= most, "{mean}");
    }
}

#[test]
fn strange_numbers() {
    let mut dice = Dice::new(6);
    for bad in [f64::NAN, f64::INFINITY] {
        let mut scores = vec![1.0; 200];
        scores.push(bad);
        assert!(Reference::new(scores, 0.9).is_err());
        assert!(Reference::new(vec![1.0; 200], bad).is_err());
    }
    assert_eq!(
        Reference::new(vec![1.0; 40], 0.9).unwrap_err().to_string(),
        "40 reference scores are too few: gather 60 more"
    );
    assert!(Reference::new(vec![1.0; REFERENCE_MAX + 1], 0.9).is_err());
    let reference = reference(&mut dice, 500, 0.99);
    assert!(reference.p_conditional(f64::NAN).is_err());
    assert!(reference.p_exchangeable(1.0, f64::NAN).is_err());
    assert_eq!(reference.p_conditional(f64::NEG_INFINITY), Ok(1.0));
    assert_eq!(reference.p_conditional(f64::INFINITY), Ok(reference.p_min()));
    let mut bets = PowerBets::new(Watch::Cusum { arl: 1e15 }).unwrap();
    let quiet = bets.clone();
    for bad in [f64::NAN, -0.1, 1.1] {
        assert!(bets.observe(bad).is_err());
    }
    assert_eq!(bets, quiet);
    assert!(bets.observe(0.0).unwrap().is_alarm());
    let same = Reference::new(vec![7.0; 500], 0.99).unwrap();
    assert_eq!(same.p_conditional(7.0), Ok(1.0));
    assert!(same.p_conditional(7.1).unwrap() < 0.03);
    // The largest reference still builds in no time and keeps its shape.
    let large = Reference::new((0..REFERENCE_MAX).map(|i| i as f64).collect(), 0.99).unwrap();
    assert!(large.p_min() < 2e-4 && large.tail.len() < 80);
}

#[test]
fn the_promise_in_words() {
    let mut dice = Dice::new(7);
    let reference = reference(&mut dice, 500, 0.99);
    let watch = ConformalWatch::new(reference, Watch::Once { alpha: 0.001 }).unwrap();
    assert_eq!(
        watch.promise().to_string(),
        "a false alarm ever with probability at most 0.001, provided quiet scores are, given the past, no likelier \
         to be large than the reference's; holds with confidence 0.99 over the reference data"
    );
}

proptest! {
    #[test]
    fn p_values_fall_as_scores_rise(
        scores in prop::collection::vec(-1e3_f64..1e3, 100..200),
        a in -2e3_f64..2e3,
        b in -2e3_f64..2e3,
    ) {
        let reference = Reference::new(scores, 0.9).unwrap();
        let (low, high) = (a.min(b), a.max(b));
        let p = |score| reference.p_conditional(score).unwrap();
        prop_assert!(p(high) <= p(low));
        prop_assert!(p(high) >= reference.p_min() && p(low) <= 1.0);
        // Never below the rank itself: a correction only takes away.
        prop_assert!(p(low) >= reference.p_exchangeable(low, 0.0).unwrap());
    }
}
