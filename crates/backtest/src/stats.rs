//! Percentiles, and how far a rate can be trusted.

/// The error that a 95 % interval leaves on each of its two sides.
const TAIL: f64 = 0.025;
/// Halvings of the interval [0, 1]: more than a float can tell apart.
const BISECTIONS_MAX: u32 = 60;

/// The nearest-rank percentile: the smallest value that at least `percent` of all values do not exceed. None of nothing.
pub fn percentile(values: &[i64], percent: u8) -> Option<i64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * usize::from(percent.min(100))).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

/// The two-sided 95 % interval of Clopper and Pearson (Biometrika 26, 1934) for a rate of which `hits` of `trials` were
/// seen: whatever the true rate is, the interval holds it in at least 95 of 100 such counts. No trial says nothing: [0, 1].
pub fn clopper_pearson(hits: u64, trials: u64) -> (f64, f64) {
    let hits = hits.min(trials);
    let lower = if hits == 0 {
        0.0
    } else {
        // P(X ≥ hits) grows with the rate.
        bisect(|rate| 1.0 - at_most(hits - 1, trials, rate) < TAIL)
    };
    let upper =
        if hits == trials { 1.0 } else { bisect(|rate| at_most(hits, trials, rate) > TAIL) };
    (lower, upper)
}

/// The rate at which `is_below` turns from true to false.
fn bisect(is_below: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    for _ in 0..BISECTIONS_MAX {
        let middle = f64::midpoint(low, high);
        if is_below(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// P(X ≤ hits) of a binomial distribution, `rate` inside (0, 1). Terms are summed as logarithms, since the first of
/// them is smaller than any float where there are many trials.
fn at_most(hits: u64, trials: u64, rate: f64) -> f64 {
    let (log_rate, log_rest) = (rate.ln(), (-rate).ln_1p());
    let mut log_choices = 0.0_f64;
    let (mut peak, mut sum) = (f64::NEG_INFINITY, 0.0_f64);
    for count in 0..=hits {
        if count > 0 {
            log_choices += ((trials - count + 1) as f64).ln() - (count as f64).ln();
        }
        let term = log_choices + count as f64 * log_rate + (trials - count) as f64 * log_rest;
        if term > peak {
            sum = sum * (peak - term).exp() + 1.0;
            peak = term;
        } else {
            sum += (term - peak).exp();
        }
    }
    (peak.exp() * sum).min(1.0)
}

/// `part` of `whole`; none of nothing.
pub fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// A share in percent with two decimals.
pub fn percent(share: f64) -> f64 {
    (share * 10_000.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same by definition, from factors instead of logarithms.
    fn at_most_by_definition(hits: u64, trials: u64, rate: f64) -> f64 {
        let mut sum = 0.0;
        for count in 0..=hits {
            let mut term = 1.0;
            for step in 0..count {
                term *= (trials - step) as f64 / (step + 1) as f64 * rate;
            }
            sum += term * (1.0 - rate).powf((trials - count) as f64);
        }
        sum
    }

    #[test]
    fn published_intervals_are_met() {
        // 0 of n has the closed form 1 - 0.025^(1/n).
        let cases = [
            (0, 6_841, 0.0, 1.0 - 0.025_f64.powf(1.0 / 6_841.0)),
            (0, 10, 0.0, 0.308_497),
            (1, 10, 0.002_529, 0.445_016),
            (5, 10, 0.187_086, 0.812_914),
            (10, 10, 0.691_503, 1.0),
            (0, 0, 0.0, 1.0),
        ];
        for (hits, trials, lower, upper) in cases {
            let (l, u) = clopper_pearson(hits, trials);
            assert!(
                (l - lower).abs() < 1e-5 && (u - upper).abs() < 1e-5,
                "{hits}/{trials} {l} {u}"
            );
        }
        assert!((clopper_pearson(0, 6_841).1 - 0.000_539).abs() < 1e-6);
        let (lower, upper) = clopper_pearson(50_000, 1_000_000);
        assert!(lower > 0.0495 && upper < 0.0505, "{lower} {upper}");
    }

    proptest! {
        #[test]
        fn percentiles_are_what_their_definition_says(
            values in prop::collection::vec(-1_000i64..1_000, 1..60),
            wanted in 1u8..=100,
        ) {
            let found = percentile(&values, wanted).unwrap();
            let enough = |value: i64| {
                let below = values.iter().filter(|other| **other <= value).count();
                below * 100 >= values.len() * usize::from(wanted)
            };
            let naive = values.iter().copied().filter(|value| enough(*value)).min();
            prop_assert_eq!(Some(found), naive);
        }

        #[test]
        fn the_interval_leaves_the_tails_outside(trials in 1u64..80, seed in 0u64..1_000) {
            let hits = seed % (trials + 1);
            let (lower, upper) = clopper_pearson(hits, trials);
            prop_assert!(lower <= hits as f64 / trials as f64);
            prop_assert!(upper >= hits as f64 / trials as f64);
            if hits < trials {
                prop_assert!((at_most_by_definition(hits, trials, upper) - TAIL).abs() < 1e-6);
            }
            if hits > 0 {
                let more = 1.0 - at_most_by_definition(hits - 1, trials, lower);
                prop_assert!((more - TAIL).abs() < 1e-6);
            }
            let (_, wider) = clopper_pearson(hits, trials + 1);
            prop_assert!(wider <= upper + 1e-9, "more trials with as many hits lower the bound");
        }
    }

    #[test]
    fn nothing_has_no_percentile_and_no_share() {
        assert_eq!(percentile(&[], 50), None);
        assert_eq!(share(0, 0), None);
    }
}
