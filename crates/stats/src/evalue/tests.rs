use proptest::prelude::*;

use super::*;
use crate::testing::{Dice, mean_and_error};

fn e(value: f64) -> EValue {
    EValue::new(value).unwrap()
}

#[test]
fn only_finite_numbers_from_zero_on_are_e_values() {
    for good in [0.0, -0.0, 1e-308, 1.0, 1e300] {
        assert!(EValue::new(good).is_ok(), "{good}");
    }
    for bad in [-1e-9, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(EValue::new(bad).is_err(), "{bad}");
        assert!(EValue::from_p(bad, 0.5).is_err(), "{bad}");
        assert!(EValue::from_p_mixed(bad).is_err(), "{bad}");
        assert!(EValue::from_p(0.5, bad).is_err(), "{bad}");
    }
    assert_eq!(EValue::from_p(0.0, 0.5).unwrap(), EValue::MAX);
    assert_eq!(EValue::from_p_mixed(0.0).unwrap(), EValue::MAX);
    assert!(EValue::from_p(0.5, 1.0).is_err());
}

#[test]
fn fusing() {
    assert_eq!(EValue::mean(&[]), EValue::NONE);
    assert_eq!(EValue::product(&[]), EValue::NONE);
    assert_eq!(EValue::mean(&[e(0.0), e(10.0)]), e(5.0));
    assert!((EValue::mean(&[EValue::MAX; 1000]).get() / 1e300 - 1.0).abs() < 1e-12);
    assert_eq!(EValue::product(&[EValue::MAX, EValue::MAX]), EValue::MAX);
    assert_eq!(EValue::product(&[EValue::MAX, EValue::MAX, e(0.0)]), e(0.0));
    assert!((EValue::product(&[e(4.0), e(0.5)]).get() - 2.0).abs() < 1e-12);
    assert_eq!(EValue::weighted_mean(&[(e(8.0), 1.0), (e(0.0), 3.0)]).unwrap(), e(2.0));
    for weights in [[0.0, 0.0], [f64::NAN, 1.0], [-1.0, 2.0], [f64::INFINITY, 1.0]] {
        let values = weights.map(|weight| (EValue::NONE, weight));
        assert!(EValue::weighted_mean(&values).is_err(), "{weights:?}");
    }
    assert!((e(1000.0).p() - 0.001).abs() < 1e-15);
    assert!(e(0.0).p() >= 1.0);
}

/// The calibrators' integrals over a uniform p are 1 (by the midpoint rule in ln p, where they are smooth).
#[test]
fn calibrated_p_values_have_mean_one() {
    let integral = |calibrate: &dyn Fn(f64) -> f64| {
        let step = 1e-3;
        let parts = (0..2_000_000).map(|i| {
            let p = (-(f64::from(i) + 0.5) * step).exp();
            calibrate(p) * p * step
        });
        parts.take_while(|part| *part > 1e-300).sum::<f64>()
    };
    for kappa in [0.1, 0.5, 0.9] {
        let mean = integral(&|p| EValue::from_p(p, kappa).unwrap().get());
        assert!((mean - 1.0).abs() < 1e-3, "{kappa}: {mean}");
    }
    // Its tail falls as 1/|ln p|: what lies beyond p = e⁻⁷⁰⁰ is 1/700 of it.
    let mean = integral(&|p| EValue::from_p_mixed(p).unwrap().get());
    assert!(mean <= 1.0 && mean > 0.995, "{mean}");
}

/// Five detectors that look at the very same thing: the average keeps its promise, the product breaks it.
#[test]
fn the_average_is_valid_under_dependence_and_the_product_is_not() {
    let mut dice = Dice::new(1);
    let (mut averages, mut products) = (Vec::new(), Vec::new());
    for _ in 0..200_000 {
        let value = EValue::from_p(dice.uniform(), 0.8).unwrap();
        averages.push(EValue::mean(&[value; 5]).get());
        products.push(EValue::product(&[value; 5]).get());
    }
    let (mean, error) = mean_and_error(&averages);
    assert!((mean - 1.0).abs() < 4.0 * error, "{mean} ± {error}");
    assert!(mean_and_error(&products).0 > 2.0);
}

proptest! {
    #[test]
    fn fusion_stays_an_e_value_between_the_extremes(
        values in prop::collection::vec(0.0_f64..1e300, 1..20),
    ) {
        let values: Vec<EValue> = values.into_iter().map(e).collect();
        let mean = EValue::mean(&values).get();
        let most = values.iter().map(|value| value.get()).fold(0.0, f64::max);
        let least = values.iter().map(|value| value.get()).fold(f64::MAX, f64::min);
        prop_assert!(mean <= most * (1.0 + 1e-12) && mean >= least * (1.0 - 1e-12));
        prop_assert!(EValue::new(EValue::product(&values).get()).is_ok());
    }

    #[test]
    fn smaller_p_values_are_stronger(p in 1e-300_f64..1.0, kappa in 0.01_f64..0.99) {
        let smaller = p / 2.0;
        prop_assert!(EValue::from_p(smaller, kappa).unwrap() >= EValue::from_p(p, kappa).unwrap());
        prop_assert!(EValue::from_p_mixed(smaller).unwrap() >= EValue::from_p_mixed(p).unwrap());
    }
}
