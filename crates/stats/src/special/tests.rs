use super::*;

fn near(got: f64, wanted: f64, tolerance: f64) {
    assert!((got - wanted).abs() <= tolerance * wanted.abs().max(1e-12), "{got} is not {wanted}");
}

#[test]
fn ln_gamma_is_the_log_of_a_factorial() {
    let mut ln_factorial = 0.0_f64;
    for n in 1..2_000_u32 {
        assert!(
            (ln_gamma(f64::from(n)) - ln_factorial).abs() < 1e-13 * (10.0 + ln_factorial),
            "{n}"
        );
        ln_factorial += f64::from(n).ln();
    }
    near(ln_gamma(0.5), std::f64::consts::PI.sqrt().ln(), 1e-12);
}

/// P(Beta(k, n−k+1) ≤ x) is the chance of at least k successes in n tries.
#[test]
fn beta_is_the_binomial_tail() {
    for (k, n, x) in [(1_u32, 10_u32, 0.1_f64), (3, 20, 0.3), (20, 20, 0.9), (50, 100, 0.5)] {
        let mut pascal = 1.0_f64;
        let mut tail = 0.0;
        for successes in 0..=n {
            if successes >= k {
                let failures = i32::try_from(n - successes).unwrap();
                tail += pascal * x.powi(successes.cast_signed()) * (1.0 - x).powi(failures);
            }
            pascal *= f64::from(n - successes) / f64::from(successes + 1);
        }
        near(beta_cdf(f64::from(k), f64::from(n - k + 1), x), tail, 1e-10);
    }
    near(beta_cdf(30_000.0, 35_537.0, 30_000.0 / 65_537.0), 0.5, 0.01);
}

#[test]
fn quantiles_undo_distributions() {
    for (a, b) in [(1.0, 50.0), (5.0, 65_532.0), (400.0, 600.0)] {
        for p in [1e-6, 0.05, 0.5, 0.95, 1.0 - 1e-6] {
            near(beta_cdf(a, b, beta_quantile(p, a, b)), p, 1e-9);
        }
    }
    // None of n above: 1 − δ^(1/n), the rule of three.
    near(beta_quantile(0.95, 1.0, 100.0), 1.0 - 0.05_f64.powf(0.01), 1e-12);
    for (p, z) in [(0.5, 0.0), (0.025, 1.959_963_985), (1e-9, 5.997_807_015)] {
        assert!((normal_upper_quantile(p) - z).abs() < 1e-8, "{p}");
        assert!((normal_upper_quantile(1.0 - p) + z).abs() < 1e-6, "{p}");
    }
    near(normal_tail(2.999_999_999), normal_tail(3.0), 1e-7);
}

#[test]
fn strange_arguments_do_no_harm() {
    for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -1.0] {
        let _ = (beta_cdf(1.0, 1.0, x), beta_quantile(x, 1.0, 1.0), normal_upper_quantile(x));
        let _ = (beta_cdf(x, 1.0, 0.5), normal_tail(x));
    }
    assert!(normal_upper_quantile(f64::NAN).is_nan());
    assert!(normal_upper_quantile(0.0) > 37.0);
}
