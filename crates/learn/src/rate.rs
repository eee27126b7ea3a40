//! A rate from a count, with what the count leaves open.

use std::fmt;

use portcullis_detect::novelty::FalseAlarms;

/// Alarms out of transactions, shown as `2 of 1465 (0.14 %, at most 0.43 % with 95 % confidence)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate(pub FalseAlarms);

impl Rate {
    /// The share, 0 to 1; 1 where nothing was judged.
    #[expect(clippy::cast_precision_loss, reason = "counts of transactions, far below 2^53")]
    pub fn share(self) -> f64 {
        if self.0.of == 0 { 1.0 } else { self.0.alarms as f64 / self.0.of as f64 }
    }

    /// The largest share that is not refuted at 95 % (one-sided; Clopper and Pearson, Biometrika 26, 1934): under it,
    /// so few alarms or fewer come in one of 20 samples.
    ///
    /// It takes transactions for independent. They are not: one new router is many alarms or none.
    pub fn upper_bound(self) -> f64 {
        const REFUTED: f64 = 0.05;
        const HALVINGS: u32 = 60;
        if self.0.alarms >= self.0.of {
            return 1.0;
        }
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(low, high);
            if at_most(self.0, middle) > REFUTED {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    }
}

/// Probability of at most `seen.alarms` in `seen.of` at a rate strictly between 0 and 1: sum of binomial terms, each from the
/// one before.
#[expect(clippy::cast_precision_loss, reason = "counts of transactions, far below 2^53")]
fn at_most(seen: FalseAlarms, rate: f64) -> f64 {
    let of = seen.of as f64;
    let odds = (rate / (1.0 - rate)).ln();
    let mut log_term = of * (-rate).ln_1p();
    let mut sum = log_term.exp();
    for k in 1..=seen.alarms {
        let k = k as f64;
        log_term += ((of - k + 1.0) / k).ln() + odds;
        sum += log_term.exp();
    }
    sum
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FalseAlarms { alarms, of } = self.0;
        if of == 0 {
            return f.write_str("unknown, for nothing could be judged");
        }
        let (share, bound) = (100.0 * self.share(), 100.0 * self.upper_bound());
        write!(f, "{alarms} of {of} ({share:.2} %, at most {bound:.2} % with 95 % confidence)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_those_of_the_tables() {
        // No alarm in n: 1 - 0.05^(1/n), about 3/n. One in ten: 0.3942 (Clopper and Pearson).
        for (alarms, of, expected) in [
            (0, 1, 0.95),
            (0, 100, 0.029_513),
            (0, 6_841, 0.000_437_8),
            (1, 10, 0.394_2),
            (2, 1_465, 0.004_291),
            (10, 10, 1.0),
            (0, 0, 1.0),
        ] {
            let bound = Rate(FalseAlarms { alarms, of }).upper_bound();
            assert!((bound - expected).abs() < expected * 1e-2, "{alarms} of {of}: {bound}");
        }
    }

    #[test]
    fn a_rate_names_its_counts() {
        let text = Rate(FalseAlarms { alarms: 2, of: 1_465 }).to_string();
        assert_eq!(text, "2 of 1465 (0.14 %, at most 0.43 % with 95 % confidence)");
        assert!(Rate(FalseAlarms::default()).to_string().starts_with("unknown"));
    }
}
