use proptest::prelude::*;

use super::*;
use crate::testing::Dice;

/// A random walk in steps of 0.1, seen by two observers at random times, by the second one `lag` late.
fn pair(dice: &mut Dice, lag: f64, noise: f64) -> (Series, Series) {
    let mut walk = vec![0.0];
    for at in 0..20_000 {
        walk.push(walk[at] + dice.normal());
    }
    let mut observe = |every: f64, late: f64| {
        let (mut times, mut values) = (Vec::new(), Vec::new());
        let mut time = 100.0;
        while time < 1_900.0 {
            times.push(time);
            values.push(walk[((time - late) * 10.0) as usize] + noise * dice.normal());
            time += every * dice.exponential();
        }
        Series::new(&times, &values).unwrap()
    };
    (observe(0.5, 0.0), observe(0.8, lag))
}

#[test]
fn the_lag_is_found() {
    let lags: Vec<f64> = (-40..=40).map(|at| f64::from(at) * 0.5).collect();
    let mut dice = Dice::new(1);
    for lag in [-12.0, -1.0, 0.0, 3.0, 15.0] {
        let (x, y) = pair(&mut dice, lag, 0.5);
        let all = over_lags(&x, &y, &lags).unwrap();
        let best = strongest(&all).unwrap();
        println!("lag {lag}: {best:?}");
        assert!((best.lag - lag).abs() <= 0.5, "{lag}: {best:?}");
        assert!(best.correlation > 0.5, "{best:?}");
        let elsewhere = all.iter().filter(|one| (one.lag - lag).abs() > 4.0);
        assert!(elsewhere.map(|one| one.correlation.abs()).fold(0.0, f64::max) < 0.25);
    }
}

#[test]
fn overlaps_by_hand() {
    let x = Series::new(&[0.0, 1.0, 3.0], &[0.0, 1.0, 3.0]).unwrap();
    let y = Series::new(&[0.0, 2.0, 3.0], &[0.0, 5.0, 12.0]).unwrap();
    // (0,1]·(0,2] + (1,3]·(0,2] + (1,3]·(2,3] = 1·5 + 2·5 + 2·7; a shared end is no overlap.
    for (lag, wanted) in [(0.0, 29.0), (1.0, 19.0), (-2.5, 10.0), (3.0, 0.0), (-3.0, 0.0)] {
        let got = hayashi_yoshida(&x, &y, lag).map(|one| one.covariation);
        assert_eq!(got, Ok(wanted), "{lag}");
    }
    let same = hayashi_yoshida(&x, &x, 0.0).unwrap();
    assert!((same.covariation - 5.0).abs() + (same.correlation - 1.0).abs() < 1e-12, "{same:?}");
    // Of several at one time the last counts.
    let doubled = Series::new(&[0.0, 0.0, 1.0, 3.0], &[9.0, 0.0, 1.0, 3.0]).unwrap();
    assert_eq!(doubled, x);
}

#[test]
fn strange_series() {
    for (times, values) in [
        (vec![], vec![]),
        (vec![0.0], vec![1.0]),
        (vec![0.0, 1.0], vec![1.0]),
        (vec![0.0, 1.0], vec![1.0, f64::NAN]),
        (vec![0.0, f64::INFINITY], vec![1.0, 2.0]),
        (vec![1.0, 0.0], vec![1.0, 2.0]),
        (vec![0.0, 1.0], vec![1.0, 1.0]),
        (vec![1.0, 1.0], vec![1.0, 2.0]),
        (vec![0.0, 1.0], vec![-1e308, 1e308]),
    ] {
        assert!(Series::new(&times, &values).is_err(), "{times:?} {values:?}");
    }
    let x = Series::new(&[0.0, 1.0], &[0.0, 1.0]).unwrap();
    assert!(hayashi_yoshida(&x, &x, f64::NAN).is_err());
    assert!(
        over_lags(&x, &x, &[]).is_err() && over_lags(&x, &x, &vec![0.0; LAGS_MAX + 1]).is_err()
    );
    assert_eq!(strongest(&[]), None);
    assert!(symbols(&[f64::NAN], 0.1).is_err() && symbols(&[0.0], -0.1).is_err());
    let steps = symbols(&vec![0.0; 150], 0.0).unwrap();
    assert!(transfer_entropy(&steps[..99], &steps[..99]).is_err());
    assert!(transfer_entropy(&steps, &steps[1..]).is_err());
    assert_eq!(transfer_entropy(&steps, &steps), Ok(0.0));
    for (block, shuffles) in [(0, 99), (76, 99), (5, 0), (5, 10_000)] {
        assert!(transfer_test(&steps, &steps, block, shuffles, 1).is_err());
    }
    // Nothing moves: nothing is found.
    assert_eq!(transfer_test(&steps, &steps, 5, 99, 1).map(|test| test.p), Ok(1.0));
}

