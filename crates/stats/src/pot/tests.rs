use proptest::prelude::*;

use super::*;
use crate::{
    special::normal_tail,
    testing::{Dice, mean_and_error},
};

/// A name, how to draw, and the true P(X > x).
type Law = (&'static str, fn(&mut Dice) -> f64, fn(f64) -> f64);

const LAWS: [Law; 4] = [
    ("Pareto 1.33", |dice| dice.pareto(1.33), |x| x.powf(-1.33)),
    ("Pareto 1.0", |dice| dice.pareto(1.0), |x| 1.0 / x),
    ("lognormal", |dice| (1.5 * dice.normal()).exp(), |x| normal_tail(x.ln() / 1.5)),
    ("exponential", Dice::exponential, |x| (-x).exp()),
];

fn sample(dice: &mut Dice, n: usize, draw: fn(&mut Dice) -> f64) -> Vec<f64> {
    let mut values: Vec<f64> = (0..n).map(|_| draw(dice)).collect();
    values.sort_by(f64::total_cmp);
    values
}

/// What a limit for q = 10⁻⁴ or 10⁻⁵, fitted from 20,000 values, is truly exceeded with.
#[test]
fn fitted_limits_are_exceeded_about_as_often_as_wanted() {
    for (name, draw, survival) in LAWS {
        let mut dice = Dice::new(1);
        let runs = 100;
        for (q, most) in [(1e-4, 2.0), (1e-5, 3.5)] {
            let mut ratios = Vec::new();
            for _ in 0..runs {
                let tail = fit(&sample(&mut dice, 20_000, draw), 0.98).unwrap();
                ratios.push(survival(tail.quantile(q).unwrap()) / q);
            }
            ratios.sort_by(f64::total_cmp);
            let (mean, error) = mean_and_error(&ratios);
            let (low, median, high) = (ratios[5], ratios[50], ratios[94]);
            println!(
                "{name}, q {q}: {low:.2} … {median:.2} … {high:.2}, mean {mean:.2} ± {error:.2} times q"
            );
            assert!(median > 0.5 && median < 1.7, "{name} {q}: {median}");
            assert!(mean < most, "{name} {q}: {mean}");
        }
    }
}

#[test]
fn the_shape_is_found() {
    for (name, shape, draw) in [
        ("Pareto 1.33", 1.0 / 1.33, (|dice| dice.pareto(1.33)) as fn(&mut Dice) -> f64),
        ("Pareto 0.8", 1.25, |dice| dice.pareto(0.8)),
        ("exponential", 0.0, Dice::exponential),
        ("uniform", -1.0, Dice::uniform),
    ] {
        let mut dice = Dice::new(2);
        let shapes: Vec<f64> =
            (0..50).map(|_| fit(&sample(&mut dice, 10_000, draw), 0.95).unwrap().shape).collect();
        let (mean, error) = mean_and_error(&shapes);
        println!("{name}: {mean:.3} ± {error:.3}, true {shape:.3}");
        assert!((mean - shape).abs() < 0.05 + 3.0 * error, "{name}: {mean}");
    }
}

/// Alarms in a million values of four streams, at q = 10⁻⁴.
fn alarms(draw: fn(&mut Dice) -> f64, accepts: bool) -> usize {
    let mut dice = Dice::new(3);
    let mut n_alarms = 0;
    for _ in 0..4 {
        let mut spot = Spot::new(&sample(&mut dice, 5_000, draw), 0.98, 1e-4).unwrap();
        for _ in 0..250_000 {
            let value = draw(&mut dice);
            if let Verdict::Alarm { .. } = spot.observe(value).unwrap() {
                n_alarms += 1;
                if accepts {
                    spot.accept(value);
                }
            }
        }
        assert!(spot.peaks.len() <= PEAKS_MAX);
    }
    n_alarms
}

#[test]
fn a_stream_alarms_about_as_often_as_wanted() {
    for (name, draw, _) in LAWS {
        let (accepting, refusing) = (alarms(draw, true), alarms(draw, false));
        println!("{name}: {accepting} alarms of 100 wanted, {refusing} if none is accepted");
        assert!((60..170).contains(&accepting), "{name}: {accepting}");
        assert!(refusing > accepting && refusing < 600, "{name}: {refusing}");
    }
}

#[test]
fn a_drain_is_seen_at_once() {
    let mut dice = Dice::new(4);
    let mut spot = Spot::new(&sample(&mut dice, 5_000, Dice::exponential), 0.98, 1e-6).unwrap();
    let Verdict::Alarm { exceedance } = spot.observe(40.0).unwrap() else { panic!("no alarm") };
    assert!(exceedance < 1e-8, "{exceedance}");
}

#[test]
fn a_frozen_limit_cannot_be_moved() {
    let mut dice = Dice::new(5);
    let start = Spot::new(&sample(&mut dice, 5_000, Dice::exponential), 0.98, 1e-4).unwrap();
    let (mut learning, mut frozen) = (start.clone(), start.clone().frozen());
    for _ in 0..2_000 {
        for spot in [&mut learning, &mut frozen] {
            let just_below = spot.limit() * 0.999;
            assert_eq!(spot.observe(just_below), Ok(Verdict::Peak));
        }
    }
    assert_eq!(Some(frozen.limit()), Some(start.limit()));
    assert!(learning.limit() > 1.5 * start.limit(), "the boiling frog: {}", learning.limit());
}

/// The model-free bound fails at most as often as stated, for every law, and is not absurdly high.
#[test]
fn the_order_bound_is_a_guarantee() {
    for (name, draw, survival) in LAWS {
        let mut dice = Dice::new(6);
        let (q, runs) = (0.01, 1_000);
        let (mut n_failed, mut shares) = (0, Vec::new());
        for _ in 0..runs {
            let bound = order_bound(&sample(&mut dice, 1_000, draw), q, 0.95).unwrap();
            n_failed += usize::from(survival(bound) > q);
            shares.push(survival(bound) / q);
        }
        let (mean, _) = mean_and_error(&shares);
        println!("{name}: {n_failed} of {runs} fail, exceeded {mean:.2} times q");
        assert!(n_failed <= 50 && mean > 0.4, "{name}: {n_failed} {mean}");
    }
}

#[test]
fn clopper_pearson() {
    for (n_above, n, wanted) in [(0, 100, 0.029_513), (0, 3_000, 9.98e-4), (5, 100, 0.102_253)] {
        let got = exceedance_bound(n_above, n, 0.95).unwrap();
        assert!((got / wanted - 1.0).abs() < 1e-3, "{n_above} of {n}: {got}");
    }
    // As many as are allowed: the normal approximation of half of them, and the rule of three.
    let half = exceedance_bound(OBSERVATIONS_MAX / 2, OBSERVATIONS_MAX, 0.975).unwrap();
    assert!((half - 0.5 - 0.98 / (OBSERVATIONS_MAX as f64).sqrt()).abs() < 1e-6, "{half}");
    let none = exceedance_bound(0, OBSERVATIONS_MAX, 0.95).unwrap();
    assert!((none * OBSERVATIONS_MAX as f64 - 2.9957).abs() < 1e-3, "{none}");
    assert!(exceedance_bound(0, OBSERVATIONS_MAX + 1, 0.95).is_err());
    assert_eq!(exceedance_bound(7, 7, 0.95), Ok(1.0));
    assert!(exceedance_bound(8, 7, 0.95).is_err() && exceedance_bound(0, 0, 0.95).is_err());
    assert!(exceedance_bound(0, 7, f64::NAN).is_err() && exceedance_bound(0, 7, 1.0).is_err());
}

#[test]
fn too_little_data_is_said_to_be() {
    let values: Vec<f64> = (0..1_000).map(f64::from).collect();
    let said = |error: StatsError| error.to_string();
    assert_eq!(said(fit(&values, 0.98).unwrap_err()), "1000 values are too few: gather 1501 more");
    assert_eq!(
        said(order_bound(&values, 0.001, 0.95).unwrap_err()),
        "1000 values are too few: gather 1995 more"
    );
    assert!(fit(&(0..2_501).map(f64::from).collect::<Vec<_>>(), 0.98).is_ok());
    assert!(order_bound(&(0..2_995).map(f64::from).collect::<Vec<_>>(), 0.001, 0.95).is_ok());
    assert!(fit(&[], 0.9).is_err() && order_bound(&[], 0.1, 0.95).is_err());
    // All the same: no peak is above the threshold, or all peaks are one.
    assert!(fit(&vec![5.0; 5_000], 0.98).is_err());
    let mut steps = vec![1.0; 5_000];
    steps.extend([2.0; 100]);
    assert_eq!(fit(&steps, 0.98), Err(StatsError::NoSpread { what: "peaks" }));
}

#[test]
fn strange_numbers() {
    let good: Vec<f64> = (0..5_000).map(f64::from).collect();
    for bad in [f64::NAN, f64::INFINITY] {
        let mut values = good.clone();
        values.push(bad);
        assert!(fit(&values, 0.98).is_err() && order_bound(&values, 0.1, 0.9).is_err());
        assert!(fit(&good, bad).is_err());
    }
    assert!(fit(&[2.0, 1.0], 0.9).unwrap_err().to_string().contains("sort them first"));
    let tail = fit(&good, 0.98).unwrap();
    for bad in [0.0, -1.0, f64::NAN, 0.02, 1.0] {
        assert!(tail.quantile(bad).is_err(), "{bad}");
    }
    assert!(tail.exceedance(f64::NAN).is_nan());
    assert!(tail.exceedance(f64::NEG_INFINITY) <= 0.021);
    assert!(tail.exceedance(f64::INFINITY) < 1e-12);
    let mut spot = Spot::new(&good, 0.98, 1e-3).unwrap();
    let before = spot.clone();
    assert!(spot.observe(f64::NAN).is_err());
    assert_eq!(spot, before);
    assert!(matches!(spot.observe(f64::INFINITY), Ok(Verdict::Alarm { .. })));
    assert_eq!(spot.observe(f64::NEG_INFINITY), Ok(Verdict::Quiet));
}

proptest! {
    /// Whatever the numbers, the fit is finite or an error, and quantile and exceedance undo each other.
    #[test]
    fn quantiles_and_exceedances_agree(
        spread in 0.01_f64..60.0,
        shift in -1e6_f64..1e6,
        seed in 0_u64..1_000,
    ) {
        let mut dice = Dice::new(seed);
        let values = {
            let mut values: Vec<f64> =
                (0..1_000).map(|_| shift + (spread * dice.normal()).exp()).collect();
            values.sort_by(f64::total_cmp);
            values
        };
        if let Ok(tail) = fit(&values, 0.9) {
            prop_assert!(tail.shape.is_finite() && tail.scale.is_finite() && tail.scale > 0.0);
            let (near, far) = (tail.quantile(1e-3).unwrap(), tail.quantile(1e-6).unwrap());
            prop_assert!(far >= near && near >= tail.threshold);
            if near < f64::MAX && near - tail.threshold > 1e-6 * tail.threshold.abs() {
                prop_assert!((tail.exceedance(near) / 1e-3 - 1.0).abs() < 1e-3);
            }
        }
    }
}
