use proptest::prelude::*;

use super::*;
use crate::testing::{Dice, mean_and_error};

fn e(values: &[f64]) -> Vec<EValue> {
    values.iter().map(|&value| EValue::new(value).unwrap()).collect()
}

#[test]
fn the_largest_e_values_are_rejected() {
    // K/(αk) at α = 0.1, K = 4: 40, 20, 13.3, 10.
    for (values, rejected) in [
        (vec![39.9, 1.0, 1.0, 1.0], vec![]),
        (vec![40.0, 1.0, 1.0, 1.0], vec![0]),
        (vec![1.0, 20.0, 0.0, 20.0], vec![1, 3]),
        (vec![10.0, 10.0, 10.0, 10.0], vec![0, 1, 2, 3]),
        (vec![15.0, 15.0, 15.0, 0.0], vec![0, 1, 2]),
        (vec![], vec![]),
    ] {
        assert_eq!(e_bh(&e(&values), 0.1).unwrap(), rejected, "{values:?}");
    }
    let p = [0.01, 0.04, 0.03, 0.5, 0.02];
    assert_eq!(benjamini_hochberg(&p, 0.05).unwrap(), [0, 1, 2, 4]);
    assert_eq!(benjamini_yekutieli(&p, 0.05).unwrap(), Vec::<usize>::new());
    assert_eq!(benjamini_yekutieli(&[0.001, 0.9], 0.05).unwrap(), [0]);
    for bad in [f64::NAN, -0.1, 1.1, f64::INFINITY] {
        assert!(benjamini_hochberg(&[0.1, bad], 0.1).is_err(), "{bad}");
        assert!(e_bh(&[], bad).is_err(), "{bad}");
    }
}

/// Fifty hypotheses, ten false, all driven by one common shock and, in the second kind, against one another.
#[test]
fn the_false_discovery_rate_is_kept_under_dependence() {
    let alpha = 0.2;
    for kind in ["independent", "one shock", "opposed"] {
        let mut dice = Dice::new(1);
        let (mut by_e, mut by_yekutieli, mut found) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..5_000 {
            let shock = dice.normal();
            let p: Vec<f64> = (0..50)
                .map(|i| {
                    let own = dice.normal();
                    let noise = match kind {
                        "independent" => own,
                        "one shock" => 0.9_f64.sqrt() * shock + 0.1_f64.sqrt() * own,
                        _ if i % 2 == 0 => shock,
                        _ => -shock,
                    };
                    crate::special::normal_tail(noise + if i < 10 { 4.0 } else { 0.0 })
                })
                .collect();
            let calibrated: Vec<EValue> =
                p.iter().map(|&p| EValue::from_p(p, 0.3).unwrap()).collect();
            let share = |rejected: Vec<usize>| {
                let n_false = rejected.iter().filter(|&&at| at >= 10).count();
                (n_false as f64 / rejected.len().max(1) as f64, (rejected.len() - n_false) as f64)
            };
            let (proportion, n_found) = share(e_bh(&calibrated, alpha).unwrap());
            by_e.push(proportion);
            found.push(n_found);
            by_yekutieli.push(share(benjamini_yekutieli(&p, alpha).unwrap()).0);
        }
        let (e, error) = mean_and_error(&by_e);
        let (y, _) = mean_and_error(&by_yekutieli);
        let (found, _) = mean_and_error(&found);
        println!("{kind}: e-BH {e:.3} ± {error:.3} with {found:.1} of 10, BY {y:.3}");
        assert!(e <= alpha && y <= alpha, "{kind}: {e} {y}");
        assert!(found > 4.0, "{kind}: not useless: {found}");
    }
}

/// The worst case for e-values: all true, one of them K/α with probability α, never two at once.
#[test]
fn the_worst_case_is_met_exactly() {
    let mut dice = Dice::new(2);
    let runs = 100_000;
    let mut n_false = 0;
    for _ in 0..runs {
        let mut values = [0.0; 20];
        if dice.chance(0.1) {
            values[dice.below(20)] = 200.0;
        }
        n_false += usize::from(!e_bh(&e(&values), 0.1).unwrap().is_empty());
    }
    let rate = n_false as f64 / f64::from(runs);
    assert!((rate - 0.1).abs() < 0.003, "{rate}");
}

proptest! {
    #[test]
    fn rejections_follow_the_definition(
        values in prop::collection::vec(0.0_f64..200.0, 0..40),
        alpha in 0.01_f64..1.0,
    ) {
        let rejected = e_bh(&e(&values), alpha).unwrap();
        let n = values.len() as f64;
        let limit = n / (alpha * rejected.len().max(1) as f64);
        for (at, value) in values.iter().enumerate() {
            if rejected.contains(&at) {
                prop_assert!(*value >= limit * (1.0 - 1e-12));
            }
        }
        // One more would not do.
        let mut sorted = values.clone();
        sorted.sort_by(|a, b| b.total_cmp(a));
        for (before, value) in sorted.iter().enumerate().skip(rejected.len()) {
            prop_assert!(*value < n / (alpha * (before + 1) as f64) * (1.0 + 1e-12));
        }
    }
}
