use proptest::prelude::*;

use super::*;
use crate::{
    edetector::Watch,
    testing::{Dice, mean_and_error},
};

/// The time of the next event after `from`, by Ogata's thinning.
fn next(process: &Hawkes, from: f64, dice: &mut Dice) -> f64 {
    let mut time = from;
    loop {
        // The rate only falls until the next event.
        let most = process.intensity(time);
        time += dice.exponential() / most;
        if dice.uniform() * most < process.intensity(time) {
            return time;
        }
    }
}

fn simulate(process: &mut Hawkes, n: usize, dice: &mut Dice) -> Vec<f64> {
    let mut times = vec![0.0];
    process.restart();
    process.observe(0.0).unwrap();
    while times.len() < n {
        let time = next(process, times[times.len() - 1], dice);
        process.observe(time).unwrap();
        times.push(time);
    }
    times
}

#[test]
fn parameters_are_found_again() {
    for (background, branching, decay) in [(0.01, 0.0, 1.0), (0.5, 0.5, 2.0), (2.0, 0.9, 30.0)] {
        let mut dice = Dice::new(1);
        let mut process = Hawkes::new(background, branching, decay).unwrap();
        let mut found = Vec::new();
        for _ in 0..6 {
            let fitted = fit(&simulate(&mut process, 3_000, &mut dice)).unwrap();
            found.push([fitted.background(), fitted.branching(), fitted.decay()]);
        }
        let mean = |at: usize| found.iter().map(|one| one[at]).sum::<f64>() / 6.0;
        println!("{background} {branching} {decay}: {:.4} {:.3} {:.3}", mean(0), mean(1), mean(2));
        assert!((mean(1) - branching).abs() < 0.04, "{found:?}");
        if branching > 0.0 {
            assert!((mean(0) / background - 1.0).abs() < 0.25, "{found:?}");
            assert!((mean(2) / decay - 1.0).abs() < 0.15, "{found:?}");
        }
    }
}

#[test]
fn residuals_are_exponential_under_the_true_model() {
    let mut dice = Dice::new(2);
    let mut process = Hawkes::new(0.2, 0.8, 1.0).unwrap();
    let times = simulate(&mut process, 20_000, &mut dice);
    process.restart();
    let mut p_values: Vec<f64> =
        times.iter().filter_map(|&time| process.observe(time).unwrap()).map(sooner_p).collect();
    p_values.sort_by(f64::total_cmp);
    let n = p_values.len() as f64;
    // Kolmogorov–Smirnov against the uniform: 1.95/√n is exceeded once in a thousand.
    let distance = p_values
        .iter()
        .enumerate()
        .map(|(at, p)| (p - (at as f64 + 0.5) / n).abs())
        .fold(0.0, f64::max);
    println!("distance {distance:.4}, of {:.4}", 1.95 / n.sqrt());
    assert!(distance < 1.95 / n.sqrt(), "{distance}");
    // Between events on average one is expected.
    let rate = n / times[times.len() - 1];
    assert!((rate / process.mean_rate().unwrap() - 1.0).abs() < 0.1, "{rate}");
}

/// Residuals bet on by an e-detector: the promised run length is kept, and a surge is seen.
#[test]
fn a_surge_is_seen_and_bursts_of_the_model_are_not() {
    let mut dice = Dice::new(3);
    let quiet = Hawkes::new(0.2, 0.5, 1.0).unwrap();
    let mut lengths = Vec::new();
    let mut delays = Vec::new();
    for _ in 0..100 {
        let (mut process, mut time) = (quiet, 0.0);
        let mut bets = SurgeBets::new(Watch::ShiryaevRoberts { arl: 500.0 }).unwrap();
        let mut length = 1_u32;
        loop {
            time = next(&process, time, &mut dice);
            let residual = process.observe(time).unwrap();
            if residual.is_some_and(|r| bets.observe(r).unwrap().is_alarm()) {
                break;
            }
            length += 1;
            if length == 10_000 {
                break;
            }
        }
        lengths.push(f64::from(length));

        // 5 events per unit of time, where 0.4 are usual. The model follows by half: the rest is the surprise.
        bets.restart();
        let mut delay = 1_u32;
        loop {
            time += 0.2 * dice.exponential();
            let residual = process.observe(time).unwrap().unwrap();
            if bets.observe(residual).unwrap().is_alarm() {
                break;
            }
            delay += 1;
        }
        delays.push(f64::from(delay));
    }
    let (length, error) = mean_and_error(&lengths);
    let (delay, _) = mean_and_error(&delays);
    println!("run length {length:.0} ± {error:.0}, delay {delay:.1}");
    assert!(length >= 500.0, "{length}");
    assert!(delay < 60.0, "{delay}");
}

#[test]
fn strange_numbers() {
    for bad in [f64::NAN, -1.0, f64::INFINITY] {
        assert!(Hawkes::new(bad, 0.5, 1.0).is_err(), "{bad}");
        assert!(Hawkes::new(1.0, bad, 1.0).is_err(), "{bad}");
        assert!(Hawkes::new(1.0, 0.5, bad).is_err(), "{bad}");
    }
    let mut process = Hawkes::new(1.0, 0.5, 1.0).unwrap();
    assert_eq!(process.observe(5.0), Ok(None));
    assert_eq!(process.observe(5.0), Ok(Some(0.0)));
    let before = process;
    for bad in [4.9, f64::NAN, f64::INFINITY] {
        assert!(process.observe(bad).is_err(), "{bad}");
    }
    assert_eq!(process, before);
    let mut bets = SurgeBets::new(Watch::Cusum { arl: 100.0 }).unwrap();
    assert!(bets.observe(f64::NAN).is_err() && bets.observe(-1.0).is_err());
    assert!(bets.observe(f64::INFINITY).unwrap().level <= 0.0);
    assert!(process.intensity(f64::NAN).is_nan() && sooner_p(f64::NAN).is_nan());
    assert_eq!((sooner_p(0.0), sooner_p(-1.0), sooner_p(f64::INFINITY)), (0.0, 0.0, 1.0));
    assert_eq!(Hawkes::new(1.0, 1.2, 1.0).unwrap().mean_rate(), None);
    assert_eq!(fit(&[1.0; 60]).unwrap_err().to_string(), "60 events are too few: gather 40 more");
    assert_eq!(fit(&[1.0; 200]), Err(StatsError::NoSpread { what: "times" }));
    assert!(fit(&vec![1.0; EVENTS_MAX + 1]).is_err());
    let mut times: Vec<f64> = (0..200).map(f64::from).collect();
    times.swap(7, 8);
    assert_eq!(fit(&times), Err(StatsError::OutOfOrder { what: "times", place: 8 }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    /// Whatever the times, a fit is a process within its limits.
    #[test]
    fn fits_stay_within_limits(
        gaps in prop::collection::vec(prop_oneof![Just(0.0), 1e-6_f64..1e6], 120..200),
    ) {
        let mut time = 0.0;
        let times: Vec<f64> = gaps.iter().map(|gap| { time += gap; time }).collect();
        if let Ok(process) = fit(&times) {
            prop_assert!(process.background() > 0.0 && process.decay() > 0.0);
            prop_assert!((0.0..=BRANCHING_MAX).contains(&process.branching()));
        }
    }
}