/// A source with memory, and a target that copies its last step with some probability.
fn linked(dice: &mut Dice, n: usize, copies: f64) -> (Vec<Symbol>, Vec<Symbol>) {
    const ALL: [Symbol; 3] = [Symbol::Down, Symbol::Still, Symbol::Up];
    let (mut source, mut target) = (vec![Symbol::Still], vec![Symbol::Still]);
    for at in 0..n - 1 {
        let (before, own) = (source[at], target[at]);
        source.push(if dice.chance(0.5) { before } else { ALL[dice.below(3)] });
        let free = if dice.chance(0.5) { own } else { ALL[dice.below(3)] };
        target.push(if dice.chance(copies) { before } else { free });
    }
    (source, target)
}

#[test]
fn transfer_has_a_direction_and_a_size() {
    let mut dice = Dice::new(2);
    let (source, target) = linked(&mut dice, 5_000, 0.3);
    let there = transfer_test(&source, &target, 50, 199, 7).unwrap();
    let back = transfer_test(&target, &source, 50, 199, 7).unwrap();
    println!("there {there:?}, back {back:?}");
    assert_eq!(there, transfer_test(&source, &target, 50, 199, 7).unwrap());
    assert!(there.p <= 0.005 && there.entropy > 20.0 * there.by_chance);
    assert!(back.p > 0.05);
    // Copied always: what is unknown of a uniform source step, given the target's present one.
    let (source, target) = linked(&mut dice, 50_000, 1.0);
    let (stays, moves) = (0.5_f64 + 0.5 / 3.0, 0.5_f64 / 3.0);
    let unknown = -stays * stays.ln() - 2.0 * moves * moves.ln();
    assert!((transfer_entropy(&source, &target).unwrap() - unknown).abs() < 0.01);
}

/// Without a link, and both with memory, p-values are not too small.
#[test]
fn p_values_of_unlinked_series_hold() {
    let mut dice = Dice::new(3);
    let runs = 400;
    let mut n_small = [0; 2];
    for run in 0..runs {
        let (source, target) = linked(&mut dice, 1_000, 0.0);
        let p = transfer_test(&source, &target, 25, 99, run).unwrap().p;
        n_small[0] += usize::from(p <= 0.05);
        n_small[1] += usize::from(p <= 0.2);
    }
    println!("{n_small:?} of {runs} at 0.05 and 0.2");
    assert!(n_small[0] <= 33 && n_small[1] <= 104, "{n_small:?}");
    assert!(n_small[1] >= 50, "not useless: {n_small:?}");
}

proptest! {
    /// Two pointers see what all pairs see.
    #[test]
    fn two_pointers_are_enough(
        x in prop::collection::vec((0_u8..9, -5.0_f64..5.0), 2..40),
        y in prop::collection::vec((0_u8..9, -5.0_f64..5.0), 2..40),
        lag in -99_i8..99,
    ) {
        let series = |steps: &[(u8, f64)]| {
            let mut time = 0.0;
            let times: Vec<f64> = steps
                .iter()
                .map(|(gap, _)| {
                    time += f64::from(*gap);
                    time
                })
                .collect();
            let values: Vec<f64> = steps.iter().map(|(_, value)| *value).collect();
            Series::new(&times, &values)
        };
        let (Ok(x), Ok(y)) = (series(&x), series(&y)) else { return Ok(()) };
        let lag = f64::from(lag);
        let mut all = 0.0;
        for a in &x.moves {
            for b in &y.moves {
                if a.from < b.to - lag && b.from - lag < a.to {
                    all += a.by * b.by;
                }
            }
        }
        let got = hayashi_yoshida(&x, &y, lag).unwrap().covariation;
        prop_assert!((got - all).abs() < 1e-9 * (1.0 + all.abs()), "{got} {all}");
        let mirrored = hayashi_yoshida(&y, &x, -lag).unwrap().covariation;
        prop_assert!((got - mirrored).abs() < 1e-9 * (1.0 + got.abs()), "{got} {mirrored}");
    }
}
