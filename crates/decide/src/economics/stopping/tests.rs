use proptest::prelude::*;

use super::*;

/// Numbers in `[0, 1)` from a seed: splitmix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// An e-value that is `strong` with probability `rate` without an attack, and small otherwise, so that the mean is 1.
fn binary(rate: f64, strong: f64) -> Vec<(f64, f64)> {
    vec![(strong, rate), ((1.0 - rate * strong) / (1.0 - rate), 1.0 - rate)]
}

/// Cost of a threshold, averaged over seeded runs; the same dice for every threshold.
fn cost(problem: &Stopping, threshold: f64, runs: u64) -> f64 {
    let mut sum = 0.0;
    for run in 0..runs {
        let mut dice = Dice(run.wrapping_mul(0x5851_f42d_4c95_7f2d));
        let (mut state, mut attacked, mut cost) = (Shiryaev::new(problem.rho), false, 0.0);
        while state.posterior() < threshold {
            // An attack that goes on into another step costs.
            cost += if attacked { problem.per_step } else { 0.0 };
            attacked |= dice.roll() < problem.rho;
            let mut rest = dice.roll();
            let seen = problem.e_values.iter().find(|(e_value, probability)| {
                rest -= if attacked { e_value * probability } else { *probability };
                rest < 0.0
            });
            let (e_value, _) = seen.or(problem.e_values.last()).copied().unwrap();
            state.observe(e_value);
        }
        sum += if attacked { cost } else { problem.false_stop };
    }
    sum / runs as f64
}

#[test]
fn the_recursion_is_bayes_rule() {
    let mut state = Shiryaev::new(0.1);
    let mut posterior: f64 = 0.0;
    for e_value in [1.0, 3.0, 0.2, 7.0, 0.0] {
        let odds = e_value * (posterior + (1.0 - posterior) * 0.1) / ((1.0 - posterior) * 0.9);
        posterior = odds / (1.0 + odds);
        assert!((state.observe(e_value) - posterior).abs() < 1e-12);
    }
    assert!(state.observe(f64::NAN) > 0.0);
    assert!((state.observe(f64::INFINITY) - 1.0).abs() < f64::EPSILON);
    assert!((state.observe(0.5) - 1.0).abs() < f64::EPSILON, "certainty stays");
}

#[test]
fn no_threshold_beats_the_computed_one() {
    let problems = [
        Stopping { rho: 0.01, false_stop: 100.0, per_step: 5.0, e_values: binary(0.1, 5.0) },
        Stopping { rho: 0.02, false_stop: 50.0, per_step: 1.0, e_values: binary(0.05, 8.0) },
        Stopping { rho: 0.005, false_stop: 20.0, per_step: 10.0, e_values: binary(0.2, 3.0) },
    ];
    for problem in &problems {
        let best = problem.threshold().unwrap();
        let ours = cost(problem, best, 20_000);
        for step in 1..40 {
            let other = f64::from(step) / 40.0;
            let theirs = cost(problem, other, 20_000);
            // Two in a hundred: the standard error of 20,000 runs is about one.
            assert!(ours <= theirs * 1.02, "{best}: {ours}, but {other}: {theirs}; {problem:?}");
        }
        println!("{problem:?}: threshold {best}, cost {ours}");
    }
}

#[test]
fn dearer_false_stops_wait_longer() {
    let problem = |false_stop: f64| Stopping {
        rho: 0.01,
        false_stop,
        per_step: 1.0,
        e_values: binary(0.1, 5.0),
    };
    let thresholds: Vec<f64> =
        [1.0, 10.0, 100.0, 1_000.0].map(|cost| problem(cost).threshold().unwrap()).to_vec();
    assert!(thresholds.windows(2).all(|pair| pair[0] < pair[1]), "{thresholds:?}");
}

#[test]
fn what_is_no_problem_is_refused() {
    let good = Stopping { rho: 0.01, false_stop: 1.0, per_step: 1.0, e_values: binary(0.1, 5.0) };
    for bad in [
        Stopping { rho: 0.0, ..good.clone() },
        Stopping { per_step: -1.0, ..good.clone() },
        Stopping { e_values: vec![(2.0, 1.0)], ..good.clone() },
        Stopping { e_values: Vec::new(), ..good },
    ] {
        assert!(bad.threshold().is_err(), "{bad:?}");
    }
}

proptest! {
    #[test]
    fn posteriors_stay_probabilities(
        rho in 0.0f64..=1.0,
        values in prop::collection::vec(prop_oneof![0.0f64..1e12, Just(f64::INFINITY), Just(f64::NAN)], 0..50),
    ) {
        let mut state = Shiryaev::new(rho);
        for value in values {
            let posterior = state.observe(value);
            prop_assert!((0.0..=1.0).contains(&posterior), "{posterior}");
        }
    }

    #[test]
    fn the_index_is_where_it_is_first_reached(threshold in 0.01f64..0.99, values in prop::collection::vec(0.0f64..20.0, 1..40)) {
        let mut state = Shiryaev::new(0.01);
        let by_hand = values.iter().position(|value| state.observe(*value) >= threshold);
        prop_assert_eq!(stops_at(0.01, threshold, values), by_hand);
    }
}
